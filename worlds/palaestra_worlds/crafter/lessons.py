"""Tasks in compiled form: what an environment's next episode is like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.base import Task
from palaestra_worlds.compiled import jitable
from palaestra_worlds.crafter.state import NUM_PARAMETERS, original_parameters
from palaestra_worlds.crafter.tasks import as_crafter_task, parameters_of
from palaestra_worlds.random_streams import NUM_RANDOM
from palaestra_worlds.task_tables import NO_TASK, next_row

OWN_LEVEL = -1


class TaskTable(NamedTuple):
    """The tasks that environments draw from or are assigned, one row each."""

    cumulative: NDArray[np.float64]
    """(drawable tasks,) cumulative probabilities, the last one 1; empty: nothing is drawn."""
    seeds: NDArray[np.int64]
    """(M,): the level's seed, or OWN_LEVEL."""
    parameters: NDArray[np.float64]
    """(M, NUM_PARAMETERS)."""


class Lessons(NamedTuple):
    """The running task of N environments; row i belongs to environment i."""

    status: NDArray[np.int32]
    """(N, 2)."""
    random: NDArray[np.uint64]
    """(N, NUM_RANDOM): the PCG64 stream that tasks are drawn with, apart from the levels' own."""
    original: NDArray[np.float64]
    """(NUM_PARAMETERS,): of episodes without a task."""


def allocate_lessons(num_envs: int) -> Lessons:
    """Lessons of environments that have no task."""
    return Lessons(
        status=np.full((num_envs, 2), NO_TASK, dtype=np.int32),
        random=np.zeros((num_envs, NUM_RANDOM), dtype=np.uint64),
        original=original_parameters(),
    )


def make_table(tasks: Sequence[Task]) -> TaskTable:
    """One row for each task, none of them drawn.

    Raises:
        TaskError: a task is not a `CrafterTask`.
    """
    checked = [as_crafter_task(task) for task in tasks]
    seeds = [OWN_LEVEL if task.level_seed is None else task.level_seed for task in checked]
    parameters = [parameters_of(task) for task in checked]
    return TaskTable(
        cumulative=np.zeros(0, dtype=np.float64),
        seeds=np.array(seeds, dtype=np.int64),
        parameters=np.array(parameters, dtype=np.float64).reshape(-1, NUM_PARAMETERS),
    )


@jitable
def begin_task(level: Any, lessons: Any, table: Any, i: Any) -> Any:
    """Chooses environment i's next task and sets its parameters; gives the level's seed, or OWN_LEVEL."""
    row = next_row(lessons, table, i)
    for column in range(NUM_PARAMETERS):
        level.parameters[column] = lessons.original[column] if row == NO_TASK else table.parameters[row, column]
    return OWN_LEVEL if row == NO_TASK else table.seeds[row]
