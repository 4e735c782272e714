"""What draws decide of a new world, where noise leaves it open: ores, trees, the first creatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import allocating, inlined, jitable
from palaestra_worlds.crafter.balance import COW_HEALTH, ZOMBIE_HEALTH
from palaestra_worlds.crafter.noise_maps import WIDTH
from palaestra_worlds.crafter.random import skip_doubles, take_doubles
from palaestra_worlds.crafter.state import (
    AREA,
    COAL,
    COAL_ABOVE,
    COW,
    COW_ABOVE,
    GRASS,
    NOBODY,
    NUM_RANDOM,
    PATH,
    SKELETON,
    SKELETON_ABOVE,
    TREE,
    TREE_ABOVE,
    ZOMBIE,
    ZOMBIE_ABOVE,
    add_object,
    is_walkable,
)

# A code says what is known of a cell before anything is drawn: a material or TUNNEL, plus what a draw may put there.
TUNNEL = 0
_MATERIAL = 15
MAYBE_COAL, MAYBE_IRON, MAYBE_DIAMOND, MAYBE_TREE = 16, 32, 64, 128
_NUM_ORES = 3
"""Coal, iron, diamond: in this order in all that numbers them."""
_BATCH = 64
"""Cells that are drawn before it is seen whether there are doubles enough."""
_MOST_OF_A_CELL = 3
"""Doubles that a cell can take."""
_DOUBLES_AHEAD = 624
_0, _1 = np.uint64(0), np.uint64(1)


@inlined
def squared_distance(x: Any, y: Any) -> Any:
    """From the world's centre, where the player starts, as the crow flies."""
    across, down = x - AREA // 2, y - AREA // 2
    return across * across + down * down


@jitable
def _fill_up(ahead: Any, doubles: Any, next: Any) -> Any:
    """Makes sure that doubles for a batch of cells are there, and says which is next."""
    left = len(doubles) - np.int64(next)
    if left >= _BATCH * _MOST_OF_A_CELL:
        return next
    for k in range(left):
        doubles[k] = doubles[np.int64(next) + k]
    take_doubles(ahead, doubles, left)
    return _0


@jitable
def _draw_materials(level: Any, codes: Any, cells: Any, ahead: Any, doubles: Any) -> Any:
    """Draws what codes leave open; (which double is next, how many were used).

    The cells that need a draw are listed first, without branches, which could not be foreseen. Draws are written out,
    and so are those of creatures: a function that is given an array counts who holds it, which takes longer.
    """
    count = 0
    for x in range(AREA):
        for y in range(AREA):
            code = codes[x * WIDTH + y]
            level.materials[x, y] = PATH if code == TUNNEL else code & _MATERIAL
            cells[count] = x * AREA + y
            count += code > _MATERIAL
    next, used = _0, _0
    for start in range(0, count, _BATCH):
        next = first = _fill_up(ahead, doubles, next)
        for k in range(start, min(start + _BATCH, count)):
            x, y = cells[k] // AREA, cells[k] % AREA
            code = codes[x * WIDTH + y]
            if code & MAYBE_TREE:
                level.materials[x, y] = TREE if doubles[next] > level.parameters[TREE_ABOVE] else GRASS
                next += _1
                continue
            for ore in range(_NUM_ORES):
                if not code & MAYBE_COAL << ore:
                    continue
                next += _1
                if doubles[next - _1] > level.parameters[COAL_ABOVE + ore]:
                    level.materials[x, y] = COAL + ore
                    break
        used += next - first
    return next, used


@jitable
def _draw_creatures(level: Any, codes: Any, cells: Any, ahead: Any, doubles: Any, next: Any) -> Any:
    """Puts the first creatures where draws put them; how many doubles were used."""
    count = 0
    for x in range(AREA):
        for y in range(AREA):
            cells[count] = x * AREA + y
            count += is_walkable(level.materials[x, y])
    used = _0
    for start in range(0, count, _BATCH):
        next = first = _fill_up(ahead, doubles, next)
        for k in range(start, min(start + _BATCH, count)):
            x, y = np.int64(cells[k]) // AREA, np.int64(cells[k]) % AREA
            distance, kind = squared_distance(x, y), NOBODY
            if level.materials[x, y] == GRASS and distance > 3 * 3:
                kind = COW if doubles[next] > level.parameters[COW_ABOVE] else NOBODY
                next += _1
            if kind == NOBODY and distance > 10 * 10:
                kind = ZOMBIE if doubles[next] > level.parameters[ZOMBIE_ABOVE] else NOBODY
                next += _1
            if kind == NOBODY and codes[x * WIDTH + y] == TUNNEL:
                kind = SKELETON if doubles[next] > level.parameters[SKELETON_ABOVE] else NOBODY
                next += _1
            if kind != NOBODY:
                # Skeletons have as much as cows.
                add_object(level, kind, x, y, ZOMBIE_HEALTH if kind == ZOMBIE else COW_HEALTH, 0)
        used += next - first
    return used


@allocating
def draw(level: Any, codes: Any) -> None:
    """Draws materials, then creatures. Doubles are made many at a time, and the stream is put to where it stands after
    those that were used."""
    cells = np.empty(AREA * AREA + 1, dtype=np.uint16)
    ahead, doubles = np.empty(NUM_RANDOM, dtype=np.uint32), np.empty(_DOUBLES_AHEAD)
    for k in range(NUM_RANDOM):
        ahead[k] = level.random[k]
    take_doubles(ahead, doubles, 0)
    next, used = _draw_materials(level, codes, cells, ahead, doubles)
    used += _draw_creatures(level, codes, cells, ahead, doubles, next)
    skip_doubles(level, np.int64(used))
