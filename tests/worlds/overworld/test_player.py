"""Structured actions on small stages and in whole worlds, and that controllers know only what has been seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.overworld.observations import KINDS
from palaestra_worlds.overworld.senses import Senses
from palaestra_worlds.overworld.sight import EYES, RANGE
from palaestra_worlds.overworld.state import FACING, SIDE, X, Y, Z
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask
from palaestra_worlds.structured import ActionFeedback, StructuredAction

GROUND, MIDDLE = 30, SIDE // 2
BLOCK = numbers().block
KINDS_OF = list(KINDS)


def world_with(
    inventory: dict[str, int], rules: str = "vanilla", seed: int = 0, goal: str = "elytra", **settings: Any
) -> Any:
    """One environment with this inventory."""
    world: Any = palaestra_worlds.make("Overworld", num_envs=1, rules=rules, **settings)
    stacks = tuple(ItemStack(item=item, count=count) for item, count in inventory.items())
    world.assign([OverworldTask(inventory=stacks, goal=ItemStack(item=goal), level_seed=seed, biome="plains")])
    world.reset(seed=0)
    return world


def stage(inventory: dict[str, int], rules: str = "vanilla") -> Any:
    """Stone up to height GROUND and air above; the player stands in the middle and faces north."""
    world = world_with(inventory, rules)
    levels = world.state()
    levels.blocks[0, :, :, 1 : GROUND + 1] = BLOCK["stone"]
    levels.blocks[0, :, :, GROUND + 1 :] = 0
    levels.surface[0] = GROUND
    levels.status[0, [X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND + 1, 0
    return world


def put(world: Any, block: str, right: int = 0, ahead: int = 0, above: int = 0) -> None:
    world.state().blocks[0, MIDDLE + right, MIDDLE - ahead, GROUND + 1 + above] = BLOCK[block]


def perform(player: Any, name: str, object: str = "", **fields: Any) -> ActionFeedback:
    return player.perform(StructuredAction.model_validate({"name": name, "object": object, **fields}))


class Recorded(Senses):
    """Keeps what was done, and hides a block until it is seen."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.actions: list[tuple[int, int]] = []

    def act(self, kind: int, argument: int = 0) -> None:
        self.actions.append((kind, argument))
        super().act(kind, argument)


def recorded_actions(
    world: Any, actions: list[StructuredAction], ticks: int
) -> tuple[list[tuple[int, int]], np.ndarray[Any, Any]]:
    """The primitive actions that these take, and what has been seen at the end."""
    from palaestra_worlds.overworld.structured_player import OverworldPlayer

    senses = Recorded(world, world.state(), 0, 12_000, False)
    player = OverworldPlayer(senses, world, 0)
    for action in actions:
        player.perform(action, ticks)
    return senses.actions, senses.seen


def test_what_has_not_been_seen_makes_no_difference():
    actions = [
        StructuredAction(name="mine", object="cobblestone", count=5, tool="stone_pickaxe"),
        StructuredAction(name="explore", object="diamond_ore"),
    ]
    inventory = {"stone_pickaxe": 2}
    first, seen = recorded_actions(world_with(inventory), actions, ticks=600)
    changed = world_with(inventory)
    blocks = changed.state().blocks[0]
    blocks[seen == 0] = BLOCK["diamond_ore"]
    second, seen_then = recorded_actions(changed, actions, ticks=600)
    assert len(first) > 200
    assert first == second
    assert (seen_then == seen).all()


@pytest.mark.parametrize(
    "settings",
    [{"nature": "whole"}, {"fluids": "flow"}, {"mobs": "all"}, {"nature": "whole", "fluids": "flow", "mobs": "all"}],
    ids=lambda settings: " ".join(settings),
)
def test_ores_that_have_not_been_seen_make_no_difference_however_much_lives_and_flows(settings: dict[str, Any]):
    """Stone alone becomes ore: where mobs have room and water has a way, is as it was, seen or not."""
    actions = [
        StructuredAction(name="mine", object="cobblestone", count=3, tool="stone_pickaxe"),
        StructuredAction(name="explore", object="diamond_ore"),
    ]
    inventory = {"stone_pickaxe": 2}
    first, seen = recorded_actions(world_with(inventory, **settings), actions, ticks=400)
    changed = world_with(inventory, **settings)
    blocks = changed.state().blocks[0]
    hidden = (seen == 0) & (blocks == BLOCK["stone"])
    assert hidden.sum() > 10_000
    blocks[hidden] = BLOCK["diamond_ore"]
    second, seen_then = recorded_actions(changed, actions, ticks=400)
    assert len(first) > 100
    assert first == second
    assert (seen_then == seen).all()


