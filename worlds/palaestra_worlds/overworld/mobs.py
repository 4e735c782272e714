"""Animals: where they live, and how they go about and flee.

They draw from a random stream of their own, so that a world's land and its drops are the same with them and without.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import (
    CARROT,
    GRASS_BLOCK,
    LAVA,
    SEEDS,
    WATER,
    WHEAT_ITEM,
)
from palaestra_worlds.overworld.mob_kinds import ALL_MOBS, CHICKEN, COW, PASSIVE, PIG, RABBIT, SHEEP
from palaestra_worlds.overworld.player import seen_cell
from palaestra_worlds.overworld.state import (
    CLOCK,
    FLEES,
    HEADING,
    HEIGHT,
    HELD,
    HERD,
    HERDS,
    ITEM,
    KIND,
    LIVED,
    MOB_HEALTH,
    MOB_X,
    MOB_Y,
    MOB_Z,
    MOST_ANIMALS,
    NEXT,
    SEA_LEVEL,
    SHORN,
    SIDE,
    STEPS,
    STRIDES,
    X,
    Y,
    Z,
    is_free,
)
from palaestra_worlds.overworld.tables import (
    FULL_HEALTH,
    HOMES,
    IS_TALL,
    RUNS,
    TALL,
    WALKS,
)
from palaestra_worlds.random_streams import STATE_HIGH, STATE_LOW

MOB_REACH = 3
"""Cells from the eyes within which a mob is hit."""
TRIES = 60
"""Places looked at for a herd, before there is none."""
SCATTER = 3
"""Cells around its middle over which a herd is spread."""
RESTING_TICKS, STROLLS_AFTER = 20, 6
"""One that stands about goes on a stroll every sixth time that it thinks, as the game's do every 120 ticks."""
LONGEST_STROLL, LONGEST_FLIGHT = 8, 5
SAFE_DROP = 3
COMES_BACK_TICKS = 400
"""How often there is one more where animals of a kind were hunted."""
LURES = np.zeros(len(ALL_MOBS) + 1, np.int64)
LURES[[COW, PIG, SHEEP, CHICKEN, RABBIT]] = WHEAT_ITEM, CARROT, WHEAT_ITEM, SEEDS, CARROT
"""By kind: the item in a player's hand that it follows; 0 where it follows none."""
LURED_WITHIN = 10
"""Cells from the player, as in the game."""
LAYS_FROM, LAYS_TO = 6000, 12_000
"""Ticks between a hen's eggs. Source: https://minecraft.wiki/w/Egg."""
FAR_AWAY = 24
"""Cells from the player beyond which they appear."""


@jitable
def draw(levels: Any, i: Any, low: Any, high: Any) -> Any:
    """A number from low to high - 1 out of the mobs' own stream.

    SplitMix64 (https://prng.di.unimi.it/splitmix64.c): much less to compile than NumPy's generator, which nothing asks
    for here.
    """
    state = levels.mob_random[i] + np.uint64(0x9E3779B97F4A7C15)
    levels.mob_random[i] = state
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return low + np.int64(mixed >> np.uint64(33)) % (high - low)


@jitable
def mob_at(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> Any:
    """The place of a mob that is in this cell, -1 if there is none."""
    for k in range(levels.mobs.shape[1]):
        kind = levels.mobs[i, k, KIND]
        is_here = kind > 0 and levels.mobs[i, k, MOB_X] == x and levels.mobs[i, k, MOB_Z] == z
        if is_here and 0 <= y - levels.mobs[i, k, MOB_Y] < tables.mobs[kind, TALL]:
            return k
    return -1


@jitable
def mob_ahead(levels: Any, i: Any, tables: Any, most: Any) -> Any:
    """The place of the first mob in view within reach, -1 if there is none.

    Args:
        most: cells to look at: those before the first block.
    """
    for k in range(min(most, MOB_REACH)):
        x, z, y = seen_cell(levels, i, k)
        found = mob_at(levels, i, tables, x, z, y)
        if found >= 0:
            return found
    return -1


@jitable
def has_room(levels: Any, i: Any, tables: Any, kind: Any, x: Any, z: Any, y: Any) -> Any:
    has_room = True
    for above in range(tables.mobs[kind, TALL]):
        has_room &= is_free(levels, i, tables, x, z, y + above)
    return has_room


@jitable
def _is_home(levels: Any, i: Any, tables: Any, kind: Any, x: Any, z: Any) -> Any:
    """Whether a column has grass under open sky in a biome where the kind lives."""
    y = np.int64(levels.surface[i, x, z])
    if (tables.mobs[kind, HOMES] >> levels.biomes[i, x, z]) & 1 == 0 or y < SEA_LEVEL or y + 3 >= HEIGHT:
        return False
    return levels.blocks[i, x, z, y] == GRASS_BLOCK and has_room(levels, i, tables, kind, x, z, y + 1)


@jitable
def appear(levels: Any, i: Any, tables: Any, k: Any, kind: Any, x: Any, z: Any, y: Any, now: Any) -> None:
    """A mob in an empty place."""
    levels.mobs[i, k, KIND] = kind
    levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y] = x, z, y
    levels.mobs[i, k, MOB_HEALTH] = tables.mobs[kind, FULL_HEALTH]
    levels.mobs[i, k, NEXT] = now + draw(levels, i, 1, RESTING_TICKS + 1)
    levels.mobs[i, k, HEADING] = levels.mobs[i, k, STRIDES] = 0
    levels.mobs[i, k, FLEES] = levels.mobs[i, k, SHORN] = 0
    if kind == CHICKEN and levels.nests.shape[1] > 0:
        levels.mobs[i, k, SHORN] = now + draw(levels, i, 0, LAYS_TO + 1)


