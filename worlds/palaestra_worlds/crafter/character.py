"""What the player does in a step, and what happens to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from palaestra_worlds.crafter.creatures import RIPE
from palaestra_worlds.crafter.random import random_double
from palaestra_worlds.crafter.state import (
    AREA,
    COAL,
    COAL_ITEM,
    COW,
    DIAMOND,
    DIAMOND_ITEM,
    DIRECTIONS,
    DRINK,
    ENERGY,
    FACING,
    FATIGUE,
    FOOD,
    FURNACE,
    GRASS,
    HEALTH,
    HEALTH_BEFORE,
    HEALTH_OF,
    HUNGER,
    IRON,
    IRON_ITEM,
    IRON_PICKAXE,
    IRON_SWORD,
    KIND,
    LAVA,
    MOST_OF_AN_ITEM,
    NUM_ITEMS,
    NUM_MATERIALS,
    PATH,
    PLANT,
    RECOVERY,
    SAPLING,
    SKELETON,
    SLEEPING,
    STONE,
    STONE_ITEM,
    STONE_PICKAXE,
    STONE_SWORD,
    TABLE,
    THIRST,
    TIMER,
    TREE,
    WATER,
    WOOD_ITEM,
    WOOD_PICKAXE,
    WOOD_SWORD,
    ZOMBIE,
    X,
    Y,
    add_object,
    is_inside,
    is_walkable,
    move_object,
    set_material,
)

ACTIONS = (
    "noop",
    "move_left",
    "move_right",
    "move_up",
    "move_down",
    "do",
    "sleep",
    "place_stone",
    "place_table",
    "place_furnace",
    "place_plant",
    "make_wood_pickaxe",
    "make_stone_pickaxe",
    "make_iron_pickaxe",
    "make_wood_sword",
    "make_stone_sword",
    "make_iron_sword",
)
NOOP, MOVE, DO, SLEEP, PLACE, MAKE = 0, 1, 5, 6, 7, 11
"""The first action of each sort."""

ACHIEVEMENTS = (
    "collect_coal",
    "collect_diamond",
    "collect_drink",
    "collect_iron",
    "collect_sapling",
    "collect_stone",
    "collect_wood",
    "defeat_skeleton",
    "defeat_zombie",
    "eat_cow",
    "eat_plant",
    "make_iron_pickaxe",
    "make_iron_sword",
    "make_stone_pickaxe",
    "make_stone_sword",
    "make_wood_pickaxe",
    "make_wood_sword",
    "place_furnace",
    "place_plant",
    "place_stone",
    "place_table",
    "wake_up",
)
_DEFEAT_SKELETON, _DEFEAT_ZOMBIE, _EAT_COW, _EAT_PLANT = (
    ACHIEVEMENTS.index(name) for name in ("defeat_skeleton", "defeat_zombie", "eat_cow", "eat_plant")
)
_WAKE_UP = ACHIEVEMENTS.index("wake_up")

# What can be collected: material, tool needed (-1: none), item received, what stays there, achievement.
_COLLECTED = (
    (TREE, -1, WOOD_ITEM, GRASS, "collect_wood"),
    (STONE, WOOD_PICKAXE, STONE_ITEM, PATH, "collect_stone"),
    (COAL, WOOD_PICKAXE, COAL_ITEM, PATH, "collect_coal"),
    (IRON, STONE_PICKAXE, IRON_ITEM, PATH, "collect_iron"),
    (DIAMOND, IRON_PICKAXE, DIAMOND_ITEM, PATH, "collect_diamond"),
    (WATER, -1, DRINK, WATER, "collect_drink"),
    (GRASS, -1, SAPLING, GRASS, "collect_sapling"),
)
_TOOL, _RECEIVED, _LEFT_BEHIND, _COLLECT_ACHIEVEMENT = range(4)
_COLLECTING = np.full((NUM_MATERIALS, 4), -1, dtype=np.int64)
"""The same by material; RECEIVED is -1 for what cannot be collected."""
for _material, _tool, _item, _left, _achievement in _COLLECTED:
    _COLLECTING[_material] = _tool, _item, _left, ACHIEVEMENTS.index(_achievement)

SAPLING_CHANCE = 0.1

# What the place actions use, how many of it, the material that they leave (0: a plant, which is an object).
_PLACING = np.array(
    [(STONE_ITEM, 1, STONE), (WOOD_ITEM, 2, TABLE), (STONE_ITEM, 4, FURNACE), (SAPLING, 1, 0)], dtype=np.int64
)
_PLACE_ACHIEVEMENTS = np.array(
    [ACHIEVEMENTS.index(f"place_{name}") for name in ("stone", "table", "furnace", "plant")], dtype=np.int64
)

# What the make actions use of wood, stone, coal and iron, and the item made. Iron tools need a furnace too.
_MAKING = np.array(
    [
        (1, 0, 0, 0, WOOD_PICKAXE),
        (1, 1, 0, 0, STONE_PICKAXE),
        (1, 0, 1, 1, IRON_PICKAXE),
        (1, 0, 0, 0, WOOD_SWORD),
        (1, 1, 0, 0, STONE_SWORD),
        (1, 0, 1, 1, IRON_SWORD),
    ],
    dtype=np.int64,
)
_MADE = 4
_MAKE_ACHIEVEMENTS = np.array([ACHIEVEMENTS.index(name) for name in ACTIONS[MAKE:]], dtype=np.int64)


@register_jitable(forceinline=True)
def _move(levels: Any, i: Any, direction: Any) -> None:
    levels.status[i, FACING] = direction
    x = levels.objects[i, 0, X] + DIRECTIONS[direction, 0]
    y = levels.objects[i, 0, Y] + DIRECTIONS[direction, 1]
    if is_inside(x, y) and levels.occupants[i, x, y] == 0:
        material = levels.materials[i, x, y]
        if is_walkable(material) or material == LAVA:
            move_object(levels, i, 0, x, y)
    # Also without a move: somebody who recovered in the step into lava stands there alive.
    if levels.materials[i, levels.objects[i, 0, X], levels.objects[i, 0, Y]] == LAVA:
        levels.inventory[i, HEALTH] = 0


@register_jitable(forceinline=True)
def _damage(levels: Any, i: Any) -> Any:
    """What the player's best sword does."""
    for sword, damage in ((IRON_SWORD, 5), (STONE_SWORD, 3), (WOOD_SWORD, 2)):
        if levels.inventory[i, sword] > 0:
            return damage
    return 1