def test_what_is_seen_makes_a_difference():
    actions = [StructuredAction(name="explore", object="diamond_ore")]
    inventory = {"stone_pickaxe": 2}
    first, seen = recorded_actions(world_with(inventory), actions, ticks=600)
    changed = world_with(inventory)
    x, z, y = (int(n) for n in np.argwhere(seen == BLOCK["stone"] + 1)[-1])
    changed.state().blocks[0, x, z, y] = BLOCK["diamond_ore"]
    assert recorded_actions(changed, actions, ticks=600)[0] != first


@pytest.mark.parametrize("above", [-1, 0, 1, 2, 4])
def test_mining_reaches_blocks_at_all_heights(above: int):
    world = stage({"stone_pickaxe": 1})
    put(world, "coal_ore", ahead=6, above=above)
    feedback = perform(world.player(0), "mine", "coal")
    assert feedback.success, feedback.message
    assert feedback.status.inventory["coal"] == 1


def test_mining_takes_the_right_tool():
    world = stage({"wooden_pickaxe": 1, "stone_pickaxe": 1})
    put(world, "iron_ore", ahead=3)
    player = world.player(0)
    feedback = perform(player, "mine", "iron_ore", tool="wooden_pickaxe")
    assert (feedback.success, feedback.failure) == (False, "missing_tool")
    assert "stone_pickaxe" in feedback.message
    assert perform(player, "mine", "iron_ore", tool="stone_pickaxe").success


def test_a_gap_is_bridged_and_a_wall_is_climbed():
    world = stage({"dirt": 30, "wooden_pickaxe": 1})
    blocks = world.state().blocks[0]
    blocks[:, MIDDLE - 6 : MIDDLE - 2, 5 : GROUND + 1] = 0
    blocks[:, MIDDLE - 6 : MIDDLE - 2, 1:5] = BLOCK["lava"]
    blocks[:, MIDDLE - 10, GROUND + 1 : GROUND + 4] = BLOCK["bedrock"]
    put(world, "oak_log", ahead=14)
    player = world.player(0)
    feedback = perform(player, "mine", "oak_log")
    assert feedback.success, feedback.message
    assert feedback.status.health == 20


def test_a_table_is_put_up_and_taken_along():
    world = stage({"crafting_table": 1, "oak_planks": 3, "stick": 2})
    feedback = perform(world.player(0), "craft", "wooden_pickaxe", material={"oak_planks": 3, "stick": 2})
    assert feedback.success, feedback.message
    assert feedback.status.inventory == {"crafting_table": 1, "wooden_pickaxe": 1}
    assert not (world.state().blocks[0] == BLOCK["crafting_table"]).any()


def test_who_swims_goes_ashore_to_put_up_a_table():
    world = stage({"crafting_table": 1, "oak_planks": 8})
    around = slice(MIDDLE - 8, MIDDLE + 9)
    world.state().blocks[0, around, around, GROUND - 4 : GROUND + 1] = BLOCK["water"]
    world.state().status[0, Y] = GROUND
    player = world.player(0)
    feedback = perform(player, "craft", "chest")
    assert feedback.success, feedback.message
    assert feedback.status.inventory == {"crafting_table": 1, "chest": 1}


def test_with_easy_rules_the_table_stays_in_the_inventory():
    world = stage({"crafting_table": 1, "oak_planks": 3, "stick": 2}, rules="easy")
    feedback = perform(world.player(0), "craft", "wooden_pickaxe")
    assert (feedback.success, feedback.ticks) == (True, 1)


def test_smelting_takes_the_game_s_time():
    world = stage({"furnace": 1, "iron_ore": 2, "coal": 1, "wooden_pickaxe": 1})
    feedback = perform(world.player(0), "smelt", "iron_ingot", count=2)
    assert feedback.success, feedback.message
    assert feedback.status.inventory["iron_ingot"] == 2
    assert feedback.status.inventory["furnace"] == 1
    assert 400 <= feedback.ticks < 500


