"""Worlds where nature is whole: every biome, the other mobs, and what comes of using items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.overworld.constants import NOTHING
from palaestra_worlds.overworld.description import inventory_of
from palaestra_worlds.overworld.mob_kinds import ALL_MOBS, MORE_PASSIVE
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.state import (
    CLOCK,
    DAWN,
    DIFFICULTY,
    FACING,
    HEALTH,
    KILLS,
    KIND,
    MOB_HEALTH,
    MOB_X,
    MOB_Y,
    MOB_Z,
    MOST_ANIMALS,
    NEXT,
    PEACEFUL,
    PITCH,
    PITCHES,
    SEA_LEVEL,
    SHORN,
    SIDE,
    SIZE,
    X,
    Y,
    Z,
    animals_end,
)
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.task_lists import ALL_BIOMES
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask
from palaestra_worlds.overworld.technology import NOT_HERE, game_tree, world_tree
from palaestra_worlds.structured import StructuredAction

GROUND, MIDDLE = 30, SIDE // 2
BLOCK = numbers().block
NIGHT = 16_000


def whole_world(inventory: dict[str, int] | None = None, num_envs: int = 1, **settings: Any) -> Any:
    given = {"nature": "whole", "mobs": "all", "homestead": True, "actions": "all"} | settings
    world: Any = palaestra_worlds.make("Overworld", num_envs=num_envs, **given)
    stacks = tuple(ItemStack(item=item, count=count) for item, count in (inventory or {}).items())
    task = OverworldTask(inventory=stacks, goal=ItemStack(item="elytra"), biome="plains")
    world.assign([task] * num_envs)
    world.reset(seed=0)
    return world


def stage(inventory: dict[str, int] | None = None, ground: str = "dirt") -> Any:
    """Level ground at height GROUND without mobs; the player stands in the middle and faces north."""
    world = whole_world(inventory)
    levels = world.state()
    levels.blocks[0, :, :, 1:GROUND] = BLOCK["stone"]
    levels.blocks[0, :, :, GROUND] = BLOCK[ground]
    levels.blocks[0, :, :, GROUND + 1 :] = 0
    levels.surface[0] = GROUND
    levels.mobs[0, :, KIND] = 0
    levels.status[0, [X, Z, Y, FACING, PITCH]] = MIDDLE, MIDDLE, GROUND + 1, 0, PITCHES.index("ahead")
    return world


def put(world: Any, block: str, right: int = 0, ahead: int = 0, above: int = 0) -> None:
    world.state().blocks[0, MIDDLE + right, MIDDLE - ahead, GROUND + 1 + above] = BLOCK[block]


def put_mob(world: Any, kind: str, ahead: int, place: int = 0) -> Any:
    row = world.state().mobs[0, place]
    row[[KIND, MOB_X, MOB_Z, MOB_Y]] = ALL_MOBS.index(kind) + 1, MIDDLE, MIDDLE - ahead, GROUND + 1
    row[MOB_HEALTH] = 10 * load_rules().mobs[kind].health
    row[NEXT] = row[SHORN] = 0
    return row


def do(world: Any, action: str, times: int = 1) -> None:
    for _ in range(times):
        world.step(np.array([world.action_names.index(action)]))


def perform(world: Any, name: str, object: str, **fields: Any) -> Any:
    return world.player(0).perform(StructuredAction.model_validate({"name": name, "object": object, **fields}))


def held(world: Any) -> dict[str, int]:
    return inventory_of(world.state(), 0)


def test_each_biome_lies_in_every_world_and_all_that_grows_in_one_or_another():
    world = whole_world(num_envs=8)
    levels = world.state()
    for i in range(8):
        assert set(np.unique(levels.biomes[i])) == set(range(len(ALL_BIOMES)))
        assert ALL_BIOMES[levels.biomes[i, SIDE // 2, SIDE // 2]] == "plains"
    found = {numbers().blocks[block] for block in np.unique(levels.blocks)}
    assert set(load_rules().natural) <= found


def test_emeralds_lie_under_mountains_three_to_eight_in_a_chunk():
    levels = whole_world(num_envs=24).state()
    emeralds = levels.blocks == BLOCK["emerald_ore"]
    mountains = levels.biomes == ALL_BIOMES.index("mountains")
    assert not (emeralds.any(axis=3) & ~mountains).any()
    in_a_chunk = 256 * emeralds.sum() / mountains.sum()
    # On average 5.5, of which caves take some.
    assert 3.5 < in_a_chunk < 6.5


def test_emeralds_are_looked_for_under_mountains():
    world = whole_world({"iron_pickaxe": 2, "stone_pickaxe": 6, "cobblestone": 64}, mobs="none")
    feedback = perform(world, "mine", "emerald", tool="iron_pickaxe")
    assert feedback.success, feedback.message
    assert feedback.status.biome == "mountains"


def test_rabbits_live_on_land_and_fish_in_water():
    world = whole_world(num_envs=4)
    levels = world.state()
    first = animals_end(levels)
    kinds = set()
    for i in range(4):
        for kind, x, z, y in levels.mobs[i, first:][:, [KIND, MOB_X, MOB_Z, MOB_Y]]:
            if kind:
                kinds.add(ALL_MOBS[kind - 1])
                in_water = levels.blocks[i, x, z, y] == BLOCK["water"]
                assert in_water == (ALL_MOBS[kind - 1] != "rabbit")
    assert kinds == set(MORE_PASSIVE)


def test_worlds_without_it_have_nothing_of_it():
    world: Any = palaestra_worlds.make("Overworld", mobs="all")
    world.reset(seed=0)
    assert world.state().mobs[0, :, KIND].max() <= 4
    assert set(np.unique(world.state().biomes)) <= set(range(8))


def test_an_axe_strips_a_log():
    world = stage({"stone_axe": 1})
    put(world, "oak_log", ahead=1, above=1)
    do(world, "use")
    assert world.state().blocks[0, MIDDLE, MIDDLE - 1, GROUND + 2] == BLOCK["stripped_oak_log"]


@pytest.mark.parametrize(
    ("inventory", "object", "tool", "gained"),
    [
        ({"stone_axe": 1, "oak_log": 1}, "oak_log", "stone_axe", "stripped_oak_log"),
        ({"shears": 1, "pumpkin": 1}, "pumpkin", "shears", "carved_pumpkin"),
        ({"map": 1}, "map", "map", "filled_map"),
        ({"glass_bottle": 1}, "water", "glass_bottle", "potion"),
        ({"stone_pickaxe": 1, "red_concrete_powder": 1}, "water", "stone_pickaxe", "red_concrete"),
        ({"shears": 1}, "bee_nest", "shears", "honeycomb"),
        ({"glass_bottle": 1}, "bee_nest", "glass_bottle", "honey_bottle"),
        ({"stone_hoe": 1, "wheat_seeds": 1, "bone_meal": 5}, "dirt", "stone_hoe", "wheat"),
        ({}, "chicken", "", "egg"),
    ],
)
def test_a_player_uses_items(inventory: dict[str, int], object: str, tool: str, gained: str):
    world = stage(inventory)
    for right in range(3, 6):
        for ahead in range(3, 6):
            put(world, "water", right, ahead, -1)
    put(world, "bee_nest", ahead=4, above=1)
    put_mob(world, "chicken", ahead=6)
    material = {name: 1 for name in inventory if name.endswith("_powder")}
    feedback = perform(world, "apply", object, tool=tool, material=material)
    assert feedback.success, feedback.message
    assert held(world).get(gained, 0) >= 1


def test_a_nest_is_empty_for_a_while():
    world = stage({"glass_bottle": 3})
    put(world, "bee_nest", ahead=1, above=1)
    do(world, "use", 5)
    assert held(world) == {"glass_bottle": 2, "honey_bottle": 1}
    world.state().status[0, CLOCK] += 3000
    do(world, "use")
    assert held(world) == {"glass_bottle": 1, "honey_bottle": 2}


def test_fishing_takes_its_time_and_brings_what_bites():
    world = stage({"fishing_rod": 1})
    for ahead in (1, 2, 3):
        put(world, "water", ahead=ahead, above=-1)
    world.state().status[0, PITCH] = PITCHES.index("down")
    do(world, "use", 30)
    caught = sum(held(world).values()) - 1
    assert caught >= 29
    assert 30 * 100 <= world.state().status[0, CLOCK] <= 30 * 600
    assert held(world)["cod"] > 5


def test_a_creeper_blows_up_beside_who_does_nothing_and_dies_of_blows():
    for fights in (False, True):
        world = stage({"iron_sword": 1, "iron_chestplate": 1, "iron_leggings": 1, "iron_helmet": 1, "iron_boots": 1})
        levels = world.state()
        levels.status[0, DAWN] = NIGHT
        creeper = put_mob(world, "creeper", ahead=3, place=MOST_ANIMALS)
        for _ in range(120):
            do(world, "attack" if fights else "wait")
        assert creeper[KIND] == 0
        assert (levels.status[0, HEALTH] < 20) != fights


def test_a_creeper_that_comes_askew_is_evaded_whoever_else_is_struck():
    world = stage({"stone_sword": 1, "stone_pickaxe": 1, "iron_chestplate": 1, "iron_leggings": 1})
    levels = world.state()
    levels.status[0, DAWN] = NIGHT
    put_mob(world, "zombie", ahead=3, place=MOST_ANIMALS)
    creeper = put_mob(world, "creeper", ahead=3, place=MOST_ANIMALS + 1)
    creeper[MOB_X] += 2
    perform(world, "attack", "zombie")
    assert levels.status[0, HEALTH] >= 14, "an explosion takes more"


def test_a_creeper_that_goes_out_of_sight_is_not_forgotten_at_once():
    world = stage()
    levels = world.state()
    creeper = put_mob(world, "creeper", ahead=3, place=MOST_ANIMALS)
    creeper[MOB_X] += 3
    creeper[NEXT] = 1_000
    player = world.player(0)
    player._senses.look(every=True)
    hands, place = player._hands, (MIDDLE, MIDDLE, GROUND + 1)
    hands.do(NOTHING)
    assert hands.senses.place != place, "it was evaded"
    levels.blocks[0, MIDDLE - 1 : MIDDLE + 3, MIDDLE - 2, GROUND + 1 : GROUND + 4] = BLOCK["stone"]
    levels.blocks[0, MIDDLE + 2, MIDDLE - 2 : MIDDLE + 2, GROUND + 1 : GROUND + 4] = BLOCK["stone"]
    levels.status[0, [X, Z, Y]] = place
    assert not any(mob.kind == "creeper" for mob in hands.senses.mobs())
    for _ in range(8):
        hands.do(NOTHING)
    assert hands.senses.place != place, "it is evaded still"


def test_who_hunts_slimes_goes_to_and_fro_across_the_swamp():
    """They come 24 to 44 cells from the player, and in swamps alone: whoever goes round the world hardly meets one."""
    world = stage()
    world.state().blocks[0, :, :, GROUND + 1 : SEA_LEVEL] = BLOCK["stone"]
    world.state().status[0, [Y, DAWN, DIFFICULTY]] = SEA_LEVEL, NIGHT, PEACEFUL
    for right, ahead in np.ndindex(3, 3):
        put(world, "lily_pad", right + 19, ahead - 1, SEA_LEVEL - GROUND - 1)
    far: list[int] = []

    def note() -> bool:
        x, z = (int(n) for n in world.state().status[0, [X, Z]])
        far.append(max(abs(x - MIDDLE - 20), abs(z - MIDDLE)))
        return False

    world.player(0).perform(StructuredAction(name="attack", object="slime_ball"), ticks=1200, stop=note)
    is_there = [one < 8 for one in far if not 8 <= one < 18]
    assert np.count_nonzero(np.diff(is_there)) >= 3


def slimes_of(world: Any) -> list[int]:
    mobs = world.state().mobs[0]
    return sorted(mobs[mobs[:, KIND] == ALL_MOBS.index("slime") + 1][:, SIZE].tolist())


def blow_until(world: Any, most: int, is_done: Callable[[], bool]) -> None:
    """Strikes ahead, and puts whichever slime is left there."""
    for _ in range(most):
        if is_done():
            return
        mobs = world.state().mobs[0]
        first = np.flatnonzero(mobs[:, KIND] == ALL_MOBS.index("slime") + 1)[0]
        mobs[first, [MOB_X, MOB_Z, MOB_Y]] = MIDDLE, MIDDLE - 1, GROUND + 1
        do(world, "attack")


def test_a_large_slime_that_is_killed_splits_and_small_ones_alone_leave_balls():
    """https://minecraft.wiki/w/Slime: two to four of half the size, twice over."""
    world = stage({"diamond_sword": 1})
    world.state().status[0, [DAWN, DIFFICULTY]] = NIGHT, PEACEFUL
    put_mob(world, "slime", ahead=1, place=MOST_ANIMALS)[SIZE] = 4
    blow_until(world, 100, lambda: slimes_of(world) != [4])
    assert 2 <= len(slimes_of(world)) <= 4
    assert set(slimes_of(world)) == {2}
    assert "slime_ball" not in held(world)
    blow_until(world, 400, lambda: not slimes_of(world))
    assert world.state().status[0, KILLS] >= 1 + 2 + 4
    assert 0 < held(world)["slime_ball"] <= 2 * world.state().status[0, KILLS]


