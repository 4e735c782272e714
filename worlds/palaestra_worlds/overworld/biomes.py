"""What each biome is made of and what grows in it, as arrays for the level generator."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld import whole
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.state import HEIGHT, SEA_LEVEL
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.task_lists import ALL_BIOMES, BIOMES

PLAINS, FOREST, DESERT, MOUNTAINS, TAIGA, SWAMP, OCEAN, BEACH = range(len(BIOMES))
BADLANDS = ALL_BIOMES.index("badlands")

_TOPS = {"desert": "sand", "beach": "sand", "ocean": "gravel"}
_FILLINGS = {"desert": "sandstone", "beach": "sand", "ocean": "gravel"}
_TREES: dict[str, dict[str, float]] = {
    "plains": {"oak": 0.0015},
    "forest": {"oak": 0.02, "birch": 0.009},
    "mountains": {"spruce": 0.003, "oak": 0.001},
    "taiga": {"spruce": 0.022},
    "swamp": {"oak": 0.009},
}
"""Of a thousand columns, how many have a tree of a kind."""
TREES = ("oak", "birch", "spruce")
_FLOWERS = ("dandelion", "poppy", "azure_bluet", "oxeye_daisy", "cornflower", "red_tulip", "orange_tulip")
_PLANTS: dict[str, dict[str, float]] = {
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
_CORE_SHARES = {"emerald_ore": 100}
"""Fewer than the game has, in a million, where nature is not whole: worlds of a seed there stay as they are."""


class Land(NamedTuple):
    """What the level generator puts where; B biomes, those of `BIOMES`, or of `ALL_BIOMES` where nature is whole."""

    is_whole: bool
    """Whether every biome has a patch of its own."""
    heights: NDArray[np.float64]
    """(B,): about which a biome's ground lies, on the scale of `terrain.CLIMATES`; used where nature is whole."""
    soils: NDArray[np.int64]
    """(B,): what is here and there in place of the uppermost block, 0 for nothing."""
    hangings: NDArray[np.int64]
    """(B, K): what grows or hangs at the trunks of trees; 0: no more."""
    hanging_chances: NDArray[np.float64]
    """(B, K): of a tree."""
    ground: NDArray[np.int64]
    """(B, 2): the uppermost block, and the three below."""
    trees: NDArray[np.int64]
    """(kinds of trees, 2): logs and leaves."""
    tree_chances: NDArray[np.float64]
    """(B, kinds of trees)."""
    plants: NDArray[np.int64]
    """(B, plants); 0: no more."""
    plant_chances: NDArray[np.float64]
    """(B, plants)."""
    ores: NDArray[np.int64]
    """(ores, 5): block, lowest, highest, blocks of a vein, only in this biome or -1."""
    shares: NDArray[np.float64]
    """(ores,): of the stone between its heights."""


@cache
def land(is_whole: bool = False) -> Land:
    """The game's Overworld: in eight biomes, or with all that there is of it outside structures."""
    block = numbers().block
    biomes: tuple[str, ...] = ALL_BIOMES if is_whole else BIOMES
    tops, fillings = _TOPS, _FILLINGS
    trees, plants = dict(_TREES), dict(_PLANTS)
    logs = {kind: (f"{kind}_log", f"{kind}_leaves") for kind in TREES}
    if is_whole:
        tops, fillings = tops | {"badlands": "red_sand"}, fillings | {"badlands": "red_sandstone"}
        trees |= whole.TREES
        logs |= whole.LOGS
        plants |= {biome: more | plants.get(biome, {}) for biome, more in whole.PLANTS.items()}
    hangings = whole.HANGINGS if is_whole else {}
    soils = whole.SOILS if is_whole else {}
    planted, plant_chances = _by_biome(biomes, plants)
    hanging, hanging_chances = _by_biome(biomes, hangings)
    ores, shares = _ores(is_whole)
    ground = [(block[tops.get(biome, "grass_block")], block[fillings.get(biome, "dirt")]) for biome in biomes]
    return Land(
        is_whole=is_whole,
        heights=np.array([whole.HEIGHTS.get(biome, whole.PLAIN_HEIGHT) for biome in biomes]),
        soils=np.array([block.get(soils.get(biome, ""), 0) for biome in biomes], np.int64),
        hangings=hanging,
        hanging_chances=hanging_chances,
        ground=np.array(ground, np.int64),
        trees=np.array([(block[log], block[leaves]) for log, leaves in logs.values()], np.int64),
        tree_chances=np.array([[trees.get(biome, {}).get(kind, 0.0) for kind in logs] for biome in biomes]),
        plants=planted,
        plant_chances=plant_chances,
        ores=ores,
        shares=shares,
    )


def _by_biome(
    biomes: tuple[str, ...], named: Mapping[str, Mapping[str, float]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Blocks and their chances, a row for each biome."""
    most = max(map(len, named.values()), default=0)
    found, chances = np.zeros((len(biomes), most), np.int64), np.zeros((len(biomes), most))
    for row, biome in enumerate(biomes):
        for place, (name, chance) in enumerate(named.get(biome, {}).items()):
            found[row, place], chances[row, place] = numbers().block[name], chance
    return found, chances


def _ores(is_whole: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Heights are the game's own: the surface is lower here, but diamonds are as deep."""
    rules, block = load_rules(), numbers().block
    rows: list[tuple[int, int, int, int, int]] = []
    shares: list[float] = []
    for name, vein in _VEINS.items():
        natural = rules.natural[name]
        lowest, highest = natural.heights or (1, HEIGHT - 1)
        biome = BIOMES.index("mountains") if natural.places == ("mountains",) else -1
        rows.append((block[name], lowest, min(highest, SEA_LEVEL + 16), vein, biome))
        shares.append((natural.share if is_whole else _CORE_SHARES.get(name, natural.share)) / 1e6)
    for name in whole.CLAYS if is_whole else ():
        rows.append((block[name], whole.CLAY_FROM, SEA_LEVEL + 16, whole.CLAY_VEIN, BADLANDS))
        shares.append(whole.CLAY_SHARE)
    return np.array(rows, np.int64), np.array(shares)