def test_boats_are_burnt_before_wood_and_the_table_last():
    burnt = {}
    for fuels in ("oak_boat oak_planks oak_log crafting_table", "stick crafting_table"):
        world = stage({"furnace": 1, "iron_ore": 1, "stone_pickaxe": 1, **dict.fromkeys(fuels.split(), 2)})
        feedback = perform(world.player(0), "smelt", "iron_ingot")
        assert feedback.success, feedback.message
        left = feedback.status.inventory
        burnt[fuels] = {name for name in fuels.split() if left.get(name, 0) < 2}
    assert list(burnt.values()) == [{"oak_boat"}, {"stick"}]


def test_digging_down_and_going_up():
    world = stage({"stone_pickaxe": 1})
    player = world.player(0)
    down = perform(player, "dig_down", level=12, tool="stone_pickaxe")
    assert down.success, down.message
    assert down.status.height == 12
    assert down.status.is_underground
    up = perform(player, "go_up")
    assert up.success, up.message
    assert not up.status.is_underground


def test_lava_and_falls_are_kept_away_from():
    world = stage({"stone_pickaxe": 2})
    blocks = world.state().blocks[0]
    blocks[:, :, 4:10] = BLOCK["lava"]
    player = world.player(0)
    feedback = player.perform(StructuredAction(name="mine", object="diamond", tool=""), ticks=100)
    assert feedback.failure == "missing_tool"
    feedback = player.perform(StructuredAction(name="explore", object="diamond_ore"), ticks=3000)
    assert feedback.status.health == 20


def test_a_bucket_is_filled():
    world = stage({"bucket": 1})
    blocks = world.state().blocks[0]
    blocks[MIDDLE + 3 : MIDDLE + 6, MIDDLE : MIDDLE + 3, GROUND] = BLOCK["water"]
    feedback = perform(world.player(0), "apply", "water", tool="bucket")
    assert feedback.success, feedback.message
    assert feedback.status.inventory == {"water_bucket": 1}


@pytest.mark.parametrize(
    ("action", "failure"),
    [
        ({"name": "mine", "object": "unobtainium"}, "unknown_item"),
        ({"name": "mine", "object": "bedrock"}, "impossible"),
        ({"name": "mine", "object": "stick_of_dynamite"}, "unknown_item"),
        ({"name": "craft", "object": "iron_ore"}, "impossible"),
        ({"name": "craft", "object": "stone_pickaxe"}, "missing_material"),
        ({"name": "craft", "object": "chest"}, "missing_station"),
        ({"name": "smelt", "object": "iron_ingot"}, "missing_material"),
        ({"name": "smelt", "object": "diamond_pickaxe"}, "impossible"),
        ({"name": "equip", "object": "iron_pickaxe"}, "missing_material"),
        ({"name": "place", "object": "stick"}, "missing_material"),
        ({"name": "approach", "object": "diamond_ore"}, "not_found"),
        ({"name": "dig_down", "level": 0}, "impossible"),
        ({"name": "go_up", "level": 200}, "impossible"),
        ({"name": "attack", "object": "cow"}, "not_found"),
        ({"name": "apply", "object": "apple"}, "missing_material"),
    ],
)
def test_what_is_wrong_with_an_action_is_said(action: dict[str, Any], failure: str):
    feedback = stage({"oak_planks": 8}).player(0).perform(StructuredAction.model_validate(action))
    assert not feedback.success
    assert feedback.failure == failure
    assert len(feedback.message) > 10


def test_an_action_ends_with_its_time():
    player = world_with({}).player(0)
    feedback = player.perform(StructuredAction(name="explore", object="diamond_ore"), ticks=50)
    assert feedback.failure == "out_of_time"
    assert 50 <= feedback.ticks < 260


