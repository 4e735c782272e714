"""The scripted planner reads nothing but the prompt, and its plans hold by the recipes; the noisy one's do not."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.base import Mistakes, OracleError
from palaestra_worlds.overworld import PROVIDER
from palaestra_worlds.overworld.planning import OverworldKnowledge
from palaestra_worlds.plan_answers import steps_in
from palaestra_worlds.plan_faults import first_fault
from palaestra_worlds.structured import PlanStep, StructuredAction

KNOWN = OverworldKnowledge()


def prompt(reply: str, goal: str, inventory: str = "nothing", seen: str = "nothing", more: str = "") -> str:
    lines = (f"World: Overworld\nReply: {reply}\nGoal: {goal}", more, f"Inventory: {inventory}\nSeen: {seen}")
    return "\n".join(lines)


def answer(*parts: str, **more: str) -> dict[str, Any]:
    found = PROVIDER.oracle(prompt(*parts, **more), None)
    assert found is not None
    return found


def steps(found: dict[str, Any]) -> list[PlanStep]:
    return [PlanStep.model_validate(step) for step in found["goals"]]


@settings(max_examples=40, deadline=None)
@given(item=st.sampled_from(KNOWN.items), count=st.integers(1, 9), wood=st.integers(0, 9))
def test_a_plan_leads_to_the_goal_by_the_recipes(item: str, count: int, wood: int) -> None:
    inventory = {"oak_log": wood} if wood else {}
    if inventory.get(item, 0) >= count:
        return
    plan = steps(answer("goals", f"{count} {item}", f"{wood} oak_log" if wood else "nothing"))
    assert first_fault(KNOWN, plan, inventory, {item: count}) is None


def test_of_several_kinds_the_one_that_is_seen_is_used() -> None:
    plan = steps(answer("goals", "1 stick", seen="spruce_log 4 away, stone 2 away"))
    assert plan[0].object == "spruce_log"


def test_what_was_looked_for_in_vain_is_gone_round_where_there_is_a_way_round() -> None:
    plain = steps(answer("goals", "1 stick"))
    failed = f"Failed: {plain[0].how} {plain[0].object} (not_found) - none is to be seen"
    assert steps(answer("goals", "1 stick", more=failed))[0].object != plain[0].object
    again = steps(answer("goals", "1 diamond", more="Failed: mine diamond with iron_pickaxe (not_found) - none"))
    assert again[-1].object == "diamond", "there is no other way to a diamond: it is looked for again"


def test_the_explanation_names_what_the_plan_lacked() -> None:
    plan = (
        "1. mine 1 oak_log at oak_log\n2. craft 1 stone_pickaxe from 3 cobblestone, 2 stick\nIt failed at goal 2 of 2"
    )
    table = answer("explanation", "1 stone_pickaxe", "1 oak_log", more=plan)["explanation"]
    assert "it takes a crafting_table" in table
    material = answer("explanation", "1 stone_pickaxe", "1 crafting_table, 2 stick", more=plan)["explanation"]
    assert "it takes 3 cobblestone" in material
    fine = answer("explanation", "1 stone_pickaxe", "1 crafting_table, 2 stick, 3 cobblestone", more=plan)
    assert "was not to be had" in fine["explanation"]


def test_what_an_item_takes_includes_the_table_and_something_to_burn() -> None:
    pickaxe = answer("needs", "1 diamond", more="Item: 1 wooden_pickaxe")
    assert (pickaxe["tool"], pickaxe["material"]["stick"]) == ("crafting_table", 2)
    ingots = answer("needs", "1 diamond", more="Item: 3 iron_ingot")
    assert (ingots["tool"], ingots["material"]) == ("furnace", {"iron_ore": 3})
    assert ingots["fuel"]
    assert not any(name.endswith("pickaxe") for name in ingots["fuel"])
    ore = answer("needs", "1 diamond", more="Item: 3 iron_ore")
    assert (ore["how"], ore["source"]) == ("mine", "iron_ore")
    assert "pickaxe" in ore["tool"]


def test_actions_for_a_subgoal_begin_with_what_it_lacks() -> None:
    goal = "Sub-goal: craft 1 furnace from 8 cobblestone"
    ready = answer("actions", "1 furnace", "8 cobblestone, 1 crafting_table", more=goal)
    assert StructuredAction.model_validate(_plain(ready["actions"][-1])).name == "craft"
    assert ready["explanation"] == ""
    lacking = answer("actions", "1 furnace", "1 crafting_table", more=goal)
    assert "8 cobblestone" in lacking["explanation"]
    names = [(action["name"], action["object"]) for action in lacking["actions"]]
    assert names.index(("mine", "cobblestone")) < names.index(("craft", "furnace")) == len(names) - 1


def test_where_no_tool_is_left_to_dig_with_one_is_made_first() -> None:
    worn = (
        "Sub-goal: mine 1 diamond at diamond_ore with iron_pickaxe\nFailed: mine diamond with iron_pickaxe "
        "(missing_tool) - There is no tool left to dig stone with. 0 of 1 diamond were mined."
    )
    found = answer("actions", "1 diamond", "1 iron_pickaxe, 1 crafting_table, 2 stick, 3 cobblestone", more=worn)
    assert [action["object"] for action in found["actions"]] == ["stone_pickaxe", "diamond"]
    assert "no tool left" in found["explanation"]


def test_a_summary_is_one_of_the_lists_that_worked() -> None:
    short, long = '[{"name": "mine", "object": "oak_log"}]', '[{"name": "equip", "object": "stick"}, {"name": "mine"}]'
    found = answer("summary", "1 oak_log", more=f"What worked: {long}\nWhat worked: {short}")
    assert found["actions"] == [{"name": "mine", "object": "oak_log"}]


@pytest.mark.parametrize(
    ("goal", "message"), [("1 bedrock", "no way to come by bedrock"), ("1 oak_plank", "oak_planks")]
)
def test_goals_that_cannot_be_reached_are_named(goal: str, message: str) -> None:
    with pytest.raises(OracleError, match=message):
        PROVIDER.oracle(prompt("goals", goal), None)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300), goal=st.from_regex(r"[0-9]{1,6} [a-z_]{1,20}", fullmatch=True))
def test_any_prompt_has_an_answer_or_a_named_reason(text: str, goal: str) -> None:
    assert PROVIDER.oracle(text, None) is None
    for reply in ("goals", "explanation", "needs", "actions", "summary"):
        with suppress(OracleError):
            assert isinstance(PROVIDER.oracle(prompt(reply, goal, more=text), None), dict)


def test_a_plan_in_a_prompt_is_read_as_it_was_written() -> None:
    plan = steps(answer("goals", "1 diamond"))
    text = "\n".join(f"{number}. {step}" for number, step in enumerate(plan, 1))
    assert steps_in(f"1. mine 1 dirt at dirt\n\nanother:\n{text}\nIt failed.") == plan


# ------------------------------------------------------------------------------------------------ mistakes


def misread(found: dict[str, Any], seed: int = 0, **rates: float) -> dict[str, Any]:
    text = prompt("goals", "1 diamond")
    wrong = PROVIDER.misread(text, found, Mistakes.model_validate(rates), np.random.default_rng(seed))
    assert wrong is not None
    return wrong


def test_without_mistakes_nothing_changes() -> None:
    found = answer("goals", "1 diamond")
    assert misread(found) == found


def test_every_mistake_leaves_a_plan_that_can_be_read_and_most_do_not_hold() -> None:
    found = answer("goals", "1 diamond")
    faults = []
    for seed in range(40):
        plan = steps(misread(found, seed, accuracy=0.7))
        assert len(plan) == len(found["goals"])
        fault = first_fault(KNOWN, plan, {}, {"diamond": 1})
        faults.append(fault.kind if fault else None)
    assert faults.count(None) < 8
    assert {"unknown_item", "missing_material"} <= set(faults)


def test_steps_are_left_out_and_swapped() -> None:
    found = answer("goals", "1 diamond")
    shorter = [len(misread(found, seed, missing=0.2)["goals"]) for seed in range(20)]
    assert 0.6 < np.mean(shorter) / len(found["goals"]) < 0.95
    swapped = misread(found, 1, swapped=0.5)["goals"]
    assert swapped != found["goals"]
    assert sorted(map(str, swapped)) == sorted(map(str, found["goals"]))


def test_a_lower_accuracy_adds_mistakes_and_changes_none() -> None:
    found = answer("goals", "1 diamond")["goals"]
    right = [misread({"goals": found}, 3, accuracy=accuracy)["goals"] for accuracy in (0.9, 0.5, 0.0)]
    for better, worse in pairwise(right):
        for entry, one, other in zip(found, better, worse, strict=True):
            assert one in (entry, other)


def test_a_name_that_means_nothing_is_a_fault_with_the_nearest() -> None:
    fault = first_fault(KNOWN, [PlanStep(how="craft", object="oak_plank", material={"oak_log": 1})], {"oak_log": 1})
    assert fault is not None
    assert (fault.kind, fault.step) == ("unknown_item", 0)
    assert "did you mean 'oak_planks'?" in fault.why
    tool = first_fault(KNOWN, [PlanStep(how="mine", object="dirt", source="dirt", tool="spade_of_wood")], {})
    assert tool is not None
    assert tool.kind == "unknown_item"


def _plain(action: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in action.items() if name != "expectation"}
