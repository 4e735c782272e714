"""What programs check of the BASALT tasks, on levels that are put up by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.basalt.checks import (
    CHECKS,
    Scene,
    check_cave,
    check_house,
    check_pen,
    check_waterfall,
)
from palaestra_worlds.overworld.mob_kinds import CHICKEN, COW
from palaestra_worlds.overworld.state import HEIGHT, SIDE
from palaestra_worlds.overworld.tables import numbers

BLOCK = numbers().block
GROUND = 30
"""Height of the grass; the player stands on it."""
X = Z = 40


class Site:
    """Stone with grass on it as a level begins, and what is then changed."""

    def __init__(self) -> None:
        self.begun = np.zeros((SIDE, SIDE, HEIGHT), np.uint16)
        self.begun[:, :, 1:GROUND] = BLOCK["stone"]
        self.begun[:, :, GROUND] = BLOCK["grass_block"]
        self.feet = (X, Z, GROUND + 1)
        self.animals: list[tuple[int, tuple[int, int, int]]] = []
        self.blocks = self.begun.copy()
        self.is_alive = True

    def carve(self, *cells: tuple[slice | int, slice | int, slice | int]) -> None:
        """Hollows that are there from the beginning."""
        for cell in cells:
            self.begun[cell] = 0
        self.blocks = self.begun.copy()

    def put(self, name: str, x: int, z: int, above: int = 0) -> None:
        """A block, at an offset from the player's feet where it began."""
        self.blocks[X + x, Z + z, GROUND + 1 + above] = BLOCK[name]

    def ring(self, name: str, radius: int, above: int = 0) -> None:
        """Blocks in a square around where the player began."""
        for x in range(-radius, radius + 1):
            for z in range(-radius, radius + 1):
                if max(abs(x), abs(z)) == radius:
                    self.put(name, x, z, above)

    @property
    def scene(self) -> Scene:
        surface = np.full((SIDE, SIDE), GROUND, np.uint8)
        return Scene(self.begun, self.blocks, surface, self.feet, self.is_alive, tuple(self.animals))


# ---------------------------------------------------------------------------------------------- caves


@pytest.fixture
def cave() -> Site:
    """A cave seven cells deep, open to the surface at one end, and the player in it."""
    site = Site()
    site.carve(np.s_[X, Z - 8 : Z, GROUND - 7 : GROUND - 5], np.s_[X, Z, GROUND - 7 : GROUND + 1])
    site.feet = (X, Z - 5, GROUND - 7)
    return site


def test_who_walked_into_a_cave_has_found_one(cave: Site) -> None:
    assert check_cave(cave.scene) == (True, True, True)


def test_under_open_sky_is_no_cave(cave: Site) -> None:
    cave.feet = (X, Z, GROUND - 7)
    assert check_cave(cave.scene) == (False, True, False)
    cave.feet = (X + 3, Z, GROUND + 1)
    assert check_cave(cave.scene) == (False, True, False)


def test_a_hollow_that_was_dug_is_no_cave(cave: Site) -> None:
    cave.blocks[X + 1 : X + 9, Z - 5, GROUND - 7 : GROUND - 5] = 0
    cave.feet = (X + 6, Z - 5, GROUND - 7)
    assert check_cave(cave.scene) == (False, True, False)


def test_whoever_dug_down_into_it_has_not_found_it(cave: Site) -> None:
    cave.blocks[X, Z - 5, GROUND - 5 : GROUND + 1] = 0
    cave.feet = (X, Z - 4, GROUND - 7)
    assert check_cave(cave.scene) == (True, False, False)


def test_a_tree_is_no_roof_of_rock() -> None:
    site = Site()
    site.carve(np.s_[X, Z, GROUND - 4 : GROUND])
    site.begun[X, Z, GROUND] = site.blocks[X, Z, GROUND] = BLOCK["oak_leaves"]
    site.feet = (X, Z, GROUND - 4)
    assert not check_cave(site.scene)[0]


def test_who_died_there_has_not_done_it(cave: Site) -> None:
    cave.is_alive = False
    assert check_cave(cave.scene) == (True, True, False)


# ---------------------------------------------------------------------------------------------- waterfalls


@pytest.mark.parametrize(("above", "falls"), [(0, False), (2, False), (3, True), (9, True)])
def test_water_falls_from_a_height(above: int, falls: bool) -> None:
    site = Site()
    site.put("water", 2, 0, above)
    assert check_waterfall(site.scene) == (True, falls, falls)


def test_water_that_has_fallen_falls() -> None:
    site = Site()
    for above in range(7):
        site.put("water", 2, 0, above)
    assert check_waterfall(site.scene) == (True, True, True)


def test_a_lake_is_no_waterfall_nor_is_a_bucket_emptied_over_one() -> None:
    site = Site()
    site.begun[X : X + 9, Z : Z + 9, GROUND - 9 : GROUND] = BLOCK["water"]
    site.blocks = site.begun.copy()
    assert check_waterfall(site.scene) == (False, False, False)
    site.blocks[X + 2, Z + 2, GROUND + 1] = BLOCK["water"]
    assert check_waterfall(site.scene) == (True, False, False)


# ---------------------------------------------------------------------------------------------- pens


