"""Beds that one sleeps in, chests, and fields: tilled, sown, grown ripe and reaped.

All of it is done before the rest of a step, which then has nothing left to do.
"""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import (
    ATTACK,
    BONE_MEAL,
    DIRT,
    FARMLAND,
    GRASS_BLOCK,
    PLACE,
    SEEDS,
    STORE,
    TAKE,
    USE,
    WATER,
    WHEAT_BLOCK,
    WHEAT_ITEM,
)
from palaestra_worlds.overworld.inventory import add, change, slot_of, wear_held
from palaestra_worlds.overworld.mob_kinds import ZOMBIE
from palaestra_worlds.overworld.mobs import draw
from palaestra_worlds.overworld.player import NOTHING_HIT, seen_cell
from palaestra_worlds.overworld.state import (
    CHEST_SLOTS,
    CLOCK,
    COUNT,
    DAWN,
    HEIGHT,
    HELD,
    ITEM,
    KIND,
    MOB_X,
    MOB_Y,
    MOB_Z,
    SIDE,
    SLOTS,
    TICKS_PER_DAY,
    WORN,
    X,
    Y,
    Z,
    cell_number,
    is_inside,
)
from palaestra_worlds.overworld.tables import IS_BED, IS_CHEST, IS_HOE, STACK

BEDTIME, DAYBREAK = 12_542, 23_460
"""Ticks after sunrise between which one can sleep, in clear weather. From memory; to be
compared with https://minecraft.wiki/w/Bed."""
SLEEPING_TICKS = 100
UNSAFE = 8
"""Cells within which a monster keeps one awake."""
RIPE = 7
"""Stages of growth."""
GROWTH_TICKS = 1365
"""On average between two looks at a plant; 4096 cells of a section, three looked at a tick."""
WET_LOOKS, DRY_LOOKS = 7, 13
"""A single plant grows at one look in so many, on wet soil and on dry. From memory; to be
compared with https://minecraft.wiki/w/Wheat_Seeds."""
WET_WITHIN = 4
"""Cells from water."""
MOST_SEEDS = 3


@jitable
def _is_monster_near(levels: Any, i: Any) -> Any:
    is_near = False
    for k in range(levels.mobs.shape[1]):
        if levels.mobs[i, k, KIND] >= ZOMBIE:
            along = max(
                abs(levels.mobs[i, k, MOB_X] - levels.status[i, X]), abs(levels.mobs[i, k, MOB_Z] - levels.status[i, Z])
            )
            is_near |= along <= UNSAFE and abs(levels.mobs[i, k, MOB_Y] - levels.status[i, Y]) <= UNSAFE
    return is_near


@jitable
def _sleep(levels: Any, i: Any) -> None:
    """Until sunrise, if it is night and no monster is near. It takes the ticks of falling asleep: the sun goes on, the
    clock of the episode does not."""
    time = (levels.status[i, CLOCK] + levels.status[i, DAWN]) % TICKS_PER_DAY
    if BEDTIME <= time < DAYBREAK and not _is_monster_near(levels, i):
        levels.status[i, CLOCK] += SLEEPING_TICKS - 1
        levels.status[i, DAWN] += TICKS_PER_DAY - time - SLEEPING_TICKS


@jitable
def _plot_at(levels: Any, i: Any, number: Any) -> Any:
    """The place of what grows in a cell; for 0 an empty place; -1 if there is none."""
    found = -1
    for k in range(levels.plots.shape[1]):
        if levels.plots[i, k, 0] == number:
            found = k
    return found


@jitable
def _ticks_to_grow(levels: Any, i: Any, x: Any, z: Any, y: Any) -> Any:
    """Until the next stage of what stands in a cell."""
    is_wet = False
    for a in range(max(0, x - WET_WITHIN), min(SIDE, x + WET_WITHIN + 1)):
        for b in range(max(0, z - WET_WITHIN), min(SIDE, z + WET_WITHIN + 1)):
            is_wet |= levels.blocks[i, a, b, y - 1] == WATER
    looks = 1
    while draw(levels, i, 0, WET_LOOKS if is_wet else DRY_LOOKS) > 0:
        looks += 1
    return looks * GROWTH_TICKS


@jitable
def _sow(levels: Any, i: Any, x: Any, z: Any, y: Any) -> None:
    empty = _plot_at(levels, i, 0)
    if empty < 0 or slot_of(levels, i, SEEDS) < 0 or levels.blocks[i, x, z, y] != 0:
        return
    change(levels, i, SEEDS, -1)
    levels.blocks[i, x, z, y] = WHEAT_BLOCK
    levels.plots[i, empty, 0] = cell_number(x, z, y) + 1
    levels.plots[i, empty, 1] = 0
    levels.plots[i, empty, 2] = levels.status[i, CLOCK] + _ticks_to_grow(levels, i, x, z, y)


@jitable
def _reap(levels: Any, i: Any, x: Any, z: Any, y: Any) -> None:
    plot = _plot_at(levels, i, cell_number(x, z, y) + 1)
    levels.blocks[i, x, z, y] = 0
    if plot < 0:
        return
    if levels.plots[i, plot, 1] >= RIPE:
        change(levels, i, WHEAT_ITEM, 1)
        change(levels, i, SEEDS, draw(levels, i, 1, MOST_SEEDS + 1))
    else:
        change(levels, i, SEEDS, 1)
    levels.plots[i, plot, 0] = 0


