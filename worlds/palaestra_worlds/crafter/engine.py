"""The loops over environments: step or observe them, begin new episodes. Compiled for one thread or many.

What is observed is compiled in, so that a world without pictures compiles none.
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
from palaestra_worlds.crafter.lessons import TASK, begin_task
from palaestra_worlds.crafter.rules import begin_level, step_level
from palaestra_worlds.crafter.state import STEP, UNLOCKED
from palaestra_worlds.crafter.symbolic import write_map, write_semantic, write_vector

LOOK, WAIT = -1, -2
"""In place of an action: only observe; do nothing."""

rows: Any = None
"""In loops over pieces: the kernel that steps some rows, which `on_threads` puts here."""


class Observations(NamedTuple):
    """Where observations are written; what is not observed has no elements."""

    image: NDArray[np.uint8]
    """(N, 64, 64, 3)."""
    map: NDArray[np.uint8]
    """(N, 9, 7, channels)."""
    vector: NDArray[np.float32]
    """(N, VECTOR_LENGTH), or longer by what was unlocked, which `observations.as_dict` splits off."""
    semantic: NDArray[np.uint8]
    """(N, 64, 64)."""


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
    episode_task: NDArray[np.int32]
    episode_unlocked: NDArray[np.int32]
    """A bit for each achievement."""


def allocate_outcome(num_envs: int) -> Outcome:
    """Outcomes of zeros."""
    return Outcome(
        rewards=np.zeros(num_envs, dtype=np.float64),
        terminated=np.zeros(num_envs, dtype=np.bool_),
        truncated=np.zeros(num_envs, dtype=np.bool_),
        ended=np.zeros(num_envs, dtype=np.bool_),
        running_return=np.zeros(num_envs, dtype=np.float64),
        episode_return=np.zeros(num_envs, dtype=np.float64),
        episode_length=np.zeros(num_envs, dtype=np.int32),
        episode_task=np.zeros(num_envs, dtype=np.int32),
        episode_unlocked=np.zeros(num_envs, dtype=np.int32),
    )


@register_jitable(forceinline=True)
def _write_nothing(levels: Any, i: Any, image: Any) -> None:
    """For worlds without pictures."""


@register_jitable(forceinline=True)
def _write(levels: Any, i: Any, observations: Any, write_picture: Any) -> None:
    write_picture(levels, i, observations.image)
    if len(observations.map) > 0:
        write_map(levels, i, observations.map)
        write_vector(levels, i, observations.vector)
    if len(observations.semantic) > 0:
        write_semantic(levels, i, observations.semantic)


@register_jitable
def _copy_cells(source: Any, target: Any, i: Any) -> None:
    # Number by number: assigning whole rows would have Numba compile the words of a message about shapes.
    for x in range(source.shape[1]):
        for y in range(source.shape[2]):
            for channel in range(source.shape[3]):
                target[i, x, y, channel] = source[i, x, y, channel]


@register_jitable
def _keep_final(observations: Any, final: Any, i: Any) -> None:
    """Copies what environment i sees to where last observations are kept."""
    if len(observations.image) > 0:
        _copy_cells(observations.image, final.image, i)
    if len(observations.map) > 0:
        _copy_cells(observations.map, final.map, i)
        for k in range(observations.vector.shape[1]):
            final.vector[i, k] = observations.vector[i, k]
    if len(observations.semantic) > 0:
        for x in range(observations.semantic.shape[1]):
            for y in range(observations.semantic.shape[2]):
                final.semantic[i, x, y] = observations.semantic[i, x, y]


@register_jitable(forceinline=True)
def _finish(levels: Any, lessons: Any, outcome: Any, i: Any) -> None:
    """Keeps what is reported of an episode that has ended."""
    outcome.episode_return[i] = outcome.running_return[i]
    outcome.episode_length[i] = levels.status[i, STEP]
    outcome.episode_task[i] = lessons.status[i, TASK]
    outcome.episode_unlocked[i] = levels.status[i, UNLOCKED]


@register_jitable(forceinline=True)
def _step(levels: Any, outcome: Any, rules: Any, action: Any, i: Any) -> None:
    """The step itself, and what it earns."""
    reward, terminated = step_level(levels, i, action, rules)
    truncated = levels.status[i, STEP] >= rules.max_steps
    outcome.rewards[i] = reward
    outcome.running_return[i] += reward
    outcome.terminated[i] = terminated
    outcome.truncated[i] = truncated
    outcome.ended[i] = terminated or truncated


@cache
def _advance_rows(pictures: bool) -> Callable[..., None]:
    write_picture: Any = _write_nothing
    if pictures:
        from palaestra_worlds.crafter.images import write_image as write_picture

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
                _step(levels, outcome, rules, action, i)
            _write(levels, i, observations, write_picture)
            if action != LOOK and outcome.ended[i]:
                _finish(levels, lessons, outcome, i)
                _keep_final(observations, final, i)

    return kernel(advance, "pictures" if pictures else "symbols")


def _advance_pieces(
    pieces: Any, levels: Any, lessons: Any, observations: Any, final: Any, outcome: Any, rules: Any, actions: Any
) -> None:
    count = actions.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, observations, final, outcome, rules, actions)


@cache
def advance_kernel(pictures: bool, threads: int) -> Callable[..., None]:
    """`advance(levels, lessons, observations, final, outcome, rules, actions)`.

    `actions` (N,) int64 may hold LOOK, for environments that only write what they see, and WAIT, for those that are
    left alone. Environments whose episode ended keep their last state; what they saw last is in `final`.
    """
    found = _advance_rows(pictures)
    if threads == 1:
        return lambda *arguments: found(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_advance_pieces, found, "pictures" if pictures else "symbols"), threads)


def _begin(
    first: Any,
    last: Any,
    levels: Any,
    lessons: Any,
    table: Any,
    rules: Any,
    slices: Any,
    running_return: Any,
    chosen: Any,
) -> None:
    for k in range(first, last):
        i = chosen[k]
        seed = begin_task(levels, lessons, table, i)
        begin_level(levels, i, rules, seed, slices)
        running_return[i] = 0.0


def _begin_pieces(
    pieces: Any,
    levels: Any,
    lessons: Any,
    table: Any,
    rules: Any,
    slices: Any,
    running_return: Any,
    chosen: Any,
) -> None:
    count = chosen.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, table, rules, slices, running_return, chosen)


@cache
def _begin_rows() -> Callable[..., None]:
    return kernel(_begin, "crafter")


@cache
def begin_kernel(threads: int) -> Callable[..., None]:
    """`begin(levels, lessons, table, rules, slices, running_return, chosen)`: new episodes in the environments whose
    numbers `chosen` (int64) lists."""
    if threads == 1:
        return lambda *arguments: _begin_rows()(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_begin_pieces, _begin_rows(), "crafter"), threads)
