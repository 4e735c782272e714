"""Tasks as a teacher writes them → tables as the engine reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.floor import Floor
from palaestra_worlds.agv.layouts import NAMES
from palaestra_worlds.agv.lessons import TaskTable, allocate_table
from palaestra_worlds.agv.setup import KINDS
from palaestra_worlds.agv.state import DENSITY, DRAWN, FREE, HEIGHT, KIND, MOVING, NEAR, WIDTH
from palaestra_worlds.agv.tasks import SMALLEST, AGVTask
from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.random_streams import seed_streams


def as_agv(task: Task) -> AGVTask:
    """Raises TaskError when it is no task of this world."""
    if isinstance(task, AGVTask):
        return task
    if type(task) is Task:
        return AGVTask(level_seed=task.level_seed)
    raise TaskError(f"an AGV world takes AGVTask, not {type(task).__name__}")


class TaskCompiler:
    """Checks tasks against the world's floor, and waypoints against their level, once for each task.

    Args:
        original: parameters of levels without a task.
        size: columns and rows of the world's arrays.
        first_floors: gives the floors that some tasks begin on.
    """

    def __init__(
        self,
        original: NDArray[np.float64],
        size: tuple[int, int],
        first_floors: Callable[[Sequence[AGVTask]], list[Floor]],
    ) -> None:
        self._original = original
        self._size = size
        self._first_floors = first_floors
        self._checked: set[AGVTask] = set()

    def table(self, tasks: Sequence[Task]) -> TaskTable:
        """One row for each task.

        Raises:
            TaskError: a task is no `AGVTask`, or cannot be carried out; the message says which part and why.
        """
        checked = [as_agv(task) for task in tasks]
        parameters = [self._parameters(task) for task in checked]
        self._check_waypoints([t for t in dict.fromkeys(checked) if t.subgoals and t not in self._checked])
        table = allocate_table(len(checked))
        for row, task in enumerate(checked):
            table.parameters[row] = parameters[row]
            table.counts[row] = len(task.subgoals)
            for k, subgoal in enumerate(task.subgoals):
                table.targets[row, k] = subgoal.x, subgoal.y
        seeds = {row: task.level_seed for row, task in enumerate(checked) if task.level_seed is not None}
        if seeds:
            table.has_level[list(seeds)] = True
            table.random[list(seeds)] = seed_streams(list(seeds.values()))
        return table

    def _parameters(self, task: AGVTask) -> NDArray[np.float64]:
        parameters = self._original.copy()
        if task.layout is not None and task.layout != "original":
            parameters[KIND] = KINDS[task.layout]
        sized = [name for name in ("columns", "rows", "density") if getattr(task, name) is not None]
        if sized and parameters[KIND] == DRAWN:
            raise TaskError(f"{sized[0]}: the original floor is drawn and stays as it is; set a `layout` to generate")
        for name, column, most in (("columns", WIDTH, self._size[0]), ("rows", HEIGHT, self._size[1])):
            given = getattr(task, name)
            parameters[column] = most if given is None else given
            if parameters[column] > most:
                raise TaskError(f"{name}: {given} is more than the {most} of the original floor")
        if parameters[KIND] != DRAWN and min(self._size) < SMALLEST:
            raise TaskError(
                f"layout: the original floor of {self._size} cells is too small; generators need {SMALLEST}"
            )
        for name, column in (("density", DENSITY), ("moving", MOVING), ("near", NEAR)):
            if getattr(task, name) is not None:
                parameters[column] = getattr(task, name)
        return parameters

    def _check_waypoints(self, tasks: list[AGVTask]) -> None:
        for task in tasks:
            if task.level_seed is None:
                raise TaskError("a task with subgoals needs a level_seed: they are looked up in that level")
        for task, floor in zip(tasks, self._first_floors(tasks) if tasks else (), strict=True):
            for number, subgoal in enumerate(task.subgoals, start=1):
                where = f"subgoal {number}: ({subgoal.x:g}, {subgoal.y:g})"
                if not floor.is_inside(subgoal.x, subgoal.y):
                    columns, rows = floor.cells.shape
                    raise TaskError(
                        f"{where} is outside of the {columns * floor.cell:g} x {rows * floor.cell:g} m floor"
                    )
                what = floor.what_is_at(subgoal.x, subgoal.y)
                if what != FREE:
                    cell = floor.cell_at(subgoal.x, subgoal.y)
                    raise TaskError(f"{where} lies in cell {cell}, which is {NAMES[what]}")
            self._checked.add(task)
