"""Which task each environment has, in worlds without an engine of ours, and the streams that levels are made with."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.batches import NO_TASK, assigned_rows, cumulative_weights, new_seed, seeds_by_row

_FORMAT = 1
_LEVEL, _DRAW = 0, 1


class TaskRows:
    """Tasks by row: row -1 is the world's own task, then come those to draw from, then those assigned.

    Streams are counted, not stored: what an episode draws depends on its environment's seed and on how many episodes
    it has begun, so that they can be written down as two numbers.
    """

    def __init__(self, num_envs: int, task_space: type[Task], own: Task) -> None:
        self.num_envs = num_envs
        self.task_space = task_space
        self.rows = np.full(num_envs, NO_TASK, np.int32)
        """(num_envs,) the running task of each environment."""
        self._own = own
        self._own_levels: dict[int | None, Task] = {}
        self._bank: list[Task] = []
        self._assigned: list[Task] = []
        self._cumulative = np.zeros(0)
        self._next = np.full(num_envs, NO_TASK, np.int32)
        self._seeds = np.zeros(num_envs, np.int64)
        self._episodes = np.zeros(num_envs, np.int64)
        self._seeded = False

    def task(self, row: int) -> Any:
        """The task of a row."""
        return self._own if row == NO_TASK else (self._bank + self._assigned)[row]

    @property
    def seeds(self) -> NDArray[np.int64]:
        """(num_envs,) what each environment was seeded with last."""
        return self._seeds

    @property
    def episodes(self) -> NDArray[np.int64]:
        """(num_envs,) how many episodes each environment has begun since it was seeded, the running one included."""
        return self._episodes

    def running(self, index: int) -> Any:
        """The running task of one environment."""
        return self.task(int(self.rows[index]))

    def shown_rows(self) -> NDArray[np.int32]:
        """(num_envs,) rows as `infos["episode"]["task"]` counts them."""
        return self.rows.copy()

    def seed(self, seed: int | Sequence[int | None] | None, chosen: NDArray[np.bool_]) -> None:
        """Begins the streams of the chosen environments: seed + i, or seed[i]; None goes on with them.

        Raises:
            ValueError: another number of seeds than of environments, or one that is no integer from 0 on.
        """
        if seed is None and self._seeded:
            return
        if seed is None:
            seed = new_seed()
        for i, number in seeds_by_row(seed, self.num_envs, chosen).items():
            self._seeds[i], self._episodes[i] = number, 0
        self._seeded = True

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Gives the environments `rows` the task of the episode that begins: assigned, drawn, or their own."""
        for i in rows:
            self._episodes[i] += 1
            if self._next[i] != NO_TASK:
                self.rows[i] = self._next[i]
                self._next[i] = NO_TASK
            elif len(self._cumulative):
                chance = self._random(int(i), _DRAW).random()
                self.rows[i] = min(int(np.searchsorted(self._cumulative, chance, "right")), len(self._bank) - 1)
            else:
                self.rows[i] = NO_TASK

    def level_random(self, index: int) -> np.random.Generator:
        """The stream that the running episode's first state is drawn with."""
        level = self.running(index).level_seed
        if level is not None:
            return np.random.Generator(np.random.PCG64(np.random.SeedSequence([level, 1, _LEVEL])))
        return self._random(index, _LEVEL)

    def _random(self, index: int, purpose: int) -> np.random.Generator:
        key = [int(self._seeds[index]), int(self._episodes[index]), purpose]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None) -> None:
        """See `World.draw_from`."""
        cumulative = np.zeros(0) if tasks is None else cumulative_weights(weights, len(tasks))
        self._replace(self._checked(tasks or ()), [])
        self._cumulative = cumulative

    def assign(self, tasks: Sequence[Task | None]) -> None:
        """See `World.assign`."""
        given, rows = assigned_rows(tasks, self.num_envs, len(self._bank))
        self._replace(self._bank, self._checked(given))
        self._next[:] = rows

    def _replace(self, bank: list[Any], assigned: list[Any]) -> None:
        """New lists of tasks; those that are still running keep a row of their own behind them."""
        running = [None if row == NO_TASK else self.task(int(row)) for row in self.rows]
        self._bank, self._assigned = bank, list(assigned)
        self._next[:] = NO_TASK
        for i, task in enumerate(running):
            if task is None:
                continue
            known = self._bank + self._assigned
            self.rows[i] = next((row for row, other in enumerate(known) if other is task), len(known))
            if self.rows[i] == len(known):
                self._assigned.append(task)

    def _checked(self, tasks: Sequence[Task]) -> list[Any]:
        for number, task in enumerate(tasks):
            if not isinstance(task, self.task_space):
                raise TaskError(
                    f"task {number} is a {type(task).__name__}, this world takes {self.task_space.__name__}"
                )
        return [self._in_level(task) for task in tasks]

    def _in_level(self, task: Any) -> Any:
        """The own task in the level of a task that sets nothing else, as evaluations do; any other as it is."""
        if not task.model_fields_set <= {"level_seed"}:
            return task
        # The same object each time: running tasks are found again by what they are.
        return self._own_levels.setdefault(
            task.level_seed, self._own.model_copy(update={"level_seed": task.level_seed})
        )

    # ------------------------------------------------------------------------------------------ snapshots

    def pack(self, identity: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
        """The tasks with a world's `arrays`, as a zip of plain arrays and JSON."""
        header = {
            "format": _FORMAT,
            "identity": identity,
            "bank": [task.model_dump(mode="json") for task in self._bank],
            "assigned": [task.model_dump(mode="json") for task in self._assigned],
        }
        stream = io.BytesIO()
        text = np.frombuffer(json.dumps(header).encode(), np.uint8)
        np.savez(stream, allow_pickle=False, header=text, **arrays, **self._own_arrays(), cumulative=self._cumulative)
        return stream.getvalue()

    def unpack(self, data: bytes, identity: dict[str, Any]) -> dict[str, NDArray[Any]]:
        """Takes over the tasks of a snapshot and gives the world's arrays.

        Raises:
            ValueError: the bytes are no snapshot, or one of another world.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            header = json.loads(arrays.pop("header").tobytes())
            found, version = header["identity"], header["format"]
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(f"these bytes are no snapshot of a world: {error}") from error
        if version != _FORMAT or found != identity:
            raise ValueError(f"the snapshot is of another world: {found} in format {version} instead of {identity}")
        self._bank = [self.task_space.model_validate(task) for task in header["bank"]]
        self._assigned = [self.task_space.model_validate(task) for task in header["assigned"]]
        self._cumulative = arrays["cumulative"]
        for name, array in self._own_arrays().items():
            array[...] = arrays[name]
        self._seeded = True
        return arrays

    def _own_arrays(self) -> dict[str, NDArray[Any]]:
        return {"rows": self.rows, "next": self._next, "seeds": self._seeds, "episodes": self._episodes}
