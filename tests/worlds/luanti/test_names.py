"""The table of names holds names only that Minecraft's rules have."""

from __future__ import annotations

from palaestra_worlds.luanti.names import name_table, tasks_not_here
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.task_lists import BIOMES, deps_tasks


def test_every_name_is_one_of_minecrafts() -> None:
    table, rules = name_table(), load_rules()
    assert set(table.items) <= set(rules.items)
    assert set(table.blocks) <= set(rules.blocks)
    assert set(table.natural) <= set(rules.blocks)
    assert set(table.biomes.values()) <= set(BIOMES)
    assert {place for places in table.natural.values() for place in places} <= {*BIOMES, "everywhere", "caves"}


def test_no_thing_of_a_game_stands_for_two_items() -> None:
    names = [game for games in name_table().items.values() for game in dict.fromkeys(games)]
    assert sorted(set(names)) == sorted(names)


def test_a_games_biome_is_taken_for_the_first_word_that_fits() -> None:
    table = name_table()
    found = [BIOMES[table.biome(name)] for name in ("coniferous_forest_dunes", "cold_desert", "Savanna", "")]
    assert found == ["beach", "desert", "plains", "plains"]


def test_tasks_whose_items_are_lacking_are_named_with_the_reason() -> None:
    lacking = tasks_not_here(deps_tasks(), {"oak_planks", "stick"})
    assert "stick" not in lacking
    assert "iron_pickaxe" in lacking
    assert "none of iron_pickaxe can be come by" in lacking["iron_pickaxe"]
