"""Crafter's rules: how an episode begins, what a step does and what it earns."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.crafter.balance import EVERY, balance
from palaestra_worlds.crafter.character import ACHIEVEMENTS, update_player
from palaestra_worlds.crafter.creatures import distance_to_player, update_creature
from palaestra_worlds.crafter.random import episode_seed, seed_stream, skip_doubles
from palaestra_worlds.crafter.state import (
    AREA,
    DAY_LENGTH,
    DAY_START,
    DOWN,
    EPISODE,
    FACING,
    FIRST_ITEM,
    HEALTH,
    HEALTH_BEFORE,
    HEALTH_REWARDED,
    NIGHT_DRAWS,
    NUM_ITEMS,
    NUM_OBJECTS,
    NUM_RANDOM,
    NUM_STATUS,
    PLAYER,
    STEP,
    UNLOCKED,
    X,
    Y,
    add_object,
    count_spaces,
    free_slots,
)
from palaestra_worlds.crafter.terrain import generate_world

ORIGINAL_DAY = 300
"""Steps of crafter's day."""
AWAKE_WITHIN = 18
"""Objects farther from the player, along x and y together, stand still."""


class Rules(NamedTuple):
    """Constants of a world."""

    max_steps: int
    clock: NDArray[np.float64]
    """Daylight by step, for days of ORIGINAL_DAY steps."""


@cache
def original_clock(steps: int) -> NDArray[np.float64]:
    """Daylight at each of the first steps, computed number by number as crafter does: NumPy's loops over arrays can
    differ in the last bit."""
    found = np.empty(steps)
    for step in range(steps):
        progress = (step / ORIGINAL_DAY) % 1 + 0.3
        found[step] = 1 - np.abs(np.cos(np.pi * progress)) ** 3
    return found


@register_jitable(forceinline=True)
def _set_daylight(levels: Any, i: Any, rules: Any) -> None:
    step = levels.status[i, STEP] + int(levels.parameters[i, DAY_START])
    length = levels.parameters[i, DAY_LENGTH]
    if length == ORIGINAL_DAY:
        levels.daylight[i] = rules.clock[step]
    else:
        darkness = abs(np.cos(np.pi * ((step / length) % 1.0 + 0.3)))
        levels.daylight[i] = 1.0 - darkness * darkness * darkness


@register_jitable(forceinline=True)
def _pass_over_noise(levels: Any, i: Any) -> None:
    """At night crafter's picture of each state draws noise from the world's random stream."""
    if levels.daylight[i] < 0.5:
        for k in range(NUM_RANDOM):
            levels.night[i, k] = levels.random[i, k]
        skip_doubles(levels.random, i, NIGHT_DRAWS)


@register_jitable
def begin_level(levels: Any, i: Any, rules: Any, seed: Any, slices: Any) -> None:
    """A new episode with the running parameters.

    Args:
        levels: of the batch.
        i: the environment.
        rules: of the world.
        seed: of the level; -1 for the environment's own next one.
        slices: of `terrain_slices`.
    """
    episode = levels.status[i, EPISODE]
    for column in range(NUM_STATUS):
        levels.status[i, column] = 0
    if seed >= 0:
        levels.status[i, EPISODE] = episode
        seed_stream(levels.random, i, episode_seed(seed, 1))
    else:
        levels.status[i, EPISODE] = episode + 1
        seed_stream(levels.random, i, episode_seed(levels.seeds[i], episode + 1))
    _set_daylight(levels, i, rules)
    for item in range(NUM_ITEMS):
        levels.inventory[i, item] = int(levels.parameters[i, FIRST_ITEM + item])
    for achievement in range(len(ACHIEVEMENTS)):
        levels.achievements[i, achievement] = 0
    levels.status[i, FACING] = DOWN
    levels.status[i, HEALTH_BEFORE] = levels.status[i, HEALTH_REWARDED] = levels.inventory[i, HEALTH]
    for x in range(AREA):
        for y in range(AREA):
            levels.occupants[i, x, y] = 0
    add_object(levels, i, PLAYER, AREA // 2, AREA // 2, 0)
    generate_world(levels, i, slices)
    count_spaces(levels, i)
    _pass_over_noise(levels, i)


@register_jitable(forceinline=True)
def _unlock(levels: Any, i: Any) -> Any:
    """Notes achievements done for the first time in this episode, and says whether there are any."""
    before = levels.status[i, UNLOCKED]
    unlocked = before
    for achievement in range(len(ACHIEVEMENTS)):
        if levels.achievements[i, achievement] > 0:
            unlocked |= 1 << achievement
    levels.status[i, UNLOCKED] = unlocked
    return unlocked != before


@register_jitable(forceinline=True)
def step_level(levels: Any, i: Any, action: Any, rules: Any) -> Any:
    """One step: (reward, terminated)."""
    levels.status[i, STEP] += 1
    _set_daylight(levels, i, rules)
    # What is planted or shot in this step lives from the next on.
    count = levels.status[i, NUM_OBJECTS]
    update_player(levels, i, action)
    for slot in range(1, count):
        if distance_to_player(levels, i, levels.objects[i, slot, X], levels.objects[i, slot, Y]) < AWAKE_WITHIN:
            update_creature(levels, i, slot)
    if levels.status[i, STEP] % EVERY == 0:
        balance(levels, i)
    free_slots(levels, i)
    _pass_over_noise(levels, i)
    health = levels.inventory[i, HEALTH]
    reward = (health - levels.status[i, HEALTH_REWARDED]) / 10
    levels.status[i, HEALTH_REWARDED] = health
    if _unlock(levels, i):
        reward += 1.0
    return reward, health <= 0