@jitable
def populate(levels: Any, i: Any, tables: Any) -> None:
    """Herds of each kind of animals, where they live, as an episode begins."""
    levels.mob_random[i] = levels.random[i, STATE_HIGH] ^ levels.random[i, STATE_LOW]
    for k in range(levels.mobs.shape[1]):
        levels.mobs[i, k, KIND] = 0
    for herd in range(len(PASSIVE) * HERDS):
        kind = herd // HERDS + 1
        came = 0
        for _attempt in range(TRIES):
            x = draw(levels, i, SCATTER, SIDE - SCATTER)
            z = draw(levels, i, SCATTER, SIDE - SCATTER)
            if came == 0 and _is_home(levels, i, tables, kind, x, z):
                for _member in range(3 * HERD):
                    a = x + draw(levels, i, -SCATTER, SCATTER + 1)
                    b = z + draw(levels, i, -SCATTER, SCATTER + 1)
                    if came < HERD and _is_home(levels, i, tables, kind, a, b):
                        appear(levels, i, tables, herd * HERD + came, kind, a, b, levels.surface[i, a, b] + 1, 0)
                        came += 1


@jitable
def _come_back(levels: Any, i: Any, tables: Any, now: Any) -> None:
    """One more animal of the kind of which there are fewest, far from the player: the world is too small to walk on to
    where there are others."""
    empty = fewest = -1
    least = HERDS * HERD
    for kind in range(1, len(PASSIVE) + 1):
        count, first = 0, -1
        for k in range((kind - 1) * HERDS * HERD, kind * HERDS * HERD):
            if levels.mobs[i, k, KIND] > 0:
                count += 1
            else:
                first = k
        if count < least:
            least, fewest, empty = count, kind, first
    if fewest < 0:
        return
    x, z = draw(levels, i, 0, SIDE), draw(levels, i, 0, SIDE)
    far = abs(x - levels.status[i, X]) + abs(z - levels.status[i, Z]) >= FAR_AWAY
    if far and _is_home(levels, i, tables, fewest, x, z):
        appear(levels, i, tables, empty, fewest, x, z, levels.surface[i, x, z] + 1, now)


@jitable
def step_to(levels: Any, i: Any, tables: Any, k: Any, heading: Any) -> Any:
    """One cell on, up or down at most a step; whether there was a way. Nobody goes into lava, from land into water, or
    where it would fall deep."""
    kind = levels.mobs[i, k, KIND]
    x, z, y = levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y]
    a, b = x + STEPS[heading, 0], z + STEPS[heading, 1]
    if not (0 <= a < SIDE and 0 <= b < SIDE and 0 < y < HEIGHT - 3):
        return False
    c = y
    if not is_free(levels, i, tables, a, b, y):
        if tables.blocks[levels.blocks[i, a, b, y], IS_TALL]:
            return False
        c = y + 1
        if not has_room(levels, i, tables, kind, x, z, c):
            return False
    if not has_room(levels, i, tables, kind, a, b, c):
        return False
    swims = levels.blocks[i, x, z, y] == WATER
    ground = c
    while ground > c - SAFE_DROP - 1 and ground > 0 and is_free(levels, i, tables, a, b, ground - 1):
        block = levels.blocks[i, a, b, ground]
        if block == LAVA or (block == WATER and not swims):
            return False
        if block == WATER:
            break
        ground -= 1
    block = levels.blocks[i, a, b, ground]
    if c - ground > SAFE_DROP or block == LAVA or (block == WATER and not swims):
        return False
    is_player = levels.status[i, X] == a and levels.status[i, Z] == b and abs(levels.status[i, Y] - c) < 2
    if is_player or mob_at(levels, i, tables, a, b, c) >= 0:
        return False
    levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y] = a, b, c
    return True


