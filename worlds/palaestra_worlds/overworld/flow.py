"""Water and lava that flow: down, and outwards to where it goes down soonest, as the game has it.

A cell that changes wakes its neighbours; who is awake is looked at again after some ticks, and wakes others where it
changes. Nothing is looked at while nothing changes. Sources of the rules: https://minecraft.wiki/w/Fluid and
https://minecraft.wiki/w/Water; what flows does not push the player.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import ATTACK, COBBLESTONE, LAVA, OBSIDIAN, PLACE, STONE, USE, WATER, WATERY
from palaestra_worlds.overworld.state import (
    AWAKE,
    CLOCK,
    FALLING,
    FLOW,
    HEIGHT,
    MARK_SIDE,
    MARK_UP,
    SIDE,
    STEPS,
    WAKING,
    X,
    Y,
    Z,
    cell_number,
    is_inside,
)
from palaestra_worlds.overworld.tables import PLANT, SOLID

TICKS = np.array([5, 30])
"""Until a cell of water, or of lava, is looked at again."""
WANES = np.array([1, 2])
"""How much lower the next cell is."""
LOOKS_AHEAD = np.array([4, 2])
"""Cells outwards within which a way down is looked for."""
FULLEST = 8
MARK_BELOW = 5
"""Cells below the eyes that are watched while the player changes something."""


@jitable
def _fluid_at(levels: Any, i: Any, x: Any, z: Any, y: Any) -> Any:
    """0 for water, 1 for lava, else -1."""
    if not is_inside(x, z, y):
        return -1
    block = levels.blocks[i, x, z, y]
    if block == WATER:
        return 0
    return 1 if block == LAVA else -1


@jitable
def _lets_in(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> Any:
    """Whether a fluid can come into a cell that is not of one: air, or a plant that it washes away."""
    if not is_inside(x, z, y):
        return False
    block = levels.blocks[i, x, z, y]
    is_weak = tables.blocks[block, PLANT] and not tables.blocks[block, SOLID] and not WATERY[block]
    return block == 0 or (is_weak and block != WATER and block != LAVA)


@jitable
def _wake(levels: Any, i: Any, x: Any, z: Any, y: Any, now: Any) -> None:
    """Has a cell of a fluid looked at again, unless it will be already, or too many are waiting."""
    fluid = _fluid_at(levels, i, x, z, y)
    if fluid < 0 or levels.flow[i, x, z, y] & AWAKE:
        return
    head, count = levels.waiting[i, fluid, 0], levels.waiting[i, fluid, 1]
    if count < WAKING:
        place = (head + count) % WAKING
        levels.queue[i, fluid, place, 0] = cell_number(x, z, y)
        levels.queue[i, fluid, place, 1] = now + TICKS[fluid]
        levels.waiting[i, fluid, 1] = count + 1
        levels.flow[i, x, z, y] |= AWAKE


@jitable
def _wake_around(levels: Any, i: Any, x: Any, z: Any, y: Any, now: Any) -> None:
    _wake(levels, i, x, z, y, now)
    for way in range(6):
        step = 1 if way % 2 else -1
        _wake(levels, i, x + step * (way < 2), z + step * (2 <= way < 4), y + step * (way >= 4), now)


@jitable
def _meet(levels: Any, i: Any, x: Any, z: Any, y: Any, now: Any) -> None:
    """Lava beside or below water hardens."""
    if _fluid_at(levels, i, x, z, y) != 1:
        return
    is_wet = _fluid_at(levels, i, x, z, y + 1) == 0
    for facing in range(4):
        is_wet |= _fluid_at(levels, i, x + STEPS[facing, 0], z + STEPS[facing, 1], y) == 0
    if is_wet:
        levels.blocks[i, x, z, y] = OBSIDIAN if levels.flow[i, x, z, y] & FLOW == 0 else COBBLESTONE
        levels.flow[i, x, z, y] &= AWAKE
        _wake_around(levels, i, x, z, y, now)


@jitable
def _fill(levels: Any, i: Any, x: Any, z: Any, y: Any, fluid: Any, flow: Any, now: Any) -> None:
    """A cell comes to be of a fluid, or of another height; -1: of none."""
    levels.blocks[i, x, z, y] = 0 if flow < 0 else (LAVA if fluid == 1 else WATER)
    levels.flow[i, x, z, y] = (levels.flow[i, x, z, y] & AWAKE) | max(0, flow)
    _set_off(levels, i, x, z, y, now)


@jitable
def _set_off(levels: Any, i: Any, x: Any, z: Any, y: Any, now: Any) -> None:
    """What a cell that changed does around it: fluids wake, lava that meets water hardens."""
    _wake_around(levels, i, x, z, y, now)
    _meet(levels, i, x, z, y, now)
    _meet(levels, i, x, z, y - 1, now)
    for facing in range(4):
        _meet(levels, i, x + STEPS[facing, 0], z + STEPS[facing, 1], y, now)


@jitable
def _height(flow: Any) -> Any:
    """How full a cell is: a source, and what falls, are full."""
    return FULLEST if flow == 0 or flow == FALLING else flow


@jitable
def _fed(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any, fluid: Any) -> Any:
    """What the cells around make of a cell: FALLING, a height, 0 for a source, -1 for nothing."""
    if _fluid_at(levels, i, x, z, y + 1) == fluid:
        return FALLING
    sources, highest = 0, 0
    for facing in range(4):
        a, b = x + STEPS[facing, 0], z + STEPS[facing, 1]
        if _fluid_at(levels, i, a, b, y) == fluid:
            flow = levels.flow[i, a, b, y] & FLOW
            sources += flow == 0
            highest = max(highest, _height(flow))
    if fluid == 0 and sources >= 2 and y > 0:
        is_firm = tables.blocks[levels.blocks[i, x, z, y - 1], SOLID] != 0
        below = _fluid_at(levels, i, x, z, y - 1) == fluid and levels.flow[i, x, z, y - 1] & FLOW == 0
        if is_firm or below:
            return 0
    return highest - WANES[fluid] if highest > WANES[fluid] else -1


@jitable
def _is_hole(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any, fluid: Any) -> Any:
    """Whether a fluid in a cell could go on down."""
    return _fluid_at(levels, i, x, z, y - 1) == fluid or _lets_in(levels, i, tables, x, z, y - 1)


@jitable
def _passes(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any, fluid: Any) -> Any:
    """Whether a fluid can be thought to flow through a cell."""
    if _fluid_at(levels, i, x, z, y) == fluid:
        return levels.flow[i, x, z, y] & FLOW != 0
    return _lets_in(levels, i, tables, x, z, y)


@jitable
def _way_down(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any, fluid: Any) -> Any:
    """(4,): cells from the neighbour in each direction to where it goes down; 99: not near, 100: no way there."""
    found = np.full(4, 100)
    most = LOOKS_AHEAD[fluid]
    wide = 2 * most + 3
    for facing in range(4):
        a, b = x + STEPS[facing, 0], z + STEPS[facing, 1]
        if not _passes(levels, i, tables, a, b, y, fluid):
            continue
        found[facing] = 99
        far = np.full((wide, wide), 100)
        far[most + 1, most + 1] = 0
        cells = np.zeros((wide * wide, 3), np.int64)
        cells[0, 0], cells[0, 1] = a, b
        far[a - x + most + 1, b - z + most + 1] = 0
        first, last = 0, 1
        while first < last and found[facing] == 99:
            c, d, gone = cells[first, 0], cells[first, 1], cells[first, 2]
            first += 1
            if _is_hole(levels, i, tables, c, d, y, fluid):
                found[facing] = gone
            elif gone < most:
                for way in range(4):
                    e, f = c + STEPS[way, 0], d + STEPS[way, 1]
                    is_new = far[e - x + most + 1, f - z + most + 1] == 100
                    if is_new and _passes(levels, i, tables, e, f, y, fluid):
                        far[e - x + most + 1, f - z + most + 1] = gone + 1
                        cells[last, 0], cells[last, 1], cells[last, 2] = e, f, gone + 1
                        last += 1
    return found


@jitable
def _spread(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any, fluid: Any, now: Any) -> None:
    """On from a cell: down if that is open, else outwards, to where it goes down soonest."""
    flow = levels.flow[i, x, z, y] & FLOW
    if y > 0 and _fluid_at(levels, i, x, z, y - 1) == 0 and fluid == 1:
        levels.blocks[i, x, z, y - 1] = STONE
        levels.flow[i, x, z, y - 1] &= AWAKE
        return
    if y > 0 and _lets_in(levels, i, tables, x, z, y - 1):
        _fill(levels, i, x, z, y - 1, fluid, FALLING, now)
        return
    if flow != 0 and _is_hole(levels, i, tables, x, z, y, fluid):
        return
    next_height = _height(flow) - WANES[fluid]
    if next_height <= 0:
        return
    ways = _way_down(levels, i, tables, x, z, y, fluid)
    best = min(min(ways[0], ways[1]), min(ways[2], ways[3]))
    for facing in range(4):
        a, b = x + STEPS[facing, 0], z + STEPS[facing, 1]
        if ways[facing] == best and best < 100 and _lets_in(levels, i, tables, a, b, y):
            _fill(levels, i, a, b, y, fluid, max(0, _fed(levels, i, tables, a, b, y, fluid)), now)


@jitable
def _look_again(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any, fluid: Any, now: Any) -> None:
    """At a cell that was woken: whether it is still fed, and where it goes on to."""
    if _fluid_at(levels, i, x, z, y) != fluid:
        return
    flow = levels.flow[i, x, z, y] & FLOW
    if flow != 0:
        fed = _fed(levels, i, tables, x, z, y, fluid)
        if fed != flow:
            _fill(levels, i, x, z, y, fluid, fed, now)
        if fed < 0 or _fluid_at(levels, i, x, z, y) != fluid:
            return
    _spread(levels, i, tables, x, z, y, fluid, now)


@jitable
def run_fluids(levels: Any, i: Any, tables: Any) -> None:
    """Everything that flows, up to the clock."""
    now = levels.status[i, CLOCK]
    for fluid in range(2):
        while levels.waiting[i, fluid, 1] > 0:
            head = levels.waiting[i, fluid, 0]
            number, due = levels.queue[i, fluid, head, 0], levels.queue[i, fluid, head, 1]
            if due > now:
                break
            levels.waiting[i, fluid, 0] = (head + 1) % WAKING
            levels.waiting[i, fluid, 1] -= 1
            x, z, y = number // (SIDE * HEIGHT), number // HEIGHT % SIDE, number % HEIGHT
            levels.flow[i, x, z, y] &= FLOW
            _look_again(levels, i, tables, x, z, y, fluid, due)


@jitable
def _marked(levels: Any, i: Any, k: Any) -> Any:
    """The k-th cell around the eyes that is watched; where it lies outside the world, its height is -1."""
    x = levels.marks[i, 1] + k // (MARK_SIDE * MARK_UP) - MARK_SIDE // 2
    z = levels.marks[i, 2] + k // MARK_UP % MARK_SIDE - MARK_SIDE // 2
    y = levels.marks[i, 3] + 1 + k % MARK_UP - MARK_BELOW
    return (x, z, y) if is_inside(x, z, y) else (0, 0, -1)


@jitable
def mark(levels: Any, i: Any, kind: Any) -> None:
    """Before a step in which something around the player may change: what is there now."""
    levels.marks[i, 0] = kind == ATTACK or kind == USE or kind == PLACE
    if levels.marks[i, 0]:
        levels.marks[i, 1], levels.marks[i, 2], levels.marks[i, 3] = (
            levels.status[i, X],
            levels.status[i, Z],
            levels.status[i, Y],
        )
        for k in range(levels.before.shape[1]):
            x, z, y = _marked(levels, i, k)
            if y >= 0:
                levels.before[i, k] = levels.blocks[i, x, z, y] + 4096 * (levels.flow[i, x, z, y] & FLOW)


@jitable
def wake_changed(levels: Any, i: Any) -> None:
    """After it: what changed is no longer of a fluid, or a source, and wakes what is around."""
    if not levels.marks[i, 0]:
        return
    now = levels.status[i, CLOCK]
    for k in range(levels.before.shape[1]):
        x, z, y = _marked(levels, i, k)
        if y < 0:
            continue
        was, block = levels.before[i, k], levels.blocks[i, x, z, y]
        if was % 4096 != block:
            levels.flow[i, x, z, y] &= AWAKE
        if was != block + 4096 * (levels.flow[i, x, z, y] & FLOW):
            _set_off(levels, i, x, z, y, now)


@jitable
def begin_fluids(levels: Any, i: Any) -> None:
    """All at rest, as an episode begins: what a level is made of are sources."""
    for x in range(SIDE):
        for z in range(SIDE):
            for y in range(HEIGHT):
                levels.flow[i, x, z, y] = 0
    for fluid in range(2):
        levels.waiting[i, fluid, 0] = levels.waiting[i, fluid, 1] = 0
    levels.marks[i, 0] = 0
