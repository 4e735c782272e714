"""What planners can know about an Overworld without playing it."""

from __future__ import annotations

import pytest
from palaestra_worlds.overworld.planning import OverworldKnowledge
from palaestra_worlds.overworld.rules import UnknownItem
from palaestra_worlds.structured import PlanStep, PlayerStatus, StructuredAction
from pydantic import ValidationError

KNOWLEDGE = OverworldKnowledge()
STATUS = PlayerStatus(inventory={}, biome="plains", height=40, is_underground=False, health=20, food=20, ticks_left=100)


def test_a_plan_for_a_diamond_can_be_carried_out():
    plan = KNOWLEDGE.plan("diamond", 1, {})
    assert KNOWLEDGE.check_plan(plan, {}, {"diamond": 1}) is None
    assert [step.object for step in plan if step.how == "mine"] == ["oak_log", "cobblestone", "iron_ore", "diamond"]


def test_a_plan_uses_the_trees_that_have_been_seen():
    assert KNOWLEDGE.plan("stick", 1, {}, near=["spruce_log", "stone"])[0].object == "spruce_log"
    assert KNOWLEDGE.plan("oak_stairs", 1, {}, near=["spruce_log"])[0].object == "oak_log"


def test_monsters_are_hunted_before_anything_else_that_might_take_the_night():
    knowledge = OverworldKnowledge("whole")
    plan = knowledge.plan("cake", 1, {})
    assert knowledge.check_plan(plan, {}, {"cake": 1}) is None
    order = [step.object for step in plan]
    assert order.index("iron_leggings") < order.index("cooked_beef") < order.index("bone")
    assert order.index("bone") < min(map(order.index, ("egg", "milk_bucket", "sugar_cane")))


def test_goals_come_after_what_they_need():
    goal = KNOWLEDGE.decompose("stone_pickaxe", 1, {"stick": 2, "crafting_table": 1})
    assert goal is not None
    order = [found.step.object for found in goal.goals()]
    assert order[-1] == "stone_pickaxe"
    assert order.index("wooden_pickaxe") < order.index("cobblestone")
    assert KNOWLEDGE.decompose("planks", 2, {"oak_planks": 1, "birch_planks": 1}) is None


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (PlanStep(how="craft", object="stick_of_joy"), "unknown_item"),
        (PlanStep(how="mine", object="stick", source="stone"), "impossible"),
        (PlanStep(how="craft", object="stick", count=4, material={"oak_planks": 2}), "missing_material"),
        (PlanStep(how="mine", object="diamond", tool="stone_pickaxe"), "missing_tool"),
        (PlanStep(how="craft", object="oak_boat", material={"oak_planks": 5}), "missing_station"),
    ],
)
def test_the_first_fault_of_a_plan_is_named(step: PlanStep, kind: str):
    steps = [PlanStep(how="mine", object="oak_log", source="oak_log"), step]
    fault = KNOWLEDGE.check_plan(steps, {})
    assert fault is not None
    assert (fault.step, fault.kind) == (1, kind)


def test_a_plan_that_misses_its_goal_is_at_fault():
    fault = KNOWLEDGE.check_plan([PlanStep(how="mine", object="oak_log")], {}, {"log": 2})
    assert fault is not None
    assert (fault.step, fault.kind) == (1, "missing_material")


def test_unknown_items_are_named_with_the_nearest():
    with pytest.raises(UnknownItem, match="did you mean 'diamond'"):
        KNOWLEDGE.plan("diamnod", 1, {})
    assert KNOWLEDGE.nearest("irn_pickaxe") == "iron_pickaxe"
    assert KNOWLEDGE.nearest("qqqqqqqq") == ""


def test_text_keeps_to_its_budget():
    text = KNOWLEDGE.recipe_text("iron_pickaxe", budget=40)
    assert "3 iron_ingot" in text
    assert len(KNOWLEDGE.recipe_text("stick", budget=20).split()) <= 20


def test_steps_become_actions():
    step = PlanStep(how="mine", object="cobblestone", count=11, source="stone", tool="wooden_pickaxe")
    assert KNOWLEDGE.actions(step, STATUS) == (
        StructuredAction(name="mine", object="cobblestone", count=11, tool="wooden_pickaxe"),
    )
    step = PlanStep(how="use", object="water_bucket", material={"bucket": 1}, source="water")
    assert str(KNOWLEDGE.actions(step, STATUS)[0]) == "apply water with bucket"


def test_names_are_taken_as_models_write_them():
    assert StructuredAction(name="mine", object="minecraft:Oak Log").object == "oak_log"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "mine"},
        {"name": "dig_down"},
        {"name": "build"},
        {"name": "fly", "object": "moon"},
        {"name": "mine", "object": "a" * 61},
        {"name": "mine", "object": "rm -rf /"},
        {"name": "craft", "object": "stick", "count": 0},
        {"name": "build", "blueprint": {"layers": [["#"]], "blocks": {}}},
        {"name": "build", "blueprint": {"layers": [["#" * 17]], "blocks": {"#": "dirt"}}},
    ],
)
def test_actions_that_cannot_be_meant_are_refused(fields: dict[str, object]):
    with pytest.raises(ValidationError):
        StructuredAction.model_validate(fields)


def test_who_hunts_much_takes_a_sword_along():
    def steps(item: str, inventory: dict[str, int]) -> list[str]:
        return [f"{step.how} {step.object}" for step in KNOWLEDGE.plan(item, 1, inventory)]

    found = steps("leather_chestplate", {})
    assert found.index("craft wooden_sword") < found.index("hunt leather")
    assert "craft wooden_sword" not in steps("leather_chestplate", {"stone_sword": 1})
    assert "craft wooden_sword" not in steps("cooked_beef", {})


def test_who_has_seen_no_coal_takes_spare_tools_along():
    def crafted(near: tuple[str, ...]) -> list[str]:
        return [step.object for step in KNOWLEDGE.plan("coal", 1, {}, near) if step.how == "craft"]

    assert "stone_pickaxe" in crafted(())
    assert "stone_pickaxe" not in crafted(("coal_ore",))


def test_who_digs_through_a_mountain_takes_many_tools_along():
    plan = KNOWLEDGE.plan("emerald_block", 1, {})
    assert KNOWLEDGE.check_plan(plan, {}, {"emerald_block": 1}) is None
    order = [step.object for step in plan]
    before = plan[: order.index("emerald")]
    assert sum(step.count for step in before if step.object == "stone_pickaxe") >= 8
