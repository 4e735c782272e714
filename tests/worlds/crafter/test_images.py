"""Pictures are the reference's, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from palaestra.bench.crafter_reference import Reference
from palaestra_worlds.crafter.images import image_kernel, picture
from palaestra_worlds.crafter.state import FACING, NUM_OBJECTS, POSITION, SLEEPING, Levels, X, Y, allocate


def _show(reference: Reference, noise: int) -> tuple[np.ndarray, Levels]:
    """The reference's picture of its state, its noise from a stream of that seed, and the same state of ours."""
    state, levels = reference.state(), allocate(1)
    levels.materials[0] = state.materials
    levels.objects[0, : len(state.objects)] = state.objects
    levels.status[0, NUM_OBJECTS] = len(state.objects)
    levels.occupants[0, state.objects[:, X], state.objects[:, Y]] = np.arange(1, len(state.objects) + 1)
    levels.inventory[0] = state.inventory
    levels.status[0, FACING], levels.status[0, SLEEPING] = state.facing, state.sleeping
    levels.daylight[0] = state.daylight
    reference._world.random.seed(noise)
    stream = reference._world.random.get_state(legacy=False)["state"]
    levels.night[0, :POSITION], levels.night[0, POSITION] = stream["key"], stream["pos"]
    return reference.render(), levels


@pytest.mark.parametrize("sleeping", [False, True])
@pytest.mark.parametrize("daylight", [0.0, 0.3, 0.4999, 0.5, 0.8, 1.0])
def test_every_light(daylight: float, sleeping: bool) -> None:
    """Anything on the map and in hand, everybody around, at the border of the world."""
    reference = Reference(images=False, seed=int(daylight * 100))
    reference.reset()
    random = np.random.default_rng(0)
    world, player = reference._world, _player(reference)
    for _ in range(60):
        reference.step(int(random.integers(17)))
    player.sleeping = sleeping
    world.daylight = daylight
    _put_everybody_around(reference)
    world._mat_map[...] = random.integers(1, 13, (64, 64))
    for turn in range(3):
        for name in player.inventory:
            player.inventory[name] = int(random.integers(10))
        expected, levels = _show(reference, turn)
        found = np.zeros((1, 64, 64, 3), dtype=np.uint8)
        image_kernel()(levels.rows, found, np.zeros(1, dtype=np.int64), 0, 1)
        np.testing.assert_array_equal(found[0], expected)


def _player(reference: Reference) -> Any:
    return reference._player


def _put_everybody_around(reference: Reference) -> None:
    """The player into a corner, one of each kind next to it."""
    from crafter import objects

    world, player = reference._world, _player(reference)
    for found in world.objects:
        if found is not player:
            world.remove(found)
    world.move(player, (2, 61))
    ripe = objects.Plant(world, (1, 60))
    ripe.grown = 301
    creatures = [
        objects.Cow(world, (2, 60)),
        objects.Zombie(world, (3, 60), player),
        ripe,
        objects.Plant(world, (4, 62)),
    ]
    arrows = [objects.Arrow(world, (k, 63), facing) for k, facing in enumerate([(-1, 0), (1, 0), (0, -1), (0, 1)])]
    for found in [*creatures, objects.Skeleton(world, (0, 59), player), *arrows]:
        world.add(found)


@pytest.mark.parametrize("unit", [3, 20])
def test_other_sizes(unit: int) -> None:
    reference = Reference(images=False, seed=1, size=(9 * unit, 9 * unit))
    reference.reset()
    reference._world.daylight = 0.2
    expected, levels = _show(reference, 5)
    before = levels.night.copy()
    np.testing.assert_array_equal(picture(levels, 0, unit), expected)
    np.testing.assert_array_equal(levels.night, before)
