"""The scripted player reaches deep into the reference's rules, and stops at nothing."""

from __future__ import annotations

import numpy as np
import pytest
from palaestra.bench.crafter_reference import Reference
from palaestra_worlds.crafter.character import ACHIEVEMENTS, ACTIONS
from palaestra_worlds.crafter.player import ScriptedPlayer, Sight, make_sight
from palaestra_worlds.crafter.player.building import find_nook, is_enclosed, near
from palaestra_worlds.crafter.player.paths import FAR, Ways
from palaestra_worlds.crafter.state import AREA, GRASS, PATH, PLAYER, STONE, TABLE, WATER, WOOD_PICKAXE


def _sight(materials: np.ndarray, place: tuple[int, int] = (10, 10), tools: tuple[int, ...] = ()) -> Sight:
    inventory = np.zeros(16, dtype=np.int32)
    inventory[list(tools)] = 1
    objects = np.array([[PLAYER, *place, 0, 0, 0]])
    return make_sight(materials, objects, inventory, np.zeros(22, dtype=np.int32), 0, False, 1.0)


def _map_of(material: int) -> np.ndarray:
    return np.full((AREA, AREA), material, dtype=np.uint8)


@pytest.mark.parametrize("seed", [0, 1])
def test_in_the_reference_it_makes_tools_and_sleeps(seed: int) -> None:
    reference, player = Reference(images=False, seed=seed), ScriptedPlayer()
    reference.reset()
    reached = np.zeros(len(ACHIEVEMENTS), dtype=np.int64)
    for _ in range(400):
        state = reference.state()
        sight = make_sight(
            state.materials,
            state.objects,
            state.inventory.astype(np.int32),
            state.achievements.astype(np.int32),
            state.facing,
            state.sleeping,
            state.daylight,
        )
        _, _, done, info = reference.step(player.act(sight))
        reached = np.array(list(info["achievements"].values()))
        if done:
            break
    names = {name for name, times in zip(ACHIEVEMENTS, reached, strict=True) if times}
    assert names >= {"make_wood_pickaxe", "make_stone_pickaxe", "collect_coal", "place_plant", "wake_up", "place_stone"}


def test_ways_go_through_rock_with_a_pickaxe_only() -> None:
    materials = _map_of(GRASS)
    materials[20, :] = STONE
    assert Ways(_sight(materials)).lengths[30, 10] == FAR
    ways = Ways(_sight(materials, tools=(WOOD_PICKAXE,)))
    assert ways.lengths[30, 10] == 20 - 1 + 3
    assert ACTIONS[1 + ways.first_step((30, 10))] == "move_right"


def test_what_cannot_be_entered_is_reached_from_beside_it() -> None:
    materials = _map_of(GRASS)
    materials[10, 13] = WATER
    assert Ways(_sight(materials)).to_reach(materials == WATER) == ((10, 13), 3)
    assert Ways(_sight(materials, (10, 12))).to_reach(materials == WATER) == ((10, 13), 3)
    assert Ways(_sight(materials)).to_reach(materials == TABLE) is None


def test_a_nook_is_dug_where_rock_is_all_around() -> None:
    materials = _map_of(GRASS)
    materials[12:17, 9:12] = STONE
    nook = find_nook(_sight(materials, tools=(WOOD_PICKAXE,)), Ways(_sight(materials, tools=(WOOD_PICKAXE,))))
    assert nook is not None
    assert (nook.entry, nook.inner, nook.end) == ((11, 10), (12, 10), (13, 10))
    assert not is_enclosed(_sight(materials, (11, 10)))
    materials[12:14, 10] = PATH
    assert not is_enclosed(_sight(materials, (12, 10)))
    materials[11, 10] = STONE
    assert is_enclosed(_sight(materials, (12, 10)))


def test_a_table_is_of_no_use_at_the_upper_and_left_border() -> None:
    table = np.zeros((AREA, AREA), dtype=np.bool_)
    table[1, 1] = True
    assert np.argwhere(near(table)).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
