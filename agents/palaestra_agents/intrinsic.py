"""What an intrinsic reward is, and the ones that can be had by name.

A plug-in adds one by an entry point in the group `palaestra.intrinsic_rewards`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, ClassVar

import torch
from palaestra_worlds.registry import Registry, unknown
from pydantic import Field

from palaestra_agents.base import AgentConfig
from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.groups import ALONE, Group
from palaestra_agents.views import View

BUILT_IN = {
    "rnd": "palaestra_agents.rnd:RND",
    "counts": "palaestra_agents.counts:Counts",
    "firsts": "palaestra_agents.firsts:Firsts",
}
INTRINSIC_REWARDS = Registry("palaestra.intrinsic_rewards", "intrinsic reward")


class IntrinsicConfig(AgentConfig):
    """What every intrinsic reward has."""

    changeable = frozenset({"coefficient", "gamma"})
    kind: str
    coefficient: float = Field(default=0.5, ge=0, description="Weight of its advantage beside the task's (1).")
    gamma: float = Field(default=0.99, ge=0, le=1, description="Discount of the intrinsic return.")
    episodic: bool = Field(default=False, description="Whether the intrinsic return ends with the episode.")
    of: tuple[str, ...] = Field(
        default=(), description="Keys of the observation whose novelty pays, e.g. [pose]; none: all but subgoals."
    )


class IntrinsicReward(ABC):
    """A reward for novelty, computed once per rollout on the observations that the actions led to.

    The critic has a value head of its own for it, discounted by `config.gamma`.

    Args:
        config: settings.
        encoder: reads observations.
        num_envs: environments of all processes of the group.
        device: where it is computed.
        seed: of its random numbers.
        group: processes that learn together, each with its share of the environments.
    """

    Config: ClassVar[type[IntrinsicConfig]]
    shares: ClassVar[bool] = False
    """Whether it can be computed by several processes; only then it is given their `group`."""

    def __init__(
        self,
        config: Any,
        encoder: ObservationEncoder,
        num_envs: int,
        device: torch.device,
        seed: int,
        group: Group = ALONE,
    ) -> None:
        self.config = config
        self.group = group
        self.share = group.share(num_envs)
        self.view = View(encoder, config.of)

    @abstractmethod
    def reward(self, reached: Encoded, ended: torch.Tensor) -> torch.Tensor:
        """Rewards of one rollout, after updating what is known about the observations.

        Args:
            reached: the observation after each step, (T, N) leading; at an episode's end its last one.
            ended: bool (T, N): the episode ended with this step.

        Returns:
            float32 (T, N).
        """

    def learn(self, reached: Encoded) -> dict[str, float]:
        """Trains on the same observations; returns metrics by name."""
        return {}

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly."""

    @abstractmethod
    def check(self, state: dict[str, Any]) -> None:
        """Raises ValueError with a full sentence unless `load_state_dict` can take this over."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave."""


def check_shapes(kind: str, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Compares named tensors or arrays of a saved intrinsic reward with one's own.

    Raises:
        ValueError: they are not of the same names and shapes.
    """
    for name in sorted(mine.keys() | theirs.keys()):
        here, there = (tuple(part[name].shape) if name in part else "absent" for part in (mine, theirs))
        if here != there:
            raise ValueError(
                f"the saved agent has another intrinsic reward than '{kind}' here, or other settings of it: '{name}' "
                f"is {there} there and {here} here; use the settings and the world that it was trained with"
            )


def intrinsic_kind(name: str) -> type[IntrinsicReward]:
    """The intrinsic reward of this name.

    Raises:
        UnknownName: there is none; the message gives the nearest.
        BrokenPlugin: the entry point cannot be loaded.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return getattr(import_module(module), attribute)
    known = sorted({*BUILT_IN, *INTRINSIC_REWARDS.names()})
    if name not in known:
        raise unknown("intrinsic reward", name, known)
    return INTRINSIC_REWARDS.load(name)


def parse_intrinsic(value: Any) -> Any:
    """Turns `rnd` or `{kind: rnd, ...}` into the settings of that kind; for pydantic fields."""
    if isinstance(value, IntrinsicConfig):
        return value
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise ValueError("an intrinsic reward is given by its name or by a mapping with a 'kind'")
    return intrinsic_kind(value["kind"]).Config.model_validate(value)