@jitable
def _use_block(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> Any:
    """What is in hand on a block in view; whether that is anything."""
    block = levels.blocks[i, x, z, y]
    held = levels.slots[i, levels.status[i, HELD], ITEM]
    if tables.items[held, IS_HOE] and (block == DIRT or block == GRASS_BLOCK):
        if y + 1 < HEIGHT and levels.blocks[i, x, z, y + 1] == 0:
            levels.blocks[i, x, z, y] = FARMLAND
            wear_held(levels, i, tables)
        return True
    if held == BONE_MEAL and block == WHEAT_BLOCK:
        plot = _plot_at(levels, i, cell_number(x, z, y) + 1)
        if plot >= 0 and levels.plots[i, plot, 1] < RIPE:
            levels.plots[i, plot, 1] = min(RIPE, levels.plots[i, plot, 1] + draw(levels, i, 2, 6))
            change(levels, i, BONE_MEAL, -1)
        return True
    if tables.blocks[block, IS_BED]:
        _sleep(levels, i)
        return True
    return False


@jitable
def _chest_at(levels: Any, i: Any, number: Any) -> Any:
    found = -1
    for k in range(levels.chest_cells.shape[1]):
        if levels.chest_cells[i, k] == number:
            found = k
    return found


@jitable
def _store(levels: Any, i: Any, number: Any, item: Any) -> None:
    """All of an item goes into a chest, as far as there is room; 0: all that is not in hand."""
    chest = _chest_at(levels, i, number)
    if chest < 0:
        chest = _chest_at(levels, i, 0)
    k = 0
    for slot in range(SLOTS):
        found = levels.slots[i, slot, ITEM]
        is_meant = found == item if item > 0 else slot != levels.status[i, HELD]
        if chest < 0 or found == 0 or not is_meant:
            continue
        while k < CHEST_SLOTS and levels.chests[i, chest, k, ITEM] != 0:
            k += 1
        if k < CHEST_SLOTS:
            levels.chest_cells[i, chest] = number
            for column in (ITEM, COUNT, WORN):
                levels.chests[i, chest, k, column] = levels.slots[i, slot, column]
                levels.slots[i, slot, column] = 0


@jitable
def _take(levels: Any, i: Any, tables: Any, chest: Any, item: Any) -> None:
    """All of an item in a chest, as far as there is room; 0: of every item."""
    for k in range(CHEST_SLOTS):
        found = levels.chests[i, chest, k, ITEM]
        if found == 0 or (item != 0 and found != item):
            continue
        worn, empty = levels.chests[i, chest, k, WORN], slot_of(levels, i, 0)
        left = add(levels, i, found, levels.chests[i, chest, k, COUNT], tables.items[found, STACK])
        levels.chests[i, chest, k, COUNT] = left
        if left == 0:
            levels.chests[i, chest, k, ITEM] = levels.chests[i, chest, k, WORN] = 0
            if worn > 0:
                # What wears fills a slot of its own.
                levels.slots[i, empty, WORN] = worn


@jitable
def keep_house(levels: Any, i: Any, tables: Any, kind: Any, item: Any, hit: Any) -> Any:
    """What an action does to a bed, a chest or a field in view after `hit` cells; whether that is all that it does."""
    if hit == NOTHING_HIT:
        return kind == STORE or kind == TAKE
    x, z, y = seen_cell(levels, i, hit)
    block = levels.blocks[i, x, z, y]
    if kind == USE:
        return _use_block(levels, i, tables, x, z, y)
    if kind == PLACE and item == SEEDS:
        if block == FARMLAND and is_inside(x, z, y + 1):
            _sow(levels, i, x, z, y + 1)
        return True
    if kind == ATTACK and block == WHEAT_BLOCK:
        _reap(levels, i, x, z, y)
        return True
    if kind != STORE and kind != TAKE:
        return False
    if tables.blocks[block, IS_CHEST]:
        number = cell_number(x, z, y) + 1
        chest = _chest_at(levels, i, number)
        if kind == STORE:
            _store(levels, i, number, item)
        elif chest >= 0:
            _take(levels, i, tables, chest, item)
    return True


@jitable
def begin_house(levels: Any, i: Any) -> None:
    """Nothing stored and nothing sown, as an episode begins."""
    for k in range(levels.plots.shape[1]):
        levels.plots[i, k, 0] = 0
    for k in range(levels.chest_cells.shape[1]):
        levels.chest_cells[i, k] = 0
        for slot in range(CHEST_SLOTS):
            for column in (ITEM, COUNT, WORN):
                levels.chests[i, k, slot, column] = 0


@jitable
def _block_of(levels: Any, i: Any, number: Any) -> Any:
    cell = number - 1
    return levels.blocks[i, cell // (SIDE * HEIGHT), cell // HEIGHT % SIDE, cell % HEIGHT]


@jitable
def let_grow(levels: Any, i: Any, tables: Any) -> None:
    """What was sown, up to the clock; what a broken chest held comes to the player."""
    now = levels.status[i, CLOCK]
    for k in range(levels.plots.shape[1]):
        number = levels.plots[i, k, 0]
        if number > 0 and _block_of(levels, i, number) != WHEAT_BLOCK:
            levels.plots[i, k, 0] = 0
        elif number > 0 and levels.plots[i, k, 1] < RIPE and levels.plots[i, k, 2] <= now:
            cell = number - 1
            x, z, y = cell // (SIDE * HEIGHT), cell // HEIGHT % SIDE, cell % HEIGHT
            levels.plots[i, k, 1] += 1
            levels.plots[i, k, 2] += _ticks_to_grow(levels, i, x, z, y)
    for k in range(levels.chest_cells.shape[1]):
        number = levels.chest_cells[i, k]
        if number > 0 and not tables.blocks[_block_of(levels, i, number), IS_CHEST]:
            _take(levels, i, tables, k, 0)
            levels.chest_cells[i, k] = 0
