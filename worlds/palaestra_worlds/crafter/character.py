"""What the player does in a step, and what happens to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
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


@jitable
def _move(level: Any, direction: Any) -> None:
    level.status[FACING] = direction
    x = level.objects[0, X] + DIRECTIONS[direction, 0]
    y = level.objects[0, Y] + DIRECTIONS[direction, 1]
    if is_inside(x, y) and level.occupants[x, y] == 0:
        material = level.materials[x, y]
        if is_walkable(material) or material == LAVA:
            move_object(level, 0, x, y)
    # Also without a move: somebody who recovered in the step into lava stands there alive.
    if level.materials[level.objects[0, X], level.objects[0, Y]] == LAVA:
        level.inventory[HEALTH] = 0


@jitable
def _damage(level: Any) -> Any:
    """What the player's best sword does."""
    for sword, damage in ((IRON_SWORD, 5), (STONE_SWORD, 3), (WOOD_SWORD, 2)):
        if level.inventory[sword] > 0:
            return damage
    return 1


@jitable
def _do_object(level: Any, slot: Any) -> None:
    kind = level.objects[slot, KIND]
    if kind == PLANT:
        if level.objects[slot, TIMER] > RIPE:
            level.objects[slot, TIMER] = 0
            level.inventory[FOOD] += 4
            level.achievements[_EAT_PLANT] += 1
    elif kind == ZOMBIE or kind == SKELETON or kind == COW:
        level.objects[slot, HEALTH_OF] = max(0, level.objects[slot, HEALTH_OF] - _damage(level))
        if level.objects[slot, HEALTH_OF] > 0:
            return
        if kind == ZOMBIE:
            level.achievements[_DEFEAT_ZOMBIE] += 1
        elif kind == SKELETON:
            level.achievements[_DEFEAT_SKELETON] += 1
        else:
            level.inventory[FOOD] += 6
            level.achievements[_EAT_COW] += 1
            level.status[HUNGER] = 0


@jitable
def _collect(level: Any, x: Any, y: Any) -> None:
    material = level.materials[x, y]
    if material == WATER:
        level.status[THIRST] = 0
    item = _COLLECTING[material, _RECEIVED]
    if item < 0:
        return
    tool = _COLLECTING[material, _TOOL]
    if tool >= 0 and level.inventory[tool] < 1:
        return
    set_material(level, x, y, _COLLECTING[material, _LEFT_BEHIND])
    # The draw is made for everything, also for what is always found.
    if random_double(level) <= (SAPLING_CHANCE if material == GRASS else 1.0):
        level.inventory[item] += 1
        level.achievements[_COLLECTING[material, _COLLECT_ACHIEVEMENT]] += 1


@jitable
def _place(level: Any, kind: Any, x: Any, y: Any) -> None:
    """Kinds: stone, table, furnace, plant."""
    if level.occupants[x, y] != 0:
        return
    item, amount, left = _PLACING[kind, 0], _PLACING[kind, 1], _PLACING[kind, 2]
    material = level.materials[x, y]
    if left == 0:
        fits = material == GRASS
    else:
        fits = is_walkable(material) or (left == STONE and (material == WATER or material == LAVA))
    if not fits or level.inventory[item] < amount:
        return
    level.inventory[item] -= amount
    if left == 0:
        add_object(level, PLANT, x, y, 1, 0)
    else:
        set_material(level, x, y, left)
    level.achievements[_PLACE_ACHIEVEMENTS[kind]] += 1


@jitable
def is_near(level: Any, material: Any) -> Any:
    """Whether a material is among the 3 by 3 cells around the player; never at the left and upper border, where the
    reference's slice of the map comes out empty."""
    x, y = level.objects[0, X], level.objects[0, Y]
    if x == 0 or y == 0:
        return False
    for column in range(x - 1, min(x + 2, AREA)):
        for row in range(y - 1, min(y + 2, AREA)):
            if level.materials[column, row] == material:
                return True
    return False


