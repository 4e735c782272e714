"""Tasks in compiled form: what an environment's next level is like, and which waypoint it is at."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.state import NUM_PARAMETERS, STEP
from palaestra_worlds.compiled import jitable
from palaestra_worlds.random_streams import NUM_RANDOM, random_double
from palaestra_worlds.task_tables import ASSIGNED, NO_TASK, TASK, next_row

MAX_SUBGOALS = 16

# Columns of `Lessons.status`, after TASK and ASSIGNED.
CURRENT, BEGAN, HIDDEN, COUNT = range(2, 6)
NUM_LESSON_STATUS = 6


class TaskTable(NamedTuple):
    """The tasks that environments draw from or are assigned, one row each."""

    cumulative: NDArray[np.float64]
    """(drawable tasks,) cumulative probabilities, the last one 1; empty: nothing is drawn."""
    has_level: NDArray[np.bool_]
    """(M,) whether the task brings a level of its own."""
    random: NDArray[np.uint64]
    """(M, NUM_RANDOM): the random stream that the level is made with."""
    parameters: NDArray[np.float64]
    """(M, NUM_PARAMETERS)."""
    counts: NDArray[np.int32]
    """(M,) number of waypoints."""
    targets: NDArray[np.float64]
    """(M, MAX_SUBGOALS, 2): the waypoints."""


class Lessons(NamedTuple):
    """The running task of N environments; row i belongs to environment i."""

    status: NDArray[np.int32]
    """(N, NUM_LESSON_STATUS)."""
    random: NDArray[np.uint64]
    """(N, NUM_RANDOM): the stream that tasks are drawn with, apart from the levels' own."""
    targets: NDArray[np.float64]
    """(N, MAX_SUBGOALS, 2), copied from the table when the episode began."""
    original: NDArray[np.float64]
    """(NUM_PARAMETERS,): of episodes without a task."""


def allocate_lessons(num_envs: int, original: NDArray[np.float64]) -> Lessons:
    """Lessons of environments that have no task."""
    status = np.zeros((num_envs, NUM_LESSON_STATUS), np.int32)
    status[:, TASK] = status[:, ASSIGNED] = NO_TASK
    return Lessons(
        status=status,
        random=np.zeros((num_envs, NUM_RANDOM), np.uint64),
        targets=np.zeros((num_envs, MAX_SUBGOALS, 2)),
        original=original,
    )


def allocate_table(size: int) -> TaskTable:
    """A table of `size` tasks without level or waypoints, none of them drawn."""
    return TaskTable(
        cumulative=np.zeros(0),
        has_level=np.zeros(size, np.bool_),
        random=np.zeros((size, NUM_RANDOM), np.uint64),
        parameters=np.zeros((size, NUM_PARAMETERS)),
        counts=np.zeros(size, np.int32),
        targets=np.zeros((size, MAX_SUBGOALS, 2)),
    )


@jitable
def begin_task(levels: Any, lessons: Any, table: Any, i: Any, dropout: Any) -> None:
    """Chooses environment i's next task, and leaves its parameters and random stream for the level."""
    for column in (CURRENT, BEGAN, HIDDEN, COUNT):
        lessons.status[i, column] = 0
    row = next_row(lessons, table, i)
    for column in range(NUM_PARAMETERS):
        levels.parameters[i, column] = lessons.original[column] if row == NO_TASK else table.parameters[row, column]
    if row == NO_TASK:
        return
    if table.has_level[row]:
        for column in range(NUM_RANDOM):
            levels.random[i, column] = table.random[row, column]
    lessons.status[i, COUNT] = table.counts[row]
    for k in range(table.counts[row]):
        lessons.targets[i, k, 0], lessons.targets[i, k, 1] = table.targets[row, k, 0], table.targets[row, k, 1]
    if table.counts[row] > 0 and dropout > 0.0 and random_double(lessons.random, i) < dropout:
        lessons.status[i, HIDDEN] = 1


@jitable
def advance_waypoint(levels: Any, lessons: Any, i: Any, rules: Any) -> Any:
    """After a step: moves on if the current waypoint was reached, and gives its bonus (see `World`)."""
    current = lessons.status[i, CURRENT]
    if current >= lessons.status[i, COUNT]:
        return 0.0
    away = math.hypot(
        lessons.targets[i, current, 0] - levels.pose[i, 0], lessons.targets[i, current, 1] - levels.pose[i, 1]
    )
    if away > rules.subgoal_radius:
        return 0.0
    bonus = 1.0 - (levels.status[i, STEP] - lessons.status[i, BEGAN]) / rules.max_steps
    lessons.status[i, CURRENT] = current + 1
    lessons.status[i, BEGAN] = levels.status[i, STEP]
    return bonus
