"""What the player does: walk, turn, look, break, place, use, eat."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import (
    BUCKET,
    EASY_SPEED,
    JUMPING_TICKS,
    LAVA,
    LAVA_BUCKET,
    SHEARS_TOOL,
    WALKING_TICKS,
    WATER,
    WATER_BUCKET,
)
from palaestra_worlds.overworld.inventory import change, slot_of, wear_held
from palaestra_worlds.overworld.state import (
    AWAKE,
    EXHAUSTION,
    FACING,
    FLOW,
    FOOD,
    FULL,
    HEIGHT,
    HELD,
    ITEM,
    NO_TARGET,
    PITCH,
    PROGRESS,
    SATURATION,
    STEPS,
    TARGET,
    X,
    Y,
    Z,
    cell_number,
    is_free,
    is_inside,
)
from palaestra_worlds.overworld.tables import (
    BLOCK,
    FALLS,
    FOOD_POINTS,
    HAND,
    HARVESTS,
    IS_GATE,
    IS_TALL,
    LEFT_ALONE,
    MOST_CHANCE,
    MOST_DROPS,
    ONE_OF,
    PLANT,
    SATURATION_TENTHS,
    SOLID,
    TICKS,
    TOOL,
    WITH_SHEARS,
)
from palaestra_worlds.random_streams import random_double, random_integer

REACH = 4
"""Cells from the eyes."""
SIGHT = np.array(
    [
        [(0, -1), (0, -2), (0, -3), (0, -4)],
        [(1, -1), (1, -2), (2, -3), (2, -4)],
        [(1, -1), (2, -1), (3, -1), (4, -1)],
        [(1, 0), (2, 0), (3, 0), (4, 0)],
        [(1, 1), (2, 2), (3, 3), (4, 4)],
        [(0, 1), (0, 2), (0, 3), (0, 4)],
    ],
    np.int64,
)
"""(pitch, REACH, 2): the cells that each direction of view goes through, forward and up from the eyes."""

NOTHING_HIT = -1


@jitable
def seen_cell(levels: Any, i: Any, k: Any) -> Any:
    """The k-th cell (x, z, y) in view."""
    facing, pitch = levels.status[i, FACING], levels.status[i, PITCH]
    forward = SIGHT[pitch, k, 0]
    x = levels.status[i, X] + STEPS[facing, 0] * forward
    z = levels.status[i, Z] + STEPS[facing, 1] * forward
    return x, z, levels.status[i, Y] + 1 + SIGHT[pitch, k, 1]


@jitable
def first_hit(levels: Any, i: Any, liquids: Any) -> Any:
    """How many cells in view come before one with something in it, or NOTHING_HIT.

    Liquids count only if asked for, as for a bucket.
    """
    for k in range(REACH):
        x, z, y = seen_cell(levels, i, k)
        if not is_inside(x, z, y):
            return NOTHING_HIT
        block = levels.blocks[i, x, z, y]
        if block != 0 and (liquids or (block != WATER and block != LAVA)):
            return k
    return NOTHING_HIT


@jitable
def _lets_pass(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> Any:
    """Whether a player can walk into a cell: gates and doors are opened and closed in passing."""
    if is_free(levels, i, tables, x, z, y):
        return True
    return is_inside(x, z, y) and tables.blocks[levels.blocks[i, x, z, y], IS_GATE] > 0


@jitable
def walk(levels: Any, i: Any, tables: Any, direction: Any) -> Any:
    """To the next cell, if there is room; gives the ticks it takes."""
    facing = (levels.status[i, FACING] + direction) % 4
    x, z = levels.status[i, X] + STEPS[facing, 0], levels.status[i, Z] + STEPS[facing, 1]
    y = levels.status[i, Y]
    if _lets_pass(levels, i, tables, x, z, y) and _lets_pass(levels, i, tables, x, z, y + 1):
        levels.status[i, X], levels.status[i, Z] = x, z
        return WALKING_TICKS
    return 1


@jitable
def jump(levels: Any, i: Any, tables: Any) -> Any:
    """Up onto the block ahead, or up in water; gives the ticks it takes."""
    x, z, y = levels.status[i, X], levels.status[i, Z], levels.status[i, Y]
    if y + 2 >= HEIGHT or not is_free(levels, i, tables, x, z, y + 2):
        return 1
    levels.body[i, EXHAUSTION] += 0.05
    facing = levels.status[i, FACING]
    ahead_x, ahead_z = x + STEPS[facing, 0], z + STEPS[facing, 1]
    is_step = not is_free(levels, i, tables, ahead_x, ahead_z, y)
    if is_step and is_inside(ahead_x, ahead_z, y):
        is_step = tables.blocks[levels.blocks[i, ahead_x, ahead_z, y], IS_TALL] == 0
    if is_step and is_free(levels, i, tables, ahead_x, ahead_z, y + 1):
        if is_free(levels, i, tables, ahead_x, ahead_z, y + 2):
            levels.status[i, X], levels.status[i, Z], levels.status[i, Y] = ahead_x, ahead_z, y + 1
            return JUMPING_TICKS
        return 1
    if levels.blocks[i, x, z, y] == WATER:
        levels.status[i, Y] = y + 1
        return WALKING_TICKS
    return 1


@jitable
def settle(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> None:
    """After a block is gone: plants above go too, and sand and gravel come down."""
    if y + 1 >= HEIGHT:
        return
    if tables.blocks[levels.blocks[i, x, z, y + 1], PLANT]:
        levels.blocks[i, x, z, y + 1] = 0
    while y + 1 < HEIGHT and tables.blocks[levels.blocks[i, x, z, y + 1], FALLS]:
        levels.blocks[i, x, z, y] = levels.blocks[i, x, z, y + 1]
        levels.blocks[i, x, z, y + 1] = 0
        y += 1


@jitable
def _leave_drops(levels: Any, i: Any, tables: Any, block: Any, tool: Any) -> None:
    """What a broken block leaves behind comes to the player."""
    if not tables.breaking[block, tool, HARVESTS]:
        return
    chance = random_double(levels.random, i)
    with_shears = False
    for k in range(MOST_DROPS):
        item = tables.drops[block, k, 0]
        needs_shears = tables.drops[block, k, 3] == WITH_SHEARS
        if item == 0 or with_shears or (needs_shears and tool != SHEARS_TOOL):
            continue
        chance -= tables.drops[block, k, 4] / MOST_CHANCE
        if chance < 0:
            with_shears = needs_shears
            count = random_integer(levels.random, i, tables.drops[block, k, 1], tables.drops[block, k, 2] + 1)
            change(levels, i, item, count)
        if not tables.blocks[block, ONE_OF]:
            chance = random_double(levels.random, i)
        elif chance < 0:
            return


@jitable
def attack(levels: Any, i: Any, tables: Any, rules: Any, hit: Any) -> None:
    """One tick of breaking the block that is in view after `hit` cells."""
    if hit == NOTHING_HIT:
        levels.status[i, TARGET] = NO_TARGET
        return
    x, z, y = seen_cell(levels, i, hit)
    target = cell_number(x, z, y)
    if levels.status[i, TARGET] != target:
        levels.status[i, TARGET] = target
        levels.body[i, PROGRESS] = 0.0
    block = levels.blocks[i, x, z, y]
    tool = tables.items[levels.slots[i, levels.status[i, HELD], ITEM], TOOL]
    ticks = tables.breaking[block, tool, TICKS]
    if ticks == LEFT_ALONE:
        return
    levels.body[i, PROGRESS] += (EASY_SPEED if rules.is_easy else 1) / ticks
    if levels.body[i, PROGRESS] < 1.0 - 1e-9:
        return
    levels.blocks[i, x, z, y] = 0
    levels.status[i, TARGET] = NO_TARGET
    levels.body[i, PROGRESS] = 0.0
    levels.body[i, EXHAUSTION] += 0.005
    _leave_drops(levels, i, tables, block, tool)
    if tables.breaking[block, HAND, TICKS] > 1:
        wear_held(levels, i, tables)
    settle(levels, i, tables, x, z, y)


@jitable
def place(levels: Any, i: Any, tables: Any, item: Any, hit: Any) -> None:
    """Puts a block, or what is in a bucket, before the first thing in view, or in place of a plant there; looking
    straight down, the player hops onto it; looking down where the ground ends, it goes on the ground's side."""
    block = tables.items[item, BLOCK]
    if block == 0 or slot_of(levels, i, item) < 0:
        return
    x, z, y = levels.status[i, X], levels.status[i, Z], levels.status[i, Y]
    stands = not is_free(levels, i, tables, x, z, y - 1)
    if levels.status[i, PITCH] == 0 and tables.blocks[block, SOLID]:
        if not stands or y + 2 >= HEIGHT or not is_free(levels, i, tables, x, z, y + 2):
            return
        levels.status[i, Y] = y + 1
    elif levels.status[i, PITCH] == 1 and (hit == NOTHING_HIT or hit > 1) and stands:
        # A bridge: against the side of the block that the player stands on.
        x, z, y = seen_cell(levels, i, 1)
        if not is_inside(x, z, y):
            return
    elif hit == NOTHING_HIT:
        return
    else:
        x, z, y = seen_cell(levels, i, hit)
        if not tables.blocks[levels.blocks[i, x, z, y], PLANT]:
            if hit == 0:
                return
            x, z, y = seen_cell(levels, i, hit - 1)
    change(levels, i, item, -1)
    if block == WATER or block == LAVA:
        change(levels, i, BUCKET, 1)
        if levels.flow.shape[1] > 0:
            levels.flow[i, x, z, y] &= AWAKE
    while y > 0 and tables.blocks[block, FALLS] and not tables.blocks[levels.blocks[i, x, z, y - 1], SOLID]:
        y -= 1
    levels.blocks[i, x, z, y] = block


