"""What the player sees, in symbols: a map of the cells around it, and a vector of how it is.

The map is that of the reference's picture, 9 columns by 7 rows with the player in the middle, indexed [column, row].
One-hot (9, 7, 21) of 0 and 1: channel m - 1 for material m (water, grass, stone, path, sand, tree, lava, coal, iron,
diamond, table, furnace), then cow, zombie, skeleton, arrow to the left, right, up, down, sapling, ripe plant. As
indices (9, 7, 2): the material (0 outside of the world, else 1 to 12), and what stands there (0 nothing, else 1 to 9 in
the same order). The player itself is not marked.

The vector (57,) float32 holds

* 0 to 15: the inventory in the order of `ITEMS`, each divided by 9;
* 16: the daylight (0 night, 1 noon); 17: 1 if asleep;
* 18 to 21: the direction that the player faces, one-hot in the order left, right, up, down;
* 22 to 42: the cell that it faces, one-hot as in the map;
* 43 to 54: of each item from the sapling on, 1 if there is one;
* 55 and 56: 1 if a table, and a furnace, is near enough to make things.

With the setting `unlocked`, `unlocked` (22,) float32 holds 1 for each achievement that was unlocked in this episode, in
the order of `ACHIEVEMENTS`. No picture shows it, but an agent that remembers its rewards knows it: only the first time
pays.

What is faced, owned and near can be told from the rest; a policy learns much faster if it need not find out how, since
nearly every action is about just these.

Unlike the picture, symbols do not fade at night or in sleep.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.crafter.character import is_near
from palaestra_worlds.crafter.creatures import RIPE
from palaestra_worlds.crafter.state import (
    ARROW,
    COW,
    DIRECTIONS,
    FACING,
    FURNACE,
    HEADING,
    KIND,
    MOST_OF_AN_ITEM,
    NUM_ITEMS,
    NUM_MATERIALS,
    PLANT,
    SLEEPING,
    TABLE,
    TIMER,
    UNLOCKED,
    X,
    Y,
    is_inside,
)

ITEMS = (
    "health",
    "food",
    "drink",
    "energy",
    "sapling",
    "wood",
    "stone",
    "coal",
    "iron",
    "diamond",
    "wood_pickaxe",
    "stone_pickaxe",
    "iron_pickaxe",
    "wood_sword",
    "stone_sword",
    "iron_sword",
)
COLUMNS, ROWS = 9, 7
THINGS = ("cow", "zombie", "skeleton", "arrow left", "arrow right", "arrow up", "arrow down", "sapling", "ripe plant")
MAP_CHANNELS = NUM_MATERIALS - 1 + len(THINGS)
NUM_NEEDS = 4
"""Items that are no things: health, food, drink, energy."""
_FACED = NUM_ITEMS + 2 + 4
_OWNED = _FACED + MAP_CHANNELS
_NEAR = _OWNED + NUM_ITEMS - NUM_NEEDS
VECTOR_LENGTH = _NEAR + 2
"""What was unlocked is written after it."""

_FIRST_ARROW, _SAPLING, _RIPE_PLANT = 4, 8, 9


@jitable
def _thing(level: Any, x: Any, y: Any) -> Any:
    """What stands on a cell, as in `THINGS` counted from 1; 0 nothing."""
    slot = np.int64(level.occupants[x, y]) - 1
    # The player is in slot 0.
    if slot < 1:
        return 0
    kind = level.objects[slot, KIND]
    if kind == ARROW:
        return _FIRST_ARROW + level.objects[slot, HEADING]
    if kind == PLANT:
        return _RIPE_PLANT if level.objects[slot, TIMER] > RIPE else _SAPLING
    return kind - COW + 1


@jitable
def write_map(level: Any, i: Any, map: Any) -> None:
    """Writes map[i]; two channels mean indices."""
    left = np.int64(level.objects[0, X]) - COLUMNS // 2
    top = np.int64(level.objects[0, Y]) - ROWS // 2
    indices = map.shape[3] == 2
    for column in range(COLUMNS):
        for row in range(ROWS):
            x, y = left + column, top + row
            material = thing = 0
            if is_inside(x, y):
                material, thing = np.int64(level.materials[x, y]), _thing(level, x, y)
            if indices:
                map[i, column, row, 0] = material
                map[i, column, row, 1] = thing
                continue
            for channel in range(MAP_CHANNELS):
                map[i, column, row, channel] = 0
            if material > 0:
                map[i, column, row, material - 1] = 1
            if thing > 0:
                map[i, column, row, NUM_MATERIALS - 2 + thing] = 1


@jitable
def _write_faced(level: Any, i: Any, vector: Any) -> None:
    for channel in range(MAP_CHANNELS):
        vector[i, _FACED + channel] = 0.0
    direction = level.status[FACING]
    x = level.objects[0, X] + DIRECTIONS[direction, 0]
    y = level.objects[0, Y] + DIRECTIONS[direction, 1]
    if is_inside(x, y):
        vector[i, _FACED + level.materials[x, y] - 1] = 1.0
        thing = _thing(level, x, y)
        if thing > 0:
            vector[i, _FACED + NUM_MATERIALS - 2 + thing] = 1.0


@jitable
def write_vector(level: Any, i: Any, vector: Any) -> None:
    """Writes vector[i]."""
    for item in range(NUM_ITEMS):
        vector[i, item] = level.inventory[item] / MOST_OF_AN_ITEM
    vector[i, NUM_ITEMS] = level.daylight
    vector[i, NUM_ITEMS + 1] = level.status[SLEEPING]
    for direction in range(4):
        vector[i, NUM_ITEMS + 2 + direction] = level.status[FACING] == direction
    _write_faced(level, i, vector)
    for item in range(NUM_NEEDS, NUM_ITEMS):
        vector[i, _OWNED + item - NUM_NEEDS] = level.inventory[item] > 0
    vector[i, _NEAR] = is_near(level, TABLE)
    vector[i, _NEAR + 1] = is_near(level, FURNACE)
    for achievement in range(vector.shape[1] - VECTOR_LENGTH):
        vector[i, VECTOR_LENGTH + achievement] = level.status[UNLOCKED] >> achievement & 1


@jitable
def write_semantic(level: Any, i: Any, semantic: Any) -> None:
    """Writes semantic[i] (64, 64): the whole world as crafter's `info["semantic"]`, materials covered by objects."""
    for x in range(semantic.shape[1]):
        for y in range(semantic.shape[2]):
            semantic[i, x, y] = level.materials[x, y]
            slot = level.occupants[x, y]
            if slot > 0:
                semantic[i, x, y] = level.objects[slot - 1, KIND]
