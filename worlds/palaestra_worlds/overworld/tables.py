"""The rules' data as plain arrays, indexed by the numbers of blocks and items, for compiled code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.mob_kinds import ALL_MOBS
from palaestra_worlds.overworld.objectives import FIRST_FROM_MOBS, FROM_MOBS, OBJECTIVES
from palaestra_worlds.overworld.rules import (
    EVERYWHERE,
    HAND_DAMAGE,
    HAND_RECOVERY,
    TABLE,
    Block,
    Drop,
    Item,
    Rules,
    load_rules,
)
from palaestra_worlds.overworld.task_lists import ALL_BIOMES

HAND = 0
"""Column of tools: the hand, and whatever is no tool."""
MOST_DROPS, MOST_PARTS = 4, 9
ANY_TOOL, WITH_SHEARS = 0, 1
"""What a drop takes."""
LEFT_ALONE = -1
"""Ticks to break what can't be broken."""
MOST_CHANCE = 10_000
TALLER_THAN_A_STEP = ("_fence", "_fence_gate", "_wall")
OPENED_IN_PASSING = ("_door", "_fence_gate")
"""How the names of such blocks end."""
WORN_AT = ("helmet", "chestplate", "leggings", "boots")

Ints = NDArray[np.int32]


# Columns of `Tables.blocks`.
SOLID, OPAQUE, FALLS, PLANT, ONE_OF, LIGHT, IS_BED, IS_CHEST, IS_TALL, IS_GATE = range(10)
# Columns of `Tables.breaking`.
TICKS, HARVESTS = range(2)
# Columns of `Tables.items`.
(
    BLOCK,
    TOOL,
    STACK,
    DURABILITY,
    FOOD_POINTS,
    SATURATION_TENTHS,
    BURNS,
    FUEL_RANK,
    FIRST_RECIPE,
    NUM_RECIPES,
    FIRST_INPUT,
    NUM_INPUTS,
    OBJECTIVE,
    DAMAGE,
    RECOVERY,
    BLOW_WEARS,
    ARMOUR_PLACE,
    ARMOUR,
    IS_HOE,
) = range(19)
# Columns of `Tables.mobs`.
FULL_HEALTH, TALL, WALKS, RUNS, HOMES, HURTS = range(6)
# Columns of `Tables.recipes`.
MADE, NEEDS_TABLE, NUM_PARTS, COMES_BACK, NUM_BACK = range(5)


class Tables(NamedTuple):
    """By number: a block's is its place in rules.json, air 0; an item's is its place there + 1, nothing 0.

    B blocks, I items + 1, T tools + 1, R recipes. Few arrays with many columns, because compiling takes long where
    functions are handed many arrays.
    """

    blocks: Ints
    """(B, 10): whether it is in the way; whether it can't be seen through; whether it is sand or gravel, that falls;
    whether it is a plant, that goes when what it stands on goes; whether exactly one of its drops comes;
    light that it gives; whether it is a bed, or a chest; whether it is a fence, a gate or a garden wall, which nobody
    can step onto; whether it is a gate or a door, which a player passes."""
    breaking: Ints
    """(B, T, 2): ticks to break it with a tool, or LEFT_ALONE; whether anything is left then."""
    drops: Ints
    """(B + kinds of mobs, MOST_DROPS, 5): item, least, most, what it takes, chance in 10,000; item 0: no more. What
    mobs leave comes after what blocks do."""
    items: Ints
    """(I, 19): the block that placing it gives, 0 for none; column of tools; how many fit into a slot; uses, 0 without
    end; points of food, tenths of saturation; ticks it burns, which fuel is burnt first (the least); first recipe that
    makes it, and how many do; first of the choices that it is smelted from, and how many; the
    objective that it is, or -1; tenths of a point that a blow with it takes, ticks until the next is as strong, uses
    that a blow takes; where it is worn, 1 to 4, and its points of armour; whether it is a hoe."""
    recipes: Ints
    """(R, 5): count made; whether a table is needed; parts; item that comes back, and how many."""
    parts: Ints
    """(R, MOST_PARTS, 3): first of its choices, how many, how many of them are taken."""
    choices: Ints
    """Items, for parts and for smelting."""
    mobs: Ints
    """(kinds + 1, 6): health in tenths of a point, cells that it is tall, ticks for a cell when going about and when
    fleeing or chasing, a bit for each biome that it lives in, points of health that it takes at most."""


