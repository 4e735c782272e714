"""What a teacher sets is what happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.base import TaskError
from palaestra_worlds.crafter.state import (
    ARROW,
    COAL,
    COW,
    DIAMOND,
    FACING,
    GRASS,
    HEALTH,
    IRON,
    KIND,
    NUM_OBJECTS,
    SAND,
    SKELETON,
    STONE,
    TREE,
    UP,
    WATER,
    ZOMBIE,
    X,
    Y,
    original_parameters,
)
from palaestra_worlds.crafter.tasks import BIOMES, CrafterTask, parameters_of
from palaestra_worlds.crafter.world import CrafterWorld
from palaestra_worlds.drawing import draw_task
from palaestra_worlds.minigrid.tasks import MiniGridTask
from pydantic import ValidationError

SEEDS = list(range(6))


@pytest.fixture(scope="module")
def world() -> CrafterWorld:
    world = palaestra_worlds.make("Crafter", num_envs=len(SEEDS), observation="symbolic")
    assert isinstance(world, CrafterWorld)
    return world


def begin(world: CrafterWorld, **fields: Any) -> CrafterWorld:
    world.draw_from([CrafterTask.model_validate(fields)])
    world.reset(seed=SEEDS)
    return world


def count(world: CrafterWorld, material: int) -> int:
    return int((world._levels.materials == material).sum())


def count_objects(world: CrafterWorld, kind: int) -> int:
    levels = world._levels
    rows = [levels.objects[i, :n, KIND] for i, n in enumerate(levels.status[:, NUM_OBJECTS])]
    return int((np.concatenate(rows) == kind).sum())


def test_a_task_that_sets_nothing_is_exactly_the_original(world: CrafterWorld) -> None:
    np.testing.assert_array_equal(parameters_of(CrafterTask()), original_parameters())
    first = begin(world)._levels.materials.copy()
    world.draw_from(None)
    world.reset(seed=SEEDS)
    np.testing.assert_array_equal(first, world._levels.materials)


@pytest.mark.parametrize(
    ("field", "material"), [("trees", TREE), ("coal", COAL), ("iron", IRON), ("diamonds", DIAMOND)]
)
def test_rarities(world: CrafterWorld, field: str, material: int) -> None:
    most = {"trees": 4, "coal": 6, "iron": 4, "diamonds": 50}[field]
    counts = [count(begin(world, **{field: factor}), material) for factor in (0, 1, most)]
    assert counts[0] == 0
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize(("field", "kind"), [("cows", COW), ("zombies", ZOMBIE), ("skeletons", SKELETON)])
def test_creatures_at_the_start_and_later(world: CrafterWorld, field: str, kind: int) -> None:
    assert count_objects(begin(world, **{field: 0}), kind) == 0
    for _ in range(100):
        world.step(np.zeros(len(SEEDS), dtype=np.int64))
    assert count_objects(world, kind) == 0
    assert count_objects(begin(world, **{field: 5}), kind) > count_objects(begin(world), kind)


def test_biomes(world: CrafterWorld) -> None:
    found = {
        biome: {material: count(begin(world, biome=biome), material) for material in (WATER, GRASS, STONE, SAND)}
        for biome in BIOMES
    }
    assert found["grassland"][STONE] == found["grassland"][WATER] == 0
    assert found["mountain"][STONE] > 2 * found["natural"][STONE]
    assert found["beaches"][WATER] > 2 * found["natural"][WATER]
    assert found["beaches"][SAND] > found["natural"][SAND]


def test_time_of_day(world: CrafterWorld) -> None:
    assert begin(world, start_of_day=0.2)._levels.daylight[0] == pytest.approx(1.0)
    assert begin(world, start_of_day=0.7, day_length=1000, zombies=0)._levels.daylight[0] == pytest.approx(0.0)
    for _ in range(200):
        world.step(np.zeros(len(SEEDS), dtype=np.int64))
    assert world._levels.daylight[0] > 0.3
    assert begin(world, day_length=100)._levels.daylight[0] == pytest.approx(1 - np.cos(0.3 * np.pi) ** 3)


@pytest.mark.parametrize(("field", "kind"), [("zombie_damage", ZOMBIE), ("arrow_damage", ARROW)])
def test_damage(world: CrafterWorld, field: str, kind: int) -> None:
    """With a zombie, or an arrow that flies up, below the player."""
    for damage in (0, 2, 5):
        levels = begin(world, zombies=0, cows=0, **{field: damage})._levels
        for i in range(len(SEEDS)):
            levels.objects[i, 1] = (kind, 32, 33, 5, 0, UP)
            levels.status[i, NUM_OBJECTS] = 2
            levels.occupants[i] = 0
            levels.occupants[i, 32, 32], levels.occupants[i, 32, 33] = 1, 2
        assert (levels.objects[:, 0][:, [X, Y]] == 32).all()
        for _ in range(6):
            world.step(np.zeros(len(SEEDS), dtype=np.int64))
        assert set(levels.inventory[:, HEALTH].tolist()) == {9 - damage}
        assert (levels.status[:, FACING] == 3).all()


def test_each_environment_has_its_own_task(world: CrafterWorld) -> None:
    world.draw_from(None)
    world.assign([CrafterTask(inventory={"wood": i}) if i else None for i in range(len(SEEDS))])  # pyright: ignore
    world.reset(seed=SEEDS)
    assert world._levels.inventory[:, 5].tolist() == SEEDS
    world.reset()
    assert not world._levels.inventory[:, 5].any()


def test_own_levels_go_on_where_they_were_after_a_task_with_a_level() -> None:
    worlds = [palaestra_worlds.make("Crafter", num_envs=1, observation="symbolic") for _ in range(2)]
    for world in worlds:
        assert isinstance(world, CrafterWorld)
        world.reset(seed=5)
    worlds[0].assign([CrafterTask(level_seed=9)])
    worlds[0].reset()
    second, same = (world.reset()[0] for world in worlds)
    np.testing.assert_array_equal(second["map"], same["map"])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_any_task_can_be_played(world: CrafterWorld, seed: int) -> None:
    random = np.random.default_rng(seed)
    task = draw_task(CrafterTask, random)
    world.draw_from([task])
    world.reset(seed=seed)
    for _ in range(30):
        _, rewards, _, _, _ = world.step(random.integers(0, 17, len(SEEDS)))
        assert (np.abs(rewards) <= 1.1).all()
    world.examine(task)


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({}, []),
        ({"biome": "mountain", "iron": 4}, []),
        ({"biome": "grassland", "iron": 4}, ["iron 4 is asked for, but in 4 levels of the biome grassland none"]),
        (
            {"biome": "mountain", "trees": 0, "iron": 3},
            ["iron 3 is asked for, but no stone pickaxe is in the inventory and none can be made"],
        ),
        ({"biome": "mountain", "trees": 0, "iron": 3, "inventory": {"stone_pickaxe": 1}}, []),
        ({"biome": "grassland", "diamonds": 9, "level_seed": 3}, ["diamonds 9 is asked for, but in 1 level of"]),
    ],
)
def test_promises_that_levels_do_not_hold_are_found(world: CrafterWorld, fields: Any, problems: list[str]) -> None:
    found = world.examine(CrafterTask.model_validate(fields))
    assert len(found) == len(problems)
    for sentence, beginning in zip(found, problems, strict=True):
        assert sentence.startswith(beginning)


def test_says_what_a_task_changes(world: CrafterWorld) -> None:
    task = CrafterTask.model_validate({"level_seed": 3, "coal": 2.5, "biome": "beaches", "inventory": {"wood": 4}})
    assert world.explain(task) == ("biome beaches", "coal 2.5", "starts with wood 4")
    assert world.explain(CrafterTask()) == ()


@pytest.mark.parametrize("fields", [{"coal": 7}, {"inventory": {"wood": 10}}, {"biome": "moon"}, {"gold": 1}])
def test_impossible_environments_are_refused(fields: Any) -> None:
    with pytest.raises(ValidationError):
        CrafterTask.model_validate(fields)


def test_tasks_of_other_worlds_are_refused(world: CrafterWorld) -> None:
    with pytest.raises(TaskError, match="takes CrafterTask, not MiniGridTask"):
        world.draw_from([MiniGridTask()])
