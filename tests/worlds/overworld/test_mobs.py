"""Animals: where they live, what they do, what is seen of them, and what hunting them leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.overworld.description import inventory_of
from palaestra_worlds.overworld.mob_kinds import HOSTILE, MOBS, PASSIVE
from palaestra_worlds.overworld.mob_sight import mobs_in_sight
from palaestra_worlds.overworld.observations import KINDS
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.scripted import play
from palaestra_worlds.overworld.sight import RANGE, directions
from palaestra_worlds.overworld.state import (
    CLOCK,
    DAWN,
    DIFFICULTIES,
    DIFFICULTY,
    FACING,
    FOOD,
    HEALTH,
    KIND,
    MOB_HEALTH,
    MOB_X,
    MOB_Y,
    MOB_Z,
    MOST_ANIMALS,
    NEXT,
    PITCH,
    PITCHES,
    SIDE,
    WORN,
    X,
    Y,
    Z,
)
from palaestra_worlds.overworld.tables import FULL_HEALTH, SOLID, numbers, tables
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask
from palaestra_worlds.structured import ActionFeedback, StructuredAction

GROUND, MIDDLE = 40, SIDE // 2
BLOCK = numbers().block
LONG_AFTER = 1 << 20


class Pasture:
    """A plain of grass at height GROUND with nobody on it; the player stands in the middle and faces north."""

    mobs_setting = "passive"

    def __init__(self, inventory: dict[str, int] | None = None, rules: str = "vanilla", goal: str = "elytra") -> None:
        self.world: Any = palaestra_worlds.make("Overworld", rules=rules, actions="all", mobs=self.mobs_setting)
        stacks = tuple(ItemStack(item=item, count=count) for item, count in (inventory or {}).items())
        self.world.assign([OverworldTask(inventory=stacks, goal=ItemStack(item=goal), level_seed=0)])
        self.world.reset(seed=0)
        self.levels = self.world.state()
        self.levels.blocks[0, :, :, 1:GROUND] = BLOCK["stone"]
        self.levels.blocks[0, :, :, GROUND] = BLOCK["grass_block"]
        self.levels.blocks[0, :, :, GROUND + 1 :] = 0
        self.levels.surface[0] = GROUND
        self.levels.biomes[0] = 0
        self.mobs = self.levels.mobs[0]
        self.mobs[:, KIND] = 0
        self.status = self.levels.status[0]
        self.status[[X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND + 1, 0
        self.status[PITCH] = PITCHES.index("ahead")

    def put(self, kind: str, right: int = 0, ahead: int = 0, stays: bool = True) -> Any:
        """An animal in the first free place; one that stays does nothing by itself. Gives its row."""
        return self.furnish(self.mobs[int(np.flatnonzero(self.mobs[:, KIND] == 0)[0])], kind, right, ahead, stays)

    def furnish(self, row: Any, kind: str, right: int, ahead: int, stays: bool) -> Any:
        row[:] = 0
        row[[KIND, MOB_X, MOB_Z, MOB_Y]] = MOBS.index(kind) + 1, MIDDLE + right, MIDDLE - ahead, GROUND + 1
        row[MOB_HEALTH] = tables().mobs[row[KIND], FULL_HEALTH]
        row[NEXT] = LONG_AFTER if stays else 0
        return row

    def wall(self, ahead: int) -> None:
        """Stone three high along a whole line."""
        self.levels.blocks[0, :, MIDDLE - ahead, GROUND + 1 : GROUND + 4] = BLOCK["stone"]

    def do(self, action: str, times: int = 1) -> Any:
        step = None
        for _ in range(times):
            step = self.world.step(np.array([self.world.action_names.index(action)]))
        return step

    @property
    def inventory(self) -> dict[str, int]:
        return inventory_of(self.levels, 0)


def perform(player: Any, name: str, object: str = "", **fields: Any) -> ActionFeedback:
    return player.perform(StructuredAction.model_validate({"name": name, "object": object, **fields}))


@pytest.fixture(scope="module")
def herds() -> Any:
    """Two worlds of one seed, as they begin: without animals and with them."""
    worlds = [palaestra_worlds.make("Overworld", num_envs=2, mobs=mobs) for mobs in ("none", "passive")]
    for world in worlds:
        world.assign([OverworldTask(biome="plains")] * 2)
        world.reset(seed=3)
    return worlds


def test_animals_leave_the_land_as_it_is_without_them(herds):
    without, with_them = herds
    np.testing.assert_array_equal(without.state().blocks, with_them.state().blocks)
    np.testing.assert_array_equal(without.state().random, with_them.state().random)
    assert "mobs" not in without.single_observation_space.spaces
    assert with_them.objectives[: len(without.objectives)] == without.objectives


def test_herds_of_each_kind_stand_on_grass_where_they_live(herds):
    levels, rules = herds[1].state(), load_rules()
    for i in range(2):
        mobs = levels.mobs[i][levels.mobs[i, :, KIND] > 0]
        assert {MOBS[kind - 1] for kind in mobs[:, KIND]} == set(PASSIVE)
        for kind, x, z, y in mobs[:, [KIND, MOB_X, MOB_Z, MOB_Y]]:
            assert numbers().blocks[levels.blocks[i, x, z, y - 1]] == "grass_block"
            assert levels.biomes[i, x, z] in range(8)
            assert rules.mobs[MOBS[kind - 1]].places


def test_same_seed_same_animals_and_a_snapshot_goes_on_alike():
    worlds: list[Any] = [palaestra_worlds.make("Overworld", num_envs=2, mobs="passive") for _ in range(2)]
    steps = np.random.default_rng(0).integers(0, 12, (120, 2))
    for world in worlds:
        world.reset(seed=1)
    for actions in steps[:60]:
        for world in worlds:
            world.step(actions)
    np.testing.assert_array_equal(worlds[0].state().mobs, worlds[1].state().mobs)
    kept = worlds[0].snapshot()
    for actions in steps[60:]:
        worlds[0].step(actions)
    worlds[1].restore(kept)
    for actions in steps[60:]:
        worlds[1].step(actions)
    for first, second in zip(worlds[0].state(), worlds[1].state(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_animals_wander_over_firm_ground_only():
    pasture = Pasture()
    blocks = pasture.levels.blocks[0]
    blocks[MIDDLE + 4, :, GROUND] = BLOCK["water"]
    blocks[MIDDLE - 4, :, GROUND] = BLOCK["lava"]
    blocks[:, MIDDLE + 4, 1 : GROUND + 1] = 0
    blocks[:, MIDDLE - 6, GROUND + 1 : GROUND + 3] = BLOCK["stone"]
    rows = [pasture.put(kind, ahead=2, right=right, stays=False) for right, kind in enumerate(PASSIVE, -2)]
    started = [row[[MOB_X, MOB_Z]].tolist() for row in rows]
    pasture.do("wait", 1200)
    assert all(row[[MOB_X, MOB_Z]].tolist() != was for row, was in zip(rows, started, strict=True))
    for row in rows:
        x, z, y = row[[MOB_X, MOB_Z, MOB_Y]]
        assert not tables().blocks[blocks[x, z, y], SOLID]
        assert tables().blocks[blocks[x, z, y - 1], SOLID]
        assert abs(x - MIDDLE) < 4
        assert z < MIDDLE + 4
        assert row[KIND] > 0


@pytest.mark.parametrize(
    ("tool", "rules", "blows", "recovery"),
    [("", "vanilla", 10, 10), ("iron_sword", "vanilla", 2, 13), ("stone_axe", "vanilla", 2, 25), ("", "easy", 1, 10)],
)
def test_blows_take_what_the_tool_takes_and_need_time_between(tool, rules, blows, recovery):
    pasture = Pasture({tool: 1} if tool else None, rules=rules)
    row = pasture.put("cow", ahead=1)
    for blow in range(blows):
        assert row[KIND] > 0
        pasture.do("attack")
        left = row[MOB_HEALTH]
        # It was knocked back; here it comes again.
        row[[MOB_X, MOB_Z]] = MIDDLE, MIDDLE - 1
        row[NEXT] = LONG_AFTER
        if blow < blows - 1:
            pasture.do("attack", recovery - 1)
            assert row[MOB_HEALTH] == left
    assert row[KIND] == 0
    assert 1 <= pasture.inventory["beef"] <= 3
    if tool:
        assert pasture.levels.slots[0, 0, WORN] == blows * (1 if "sword" in tool else 2)


def test_hunting_pays_once_and_is_measured():
    pasture = Pasture({"iron_sword": 1}, rules="easy", goal="mutton")
    rewards = []
    for kind in ("cow", "cow", "sheep"):
        pasture.put(kind, ahead=1)
        *_, infos = step = pasture.do("attack")
        rewards.append(step[1][0])
        pasture.do("wait", 15) if kind == "cow" else None
    # The first cow may leave leather, which is an objective of its own; the sheep leaves wool and reaches the goal.
    assert rewards[0] in (1, 2)
    assert rewards[1] in (0, 1)
    assert rewards[2] == 3
    names = pasture.world.objectives
    reached = {name for name, is_reached in zip(names, infos["episode"]["objectives"][0], strict=True) if is_reached}
    assert {"hunt_cow", "hunt_sheep", "wool", "goal"} <= reached
    assert "hunt_pig" not in reached


def test_who_is_hit_is_knocked_back_and_flees():
    pasture = Pasture()
    row = pasture.put("pig", ahead=1, stays=False)
    pasture.status[PITCH] = PITCHES.index("slightly down")
    pasture.do("attack")
    assert row[MOB_Z] == MIDDLE - 2
    assert row[MOB_HEALTH] == 90
    places = set()
    for _ in range(60):
        pasture.do("wait")
        places.add(tuple(row[[MOB_X, MOB_Z]]))
    assert len(places) > 5


def test_blocks_are_hit_before_what_is_behind_them():
    pasture = Pasture()
    row = pasture.put("cow", ahead=2)
    pasture.wall(1)
    pasture.do("attack", 5)
    assert row[MOB_HEALTH] == tables().mobs[row[KIND], FULL_HEALTH]


def test_cows_are_milked_and_sheep_are_shorn_until_wool_has_grown():
    pasture = Pasture({"bucket": 1, "shears": 1})
    cow = pasture.put("cow", ahead=1)
    pasture.do("use")
    assert pasture.inventory == {"milk_bucket": 1, "shears": 1}
    cow[KIND] = MOBS.index("sheep") + 1
    pasture.do("equip shears")
    pasture.do("use", 3)
    wool = pasture.inventory["white_wool"]
    assert 1 <= wool <= 3
    pasture.status[CLOCK] += 1000
    pasture.do("use")
    assert pasture.inventory["white_wool"] > wool


def test_mobs_are_seen_where_nothing_is_in_between_and_turn_with_the_player():
    pasture = Pasture()
    pasture.put("cow", ahead=5, right=2)
    pasture.put("chicken", ahead=3, right=-1)
    seen = pasture.world.observe()["mobs"][0]
    np.testing.assert_allclose(seen[0, :3] * RANGE, [-1, 3, 0], atol=1e-5)
    np.testing.assert_allclose(seen[1, :3] * RANGE, [2, 5, 0], atol=1e-5)
    assert seen[0, 3:].argmax() == MOBS.index("chicken")
    assert seen[1, 3:].argmax() == MOBS.index("cow")
    assert (seen[2:] == 0).all()
    assert "In sight: 1 chicken (nearest 3 ahead and 1 to the left), 1 cow" in pasture.world.describe(0)
    pasture.status[FACING] = 1
    np.testing.assert_allclose(pasture.world.observe()["mobs"][0, 0, :3] * RANGE, [-3, -1, 0], atol=1e-5)
    assert [mob.kind for mob in mobs_in_sight(pasture.levels, 0)] == ["chicken", "cow"]
    pasture.wall(4)
    assert [mob.kind for mob in mobs_in_sight(pasture.levels, 0)] == ["chicken"]
    assert (pasture.world.observe()["mobs"][0, 1:] == 0).all()
    assert "cow" not in pasture.world.describe(0)


def test_rays_meet_mobs_before_the_blocks_behind_them():
    world: Any = palaestra_worlds.make("Overworld", mobs="passive", lidar=600)
    world.reset(seed=0)
    levels = world.state()
    levels.blocks[0, :, :, 1:GROUND], levels.blocks[0, :, :, GROUND:] = BLOCK["stone"], 0
    levels.status[0, [X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND, 1
    levels.mobs[0, :, KIND] = 0
    before = world.observe()["lidar"][0].copy()
    levels.mobs[0, 0, [KIND, MOB_X, MOB_Z, MOB_Y]] = MOBS.index("pig") + 1, MIDDLE + 3, MIDDLE, GROUND
    after = world.observe()["lidar"][0]
    changed = (before != after).any(axis=1)
    rays = directions(600)
    assert changed.any()
    assert (after[changed, 1] == len(KINDS) + MOBS.index("pig")).all()
    # Ahead, which is east, and below the eyes; as far as the pig's near side.
    assert (rays[changed, 1] > 0.7).all()
    assert (rays[changed, 2] < 0).all()
    np.testing.assert_allclose(after[changed, 0].min() * RANGE, 2.5, atol=0.3)
    levels.blocks[0, MIDDLE + 2, :, GROUND:] = BLOCK["stone"]
    walled = world.observe()["lidar"][0]
    assert (walled[:, 1] < len(KINDS)).all()


def test_what_is_hunted_comes_back_far_away():
    pasture = Pasture()
    for _ in range(12):
        pasture.status[CLOCK] += 399
        pasture.do("wait")
    found = pasture.mobs[pasture.mobs[:, KIND] > 0]
    assert len(found) >= 6
    born = np.abs(found[:, [MOB_X, MOB_Z]] - MIDDLE).sum(axis=1)
    # Some have walked since.
    assert born.mean() > 24


def test_pictures_show_animals():
    pasture = Pasture()
    before = pasture.world.render_frame(0)
    pasture.put("pig", right=3)
    after = pasture.world.render_frame(0)
    assert (before != after).any()


# ------------------------------------------------------------------------------------------ structured actions


def test_a_player_hunts_until_there_is_enough():
    pasture = Pasture({"stone_sword": 1})
    for right in (-6, 3, 8):
        pasture.put("cow", ahead=6, right=right, stays=False)
        pasture.put("pig", ahead=-6, right=right, stays=False)
    player = pasture.world.player(0)
    feedback = perform(player, "attack", "porkchop", count=2)
    assert feedback.success, feedback
    assert feedback.status.inventory["porkchop"] >= 2
    assert feedback.status.held == "stone_sword"
    assert "beef" not in feedback.status.inventory
    feedback = perform(player, "attack", "cow", count=2)
    assert feedback.success, feedback
    assert "2 cow were killed" in feedback.message
    assert pasture.status[HEALTH] == 20


def test_a_player_goes_to_animals_and_uses_tools_on_them():
    pasture = Pasture({"bucket": 1, "shears": 1})
    pasture.put("cow", ahead=12, stays=False)
    pasture.put("sheep", ahead=12, right=4, stays=False)
    player = pasture.world.player(0)
    assert player.status().seen["cow"] == 12
    assert perform(player, "approach", "sheep").success
    assert perform(player, "apply", "cow", tool="bucket").success
    feedback = perform(player, "apply", "sheep", tool="shears")
    assert feedback.success, feedback
    assert {"milk_bucket", "white_wool"} <= set(feedback.status.inventory)


def test_a_player_knows_of_no_animal_that_it_has_not_seen():
    def hunt(behind: int) -> tuple[ActionFeedback, Any]:
        pasture = Pasture()
        pasture.wall(3)
        pasture.wall(-3)
        pasture.levels.blocks[0, [MIDDLE - 3, MIDDLE + 3], :, GROUND + 1 : GROUND + 4] = BLOCK["stone"]
        pasture.put("cow", ahead=behind)
        player = pasture.world.player(0)
        feedback = perform(player, "approach", "cow")
        return feedback, player.describe()

    assert hunt(6)[0].failure == "not_found"
    assert hunt(6)[1] == hunt(-9)[1]


def test_what_can_not_be_hunted_is_named():
    pasture = Pasture()
    player = pasture.world.player(0)
    assert perform(player, "attack", "oak_log").failure == "impossible"
    assert perform(player, "attack", "cwo").failure == "unknown_item"
    assert perform(player, "attack", "creeper").failure == "not_found"
    assert perform(player, "approach", "cow").failure == "not_found"


# ------------------------------------------------------------------------------------------ monsters


class Night(Pasture):
    """The same at midnight, with monsters."""

    mobs_setting = "all"

    def __init__(self, inventory: dict[str, int] | None = None, rules: str = "vanilla") -> None:
        super().__init__(inventory, rules)
        self.status[DAWN] = 18_000

    def put(self, kind: str, right: int = 0, ahead: int = 0, stays: bool = False) -> Any:
        row = self.mobs[MOST_ANIMALS + int(np.flatnonzero(self.mobs[MOST_ANIMALS:, KIND] == 0)[0])]
        return self.furnish(row, kind, right, ahead, stays)


def test_monsters_come_in_the_dark_away_from_the_player():
    night = Night()
    for _ in range(40):
        night.status[CLOCK] += 19
        night.status[HEALTH] = 20
        night.do("wait")
    found = night.mobs[MOST_ANIMALS:][night.mobs[MOST_ANIMALS:, KIND] > 0]
    assert len(found) >= 3
    assert {MOBS[kind - 1] for kind in found[:, KIND]} <= set(HOSTILE)


def test_none_come_by_day_or_under_torches():
    night = Night()
    night.status[DAWN] = 0
    night.do("wait", 400)
    assert (night.mobs[MOST_ANIMALS:, KIND] == 0).all()
    night = Night()
    night.levels.blocks[0, ::6, ::6, GROUND + 1] = BLOCK["torch"]
    night.levels.blocks[0, 3::6, 3::6, GROUND + 1] = BLOCK["torch"]
    night.do("wait", 400)
    assert (night.mobs[MOST_ANIMALS:, KIND] == 0).all()


def test_a_zombie_walks_up_and_strikes_and_armour_holds_some_off():
    hurt = []
    for armour in ({}, {f"diamond_{part}": 1 for part in ("helmet", "chestplate", "leggings", "boots")}):
        night = Night(armour)
        night.put("zombie", ahead=8, right=1)
        night.do("wait", 8 * 9 + 30)
        assert night.status[HEALTH] < 20 or armour
        assert (night.levels.slots[0, : len(armour), WORN] > 0).all()
        night.do("wait", 60)
        hurt.append(20 - night.status[HEALTH])
    assert hurt[0] >= 9
    assert hurt[1] < hurt[0] / 2


@pytest.mark.parametrize(("difficulty", "hurt"), [("easy", {2, 3}), ("normal", {3}), ("hard", {4, 5})])
def test_a_blow_hurts_by_the_difficulty(difficulty: str, hurt: set[int]) -> None:
    """A zombie's 3 points: half of them and one more, all, half as many again; parts of a point by chance."""
    night = Night()
    night.status[DIFFICULTY] = DIFFICULTIES.index(difficulty)
    night.put("zombie", ahead=1)
    for _ in range(60):
        if night.status[HEALTH] < 20:
            break
        night.do("wait")
    assert 20 - night.status[HEALTH] in hurt


