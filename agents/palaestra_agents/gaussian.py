"""Continuous actions: a normal distribution for each number of an action, by itself."""

from __future__ import annotations

import math

import numpy as np
import torch
from gymnasium.spaces import Box

FIRST_LOG_DEVIATION = -0.7
"""Logarithm of the standard deviation, in half ranges of the action, where the actor's head gives 0: about 0.5."""
_LOG_DEVIATIONS = (-5.0, 1.0)


class DiagonalGaussian:
    """Actions of a bounded box; the parameters are means and logarithms of standard deviations, in half its ranges.

    Samples may lie beyond the bounds; worlds clip them.
    """

    def __init__(self, space: Box) -> None:
        """
        Raises:
            ValueError: the box has more than one axis, or no bounds.
        """
        if len(space.shape) != 1 or not space.is_bounded():
            raise ValueError(f"continuous actions must be numbers in a row with bounds, and this world's are {space}")
        self._size = int(space.shape[0])
        self.num_parameters = 2 * self._size
        self._middle = torch.as_tensor((0.5 * (space.low + space.high)).astype(np.float32))
        self._half = torch.as_tensor((0.5 * (space.high - space.low)).astype(np.float32))

    def allocate(self, steps: int, num_envs: int, device: torch.device) -> torch.Tensor:
        return torch.zeros(steps, num_envs, self._size, device=device)

    def noise(self, steps: int, num_envs: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(steps, num_envs, self._size, generator=generator, device=generator.device)

    def sample(self, parameters: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        means, log_deviations = self._split(parameters)
        return self._scaled(means + log_deviations.exp() * noise)

    def mode(self, parameters: torch.Tensor) -> torch.Tensor:
        return self._scaled(self._split(parameters)[0])

    def log_prob(self, parameters: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        return self.log_prob_and_entropy(parameters, actions)[0]

    def log_prob_and_entropy(
        self, parameters: torch.Tensor, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        means, log_deviations = self._split(parameters)
        middle, half = self._middle.to(actions.device), self._half.to(actions.device)
        away = ((actions - middle) / half - means) / log_deviations.exp()
        log_prob = (-0.5 * away**2 - log_deviations - half.log() - 0.5 * math.log(2 * math.pi)).sum(dim=1)
        entropy = (log_deviations + half.log() + 0.5 + 0.5 * math.log(2 * math.pi)).sum(dim=1)
        return log_prob, entropy

    def _split(self, parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        means, log_deviations = parameters.split(self._size, dim=1)
        return means, (log_deviations + FIRST_LOG_DEVIATION).clamp(*_LOG_DEVIATIONS)

    def _scaled(self, actions: torch.Tensor) -> torch.Tensor:
        return self._middle.to(actions.device) + self._half.to(actions.device) * actions
