"""Decomposition: every sub-goal comes after what it takes, nothing is used up twice, and what goes in circles ends."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_teachers.base import LessonRefused
from palaestra_teachers.planners.replies import Needs
from palaestra_teachers.planners.tree import Decomposition, with_fewer_trips

RECIPES = {
    "log": Needs(how="mine", object="log"),
    "planks": Needs(how="craft", object="planks", count=4, material={"log": 1}),
    "stick": Needs(how="craft", object="stick", count=4, material={"planks": 2}),
    "table": Needs(how="craft", object="table", material={"planks": 4}),
    "pickaxe": Needs(how="craft", object="pickaxe", material={"planks": 3, "stick": 2}, tool="table"),
    "stone": Needs(how="mine", object="stone", tool="pickaxe"),
    "glass": Needs(how="smelt", object="glass", material={"sand": 1}, fuel={"planks": 1}, tool="oven"),
    "sand": Needs(how="mine", object="sand"),
    "oven": Needs(how="craft", object="oven", material={"stone": 8}, tool="table"),
    "egg": Needs(how="craft", object="egg", material={"hen": 1}),
    "hen": Needs(how="craft", object="hen", material={"egg": 1}),
}


async def ask(item: str, count: int) -> Needs:
    needs = RECIPES[item]
    batches = -(-count // needs.count)
    times = {"count": needs.count * batches} | {
        key: {name: batches * amount for name, amount in getattr(needs, key).items()} for key in ("material", "fuel")
    }
    return needs.model_copy(update=times)


def decomposed(item: str, count: int, inventory: dict[str, int], depth: int = 12) -> Decomposition:
    tree = Decomposition(ask, inventory, depth)
    asyncio.run(tree.get(item, count))
    return tree


@settings(max_examples=60, deadline=None)
@given(
    item=st.sampled_from([name for name in RECIPES if name not in ("egg", "hen")]),
    count=st.integers(1, 9),
    inventory=st.dictionaries(st.sampled_from(sorted(RECIPES)), st.integers(1, 9), max_size=5),
)
def test_carried_out_in_order_every_subgoal_has_what_it_takes(item: str, count: int, inventory: dict[str, int]) -> None:
    stock = Counter(inventory)
    had = stock[item]
    for goal in decomposed(item, count, inventory).order:
        step = goal.step
        tool = RECIPES[step.object].tool
        assert not tool or stock[tool] >= 1, step
        for name, amount in (Counter(step.material) + Counter(step.fuel)).items():
            assert stock[name] >= amount, step
        stock -= Counter(step.material) + Counter(step.fuel)
        stock[step.object] += step.count
    assert stock[item] >= had + count


def test_nothing_is_asked_about_that_is_at_hand() -> None:
    order = decomposed("pickaxe", 1, {"table": 1, "stick": 2, "planks": 2}).order
    assert [goal.step.object for goal in order] == ["log", "planks", "pickaxe"]
    assert [goal.depth for goal in order] == [2, 1, 0]


def test_one_table_serves_all_that_take_one() -> None:
    order = [goal.step.object for goal in decomposed("glass", 1, {}).order]
    assert order.count("table") == 1
    assert order.count("pickaxe") == 1


def test_what_is_mined_again_later_is_brought_the_first_time() -> None:
    order = decomposed("oven", 1, {}).order
    merged = with_fewer_trips(order)
    logs = [goal.step.count for goal in order if goal.step.object == "log"]
    assert len(logs) > 1
    assert [goal.step.count for goal in merged if goal.step.object == "log"] == [sum(logs)]
    crafted = [str(goal.step) for goal in order if goal.step.how == "craft"]
    assert [str(goal.step) for goal in merged if goal.step.how == "craft"] == crafted


def test_tables_are_put_up_and_not_held() -> None:
    assert decomposed("pickaxe", 1, {"table": 1, "stick": 2, "planks": 3}).order[-1].step.tool == ""
    assert decomposed("stone", 1, {"pickaxe": 1}).order[-1].step.tool == "pickaxe"


@pytest.mark.parametrize(
    ("item", "depth", "message"), [("egg", 12, "circle: egg <- hen <- egg"), ("stone", 2, "not end")]
)
def test_a_decomposition_that_does_not_end_is_stopped_and_named(item: str, depth: int, message: str) -> None:
    with pytest.raises(LessonRefused, match=message) as caught:
        decomposed(item, 1, {}, depth)
    assert caught.value.kind == "plan_loops"
