"""Rabbits, and what swims: where they live and how they go about, in worlds where nature is whole."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import WATER
from palaestra_worlds.overworld.mob_kinds import RABBIT
from palaestra_worlds.overworld.mobs import (
    COMES_BACK_TICKS,
    FAR_AWAY,
    LONGEST_STROLL,
    RESTING_TICKS,
    appear,
    draw,
    fall_or_float,
    has_room,
    step_to,
)
from palaestra_worlds.overworld.state import (
    CLOCK,
    FLEES,
    HEADING,
    HEIGHT,
    KIND,
    LIVED,
    MOB_X,
    MOB_Y,
    MOB_Z,
    MORE_OF_A_KIND,
    MOST_MORE,
    NEXT,
    SEA_LEVEL,
    SIDE,
    STEPS,
    STRIDES,
    X,
    Z,
    animals_end,
    is_free,
)
from palaestra_worlds.overworld.tables import HOMES, RUNS, SOLID, WALKS
from palaestra_worlds.random_streams import STATE_HIGH, STATE_LOW

TRIES = 400
"""Places looked at for one, as an episode begins, before there is none."""
SWIMS_DOWN_TO = 4
"""Cells below the sea's surface."""


@jitable
def _place_for(levels: Any, i: Any, tables: Any, kind: Any, x: Any, z: Any) -> Any:
    """Height at which one of a kind can be in a column, -1 if it does not live there."""
    if (tables.mobs[kind, HOMES] >> levels.biomes[i, x, z]) & 1 == 0:
        return -1
    if kind == RABBIT:
        y = levels.surface[i, x, z] + 1
        if y <= SEA_LEVEL or y + 2 >= HEIGHT or not tables.blocks[levels.blocks[i, x, z, y - 1], SOLID]:
            return -1
        return y if has_room(levels, i, tables, kind, x, z, y) else -1
    is_deep = levels.blocks[i, x, z, SEA_LEVEL] == WATER and levels.blocks[i, x, z, SEA_LEVEL - 1] == WATER
    return SEA_LEVEL - 1 if is_deep else -1


@jitable
def _come(levels: Any, i: Any, tables: Any, place: Any, least_far: Any, now: Any) -> Any:
    """One in an empty place, somewhere so far from the player; whether one came."""
    kind = RABBIT + place // MORE_OF_A_KIND
    x, z = draw(levels, i, 1, SIDE - 1), draw(levels, i, 1, SIDE - 1)
    y = _place_for(levels, i, tables, kind, x, z)
    if y < 0 or abs(x - levels.status[i, X]) + abs(z - levels.status[i, Z]) < least_far:
        return False
    appear(levels, i, tables, animals_end(levels) + place, kind, x, z, y, now)
    return True


@jitable
def populate_wild(levels: Any, i: Any, tables: Any) -> None:
    """Some of each kind, where it lives, as an episode begins; after `mobs.populate`."""
    if levels.mobs.shape[1] == 0:
        levels.mob_random[i] = levels.random[i, STATE_HIGH] ^ levels.random[i, STATE_LOW]
    for k in range(levels.nests.shape[1]):
        levels.nests[i, k, 0] = 0
    for place in range(MOST_MORE if levels.mobs.shape[1] > 0 else 0):
        came = False
        for _attempt in range(TRIES):
            if not came:
                came = _come(levels, i, tables, place, 0, 0)


@jitable
def _swim(levels: Any, i: Any, k: Any, heading: Any) -> Any:
    """One cell on, heading 4 up and 5 down, through water; whether there was any."""
    x, z, y = levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y]
    if heading < 4:
        x, z = x + STEPS[heading, 0], z + STEPS[heading, 1]
    else:
        y += 1 if heading == 4 else -1
    if not (0 <= x < SIDE and 0 <= z < SIDE and SEA_LEVEL - SWIMS_DOWN_TO <= y < SEA_LEVEL):
        return False
    if levels.blocks[i, x, z, y] != WATER:
        return False
    levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y] = x, z, y
    return True


@jitable
def _go_about(levels: Any, i: Any, tables: Any, k: Any, now: Any) -> Any:
    """What one does next; gives the ticks until it does something again."""
    kind = levels.mobs[i, k, KIND]
    x, z, y = levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y]
    if kind == RABBIT:
        if fall_or_float(levels, i, tables, k):
            return 2
    elif levels.blocks[i, x, z, y] != WATER and y > 1 and is_free(levels, i, tables, x, z, y - 1):
        levels.mobs[i, k, MOB_Y] = y - 1
        return 2
    flees = levels.mobs[i, k, FLEES] > now
    if levels.mobs[i, k, STRIDES] <= 0:
        if not flees and draw(levels, i, 0, 3) > 0:
            return RESTING_TICKS
        levels.mobs[i, k, HEADING] = draw(levels, i, 0, 4 if kind == RABBIT else 6)
        levels.mobs[i, k, STRIDES] = draw(levels, i, 1, LONGEST_STROLL + 1)
    levels.mobs[i, k, STRIDES] -= 1
    heading = levels.mobs[i, k, HEADING]
    moved = step_to(levels, i, tables, k, heading) if kind == RABBIT else _swim(levels, i, k, heading)
    if not moved:
        levels.mobs[i, k, STRIDES] = 0
    return tables.mobs[kind, RUNS if flees else WALKS]


@jitable
def roam_wild(levels: Any, i: Any, tables: Any) -> None:
    """All of them up to the clock; called before LIVED is set to it."""
    if levels.mobs.shape[1] == 0:
        return
    now, first = levels.status[i, CLOCK], animals_end(levels)
    if now // COMES_BACK_TICKS != levels.status[i, LIVED] // COMES_BACK_TICKS:
        for place in range(MOST_MORE):
            if levels.mobs[i, first + place, KIND] == 0:
                _come(levels, i, tables, place, FAR_AWAY, now)
    for k in range(first, first + MOST_MORE):
        while levels.mobs[i, k, KIND] > 0 and levels.mobs[i, k, NEXT] <= now:
            levels.mobs[i, k, NEXT] += _go_about(levels, i, tables, k, levels.mobs[i, k, NEXT])