class Numbers(NamedTuple):
    """Names by number and numbers by name."""

    blocks: tuple[str, ...]
    items: tuple[str, ...]
    """The first is "", for nothing."""
    block: dict[str, int]
    item: dict[str, int]


@cache
def numbers() -> Numbers:
    """The numbers of `load_rules`."""
    rules = load_rules()
    blocks, items = tuple(rules.blocks), ("", *rules.items)
    return Numbers(blocks, items, _places(blocks), _places(items))


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


@cache
def tables() -> Tables:
    """The arrays of `load_rules`."""
    rules, known = load_rules(), numbers()
    tools = tool_names()
    choices: list[int] = []
    recipes, parts, recipes_of = _recipes(rules, known, choices)
    smelts_of = _smelting(rules, known, choices)
    items = np.zeros((len(known.items), 19), np.int32)
    items[0, DAMAGE:ARMOUR_PLACE] = 10 * HAND_DAMAGE, HAND_RECOVERY, 0
    for number, item in enumerate(rules.items.values(), 1):
        tool = tools.index(item.name) if item.name in tools else HAND
        saturation = round(10 * item.saturation)
        items[number, :FIRST_RECIPE] = (
            *(_block_of(item.name, known), tool, item.stack, item.durability, item.food, saturation, item.burns),
            _fuel_rank(item.name),
        )
        wear = 0 if not item.durability else 1 if item.name.endswith(("_sword", "trident", "_hoe")) else 2
        items[number, DAMAGE:] = (
            round(10 * item.damage),
            item.recovery,
            wear,
            *_armour(item),
            item.name.endswith("_hoe"),
        )
    items[:, FIRST_RECIPE:FIRST_INPUT], items[:, FIRST_INPUT:OBJECTIVE] = recipes_of, smelts_of
    items[:, OBJECTIVE] = _objectives(rules, known)
    breaking = [[(_ticks(rules, name, tool), rules.can_harvest(name, tool)) for tool in tools] for name in known.blocks]
    return Tables(
        blocks=np.array([_flags(rules, block) for block in rules.blocks.values()], np.int32),
        breaking=np.array(breaking, np.int32),
        drops=_drops(rules, known),
        items=items,
        recipes=recipes,
        parts=parts,
        choices=np.array(choices, np.int32),
        mobs=_mobs(rules),
    )


def tool_names() -> tuple[str, ...]:
    """Tools by column; the first is the hand."""
    return ("", *dict.fromkeys(tool for speeds in load_rules().tool_speeds.values() for tool in speeds))


def _objectives(rules: Rules, known: Numbers) -> Ints:
    found = np.full(len(known.items), -1, np.int32)
    numbered = [*enumerate(OBJECTIVES.values()), *enumerate(FROM_MOBS.values(), FIRST_FROM_MOBS)]
    for number, names in numbered:
        for name in names:
            for item in rules.named(name):
                found[known.item[item]] = number
    return found


def _flags(rules: Rules, block: Block) -> tuple[int, ...]:
    falls = block.name in ("sand", "red_sand", "gravel")
    one_of = len(block.drops) > 1 and sum(drop.chance for drop in block.drops) == 1
    plant = _is_plant(rules, block.name)
    opaque, is_bed = block.solid and not block.transparent, block.name.endswith("_bed")
    is_tall = block.name.endswith(TALLER_THAN_A_STEP)
    is_gate = block.name.endswith(OPENED_IN_PASSING) and block.name != "iron_door"
    return block.solid, opaque, falls, plant, one_of, block.light, is_bed, block.name == "chest", is_tall, is_gate