def test_a_search_that_leads_nowhere_is_given_up():
    world = stage({"wooden_pickaxe": 1})
    blocks = world.state().blocks[0]
    blocks[:, :, : GROUND + 1] = BLOCK["bedrock"]
    blocks[MIDDLE - 26 : MIDDLE + 26, MIDDLE - 26 : MIDDLE + 26, GROUND + 8] = BLOCK["coal_ore"]
    put(world, "oak_log", ahead=3)
    player = world.player(0)
    feedback = perform(player, "mine", "coal")
    assert feedback.failure == "gave_up"
    assert "cells" in feedback.message
    assert feedback.ticks < 100
    assert perform(player, "mine", "oak_log").success


def test_tunnels_lead_out_of_what_is_known():
    world = stage({"stone_pickaxe": 4})
    world.state().blocks[0, MIDDLE, MIDDLE, 12:14] = 0
    world.state().status[0, Y] = 12
    player = world.player(0)
    known = np.s_[MIDDLE - 22 : MIDDLE + 23, MIDDLE - 22 : MIDDLE + 23, 8:20]
    player._senses.seen[known] = world.state().blocks[0][known] + 1
    player._senses.remember(player._senses.seen.copy(), 0)
    feedback = player.perform(StructuredAction(name="explore", object="diamond_ore"), ticks=1500)
    assert feedback.failure == "out_of_time"
    x, z = (int(n) for n in world.state().status[0, [X, Z]])
    assert max(abs(x - MIDDLE), abs(z - MIDDLE)) > 18


def test_an_action_is_stopped_at_any_time_and_begun_anew():
    """Wherever it is stopped, the same action comes to its end the next time."""
    for calls in (0, 7, 20):
        world = stage({"stone_pickaxe": 1, "crafting_table": 1, "oak_planks": 3, "stick": 2})
        put(world, "coal_ore", ahead=6)
        player = world.player(0)
        left = [calls]

        def stop(left: list[int] = left) -> bool:
            left[0] -= 1
            return left[0] < 0

        action = StructuredAction(name="mine", object="coal")
        feedback = player.perform(action, stop=stop)
        assert (feedback.success, feedback.failure) == (False, "stopped")
        saved = player.snapshot()
        ended = player.perform(action)
        assert ended.success, ended.message
        player.restore(saved)
        assert player.perform(action) == ended


HOUSE = {
    "layers": [["####", "#  #", "#  #", "## #"], ["####", "#  #", "#  #", "## #"], ["####", "####", "####", "####"]],
    "blocks": {"#": "cobblestone"},
}


def test_a_small_house_is_built():
    world = stage({"cobblestone": 38, "dirt": 20})
    feedback = perform(world.player(0), "build", blueprint=HOUSE)
    assert feedback.success, feedback.message
    assert not (world.state().blocks[0] == BLOCK["dirt"]).any()
    cells = np.argwhere(world.state().blocks[0] == BLOCK["cobblestone"])
    x, z, y = cells.min(axis=0)
    wanted = {
        (right, 3 - row, up)
        for up, layer in enumerate(HOUSE["layers"])
        for row, line in enumerate(reversed(layer))
        for right, cell in enumerate(line)
        if cell == "#"
    }
    assert y == GROUND + 1
    assert wanted <= {(int(a - x), int(b - z), int(c - y)) for a, b, c in cells}


def test_what_is_missing_for_a_house_is_said():
    feedback = perform(stage({"cobblestone": 5}).player(0), "build", blueprint=HOUSE)
    assert (feedback.failure, feedback.lacking) == ("missing_material", {"cobblestone": 33})


def test_what_one_was_told_to_mine_is_not_dropped_for_want_of_room():
    """Sand and cobblestone are waste; 32 stacks of planks never are, so that there is room for one stack of sand."""
    world = stage({"oak_planks": 32 * 64, "cobblestone": 64 + 8, "iron_pickaxe": 1})
    for ahead in (2, 3, 4):
        put(world, "sand", ahead=ahead)
    player = world.player(0)
    saved = player.snapshot()
    for _ in range(2):
        player.restore(saved)
        feedback = perform(player, "mine", "sand", count=3)
        assert feedback.success, feedback.message
        assert (feedback.status.inventory["sand"], feedback.status.inventory["cobblestone"]) == (3, 64)


def test_other_waste_is_dropped_before_cobblestone():
    player = stage({"oak_planks": 32 * 64, "cobblestone": 64 + 8, "iron_pickaxe": 1, "sand": 3}).player(0)
    feedback = perform(player, "mine", "cobblestone")
    assert feedback.success, feedback.message
    assert (feedback.status.inventory.get("sand"), feedback.status.inventory["cobblestone"]) == (None, 64 + 9)


