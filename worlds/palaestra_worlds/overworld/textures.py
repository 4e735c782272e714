"""What blocks look like from near by: 16 by 16 pixels a face, drawn by rule from a colour and a pattern, and the box
that a block fills. All of it is our own; colours are as one remembers them from the game."""

from __future__ import annotations

import zlib
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.tables import PLANT, SOLID, numbers, tables

PIXELS = 16
TOP, SIDE, BOTTOM = range(3)
"""Faces."""
FULL, CROSS, PLATE, FENCE = range(4)
"""Shapes: a box; two planes that cross; a thin plate along its solid neighbours; a post with rails."""
Colour = tuple[float, float, float]
DYES: dict[str, Colour] = {
    "light_blue": (75, 175, 220),
    "light_gray": (150, 150, 145),
    "white": (235, 238, 238),
    "orange": (235, 120, 20),
    "magenta": (185, 65, 175),
    "yellow": (245, 195, 40),
    "lime": (115, 185, 25),
    "pink": (235, 140, 170),
    "gray": (65, 70, 75),
    "cyan": (20, 140, 145),
    "purple": (120, 40, 170),
    "blue": (50, 60, 160),
    "brown": (115, 70, 40),
    "green": (85, 110, 25),
    "red": (160, 40, 35),
    "black": (25, 25, 30),
}
"""Longer names first."""
WOODS: dict[str, tuple[Colour, Colour, Colour]] = {
    "dark_oak": ((68, 45, 22), (60, 46, 26), (55, 95, 30)),
    "oak": ((162, 130, 78), (105, 83, 50), (70, 125, 40)),
    "spruce": ((115, 85, 50), (60, 40, 22), (65, 100, 65)),
    "birch": ((196, 178, 122), (215, 212, 205), (120, 155, 75)),
    "jungle": ((160, 115, 80), (85, 68, 28), (55, 135, 25)),
    "acacia": ((170, 92, 50), (105, 98, 88), (105, 135, 40)),
}
"""Planks, bark and leaves."""
STONES: dict[str, Colour] = {
    "grass_block": (105, 155, 65),
    "dirt": (134, 96, 67),
    "farmland": (100, 70, 45),
    "podzol": (110, 80, 40),
    "red_sand": (190, 102, 33),
    "sand": (219, 207, 163),
    "gravel": (132, 127, 125),
    "mossy": (95, 115, 80),
    "granite": (149, 103, 85),
    "diorite": (188, 188, 188),
    "andesite": (136, 136, 136),
    "obsidian": (20, 18, 30),
    "netherrack": (100, 40, 40),
    "quartz": (235, 230, 222),
    "prismarine": (100, 160, 150),
    "stone": (125, 125, 125),
    "bedrock": (70, 70, 70),
    "terracotta": (150, 92, 66),
    "brick": (150, 90, 75),
    "clay": (160, 166, 179),
    "snow": (248, 252, 252),
    "ice": (160, 190, 250),
    "water": (50, 90, 210),
    "lava": (225, 95, 20),
    "coal": (35, 35, 38),
    "iron": (215, 215, 215),
    "gold": (250, 215, 70),
    "diamond": (100, 225, 220),
    "emerald": (50, 200, 90),
    "lapis": (35, 70, 165),
    "redstone": (170, 25, 15),
    "hay": (185, 150, 25),
    "bookshelf": (160, 125, 75),
    "crafting_table": (135, 95, 55),
    "chest": (150, 105, 45),
    "furnace": (100, 100, 100),
    "glass": (215, 235, 240),
    "torch": (255, 210, 90),
    "glowstone": (240, 205, 130),
    "pumpkin": (215, 125, 25),
    "melon": (110, 145, 30),
    "cactus": (75, 125, 40),
    "bamboo": (110, 150, 45),
    "honey": (235, 165, 45),
    "bee": (215, 165, 75),
    "rail": (130, 110, 90),
    "magma": (130, 60, 25),
    "slime": (125, 200, 110),
    "mushroom": (175, 140, 110),
    "poppy": (215, 45, 40),
    "rose": (200, 35, 45),
    "tulip": (225, 110, 90),
    "dandelion": (245, 220, 60),
    "sunflower": (245, 200, 50),
    "cornflower": (75, 110, 220),
    "orchid": (50, 170, 230),
    "allium": (180, 110, 220),
    "lilac": (200, 150, 210),
    "peony": (230, 170, 210),
    "daisy": (235, 235, 225),
    "bluet": (225, 230, 225),
    "lily": (240, 245, 240),
    "dead_bush": (130, 95, 45),
    "wheat": (200, 175, 75),
    "cobweb": (230, 230, 230),
}
_GREEN: Colour = (85, 145, 55)
_OTHER: Colour = (165, 130, 100)
_ORE_STONE: Colour = (125, 125, 125)
_SEE_THROUGH = ("glass", "glass_pane", "iron_bars", "ice")


