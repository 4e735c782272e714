"""Beds, chests and fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.overworld.description import inventory_of
from palaestra_worlds.overworld.state import (
    CLOCK,
    DAWN,
    FACING,
    PITCH,
    PITCHES,
    SIDE,
    TICKS_PER_DAY,
    WORN,
    X,
    Y,
    Z,
)
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask

GROUND, MIDDLE = 30, SIDE // 2
BLOCK = numbers().block


class Yard:
    """A plain of dirt at height GROUND; the player stands in the middle, faces north and looks slightly down."""

    def __init__(self, inventory: dict[str, int] | None = None, homestead: bool = True) -> None:
        self.world: Any = palaestra_worlds.make("Overworld", actions="all", homestead=homestead, max_steps=1_000_000)
        stacks = tuple(ItemStack(item=item, count=count) for item, count in (inventory or {}).items())
        self.world.assign([OverworldTask(inventory=stacks, goal=ItemStack(item="elytra"), level_seed=0)])
        self.world.reset(seed=0)
        self.levels = self.world.state()
        self.levels.blocks[0, :, :, 1:GROUND] = BLOCK["stone"]
        self.levels.blocks[0, :, :, GROUND] = BLOCK["dirt"]
        self.levels.blocks[0, :, :, GROUND + 1 :] = 0
        self.status = self.levels.status[0]
        self.status[[X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND + 1, 0
        self.look("slightly down")

    def look(self, pitch: str) -> None:
        self.status[PITCH] = PITCHES.index(pitch)

    def put(self, block: str, ahead: int, above: int = 0) -> None:
        self.levels.blocks[0, MIDDLE, MIDDLE - ahead, GROUND + 1 + above] = BLOCK[block]

    def at(self, ahead: int, above: int = 0) -> str:
        return numbers().blocks[self.levels.blocks[0, MIDDLE, MIDDLE - ahead, GROUND + 1 + above]]

    def do(self, action: str, times: int = 1) -> Any:
        step = None
        for _ in range(times):
            step = self.world.step(np.array([self.world.action_names.index(action)]))
        return step

    @property
    def inventory(self) -> dict[str, int]:
        return inventory_of(self.levels, 0)


@pytest.mark.parametrize(("time", "sleeps"), [(18_000, True), (6_000, False)])
def test_one_sleeps_through_the_night_and_not_by_day(time, sleeps):
    yard = Yard()
    yard.put("white_bed", ahead=1)
    yard.status[DAWN] = time
    yard.do("use")
    now = (yard.status[CLOCK] + yard.status[DAWN]) % TICKS_PER_DAY
    assert now == (0 if sleeps else time + 1)
    assert yard.status[CLOCK] == (100 if sleeps else 1)


def test_a_field_is_tilled_sown_grown_and_reaped():
    yard = Yard({"iron_hoe": 1, "wheat_seeds": 2, "bone_meal": 9})
    yard.look("down")
    yard.do("use")
    assert yard.at(ahead=1, above=-1) == "farmland"
    assert yard.levels.slots[0, 0, WORN] == 1
    yard.do("place wheat_seeds")
    assert yard.at(ahead=1) == "wheat"
    assert yard.inventory["wheat_seeds"] == 1
    yard.look("slightly down")
    yard.do("attack")
    assert yard.at(ahead=1) == "air"
    assert yard.inventory["wheat_seeds"] == 2
    assert "wheat" not in yard.inventory
    yard.look("down")
    yard.do("place wheat_seeds")
    yard.look("slightly down")
    yard.do("equip bone_meal")
    yard.do("use", 4)
    assert 5 <= yard.inventory["bone_meal"] <= 7
    yard.do("attack")
    assert yard.inventory["wheat"] == 1
    assert yard.inventory["wheat_seeds"] >= 2


def test_wheat_grows_by_itself_and_sooner_beside_water():
    grown = []
    for medium in ("dirt", "water"):
        yard = Yard({"wheat_seeds": 12})
        yard.levels.blocks[0, MIDDLE, :, GROUND] = BLOCK["farmland"]
        yard.levels.blocks[0, MIDDLE + 2, :, GROUND] = BLOCK[medium]
        yard.look("down")
        for _ in range(12):
            yard.do("place wheat_seeds")
            yard.do("back")
        assert (yard.levels.plots[0, :, 0] > 0).sum() == 12
        for _ in range(20):
            yard.status[CLOCK] += 1400
            yard.do("wait")
        grown.append(yard.levels.plots[0, :, 1].sum())
        for _ in range(400):
            yard.status[CLOCK] += 1400
            yard.do("wait")
        assert (np.sort(yard.levels.plots[0, :, 1])[-12:] == 7).all()
    assert grown[0] < grown[1] < 12 * 7


def test_chests_keep_what_is_stored_and_give_it_back():
    yard = Yard({"dirt": 70, "iron_pickaxe": 1})
    yard.levels.slots[0, 2, WORN] = 17
    yard.put("chest", ahead=1)
    yard.do("store")
    assert yard.inventory == {"dirt": 64}
    kept = yard.world.snapshot()
    yard.do("take")
    assert yard.inventory == {"iron_pickaxe": 1, "dirt": 70}
    assert yard.levels.slots[0, :, WORN].max() == 17
    yard.world.restore(kept)
    assert yard.inventory == {"dirt": 64}
    yard.do("attack", 120)
    assert yard.at(ahead=1) == "air"
    assert yard.inventory == {"iron_pickaxe": 1, "dirt": 70, "chest": 1}


def test_a_new_episode_has_empty_chests_and_fields():
    yard = Yard({"dirt": 65})
    yard.put("chest", ahead=1)
    yard.do("store")
    assert yard.levels.chest_cells.any()
    yard.world.reset(seed=0)
    assert not yard.levels.chest_cells.any()
    assert not yard.levels.chests.any()


def test_without_it_beds_and_chests_are_blocks_and_no_more():
    yard = Yard({"dirt": 1}, homestead=False)
    yard.put("white_bed", ahead=1)
    yard.status[DAWN] = 18_000
    yard.do("use")
    assert yard.status[CLOCK] == 1
    assert "store" not in yard.world.action_names