def test_a_restored_player_does_the_same_again():
    world = world_with({"stone_pickaxe": 1})
    player = world.player(0)
    perform(player, "mine", "oak_log", count=2)
    saved = player.snapshot()
    first = player.perform(StructuredAction(name="mine", object="cobblestone", count=8), ticks=400)
    blocks = world.state().blocks.copy()
    player.restore(saved)
    assert player.perform(StructuredAction(name="mine", object="cobblestone", count=8), ticks=400) == first
    assert (world.state().blocks == blocks).all()
    other = world_with({}, seed=3).player(0)
    other.restore(saved)
    assert other.perform(StructuredAction(name="mine", object="cobblestone", count=8), ticks=400) == first
    with pytest.raises(ValueError, match="snapshot"):
        player.restore(world.snapshot())


def test_players_of_a_batch_do_not_disturb_each_other():
    world: Any = palaestra_worlds.make("Overworld", num_envs=2)
    world.reset(seed=[5, 5])
    before = world.state().blocks[1].copy()
    first = world.player(0).perform(StructuredAction(name="mine", object="log"), ticks=500)
    assert (world.state().blocks[1] == before).all()
    assert world.player(1).perform(StructuredAction(name="mine", object="log"), ticks=500) == first


def test_lidar_says_how_far_and_what():
    world: Any = palaestra_worlds.make("Overworld", num_envs=2, lidar=256)
    observations, _ = world.reset(seed=0)
    levels = world.state()
    levels.blocks[0, :, :, 1 : GROUND + 1] = BLOCK["stone"]
    levels.blocks[0, :, :, GROUND + 1 :] = 0
    levels.status[0, [X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND + 1, 0
    put(world, "oak_log", ahead=3, above=1)
    before = observations["lidar"][1]
    observations = world.observe()
    lidar = observations["lidar"][0]
    assert lidar.shape == (256, 2)
    straight_down, straight_up = lidar[-1], lidar[0]
    assert straight_down[0] * RANGE == pytest.approx(EYES, abs=0.05)
    assert KINDS_OF[int(straight_down[1])] == "stone"
    assert tuple(straight_up) == (1.0, 0.0)
    logs = lidar[lidar[:, 1] == KINDS_OF.index("log")]
    assert len(logs)
    assert logs[:, 0].min() * RANGE == pytest.approx(2.5, abs=0.2)
    assert (observations["lidar"][1] == before).all()
    levels.status[0, FACING] = 2
    assert not (world.observe()["lidar"][0] == lidar).all()


def test_a_cave_is_followed_before_anything_is_dug():
    """A cave leads from the player to a diamond out of sight; nothing has to be broken but the diamond."""
    world = stage({"iron_pickaxe": 1, "cobblestone": 8})
    blocks = world.state().blocks[0]
    blocks[MIDDLE - 1 : MIDDLE + 2, MIDDLE - 12 : MIDDLE + 1, 12:15] = 0
    blocks[MIDDLE : MIDDLE + 10, MIDDLE - 12 : MIDDLE - 9, 12:15] = 0
    blocks[MIDDLE + 9, MIDDLE - 13, 12] = BLOCK["diamond_ore"]
    world.state().status[0, Y] = 12
    stone = int((blocks == BLOCK["stone"]).sum())
    feedback = perform(world.player(0), "mine", "diamond")
    assert feedback.success, feedback.message
    assert stone - int((blocks == BLOCK["stone"]).sum()) <= 1


def test_at_the_world_s_edge_nobody_goes_to_and_fro():
    world = stage({"stone_pickaxe": 4, "cobblestone": 8})
    edge = SIDE - 6
    world.state().blocks[0, edge - 8 : edge + 1, edge, 12:14] = 0
    world.state().status[0, [X, Z, Y]] = edge, edge, 12
    player = world.player(0)
    before = int(player._senses.counts[1:].sum())
    player.perform(StructuredAction(name="explore", object="diamond_ore"), ticks=2000)
    assert int(player._senses.counts[1:].sum()) - before > 300
