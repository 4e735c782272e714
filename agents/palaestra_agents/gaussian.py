"""Continuous actions: a normal distribution for each number of an action, by itself."""

from __future__ import annotations

import math

import numpy as np
import torch
from gymnasium.spaces import Box
from torch.nn import functional

from palaestra_agents.config import ContinuousConfig

_LOG_ROOT_OF_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_QUADRATURE_POINTS = 24


class DiagonalGaussian:
    """Independent normal distributions, one for each number of a continuous action.

    The parameters are the means and the logarithms of the deviations, in units in which the action space is [-1, 1].
    Actions are kept as drawn: `to_world` brings them into bounds, by clipping (whose probability the policy does not
    know of, as is usual in PPO) or by tanh (whose logarithm of the slope is taken off the log-probability).
    Probabilities and entropies are in the actions' own units.

    Raises:
        ValueError: the space has no bounds.
    """

    def __init__(self, space: Box, config: ContinuousConfig, device: torch.device) -> None:
        if len(space.shape) != 1 or not space.is_bounded():
            raise ValueError(f"continuous actions must be numbers in a row with bounds, and this world's are {space}")
        self.config = config
        self.size = int(space.shape[0])
        self.num_parameters = 2 * self.size
        initial = math.log(config.initial_deviation)
        self.shift = 0.0 if config.deviation == "free" else initial
        self.free_parameters = (initial,) * self.size if config.deviation == "free" else ()
        self.squashed = config.bounds == "squashed"
        self.bounds = math.log(config.least_deviation), math.log(config.most_deviation)
        low, high = (torch.as_tensor(bound, dtype=torch.float32, device=device) for bound in (space.low, space.high))
        self.low, self.half = low, (high - low) / 2
        self.log_volume = self.half.log().sum()
        points, weights = np.polynomial.hermite_e.hermegauss(_QUADRATURE_POINTS)
        self.points = torch.as_tensor(points, dtype=torch.float32, device=device)
        self.weights = torch.as_tensor(weights / weights.sum(), dtype=torch.float32, device=device)

    def to_world(self, actions: torch.Tensor) -> torch.Tensor:
        within = actions.tanh() if self.squashed else actions.clamp(-1.0, 1.0)
        return self.low + self.half * (within + 1.0)

    def allocate(self, steps: int, num_envs: int, device: torch.device) -> torch.Tensor:
        return torch.zeros(steps, num_envs, self.size, device=device)

    def noise(self, steps: int, num_envs: int, generator: torch.Generator) -> torch.Tensor:
        """Standard normal numbers."""
        return torch.randn(steps, num_envs, self.size, generator=generator, device=generator.device)

    def sample(self, parameters: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        mean, log_deviation = self._parts(parameters)
        return mean + log_deviation.exp() * noise

    def mode(self, parameters: torch.Tensor) -> torch.Tensor:
        return self._parts(parameters)[0]

    def log_prob(self, parameters: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        mean, log_deviation = self._parts(parameters)
        standard = (actions - mean) * (-log_deviation).exp()
        each = -0.5 * standard.square() - log_deviation - _LOG_ROOT_OF_TWO_PI
        if self.squashed:
            each = each - _log_slope_of_tanh(actions)
        return each.sum(dim=1) - self.log_volume

    def log_prob_and_entropy(
        self, parameters: torch.Tensor, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The entropy of squashed actions has no closed form: Gauss-Hermite quadrature of the slope's logarithm."""
        mean, log_deviation = self._parts(parameters)
        entropy = log_deviation + 0.5 + _LOG_ROOT_OF_TWO_PI
        if self.squashed:
            spread = mean[..., None] + log_deviation.exp()[..., None] * self.points
            entropy = entropy + _log_slope_of_tanh(spread) @ self.weights
        return self.log_prob(parameters, actions), entropy.sum(dim=1) + self.log_volume

    def _parts(self, parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_deviation = parameters.chunk(2, dim=1)
        return mean, (log_deviation + self.shift).clamp(*self.bounds)


def _log_slope_of_tanh(values: torch.Tensor) -> torch.Tensor:
    """log(1 - tanh(x)^2), without cancellation."""
    return 2.0 * (math.log(2.0) - values - functional.softplus(-2.0 * values))
