"""The rules' data against facts of the game that anybody can look up."""

from __future__ import annotations

import math

import pytest
from palaestra_worlds.overworld.build_data import TARGET, build, write
from palaestra_worlds.overworld.rules import Rules, UnknownBlock, UnknownItem, load_rules

RULES = load_rules()


def _ingredients(rules: Rules, item: str, number: int = 0) -> dict[str, int]:
    return {part.choices[0]: part.count for part in rules.recipes_for(item)[number].ingredients}


def test_file_is_what_its_sources_give(tmp_path):
    write(build(), tmp_path / "rules.json")
    assert (tmp_path / "rules.json").read_bytes() == TARGET.read_bytes(), (
        "run python -m palaestra_worlds.overworld.build_data"
    )


def test_every_name_is_of_an_item_or_block():
    items, blocks = set(RULES.items), set(RULES.blocks)
    for recipe in RULES.recipes:
        assert {recipe.makes, *recipe.leaves} <= items
        for ingredient in recipe.ingredients:
            assert set(ingredient.choices) <= items
            assert ingredient.count >= 1
    for product, inputs in RULES.smelting.items():
        assert {product, *inputs} <= items
    for thing in (*RULES.blocks.values(), *RULES.mobs.values()):
        for drop in thing.drops:
            assert drop.item in items, thing
            assert 0 < drop.chance <= 1
            assert 0 <= drop.least <= drop.most
    assert {name for block in RULES.blocks.values() for name in block.harvest} <= items
    assert {name for speeds in RULES.tool_speeds.values() for name in speeds} <= items
    assert set(RULES.natural) <= blocks
    assert {name for names in RULES.old_names.values() for name in names} <= items
    for use in RULES.uses:
        assert use.makes in items
        assert not use.takes or use.takes in items
        assert not use.at or use.at in blocks | set(RULES.mobs)
        assert set(use.tools) <= items


def test_shapes_fit_a_grid_of_three_and_count_their_ingredients():
    for recipe in RULES.recipes:
        cells = "".join(recipe.shape)
        assert len(recipe.shape) <= 3
        assert all(len(row) <= 3 for row in recipe.shape)
        if recipe.shape:
            assert len(cells.replace(" ", "")) == sum(part.count for part in recipe.ingredients)


@pytest.mark.parametrize(
    ("item", "count", "ingredients", "table"),
    [
        ("stick", 4, {"oak_planks": 2}, False),
        ("crafting_table", 1, {"oak_planks": 4}, False),
        ("wooden_pickaxe", 1, {"oak_planks": 3, "stick": 2}, True),
        ("iron_pickaxe", 1, {"iron_ingot": 3, "stick": 2}, True),
        ("furnace", 1, {"cobblestone": 8}, True),
        ("torch", 4, {"coal": 1, "stick": 1}, False),
        ("bucket", 1, {"iron_ingot": 3}, True),
        ("shield", 1, {"oak_planks": 6, "iron_ingot": 1}, True),
        ("cobblestone_wall", 6, {"cobblestone": 6}, True),
        ("rail", 16, {"iron_ingot": 6, "stick": 1}, True),
        ("cake", 1, {"milk_bucket": 3, "sugar": 2, "egg": 1, "wheat": 3}, True),
    ],
)
def test_recipes(item, count, ingredients, table):
    recipe = RULES.recipes_for(item)[0]
    assert (recipe.count, recipe.needs_table) == (count, table)
    assert _ingredients(RULES, item) == ingredients


def test_a_choice_of_ingredients_is_one_recipe():
    (planks, bamboo) = RULES.recipes_for("stick")
    assert {"oak_planks", "birch_planks", "dark_oak_planks"} <= set(planks.ingredients[0].choices)
    assert (bamboo.count, bamboo.ingredients[0].choices) == (1, ("bamboo",))
    assert RULES.recipes_for("torch")[0].ingredients[0].choices == ("coal", "charcoal")
    assert RULES.recipes_for("cake")[0].leaves == ("bucket",) * 3


@pytest.mark.parametrize(
    ("block", "tool", "seconds"),
    [
        ("stone", "", 7.5),
        ("stone", "wooden_pickaxe", 1.15),
        ("stone", "diamond_pickaxe", 0.3),
        ("oak_log", "", 3.0),
        ("oak_log", "stone_axe", 0.75),
        ("dirt", "", 0.75),
        ("iron_ore", "stone_pickaxe", 1.15),
        ("iron_ore", "wooden_pickaxe", 7.5),
        ("diamond_ore", "iron_pickaxe", 0.75),
        ("obsidian", "diamond_pickaxe", 9.4),
        ("grass", "", 0.05),
        ("bedrock", "netherite_pickaxe", math.inf),
    ],
)
def test_mining_takes_as_long_as_in_the_game(block, tool, seconds):
    assert RULES.mining_ticks(block, tool) / 20 == pytest.approx(seconds)


def test_ores_need_the_game_s_pickaxes():
    least = {"coal_ore": "wooden", "iron_ore": "stone", "lapis_ore": "stone", "gold_ore": "iron", "diamond_ore": "iron"}
    tiers = ["wooden", "stone", "iron", "diamond"]
    for ore, tier in {**least, "obsidian": "diamond"}.items():
        assert [RULES.can_harvest(ore, f"{tried}_pickaxe") for tried in tiers] == [
            tiers.index(tried) >= tiers.index(tier) for tried in tiers
        ], ore
        assert not RULES.can_harvest(ore)


def test_drops_without_silk_touch():
    assert [drop.item for drop in RULES.block("stone").drops] == ["cobblestone"]
    assert [drop.item for drop in RULES.block("grass_block").drops] == ["dirt"]
    assert RULES.block("glass").drops == ()
    assert RULES.block("spawner").drops == ()
    (lapis,) = RULES.block("lapis_ore").drops
    assert (lapis.item, lapis.least, lapis.most) == ("lapis_lazuli", 4, 9)
    assert RULES.mobs["cow"].drops[0].mean == 2


def test_items_foods_and_fuels():
    assert RULES.item("iron_pickaxe").durability == 250
    assert RULES.item("wooden_pickaxe").durability == 59
    assert RULES.item("cooked_beef").food == 8
    assert (RULES.item("egg").stack, RULES.item("oak_log").stack, RULES.item("bucket").stack) == (16, 64, 16)
    assert RULES.item("coal").burns == 8 * RULES.smelting_ticks
    assert RULES.item("oak_planks").burns == 300
    assert RULES.item("crimson_planks").burns == 0
    assert RULES.item("iron_ingot").burns == 0
    assert RULES.smelting["iron_ingot"] == ("iron_ore",)


def test_ores_lie_at_the_game_s_depths():
    assert RULES.natural["diamond_ore"].heights == (1, 15)
    assert RULES.natural["gold_ore"].heights == (1, 31)
    assert RULES.natural["iron_ore"].heights == (1, 63)


def test_names_of_the_papers():
    assert RULES.named("fence") == ("oak_fence",)
    assert set(RULES.named("planks")) >= {"oak_planks", "dark_oak_planks"}
    assert len(RULES.named("wool")) == 16
    assert RULES.named("iron_pickaxe") == ("iron_pickaxe",)


def test_unknown_names_get_the_nearest():
    with pytest.raises(UnknownItem, match="did you mean 'iron_pickaxe'"):
        RULES.item("iron_pikaxe")
    with pytest.raises(UnknownItem, match="did you mean 'planks'"):
        RULES.named("plank")
    with pytest.raises(UnknownBlock, match="did you mean 'diamond_ore'"):
        RULES.block("diamond_oar")
