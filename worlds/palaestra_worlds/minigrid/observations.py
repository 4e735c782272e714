"""Observation spaces and arrays of a MiniGrid world, in the reference's dict form."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from palaestra_worlds.minigrid.engine import Observations
from palaestra_worlds.minigrid.state import AGENT
from palaestra_worlds.minigrid.tasks import PHRASES, SubgoalForm

SUBGOAL_LENGTH: dict[SubgoalForm | None, int] = {None: 0, "position": 2, "object": 3, "language": 1}


class MissionsSpace(spaces.Space[tuple[str, ...]]):
    """A batch of missions: a tuple of strings, each in the reference's space for one."""

    def __init__(self, single: spaces.Space[str], count: int) -> None:
        super().__init__()
        self.single = single
        self.count = count

    def sample(self, mask: Any = None, probability: Any = None) -> tuple[str, ...]:
        return tuple(self.single.sample() for _ in range(self.count))

    def contains(self, x: Any) -> bool:
        return isinstance(x, tuple) and len(x) == self.count and all(self.single.contains(text) for text in set(x))

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"MissionsSpace({self.single}, {self.count})"


def image_space(observation: str, width: int, height: int, view_size: int) -> spaces.Box:
    """Space of `image`, as the reference or its wrapper declares it."""
    if observation == "partial":
        return spaces.Box(0, 255, (view_size, view_size, 3), np.uint8)
    if observation == "full":
        return spaces.Box(0, 255, (width, height, 3), np.uint8)
    low = np.zeros((width, height, 3), dtype=np.int64)
    low[..., 2] = -1
    high = np.empty_like(low)
    high[...] = (width - 1, height - 1, AGENT)
    return spaces.Box(low, high, dtype=np.int64)  # pyright: ignore[reportArgumentType]


def single_space(image: spaces.Box, mission: spaces.Space[str], form: SubgoalForm | None) -> spaces.Dict:
    """Observation space of one environment."""
    parts: dict[str, spaces.Space[Any]] = {"image": image, "direction": spaces.Discrete(4), "mission": mission}
    if form == "position":
        parts["subgoal"] = spaces.Box(-255, 255, (2,), np.int16)
    elif form == "object":
        parts["subgoal"] = spaces.Box(-1, AGENT, (3,), np.int16)
    elif form == "language":
        parts["subgoal"] = spaces.Box(-1, len(PHRASES) - 1, (1,), np.int16)
    return spaces.Dict(parts)


def batched_space(single: spaces.Dict, num_envs: int) -> spaces.Dict:
    """Observation space of the batch."""
    parts = {
        key: MissionsSpace(space, num_envs) if key == "mission" else batch_space(space, num_envs)
        for key, space in single.spaces.items()
    }
    return spaces.Dict(parts)


def allocate_observations(image: spaces.Box, form: SubgoalForm | None, num_envs: int) -> Observations:
    """Arrays of zeros for the engine to write to."""
    return Observations(
        image=np.zeros((num_envs, *image.shape), dtype=image.dtype),
        direction=np.zeros(num_envs, dtype=np.int64),
        subgoal=np.zeros((num_envs, SUBGOAL_LENGTH[form]), dtype=np.int16),
    )


def as_dict(arrays: Observations, missions: tuple[str, ...], copy: bool) -> dict[str, Any]:
    """The batch in the reference's dict form."""
    found: dict[str, Any] = {"image": arrays.image, "direction": arrays.direction}
    if arrays.subgoal.shape[1]:
        found["subgoal"] = arrays.subgoal
    if copy:
        found = {key: value.copy() for key, value in found.items()}
    found["mission"] = missions
    return found