@jitable
def fall_or_float(levels: Any, i: Any, tables: Any, k: Any) -> Any:
    """One cell up in water or out of a block, or down in air; whether it moved."""
    x, z, y = levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y]
    feet = levels.blocks[i, x, z, y]
    sinks = feet == WATER and y + 1 < HEIGHT and levels.blocks[i, x, z, y + 1] == WATER
    if sinks or (y + 1 < HEIGHT and not is_free(levels, i, tables, x, z, y)):
        levels.mobs[i, k, MOB_Y] = y + 1
        return True
    if feet != WATER and y > 1 and is_free(levels, i, tables, x, z, y - 1):
        levels.mobs[i, k, MOB_Y] = y - 1
        return True
    return False


@jitable
def _is_lured(levels: Any, i: Any, k: Any) -> Any:
    """Whether the player is near with something in hand that the animal eats."""
    held = levels.slots[i, levels.status[i, HELD], ITEM]
    if held == 0 or held != LURES[levels.mobs[i, k, KIND]]:
        return False
    far = abs(levels.mobs[i, k, MOB_X] - levels.status[i, X]) + abs(levels.mobs[i, k, MOB_Z] - levels.status[i, Z])
    return far <= LURED_WITHIN and abs(levels.mobs[i, k, MOB_Y] - levels.status[i, Y]) <= SAFE_DROP


@jitable
def _follow(levels: Any, i: Any, tables: Any, k: Any) -> None:
    """A cell nearer to the player, up to beside it."""
    east = levels.status[i, X] - levels.mobs[i, k, MOB_X]
    south = levels.status[i, Z] - levels.mobs[i, k, MOB_Z]
    if abs(east) + abs(south) <= 1:
        return
    along_x, along_z = (1 if east > 0 else 3), (2 if south > 0 else 0)
    first, second = (along_x, along_z) if abs(east) >= abs(south) else (along_z, along_x)
    if not step_to(levels, i, tables, k, first) and east != 0 and south != 0:
        step_to(levels, i, tables, k, second)


@jitable
def _go_about(levels: Any, i: Any, tables: Any, k: Any, now: Any) -> Any:
    """What an animal does next; gives the ticks until it does something again."""
    kind = levels.mobs[i, k, KIND]
    if fall_or_float(levels, i, tables, k):
        return 2
    flees = levels.mobs[i, k, FLEES] > now
    if not flees and _is_lured(levels, i, k):
        levels.mobs[i, k, STRIDES] = 0
        _follow(levels, i, tables, k)
        return tables.mobs[kind, WALKS]
    if levels.mobs[i, k, STRIDES] <= 0:
        if not flees and draw(levels, i, 0, STROLLS_AFTER) > 0:
            return RESTING_TICKS
        longest = LONGEST_FLIGHT if flees else LONGEST_STROLL
        levels.mobs[i, k, HEADING] = draw(levels, i, 0, 4)
        levels.mobs[i, k, STRIDES] = draw(levels, i, 1, longest + 1)
    levels.mobs[i, k, STRIDES] -= 1
    if not step_to(levels, i, tables, k, levels.mobs[i, k, HEADING]):
        levels.mobs[i, k, STRIDES] = 0
    return tables.mobs[kind, RUNS if flees else WALKS]


@jitable
def roam(levels: Any, i: Any, tables: Any) -> None:
    """All animals up to the clock."""
    now = levels.status[i, CLOCK]
    if now // COMES_BACK_TICKS != levels.status[i, LIVED] // COMES_BACK_TICKS:
        _come_back(levels, i, tables, now)
    for k in range(MOST_ANIMALS):
        while levels.mobs[i, k, KIND] > 0 and levels.mobs[i, k, NEXT] <= now:
            levels.mobs[i, k, NEXT] += _go_about(levels, i, tables, k, levels.mobs[i, k, NEXT])
    levels.status[i, LIVED] = now