@jitable
def equip(levels: Any, i: Any, item: Any) -> None:
    """Takes an item in hand: it changes places with what is in the first slot."""
    slot = slot_of(levels, i, item)
    if slot <= 0:
        return
    for column in range(3):
        kept = levels.slots[i, 0, column]
        levels.slots[i, 0, column] = levels.slots[i, slot, column]
        levels.slots[i, slot, column] = kept


@jitable
def fill_bucket(levels: Any, i: Any, hit: Any) -> None:
    """Fills a bucket with the liquid that is in view after `hit` cells, if that is a source."""
    if hit == NOTHING_HIT:
        return
    x, z, y = seen_cell(levels, i, hit)
    block = levels.blocks[i, x, z, y]
    if levels.flow.shape[1] > 0 and levels.flow[i, x, z, y] & FLOW:
        return
    if block == WATER or block == LAVA:
        levels.blocks[i, x, z, y] = 0
        change(levels, i, BUCKET, -1)
        change(levels, i, WATER_BUCKET if block == WATER else LAVA_BUCKET, 1)


@jitable
def eat(levels: Any, i: Any, tables: Any, item: Any) -> None:
    """Eats one of an item, if hungry."""
    points = tables.items[item, FOOD_POINTS]
    if points == 0 or slot_of(levels, i, item) < 0 or levels.status[i, FOOD] >= FULL:
        return
    change(levels, i, item, -1)
    levels.status[i, FOOD] = min(FULL, levels.status[i, FOOD] + points)
    saturation = levels.body[i, SATURATION] + tables.items[item, SATURATION_TENTHS] / 10
    levels.body[i, SATURATION] = min(levels.status[i, FOOD], saturation)
