"""Distributions over actions. All that the learner knows of actions is in here."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from gymnasium.spaces import Box, Discrete, Space

from palaestra_agents.config import ContinuousConfig
from palaestra_agents.gaussian import DiagonalGaussian
from palaestra_agents.kernels import categorical


class ActionDistribution(Protocol):
    """A family of distributions; `parameters` (B, num_parameters) come from the actor's head."""

    num_parameters: int
    free_parameters: tuple[float, ...]
    """First values of those of them that do not depend on what is seen; they come last."""

    def to_world(self, actions: torch.Tensor) -> torch.Tensor:
        """Actions as the world takes them."""
        ...

    def allocate(self, steps: int, num_envs: int, device: torch.device) -> torch.Tensor:
        """Storage for a rollout's actions."""
        ...

    def noise(self, steps: int, num_envs: int, generator: torch.Generator) -> torch.Tensor:
        """The random numbers for `steps` calls of `sample`, drawn at once."""
        ...

    def sample(self, parameters: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Actions (B, ...), as a function of the parameters and one step's noise."""
        ...

    def mode(self, parameters: torch.Tensor) -> torch.Tensor:
        """The most probable actions."""
        ...

    def log_prob(self, parameters: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """(B,)."""
        ...

    def log_prob_and_entropy(
        self, parameters: torch.Tensor, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B,) each."""
        ...


class Categorical:
    """One of a number of actions; the parameters are their logits."""

    free_parameters: tuple[float, ...] = ()

    def __init__(self, space: Discrete) -> None:
        if space.start != 0:
            raise ValueError(f"actions are numbered from {space.start}, but this agent numbers them from 0")
        self.num_parameters = int(space.n)

    def to_world(self, actions: torch.Tensor) -> torch.Tensor:
        return actions

    def allocate(self, steps: int, num_envs: int, device: torch.device) -> torch.Tensor:
        return torch.zeros(steps, num_envs, dtype=torch.int64, device=device)

    def noise(self, steps: int, num_envs: int, generator: torch.Generator) -> torch.Tensor:
        """Standard Gumbel numbers: adding them to the logits and taking the largest samples exactly."""
        draws = torch.empty(steps, num_envs, self.num_parameters, device=generator.device)
        return draws.exponential_(generator=generator).log_().neg_()

    def sample(self, parameters: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        return (parameters + noise).argmax(dim=1)

    def mode(self, parameters: torch.Tensor) -> torch.Tensor:
        return parameters.argmax(dim=1)

    def log_prob(self, parameters: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        return categorical(parameters, actions)[0]

    def log_prob_and_entropy(
        self, parameters: torch.Tensor, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return categorical(parameters, actions)


def action_distribution(
    space: Space[Any], config: ContinuousConfig | None = None, device: torch.device | None = None
) -> ActionDistribution:
    """The distribution for an action space.

    Args:
        space: of one environment.
        config: of continuous actions; None: its defaults.
        device: where they are computed; None: the CPU.

    Raises:
        ValueError: there is none for it.
    """
    if isinstance(space, Discrete):
        return Categorical(space)
    if isinstance(space, Box):
        return DiagonalGaussian(space, config or ContinuousConfig(), device or torch.device("cpu"))
    raise ValueError(f"PPO chooses discrete actions, or numbers of a box, and this world's actions are {space}")
