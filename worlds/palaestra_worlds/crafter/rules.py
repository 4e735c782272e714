"""Crafter's rules: how an episode begins, the hour of the day, what a step earns."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import jitable
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
    NUM_ACHIEVEMENTS,
    NUM_ITEMS,
    NUM_RANDOM,
    NUM_STATUS,
    PLAYER,
    STEP,
    UNLOCKED,
    add_object,
)

ORIGINAL_DAY = 300
"""Steps of crafter's day."""


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


@jitable
def set_daylight(level: Any, rules: Any) -> None:
    """Daylight of the running step."""
    step = level.status[STEP] + int(level.parameters[DAY_START])
    length = level.parameters[DAY_LENGTH]
    if length == ORIGINAL_DAY:
        level.daylight = rules.clock[step]
    else:
        darkness = abs(np.cos(np.pi * ((step / length) % 1.0 + 0.3)))
        level.daylight = 1.0 - darkness * darkness * darkness


@jitable
def pass_over_noise(level: Any) -> None:
    """At night crafter's picture of each state draws noise from the world's random stream."""
    if level.daylight < 0.5:
        for k in range(NUM_RANDOM):
            level.night[k] = level.random[k]
        skip_doubles(level, NIGHT_DRAWS)


@jitable
def clear_level(level: Any, seed: Any) -> None:
    """Nothing of the last episode; the running parameters hold. Then `generate_world` makes the land.

    Args:
        level: a row of `Levels.rows`.
        seed: of the level; -1 for the environment's own next one.
    """
    episode = np.int64(level.status[EPISODE])
    number = seed
    if seed < 0:
        episode += 1
        number = level.seed
    for column in range(NUM_STATUS):
        level.status[column] = 0
    level.status[EPISODE] = episode
    seed_stream(level, episode_seed(number, episode if seed < 0 else 1))
    for item in range(NUM_ITEMS):
        level.inventory[item] = int(level.parameters[FIRST_ITEM + item])
    for achievement in range(NUM_ACHIEVEMENTS):
        level.achievements[achievement] = 0
    level.status[FACING] = DOWN
    level.status[HEALTH_BEFORE] = level.status[HEALTH_REWARDED] = level.inventory[HEALTH]
    for x in range(AREA):
        for y in range(AREA):
            level.occupants[x, y] = 0
    add_object(level, PLAYER, AREA // 2, AREA // 2, 0, 0)


@jitable
def pay(level: Any) -> Any:
    """The step's reward: a tenth of the health that came or went, 1 if anything was achieved for the first time."""
    health = level.inventory[HEALTH]
    reward = (health - level.status[HEALTH_REWARDED]) / 10
    level.status[HEALTH_REWARDED] = health
    unlocked = level.status[UNLOCKED]
    for achievement in range(NUM_ACHIEVEMENTS):
        if level.achievements[achievement] > 0:
            unlocked |= 1 << achievement
    if unlocked != level.status[UNLOCKED]:
        reward += 1.0
    level.status[UNLOCKED] = unlocked
    return reward
