"""Falling, breathing, burning, hunger and healing, as the game has them at normal difficulty."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import LAVA as LAVA_BLOCK
from palaestra_worlds.overworld.constants import WATER
from palaestra_worlds.overworld.state import (
    AIR,
    DIED_OF,
    DIFFICULTY,
    DROWNING,
    EXHAUSTION,
    FALL,
    FOOD,
    FULL,
    FULL_AIR,
    HEALTH,
    HEIGHT,
    HUNGER,
    LAVA,
    PEACEFUL,
    SATURATION,
    SINCE_HEALED,
    SINCE_HURT,
    X,
    Y,
    Z,
    is_free,
)

SAFE_FALL = 3
"""Cells."""
EXHAUSTED = 4.0
"""Exhaustion that takes a point of saturation, or of food where there is none."""
HEALING_FROM = 18
"""Food from which one heals."""
HEALING_TICKS, LAVA_TICKS, DROWNING_TICKS = 80, 10, 20
PEACEFUL_HEALING_TICKS = 20
STARVED = (FULL, 10, 1, 0)
"""Health that hunger leaves, by difficulty."""
LAVA_DAMAGE, DROWNING_DAMAGE = 4, 2
HEALING_EXHAUSTION = 6.0


@jitable
def hurt(levels: Any, i: Any, damage: Any, cause: Any) -> None:
    if damage > 0 and levels.status[i, HEALTH] > 0:
        levels.status[i, HEALTH] = max(0, levels.status[i, HEALTH] - damage)
        levels.status[i, DIED_OF] = cause


@jitable
def _block_at(levels: Any, i: Any, above: Any) -> Any:
    y = levels.status[i, Y] + above
    return levels.blocks[i, levels.status[i, X], levels.status[i, Z], y] if 0 <= y < HEIGHT else 0


@jitable
def fall(levels: Any, i: Any, tables: Any, rose: Any) -> None:
    """Down to firm ground; in water by one cell, unless the player has just swum up."""
    x, z = levels.status[i, X], levels.status[i, Z]
    fallen = 0
    while is_free(levels, i, tables, x, z, levels.status[i, Y] - 1):
        feet = _block_at(levels, i, 0)
        if feet == WATER or feet == LAVA_BLOCK:
            fallen = 0
            if rose:
                break
            levels.status[i, Y] -= 1
            break
        if rose and _block_at(levels, i, -1) == WATER:
            break
        levels.status[i, Y] -= 1
        fallen += 1
    feet = _block_at(levels, i, 0)
    if feet != WATER and feet != LAVA_BLOCK:
        hurt(levels, i, fallen - SAFE_FALL, FALL)


@jitable
def _breathe(levels: Any, i: Any, ticks: Any) -> None:
    if _block_at(levels, i, 1) != WATER:
        levels.status[i, AIR] = FULL_AIR
        return
    levels.status[i, AIR] -= ticks
    while levels.status[i, AIR] <= -DROWNING_TICKS:
        levels.status[i, AIR] += DROWNING_TICKS
        hurt(levels, i, DROWNING_DAMAGE, DROWNING)


@jitable
def _tire(levels: Any, i: Any) -> None:
    while levels.body[i, EXHAUSTION] >= EXHAUSTED:
        levels.body[i, EXHAUSTION] -= EXHAUSTED
        if levels.status[i, DIFFICULTY] == PEACEFUL:
            continue
        if levels.body[i, SATURATION] > 0:
            levels.body[i, SATURATION] = max(0.0, levels.body[i, SATURATION] - 1)
        else:
            levels.status[i, FOOD] = max(0, levels.status[i, FOOD] - 1)


@jitable
def _heal_or_starve(levels: Any, i: Any, ticks: Any) -> None:
    food, is_peaceful = levels.status[i, FOOD], levels.status[i, DIFFICULTY] == PEACEFUL
    heals = (food >= HEALING_FROM or is_peaceful) and levels.status[i, HEALTH] < FULL
    healing_ticks = PEACEFUL_HEALING_TICKS if is_peaceful else HEALING_TICKS
    if not heals and food > 0:
        levels.status[i, SINCE_HEALED] = 0
        return
    levels.status[i, SINCE_HEALED] += ticks
    while levels.status[i, SINCE_HEALED] >= healing_ticks:
        levels.status[i, SINCE_HEALED] -= healing_ticks
        if heals:
            levels.status[i, HEALTH] = min(FULL, levels.status[i, HEALTH] + 1)
            levels.body[i, EXHAUSTION] += HEALING_EXHAUSTION
        elif levels.status[i, HEALTH] > STARVED[levels.status[i, DIFFICULTY]]:
            hurt(levels, i, 1, HUNGER)


@jitable
def live(levels: Any, i: Any, ticks: Any) -> None:
    """So many ticks of breathing, burning, hunger and healing."""
    _breathe(levels, i, ticks)
    if _block_at(levels, i, 0) == LAVA_BLOCK or _block_at(levels, i, 1) == LAVA_BLOCK:
        levels.status[i, SINCE_HURT] += ticks
        while levels.status[i, SINCE_HURT] >= LAVA_TICKS:
            levels.status[i, SINCE_HURT] -= LAVA_TICKS
            hurt(levels, i, LAVA_DAMAGE, LAVA)
    else:
        levels.status[i, SINCE_HURT] = LAVA_TICKS - 1
    _tire(levels, i)
    _heal_or_starve(levels, i, ticks)