def test_in_peace_no_monster_comes_nobody_hungers_and_wounds_heal() -> None:
    night = Night()
    night.status[DIFFICULTY] = DIFFICULTIES.index("peaceful")
    night.status[[HEALTH, FOOD]] = 10, 5
    night.levels.body[0] = 100
    night.do("wait", 400)
    assert (night.mobs[MOST_ANIMALS:, KIND] == 0).all()
    assert night.status[[HEALTH, FOOD]].tolist() == [20, 5]


@pytest.mark.parametrize(("difficulty", "left"), [("easy", 10), ("normal", 1), ("hard", 0)])
def test_hunger_leaves_health_by_the_difficulty(difficulty: str, left: int) -> None:
    pasture = Pasture()
    pasture.status[[DIFFICULTY, HEALTH, FOOD]] = DIFFICULTIES.index(difficulty), 12, 0
    healths = []
    for _ in range(13 * 80):
        ended = pasture.do("wait")[2][0]
        healths.append(0 if ended else int(pasture.status[HEALTH]))
        if ended:
            break
    assert min(healths) == left


def test_a_task_sets_the_difficulty_of_its_episode_alone() -> None:
    world: Any = palaestra_worlds.make("Overworld", mobs="all")
    world.assign([OverworldTask(difficulty="hard")])
    world.reset(seed=0)
    assert DIFFICULTIES[world.state().status[0, DIFFICULTY]] == "hard"
    world.reset()
    assert DIFFICULTIES[world.state().status[0, DIFFICULTY]] == "normal"


