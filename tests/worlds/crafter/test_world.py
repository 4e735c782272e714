"""What holds of Crafter worlds whatever happens in them, beyond the contract of all worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra.testing.rollouts import assert_equal, assert_equal_steps, rollout
from palaestra_worlds.crafter.character import ACHIEVEMENTS, ACTIONS
from palaestra_worlds.crafter.state import (
    ARROW,
    FURNACE,
    KIND,
    MOST_OF_AN_ITEM,
    NUM_OBJECTS,
    PLAYER,
    Levels,
    X,
    Y,
)
from palaestra_worlds.crafter.symbolic import COLUMNS, ITEMS, ROWS
from palaestra_worlds.crafter.tasks import CrafterTask, StartingInventory
from palaestra_worlds.crafter.world import CrafterWorld


def make(num_envs: int = 2, **changed: Any) -> CrafterWorld:
    world = palaestra_worlds.make("Crafter", num_envs=num_envs, **{"observation": "symbolic"} | changed)
    assert isinstance(world, CrafterWorld)
    return world


@pytest.fixture(scope="module")
def world() -> CrafterWorld:
    return make(semantic=True)


def assert_consistent(levels: Levels) -> None:
    """Objects and map tell the same, and everything is within its bounds."""
    assert levels.materials.min() >= 1
    assert levels.materials.max() <= FURNACE
    assert levels.inventory.min() >= 0
    assert levels.inventory.max() <= MOST_OF_AN_ITEM
    for i, count in enumerate(levels.status[:, NUM_OBJECTS]):
        objects = levels.objects[i, :count]
        assert objects[0, KIND] == PLAYER
        assert ((objects[1:, KIND] > PLAYER) & (objects[1:, KIND] <= ARROW + 1)).all()
        expected = np.zeros_like(levels.occupants[i])
        expected[objects[:, X], objects[:, Y]] = np.arange(1, count + 1)
        np.testing.assert_array_equal(levels.occupants[i], expected)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**63 - 3), kind=st.sampled_from([range(17), range(5), (6, 6, 6, 5, 1), range(5, 17)]))
def test_map_and_objects_never_contradict_each_other(world: CrafterWorld, seed: int, kind: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    world.reset(seed=seed)
    for _ in range(40):
        before = world._levels.inventory[:, 0].copy()
        _, rewards, terminated, _, _ = world.step(random.choice(list(kind), 2))
        assert_consistent(world._levels)
        alive = ~terminated
        change = (world._levels.inventory[:, 0] - before)[alive] / 10
        assert np.isin(np.round(rewards[alive] - change, 9), (0.0, 1.0)).all()


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 300), st.integers(0, 2**31))
def test_a_snapshot_at_any_step_goes_on_the_same(world: CrafterWorld, steps: int, seed: int) -> None:
    world.reset(seed=seed)
    rollout(world, steps, seed)
    saved = world.snapshot()
    after = rollout(world, 60)
    world.restore(saved)
    assert_equal_steps(after, rollout(world, 60), "went on differently")


def test_a_snapshot_says_nothing_but_the_state() -> None:
    """What was in rows of things that are gone is no part of it."""
    played, fresh = make(num_envs=8), make(num_envs=8)
    played.reset(seed=8)
    for world in (played, fresh):
        world.reset(seed=0)
    assert played.snapshot() == fresh.snapshot()


def test_threads_and_neighbours_change_nothing() -> None:
    """Over several episodes, nights and balances, for each environment of a batch of 70."""
    steps = 260
    actions = np.random.default_rng(1).integers(0, len(ACTIONS), (steps, 70))
    worlds = [make(70, threads=2), make(70, threads=1), make(7)]
    for world in worlds:
        world.reset(seed=[100 + i for i in range(world.num_envs)])
    for row in actions:
        two, one, few = (world.step(row[: world.num_envs]) for world in worlds)
        assert_equal(two[:4], one[:4], "two threads gave something else than one")
        for part, same in zip(few[:4], one[:4], strict=True):
            part = part["map"] if isinstance(part, dict) else part
            same = same["map"] if isinstance(same, dict) else same
            np.testing.assert_array_equal(part, same[:7])
    for name, array in worlds[0]._levels._asdict().items():
        if name not in ("tunnels", "census", "objects", "night"):
            np.testing.assert_array_equal(array, getattr(worlds[1]._levels, name))


@pytest.mark.parametrize(
    ("num_envs", "settings", "threads"),
    [
        (64, {}, 1),
        (1024, {}, 2),
        (64, {"threads": 2}, 2),
        (64, {"observation": "image"}, 1),
        (256, {"observation": "image"}, 2),
    ],
)
def test_threads_where_they_pay(num_envs: int, settings: dict[str, Any], threads: int) -> None:
    """Pictures take ten times as long as symbols: what a thread costs is worth it for fewer environments."""
    assert make(num_envs, **settings)._threads == threads


def test_the_symbolic_map_is_a_window_on_the_semantic_one(world: CrafterWorld) -> None:
    indices = make(cells="indices")
    shown, _ = indices.reset(seed=4)
    one_hot, infos = world.reset(seed=4)
    random = np.random.default_rng(4)
    for _ in range(60):
        for i in range(2):
            x, y = world._levels.objects[i, 0, [X, Y]].tolist()
            padded = np.pad(infos["semantic"][i], 8)[x + 8 - 4 : x + 8 + 5, y + 8 - 3 : y + 8 + 4]
            material, thing = shown["map"][i, ..., 0], shown["map"][i, ..., 1]
            np.testing.assert_array_equal((padded > 13) & (padded < 19), thing > 0)
            np.testing.assert_array_equal(np.where(padded < 13, padded, material), material)
            # Kinds from 14 on are cow, zombie, skeleton, arrow; those up to skeletons have a channel each.
            np.testing.assert_array_equal(np.isin(padded, (14, 15, 16)) * (padded - 13), np.where(thing < 4, thing, 0))
            planes = np.zeros((COLUMNS, ROWS, 22), dtype=np.uint8)
            for column, row in np.ndindex(COLUMNS, ROWS):
                planes[column, row, material[column, row]] = 1
                if thing[column, row]:
                    planes[column, row, 12 + thing[column, row]] = 1
            np.testing.assert_array_equal(one_hot["map"][i], planes[..., 1:])
        actions = random.integers(0, 17, 2)
        shown = indices.step(actions)[0]
        one_hot, _, _, _, infos = world.step(actions)


def test_the_vector_says_how_the_player_is(world: CrafterWorld) -> None:
    world.draw_from([CrafterTask(inventory=StartingInventory(wood=3, energy=1, iron_sword=1))])
    observations, _ = world.reset(seed=0)
    world.draw_from(None)
    expected = dict.fromkeys(ITEMS, 0.0) | {
        "health": 1,
        "food": 1,
        "drink": 1,
        "energy": 1 / 9,
        "wood": 1 / 3,
        "iron_sword": 1 / 9,
    }
    np.testing.assert_allclose(observations["vector"][0, :16], list(expected.values()), rtol=1e-6)
    assert observations["vector"][0, 16] == pytest.approx(world._levels.daylight[0])
    assert observations["vector"][0, 17:22].tolist() == [0, 0, 0, 0, 1]
    assert observations["vector"][0, 43:55].tolist() == [name in ("wood", "iron_sword") for name in ITEMS[4:]]
    asleep_to_the_left = [world.step([1, 1]), world.step([6, 6])][-1][0]
    assert asleep_to_the_left["vector"][0, 17:22].tolist() == [1, 1, 0, 0, 0]


def test_the_vector_says_whether_a_table_and_a_furnace_are_near_enough() -> None:
    world = make(1)
    world.draw_from([CrafterTask(inventory=StartingInventory(wood=9, stone=9), zombies=0.0)])
    observations, _ = world.reset(seed=0)
    seen = [observations["vector"][0, 55:].tolist()]
    # A table below, a furnace to the left of the next cell, then away from both.
    for action in ("place_table", "move_left", "place_furnace", *["move_right"] * 3):
        observations, *_ = world.step([ACTIONS.index(action)])
        seen.append(observations["vector"][0, 55:].tolist())
    assert seen == [[0, 0], [1, 0], [1, 0], [1, 1], [1, 0], [1, 0], [0, 0]]


def test_the_vector_holds_the_cell_that_the_player_faces(world: CrafterWorld) -> None:
    observations, _ = world.reset(seed=4)
    random = np.random.default_rng(4)
    seen = set()
    for _ in range(200):
        for i in range(2):
            left, right, up, down = observations["vector"][i, 18:22]
            faced = observations["map"][i, 4 + int(right - left), 3 + int(down - up)]
            np.testing.assert_array_equal(observations["vector"][i, 22:43], faced)
            seen.add(tuple(faced))
        observations, *_ = world.step(random.integers(0, 7, 2))
    assert len(seen) > 2


def test_symbols_say_what_was_unlocked_in_this_episode_when_asked_to() -> None:
    world = make(1, unlocked=True, max_steps=3)
    world.draw_from([CrafterTask(inventory=StartingInventory(stone=1), zombies=0.0)])
    observations, _ = world.reset(seed=0)
    assert "unlocked" not in make(1).single_observation_space.spaces  # pyright: ignore[reportAttributeAccessIssue]
    assert world.observation_space.contains(observations)
    seen = [observations["unlocked"][0]]
    for action in ("noop", "place_stone", "noop"):
        observations, _, _, truncated, infos = world.step([ACTIONS.index(action)])
        seen.append(observations["unlocked"][0])
    done = np.arange(22) == ACHIEVEMENTS.index("place_stone")
    assert truncated.all()
    assert [row.any() for row in seen] == [False, False, True, False]
    np.testing.assert_array_equal(seen[2], done)
    np.testing.assert_array_equal(infos["final_obs"][0]["unlocked"], done)


def test_episodes_are_cut_and_say_which_objectives_were_reached() -> None:
    short = make(3, max_steps=12)
    assert short.objectives == ACHIEVEMENTS
    short.draw_from([CrafterTask(inventory=StartingInventory(stone=1, sapling=1))])
    short.reset(seed=0)
    for action in [0, 0, 0, 7, *[0] * 7]:
        assert "episode" not in short.step([action] * 3)[-1]
    _, _, terminated, truncated, infos = short.step([0] * 3)
    assert truncated.all()
    assert not terminated.any()
    reached = [{ACHIEVEMENTS[k] for k in np.flatnonzero(row)} for row in infos["episode"]["objectives"]]
    assert all("place_stone" in row for row in reached)
    assert infos["episode"]["objectives"].shape == (3, 22)


@pytest.mark.parametrize(("seed", "message"), [(-1, "from 0"), (2**63, "from 0"), ([1, 2, 3], "3 seeds")])
def test_seeds_out_of_range_are_refused(world: CrafterWorld, seed: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        world.reset(seed=seed)


def test_refuses_actions_that_there_are_not(world: CrafterWorld) -> None:
    world.reset(seed=0)
    with pytest.raises(ValueError, match=r"0\.\.16"):
        world.step([0, 17])


def test_describes_what_is_there(world: CrafterWorld) -> None:
    world.reset(seed=3)
    text = world.describe(0)
    lines = text.splitlines()
    rows = lines[-64:]
    assert all(len(row) == 64 for row in rows)
    assert rows[32][32] == "@"
    assert sum(row.count("T") for row in rows) == (world._levels.materials[0] == 6).sum()
    assert "faces down" in text
    assert "health 9, food 9, drink 9, energy 9." in text
