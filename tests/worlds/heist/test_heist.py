"""Heist: what its levels are, what a teacher can set in them, and what is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.base import TaskError
from palaestra_worlds.minigrid.heist.tasks import COLORS, HeistTask
from palaestra_worlds.minigrid.heist.world import HeistWorld
from palaestra_worlds.minigrid.solver import solve
from pydantic import ValidationError

OBJECTIVES = ("blue key", "blue door", "green key", "green door", "red key", "red door", "gem")


@pytest.fixture(scope="module")
def world() -> HeistWorld:
    made = palaestra_worlds.make("Heist", num_envs=4)
    assert isinstance(made, HeistWorld)
    return made


def objects(world: HeistWorld, task: HeistTask) -> list[str]:
    return sorted(part.partition(" at ")[0] for part in world.explain(task))


def test_the_original_has_a_key_for_each_door_and_can_be_solved(world: HeistWorld) -> None:
    assert world.objectives == OBJECTIVES
    for state in world.first_states(HeistTask(), 30):
        solve(state)
    assert objects(world, HeistTask()) == [
        "blue key",
        "green goal",
        "green key",
        "locked blue door",
        "locked green door",
        "locked red door",
        "red key",
    ]


@pytest.mark.parametrize(
    ("task", "found"),
    [
        (HeistTask(doors=(), keys=()), ["green goal"]),
        (HeistTask(doors=("red",)), ["green goal", "locked red door", "red key"]),
        (HeistTask(doors=("red",), keys=()), ["green goal", "locked red door"]),
        (HeistTask(doors=("green",), keys=("blue",)), ["blue key", "green goal", "locked green door"]),
    ],
)
def test_a_teacher_sets_doors_and_keys(world: HeistWorld, task: HeistTask, found: list[str]) -> None:
    assert objects(world, task) == found


def test_levels_are_as_large_as_a_teacher_says_and_differ(world: HeistWorld) -> None:
    states = world.first_states(HeistTask(size=7, doors=("blue",)), 20)
    assert len({state.cells for state in states}) > 10
    for state in states:
        for x, y, _ in [*state.objects, (state.x, state.y, 0)]:
            assert 0 < x < 6
            assert 0 < y < 6


def test_a_key_in_hand_opens_its_door(world: HeistWorld) -> None:
    state = world.first_states(HeistTask(doors=("green",), keys=(), carrying="green"), 1)[0]
    assert state.carrying
    solve(state)


def play(world: HeistWorld, task: HeistTask) -> dict[str, Any]:
    """Plays the solver's plan in a task's first level, in all environments at once; the infos of the last step."""
    task = task.model_copy(update={"level_seed": 3})
    plan = solve(world.first_states(task)[0]).actions
    world.assign([task] * world.num_envs)
    world.reset(seed=0)
    infos: dict[str, Any] = {}
    for action in plan:
        assert "episode" not in infos
        _, _, _, _, infos = world.step(np.full(world.num_envs, action))
    return infos


@pytest.mark.parametrize(
    ("task", "reached"),
    [
        (HeistTask(), OBJECTIVES),
        (HeistTask(doors=("red",)), ("red key", "red door", "gem")),
        (
            HeistTask(doors=("green", "blue"), keys=("blue",), carrying="green"),
            ("blue key", "blue door", "green door", "gem"),
        ),
        (HeistTask(doors=(), keys=()), ("gem",)),
    ],
)
def test_an_episode_says_which_objectives_were_reached(
    world: HeistWorld, task: HeistTask, reached: tuple[str, ...]
) -> None:
    episode = play(world, task)["episode"]
    assert episode["success"].all()
    expected = [objective in reached for objective in OBJECTIVES]
    assert episode["objectives"].tolist() == [expected] * world.num_envs


def test_what_was_reached_is_forgotten_at_the_next_episode(world: HeistWorld) -> None:
    play(world, HeistTask())
    episode = play(world, HeistTask(doors=(), keys=()))["episode"]
    assert episode["objectives"].sum(axis=1).tolist() == [1] * world.num_envs


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (HeistTask(size=13), "size 13 is more than the original's, 11"),
        (HeistTask(size=7), "3 doors need a size of at least 9, not 7"),
        (HeistTask(size=5, doors=("blue",), keys=COLORS), "no room for 3 keys in the first room"),
    ],
)
def test_a_task_without_room_is_refused_with_the_reason(world: HeistWorld, task: HeistTask, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        world.draw_from([task])


def test_a_color_occurs_once() -> None:
    with pytest.raises(ValidationError, match="doors has the same colour twice"):
        HeistTask(doors=("blue", "blue"))


def test_a_promise_that_no_level_holds_is_found(world: HeistWorld) -> None:
    assert world.examine(HeistTask()) == ()
    assert world.examine(HeistTask(doors=("blue", "red"), keys=("red",))) == (
        "there is no blue key, so the blue door stays locked and the red key and door and the gem cannot be reached",
    )
    assert world.examine(HeistTask(doors=("red",), keys=(), carrying="red")) == ()


def test_tasks_are_in_snapshots(world: HeistWorld) -> None:
    world.draw_from([HeistTask(doors=("red",)), HeistTask(doors=(), keys=())], np.array([1.0, 0.0]))
    world.reset(seed=5)
    world.draw_from(None)
    before = world.snapshot()
    world.draw_from([HeistTask(doors=(), keys=())])
    world.restore(before)
    assert "locked red door" in world.describe(0)
    world.reset(seed=6)
    assert "locked blue door" in world.describe(0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 7}, "3 doors need a size of at least 9, not 7"),
        ({"subgoals": "position"}, "takes no subgoals"),
        ({"doors": 4}, "setting doors of Heist: Input should be less than or equal to 3"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        palaestra_worlds.make("Heist", **settings)