def test_skeletons_shoot_from_afar_unless_there_is_a_wall():
    night = Night()
    night.put("skeleton", ahead=6)
    night.do("wait", 300)
    assert night.status[HEALTH] < 20
    night = Night()
    night.put("skeleton", ahead=6)
    night.wall(3)
    for right in (-3, 3):
        night.levels.blocks[0, MIDDLE + right, :, GROUND + 1 : GROUND + 4] = BLOCK["stone"]
    night.do("wait", 100)
    assert night.status[HEALTH] == 20


def test_the_sun_burns_zombies_and_leaves_spiders_in_peace():
    night = Night()
    zombie, spider = night.put("zombie", ahead=20), night.put("spider", ahead=20, right=9)
    night.wall(5)
    night.status[DAWN] = 4000
    night.do("wait", 500)
    assert zombie[KIND] == 0
    assert spider[KIND] > 0
    assert night.status[HEALTH] == 20


def test_who_is_killed_by_a_monster_has_lost():
    night = Night()
    night.put("zombie", ahead=1)
    night.status[HEALTH] = 3
    step = night.do("wait")
    for _ in range(60):
        if step[2][0]:
            break
        step = night.do("wait")
    observations, _, terminated, _, infos = step
    assert terminated[0]
    assert not infos["episode"]["success"][0]
    assert infos["final_obs"][0]["status"][0] == 0
    assert observations["status"][0, 0] == 1


