"""What comes of using an item, where nature is whole: wood is stripped, pumpkins are carved, concrete hardens, bottles
fill, maps are drawn, bees give honey, and one fishes.

All of it is done before the rest of a step, which then has nothing left to do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import (
    BEE_NEST,
    BOTTLE,
    CARVED_PUMPKIN,
    DRAWN_MAP,
    HONEY_BOTTLE,
    HONEYCOMB,
    MAP,
    PLACE,
    PUMPKIN,
    PUMPKIN_SEEDS,
    ROD,
    SHEARS,
    USE,
    WATER,
    WATER_BOTTLE,
)
from palaestra_worlds.overworld.inventory import change, slot_of, wear_held
from palaestra_worlds.overworld.mobs import draw
from palaestra_worlds.overworld.player import NOTHING_HIT, REACH, first_hit, place, seen_cell
from palaestra_worlds.overworld.state import CLOCK, HELD, ITEM, X, Y, Z, cell_number, is_inside
from palaestra_worlds.overworld.tables import BLOCK, numbers

HONEY_TICKS = 3000
"""Until an emptied nest has honey again: five bees' returns. A guess; compare https://minecraft.wiki/w/Bee."""
COMBS, CARVED_SEEDS = 3, 1
BITES_FROM, BITES_TO = 100, 600
"""Ticks until something bites. Source: https://minecraft.wiki/w/Fishing."""
_FISH = (("cod", 60), ("salmon", 25), ("pufferfish", 13), ("tropical_fish", 2))
_JUNK = (
    ("lily_pad", 17),
    ("bowl", 10),
    ("fishing_rod", 2),
    ("leather", 10),
    ("leather_boots", 10),
    ("rotten_flesh", 10),
    ("stick", 5),
    ("string", 5),
    ("potion", 10),
    ("bone", 10),
    ("ink_sac", 1),
    ("tripwire_hook", 10),
)
_TREASURE = tuple(
    (name, 1) for name in ("bow", "enchanted_book", "fishing_rod", "name_tag", "nautilus_shell", "saddle")
)
_SHARES = ((_FISH, 8500), (_JUNK, 1000), (_TREASURE, 500))
"""Of ten thousand catches, without luck. Source: https://minecraft.wiki/w/Fishing#Junk_and_treasure."""


def _catches() -> np.ndarray[Any, np.dtype[np.int64]]:
    """(catches, 2): item, and of a million draws up to which it is what bites."""
    rows: list[tuple[int, int]] = []
    end = 0.0
    for kinds, share in _SHARES:
        for name, weight in kinds:
            end += 100 * share * weight / sum(weight for _, weight in kinds)
            rows.append((numbers().item[name], round(end)))
    return np.array(rows, np.int64)