@pytest.fixture
def pen() -> Site:
    """A pen around the player with a gate, and two cows in it."""
    site = Site()
    site.ring("oak_fence", 3)
    site.put("oak_fence_gate", 0, 3)
    site.animals = [(COW, (X + 1, Z, GROUND + 1)), (COW, (X - 2, Z + 2, GROUND + 1))]
    return site


def test_two_cows_in_a_pen_with_a_gate(pen: Site) -> None:
    assert check_pen(pen.scene) == (True, True, True, True)


def test_a_gap_lets_them_out_and_a_corner_does_not(pen: Site) -> None:
    pen.blocks[X + 3, Z + 3, GROUND + 1] = 0
    assert check_pen(pen.scene)[1]
    pen.blocks[X + 3, Z, GROUND + 1] = 0
    assert check_pen(pen.scene) == (True, False, False, False)


def test_a_pen_needs_a_gate(pen: Site) -> None:
    pen.put("oak_fence", 0, 3)
    assert check_pen(pen.scene) == (False, False, False, False)


def test_one_cow_or_a_chicken_among_them_is_not_enough(pen: Site) -> None:
    cows = list(pen.animals)
    pen.animals = cows[:1]
    assert check_pen(pen.scene) == (True, True, False, False)
    pen.animals = [*cows, (CHICKEN, (X, Z - 1, GROUND + 1))]
    assert check_pen(pen.scene) == (True, True, False, False)
    pen.animals = [*cows, (CHICKEN, (X + 9, Z - 1, GROUND + 1))]
    assert check_pen(pen.scene)[3]


def test_animals_step_onto_a_block_and_over_it(pen: Site) -> None:
    pen.put("dirt", 3, 0)
    assert not check_pen(pen.scene)[1]
    pen.put("dirt", 3, 0, above=1)
    assert check_pen(pen.scene)[1]


# ---------------------------------------------------------------------------------------------- houses


def build(radius: int = 2) -> Site:
    """A house of planks around the player, with a door and a roof."""
    site = Site()
    site.ring("oak_planks", radius)
    site.ring("oak_planks", radius, above=1)
    site.put("oak_door", 0, radius)
    site.put("oak_door", 0, radius, above=1)
    site.blocks[X - radius : X + radius + 1, Z - radius : Z + radius + 1, GROUND + 3] = BLOCK["oak_planks"]
    return site


@pytest.mark.parametrize("radius", [2, 3, 6])
def test_a_house_has_a_door_walls_and_a_roof(radius: int) -> None:
    assert check_house(build(radius).scene) == (True, True, True, True)


def test_a_hole_in_the_roof() -> None:
    site = build()
    site.blocks[X + 1, Z, GROUND + 3] = 0
    assert check_house(site.scene) == (True, True, False, False)


def test_a_wall_that_is_one_high_is_none() -> None:
    site = build()
    site.blocks[X + 2, Z, GROUND + 2] = 0
    assert check_house(site.scene) == (True, False, False, False)


def test_a_hollow_in_the_floor_is_a_flaw_and_a_shaft_is_no_floor() -> None:
    site = build()
    site.blocks[X + 1, Z, GROUND] = 0
    assert check_house(site.scene)[3]
    site.blocks[X + 1, Z, GROUND - 1] = 0
    assert check_house(site.scene) == (True, False, False, False)


def test_no_door_no_house() -> None:
    site = build()
    site.put("oak_planks", 0, 2)
    site.put("oak_planks", 0, 2, above=1)
    assert check_house(site.scene) == (False, False, False, False)


def test_a_door_before_a_natural_hole_is_no_house() -> None:
    site = Site()
    site.carve(np.s_[X - 2 : X + 3, Z - 2 : Z + 3, GROUND - 4 : GROUND - 2])
    site.blocks[X - 2, Z, GROUND - 4] = BLOCK["oak_door"]
    assert check_house(site.scene) == (True, False, False, False)


# ---------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("task", CHECKS)
def test_nothing_done_is_nothing_checked(task: str) -> None:
    names, check = CHECKS[task]
    found = check(Site().scene)
    assert len(found) == len(names)
    assert names[-1] == "success"
    assert not found[-1]


EDGES = st.integers(0, SIDE - 1)
PLACED = st.lists(
    st.tuples(
        st.sampled_from(["water", "oak_fence", "oak_fence_gate", "oak_door", "stone", "air"]),
        st.one_of(EDGES, st.integers(X - 4, X + 4), st.sampled_from([0, 1, SIDE - 1])),
        st.one_of(EDGES, st.integers(Z - 4, Z + 4), st.sampled_from([0, 1, SIDE - 1])),
        st.one_of(st.integers(0, HEIGHT - 1), st.integers(GROUND - 2, GROUND + 4)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("task", CHECKS)
@given(placed=PLACED, feet=st.tuples(EDGES, EDGES, st.integers(1, HEIGHT - 2)))
@settings(max_examples=25, deadline=None)
def test_any_level_can_be_checked_and_success_needs_all_the_rest(
    task: str, placed: list[tuple[str, int, int, int]], feet: tuple[int, int, int]
) -> None:
    site = Site()
    for name, x, z, y in placed:
        site.blocks[x, z, y] = BLOCK[name]
    site.feet = feet
    site.animals = [(COW, feet), (COW, feet)]
    *parts, done = CHECKS[task][1](site.scene)
    assert done == all(parts)
    assert not CHECKS[task][1](replace(site.scene, is_alive=False))[-1]