class Looks(NamedTuple):
    """By number of the block."""

    textures: NDArray[np.uint8]
    """(B, 3, PIXELS, PIXELS, 4): faces, from the upper left; red, green, blue, and 0 where one looks through."""
    shapes: NDArray[np.int64]
    """(B,): FULL, CROSS, PLATE or FENCE."""
    boxes: NDArray[np.float64]
    """(B, 6): lowest and highest x, z, y of the box within its cell."""


@cache
def looks() -> Looks:
    """Of all blocks."""
    names = numbers().blocks
    textures = np.zeros((len(names), 3, PIXELS, PIXELS, 4), np.uint8)
    shapes, boxes = np.zeros(len(names), np.int64), np.tile([0.0, 1.0], (len(names), 3))
    flags = tables().blocks
    for number, name in enumerate(names):
        for face in (TOP, SIDE, BOTTOM):
            textures[number, face] = _texture(name, face)
        shapes[number] = _shape(name, bool(flags[number, PLANT]), bool(flags[number, SOLID]))
        boxes[number] = _box(name)
    return Looks(textures, shapes, boxes)


def colour_of(name: str) -> Colour:
    """About the colour of a block."""
    for wood, (planks, bark, leaves) in WOODS.items():
        if name.startswith(wood) or name.startswith(f"stripped_{wood}"):
            if name.endswith("_leaves"):
                return leaves
            if name.endswith(("_sapling",)):
                return leaves
            return bark if name.endswith(("_log", "_wood")) and not name.startswith("stripped") else planks
    for dye, colour in DYES.items():
        if name.startswith(f"{dye}_") and not name.startswith(("red_sand", "brown_mushroom", "red_mushroom")):
            if name.endswith("terracotta") and "glazed" not in name:
                clay = STONES["terracotta"]
                return _mix(colour, clay, 0.45)
            return STONES["tulip"] if name.endswith("tulip") and dye == "red" else colour
    if name == "red_mushroom" or name == "red_mushroom_block":
        return 200.0, 40.0, 35.0
    return next((colour for part, colour in STONES.items() if part in name), _OTHER)


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    return tuple(x * (1 - share) + y * share for x, y in zip(a, b, strict=True))  # pyright: ignore[reportReturnType]


def _shape(name: str, is_plant: bool, is_solid: bool) -> int:
    if name.endswith(("_door", "_pane", "_bars", "_fence_gate", "ladder", "_trapdoor")) or name in ("vine", "ladder"):
        return PLATE
    if name.endswith("_fence"):
        return FENCE
    return CROSS if is_plant and not is_solid and "torch" not in name and "carpet" not in name else FULL


def _box(name: str) -> list[float]:
    if name.endswith("_slab"):
        return [0, 1, 0, 1, 0, 0.5]
    if name.endswith(("_carpet", "_pressure_plate", "rail", "lily_pad", "redstone_wire")):
        return [0, 1, 0, 1, 0, 0.0625]
    if name.endswith("_bed"):
        return [0, 1, 0, 1, 0, 0.5625]
    if name == "snow":
        return [0, 1, 0, 1, 0, 0.125]
    if name.endswith("torch"):
        return [0.4375, 0.5625, 0.4375, 0.5625, 0, 0.625]
    if name.endswith("_fence") or name == "bamboo":
        return [0.375, 0.625, 0.375, 0.625, 0, 1]
    if name.endswith("_wall"):
        return [0.25, 0.75, 0.25, 0.75, 0, 1]
    if name == "chest" or name == "cactus":
        return [0.0625, 0.9375, 0.0625, 0.9375, 0, 0.875 if name == "chest" else 1]
    if name in ("farmland", "water"):
        return [0, 1, 0, 1, 0, 0.9375 if name == "farmland" else 0.875]
    return [0, 1, 0, 1, 0, 1]


