"""What a world's rules are fixed to: objectives, actions, and the switch between the game's rules and easier ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.rules import FURNACE, TABLE, load_rules
from palaestra_worlds.overworld.tables import BLOCK, numbers, tables, tool_names

# Kinds of actions.
(
    NOTHING,
    WALK,
    JUMP,
    TURN,
    LOOK_BY,
    ATTACK,
    USE,
    PLACE,
    EAT,
    EQUIP,
    CRAFT,
    SMELT,
    DROP,
    STORE,
    TAKE,
) = range(15)
WALKING_TICKS, JUMPING_TICKS = 5, 7
"""Of a block at the game's 4.3 m/s; the rest take one tick, smelting aside."""
EASY_SPEED = 100

(
    BEDROCK,
    WATER,
    LAVA,
    STONE,
    DIRT,
    GRASS_BLOCK,
    CLAY,
    OBSIDIAN,
    COBBLESTONE,
    LILY_PAD,
    CACTUS,
    SUGAR_CANE,
    KELP,
    BAMBOO,
    FARMLAND,
    WHEAT_BLOCK,
    PUMPKIN,
    CARVED_PUMPKIN,
    BEE_NEST,
    TABLE_BLOCK,
    FURNACE_BLOCK,
) = (
    numbers().block[name]
    for name in (
        "bedrock",
        "water",
        "lava",
        "stone",
        "dirt",
        "grass_block",
        "clay",
        "obsidian",
        "cobblestone",
        "lily_pad",
        "cactus",
        "sugar_cane",
        "kelp",
        "bamboo",
        "farmland",
        "wheat",
        "pumpkin",
        "carved_pumpkin",
        "bee_nest",
        TABLE,
        FURNACE,
    )
)
"""Numbers of blocks: constants of the compiled code."""
WATERY = np.array(
    [name in ("kelp", "seagrass", "tall_seagrass", "sea_pickle", "sugar_cane") for name in numbers().blocks]
)
"""By block: whether water does not wash it away."""
BUCKET, WATER_BUCKET, LAVA_BUCKET, MILK_BUCKET, SHEARS, WOOL, TABLE_ITEM, FURNACE_ITEM = (
    numbers().item[name]
    for name in ("bucket", "water_bucket", "lava_bucket", "milk_bucket", "shears", "white_wool", TABLE, FURNACE)
)
EGG, ROD, BOTTLE, WATER_BOTTLE, HONEY_BOTTLE, HONEYCOMB, MAP, DRAWN_MAP, PUMPKIN_SEEDS = (
    numbers().item[name]
    for name in (
        "egg",
        "fishing_rod",
        "glass_bottle",
        "potion",
        "honey_bottle",
        "honeycomb",
        "map",
        "filled_map",
        "pumpkin_seeds",
    )
)
SEEDS, WHEAT_ITEM, BONE_MEAL, CARROT = (
    numbers().item[name] for name in ("wheat_seeds", "wheat", "bone_meal", "carrot")
)
SHEARS_TOOL = tool_names().index("shears")

MOVES: dict[str, tuple[int, int]] = {
    "wait": (NOTHING, 0),
    "forward": (WALK, 0),
    "right": (WALK, 1),
    "back": (WALK, 2),
    "left": (WALK, 3),
    "jump": (JUMP, 0),
    "turn left": (TURN, 3),
    "turn right": (TURN, 1),
    "look down": (LOOK_BY, -1),
    "look up": (LOOK_BY, 1),
    "attack": (ATTACK, 0),
    "use": (USE, 0),
}
"""Kind and argument of actions that take no item."""
HOMESTEAD_MOVES: dict[str, tuple[int, int]] = {
    "store": (STORE, 0),
    "take": (TAKE, 0),
    "equip bone_meal": (EQUIP, BONE_MEAL),
}
"""The same, where one settles: all that is not in hand goes into the chest in view; all that fits comes out of it."""
WHOLE_MOVES: dict[str, tuple[int, int]] = {
    f"equip {name}": (EQUIP, numbers().item[name]) for name in ("glass_bottle", "map", "fishing_rod")
}
"""The same, where nature is whole."""
VERBS = {"place": PLACE, "eat": EAT, "equip": EQUIP, "craft": CRAFT, "smelt": SMELT, "drop": DROP}
_DIAMOND = {
    "place": ("dirt", "cobblestone", "crafting_table", "furnace", "torch"),
    "equip": ("wooden_pickaxe", "stone_pickaxe", "iron_pickaxe"),
    "craft": (
        "oak_planks",
        "birch_planks",
        "spruce_planks",
        "stick",
        "torch",
        "crafting_table",
        "furnace",
        "wooden_pickaxe",
        "stone_pickaxe",
        "iron_pickaxe",
    ),
    "smelt": ("iron_ingot", "charcoal"),
}
"""What it takes to get a diamond, as in MineRL's ObtainDiamond."""


class Rules(NamedTuple):
    """Constants of a world."""

    max_ticks: int
    is_easy: bool
    """Whether blocks break EASY_SPEED times as fast, and tables and furnaces work from the inventory."""
    actions: NDArray[np.int32]
    """(actions, 2): kind, and a direction or an item."""


def action_names(choice: str, has_homestead: bool = False, is_whole: bool = False) -> tuple[str, ...]:
    """The actions of a world, by number: "diamond", or "all" that can be placed, eaten, held, crafted and smelted."""
    items = _all_items() if choice == "all" else _DIAMOND
    named = (f"{verb} {item}" for verb, chosen in items.items() for item in chosen)
    more = (HOMESTEAD_MOVES if has_homestead else {}) | (WHOLE_MOVES if is_whole else {})
    return tuple(dict.fromkeys((*MOVES, *named, *more)))


@cache
def _all_items() -> dict[str, tuple[str, ...]]:
    rules, arrays, known = load_rules(), tables(), numbers()
    placeable = [name for name in rules.items if arrays.items[known.item[name], BLOCK] and not name.endswith("_bucket")]
    return {
        "place": tuple(placeable),
        "eat": tuple(name for name, item in rules.items.items() if item.food),
        "equip": tuple(name for name, item in rules.items.items() if item.durability or "bucket" in name),
        "craft": tuple(dict.fromkeys(recipe.makes for recipe in rules.recipes)),
        "smelt": tuple(rules.smelting),
        "drop": ("dirt", "cobblestone"),
    }


def rules_of(max_ticks: int, easy: bool, names: Sequence[str]) -> Rules:
    """The constants of a world with these actions."""
    moves = MOVES | HOMESTEAD_MOVES | WHOLE_MOVES
    pairs = [moves[name] if name in moves else _with_item(name) for name in names]
    return Rules(max_ticks, easy, np.array(pairs, np.int32))


def _with_item(name: str) -> tuple[int, int]:
    verb, item = name.split(" ", 1)
    return VERBS[verb], numbers().item[item]
