"""What the whole of the game's Overworld has on top of the eight biomes, outside structures. How much of it is ours: a
world is small, and has one patch of each."""

from __future__ import annotations

HEIGHTS = {"ocean": 0.18, "beach": 0.39, "swamp": 0.45, "mountains": 0.8, "badlands": 0.56}
"""Of a biome's ground, on the scale of `terrain.CLIMATES`."""
PLAIN_HEIGHT = 0.48
TREES: dict[str, dict[str, float]] = {
    "plains": {"oak": 0.006},
    "mountains": {"spruce": 0.006, "oak": 0.004},
    "jungle": {"jungle": 0.03, "oak": 0.004},
    "savanna": {"acacia": 0.02},
    "dark_forest": {"dark_oak": 0.03, "oak": 0.005, "brown_mushroom": 0.002, "red_mushroom": 0.002},
    "snowy_tundra": {"spruce": 0.003},
}
"""In place of those of the same biome."""
LOGS = {kind: (f"{kind}_log", f"{kind}_leaves") for kind in ("jungle", "acacia", "dark_oak")} | {
    f"{colour}_mushroom": ("mushroom_stem", f"{colour}_mushroom_block") for colour in ("brown", "red")
}
"""Kinds of trees: what the trunk is of, and the crown."""
PLANTS: dict[str, dict[str, float]] = {
    "plains": {"sunflower": 0.006, "tall_grass": 0.02},
    "forest": {"lilac": 0.004, "rose_bush": 0.004, "peony": 0.004, "tall_grass": 0.01},
    "mountains": {"snow": 0.06, "pumpkin": 0.001},
    "taiga": {"large_fern": 0.02, "mossy_cobblestone": 0.006, "snow": 0.02, "pumpkin": 0.001},
    "ocean": {"magma_block": 0.008},
    "jungle": {"melon": 0.008, "bamboo": 0.03, "fern": 0.06, "grass": 0.15},
    "savanna": {"grass": 0.2, "tall_grass": 0.06},
    "badlands": {"dead_bush": 0.012, "cactus": 0.006},
    "dark_forest": {
        "grass": 0.08,
        "brown_mushroom": 0.006,
        "red_mushroom": 0.004,
        "lilac": 0.002,
        "rose_bush": 0.002,
        "peony": 0.002,
    },
    "snowy_tundra": {"snow": 0.85, "snow_block": 0.02},
}
"""Besides those of the same biome: chance that a column has one."""
HANGINGS: dict[str, dict[str, float]] = {
    "plains": {"bee_nest": 0.3},
    "forest": {"bee_nest": 0.1},
    "swamp": {"vine": 0.6},
    "jungle": {"vine": 0.7, "cocoa": 0.4},
}
"""Chance that a tree's trunk has one."""
SOILS = {"taiga": "podzol", "savanna": "coarse_dirt"}
"""What is here and there in place of the uppermost block."""
CLAYS = (
    "terracotta",
    "white_terracotta",
    "orange_terracotta",
    "yellow_terracotta",
    "brown_terracotta",
    "red_terracotta",
    "light_gray_terracotta",
)
"""In the stone of badlands, in veins: the game has them in bands."""
CLAY_FROM, CLAY_VEIN, CLAY_SHARE = 28, 30, 0.04
