"""The BASALT tasks as worlds: no reward, an end that players choose, and checks that no learner is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.basalt.tasks import TASKS
from palaestra_worlds.base import TaskError
from palaestra_worlds.overworld.state import HEALTH, X, Y, Z
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.tasks import OverworldTask


def make(task: str = "FindCave", num_envs: int = 1, **settings: Any) -> Any:
    return palaestra_worlds.make(f"Overworld-{task}", num_envs=num_envs, **settings)


def act(world: Any, *names: str) -> Any:
    """Each environment does as it is told."""
    return world.step(np.array([world.action_names.index(name) for name in names]))


def to_a_cave(world: Any, i: int) -> None:
    """Puts a player into the nearest hollow that has ground overhead."""
    levels = world.state()
    solid, air = levels.blocks[i] == numbers().block["stone"], levels.blocks[i] == 0
    room = air[:, :, :-1] & air[:, :, 1:]
    roofed = np.zeros_like(room)
    roofed[:, :, :-2] = room[:, :, :-2] & solid[:, :, 2:-1]
    depth = levels.surface[i][:, :, None].astype(int) - np.arange(room.shape[2])
    x, z, y = np.argwhere(roofed & (depth >= 4) & (np.arange(room.shape[2]) > 14))[0]
    levels.status[i, [X, Z, Y]] = x, z, y


@pytest.mark.parametrize("task", TASKS)
def test_players_begin_with_what_the_task_gives_and_are_told_what_it_is(task: str) -> None:
    world = make(task)
    observations, _ = world.reset(seed=0)
    assert TASKS[task].instruction in world.describe(0)
    assert world.status(0).startswith(TASKS[task].instruction)
    assert world.instruction == TASKS[task].instruction
    assert TASKS[task].biome in world.describe(0)
    for item, count in TASKS[task].inventory.items():
        assert f"{count} {item}" in world.describe(0)
        assert any(name.endswith(f" {item}") for name in world.action_names)
    if world.items:
        given = [TASKS[task].inventory.get(item, 0) for item in world.items]
        np.testing.assert_allclose(observations["items"][0], np.log2(1 + np.array(given)) / 8, rtol=1e-6)
    assert observations in world.observation_space
    assert {world.action_names[action] for _, action in world.keys.values()} == set(world.action_names)


def test_a_player_ends_the_episode() -> None:
    world = make(num_envs=3)
    before, _ = world.reset(seed=4)
    after, rewards, terminated, truncated, infos = act(world, "finish", "forward", "wait")
    assert terminated.tolist() == [True, False, False]
    assert not truncated.any()
    assert infos["_episode"].tolist() == [True, False, False]
    assert not rewards.any()
    np.testing.assert_array_equal(infos["final_obs"][0]["blocks"], before["blocks"][0])
    assert (after["blocks"][0] != before["blocks"][0]).any()


def test_the_tasks_own_limit_of_ticks_ends_it() -> None:
    world = make(max_steps=3)
    world.reset(seed=0)
    ends = [bool(act(world, "wait")[3][0]) for _ in range(6)]
    assert ends == [False, False, True, False, False, True]
    assert make("MakeWaterfall").settings.max_steps == 6_000


def test_only_checks_know_success_and_only_evaluations_ask_them() -> None:
    world = make(num_envs=2)
    with pytest.raises(ValueError, match="watch_checks"):
        world.checked()
    world.watch_checks()
    world.reset(seed=0)
    to_a_cave(world, 1)
    _, rewards, _, _, infos = act(world, "finish", "finish")
    assert world.checked().tolist() == [[False, True, False], [True, True, True]]
    assert world.checks == ("in_cave", "not_dug_down", "success")
    assert not rewards.any()
    told = infos["episode"]
    assert set(told) == {"return", "length", "success", "task", "lesson_progress", "ticks"}
    assert not told["success"].any()
    assert not told["return"].any()


def test_with_and_without_checks_the_same_happens() -> None:
    worlds = [make("BuildVillageHouse", num_envs=2, max_steps=20) for _ in range(2)]
    worlds[1].watch_checks()
    random = np.random.default_rng(0)
    for world in worlds:
        world.reset(seed=2)
    for _ in range(60):
        actions = random.integers(0, len(worlds[0].action_names), 2)
        one, other = (world.step(actions) for world in worlds)
        for name in one[0]:
            np.testing.assert_array_equal(one[0][name], other[0][name])
        assert one[4].keys() == other[4].keys()


def test_a_dead_player_has_not_done_it() -> None:
    world = make()
    world.watch_checks()
    world.reset(seed=0)
    to_a_cave(world, 0)
    world.state().status[0, HEALTH] = 0
    assert act(world, "wait")[2][0]
    assert world.checked().tolist() == [[True, True, False]]


def test_nothing_else_can_be_set_in_it() -> None:
    with pytest.raises(TaskError, match="levels alone"):
        make().assign([OverworldTask(level_seed=3)])


def test_blocks_are_put_down_and_stay_after_a_snapshot() -> None:
    world = make("BuildVillageHouse")
    world.reset(seed=0)
    act(world, "look down")
    before = act(world, "look down")[0]["items"][0, world.items.index("oak_planks")]
    act(world, "place oak_planks")
    saved = world.snapshot()
    seen = act(world, "look up")[0]
    assert seen["items"][0, world.items.index("oak_planks")] < before
    other = make("BuildVillageHouse")
    other.restore(saved)
    again = act(other, "look up")[0]
    for name in seen:
        np.testing.assert_array_equal(seen[name], again[name])