def _becomes(pairs: list[tuple[str, str]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    found = np.zeros(len(numbers().blocks), np.int64)
    for before, after in pairs:
        found[numbers().block[before]] = numbers().block[after]
    return found


CATCHES = _catches()
STRIPPED = _becomes(
    [(name.removeprefix("stripped_"), name) for name in numbers().blocks if name.startswith("stripped_")]
)
"""By block: what an axe makes of it, 0 for nothing."""
HARDENED = _becomes(
    [(name, name.removesuffix("_powder")) for name in numbers().blocks if name.endswith("_concrete_powder")]
)
"""By block: what water makes of it."""
IS_AXE = np.array([name.endswith("_axe") for name in numbers().items])


@jitable
def _harden(levels: Any, i: Any) -> None:
    """Concrete powder within reach that touches water."""
    for right in range(-REACH, REACH + 1):
        for ahead in range(-REACH, REACH + 1):
            for up in range(-REACH, REACH + 1):
                x, z, y = levels.status[i, X] + right, levels.status[i, Z] + ahead, levels.status[i, Y] + 1 + up
                if (
                    is_inside(x, z, y)
                    and HARDENED[levels.blocks[i, x, z, y]] > 0
                    and _touches_water(levels, i, x, z, y)
                ):
                    levels.blocks[i, x, z, y] = HARDENED[levels.blocks[i, x, z, y]]


@jitable
def _touches_water(levels: Any, i: Any, x: Any, z: Any, y: Any) -> Any:
    for way in range(5):
        a, b, c = x + (way == 0) - (way == 1), z + (way == 2) - (way == 3), y + (way == 4)
        if is_inside(a, b, c) and levels.blocks[i, a, b, c] == WATER:
            return True
    return False


@jitable
def _empty_nest(levels: Any, i: Any, number: Any) -> Any:
    """Whether a nest has honey; it has none for a while then."""
    empty, now = 0, levels.status[i, CLOCK]
    for k in range(levels.nests.shape[1]):
        if levels.nests[i, k, 0] == number and levels.nests[i, k, 1] > now:
            return False
        if levels.nests[i, k, 1] < levels.nests[i, empty, 1]:
            empty = k
    levels.nests[i, empty, 0] = number
    levels.nests[i, empty, 1] = now + HONEY_TICKS
    return True


@jitable
def _fish(levels: Any, i: Any, tables: Any) -> None:
    """Until something bites; it comes to the player."""
    levels.status[i, CLOCK] += draw(levels, i, BITES_FROM, BITES_TO + 1) - 1
    lot = draw(levels, i, 0, 1_000_000)
    for k in range(CATCHES.shape[0]):
        if lot < CATCHES[k, 1]:
            change(levels, i, CATCHES[k, 0], 1)
            break
    wear_held(levels, i, tables)


@jitable
def _use_on_block(levels: Any, i: Any, tables: Any, held: Any, x: Any, z: Any, y: Any) -> Any:
    """What is in hand on a block; whether anything comes of it."""
    block = levels.blocks[i, x, z, y]
    if IS_AXE[held] and STRIPPED[block] > 0:
        levels.blocks[i, x, z, y] = STRIPPED[block]
        wear_held(levels, i, tables)
    elif held == SHEARS and block == PUMPKIN:
        levels.blocks[i, x, z, y] = CARVED_PUMPKIN
        change(levels, i, PUMPKIN_SEEDS, CARVED_SEEDS)
        wear_held(levels, i, tables)
    elif held == SHEARS and block == BEE_NEST:
        if _empty_nest(levels, i, cell_number(x, z, y) + 1):
            change(levels, i, HONEYCOMB, COMBS)
            wear_held(levels, i, tables)
    elif held == BOTTLE and block == BEE_NEST:
        if _empty_nest(levels, i, cell_number(x, z, y) + 1):
            change(levels, i, BOTTLE, -1)
            change(levels, i, HONEY_BOTTLE, 1)
    else:
        return False
    return True


@jitable
def use_item(levels: Any, i: Any, tables: Any, kind: Any, item: Any) -> Any:
    """What an action does that this module is about; whether that is all that it does."""
    held = levels.slots[i, levels.status[i, HELD], ITEM]
    if kind == PLACE and HARDENED[tables.items[item, BLOCK]] > 0:
        place(levels, i, tables, item, first_hit(levels, i, False))
        _harden(levels, i)
        return True
    if kind != USE:
        return False
    if held == MAP and slot_of(levels, i, MAP) >= 0:
        change(levels, i, MAP, -1)
        change(levels, i, DRAWN_MAP, 1)
        return True
    wet = first_hit(levels, i, True)
    if wet == NOTHING_HIT:
        return False
    x, z, y = seen_cell(levels, i, wet)
    if levels.blocks[i, x, z, y] == WATER and held == BOTTLE:
        change(levels, i, BOTTLE, -1)
        change(levels, i, WATER_BOTTLE, 1)
        return True
    if levels.blocks[i, x, z, y] == WATER and held == ROD:
        _fish(levels, i, tables)
        return True
    return _use_on_block(levels, i, tables, held, x, z, y)
