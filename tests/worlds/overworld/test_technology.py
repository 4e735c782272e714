"""What can be come by, and whether plans for it work."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.overworld.goals import decompose, merge_trips
from palaestra_worlds.overworld.knowledge import explain_item
from palaestra_worlds.overworld.rules import UnknownItem, load_rules
from palaestra_worlds.overworld.stock import StepFault, check_plan
from palaestra_worlds.overworld.technology import Unobtainable, game_tree, technology_tree
from palaestra_worlds.overworld.ways import Sources
from palaestra_worlds.structured import PlanStep

TREE = game_tree()
inventories = st.dictionaries(st.sampled_from(TREE.items), st.integers(1, 70), max_size=8)


def test_every_item_of_the_tree_can_be_come_by_with_nothing():
    for item in TREE.items:
        goal = decompose(TREE, item, 1, {})
        assert goal is not None
        assert check_plan(TREE, goal.plan, {}).count(item) >= 1


@settings(max_examples=80, deadline=None)
@given(item=st.sampled_from(TREE.items), count=st.integers(1, 130), inventory=inventories)
def test_a_plan_gives_what_it_is_for_whatever_is_at_hand(item, count, inventory):
    goal = decompose(TREE, item, count, inventory)
    assert (goal is None) == (inventory.get(item, 0) >= count)
    if goal is not None:
        assert check_plan(TREE, goal.plan, inventory).count(item) >= count


@settings(max_examples=40, deadline=None)
@given(item=st.sampled_from(TREE.items), count=st.integers(1, 70))
def test_fewer_trips_give_the_same(item, count):
    goal = decompose(TREE, item, count, {})
    assert goal is not None
    merged = merge_trips(TREE, goal.plan, {})
    assert check_plan(TREE, merged, {}).inventory == check_plan(TREE, goal.plan, {}).inventory
    assert len(merged) <= len(goal.plan)


def test_nothing_at_hand_is_used_up_that_a_goal_before_needs():
    goal = decompose(TREE, "wooden_pickaxe", 1, {"oak_planks": 5, "crafting_table": 1})
    assert goal is not None
    assert [str(step) for step in goal.plan] == [
        "craft 4 stick from 2 oak_planks",
        "craft 1 wooden_pickaxe from 3 oak_planks, 2 stick",
    ]


def test_diamond_takes_an_iron_pickaxe_down_at_the_diamonds():
    goal = decompose(TREE, "diamond", 1, {})
    assert goal is not None
    assert (goal.step.tool, goal.step.source) == ("iron_pickaxe", "diamond_ore")
    assert goal.info == "diamond_ore: everywhere, between heights 1 and 15"
    made = [step.object for step in goal.plan]
    milestones = ["crafting_table", "wooden_pickaxe", "stone_pickaxe", "iron_pickaxe", "diamond"]
    assert [item for item in made if item in milestones] == milestones
    assert goal.plan[-1] is goal.step


def test_trips_for_a_diamond():
    goal = decompose(TREE, "diamond", 1, {})
    assert goal is not None
    trips = [step for step in merge_trips(TREE, goal.plan, {}) if step.how == "mine"]
    assert [step.object for step in trips] == ["oak_log", "cobblestone", "iron_ore", "diamond"]
    assert trips[1].count == 11


def test_worn_tools_are_made_anew():
    goal = decompose(TREE, "cobblestone", 128, {"wooden_pickaxe": 1, "crafting_table": 1})
    assert goal is not None
    (pickaxes,) = [step for step in goal.plan if step.object == "wooden_pickaxe"]
    assert pickaxes.count == 2


def test_effort_is_more_than_that_of_anything_needed():
    for item, way in TREE.ways.items():
        for part in way.takes:
            assert min(TREE.effort[choice] for choice in part.choices if choice in TREE.effort) < TREE.effort[item]


def test_size_of_the_game_s_tree():
    """Ghost in the Minecraft counts 262, by the names of version 1.11.2, whose list is not public."""
    assert (len(TREE.items), len(TREE.old_names)) == (610, 268)
    for item in ("diamond_pickaxe", "enchanting_table", "cake", "golden_apple", "lead", "anvil", "clock", "map"):
        assert item in TREE.effort
    for item in ("bedrock", "grass_block", "blaze_rod", "quartz", "elytra", "saddle_bag", "netherite_ingot", "ice"):
        assert item not in TREE.effort


def test_a_world_without_iron_has_no_diamonds():
    rules = load_rules()
    sources = Sources.of_game(rules)
    poor = technology_tree(rules, Sources(sources.blocks - {"iron_ore"}, sources.mobs - {"zombie"}))
    assert "stone_pickaxe" in poor.effort
    assert set(TREE.effort) - set(poor.effort) >= {"iron_ingot", "diamond", "bucket", "obsidian", "shears"}
    with pytest.raises(Unobtainable, match="no way to come by diamond here"):
        decompose(poor, "diamond", 1, {})


def test_impossible_goals_are_named():
    with pytest.raises(Unobtainable, match="no way to come by bedrock"):
        decompose(TREE, "bedrock", 1, {})
    with pytest.raises(UnknownItem, match="did you mean 'diamond'"):
        decompose(TREE, "dimond", 1, {})
    with pytest.raises(UnknownItem, match="no item is called 'wod'"):
        decompose(TREE, "stick", 1, {"wod": 3})
    with pytest.raises(ValueError, match="at least 1"):
        decompose(TREE, "stick", 0, {})


TABLE = {"crafting_table": 1}


def step_of(how, item, count, material=None, fuel=None, tool=""):
    return PlanStep(how=how, object=item, count=count, material=material or {}, fuel=fuel or {}, tool=tool)


@pytest.mark.parametrize(
    ("step", "inventory", "kind", "why"),
    [
        (step_of("craft", "stik", 4), {}, "unknown", "did you mean 'stick'"),
        (step_of("craft", "diamond_ore", 1), {}, "impossible", "it is not crafted, but cannot be come by here at all"),
        (step_of("craft", "iron_ore", 1), {}, "impossible", "it is not crafted, but mined from iron_ore"),
        (step_of("mine", "cobblestone", 1), {}, "tool", "it takes one of"),
        (step_of("mine", "iron_ore", 1, tool="wooden_pickaxe"), {"wooden_pickaxe": 1}, "tool", "it takes one of"),
        (step_of("mine", "cobblestone", 1, tool="wooden_pickaxe"), {}, "tool", "there is none"),
        (step_of("mine", "cobblestone", 60, tool="wooden_pickaxe"), {"wooden_pickaxe": 1}, "tool", "break too soon"),
        (step_of("craft", "chest", 1, {"oak_planks": 8}), {"oak_planks": 8}, "station", "it takes a crafting_table"),
        (step_of("craft", "chest", 1, {"oak_planks": 7}), {"oak_planks": 8, **TABLE}, "material", "it takes 8"),
        (step_of("craft", "chest", 1, {"oak_planks": 8}), {"oak_planks": 7, **TABLE}, "material", "at hand are 7"),
        (
            step_of("smelt", "glass", 9, {"sand": 9}, {"coal": 1}),
            {"sand": 9, "coal": 1, "furnace": 1},
            "fuel",
            "it burns for 90 s, and the fuel for 80 s",
        ),
        (
            step_of("smelt", "glass", 1, {"sand": 1}, {"coal": 1}),
            {"sand": 9, "furnace": 1},
            "fuel",
            "it takes 1 coal",
        ),
    ],
)
def test_faults_of_steps(step, inventory, kind, why):
    with pytest.raises(StepFault, match=why) as caught:
        check_plan(TREE, [step], inventory)
    assert (caught.value.kind, caught.value.step) == (kind, step)


def test_a_step_changes_what_is_at_hand():
    stock = check_plan(TREE, [step_of("craft", "cake", 1, {"milk_bucket": 3, "sugar": 2, "egg": 1, "wheat": 3})], {
        "milk_bucket": 3, "sugar": 3, "egg": 1, "wheat": 3, **TABLE
    })  # fmt: skip
    # The game gives back the three buckets.
    assert stock.inventory == {"bucket": 3, "sugar": 1, "cake": 1, **TABLE}
    stock = check_plan(TREE, [step_of("mine", "cobblestone", 59, tool="wooden_pickaxe")], {"wooden_pickaxe": 1})
    assert stock.inventory == {"cobblestone": 59}


def test_knowledge_in_words():
    first, *others = explain_item(TREE, "diamond")
    assert first.startswith("mine diamond (diamond_ore: everywhere, between heights 1 and 15): takes in hand ")
    assert "craft 9 diamond: takes 1 diamond_block" in others
    assert explain_item(TREE, "torch")[0] == "craft 4 torch: takes 1 coal or charcoal, 1 stick"
    assert explain_item(TREE, "bedrock") == ("bedrock can't be come by here",)


def test_the_list_of_items_in_the_documentation_is_current():
    script = Path(__file__).parents[3] / "docs" / "overworld_items.py"
    page = runpy.run_path(str(script))["page"]
    assert page() == script.with_suffix(".md").read_text(encoding="utf-8"), "run python docs/overworld_items.py"


def test_what_is_rarely_caught_is_made_where_it_can_be():
    """One catch in eighty is a tripwire hook: whoever wants one makes it."""
    tree = game_tree()
    assert tree.way("tripwire_hook").how == "craft"
    assert tree.effort["saddle"] > tree.effort["diamond"]