def test_small_slimes_do_no_harm_and_larger_ones_do():
    for size, harms in ((1, False), (4, True)):
        world = stage()
        world.state().status[0, DAWN] = NIGHT
        put_mob(world, "slime", ahead=1, place=MOST_ANIMALS)[SIZE] = size
        do(world, "wait", 60)
        assert (world.state().status[0, HEALTH] < 20) == harms


def test_slimes_come_in_three_sizes():
    world = whole_world(num_envs=32)
    levels = world.state()
    levels.biomes[:] = ALL_BIOMES.index("swamp")
    levels.status[:, DAWN] = NIGHT
    found = set()
    for _ in range(1000):
        world.step(np.full(32, world.action_names.index("wait")))
        levels.status[:, HEALTH] = 20
        mobs = levels.mobs.reshape(-1, levels.mobs.shape[2])
        found |= set(mobs[mobs[:, KIND] == ALL_MOBS.index("slime") + 1][:, SIZE].tolist())
    assert found == {1, 2, 4}


@pytest.mark.parametrize(("kind", "ticks"), [("witch", 60), ("skeleton", 40), ("zombie", 20)])
def test_a_monster_that_is_struck_strikes_no_sooner(kind: str, ticks: int):
    world = stage()
    levels = world.state()
    levels.status[0, DAWN] = NIGHT
    row = put_mob(world, kind, ahead=1, place=MOST_ANIMALS)
    struck: list[int] = []
    for _ in range(100):
        row[MOB_HEALTH] = 200
        row[[MOB_X, MOB_Z, MOB_Y]] = MIDDLE, MIDDLE - 1, GROUND + 1
        before = levels.status[0, HEALTH]
        do(world, "attack")
        if levels.status[0, HEALTH] < before:
            struck.append(int(levels.status[0, CLOCK]))
        levels.status[0, HEALTH] = 20
    assert len(struck) > 1
    assert np.diff(struck).min() >= ticks - 5