def _texture(name: str, face: int) -> NDArray[np.uint8]:
    """(PIXELS, PIXELS, 4)."""
    random = np.random.default_rng(zlib.crc32(f"{name} {face}".encode()))
    base = np.array(_ORE_STONE if name.endswith("_ore") else colour_of(name), np.float64)
    rows, columns = np.mgrid[:PIXELS, :PIXELS]
    grain = 0.10 if name.endswith(("_concrete", "_planks", "glass")) else 0.16
    light = 1.0 + grain * (random.random((PIXELS, PIXELS)) - 0.5) * 2 * 0.6
    see = np.full((PIXELS, PIXELS), 255.0)
    picture = np.broadcast_to(base, (PIXELS, PIXELS, 3)).copy()
    if name.endswith("_planks") or (name.startswith(tuple(WOODS)) and not name.endswith(("_log", "_wood", "_leaves"))):
        light *= np.where(rows % 4 == 3, 0.72, 1.0) * np.where(columns == (rows // 4 * 5 + 3) % PIXELS, 0.85, 1.0)
    if name.endswith(("_log", "_wood")):
        if face == SIDE or name.endswith("_wood"):
            light *= np.where(random.random(PIXELS)[None, :] < 0.35, 0.75, 1.0)
        else:
            ring = np.maximum(abs(rows - 7.5), abs(columns - 7.5))
            planks = next(planks for wood, (planks, _, _) in WOODS.items() if wood in name)
            picture[ring < 7] = planks
            light *= np.where((ring.astype(int) % 3 == 1) & (ring < 7), 0.8, 1.0)
    if name.endswith("_leaves"):
        see[random.random((PIXELS, PIXELS)) < 0.22] = 0
        light *= 0.75 + 0.5 * random.random((PIXELS, PIXELS))
    if "brick" in name:
        shifted = (columns + (rows // 4 % 2) * 4) % 8
        light *= np.where((rows % 4 == 3) | (shifted == 7), 0.72, 1.0)
    if "cobble" in name:
        light *= 0.7 + 0.6 * np.kron(random.random((4, 4)), np.ones((4, 4)))
    if name.endswith("_ore"):
        spots = random.random((8, 8)) < 0.3
        spots = np.kron(spots, np.ones((2, 2))).astype(bool)
        picture[spots] = colour_of(name.removesuffix("_ore"))
    if name == "grass_block" and face != TOP:
        is_soil = rows >= (3 + (columns * 7 % 3 == 0)) if face == SIDE else np.ones_like(rows, bool)
        picture[is_soil] = STONES["dirt"]
    if name in _SEE_THROUGH or name.endswith(("glass", "glass_pane")):
        rim = (rows % 15 == 0) | (columns % 15 == 0) | ((rows + columns == 9) & (rows > 2) & (columns > 2))
        see[~rim] = 60 if "stained" in name else 0
    if name == "bookshelf" and face == SIDE:
        books = random.random((1, PIXELS, 3)) * 150 + 50
        picture[:] = np.where((rows % 8 > 1)[..., None] & (rows % 8 < 7)[..., None], books, picture)
    if name == "crafting_table" and face == TOP:
        light *= np.where((rows % 5 == 0) | (columns % 5 == 0), 0.6, 1.1)
    if name == "furnace" and face == SIDE:
        picture[(rows > 7) & (rows < 14) & (columns > 3) & (columns < 12)] = 30
    if name == "chest" and face == SIDE:
        picture[(rows > 5) & (rows < 9) & (abs(columns - 7.5) < 1.5)] = 190
        light *= np.where(rows == 5, 0.5, 1.0)
    if name.endswith("_door"):
        see[(rows > 1) & (rows < 6) & ((columns % 8 > 1) & (columns % 8 < 6))] = 0
    if name.endswith("_bed") and face != TOP:
        picture[rows > 6] = WOODS["oak"][0]
    flags = tables().blocks[numbers().block[name]]
    if _shape(name, bool(flags[PLANT]), bool(flags[SOLID])) == CROSS:
        picture, see = _plant(name, random)
    if name == "ladder" or name == "vine":
        see[...] = 0
        see[(columns % 12 == 2) | (rows % 4 == 1)] = 255
    found = np.concatenate([np.clip(picture * light[..., None], 0, 255), see[..., None]], axis=2)
    return found.astype(np.uint8)


def _plant(name: str, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Blades, and a blossom where there is one."""
    rows, columns = np.mgrid[:PIXELS, :PIXELS]
    colour = colour_of(name)
    is_flower = colour not in (_OTHER, _GREEN, STONES["dead_bush"], STONES["wheat"]) and "bush" not in name
    green = colour if name in ("dead_bush", "wheat", "cobweb") else _GREEN
    picture = np.broadcast_to(np.array(green), (PIXELS, PIXELS, 3)).astype(np.float64)
    see = np.zeros((PIXELS, PIXELS))
    if is_flower:
        see[(abs(columns - 7.5) < 1) & (rows > 5)] = 255
        blossom = (rows - 4) ** 2 + (columns - 7.5) ** 2 < 11
        picture[blossom], see[blossom] = colour, 255
    else:
        tips = 3 + random.integers(0, 9, PIXELS)
        see[(rows >= tips[None, :]) & (columns % 2 == random.integers(0, 2, PIXELS)[:, None] * (rows < 9))] = 255
    return picture, see
