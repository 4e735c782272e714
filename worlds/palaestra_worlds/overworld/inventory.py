"""The 36 slots: what comes in, what is taken, what wears."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.objectives import GOAL_BIT
from palaestra_worlds.overworld.state import COUNT, HELD, ITEM, NUM_CHANGES, SLOTS, UNLOCKED, WORN
from palaestra_worlds.overworld.tables import DURABILITY, OBJECTIVE, STACK


@jitable
def count_of(levels: Any, i: Any, item: Any) -> Any:
    found = 0
    for slot in range(SLOTS):
        if levels.slots[i, slot, ITEM] == item:
            found += levels.slots[i, slot, COUNT]
    return found


@jitable
def change(levels: Any, i: Any, item: Any, count: Any) -> None:
    """Notes that items come in, or with a negative count go, at the end of the step.

    Whoever notes that items go has seen that they are there. Carried out in one place only: compiled code is long
    enough as it is.
    """
    number = levels.status[i, NUM_CHANGES]
    levels.changes[i, number, 0] = item
    levels.changes[i, number, 1] = count
    levels.status[i, NUM_CHANGES] = number + 1


@jitable
def carry_out_changes(levels: Any, i: Any, tables: Any) -> None:
    """What was noted, in order. What finds no room is lost."""
    for number in range(levels.status[i, NUM_CHANGES]):
        item, count = levels.changes[i, number, 0], levels.changes[i, number, 1]
        if count < 0:
            _take(levels, i, item, -count)
        elif count > 0 and add(levels, i, item, count, tables.items[item, STACK]) < count:
            objective = tables.items[item, OBJECTIVE]
            if objective >= 0 and (objective < GOAL_BIT or levels.mobs.shape[1] > 0):
                levels.status[i, UNLOCKED] |= 1 << objective
    levels.status[i, NUM_CHANGES] = 0


@jitable
def add(levels: Any, i: Any, item: Any, count: Any, stack: Any) -> Any:
    """Puts items into slots that hold such, then into empty ones; gives how many found no room."""
    left = count
    for search in range(2):
        fits = item if search == 0 else 0
        for slot in range(SLOTS):
            if left > 0 and levels.slots[i, slot, ITEM] == fits:
                moved = min(stack - levels.slots[i, slot, COUNT], left)
                levels.slots[i, slot, ITEM] = item
                levels.slots[i, slot, COUNT] += moved
                left -= moved
    return left


@jitable
def _take(levels: Any, i: Any, item: Any, count: Any) -> None:
    """Takes items, those of the last slots first."""
    left = count
    for slot in range(SLOTS - 1, -1, -1):
        if left > 0 and levels.slots[i, slot, ITEM] == item:
            moved = min(left, levels.slots[i, slot, COUNT])
            levels.slots[i, slot, COUNT] -= moved
            left -= moved
            if levels.slots[i, slot, COUNT] == 0:
                levels.slots[i, slot, ITEM] = levels.slots[i, slot, WORN] = 0


@jitable
def slot_of(levels: Any, i: Any, item: Any) -> Any:
    """The first slot with an item, -1 if there is none."""
    for slot in range(SLOTS):
        if levels.slots[i, slot, ITEM] == item:
            return slot
    return -1


@jitable
def wear_held(levels: Any, i: Any, tables: Any) -> None:
    """One use of the tool in hand; it may break."""
    wear(levels, i, tables, levels.status[i, HELD])


@jitable
def wear(levels: Any, i: Any, tables: Any, slot: Any) -> None:
    """One use of what is in a slot; it may break."""
    item = levels.slots[i, slot, ITEM]
    if tables.items[item, DURABILITY] == 0:
        return
    levels.slots[i, slot, WORN] += 1
    if levels.slots[i, slot, WORN] >= tables.items[item, DURABILITY]:
        levels.slots[i, slot, ITEM] = 0
        levels.slots[i, slot, COUNT] = 0
        levels.slots[i, slot, WORN] = 0
