"""What all worlds do alike whose environments are rows of arrays that kernels step: their frame around the kernels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.base import Task, World
from palaestra_worlds.batches import (
    NO_TASK,
    FinalObservations,
    assigned_rows,
    checked_actions,
    checked_mask,
    drawn_bank,
    new_seed,
    seeds_by_row,
)
from palaestra_worlds.random_streams import seed_streams
from palaestra_worlds.snapshots import pack_arrays, unpack_arrays
from palaestra_worlds.task_tables import ASSIGNED, join_tables


class CompiledWorld(World):
    """Resets, steps, begins anew what has ended, seeds, takes tasks, and makes snapshots.

    Attributes:
        settings: at least `copy_observations`.
        _levels, _lessons: named tuples of arrays with a row for each environment; each has `random`, streams of random
            numbers, unless `_seed_rows` says otherwise.
        _outcome: named tuple of arrays (num_envs,) about the last step: `rewards`, `terminated`, `truncated`, `ended`,
            `running_return`, and of episodes that ended `episode_return`, `episode_length`, `episode_task`; where
            lessons pay also `lesson_reward` and `episode_progress`.
        _bank, _table: tables of tasks (`task_tables`): those that are drawn, and with those that were assigned behind.
    """

    settings: Any
    _levels: Any
    _lessons: Any
    _outcome: Any
    _bank: Any
    _table: Any
    _seeded = False
    _working_space: ClassVar[tuple[str, ...]] = ()
    """Arrays of `_levels` that no snapshot needs."""

    # ------------------------------------------------------------------------------------------ a world says

    @abstractmethod
    def _act(self, actions: NDArray[Any]) -> None:
        """Carries out checked actions, and writes observations and `_outcome`."""

    @abstractmethod
    def _begin(self, chosen: NDArray[np.bool_]) -> None:
        """Begins new episodes, and writes what is seen of them."""

    @abstractmethod
    def _look(self, chosen: NDArray[np.bool_]) -> None:
        """Writes anew what the chosen environments see."""

    @abstractmethod
    def _observed(self, copy: bool) -> dict[str, Any]:
        """Observations as they were last written."""

    @abstractmethod
    def _last_observed(self, copy: bool) -> dict[str, Any]:
        """Observations that episodes ended with, valid where they did."""

    @abstractmethod
    def _episodes(self) -> dict[str, NDArray[Any]]:
        """What there is to say of episodes that ended, beside return, length, task and progress; at least "success"."""

    @abstractmethod
    def _table_of(self, tasks: Sequence[Task]) -> Any:
        """A table with a row for each task."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What two worlds must have in common for one to take the other's snapshots."""

    def _checked_actions(self, actions: Any) -> NDArray[Any]:
        """Raises ValueError."""
        return checked_actions(actions, self.num_envs, self.single_action_space.n)  # pyright: ignore[reportAttributeAccessIssue]

    def _more_infos(self) -> dict[str, Any]:
        """What `infos` hold beside, of resets too."""
        return {}

    def _seed_rows(self, rows: list[int], seeds: list[int]) -> None:
        """Gives environments the random numbers of their seeds."""
        self._levels.random[rows] = seed_streams(seeds)
        self._lessons.random[rows] = seed_streams(seeds, stream=1)

    def _begin_anew(self) -> None:
        """Begins new episodes where one has ended."""
        self._begin(self._outcome.ended)

    # ------------------------------------------------------------------------------------------ gymnasium

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins a new episode in every environment (or where `options["reset_mask"]`, bool (num_envs,), holds).

        Args:
            seed: environment i is seeded with seed + i, or with seed[i]; None goes on with the streams as they are.

        Raises:
            ValueError: as many seeds as environments are needed, each an integer from 0 on; the mask does not fit.
        """
        chosen = checked_mask(options, self.num_envs)
        self._seed(seed, chosen)
        self._begin(chosen)
        return self._observed(self.settings.copy_observations), self._more_infos()

    def step(
        self, actions: Any
    ) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Steps all environments; see `World` for what `infos` holds.

        Raises:
            ValueError: the actions are none of the action space, or `reset` was not called yet.
        """
        checked = self._checked_actions(actions)
        if not self._seeded:
            raise ValueError("call reset before step")
        self._act(checked)
        outcome, copy = self._outcome, self.settings.copy_observations
        rewards, terminated, truncated = outcome.rewards, outcome.terminated, outcome.truncated
        paid = getattr(outcome, "lesson_reward", None)
        if copy:
            rewards, terminated, truncated = rewards.copy(), terminated.copy(), truncated.copy()
            paid = None if paid is None else paid.copy()
        infos: dict[str, Any] = {"lesson_reward": np.zeros(self.num_envs, np.float32) if paid is None else paid}
        if outcome.ended.any():
            infos |= self._ended_infos()
            self._begin_anew()
        return self._observed(copy), rewards, terminated, truncated, infos | self._more_infos()

    def observe(self) -> dict[str, Any]:
        self._look(np.ones(self.num_envs, np.bool_))
        return self._observed(self.settings.copy_observations)

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        return tuple(self.render_frame(i) for i in range(self.num_envs))

    def _ended_infos(self) -> dict[str, Any]:
        outcome, ended = self._outcome, self._outcome.ended.copy()
        progress = getattr(outcome, "episode_progress", None)
        episode = {
            "return": outcome.episode_return.copy(),
            "length": outcome.episode_length.copy(),
            "task": outcome.episode_task.copy(),
            "lesson_progress": np.zeros(self.num_envs, np.int32) if progress is None else progress.copy(),
        }
        final = FinalObservations(self._last_observed(self.settings.copy_observations), ended)
        return {"final_obs": final, "_final_obs": ended, "episode": episode | self._episodes(), "_episode": ended}

    def _seed(self, seed: int | Sequence[int | None] | None, chosen: NDArray[np.bool_]) -> None:
        if seed is None and self._seeded:
            return
        given = seeds_by_row(new_seed() if seed is None else seed, self.num_envs, chosen)
        if given:
            self._seed_rows(list(given), list(given.values()))
        self._seeded = True

    # ------------------------------------------------------------------------------------------ tasks

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        self._bank = self._table = drawn_bank(self._table_of, tasks, weights)
        self._lessons.status[:, ASSIGNED] = NO_TASK

    def assign(self, tasks: Sequence[Task | None]) -> None:
        given, rows = assigned_rows(tasks, self.num_envs, len(self._bank.cumulative))
        self._table = join_tables(self._bank, self._table_of(given))
        self._lessons.status[:, ASSIGNED] = rows

    # ------------------------------------------------------------------------------------------ snapshots

    def _kept_levels(self) -> Any:
        """`_levels` as snapshots hold them."""
        return self._levels

    def _kept(self) -> dict[str, NDArray[Any]]:
        """What snapshots hold besides levels, lessons and tasks."""
        return {"running_return": self._outcome.running_return}

    def _take_kept(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Puts back what `_kept` gave."""
        for name, array in self._kept().items():
            array[...] = arrays[name]

    def snapshot(self) -> bytes:
        groups = {"levels": self._kept_levels(), "lessons": self._lessons, "bank": self._bank, "table": self._table}
        arrays = {
            f"{group}/{name}": array
            for group, values in groups.items()
            for name, array in values._asdict().items()
            if name not in self._working_space
        }
        return pack_arrays(self.identity(), arrays | self._kept())

    def restore(self, data: bytes) -> None:
        arrays = unpack_arrays(data, self.identity())
        for group, values in (("levels", self._levels), ("lessons", self._lessons)):
            for name, array in values._asdict().items():
                if name not in self._working_space:
                    found = arrays[f"{group}/{name}"]
                    # Of rows that are not all in use a snapshot may hold the first alone.
                    array[tuple(map(slice, found.shape))] = found
        self._bank, self._table = (
            type(self._bank)(*(arrays[f"{group}/{name}"] for name in self._bank._fields)) for group in ("bank", "table")
        )
        self._take_kept(arrays)
        self._seeded = True