def test_a_player_fights_back():
    night = Night({"iron_sword": 1})
    night.put("spider", ahead=6)
    feedback = perform(night.world.player(0), "attack", "spider")
    assert feedback.success, feedback
    assert night.status[HEALTH] > 0


def test_a_mob_that_goes_out_of_sight_is_followed_again():
    """In this hilly world pigs are lost sight of a dozen times before one is caught."""
    world: Any = palaestra_worlds.make("Overworld", num_envs=1, mobs="passive", max_steps=6000)
    world.assign([OverworldTask(biome="plains", goal=ItemStack(item="cooked_porkchop"), level_seed=1)])
    world.reset(seed=0)
    assert play(world.player(0), world.knowledge(), "cooked_porkchop", 1).success


@pytest.mark.parametrize(("kind", "food"), [("cow", "wheat"), ("pig", "carrot"), ("chicken", "wheat_seeds")])
def test_animals_follow_what_they_eat(kind: str, food: str) -> None:
    pasture = Pasture({food: 1, "dirt": 1})
    row = pasture.put(kind, right=2, ahead=7, stays=False)
    pasture.do("wait", 120)
    assert abs(row[MOB_X] - MIDDLE) + abs(row[MOB_Z] - MIDDLE) == 1
    # With something else in hand they go their own ways.
    pasture.levels.slots[0, [0, 1]] = pasture.levels.slots[0, [1, 0]]
    row[[MOB_X, MOB_Z]] = MIDDLE + 2, MIDDLE - 7
    pasture.do("wait", 120)
    assert abs(row[MOB_X] - MIDDLE) + abs(row[MOB_Z] - MIDDLE) > 1


def test_fences_and_gates_keep_animals_in() -> None:
    pasture = Pasture({"wheat": 1})
    for right in range(-2, 3):
        for ahead in range(3, 8):
            if right in (-2, 2) or ahead in (3, 7):
                pasture.levels.blocks[0, MIDDLE + right, MIDDLE - ahead, GROUND + 1] = BLOCK["oak_fence"]
    pasture.levels.blocks[0, MIDDLE, MIDDLE - 3, GROUND + 1] = BLOCK["oak_fence_gate"]
    row = pasture.put("cow", ahead=5, stays=False)
    pasture.do("wait", 400)
    assert (row[MOB_X], row[MOB_Z], row[MOB_Y]) == (MIDDLE, MIDDLE - 4, GROUND + 1)
