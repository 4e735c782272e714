"""Toy worlds whose best returns are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from palaestra_agents.base import AgentInterface
from palaestra_worlds.base import Task, World


class ToyWorld(World):
    """Shows a cue in the first step of an episode and whatever `observe` shows later; pays for the right last action.

    Args:
        length: steps of an episode.
        remind: the cue is shown in every step.
        cut: episodes end by truncation instead of termination.
    """

    id = "Toy"
    cues = 3

    def __init__(self, num_envs: int, length: int = 1, remind: bool = False, cut: bool = False) -> None:
        self.num_envs = num_envs
        self.length, self.remind, self.cut = length, remind, cut
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = Box(0.0, 1.0, (self.cues + 1,), np.float32)
        self.single_action_space = Discrete(self.cues)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.rng = np.random.default_rng(0)
        self.cue = np.zeros(num_envs, dtype=np.int64)
        self.time = np.zeros(num_envs, dtype=np.int64)
        self.total = np.zeros(num_envs)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        self.rng = np.random.default_rng(seed)
        self._begin(np.arange(self.num_envs))
        return self.observe(), {}

    def _begin(self, envs: NDArray[np.int64]) -> None:
        self.cue[envs] = self.rng.integers(self.cues, size=len(envs))
        self.time[envs] = 0
        self.total[envs] = 0

    def step(self, actions: NDArray[np.int64]) -> Any:
        self.time += 1
        ended = self.time == self.length
        rewards = (ended & (actions == self.cue)).astype(np.float64)
        self.total += rewards
        infos: dict[str, Any] = {"lesson_reward": np.zeros(self.num_envs, dtype=np.float32)}
        if ended.any():
            infos["final_obs"] = np.array([*self.observe(), None], dtype=object)[:-1]
            infos["_final_obs"] = infos["_episode"] = ended
            infos["episode"] = {
                "return": self.total.copy(),
                "length": self.time.astype(np.int32),
                "success": self.total > 0,
            }
            self._begin(np.flatnonzero(ended))
        return self.observe(), rewards, ended & (not self.cut), ended & self.cut, infos

    def observe(self) -> Any:
        shown = np.zeros((self.num_envs, self.cues + 1), dtype=np.float32)
        visible = (self.time == 0) | self.remind
        shown[visible, self.cue[visible]] = 1
        shown[:, self.cues] = self.time / self.length
        return shown

    def snapshot(self) -> bytes:
        arrays = {name: getattr(self, name).tolist() for name in ("cue", "time", "total")}
        return json.dumps(arrays | {"rng": self.rng.bit_generator.state}).encode()

    def restore(self, data: bytes) -> None:
        state = json.loads(data)
        self.rng.bit_generator.state = state["rng"]
        self.cue[:], self.time[:], self.total[:] = state["cue"], state["time"], state["total"]

    def draw_from(self, tasks: Sequence[Task] | None, weights: Any = None) -> None:
        raise NotImplementedError

    def assign(self, tasks: Sequence[Task | None]) -> None:
        raise NotImplementedError

    def describe(self, index: int) -> str:
        return f"cue {self.cue[index]}"

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        return np.zeros((1, 1, 3), dtype=np.uint8)


def interface_of(world: World) -> AgentInterface:
    return AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)


@pytest.fixture
def toy_world() -> type[ToyWorld]:
    return ToyWorld


@pytest.fixture
def interface() -> Any:
    """Makes the interface of a world."""
    return interface_of
