"""Worlds are those that crafter generates, and vary with what a teacher sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit
from palaestra.bench.crafter_reference import Reference
from palaestra_worlds.crafter.random import episode_seed, seed_stream, to_random_state
from palaestra_worlds.crafter.state import (
    AREA,
    COAL,
    COAL_ABOVE,
    DIAMOND,
    GRASS,
    IRON,
    LAVA,
    MOUNTAIN_SHIFT,
    NUM_CHUNKS_SEEN,
    NUM_OBJECTS,
    PLAYER,
    SAND,
    STONE,
    TREE,
    TREE_ABOVE,
    WATER,
    WATER_SHIFT,
    Levels,
    add_object,
    allocate,
)
from palaestra_worlds.crafter.terrain import generate_world, terrain_slices


@njit
def _generate(rows: Any, slices: Any, seed: Any) -> None:
    level = rows[0]
    seed_stream(level, episode_seed(seed, 1))
    add_object(level, PLAYER, AREA // 2, AREA // 2, 0, 0)
    generate_world(level, slices)


def _world(seed: int, parameters: dict[int, float] | None = None) -> Levels:
    levels = allocate(1)
    for column, value in (parameters or {}).items():
        levels.parameters[0, column] = value
    _generate(levels.rows, terrain_slices(), seed)
    return levels


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 77, 2**31 - 1])
def test_world_of_a_seed(seed: int) -> None:
    """Map, objects, and where the random stream stands afterwards."""
    reference = Reference(images=False, seed=seed)
    reference.reset()
    levels, expected = _world(seed), reference.state()
    np.testing.assert_array_equal(levels.materials[0], expected.materials)
    np.testing.assert_array_equal(levels.objects[0, : levels.status[0, NUM_OBJECTS]], expected.objects)
    assert levels.status[0, NUM_CHUNKS_SEEN] == len(expected.chunks)
    stream: dict[str, Any] = to_random_state(levels.random[0]).get_state(legacy=False)["state"]  # pyright: ignore
    assert stream["pos"] == expected.random["pos"]
    np.testing.assert_array_equal(stream["key"], expected.random["key"])


def test_without_mountains_and_water_there_is_grass_and_trees() -> None:
    levels = _world(0, {MOUNTAIN_SHIFT: -2.0, WATER_SHIFT: -2.0})
    assert set(np.unique(levels.materials[0])) == {GRASS, TREE}


def test_with_mountains_everywhere_the_player_still_starts_on_grass() -> None:
    levels = _world(0, {MOUNTAIN_SHIFT: 1.0})
    materials = levels.materials[0]
    assert materials[AREA // 2, AREA // 2] == GRASS
    assert (
        np.isin(materials, (STONE, COAL, IRON, DIAMOND, LAVA)).mean() > np.isin(materials, (GRASS, WATER, SAND)).mean()
    )


def test_rarity_changes_how_often_a_draw_succeeds_only() -> None:
    """At bounds of 0 and 1 every candidate is taken, or none."""
    ordinary, common, none = (_world(5, p).materials[0] for p in ({}, {COAL_ABOVE: -1.0}, {COAL_ABOVE: 1.0}))
    assert (none == COAL).sum() == 0 < (ordinary == COAL).sum() < (common == COAL).sum()
    assert (_world(5, {TREE_ABOVE: 1.0}).materials[0] == TREE).sum() == 0