def test_endermen_leave_one_in_peace():
    world = stage()
    levels = world.state()
    levels.status[0, DAWN] = NIGHT
    put_mob(world, "enderman", ahead=2, place=MOST_ANIMALS)
    do(world, "wait", 200)
    assert levels.status[0, HEALTH] == 20


def test_a_monster_within_reach_is_struck_whatever_one_does():
    world = stage({"stone_sword": 1, "stone_pickaxe": 1})
    levels = world.state()
    levels.status[0, DAWN] = NIGHT
    levels.blocks[0, :, :, GROUND + 4] = BLOCK["stone"]
    put_mob(world, "zombie", ahead=3, place=MOST_ANIMALS)
    perform(world, "mine", "cobblestone", count=20)
    assert levels.status[0, KILLS] >= 1
    assert held(world)["cobblestone"] == 20


def test_who_is_out_at_night_waits_in_a_pit():
    world = whole_world({"stone_pickaxe": 1, "stone_shovel": 1})
    status = world.state().status[0]
    status[DAWN] = NIGHT
    world.player(0).perform(StructuredAction(name="explore", object="diamond_ore", strategy="surface"), ticks=400)
    assert status[Y] < world.state().surface[0, status[X], status[Z]]


def test_the_tree_of_the_richest_world_lacks_what_is_named():
    lacking = set(game_tree().items) - set(world_tree().items)
    assert lacking == {drop.item for name in NOT_HERE for drop in load_rules().mobs[name].drops}


def test_a_snapshot_goes_on_as_it_was():
    world = whole_world()
    do(world, "wait", 50)
    kept = world.snapshot()
    do(world, "wait", 400)
    then = world.state().mobs.copy()
    world.restore(kept)
    do(world, "wait", 400)
    assert (world.state().mobs == then).all()
