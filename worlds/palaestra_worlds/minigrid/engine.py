"""The loops over environments: step or observe them, begin new episodes. Compiled for one thread or many.

The view and the level generator are compiled in; everything else is the same for every MiniGrid id, so that a
family's first use compiles its generator only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel, on_threads
from palaestra_worlds.minigrid.lessons import CURRENT, advance_subgoal, begin_task, current_cell, write_subgoal
from palaestra_worlds.minigrid.rules import step_level
from palaestra_worlds.minigrid.state import CARRYING, DIRECTION, STEP
from palaestra_worlds.minigrid.view import write_full_view, write_partial_view, write_symbolic_view
from palaestra_worlds.task_tables import TASK

LOOK, WAIT = -1, -2
"""In place of an action: only observe; do nothing."""

rows: Any = None
"""In loops over pieces: the kernel that steps some rows, which `on_threads` puts here."""


class Observations(NamedTuple):
    """Where observations are written."""

    image: NDArray[Any]
    """(N, columns, rows, 3) uint8, or int64 for the symbolic view."""
    direction: NDArray[np.int64]
    """(N,)."""
    subgoal: NDArray[np.int16]
    """(N, length of the subgoal's form); length 0 when subgoals are not shown."""


class Outcome(NamedTuple):
    """What a step gives besides observations, all of length N."""

    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    lesson_reward: NDArray[np.float32]
    running_return: NDArray[np.float64]
    """Return of the episode so far."""
    episode_return: NDArray[np.float64]
    """This and the rest: of the episode that ended in this step, valid where `ended`."""
    episode_length: NDArray[np.int32]
    episode_success: NDArray[np.bool_]
    episode_task: NDArray[np.int32]
    episode_progress: NDArray[np.int32]


def allocate_outcome(num_envs: int) -> Outcome:
    """Outcomes of zeros."""
    return Outcome(
        rewards=np.zeros(num_envs, dtype=np.float64),
        terminated=np.zeros(num_envs, dtype=np.bool_),
        truncated=np.zeros(num_envs, dtype=np.bool_),
        ended=np.zeros(num_envs, dtype=np.bool_),
        lesson_reward=np.zeros(num_envs, dtype=np.float32),
        running_return=np.zeros(num_envs, dtype=np.float64),
        episode_return=np.zeros(num_envs, dtype=np.float64),
        episode_length=np.zeros(num_envs, dtype=np.int32),
        episode_success=np.zeros(num_envs, dtype=np.bool_),
        episode_task=np.zeros(num_envs, dtype=np.int32),
        episode_progress=np.zeros(num_envs, dtype=np.int32),
    )


@register_jitable(forceinline=True)
def _write_partial(levels: Any, i: Any, rules: Any, image: Any) -> None:
    write_partial_view(levels, i, rules.view_size, rules.see_through_walls, image)


@register_jitable
def _write_full(levels: Any, i: Any, rules: Any, image: Any) -> None:
    write_full_view(levels, i, image)


@register_jitable
def _write_symbolic(levels: Any, i: Any, rules: Any, image: Any) -> None:
    write_symbolic_view(levels, i, image)


_WRITERS = {"partial": _write_partial, "full": _write_full, "symbolic": _write_symbolic}


@register_jitable(forceinline=True)
def _keep_final(observations: Any, final: Any, i: Any) -> None:
    """Copies what environment i sees to where last observations are kept."""
    image = observations.image
    for x in range(image.shape[1]):
        for y in range(image.shape[2]):
            for channel in range(3):
                final.image[i, x, y, channel] = image[i, x, y, channel]
    final.direction[i] = observations.direction[i]
    for axis in range(observations.subgoal.shape[1]):
        final.subgoal[i, axis] = observations.subgoal[i, axis]


@register_jitable(forceinline=True)
def _step(levels: Any, lessons: Any, outcome: Any, rules: Any, action: Any, i: Any) -> None:
    """The step itself, and what it earns."""
    cell_before = current_cell(levels, lessons, i)
    reward, terminated = step_level(levels, i, action, rules)
    truncated = levels.status[i, STEP] >= rules.max_steps
    outcome.lesson_reward[i] = advance_subgoal(levels, lessons, i, cell_before, rules.max_steps)
    outcome.rewards[i] = reward
    outcome.terminated[i] = terminated
    outcome.truncated[i] = truncated
    outcome.running_return[i] += reward
    outcome.ended[i] = terminated or truncated


@register_jitable(forceinline=True)
def _finish(levels: Any, lessons: Any, observations: Any, final: Any, outcome: Any, i: Any) -> None:
    """Keeps what is reported of an episode that has ended."""
    outcome.episode_return[i] = outcome.running_return[i]
    outcome.episode_length[i] = levels.status[i, STEP]
    outcome.episode_success[i] = outcome.terminated[i] and outcome.rewards[i] > 0
    outcome.episode_task[i] = lessons.status[i, TASK]
    outcome.episode_progress[i] = lessons.status[i, CURRENT]
    _keep_final(observations, final, i)


@cache
def _advance_rows(observation: str) -> Callable[..., None]:
    write_view = _WRITERS[observation]

    def advance(
        first: Any,
        last: Any,
        levels: Any,
        lessons: Any,
        observations: Any,
        final: Any,
        outcome: Any,
        rules: Any,
        actions: Any,
    ) -> None:
        for i in range(first, last):
            action = actions[i]
            if action == WAIT:
                continue
            if action != LOOK:
                _step(levels, lessons, outcome, rules, action, i)
            # Written once for both cases: a second call would keep the compiler from inlining the view.
            write_view(levels, i, rules, observations.image)
            observations.direction[i] = levels.status[i, DIRECTION]
            write_subgoal(levels, lessons, i, observations.subgoal)
            if action != LOOK and outcome.ended[i]:
                _finish(levels, lessons, observations, final, outcome, i)

    return kernel(advance, observation)


def _advance_pieces(
    pieces: Any, levels: Any, lessons: Any, observations: Any, final: Any, outcome: Any, rules: Any, actions: Any
) -> None:
    count = actions.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, observations, final, outcome, rules, actions)


