"""Bonus for what happens for the first time in an episode, the greater the fewer episodes it happened in.

For worlds that show what was done so far as numbers that are 0 or 1, such as Crafter's achievements. A task that pays
the same for everything that it counts is learned from what is easy; the rare thing that a policy did once is soon
forgotten. As counts pay 1/sqrt(n) for observations, this pays 1/sqrt(share of episodes) - 1: nothing for what is done
in every episode, 1 for what is done in a quarter of them, 4 in one of 25.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field

from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.groups import ALONE, Group
from palaestra_agents.intrinsic import IntrinsicConfig, IntrinsicReward, check_shapes


class FirstsConfig(IntrinsicConfig):
    """Bonus for what is rarely done."""

    kind: Literal["firsts"] = "firsts"  # pyright: ignore[reportIncompatibleVariableOverride]
    coefficient: float = Field(default=1.0, ge=0, description="Weight of its advantage beside the task's (1).")
    gamma: float = Field(default=0.95, ge=0, le=1, description="Discount of the intrinsic return.")
    episodic: bool = Field(default=True, description="Whether the intrinsic return ends with the episode.")
    most: float = Field(default=4.0, gt=0, description="Largest bonus, which what was never done before earns.")


class Firsts(IntrinsicReward):
    """Counts in how many episodes each of the numbers that `of` names became positive.

    Raises:
        ValueError: the numbers are not between 0 and 1, or an image.
    """

    Config = FirstsConfig
    shares = True

    def __init__(
        self,
        config: FirstsConfig,
        encoder: ObservationEncoder,
        num_envs: int,
        device: torch.device,
        seed: int,
        group: Group = ALONE,
    ) -> None:
        super().__init__(config, encoder, num_envs, device, seed, group)
        self.config: FirstsConfig = config
        if self.view.image_size or (self.view.low < 0).any() or (self.view.high > 1).any():
            raise ValueError(
                "intrinsic reward 'firsts' needs numbers that are 0 or 1; name the part of the observation that says "
                "what was done, e.g. `of: [unlocked]` in Crafter"
            )
        self.before = torch.zeros(self.share.count, self.view.size, dtype=torch.bool, device=device)
        """What was done so far in each running episode."""
        self.done = torch.zeros(self.view.size, dtype=torch.float64, device=device)
        """In how many episodes."""
        self.episodes = torch.full((), float(num_envs), dtype=torch.float64, device=device)
        """That began."""

    def reward(self, reached: Encoded, ended: torch.Tensor) -> torch.Tensor:
        """The bonus of everything that was done first in each step; float32 (T, N)."""
        done = self.view.rows(reached.flatten()).view(*ended.shape, -1) > 0
        before = torch.cat([self.before[None], done[:-1]])
        before[1:] &= ~ended[:-1, :, None]
        first = done & ~before
        share = ((self.done + 1) / (self.episodes + 1)).clamp(max=1)
        bonus = (share.rsqrt() - 1).clamp(max=self.config.most).float()
        self.before = done[-1] & ~ended[-1][:, None]
        self.done += self.group.sum_(first.sum(dim=(0, 1)))
        self.episodes += self.group.sum_(ended.sum())
        return first.float() @ bonus

    def state_dict(self) -> dict[str, Any]:
        before = self.group.gather(self.before, 0)
        return {"before": before.clone(), "done": self.done.clone(), "episodes": self.episodes.clone()}

    def check(self, state: dict[str, Any]) -> None:
        check_shapes("firsts", self.state_dict(), {k: state[k] for k in ("before", "done", "episodes") if k in state})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.before = state["before"][self.share.columns].to(self.before).clone()
        self.done = state["done"].to(self.done).clone()
        self.episodes = state["episodes"].to(self.episodes).clone()
