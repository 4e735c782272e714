"""Tasks in compiled form: which level an environment gets next, and which subgoal it is at."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.minigrid.state import NUM_SETTINGS, SETTINGS, STEP, X, Y
from palaestra_worlds.minigrid.tasks import MAX_SUBGOALS
from palaestra_worlds.random_streams import NUM_RANDOM, random_double
from palaestra_worlds.task_tables import ASSIGNED, NO_TASK, TASK, next_row

# Columns of `Lessons.status`, after TASK and ASSIGNED.
CURRENT, BEGAN, HIDDEN, NUM_SUBGOALS = range(2, 6)
NUM_LESSON_STATUS = 8


class TaskTable(NamedTuple):
    """The tasks that environments draw from or are assigned, one row each."""

    cumulative: NDArray[np.float64]
    """(drawable tasks,) cumulative probabilities, the last one 1; empty: nothing is drawn."""
    has_level: NDArray[np.bool_]
    """(M,) whether the task brings a level of its own."""
    random: NDArray[np.uint64]
    """(M, NUM_RANDOM): the random stream that the level is made with."""
    settings: NDArray[np.int32]
    """(M, NUM_SETTINGS): what the task sets in the level; zeros: nothing."""
    counts: NDArray[np.int32]
    """(M,) number of subgoals."""
    targets: NDArray[np.int16]
    """(M, MAX_SUBGOALS, 2): the subgoals' cells."""
    tokens: NDArray[np.int16]
    """(M, MAX_SUBGOALS, 3): what is shown of a subgoal that is no position: object triple, or phrase row and zeros."""


class Lessons(NamedTuple):
    """The running task of N environments; row i belongs to environment i."""

    status: NDArray[np.int32]
    """(N, NUM_LESSON_STATUS)."""
    random: NDArray[np.uint64]
    """(N, NUM_RANDOM): the stream that tasks are drawn with, apart from the levels' own."""
    targets: NDArray[np.int16]
    """(N, MAX_SUBGOALS, 2), copied from the table when the episode began."""
    tokens: NDArray[np.int16]
    """(N, MAX_SUBGOALS, 3), likewise."""


def allocate_lessons(num_envs: int) -> Lessons:
    """Lessons of environments that have no task."""
    status = np.zeros((num_envs, NUM_LESSON_STATUS), dtype=np.int32)
    status[:, TASK] = status[:, ASSIGNED] = NO_TASK
    return Lessons(
        status=status,
        random=np.zeros((num_envs, NUM_RANDOM), dtype=np.uint64),
        targets=np.zeros((num_envs, MAX_SUBGOALS, 2), dtype=np.int16),
        tokens=np.zeros((num_envs, MAX_SUBGOALS, 3), dtype=np.int16),
    )


def allocate_table(size: int) -> TaskTable:
    """A table of `size` tasks without level or subgoals, none of them drawn."""
    return TaskTable(
        cumulative=np.zeros(0, dtype=np.float64),
        has_level=np.zeros(size, dtype=np.bool_),
        random=np.zeros((size, NUM_RANDOM), dtype=np.uint64),
        settings=np.zeros((size, NUM_SETTINGS), dtype=np.int32),
        counts=np.zeros(size, dtype=np.int32),
        targets=np.zeros((size, MAX_SUBGOALS, 2), dtype=np.int16),
        tokens=np.zeros((size, MAX_SUBGOALS, 3), dtype=np.int16),
    )


@register_jitable
def begin_task(levels: Any, lessons: Any, table: Any, i: Any, dropout: Any) -> None:
    """Chooses the next episode's task, and leaves its settings and random stream for the level's generator."""
    for column in (CURRENT, BEGAN, HIDDEN, NUM_SUBGOALS):
        lessons.status[i, column] = 0
    row = next_row(lessons, table, i)
    for column in range(NUM_SETTINGS):
        levels.status[i, SETTINGS + column] = table.settings[row, column] if row != NO_TASK else 0
    if row == NO_TASK:
        return
    if table.has_level[row]:
        for column in range(table.random.shape[1]):
            levels.random[i, column] = table.random[row, column]
    lessons.status[i, NUM_SUBGOALS] = table.counts[row]
    if table.counts[row] == 0:
        return
    for k in range(table.counts[row]):
        for axis in range(2):
            lessons.targets[i, k, axis] = table.targets[row, k, axis]
        for axis in range(3):
            lessons.tokens[i, k, axis] = table.tokens[row, k, axis]
    if dropout > 0.0 and random_double(lessons.random, i) < dropout:
        lessons.status[i, HIDDEN] = 1


@register_jitable
def has_subgoal(lessons: Any, i: Any) -> Any:
    """Whether there is a subgoal that was not reached yet."""
    return lessons.status[i, CURRENT] < lessons.status[i, NUM_SUBGOALS]


@register_jitable
def current_cell(levels: Any, lessons: Any, i: Any) -> Any:
    """Content of the current subgoal's cell, 0 when there is no subgoal left."""
    if not has_subgoal(lessons, i):
        return 0
    current = lessons.status[i, CURRENT]
    return levels.cells[i, lessons.targets[i, current, 0], lessons.targets[i, current, 1]]


@register_jitable
def advance_subgoal(levels: Any, lessons: Any, i: Any, cell_before: Any, max_steps: Any) -> Any:
    """After a step: moves on if the current subgoal was reached, and gives the bonus of arXiv 2410.08632 (alpha = 1).

    Reached: the agent stands on the cell, or the cell's content is not `cell_before` any more.
    """
    if not has_subgoal(lessons, i):
        return 0.0
    current = lessons.status[i, CURRENT]
    x, y = lessons.targets[i, current, 0], lessons.targets[i, current, 1]
    stands_on = levels.status[i, X] == x and levels.status[i, Y] == y
    if not stands_on and levels.cells[i, x, y] == cell_before:
        return 0.0
    bonus = 1.0 - (levels.status[i, STEP] - lessons.status[i, BEGAN]) / max_steps
    lessons.status[i, CURRENT] = current + 1
    lessons.status[i, BEGAN] = levels.status[i, STEP]
    return bonus


@register_jitable
def write_subgoal(levels: Any, lessons: Any, i: Any, subgoal: Any) -> None:
    """What is shown of the current subgoal; the width of `subgoal` (N, width) tells the form: 2 position, 3 object,
    1 phrase."""
    width = subgoal.shape[1]
    if width == 0:
        return
    if not has_subgoal(lessons, i) or lessons.status[i, HIDDEN] == 1:
        for axis in range(width):
            subgoal[i, axis] = 0 if width == 2 else -1
        return
    current = lessons.status[i, CURRENT]
    if width == 2:
        subgoal[i, 0] = lessons.targets[i, current, 0] - levels.status[i, X]
        subgoal[i, 1] = lessons.targets[i, current, 1] - levels.status[i, Y]
        return
    for axis in range(width):
        subgoal[i, axis] = lessons.tokens[i, current, axis]