@cache
def advance_kernel(observation: str, threads: int) -> Callable[..., None]:
    """`advance(levels, lessons, observations, final, outcome, rules, actions)`.

    `actions` (N,) int64 may hold LOOK, for environments that only write what they see, and WAIT, for those that are
    left alone. Environments whose episode ended keep their last state; what they saw last is in `final`.
    """
    found = _advance_rows(observation)
    if threads == 1:
        return lambda *arguments: found(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_advance_pieces, found, observation), threads)


@register_jitable
def keep_level(levels: Any, i: Any, parameters: Any) -> None:
    """Generates nothing: for levels that are made outside the engine."""


@cache
def _begin_rows(generate: Callable[..., None]) -> Callable[..., None]:
    def begin(
        first: Any,
        last: Any,
        levels: Any,
        lessons: Any,
        table: Any,
        parameters: Any,
        dropout: Any,
        running_return: Any,
        chosen: Any,
    ) -> None:
        for i in range(first, last):
            if chosen[i]:
                begin_task(levels, lessons, table, i, dropout)
                levels.status[i, CARRYING] = 0
                generate(levels, i, parameters)
                levels.status[i, STEP] = 0
                running_return[i] = 0.0

    return kernel(begin, _name_of(generate))


def _name_of(generate: Callable[..., None]) -> str:
    return f"{generate.__module__}.{generate.__name__}"


def _begin_pieces(
    pieces: Any,
    levels: Any,
    lessons: Any,
    table: Any,
    parameters: Any,
    dropout: Any,
    running_return: Any,
    chosen: Any,
) -> None:
    count = chosen.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, table, parameters, dropout, running_return, chosen)


@cache
def begin_kernel(generate: Callable[..., None], threads: int) -> Callable[..., None]:
    """`begin(levels, lessons, table, parameters, dropout, running_return, chosen)`: new episodes where `chosen`."""
    found = _begin_rows(generate)
    if threads == 1:
        return lambda *arguments: found(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_begin_pieces, found, _name_of(generate)), threads)