@register_jitable(forceinline=True)
def _do_object(levels: Any, i: Any, slot: Any) -> None:
    kind = levels.objects[i, slot, KIND]
    if kind == PLANT:
        if levels.objects[i, slot, TIMER] > RIPE:
            levels.objects[i, slot, TIMER] = 0
            levels.inventory[i, FOOD] += 4
            levels.achievements[i, _EAT_PLANT] += 1
    elif kind == ZOMBIE or kind == SKELETON or kind == COW:
        levels.objects[i, slot, HEALTH_OF] = max(0, levels.objects[i, slot, HEALTH_OF] - _damage(levels, i))
        if levels.objects[i, slot, HEALTH_OF] > 0:
            return
        if kind == ZOMBIE:
            levels.achievements[i, _DEFEAT_ZOMBIE] += 1
        elif kind == SKELETON:
            levels.achievements[i, _DEFEAT_SKELETON] += 1
        else:
            levels.inventory[i, FOOD] += 6
            levels.achievements[i, _EAT_COW] += 1
            levels.status[i, HUNGER] = 0


@register_jitable(forceinline=True)
def _collect(levels: Any, i: Any, x: Any, y: Any) -> None:
    material = levels.materials[i, x, y]
    if material == WATER:
        levels.status[i, THIRST] = 0
    item = _COLLECTING[material, _RECEIVED]
    if item < 0:
        return
    tool = _COLLECTING[material, _TOOL]
    if tool >= 0 and levels.inventory[i, tool] < 1:
        return
    set_material(levels, i, x, y, _COLLECTING[material, _LEFT_BEHIND])
    # The draw is made for everything, also for what is always found.
    if random_double(levels.random, i) <= (SAPLING_CHANCE if material == GRASS else 1.0):
        levels.inventory[i, item] += 1
        levels.achievements[i, _COLLECTING[material, _COLLECT_ACHIEVEMENT]] += 1


@register_jitable(forceinline=True)
def _place(levels: Any, i: Any, kind: Any, x: Any, y: Any) -> None:
    """Kinds: stone, table, furnace, plant."""
    if levels.occupants[i, x, y] != 0:
        return
    item, amount, left = _PLACING[kind, 0], _PLACING[kind, 1], _PLACING[kind, 2]
    material = levels.materials[i, x, y]
    if left == 0:
        fits = material == GRASS
    else:
        fits = is_walkable(material) or (left == STONE and (material == WATER or material == LAVA))
    if not fits or levels.inventory[i, item] < amount:
        return
    levels.inventory[i, item] -= amount
    if left == 0:
        add_object(levels, i, PLANT, x, y, 1)
    else:
        set_material(levels, i, x, y, left)
    levels.achievements[i, _PLACE_ACHIEVEMENTS[kind]] += 1


@register_jitable
def is_near(levels: Any, i: Any, material: Any) -> Any:
    """Whether a material is among the 3 by 3 cells around the player; never at the left and upper border, where the
    reference's slice of the map comes out empty."""
    x, y = levels.objects[i, 0, X], levels.objects[i, 0, Y]
    if x == 0 or y == 0:
        return False
    for column in range(x - 1, min(x + 2, AREA)):
        for row in range(y - 1, min(y + 2, AREA)):
            if levels.materials[i, column, row] == material:
                return True
    return False