def _armour(item: Item) -> tuple[int, int]:
    """Where it is worn, and its points."""
    ending = item.name.rsplit("_", 1)[-1]
    return (WORN_AT.index(ending) + 1 if item.armour else 0), item.armour


def _ticks(rules: Rules, block: str, tool: str) -> int:
    ticks = rules.mining_ticks(block, tool)
    return int(ticks) if np.isfinite(ticks) else LEFT_ALONE


def _is_plant(rules: Rules, name: str) -> bool:
    """Whether a block breaks at a touch and stands on another."""
    block = rules.blocks[name]
    return block.hardness == 0 and not block.solid and name not in ("air", "cave_air", "void_air")


def _fuel_rank(item: str) -> int:
    """Coal first, then boats, which are made to be burnt, wood, and what has been made of it; a table last of all."""
    ranked = (
        ("coal", "charcoal"), ("_boat",), ("_planks",), ("_log", "_wood"), ("coal_block", "dried_kelp_block", "bamboo"),
    )  # fmt: skip
    rank = next((rank for rank, endings in enumerate(ranked) if item.endswith(endings)), len(ranked))
    return rank + (item == TABLE)


def _block_of(item: str, known: Numbers) -> int:
    growing = {"wheat_seeds": "wheat", "redstone": "redstone_wire", "water_bucket": "water", "lava_bucket": "lava"}
    return known.block.get(growing.get(item, item), 0)


def _drops(rules: Rules, known: Numbers) -> Ints:
    left: list[tuple[Drop, ...]] = [block.drops for block in rules.blocks.values()]
    left += [rules.mobs[name].drops for name in ALL_MOBS]
    found = np.zeros((len(left), MOST_DROPS, 5), np.int32)
    for number, drops in enumerate(left):
        for place, drop in enumerate(drops):
            takes = WITH_SHEARS if drop.tool else ANY_TOOL
            found[number, place] = known.item[drop.item], drop.least, drop.most, takes, round(drop.chance * MOST_CHANCE)
    return found


def _mobs(rules: Rules) -> Ints:
    found = np.zeros((len(ALL_MOBS) + 1, 6), np.int32)
    for number, name in enumerate(ALL_MOBS, 1):
        mob = rules.mobs[name]
        homes = sum(1 << k for k, biome in enumerate(ALL_BIOMES) if biome in mob.places or EVERYWHERE in mob.places)
        found[number] = 10 * mob.health, mob.tall, mob.walks, mob.runs, homes, mob.damage
    return found


def _recipes(rules: Rules, known: Numbers, choices: list[int]) -> tuple[Ints, Ints, Ints]:
    ordered = sorted(rules.recipes, key=lambda recipe: known.item[recipe.makes])
    recipes_of = np.zeros((len(known.items), 2), np.int32)
    recipes = np.zeros((len(ordered), 5), np.int32)
    parts = np.zeros((len(ordered), MOST_PARTS, 3), np.int32)
    for row, recipe in enumerate(ordered):
        made = known.item[recipe.makes]
        if not recipes_of[made, 1]:
            recipes_of[made, 0] = row
        recipes_of[made, 1] += 1
        back = known.item[recipe.leaves[0]] if recipe.leaves else 0
        recipes[row] = recipe.count, recipe.needs_table, len(recipe.ingredients), back, len(recipe.leaves)
        for place, part in enumerate(recipe.ingredients):
            parts[row, place] = len(choices), len(part.choices), part.count
            choices += [known.item[name] for name in part.choices]
    return recipes, parts, recipes_of


def _smelting(rules: Rules, known: Numbers, choices: list[int]) -> Ints:
    smelts_of = np.zeros((len(known.items), 2), np.int32)
    for product, inputs in rules.smelting.items():
        smelts_of[known.item[product]] = len(choices), len(inputs)
        choices += [known.item[name] for name in inputs]
    return smelts_of
