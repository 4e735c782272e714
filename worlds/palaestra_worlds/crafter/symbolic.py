"""What the player sees, in symbols: a map of the cells around it, and a vector of how it is.

The map is that of the reference's picture, 9 columns by 7 rows with the player in the middle, indexed [column, row].
One-hot (9, 7, 21) of 0 and 1: channel m - 1 for material m (water, grass, stone, path, sand, tree, lava, coal, iron,
diamond, table, furnace), then cow, zombie, skeleton, arrow to the left, right, up, down, sapling, ripe plant. As
indices (9, 7, 2): the material (0 outside of the world, else 1 to 12), and what stands there (0 nothing, else 1 to 9 in
the same order). The player itself is not marked.

The vector (22,) float32 holds the inventory in the order of `ITEMS`, each divided by 9, the daylight (0 night, 1 noon),
1 if asleep, and the direction that the player faces, one-hot in the order left, right, up, down.

Unlike the picture, symbols do not fade at night or in sleep.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.crafter.creatures import RIPE
from palaestra_worlds.crafter.state import (
    ARROW,
    COW,
    FACING,
    HEADING,
    KIND,
    MOST_OF_AN_ITEM,
    NUM_ITEMS,
    NUM_MATERIALS,
    PLANT,
    SLEEPING,
    TIMER,
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
VECTOR_LENGTH = NUM_ITEMS + 2 + 4

_FIRST_ARROW, _SAPLING, _RIPE_PLANT = 4, 8, 9


@register_jitable(forceinline=True)
def _thing(levels: Any, i: Any, x: Any, y: Any) -> Any:
    """What stands on a cell, as in `THINGS` counted from 1; 0 nothing."""
    slot = levels.occupants[i, x, y] - 1
    # The player is in slot 0.
    if slot < 1:
        return 0
    kind = levels.objects[i, slot, KIND]
    if kind == ARROW:
        return _FIRST_ARROW + levels.objects[i, slot, HEADING]
    if kind == PLANT:
        return _RIPE_PLANT if levels.objects[i, slot, TIMER] > RIPE else _SAPLING
    return kind - COW + 1


@register_jitable(forceinline=True)
def write_map(levels: Any, i: Any, map: Any) -> None:
    """Writes map[i]; two channels mean indices."""
    left = levels.objects[i, 0, X] - COLUMNS // 2
    top = levels.objects[i, 0, Y] - ROWS // 2
    indices = map.shape[3] == 2
    for column in range(COLUMNS):
        for row in range(ROWS):
            x, y = left + column, top + row
            for channel in range(map.shape[3]):
                map[i, column, row, channel] = 0
            if not is_inside(x, y):
                continue
            material, thing = levels.materials[i, x, y], _thing(levels, i, x, y)
            if indices:
                map[i, column, row, 0] = material
                map[i, column, row, 1] = thing
                continue
            map[i, column, row, material - 1] = 1
            if thing > 0:
                map[i, column, row, NUM_MATERIALS - 2 + thing] = 1


@register_jitable(forceinline=True)
def write_vector(levels: Any, i: Any, vector: Any) -> None:
    """Writes vector[i]."""
    for item in range(NUM_ITEMS):
        vector[i, item] = levels.inventory[i, item] / MOST_OF_AN_ITEM
    vector[i, NUM_ITEMS] = levels.daylight[i]
    vector[i, NUM_ITEMS + 1] = levels.status[i, SLEEPING]
    for direction in range(4):
        vector[i, NUM_ITEMS + 2 + direction] = levels.status[i, FACING] == direction


@register_jitable
def write_semantic(levels: Any, i: Any, semantic: Any) -> None:
    """Writes semantic[i] (64, 64): the whole world as crafter's `info["semantic"]`, materials covered by objects."""
    for x in range(semantic.shape[1]):
        for y in range(semantic.shape[2]):
            semantic[i, x, y] = levels.materials[i, x, y]
            slot = levels.occupants[i, x, y]
            if slot > 0:
                semantic[i, x, y] = levels.objects[i, slot - 1, KIND]
