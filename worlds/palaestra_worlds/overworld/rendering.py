"""A picture of the blocks around the player, seen from the south-east and above, parallel lines kept parallel."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import WATER
from palaestra_worlds.overworld.mob_kinds import ALL_MOBS
from palaestra_worlds.overworld.state import HEIGHT, KIND, MOB_X, MOB_Y, MOB_Z, SEA_LEVEL, SIDE, Levels, X, Y, Z
from palaestra_worlds.overworld.tables import OPAQUE, PLANT, TALL, numbers, tables

REACH = 12
"""Cells to each side of the player."""
BELOW, ABOVE = 8, 14
TILE = 16
"""Pixels across a block; its sides are half as high."""
SKY, PLAYER = (178, 205, 235), (214, 51, 132)
_COLOURS = {
    "grass_block": (110, 160, 70),
    "dirt": (134, 96, 67),
    "coarse_dirt": (119, 85, 59),
    "podzol": (110, 80, 40),
    "sand": (219, 207, 163),
    "sandstone": (214, 200, 150),
    "gravel": (140, 134, 130),
    "stone": (125, 125, 125),
    "cobblestone": (110, 110, 110),
    "granite": (149, 103, 85),
    "diorite": (188, 188, 188),
    "andesite": (136, 136, 136),
    "bedrock": (60, 60, 60),
    "water": (63, 118, 228),
    "lava": (220, 90, 20),
    "obsidian": (20, 18, 30),
    "clay": (160, 166, 179),
    "coal_ore": (70, 70, 70),
    "iron_ore": (190, 160, 140),
    "gold_ore": (230, 205, 80),
    "redstone_ore": (190, 40, 40),
    "lapis_ore": (40, 70, 170),
    "diamond_ore": (90, 220, 220),
    "emerald_ore": (40, 180, 80),
    "crafting_table": (160, 110, 60),
    "furnace": (95, 95, 95),
    "torch": (250, 210, 80),
    "glass": (200, 225, 230),
}
_BY_ENDING = {
    "birch_log": (215, 210, 200),
    "spruce_log": (58, 37, 16),
    "_log": (102, 81, 50),
    "spruce_leaves": (60, 95, 60),
    "_leaves": (72, 120, 40),
    "_planks": (162, 130, 78),
    "_wool": (220, 220, 220),
    "_ore": (150, 140, 130),
}
_PLANT, _OTHER = (80, 145, 60), (170, 120, 90)
_FLOWERS = {"dandelion": (240, 220, 60), "poppy": (210, 40, 40), "pumpkin": (215, 125, 30), "cactus": (20, 110, 40)}
_ANIMALS = {"cow": (68, 48, 34), "pig": (240, 150, 150), "sheep": (235, 235, 225), "chicken": (250, 250, 250)} | {
    "zombie": (80, 120, 75),
    "skeleton": (200, 200, 200),
    "spider": (50, 40, 38),
    "creeper": (80, 190, 70),
    "enderman": (25, 20, 30),
    "slime": (120, 200, 100),
    "witch": (90, 60, 110),
    "rabbit": (160, 130, 100),
    "squid": (50, 70, 90),
    "cod": (160, 140, 110),
    "salmon": (190, 90, 70),
    "pufferfish": (230, 190, 60),
    "tropical_fish": (240, 130, 40),
}
_SHADES = {"top": 1.0, "left": 0.82, "right": 0.66}


@cache
def _colours() -> NDArray[np.float64]:
    """(B, 3) by number of the block."""
    plants = tables().blocks[:, PLANT]
    found = np.zeros((len(numbers().blocks), 3))
    for number, name in enumerate(numbers().blocks):
        ending = next((colour for ending, colour in _BY_ENDING.items() if name.endswith(ending)), None)
        found[number] = _COLOURS.get(name) or _FLOWERS.get(name) or ending or (_PLANT if plants[number] else _OTHER)
    return found


@cache
def _faces() -> dict[str, NDArray[np.bool_]]:
    """Which pixels (TILE, TILE) of a block's square each face covers."""
    rows, columns = np.mgrid[:TILE, :TILE] + 0.5
    half, quarter = TILE / 2, TILE / 4
    from_middle = np.abs(columns - half) / 2
    top = np.abs(rows - quarter) + from_middle <= quarter
    side = (rows > quarter) & ~top & (rows <= 3 * quarter + half / 2 - from_middle)
    return {"top": top, "left": side & (columns < half), "right": side & (columns >= half)}


def draw_level(levels: Levels, i: int) -> NDArray[np.uint8]:
    """Of environment i: uint8 (height, width, 3). What is above a player under ground is cut away."""
    x, z, y = (int(levels.status[i, column]) for column in (X, Z, Y))
    covered = y < levels.surface[i, x, z]
    top = min(HEIGHT - 1, y + 2 if covered else y + ABOVE)
    bottom = max(0, y - BELOW)
    across = 2 * REACH + 1
    height = across * TILE // 2 + (ABOVE + BELOW + 2) * TILE // 2
    picture = np.empty((height, across * TILE, 3), np.uint8)
    picture[...] = SKY
    animals = _animals(levels, i)
    for a in range(max(0, x - REACH), min(SIDE, x + REACH + 1)):
        for b in range(max(0, z - REACH), min(SIDE, z + REACH + 1)):
            for c in range(bottom, top + 1):
                is_player = (a, b) == (x, z) and c in (y, y + 1)
                animal = animals.get((a, b, c))
                if is_player or animal is not None or _shows(levels, i, a, b, c, top):
                    block = int(levels.blocks[i, a, b, c])
                    colour = _colours()[block] if animal is None else np.array(animal, np.float64)
                    if is_player:
                        colour = np.array(PLAYER, np.float64)
                    column, row = a - x + REACH, b - z + REACH
                    left = (column - row + across - 1) * TILE // 2
                    up = (column + row) * TILE // 4 + (y + ABOVE - c) * TILE // 2
                    _draw_block(picture[up : up + TILE, left : left + TILE], colour)
    return picture


def _animals(levels: Levels, i: int) -> dict[tuple[int, int, int], tuple[int, int, int]]:
    """The colour of each cell that a mob is in."""
    found: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    for row in levels.mobs[i][levels.mobs[i, :, KIND] > 0]:
        for above in range(int(tables().mobs[row[KIND], TALL])):
            found[int(row[MOB_X]), int(row[MOB_Z]), int(row[MOB_Y]) + above] = _ANIMALS[ALL_MOBS[row[KIND] - 1]]
    return found


def _shows(levels: Levels, i: int, a: int, b: int, c: int, top: int) -> bool:
    """Whether one of the three faces that look at us can be seen."""
    blocks = levels.blocks[i]
    block = blocks[a, b, c]
    if block == 0 or (block == WATER and c < SEA_LEVEL and blocks[a, b, c + 1] == WATER):
        return False
    hides = tables().blocks[:, OPAQUE]
    above = c < top and hides[blocks[a, b, c + 1]]
    east = a + 1 < SIDE and hides[blocks[a + 1, b, c]]
    south = b + 1 < SIDE and hides[blocks[a, b + 1, c]]
    return not (above and east and south)


def _draw_block(square: NDArray[np.uint8], colour: NDArray[np.float64]) -> None:
    for face, mask in _faces().items():
        cut = mask[: square.shape[0], : square.shape[1]]
        square[cut] = colour * _SHADES[face]
