"""The loops over environments: step them, see what they show, begin new episodes.

Numba compiles every function on its own and once more in each function that calls it, so a call within a call within a
call is compiled four times. Hence three kernels and one of pictures, none of which needs what another does, and a step
that is written out where the loop is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.crafter.balance import EVERY, balance
from palaestra_worlds.crafter.character import update_player
from palaestra_worlds.crafter.creatures import update_creatures
from palaestra_worlds.crafter.lessons import begin_task
from palaestra_worlds.crafter.rules import clear_level, pass_over_noise, pay, set_daylight
from palaestra_worlds.crafter.state import HEALTH, NUM_OBJECTS, STEP, UNLOCKED, count_spaces, free_slots
from palaestra_worlds.crafter.symbolic import write_map, write_semantic, write_vector
from palaestra_worlds.crafter.terrain import generate_world
from palaestra_worlds.task_tables import TASK


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


OUTCOME = np.dtype(
    [
        ("rewards", np.float64),
        ("running_return", np.float64),
        ("episode_return", np.float64),
        ("episode_length", np.int32),
        ("episode_task", np.int32),
        ("episode_unlocked", np.int32),
        ("terminated", np.bool_),
        ("truncated", np.bool_),
        ("ended", np.bool_),
    ],
    align=True,
)
"""What a step of one environment gives besides observations."""


class Outcome(NamedTuple):
    """What a step gives besides observations: views of length N on the fields of `rows`."""

    rewards: NDArray[np.float64]
    running_return: NDArray[np.float64]
    """Return of the episode so far."""
    episode_return: NDArray[np.float64]
    """This and the next three: of the episode that ended in this step, valid where `ended`."""
    episode_length: NDArray[np.int32]
    episode_task: NDArray[np.int32]
    episode_unlocked: NDArray[np.int32]
    """A bit for each achievement."""
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ended: NDArray[np.bool_]

    @property
    def rows(self) -> NDArray[np.void]:
        """The OUTCOME records (N,) that all this is of."""
        rows = self.rewards.base
        assert rows is not None
        return rows


def allocate_outcome(num_envs: int) -> Outcome:
    """Outcomes of zeros."""
    rows = np.zeros(num_envs, dtype=OUTCOME)
    return Outcome(*(rows[name] for name in Outcome._fields))


def _step(levels: Any, tasks: Any, outcomes: Any, rules: Any, actions: Any, first: Any, last: Any) -> None:
    for i in range(first, last):
        level, outcome = levels[i], outcomes[i]
        level.status[STEP] += 1
        set_daylight(level, rules)
        # What is planted or shot in this step lives from the next on.
        count = level.status[NUM_OBJECTS]
        update_player(level, actions[i])
        update_creatures(level, count)
        if level.status[STEP] % EVERY == 0:
            balance(level)
        free_slots(level)
        pass_over_noise(level)
        reward = pay(level)
        outcome.rewards = reward
        outcome.running_return += reward
        outcome.terminated = level.inventory[HEALTH] <= 0
        outcome.truncated = level.status[STEP] >= rules.max_steps
        outcome.ended = outcome.terminated or outcome.truncated
        if outcome.ended:
            outcome.episode_return = outcome.running_return
            outcome.episode_length = level.status[STEP]
            outcome.episode_task = tasks[i, TASK]
            outcome.episode_unlocked = level.status[UNLOCKED]


def _look(levels: Any, observations: Any, chosen: Any, first: Any, last: Any) -> None:
    for k in range(first, last):
        i = chosen[k]
        level = levels[i]
        if len(observations.map) > 0:
            write_map(level, i, observations.map)
            write_vector(level, i, observations.vector)
        if len(observations.semantic) > 0:
            write_semantic(level, i, observations.semantic)


def _begin(
    levels: Any,
    lessons: Any,
    table: Any,
    outcomes: Any,
    rules: Any,
    slices: Any,
    chosen: Any,
    first: Any,
    last: Any,
) -> None:
    for k in range(first, last):
        i = chosen[k]
        level = levels[i]
        clear_level(level, begin_task(level, lessons, table, i))
        set_daylight(level, rules)
        generate_world(level, slices)
        count_spaces(level)
        pass_over_noise(level)
        outcomes[i].running_return = 0.0


@cache
def step_kernel() -> Callable[..., None]:
    """`step(levels, tasks, outcomes, rules, actions, first, last)` of environments first to last - 1.

    `levels` and `outcomes` are rows of `Levels` and `Outcome`, `tasks` is `Lessons.status`, `actions` (N,) int64.
    Environments whose episode ends keep their last state.
    """
    return kernel(_step, "crafter")


@cache
def look_kernel() -> Callable[..., None]:
    """`look(levels, observations, chosen, first, last)`: writes what environments `chosen[first:last]` (int64) see,
    but for pictures."""
    return kernel(_look, "crafter")


@cache
def begin_kernel() -> Callable[..., None]:
    """`begin(levels, lessons, table, outcomes, rules, slices, chosen, first, last)`: new episodes in environments
    `chosen[first:last]` (int64)."""
    return kernel(_begin, "crafter")
