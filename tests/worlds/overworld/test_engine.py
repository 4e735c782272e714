"""The engine's rules on a small stage: flat stone with the player in the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.base import TaskError
from palaestra_worlds.overworld.biomes import land
from palaestra_worlds.overworld.description import inventory_of
from palaestra_worlds.overworld.observations import KINDS, RADIUS, STATUS
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.state import (
    AIR,
    CLOCK,
    COUNT,
    FACING,
    FOOD,
    HEALTH,
    ITEM,
    PITCH,
    PITCHES,
    SEA_LEVEL,
    SIDE,
    WORN,
    X,
    Y,
    Z,
)
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.task_lists import BIOMES, deps_tasks
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask, task_of

GROUND, MIDDLE = 30, SIDE // 2
BLOCK, NUMBER = numbers().block, numbers().item


class Stage:
    """One environment of stone up to height GROUND and air above; the player stands in the middle and faces north."""

    def __init__(self, inventory: dict[str, int], rules: str = "vanilla", goal: str = "elytra") -> None:
        self.world: Any = palaestra_worlds.make("Overworld", num_envs=1, rules=rules, actions="all")
        stacks = tuple(ItemStack(item=item, count=count) for item, count in inventory.items())
        self.world.assign([OverworldTask(inventory=stacks, goal=ItemStack(item=goal), level_seed=0)])
        self.world.reset(seed=0)
        self.levels = self.world.state()
        self.levels.blocks[0, :, :, 1 : GROUND + 1] = BLOCK["stone"]
        self.levels.blocks[0, :, :, GROUND + 1 :] = 0
        self.levels.surface[0] = GROUND
        self.status = self.levels.status[0]
        self.status[[X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND + 1, 0
        self.look("ahead")

    def look(self, pitch: str) -> None:
        self.status[PITCH] = PITCHES.index(pitch)

    def do(self, action: str, times: int = 1) -> Any:
        """Does it so often; gives what the last step returned."""
        step = None
        for _ in range(times):
            step = self.world.step(np.array([self.world.action_names.index(action)]))
        return step

    def put(self, block: str, right: int = 0, ahead: int = 0, above: int = 0) -> None:
        """Puts a block at an offset from the feet, as seen facing north."""
        self.levels.blocks[0, MIDDLE + right, MIDDLE - ahead, GROUND + 1 + above] = BLOCK[block]

    def at(self, right: int = 0, ahead: int = 0, above: int = 0) -> str:
        return numbers().blocks[self.levels.blocks[0, MIDDLE + right, MIDDLE - ahead, GROUND + 1 + above]]

    @property
    def inventory(self) -> dict[str, int]:
        return inventory_of(self.levels, 0)


@pytest.mark.parametrize(
    ("tool", "block", "ticks", "left"),
    [
        ("wooden_pickaxe", "stone", 23, {"cobblestone": 1}),
        ("", "stone", 150, {}),
        ("stone_pickaxe", "iron_ore", 23, {"iron_ore": 1}),
        ("", "oak_log", 60, {"oak_log": 1}),
        ("shears", "oak_leaves", 1, {"oak_leaves": 1}),
    ],
)
def test_breaking_takes_the_game_s_ticks_and_leaves_the_game_s_drops(tool, block, ticks, left):
    stage = Stage({tool: 1} if tool else {})
    stage.put(block, ahead=1, above=1)
    if tool == "shears":
        ticks = int(load_rules().mining_ticks(block, tool))
    stage.do("attack", ticks - 1)
    assert stage.at(ahead=1, above=1) == block
    stage.do("attack")
    assert stage.at(ahead=1, above=1) == "air"
    assert {item: count for item, count in stage.inventory.items() if item != tool} == left
    if tool:
        assert stage.levels.slots[0, 0, WORN] == 1


def test_a_tool_breaks_after_its_last_use():
    stage = Stage({"wooden_pickaxe": 1})
    stage.levels.slots[0, 0, WORN] = 58
    stage.put("stone", ahead=1, above=1)
    stage.do("attack", 23)
    assert stage.inventory == {"cobblestone": 1}


def test_looking_away_starts_anew():
    stage = Stage({"wooden_pickaxe": 1})
    stage.put("stone", ahead=1, above=1)
    stage.do("attack", 22)
    stage.do("wait")
    stage.do("attack", 22)
    assert stage.at(ahead=1, above=1) == "stone"


def test_bedrock_stays():
    stage = Stage({"diamond_pickaxe": 1}, rules="easy")
    stage.put("bedrock", ahead=1, above=1)
    stage.do("attack", 50)
    assert stage.at(ahead=1, above=1) == "bedrock"


def test_from_logs_to_an_iron_pickaxe():
    stage = Stage({"oak_log": 6, "cobblestone": 12, "iron_ore": 3, "coal": 1}, goal="iron_pickaxe")
    rewards = 0.0
    for action in (
        *("craft oak_planks",) * 4,
        "craft stick",
        "craft crafting_table",
        "craft wooden_pickaxe",
        "place crafting_table",
        "craft wooden_pickaxe",
        "craft furnace",
        "look down",
        "look down",
        "look down",
        "place furnace",
        "smelt iron_ingot",
        "smelt iron_ingot",
        "smelt iron_ingot",
    ):
        if action == "place crafting_table":
            stage.put("stone", ahead=2, above=1)
        step = stage.do(action)
        rewards += step[1][0]
    assert stage.at(ahead=1, above=1) == "crafting_table"
    assert stage.inventory == {
        "oak_log": 2,
        "oak_planks": 7,
        "stick": 2,
        "wooden_pickaxe": 1,
        "cobblestone": 4,
        "iron_ingot": 3,
    }
    # Planks, sticks, table, pickaxe, furnace, ingots.
    assert rewards == 6
    *_, terminated, _, infos = stage.do("craft iron_pickaxe")
    assert terminated[0]
    assert infos["episode"]["success"][0]
    assert infos["episode"]["objectives"][0].sum() == 8


def test_crafting_takes_a_table_that_is_near():
    stage = Stage({"oak_planks": 8})
    stage.do("craft chest")
    assert stage.inventory == {"oak_planks": 8}
    stage.put("crafting_table", right=3)
    stage.do("craft chest")
    assert stage.inventory == {"chest": 1}


def test_easy_rules_take_tables_and_furnaces_from_the_inventory():
    items = {"oak_planks": 8, "crafting_table": 1, "furnace": 1, "sand": 1, "coal": 1}
    stage = Stage(items, rules="easy")
    stage.do("craft chest")
    stage.do("smelt glass")
    assert stage.inventory == {"crafting_table": 1, "furnace": 1, "chest": 1, "glass": 1}
    assert stage.status[CLOCK] == 2
    stage = Stage(items)
    stage.do("craft chest")
    stage.do("smelt glass")
    assert stage.inventory == items


def test_a_fire_goes_on_for_the_next():
    stage = Stage({"sand": 10, "coal": 1})
    stage.put("furnace", right=1)
    stage.do("smelt glass", 10)
    assert stage.inventory == {"sand": 2, "glass": 8}
    assert stage.status[CLOCK] == 8 * 200 + 2


def test_a_log_is_not_burnt_to_smelt_itself():
    stage = Stage({"oak_log": 1})
    stage.put("furnace", right=1)
    stage.do("smelt charcoal")
    assert stage.inventory == {"oak_log": 1}


def test_no_two_parts_of_a_recipe_compete():
    for recipe in load_rules().recipes:
        named = [choice for part in recipe.ingredients for choice in part.choices]
        assert len(named) == len(set(named)), recipe.makes


def test_walking_jumping_and_falling():
    stage = Stage({})
    stage.put("stone", ahead=1)
    stage.do("forward")
    assert stage.status[[X, Z, Y]].tolist() == [MIDDLE, MIDDLE, GROUND + 1]
    stage.do("jump")
    assert stage.status[[X, Z, Y]].tolist() == [MIDDLE, MIDDLE - 1, GROUND + 2]
    stage.do("turn right")
    stage.do("forward")
    assert stage.status[[X, Z, Y]].tolist() == [MIDDLE + 1, MIDDLE - 1, GROUND + 1]
    assert stage.status[HEALTH] == 20


@pytest.mark.parametrize(("depth", "health"), [(3, 20), (4, 19), (10, 13), (25, 0)])
def test_falls_hurt_beyond_three_blocks(depth, health):
    stage = Stage({})
    stage.levels.blocks[0, MIDDLE, MIDDLE - 1, GROUND + 1 - depth : GROUND + 1] = 0
    *_, terminated, _, _ = stage.do("forward")
    assert terminated[0] == (health == 0)
    if health:
        assert stage.status[HEALTH] == health
        assert stage.status[Y] == GROUND + 1 - depth


def test_digging_down_and_building_up():
    stage = Stage({"wooden_pickaxe": 1})
    stage.look("straight down")
    stage.do("attack", 23)
    assert stage.status[Y] == GROUND
    stage.do("place cobblestone")
    assert stage.status[Y] == GROUND + 1
    assert stage.at(above=-1) == "cobblestone"


def test_sand_comes_down():
    stage = Stage({"wooden_shovel": 1})
    for above in (1, 2, 3):
        stage.put("sand", ahead=1, above=above)
    stage.do("attack", int(load_rules().mining_ticks("sand", "wooden_shovel")))
    assert [stage.at(ahead=1, above=above) for above in (1, 2, 3)] == ["sand", "sand", "air"]


def test_buckets_are_filled_and_emptied():
    stage = Stage({"bucket": 1})
    stage.put("water", ahead=2, above=1)
    stage.do("use")
    assert stage.inventory == {"water_bucket": 1}
    assert stage.at(ahead=2, above=1) == "air"
    stage.put("stone", ahead=2, above=1)
    stage.do("use")
    assert stage.inventory == {"bucket": 1}
    assert stage.at(ahead=1, above=1) == "water"


def test_under_water_one_drowns_and_in_lava_one_burns():
    stage = Stage({})
    stage.levels.blocks[0, :, :, GROUND + 1 : GROUND + 9] = BLOCK["water"]
    stage.do("wait", 320)
    assert stage.status[HEALTH] == 18
    stage.do("jump", 7)
    assert stage.status[AIR] == 300
    stage = Stage({})
    stage.do("wait")
    stage.put("lava")
    stage.do("wait", 11)
    assert stage.status[HEALTH] == 12


def test_eating_and_healing():
    stage = Stage({"bread": 2})
    stage.status[[FOOD, HEALTH]] = 13, 10
    stage.do("eat bread")
    assert stage.status[FOOD] == 18
    assert stage.inventory == {"bread": 1}
    stage.do("wait", 79)
    assert stage.status[HEALTH] == 11
    stage.status[FOOD] = 20
    stage.do("eat bread")
    assert stage.inventory == {"bread": 1}


def test_a_full_inventory_takes_no_more():
    stage = Stage({"wooden_pickaxe": 1, "dirt": 35 * 64})
    stage.put("stone", ahead=1, above=1)
    stage.do("attack", 23)
    assert "cobblestone" not in stage.inventory
    assert (stage.levels.slots[0, :, COUNT] > 0).all()
    assert (stage.levels.slots[0, 1:, ITEM] == NUMBER["dirt"]).all()


def _cube(stage: Stage) -> Any:
    return stage.world.observe()["blocks"][0]


def test_what_is_behind_a_block_is_not_seen():
    stage = Stage({})
    kinds = list(KINDS)
    # Indexed [right, ahead, up] from the eyes, which are one above the feet.
    assert kinds[_cube(stage)[RADIUS, RADIUS, RADIUS - 2]] == "stone"
    before = _cube(stage)
    assert kinds[before[RADIUS, RADIUS, RADIUS - 3]] == "unseen"
    stage.put("diamond_ore", above=-2)
    np.testing.assert_array_equal(_cube(stage), before)
    stage.put("air", above=-1)
    assert kinds[_cube(stage)[RADIUS, RADIUS, RADIUS - 3]] == "diamond"


def test_the_cube_turns_with_the_player():
    stage = Stage({})
    stage.put("lava", right=2, above=1)
    kinds = list(KINDS)
    assert kinds[_cube(stage)[RADIUS + 2, RADIUS, RADIUS]] == "lava"
    stage.do("turn right")
    assert kinds[_cube(stage)[RADIUS, RADIUS + 2, RADIUS]] == "lava"
    assert stage.world.observe()["status"][0, STATUS.index("facing east")] == 1


def test_worlds_begin_in_the_biome_asked_for_on_dry_land():
    world: Any = palaestra_worlds.make("Overworld", num_envs=len(BIOMES))
    world.assign([OverworldTask(biome=biome) for biome in BIOMES])
    world.reset(seed=3)
    levels = world.state()
    for i, biome in enumerate(BIOMES):
        assert levels.biomes[i, MIDDLE, MIDDLE] == i, biome
        x, z, y = levels.status[i, [X, Z, Y]]
        if y > SEA_LEVEL:
            assert levels.blocks[i, x, z, y - 1] not in (0, BLOCK["water"], BLOCK["lava"])


def test_ores_lie_at_the_game_s_depths_and_in_its_numbers():
    world: Any = palaestra_worlds.make("Overworld", num_envs=4)
    world.reset(seed=0)
    blocks = world.state().blocks
    for number, lowest, highest, *_ in land().ores:
        _, _, _, heights = np.nonzero(blocks == number)
        assert heights.min(initial=lowest) >= lowest
        assert heights.max(initial=highest) <= highest
    diamonds = (blocks == BLOCK["diamond_ore"]).sum() / 4
    assert 60 <= diamonds <= 200


def test_a_task_of_deps_is_carried_out():
    world: Any = palaestra_worlds.make("Overworld", num_envs=1)
    world.assign([task_of(deps_tasks().tasks["planks"])])
    world.reset(seed=0)
    levels = world.state()
    levels.slots[0, 0, [ITEM, COUNT]] = NUMBER["birch_log"], 1
    *_, terminated, _, infos = world.step(np.array([world.action_names.index("craft birch_planks")]))
    assert terminated[0]
    assert infos["episode"]["success"][0]


def test_impossible_tasks_are_named():
    world = palaestra_worlds.make("Overworld", num_envs=1)
    with pytest.raises(TaskError, match="did you mean 'diamond'"):
        world.assign([OverworldTask(goal=ItemStack(item="dimond"))])
    with pytest.raises(TaskError, match="36 slots don't hold"):
        world.assign([OverworldTask(inventory=(ItemStack(item="bucket", count=600),))])


def test_pictures_of_films_are_of_one_size():
    stage = Stage({})
    first = stage.world.render_frame(0)
    stage.status[Y] = 2
    stage.levels.blocks[0, MIDDLE, MIDDLE, 2:4] = 0
    below = stage.world.render_frame(0)
    assert first.shape == below.shape
    assert (first != below).any()


@pytest.mark.parametrize(("block", "passes"), [("oak_door", True), ("oak_fence_gate", True), ("oak_fence", False)])
def test_players_go_through_doors_and_gates(block: str, passes: bool) -> None:
    stage = Stage({})
    stage.put(block, ahead=1)
    stage.do("forward", 2)
    assert stage.status[Z] == MIDDLE - 2 * passes
    assert stage.at(ahead=1) == block
    stage.status[Z] = MIDDLE - 2
    stage.do("back")
    assert stage.status[Z] == MIDDLE - 2 + passes


def test_nobody_jumps_onto_a_fence() -> None:
    stage = Stage({})
    stage.put("oak_fence", ahead=1)
    stage.do("jump")
    assert (stage.status[Z], stage.status[Y]) == (MIDDLE, GROUND + 1)
    stage.put("dirt", ahead=1)
    stage.do("jump")
    assert (stage.status[Z], stage.status[Y]) == (MIDDLE - 1, GROUND + 2)
