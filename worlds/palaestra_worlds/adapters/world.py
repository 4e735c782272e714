"""What worlds have in common that come from another library: episodes, tasks that are levels, successes."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Text
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from palaestra_worlds.adapters.pictures import picture_of
from palaestra_worlds.adapters.settings import AdapterSettings
from palaestra_worlds.base import Task, World
from palaestra_worlds.batches import FinalObservations, checked_mask
from palaestra_worlds.task_rows import TaskRows

STATE = "state"
"""What an observation is called that has no name of its own."""


class AdaptedWorld(World):
    """A batch of another library's environments.

    **Observations**: a dict; one that is no dict in the library is {"state": ...}. Pictures are (height, width,
    channels), whatever they are there.
    **Actions, rewards, ends**: the library's. An episode that ended begins anew in the same step.
    **Levels**: level s is what the library gives on the first reset with seed s.
    **Success**: what the environment reports as such at the end; else a return of at least `success_return`, or of the
    threshold that the environment is registered with. Where there is none of these no episode succeeds.
    """

    def __init__(self, id: str, num_envs: int, settings: AdapterSettings) -> None:
        """
        Raises:
            ValueError: num_envs is no number from 1 on, the library cannot make the environment, or its observations
                or actions are of a kind that worlds do not have.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}; must be at least 1")
        self.id = id
        self.name = id.partition(":")[2]
        self.num_envs = num_envs
        self.settings = settings
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": ["rgb_array"]}
        self.render_mode = "rgb_array"
        observed, acted, threshold = self._open()
        self._threshold = threshold if settings.success_return is None else settings.success_return
        self._parts = _parts(id, observed)
        self._turned = {key for key, part in self._parts.items() if _has_channels_first(part)}
        shown = {key: _with_channels_last(part) if key in self._turned else part for key, part in self._parts.items()}
        self.single_observation_space = Dict(shown)
        self.single_action_space = _checked_action_space(id, acted)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._tasks = TaskRows(num_envs, self.task_space, self.task_space())
        self._steps = np.zeros(num_envs, np.int32)
        self._return = np.zeros(num_envs)
        self._seen: dict[str, Any] = {key: _storage(part, num_envs) for key, part in shown.items()}
        self._reported: dict[int, bool] = {}
        self._seeded = False

    # ------------------------------------------------------------------------------------------ a library says

    @abstractmethod
    def _open(self) -> tuple[Space[Any], Space[Any], float | None]:
        """Makes what can be made before the first reset: single spaces, and the return that counts as success.

        Raises:
            ValueError: the library cannot make the environment.
        """

    @abstractmethod
    def _start(self, rows: Sequence[int]) -> None:
        """Begins an episode in these environments, of the tasks and seeds in `_tasks`, and calls `_see`."""

    @abstractmethod
    def _advance(self, actions: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Steps all environments, none of which has ended, and calls `_see`, and `_report` for successes that the
        library tells of; rewards, terminated, truncated, each (num_envs,)."""

    @abstractmethod
    def _saved(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What `_load` needs: JSON-able values, and arrays by names that begin with an underscore."""

    @abstractmethod
    def _load(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Sequence[int]:
        """Goes back to what `_saved` saw, as far as that can be done, and calls `_see`; tasks, steps and observations
        are there already. Gives the environments that have begun a new episode."""

    def _drawn(self, index: int) -> NDArray[np.uint8] | None:
        """The library's own picture (height, width, 3); None where it has none."""
        return None

    # ------------------------------------------------------------------------------------------ gymnasium

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        chosen = checked_mask(options, self.num_envs)
        if not self._seeded and not chosen.all():
            raise ValueError("the first reset must be of all environments")
        self._tasks.seed(seed, chosen)
        self._seeded = True
        self._begin(np.flatnonzero(chosen))
        return self._returned(), {}

    def step(
        self, actions: Any
    ) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """
        Raises:
            ValueError: actions that are not in the action space's form; or `reset` was not called yet.
        """
        checked = self._checked(actions)
        self._reported.clear()
        rewards, terminated, truncated = self._advance(checked)
        self._steps += 1
        self._return += rewards
        infos: dict[str, Any] = {"lesson_reward": np.zeros(self.num_envs, np.float32)}
        ended = terminated | truncated
        if ended.any():
            infos |= self._ended(ended)
            self._begin(np.flatnonzero(ended))
        return self._returned(), rewards, terminated, truncated, infos

    def observe(self) -> dict[str, Any]:
        return self._returned()

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        return tuple(self.render_frame(i) for i in range(self.num_envs))

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        """The library's own picture; else the picture that the agent sees, or its numbers as bars."""
        drawn = self._drawn(index)
        return picture_of({key: part[index] for key, part in self._seen.items()}) if drawn is None else drawn

    # ------------------------------------------------------------------------------------------ tasks and state

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        self._tasks.draw_from(tasks, weights)

    def assign(self, tasks: Sequence[Task | None]) -> None:
        self._tasks.assign(tasks)

    def describe(self, index: int) -> str:
        lines = [f"{self.id}, step {self._steps[index]}, return so far {self._return[index]:.6g}.", "It sees:"]
        lines += [f"  {key}: {_in_words(part[index])}" for key, part in self._seen.items()]
        return "\n".join([*lines, f"Its actions are {self.single_action_space}."])

    def snapshot(self) -> bytes:
        if not self._seeded:
            raise ValueError("call reset before snapshot")
        values, arrays = self._saved()
        text = np.frombuffer(json.dumps(values).encode(), np.uint8)
        return self._tasks.pack(self._identity(), {**self._counts(), **arrays, "_values": text})

    def restore(self, data: bytes) -> None:
        arrays = self._tasks.unpack(data, self._identity())
        for name, array in self._counts().items():
            array[...] = arrays[name]
        self._seeded = True
        restarted = self._load(json.loads(arrays["_values"].tobytes()), arrays)
        self.restarted = tuple(int(i) for i in restarted)
        self._steps[list(self.restarted)], self._return[list(self.restarted)] = 0, 0.0

    # ------------------------------------------------------------------------------------------ internals

    def _identity(self) -> dict[str, Any]:
        return {"world": self.id, "num_envs": self.num_envs}

    def _counts(self) -> dict[str, NDArray[Any]]:
        return {"steps": self._steps, "return": self._return}

    def _begin(self, rows: NDArray[np.intp]) -> None:
        self._tasks.begin(rows)
        self._start(rows.tolist())
        self._steps[rows], self._return[rows] = 0, 0.0

    def _level(self, index: int) -> int | None:
        """The level of the running task; None for an episode of the environment's own stream."""
        return self._tasks.running(index).level_seed

    def _see(self, rows: Sequence[int] | NDArray[np.intp], observed: Any, batched: bool = True) -> None:
        """Keeps observations as the library gives them, of several environments or of the only one in `rows`."""
        parts = observed if isinstance(observed, dict) else {STATE: observed}
        for key, stored in self._seen.items():
            part = parts[key]
            if isinstance(stored, list):
                stored[rows[0]] = str(part)
                continue
            if key in self._turned:
                part = np.moveaxis(np.asarray(part), -3, -1)
            if batched:
                stored[rows] = np.reshape(part, (len(rows), *stored.shape[1:]))
            else:
                stored[rows[0]] = part

    def _report(self, index: int, info: dict[str, Any]) -> None:
        """Keeps what an environment says about its success, as gymnasium's robots and Meta-World do."""
        for name in ("is_success", "success"):
            if name in info:
                self._reported[index] = bool(info[name])

    def _checked(self, actions: Any) -> NDArray[Any]:
        space, single = self.action_space, self.single_action_space
        checked = np.asarray(actions)
        wanted = "iu" if single.dtype is not None and np.dtype(single.dtype).kind in "iu" else "iuf"
        if checked.shape != space.shape or checked.dtype.kind not in wanted:
            raise ValueError(f"actions must be in {space}, not {checked.dtype} of shape {checked.shape}")
        if isinstance(single, Discrete) and not ((checked >= single.start) & (checked < single.start + single.n)).all():
            raise ValueError(f"actions must lie in {single.start}..{single.start + single.n - 1}, not {checked}")
        if not np.isfinite(checked).all():
            raise ValueError("actions must be finite numbers")
        if not self._seeded:
            raise ValueError("call reset before step")
        return checked.astype(single.dtype, copy=False)

    def _returned(self) -> dict[str, Any]:
        copied = self.settings.copy_observations
        return {
            key: tuple(part) if isinstance(part, list) else part.copy() if copied else part
            for key, part in self._seen.items()
        }

    def _ended(self, ended: NDArray[np.bool_]) -> dict[str, Any]:
        last = {key: list(part) if isinstance(part, list) else part.copy() for key, part in self._seen.items()}
        reached = np.zeros(self.num_envs, np.bool_)
        if self._threshold is not None:
            reached = self._return >= self._threshold
        for i, success in self._reported.items():
            reached[i] = success if self.settings.success_return is None else reached[i]
        episode = {
            "return": self._return.copy(),
            "length": self._steps.copy(),
            "success": reached & ended,
            "task": self._tasks.shown_rows(),
            "lesson_progress": np.zeros(self.num_envs, np.int32),
        }
        final = FinalObservations(last, ended)
        return {"final_obs": final, "_final_obs": ended, "episode": episode, "_episode": ended}


# ---------------------------------------------------------------------------------------------- spaces


def _parts(id: str, space: Space[Any]) -> dict[str, Space[Any]]:
    parts = dict(space.spaces) if isinstance(space, Dict) else {STATE: space}
    for key, part in parts.items():
        if not isinstance(part, Box | Discrete | MultiBinary | MultiDiscrete | Text):
            raise ValueError(
                f"{id}: observation {key!r} is a {type(part).__name__}, which a world cannot have; register the "
                "environment in gymnasium.wrappers.FlattenObservation, and give that one's id"
            )
    return parts


def _checked_action_space(id: str, space: Space[Any]) -> Space[Any]:
    if not isinstance(space, Box | Discrete | MultiBinary | MultiDiscrete):
        raise ValueError(f"{id}: its actions are a {type(space).__name__}, which a world cannot have")
    return space


def _has_channels_first(space: Space[Any]) -> bool:
    """Whether a space is of pictures whose few channels, or frames, come before height and width."""
    if not isinstance(space, Box) or len(space.shape) != 3 or space.dtype != np.uint8:
        return False
    first, height, width = space.shape
    return first <= 16 < min(height, width)


def _with_channels_last(space: Any) -> Box:
    low, high = (np.moveaxis(bound, 0, -1) for bound in (space.low, space.high))
    return Box(low, high, dtype=space.dtype)


def _storage(space: Any, num_envs: int) -> NDArray[Any] | list[str]:
    if isinstance(space, Text):
        return [""] * num_envs
    return np.zeros((num_envs, *space.shape), space.dtype)


def _in_words(part: Any) -> str:
    if isinstance(part, np.ndarray) and part.dtype == np.uint8 and part.ndim == 3:
        return f"a picture of {part.shape[0]} x {part.shape[1]} pixels"
    if isinstance(part, np.ndarray):
        return np.array2string(part, precision=4, threshold=200, max_line_width=110).replace("\n", "\n    ")
    return str(part)