@register_jitable(forceinline=True)
def _make(levels: Any, i: Any, kind: Any) -> None:
    """Kinds: pickaxe of wood, stone, iron; sword of wood, stone, iron."""
    made = _MAKING[kind, _MADE]
    if not is_near(levels, i, TABLE):
        return
    if (made == IRON_PICKAXE or made == IRON_SWORD) and not is_near(levels, i, FURNACE):
        return
    for k in range(4):
        if levels.inventory[i, WOOD_ITEM + k] < _MAKING[kind, k]:
            return
    for k in range(4):
        levels.inventory[i, WOOD_ITEM + k] -= _MAKING[kind, k]
    levels.inventory[i, made] += 1
    levels.achievements[i, _MAKE_ACHIEVEMENTS[kind]] += 1


@register_jitable(forceinline=True)
def _act(levels: Any, i: Any, action: Any) -> None:
    facing = levels.status[i, FACING]
    x = levels.objects[i, 0, X] + DIRECTIONS[facing, 0]
    y = levels.objects[i, 0, Y] + DIRECTIONS[facing, 1]
    if action == NOOP:
        return
    if action < DO:
        _move(levels, i, action - MOVE)
    elif action == SLEEP:
        if levels.inventory[i, ENERGY] < MOST_OF_AN_ITEM:
            levels.status[i, SLEEPING] = 1
    elif action >= MAKE:
        _make(levels, i, action - MAKE)
    elif not is_inside(x, y):
        return
    elif action >= PLACE:
        _place(levels, i, action - PLACE, x, y)
    elif levels.occupants[i, x, y] != 0:
        _do_object(levels, i, levels.occupants[i, x, y] - 1)
    else:
        _collect(levels, i, x, y)


@register_jitable(forceinline=True)
def _live(levels: Any, i: Any) -> None:
    """Hunger, thirst and fatigue."""
    asleep = levels.status[i, SLEEPING] == 1
    levels.status[i, HUNGER] += 1 if asleep else 2
    if levels.status[i, HUNGER] > 50:
        levels.status[i, HUNGER] = 0
        levels.inventory[i, FOOD] -= 1
    levels.status[i, THIRST] += 1 if asleep else 2
    if levels.status[i, THIRST] > 40:
        levels.status[i, THIRST] = 0
        levels.inventory[i, DRINK] -= 1
    fatigue = levels.status[i, FATIGUE]
    fatigue = min(fatigue - 1, 0) if asleep else fatigue + 1
    if fatigue < -10:
        fatigue = 0
        levels.inventory[i, ENERGY] += 1
    if fatigue > 30:
        fatigue = 0
        levels.inventory[i, ENERGY] -= 1
    levels.status[i, FATIGUE] = fatigue


@register_jitable(forceinline=True)
def _recover(levels: Any, i: Any) -> None:
    """Health comes back while nothing is lacking, and goes while something is."""
    asleep = levels.status[i, SLEEPING] == 1
    rested = levels.inventory[i, ENERGY] > 0 or asleep
    if levels.inventory[i, FOOD] > 0 and levels.inventory[i, DRINK] > 0 and rested:
        levels.status[i, RECOVERY] += 4 if asleep else 2
    else:
        levels.status[i, RECOVERY] -= 1 if asleep else 2
    if levels.status[i, RECOVERY] > 50:
        levels.status[i, RECOVERY] = 0
        levels.inventory[i, HEALTH] += 1
    if levels.status[i, RECOVERY] < -30:
        levels.status[i, RECOVERY] = 0
        levels.inventory[i, HEALTH] = max(0, levels.inventory[i, HEALTH] - 1)


@register_jitable
def update_player(levels: Any, i: Any, action: Any) -> None:
    """The player's step."""
    if levels.status[i, SLEEPING]:
        if levels.inventory[i, ENERGY] < MOST_OF_AN_ITEM:
            action = SLEEP
        else:
            levels.status[i, SLEEPING] = 0
            levels.achievements[i, _WAKE_UP] += 1
    _act(levels, i, action)
    _live(levels, i)
    _recover(levels, i)
    for item in range(NUM_ITEMS):
        levels.inventory[i, item] = max(0, min(levels.inventory[i, item], MOST_OF_AN_ITEM))
    # After the clamping, because it looks at health.
    if levels.inventory[i, HEALTH] < levels.status[i, HEALTH_BEFORE]:
        levels.status[i, SLEEPING] = 0
    levels.status[i, HEALTH_BEFORE] = levels.inventory[i, HEALTH]
