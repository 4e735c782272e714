"""DEPS' tasks, and what is said of lists that can't be used."""

from __future__ import annotations

import pytest
from palaestra_worlds.overworld.goals import decompose
from palaestra_worlds.overworld.stock import check_plan
from palaestra_worlds.overworld.task_lists import TaskListError, deps_tasks, read_tasks
from palaestra_worlds.overworld.technology import game_tree

SIZES = {"MT1": 13, "MT2": 12, "MT3": 7, "MT4": 8, "MT5": 9, "MT6": 7, "MT7": 13, "MT8": 1}
STEPS = {"MT1": 3000, "MT2": 3000, "MT3": 6000, "MT4": 3000, "MT5": 6000, "MT6": 6000, "MT7": 9000, "MT8": 12000}


def test_deps_has_seventy_tasks_in_eight_groups():
    tasks = deps_tasks()
    assert len(tasks.tasks) == 70
    assert {group: len(tasks.of_group(group)) for group in tasks.groups} == SIZES
    assert {group: {task.steps for task in tasks.of_group(group)} for group in SIZES} == {
        group: {steps} for group, steps in STEPS.items()
    }


def test_objects_of_the_old_version_count_as_today_s_items():
    tasks = deps_tasks().tasks
    assert tasks["fence"].counts == ("oak_fence",)
    assert "birch_planks" in tasks["planks"].counts
    assert tasks["stone_stairs"].counts == ("cobblestone_stairs",)
    assert tasks["coal"].is_done({"charcoal": 1})
    assert not tasks["coal"].is_done({"stick": 64})


def test_every_task_of_deps_has_a_plan():
    tree = game_tree()
    for task in deps_tasks().tasks.values():
        goal = decompose(tree, tree.easiest(task.counts), task.count, task.inventory)
        assert goal is not None, task.object
        assert task.is_done(check_plan(tree, goal.plan, task.inventory).inventory), task.object


def test_a_list_of_one_s_own():
    tasks = read_tasks(
        """
        groups: {food: {title: food, steps: 500, biome: forest, inventory: {furnace: 1}}}
        tasks: {cooked_beef: {group: food, count: 3, biome: plains, question: "A steak?"}, apple: {group: food}}
        """,
        "mine.yaml",
    )
    beef, apple = tasks.of_group("food")
    assert (beef.count, beef.biome, beef.question, beef.inventory) == (3, "plains", "A steak?", {"furnace": 1})
    assert (apple.biome, apple.question) == ("forest", "How do I come by 1 apple?")
    assert not beef.is_done({"cooked_beef": 2})


GROUPS = "groups: {g: {title: t, steps: 10}}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("groups: [", "mine.yaml is no YAML"),
        ("tasks: {}", "must have groups and tasks"),
        (GROUPS + "tasks: [stick]", "tasks must be mappings by name"),
        (GROUPS + "tasks: {stick: {group: h}}", "task stick: its group must be one of g, not 'h'"),
        (GROUPS + "tasks: {stik: {group: g}}", "no item is called 'stik'; did you mean 'stick'"),
        (GROUPS + "tasks: {stick: {group: g, counts: [stik]}}", "did you mean 'stick'"),
        (GROUPS + "tasks: {stick: {group: g, inventory: {wod: 1}}}", "no item is called 'wod'"),
        (GROUPS + "tasks: {stick: {group: g, count: 0}}", "task stick: count: .* greater than or equal to 1"),
        (GROUPS + "tasks: {stick: {group: g, biome: moon}}", "task stick: biome: Input should be 'plains'"),
        (GROUPS + "tasks: {stick: {group: g, step: 4}}", "task stick: step: Extra inputs are not permitted"),
        ("groups: {g: {title: t, steps: 0}}\ntasks: {}", "group g: steps: .* greater than or equal to 1"),
        ("groups: {g: {title: t, steps: 9, inventory: {wod: 1}}}\ntasks: {}", "group g: no item is called 'wod'"),
    ],
)
def test_lists_that_cannot_be_used(text, why):
    with pytest.raises(TaskListError, match=why):
        read_tasks(text, "mine.yaml")


def test_unknown_groups_get_the_nearest():
    with pytest.raises(TaskListError, match="did you mean 'MT1'"):
        deps_tasks().of_group("MT11")
