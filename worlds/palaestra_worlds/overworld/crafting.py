"""Crafting in the grid or at a table, and smelting in a furnace nearby."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import FURNACE_BLOCK, FURNACE_ITEM, TABLE_BLOCK, TABLE_ITEM
from palaestra_worlds.overworld.inventory import change, count_of
from palaestra_worlds.overworld.state import FURNACE_LEFT, HEIGHT, ITEM, SIDE, SLOTS, X, Y, Z
from palaestra_worlds.overworld.tables import (
    BURNS,
    COMES_BACK,
    FIRST_INPUT,
    FIRST_RECIPE,
    FUEL_RANK,
    MADE,
    NEEDS_TABLE,
    NUM_BACK,
    NUM_INPUTS,
    NUM_PARTS,
    NUM_RECIPES,
)

STATION_REACH = 4
"""Cells along each axis within which a table or furnace is at hand."""
SMELTING_TICKS = 200


@jitable
def is_at_hand(levels: Any, i: Any, rules: Any, block: Any, item: Any) -> Any:
    """Whether a table or furnace stands nearby, or, where the rules say so, is in the inventory."""
    if rules.is_easy and count_of(levels, i, item) > 0:
        return True
    x, z, y = levels.status[i, X], levels.status[i, Z], levels.status[i, Y]
    for a in range(max(0, x - STATION_REACH), min(SIDE, x + STATION_REACH + 1)):
        for b in range(max(0, z - STATION_REACH), min(SIDE, z + STATION_REACH + 1)):
            for c in range(max(0, y - STATION_REACH), min(HEIGHT, y + STATION_REACH + 1)):
                if levels.blocks[i, a, b, c] == block:
                    return True
    return False


@jitable
def _has_parts(levels: Any, i: Any, tables: Any, recipe: Any) -> Any:
    """Whether all parts are there. Parts of one recipe never compete for the same item."""
    for part in range(tables.recipes[recipe, NUM_PARTS]):
        found, first = 0, tables.parts[recipe, part, 0]
        for k in range(first, first + tables.parts[recipe, part, 1]):
            found += count_of(levels, i, tables.choices[k])
        if found < tables.parts[recipe, part, 2]:
            return False
    return True


@jitable
def _take_part(levels: Any, i: Any, tables: Any, recipe: Any, part: Any) -> None:
    """Takes what a part needs, any mix of its choices."""
    first, needed = tables.parts[recipe, part, 0], tables.parts[recipe, part, 2]
    for k in range(first, first + tables.parts[recipe, part, 1]):
        taken = min(needed, count_of(levels, i, tables.choices[k]))
        if taken > 0:
            change(levels, i, tables.choices[k], -taken)
            needed -= taken


@jitable
def craft(levels: Any, i: Any, tables: Any, rules: Any, item: Any) -> None:
    """Crafts an item once, by the first recipe that can be."""
    first = tables.items[item, FIRST_RECIPE]
    chosen, at_table = -1, -1
    for recipe in range(first, first + tables.items[item, NUM_RECIPES]):
        if chosen >= 0 or not _has_parts(levels, i, tables, recipe):
            continue
        if tables.recipes[recipe, NEEDS_TABLE] and at_table < 0:
            at_table = 1 if is_at_hand(levels, i, rules, TABLE_BLOCK, TABLE_ITEM) else 0
        if at_table != 0 or not tables.recipes[recipe, NEEDS_TABLE]:
            chosen = recipe
    if chosen < 0:
        return
    for part in range(tables.recipes[chosen, NUM_PARTS]):
        _take_part(levels, i, tables, chosen, part)
    change(levels, i, item, tables.recipes[chosen, MADE])
    if tables.recipes[chosen, COMES_BACK]:
        change(levels, i, tables.recipes[chosen, COMES_BACK], tables.recipes[chosen, NUM_BACK])


@jitable
def _best_fuel(levels: Any, i: Any, tables: Any, ticks: Any, smelted: Any) -> Any:
    """The item that is burnt first, of those of which enough is at hand besides the one smelted; 0 if none is."""
    best, least = 0, 1 << 30
    for slot in range(SLOTS):
        item = levels.slots[i, slot, ITEM]
        burns, rank = tables.items[item, BURNS], tables.items[item, FUEL_RANK]
        if burns > 0 and rank < least and (count_of(levels, i, item) - (item == smelted)) * burns >= ticks:
            best, least = item, rank
    return best


@jitable
def smelt(levels: Any, i: Any, tables: Any, rules: Any, item: Any) -> Any:
    """Smelts one of an item; gives the ticks it takes. What is left of a fuel's fire is used by the next."""
    smelted, first = 0, tables.items[item, FIRST_INPUT]
    for k in range(first, first + tables.items[item, NUM_INPUTS]):
        if count_of(levels, i, tables.choices[k]) > 0:
            smelted = tables.choices[k]
    if smelted == 0 or not is_at_hand(levels, i, rules, FURNACE_BLOCK, FURNACE_ITEM):
        return 1
    lacking = SMELTING_TICKS - levels.status[i, FURNACE_LEFT]
    if lacking > 0:
        fuel = _best_fuel(levels, i, tables, lacking, smelted)
        if fuel == 0:
            return 1
        burns = tables.items[fuel, BURNS]
        pieces = (lacking + burns - 1) // burns
        change(levels, i, fuel, -pieces)
        levels.status[i, FURNACE_LEFT] += pieces * burns
    change(levels, i, smelted, -1)
    change(levels, i, item, 1)
    levels.status[i, FURNACE_LEFT] -= SMELTING_TICKS
    return 1 if rules.is_easy else SMELTING_TICKS
