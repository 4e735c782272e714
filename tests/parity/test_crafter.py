"""Step for step what the installed crafter gives, its objects in the order of their creation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from palaestra.bench.crafter_policies import Policy, at_random, builder, fighter, sleeper, wanderer_of_borders
from palaestra.bench.crafter_reference import Reference
from palaestra_worlds import make
from palaestra_worlds.crafter.character import ACTIONS, MAKE
from palaestra_worlds.crafter.random import to_random_state
from palaestra_worlds.crafter.state import (
    CHUNK,
    CHUNKS_PER_SIDE,
    EPISODE,
    FACING,
    FATIGUE,
    HEALTH_BEFORE,
    HEALTH_REWARDED,
    HUNGER,
    NUM_CHUNKS_SEEN,
    NUM_OBJECTS,
    RECOVERY,
    SLEEPING,
    STEP,
    THIRST,
    X,
    Y,
)
from palaestra_worlds.crafter.symbolic import ITEMS
from palaestra_worlds.crafter.tasks import CrafterTask, StartingInventory
from palaestra_worlds.crafter.world import CrafterWorld

NUM_STEPS = 1000


def assert_same_state(world: CrafterWorld, i: int, reference: Reference) -> None:
    """Maps, objects, everything that is counted, and where the random stream stands."""
    levels, found = world._levels, reference.state()
    status = levels.status[i]
    np.testing.assert_array_equal(levels.materials[i], found.materials)
    np.testing.assert_array_equal(levels.objects[i, : status[NUM_OBJECTS]], found.objects)
    occupants = np.zeros_like(levels.occupants[i])
    occupants[found.objects[:, X], found.objects[:, Y]] = np.arange(1, len(found.objects) + 1)
    np.testing.assert_array_equal(levels.occupants[i], occupants)
    np.testing.assert_array_equal(levels.inventory[i], found.inventory)
    np.testing.assert_array_equal(levels.achievements[i], found.achievements)
    counters = [status[HUNGER] / 2, status[THIRST] / 2, status[FATIGUE], status[RECOVERY] / 2]
    np.testing.assert_array_equal(counters, found.counters)
    scalars = [status[column] for column in (HEALTH_BEFORE, HEALTH_REWARDED, FACING, SLEEPING, STEP)]
    assert scalars == [found.health_before, found.health_rewarded, found.facing, found.sleeping, found.step]
    chunks = levels.chunks[i, : status[NUM_CHUNKS_SEEN]].tolist()
    corners = [(chunk // CHUNKS_PER_SIDE * CHUNK, chunk % CHUNKS_PER_SIDE * CHUNK) for chunk in chunks]
    assert corners == [(chunk[0], chunk[2]) for chunk in found.chunks]
    assert levels.daylight[i] == found.daylight
    stream: dict[str, Any] = to_random_state(levels.random[i]).get_state(legacy=False)["state"]  # pyright: ignore
    assert stream["pos"] == found.random["pos"]
    np.testing.assert_array_equal(stream["key"], found.random["key"])


def begin(references: list[Reference], inventory: dict[str, int]) -> None:
    for reference in references:
        reference.reset()
        player: Any = reference._player
        player.inventory.update(inventory)
        player._last_health = player.health
        reference._last_health = player.health


def follow(policy: Policy, seeds: range, inventory: dict[str, int] | None = None, steps: int = NUM_STEPS) -> set[str]:
    """Plays the same actions in both, and compares everything; gives the achievements that were unlocked."""
    inventory = inventory or {}
    world = make("Crafter", num_envs=len(seeds), observation="symbolic", semantic=True)
    assert isinstance(world, CrafterWorld)
    world.draw_from([CrafterTask(inventory=StartingInventory(**inventory))] if inventory else None)
    _, infos = world.reset(seed=seeds.start)
    references = [Reference(images=False, seed=seed) for seed in seeds]
    begin(references, inventory)
    random = np.random.default_rng(seeds.start)
    unlocked: set[str] = set()
    for i, reference in enumerate(references):
        assert_same_state(world, i, reference)
        np.testing.assert_array_equal(infos["semantic"][i], reference.semantic)
    for _ in range(steps):
        actions = [policy(reference, random) for reference in references]
        _, rewards, terminated, truncated, infos = world.step(actions)
        for i, (reference, action) in enumerate(zip(references, actions, strict=True)):
            _, reward, done, info = reference.step(action)
            assert (rewards[i], terminated[i] or truncated[i]) == (reward, done)
            assert terminated[i] == (info["discount"] == 0)
            shown = infos["final_info"] if done else infos
            np.testing.assert_array_equal(shown["semantic"][i], info["semantic"])
            if done:
                reached = {name for name, times in info["achievements"].items() if times}
                objectives = zip(world.objectives, infos["episode"]["objectives"][i], strict=True)
                assert {name for name, was_reached in objectives if was_reached} == reached
                unlocked |= reached
                begin([reference], inventory)
            assert_same_state(world, i, reference)
    for reference in references:
        player: Any = reference._player
        unlocked |= {name for name, times in player.achievements.items() if times}
    assert world._levels.status[:, EPISODE].tolist() == [reference._episode for reference in references]
    return unlocked


@pytest.mark.parametrize(
    ("policy", "seeds", "reached"),
    [
        (at_random, range(3), {"wake_up", "collect_sapling"}),
        (fighter, range(10, 13), {"defeat_zombie", "eat_cow"}),
        (sleeper, range(20, 22), {"wake_up"}),
        (wanderer_of_borders, range(30, 32), set()),
    ],
)
def test_empty_handed(policy: Policy, seeds: range, reached: set[str]) -> None:
    assert follow(policy, seeds) >= reached


def test_with_everything_in_hand() -> None:
    """What takes the reference's player hours to come by, so that all that can be done is done."""
    everything = {name: 9 for name in ITEMS if not name.endswith(("pickaxe", "sword"))} | {"iron_pickaxe": 1}
    reached = follow(builder, range(40, 42), everything | {"energy": 4, "stone_pickaxe": 1, "wood_pickaxe": 1})
    assert reached >= {*ACTIONS[MAKE:], "place_stone", "place_table", "place_furnace", "place_plant", "collect_stone"}
