"""The loops over environments: step or observe them, begin new episodes. Compiled for one thread or many."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from palaestra_worlds.compiled import jitable, kernel, on_threads
from palaestra_worlds.overworld.observations import write_blocks, write_counts, write_slots, write_status
from palaestra_worlds.overworld.play import begin_level, step_level
from palaestra_worlds.overworld.state import CLOCK, STEP, UNLOCKED
from palaestra_worlds.overworld.tasks import begin_task
from palaestra_worlds.task_tables import TASK

LOOK, WAIT, UNSEEN = -1, -2, -3
"""In place of an action: only observe; do nothing; UNSEEN - action: act, but write no observations."""

rows: Any = None
"""In loops over pieces: the kernel that steps some rows, which `on_threads` puts here."""


class Outcome(NamedTuple):
    """What a step gives besides observations, all of length N."""

    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    running_return: NDArray[np.float64]
    """Return of the episode so far."""
    episode_return: NDArray[np.float64]
    """This and the rest: of the episode that ended in this step, valid where `ended`."""
    episode_length: NDArray[np.int32]
    episode_ticks: NDArray[np.int32]
    episode_task: NDArray[np.int32]
    episode_unlocked: NDArray[np.int32]
    """A bit for each objective."""


def allocate_outcome(num_envs: int) -> Outcome:
    """Outcomes of zeros."""
    return Outcome(
        rewards=np.zeros(num_envs),
        terminated=np.zeros(num_envs, np.bool_),
        truncated=np.zeros(num_envs, np.bool_),
        ended=np.zeros(num_envs, np.bool_),
        running_return=np.zeros(num_envs),
        episode_return=np.zeros(num_envs),
        episode_length=np.zeros(num_envs, np.int32),
        episode_ticks=np.zeros(num_envs, np.int32),
        episode_task=np.zeros(num_envs, np.int32),
        episode_unlocked=np.zeros(num_envs, np.int32),
    )


@jitable
def _write(levels: Any, i: Any, tables: Any, view: Any, observations: Any) -> None:
    write_blocks(levels, i, tables, view, observations.blocks)
    write_status(levels, i, observations.status)
    write_counts(levels, i, tables, observations.counts)
    if len(observations.slots) > 0:
        write_slots(levels, i, observations.slots)


@jitable
def _finish(levels: Any, lessons: Any, outcome: Any, i: Any) -> None:
    """Keeps what is reported of an episode that has ended."""
    outcome.episode_return[i] = outcome.running_return[i]
    outcome.episode_length[i] = levels.status[i, STEP]
    outcome.episode_ticks[i] = levels.status[i, CLOCK]
    outcome.episode_task[i] = lessons.status[i, TASK]
    outcome.episode_unlocked[i] = levels.status[i, UNLOCKED]


def _advance(
    first: Any,
    last: Any,
    levels: Any,
    lessons: Any,
    observations: Any,
    final: Any,
    outcome: Any,
    rules: Any,
    tables: Any,
    view: Any,
    actions: Any,
) -> None:
    for i in range(first, last):
        action = actions[i]
        if action == WAIT:
            continue
        is_unseen = action <= UNSEEN
        if is_unseen:
            action = UNSEEN - action
        ended = False
        if action != LOOK:
            reward, terminated = step_level(levels, i, tables, lessons, rules, action)
            truncated = levels.status[i, CLOCK] >= rules.max_ticks
            ended = terminated or truncated
            outcome.rewards[i] = reward
            outcome.running_return[i] += reward
            outcome.terminated[i], outcome.truncated[i], outcome.ended[i] = terminated, truncated, ended
        if ended:
            _finish(levels, lessons, outcome, i)
            _write(levels, i, tables, view, final)
        elif not is_unseen:
            _write(levels, i, tables, view, observations)


def _advance_pieces(
    pieces: Any,
    levels: Any,
    lessons: Any,
    observations: Any,
    final: Any,
    outcome: Any,
    rules: Any,
    tables: Any,
    view: Any,
    actions: Any,
) -> None:
    count = actions.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, observations, final, outcome, rules, tables, view, actions)


@cache
def _advance_rows() -> Callable[..., None]:
    return kernel(_advance, "overworld")


@cache
def advance_kernel(threads: int) -> Callable[..., None]:
    """`advance(levels, lessons, observations, final, outcome, rules, tables, view, actions)`.

    `levels` are a `Core`. `actions` (N,) int64 may hold LOOK, for environments that only write what they see, and
    WAIT, for those that are left alone. Environments whose episode ended keep their last state; what they saw last is
    in `final`.
    """
    found = _advance_rows()
    if threads == 1:
        return lambda *arguments: found(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_advance_pieces, found, "overworld"), threads)


def _begin(
    first: Any,
    last: Any,
    levels: Any,
    lessons: Any,
    table: Any,
    own: Any,
    tables: Any,
    land: Any,
    running_return: Any,
    chosen: Any,
) -> None:
    for k in range(first, last):
        i = chosen[k]
        seed = begin_task(lessons, table, own, i)
        begin_level(levels, i, tables, lessons, land, seed, table.streams)
        running_return[i] = 0.0


def _begin_pieces(
    pieces: Any,
    levels: Any,
    lessons: Any,
    table: Any,
    own: Any,
    tables: Any,
    land: Any,
    running_return: Any,
    chosen: Any,
) -> None:
    count = chosen.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, table, own, tables, land, running_return, chosen)


@cache
def _begin_rows() -> Callable[..., None]:
    return kernel(_begin, "overworld")


@cache
def begin_kernel(threads: int) -> Callable[..., None]:
    """`begin(levels, lessons, table, own, tables, land, running_return, chosen)`: new episodes in the
    environments whose numbers `chosen` (int64) lists. `levels` are a `Core`."""
    if threads == 1:
        return lambda *arguments: _begin_rows()(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_begin_pieces, _begin_rows(), "overworld"), threads)
