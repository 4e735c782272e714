"""What a player can do in a real game, in Debian's server for it. Skipped where that is not installed."""

from __future__ import annotations

import numpy as np
import pytest
from palaestra_worlds.base import TaskError
from palaestra_worlds.luanti.errors import ServerGone
from palaestra_worlds.luanti.names import tasks_not_here
from palaestra_worlds.luanti.world import LuantiTask, LuantiWorld
from palaestra_worlds.overworld.task_lists import deps_tasks
from palaestra_worlds.overworld.tasks import ItemStack
from palaestra_worlds.structured import StructuredAction

# The game's clock goes on by itself, and its trees stand elsewhere each time.
pytestmark = pytest.mark.slow


def test_knowledge_is_the_games_own(world: LuantiWorld) -> None:
    known = world.knowledge()
    assert "takes 3 oak_planks" in known.recipe_text("wooden_pickaxe")
    # This game crafts everything by hand, smelts over wood, and digs iron with a pickaxe of stone.
    assert "crafting_table" not in known.items
    plan = known.plan("iron_ingot", 1, {})
    assert [step.object for step in plan].index("stone_pickaxe") < [step.object for step in plan].index("iron_ore")
    assert plan[-1].how == "smelt"
    assert known.check_plan(plan, {}, {"iron_ingot": 1}) is None


def test_tasks_that_the_game_lacks_are_named(world: LuantiWorld) -> None:
    lacking = tasks_not_here(deps_tasks(), world.knowledge().items)
    assert {"crafting_table", "cooked_beef", "diamond"} <= set(lacking)
    assert not {"stick", "furnace", "iron_pickaxe"} & set(lacking)


def test_feedback_says_what_is_wrong_with_an_action(world: LuantiWorld) -> None:
    player = world.player(0)
    wrong = (
        (StructuredAction(name="craft", object="wooden_pikaxe"), "unknown_item", "wooden_pickaxe"),
        (StructuredAction(name="craft", object="furnace"), "missing_material", "8 "),
        (StructuredAction(name="smelt", object="glass"), "missing_material", "sand"),
        (StructuredAction(name="craft", object="dirt"), "impossible", "can't be crafted"),
        (StructuredAction(name="attack", object="cow"), "impossible", "no animals"),
        (StructuredAction(name="mine", object="coal", tool="wooden_pickaxe"), "missing_tool", "wooden_pickaxe"),
    )
    for action, kind, words in wrong:
        feedback = player.perform(action)
        assert (feedback.success, feedback.failure) == (False, kind), feedback.message
        assert words in feedback.message


def test_a_block_is_broken_and_put_down_again(world: LuantiWorld) -> None:
    player = world.player(0)
    feedback = player.perform(StructuredAction(name="mine", object="dirt"))
    assert feedback.success, feedback.message
    had = feedback.status.inventory["dirt"]
    assert had >= 1
    feedback = player.perform(StructuredAction(name="place", object="dirt"))
    assert feedback.success, feedback.message
    assert feedback.status.inventory.get("dirt", 0) == had - 1


def test_the_body_stands_on_the_ground_and_does_not_walk_through_walls(world: LuantiWorld) -> None:
    observations, _ = world.reset(seed=2)
    assert observations in world.observation_space
    names = list(world.action_names)
    game = world.player(0)
    for _ in range(4):
        before = world.observe()["status"][0, :3]
        after, *_ = world.step(np.array([names.index("forward")]))
        moved = after["status"][0, :2] - before[:2]
        assert np.abs(moved).sum() <= 1
    assert game.status().health == 20


def test_what_the_game_has_not_is_no_goal_and_nothing_to_start_with(world: LuantiWorld) -> None:
    for task in (
        LuantiTask(goal=ItemStack(item="ender_pearl")),
        LuantiTask(inventory=(ItemStack(item="crossbow"),)),
    ):
        world.assign([task])
        with pytest.raises(TaskError, match="the game in the server has no"):
            world.reset(seed=2)
    assert world.player(0).status().health == 20


def test_a_server_that_is_killed_is_named_and_reset_begins_anew(world: LuantiWorld) -> None:
    server = world.server()
    server.kill()
    with pytest.raises(ServerGone, match="ended with code -9; reset begins anew"):
        world.player(0).perform(StructuredAction(name="mine", object="dirt", count=64))
    world.reset(seed=2)
    assert world.player(0).status().health == 20
