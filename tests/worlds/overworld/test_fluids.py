"""Water and lava that flow."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.overworld.description import inventory_of
from palaestra_worlds.overworld.state import FACING, FALLING, FLOW, HEALTH, PITCH, PITCHES, SIDE, WAKING, X, Y, Z
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask

GROUND, MIDDLE = 30, SIDE // 2
BLOCK = numbers().block
ALL_AROUND = [(right, ahead) for right in range(-10, 11) for ahead in range(-10, 13)]


class Yard:
    """Stone up to height GROUND and air above; the player stands in the middle, faces north, with these items."""

    def __init__(self, *items: str, fluids: str = "flow") -> None:
        self.world: Any = palaestra_worlds.make("Overworld", actions="all", fluids=fluids, max_steps=1_000_000)
        stacks = tuple(ItemStack(item=item, count=1) for item in items)
        self.world.assign([OverworldTask(inventory=stacks, goal=ItemStack(item="elytra"), level_seed=0)])
        self.world.reset(seed=0)
        self.levels = self.world.state()
        self.levels.blocks[0, :, :, 1 : GROUND + 1] = BLOCK["stone"]
        self.levels.blocks[0, :, :, GROUND + 1 :] = 0
        self.levels.status[0, [X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND + 1, 0
        self.look("down")

    def look(self, pitch: str) -> None:
        self.levels.status[0, PITCH] = PITCHES.index(pitch)

    def put(self, block: str, right: int = 0, ahead: int = 0, above: int = 0) -> None:
        self.levels.blocks[0, MIDDLE + right, MIDDLE - ahead, GROUND + 1 + above] = BLOCK[block]

    def at(self, right: int = 0, ahead: int = 0, above: int = 0) -> str:
        return numbers().blocks[self.levels.blocks[0, MIDDLE + right, MIDDLE - ahead, GROUND + 1 + above]]

    def flow(self, right: int = 0, ahead: int = 0, above: int = 0) -> int:
        """How full a cell of water is, 0 for a source; -1 for no water."""
        cell = MIDDLE + right, MIDDLE - ahead, GROUND + 1 + above
        return int(self.levels.flow[0][cell]) & FLOW if self.levels.blocks[0][cell] == BLOCK["water"] else -1

    def do(self, action: str, times: int = 1) -> None:
        for _ in range(times):
            self.world.step(np.array([self.world.action_names.index(action)]))

    def wait(self, ticks: int = 200) -> None:
        self.do("wait", ticks)


@pytest.fixture
def poured() -> Yard:
    """A bucket of water poured on level ground, one cell ahead."""
    yard = Yard("water_bucket")
    yard.do("use")
    return yard


def test_water_flows_seven_cells_outwards_on_level_ground(poured: Yard):
    poured.wait()
    for right, ahead in ALL_AROUND:
        far = abs(right) + abs(ahead - 1)
        assert poured.flow(right, ahead) == (0 if far == 0 else 8 - far if far < 8 else -1)


def test_it_takes_five_ticks_for_each_cell(poured: Yard):
    poured.wait(14)
    assert [poured.flow(ahead=1 + far) for far in range(5)] == [0, 7, 6, -1, -1]


def test_it_dries_up_when_the_source_is_taken(poured: Yard):
    poured.wait()
    poured.do("use")
    assert inventory_of(poured.levels, 0) == {"water_bucket": 1}
    poured.wait()
    assert all(poured.at(right, ahead) == "air" for right, ahead in ALL_AROUND)
    assert (poured.levels.waiting[0, :, 1] == 0).all()


def test_what_flows_fills_no_bucket(poured: Yard):
    poured.wait()
    poured.levels.status[0, FACING] = 2
    assert poured.flow(ahead=-1) > 0
    poured.do("equip bucket")
    poured.do("use")
    assert inventory_of(poured.levels, 0) == {"bucket": 1}


def test_a_waterfall_runs_down_a_cliff_and_spreads_at_its_foot():
    yard = Yard("water_bucket")
    for ahead in range(2, 12):
        for right in range(-12, 13):
            for depth in range(1, 9):
                yard.put("air", right, ahead, -depth)
    yard.do("use")
    yard.wait(400)
    assert [yard.flow(ahead=2, above=-depth) for depth in range(9)] == [7, *[FALLING] * 8]
    assert yard.flow(ahead=3, above=-8) == 7
    assert yard.flow(ahead=3, above=-4) == -1


def test_water_makes_for_the_nearest_way_down(poured: Yard):
    poured.put("air", right=3, ahead=1, above=-1)
    poured.wait(100)
    assert [poured.flow(right, 1) for right in (1, 2, 3)] == [7, 6, 5]
    assert poured.at(right=-1, ahead=1) == "air"
    assert poured.flow(3, 1, -1) == FALLING


def test_two_sources_make_a_third():
    yard = Yard("water_bucket")
    yard.put("water", right=0, ahead=3)
    yard.do("use")
    yard.wait(20)
    assert yard.flow(ahead=2) == 0


def test_lava_beside_water_hardens():
    yard = Yard("water_bucket")
    yard.put("lava", right=2, ahead=1)
    yard.do("use")
    yard.wait(30)
    assert yard.at(right=2, ahead=1) == "obsidian"


def test_lava_flows_three_cells():
    yard = Yard("lava_bucket")
    yard.do("use")
    for _ in range(200):
        yard.levels.status[0, HEALTH] = 20
        yard.wait(1)
    assert [yard.at(right, 1) for right in range(5)] == ["lava"] * 4 + ["air"]


def test_a_block_in_place_of_the_source_ends_the_flow():
    yard = Yard("water_bucket", "dirt")
    yard.do("use")
    yard.wait()
    yard.do("place dirt")
    assert yard.at(ahead=1) == "dirt"
    yard.wait()
    assert all(yard.at(right, ahead) == "air" for right, ahead in ALL_AROUND if (right, ahead) != (0, 1))


def test_water_stays_where_it_is_put_unless_it_is_to_flow():
    yard = Yard("water_bucket", fluids="still")
    yard.do("use")
    yard.wait()
    assert yard.at(ahead=1) == "water"
    assert yard.at(ahead=2) == "air"


def test_a_flood_has_room(poured: Yard):
    for right in range(-40, 41):
        for ahead in range(-40, 41):
            poured.put("water", right, ahead, 10)
    poured.levels.status[0, Y] = GROUND + 8
    poured.look("straight up")
    poured.put("dirt", above=10)
    poured.do("attack", 40)
    poured.wait(60)
    assert poured.levels.waiting[0].max() <= WAKING


def test_a_snapshot_goes_on_as_it_was(poured: Yard):
    poured.wait(12)
    kept = poured.world.snapshot()
    poured.wait(30)
    then = poured.levels.blocks.copy(), poured.levels.flow.copy(), poured.levels.queue.copy()
    poured.wait(200)
    poured.world.restore(kept)
    poured.wait(30)
    now = poured.levels.blocks, poured.levels.flow, poured.levels.queue
    assert all((a == b).all() for a, b in zip(then, now, strict=True))


def test_an_episode_begins_at_rest(poured: Yard):
    poured.wait(12)
    poured.world.reset(seed=1)
    assert poured.levels.waiting[0, :, 1].sum() == 0
    assert poured.levels.flow[0].sum() == 0
