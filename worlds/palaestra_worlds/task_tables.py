"""Tasks of worlds that kernels step: tables of which each environment draws a row, or is assigned one.

A table is a named tuple of arrays with a row for each task, and `cumulative`: (drawable tasks,) cumulative
probabilities, the last one 1; empty: nothing is drawn. Lessons are a named tuple of arrays with a row for each
environment, of which here `status` (N, 2 or more) and `random` (N, NUM_RANDOM) matter, the stream that tasks are drawn
with, apart from the levels' own.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np

from palaestra_worlds.batches import NO_TASK
from palaestra_worlds.compiled import jitable
from palaestra_worlds.random_streams import random_double

# The first columns of `Lessons.status`: the running episode's row, and that of the next episode alone.
TASK, ASSIGNED = range(2)

Table = TypeVar("Table", bound=NamedTuple)


def join_tables(first: Table, second: Table) -> Table:
    """The rows of `second` after those of `first`; only those of `first` are drawn."""
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in first._fields
        if name != "cumulative"
    }
    return first._replace(**joined)


@jitable
def _drawn_row(cumulative: Any, chance: Any) -> Any:
    """First row whose cumulative probability exceeds `chance`."""
    low, high = 0, len(cumulative) - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > chance:
            high = middle
        else:
            low = middle + 1
    return low


@jitable
def next_row(lessons: Any, table: Any, i: Any) -> Any:
    """The row of environment i's next task, assigned or else drawn; NO_TASK for none."""
    row = np.int64(lessons.status[i, ASSIGNED])
    lessons.status[i, ASSIGNED] = NO_TASK
    if row == NO_TASK and len(table.cumulative) > 0:
        row = np.int64(_drawn_row(table.cumulative, random_double(lessons.random, i)))
    lessons.status[i, TASK] = row
    return row