@jitable
def _make(level: Any, kind: Any) -> None:
    """Kinds: pickaxe of wood, stone, iron; sword of wood, stone, iron."""
    made = _MAKING[kind, _MADE]
    if not is_near(level, TABLE):
        return
    if (made == IRON_PICKAXE or made == IRON_SWORD) and not is_near(level, FURNACE):
        return
    for k in range(4):
        if level.inventory[WOOD_ITEM + k] < _MAKING[kind, k]:
            return
    for k in range(4):
        level.inventory[WOOD_ITEM + k] -= _MAKING[kind, k]
    level.inventory[made] += 1
    level.achievements[_MAKE_ACHIEVEMENTS[kind]] += 1


@jitable
def _act(level: Any, action: Any) -> None:
    facing = level.status[FACING]
    x = level.objects[0, X] + DIRECTIONS[facing, 0]
    y = level.objects[0, Y] + DIRECTIONS[facing, 1]
    if action == NOOP:
        return
    if action < DO:
        _move(level, action - MOVE)
    elif action == SLEEP:
        if level.inventory[ENERGY] < MOST_OF_AN_ITEM:
            level.status[SLEEPING] = 1
    elif action >= MAKE:
        _make(level, action - MAKE)
    elif not is_inside(x, y):
        return
    elif action >= PLACE:
        _place(level, action - PLACE, x, y)
    elif level.occupants[x, y] != 0:
        _do_object(level, level.occupants[x, y] - 1)
    else:
        _collect(level, x, y)


@jitable
def _live(level: Any) -> None:
    """Hunger, thirst and fatigue."""
    asleep = level.status[SLEEPING] == 1
    level.status[HUNGER] += 1 if asleep else 2
    if level.status[HUNGER] > 50:
        level.status[HUNGER] = 0
        level.inventory[FOOD] -= 1
    level.status[THIRST] += 1 if asleep else 2
    if level.status[THIRST] > 40:
        level.status[THIRST] = 0
        level.inventory[DRINK] -= 1
    fatigue = level.status[FATIGUE]
    fatigue = min(fatigue - 1, 0) if asleep else fatigue + 1
    if fatigue < -10:
        fatigue = 0
        level.inventory[ENERGY] += 1
    if fatigue > 30:
        fatigue = 0
        level.inventory[ENERGY] -= 1
    level.status[FATIGUE] = fatigue


@jitable
def _recover(level: Any) -> None:
    """Health comes back while nothing is lacking, and goes while something is."""
    asleep = level.status[SLEEPING] == 1
    rested = level.inventory[ENERGY] > 0 or asleep
    if level.inventory[FOOD] > 0 and level.inventory[DRINK] > 0 and rested:
        level.status[RECOVERY] += 4 if asleep else 2
    else:
        level.status[RECOVERY] -= 1 if asleep else 2
    if level.status[RECOVERY] > 50:
        level.status[RECOVERY] = 0
        level.inventory[HEALTH] += 1
    if level.status[RECOVERY] < -30:
        level.status[RECOVERY] = 0
        level.inventory[HEALTH] = max(0, level.inventory[HEALTH] - 1)


@jitable
def update_player(level: Any, action: Any) -> None:
    """The player's step."""
    if level.status[SLEEPING]:
        if level.inventory[ENERGY] < MOST_OF_AN_ITEM:
            action = SLEEP
        else:
            level.status[SLEEPING] = 0
            level.achievements[_WAKE_UP] += 1
    _act(level, action)
    _live(level)
    _recover(level)
    for item in range(NUM_ITEMS):
        level.inventory[item] = max(0, min(level.inventory[item], MOST_OF_AN_ITEM))
    # After the clamping, because it looks at health.
    if level.inventory[HEALTH] < level.status[HEALTH_BEFORE]:
        level.status[SLEEPING] = 0
    level.status[HEALTH_BEFORE] = level.inventory[HEALTH]
