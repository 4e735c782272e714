"""What each biome is made of and what grows in it, as arrays for the level generator."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.state import HEIGHT, SEA_LEVEL
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.task_lists import BIOMES

PLAINS, FOREST, DESERT, MOUNTAINS, TAIGA, SWAMP, OCEAN, BEACH = range(len(BIOMES))

_TOPS = {"desert": "sand", "beach": "sand", "ocean": "gravel"}
_FILLINGS = {"desert": "sandstone", "beach": "sand", "ocean": "gravel"}
_TREES = {
    "plains": {"oak": 0.0015},
    "forest": {"oak": 0.02, "birch": 0.009},
    "mountains": {"spruce": 0.003, "oak": 0.001},
    "taiga": {"spruce": 0.022},
    "swamp": {"oak": 0.009},
}
"""Of a thousand columns, how many have a tree of a kind."""
TREES = ("oak", "birch", "spruce")
_FLOWERS = ("dandelion", "poppy", "azure_bluet", "oxeye_daisy", "cornflower", "red_tulip", "orange_tulip")
_PLANTS = {
    "plains": {"grass": 0.18, "pumpkin": 0.0008, **dict.fromkeys((*_FLOWERS, "white_tulip", "pink_tulip"), 0.003)},
    "forest": {"grass": 0.08, "pumpkin": 0.0008, "allium": 0.002, "lily_of_the_valley": 0.002}
    | dict.fromkeys(_FLOWERS[:4], 0.002),
    "desert": {"dead_bush": 0.012, "cactus": 0.006},
    "mountains": {"grass": 0.03},
    "taiga": {
        "fern": 0.08,
        "grass": 0.04,
        "sweet_berry_bush": 0.006,
        "brown_mushroom": 0.002,
        "red_mushroom": 0.001,
    },
    "swamp": {
        "grass": 0.08,
        "blue_orchid": 0.01,
        "brown_mushroom": 0.005,
        "red_mushroom": 0.004,
        "sugar_cane": 0.01,
        "dead_bush": 0.002,
    },
    "ocean": {"kelp": 0.06, "seagrass": 0.15, "sea_pickle": 0.002},
    "beach": {"sugar_cane": 0.03},
}
"""Chance that a column has one of a kind."""
MOST_PLANTS = 16
_VEINS = {
    "dirt": 33,
    "gravel": 33,
    "granite": 33,
    "diorite": 33,
    "andesite": 33,
    "coal_ore": 17,
    "iron_ore": 9,
    "gold_ore": 9,
    "redstone_ore": 8,
    "lapis_ore": 7,
    "diamond_ore": 5,
    "emerald_ore": 1,
}
"""Blocks of a vein. Source: https://minecraft.wiki/w/Ore."""


class Land(NamedTuple):
    """What the level generator puts where."""

    ground: NDArray[np.int64]
    """(biomes, 2): the uppermost block, and the three below."""
    trees: NDArray[np.int64]
    """(kinds of trees, 2): logs and leaves."""
    tree_chances: NDArray[np.float64]
    """(biomes, kinds of trees)."""
    plants: NDArray[np.int64]
    """(biomes, MOST_PLANTS); 0: no more."""
    plant_chances: NDArray[np.float64]
    """(biomes, MOST_PLANTS)."""
    ores: NDArray[np.int64]
    """(ores, 5): block, lowest, highest, blocks of a vein, only in this biome or -1."""
    shares: NDArray[np.float64]
    """(ores,): of the stone between its heights."""


@cache
def land() -> Land:
    """The game's Overworld, in eight biomes."""
    block = numbers().block
    plants = np.zeros((len(BIOMES), MOST_PLANTS), np.int64)
    chances = np.zeros((len(BIOMES), MOST_PLANTS))
    for row, biome in enumerate(BIOMES):
        for place, (name, chance) in enumerate(_PLANTS.get(biome, {}).items()):
            plants[row, place], chances[row, place] = block[name], chance
    ores, shares = _ores()
    ground = [(block[_TOPS.get(biome, "grass_block")], block[_FILLINGS.get(biome, "dirt")]) for biome in BIOMES]
    return Land(
        ground=np.array(ground, np.int64),
        trees=np.array([(block[f"{kind}_log"], block[f"{kind}_leaves"]) for kind in TREES], np.int64),
        tree_chances=np.array([[_TREES.get(biome, {}).get(kind, 0.0) for kind in TREES] for biome in BIOMES]),
        plants=plants,
        plant_chances=chances,
        ores=ores,
        shares=shares,
    )


def _ores() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Heights are the game's own: the surface is lower here, but diamonds are as deep."""
    rules, block = load_rules(), numbers().block
    rows: list[tuple[int, int, int, int, int]] = []
    shares: list[float] = []
    for name, vein in _VEINS.items():
        natural = rules.natural[name]
        lowest, highest = natural.heights or (1, HEIGHT - 1)
        biome = BIOMES.index("mountains") if natural.places == ("mountains",) else -1
        rows.append((block[name], lowest, min(highest, SEA_LEVEL + 16), vein, biome))
        shares.append(natural.share / 1e6)
    return np.array(rows, np.int64), np.array(shares)
