"""Heist as a batched world whose levels a teacher can set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.minigrid.description import name_cell
from palaestra_worlds.minigrid.family import Family
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.heist.examine import problems_of
from palaestra_worlds.minigrid.heist.levels import FAMILY, HeistEnv, pack
from palaestra_worlds.minigrid.heist.settings import HeistSettings
from palaestra_worlds.minigrid.heist.tasks import COLORS, HeistTask
from palaestra_worlds.minigrid.lessons import TaskTable, allocate_table
from palaestra_worlds.minigrid.state import REGISTER_A
from palaestra_worlds.minigrid.world import MiniGridWorld
from palaestra_worlds.random_streams import seed_streams

LEVELS_EXAMINED = 4
"""Levels that are generated and looked at to see whether an environment holds what it promises."""


class HeistWorld(MiniGridWorld):
    """A batch of Heist levels: the original's, or those that a teacher has set.

    Args:
        id: "Heist".
        num_envs: environments that step together.
        settings: see `HeistSettings`.
    """

    task_space = HeistTask

    def __init__(self, id: str, num_envs: int, settings: HeistSettings) -> None:
        self._original = settings
        self.objectives = (
            *(f"{color} {thing}" for color in COLORS[: settings.doors] for thing in ("key", "door")),
            "gem",
        )
        self.about = (
            f"The original levels are {settings.size} x {settings.size} cells with {settings.doors} doors"
            f"{': ' + ', '.join(COLORS[: settings.doors]) if settings.doors else ''}, in this order."
        )
        super().__init__(id, num_envs, settings)

    def _make_reference(self) -> Any:
        return HeistEnv(**self._original.keywords())

    def _find_family(self) -> Family | None:
        return FAMILY

    def _make_task_compiler(self) -> Callable[[Sequence[Task]], TaskTable]:
        return self._table_of

    # ------------------------------------------------------------------------------------------ tasks

    def complete(self, task: Task) -> HeistTask:
        """The task with what it leaves out as in the original.

        Raises:
            TaskError: it is no `HeistTask`, or there is no room for it; the message says what is in the way.
        """
        if not isinstance(task, HeistTask) and type(task) is not Task:
            raise TaskError(f"a Heist world takes HeistTask, not {type(task).__name__}")
        given = task if isinstance(task, HeistTask) else HeistTask(level_seed=task.level_seed)
        size = self._original.size if given.size is None else given.size
        doors = COLORS[: self._original.doors] if given.doors is None else given.doors
        keys = doors if given.keys is None else given.keys
        if size > self._original.size:
            raise TaskError(f"size {size} is more than the original's, {self._original.size}")
        if size < 2 * len(doors) + 3:
            raise TaskError(f"{len(doors)} doors need a size of at least {2 * len(doors) + 3}, not {size}")
        first = [color for color in keys if color not in doors[1:]]
        if doors and len(first) + 1 > size - 2:
            raise TaskError(f"a level of size {size} may have no room for {len(first)} keys in the first room")
        return given.model_copy(update={"size": size, "doors": doors, "keys": keys})

    def _table_of(self, tasks: Sequence[Task]) -> TaskTable:
        table = allocate_table(len(tasks))
        for row, task in enumerate(tasks):
            full = self.complete(task)
            assert full.size is not None
            table.settings[row] = pack(full.size, full.doors or (), full.keys or (), full.carrying)
        seeds = {row: task.level_seed for row, task in enumerate(tasks) if task.level_seed is not None}
        if seeds:
            table.has_level[list(seeds)] = True
            table.random[list(seeds)] = seed_streams(list(seeds.values()))
        return table

    def first_states(self, task: Task, count: int = LEVELS_EXAMINED) -> list[GridState]:
        """How levels of a task begin: its own one, or those with the seeds 0 to count - 1."""
        seeds = list(range(count)) if task.level_seed is None else [task.level_seed]
        return self._first_states(seeds, self._table_of([task] * len(seeds)))

    def explain(self, task: Task) -> tuple[str, ...]:
        state = self.first_states(task, 1)[0]
        return tuple(f"{name_cell(cell)} at ({x}, {y})" for x, y, cell in state.objects)

    def locate(self, task: Task) -> tuple[tuple[int, int] | None, ...]:
        return ()

    def examine(self, task: Task) -> tuple[str, ...]:
        full = self.complete(task)
        return problems_of(full, self.first_states(full))

    # ------------------------------------------------------------------------------------------ objectives

    def _episodes(self) -> dict[str, NDArray[Any]]:
        return super()._episodes() | {"objectives": self._reached()}

    def _reached(self) -> NDArray[np.bool_]:
        """(num_envs, objectives), of the running episodes."""
        reached = self._levels.status[:, REGISTER_A]
        bits = [*range(2 * self._original.doors), 2 * len(COLORS)]
        return np.stack([(reached >> bit & 1).astype(np.bool_) for bit in bits], axis=1)
