"""Milestones in detail: the doors that a plan leads through."""

from __future__ import annotations

import palaestra_worlds
import pytest
from palaestra_worlds.minigrid.solver import solve, with_doorways
from palaestra_worlds.minigrid.state import DOOR, cell_type
from palaestra_worlds.minigrid.tasks import MAX_SUBGOALS
from palaestra_worlds.registry import world_provider


@pytest.mark.parametrize("id", ["MiniGrid-KeyCorridorS6R3-v0", "MiniGrid-MultiRoom-N6-v0", "MiniGrid-DoorKey-8x8-v0"])
def test_a_perfect_player_reaches_all_of_them_in_order(id: str) -> None:
    """Judged by the world: the last subgoal is reached when the plan is carried out, none is skipped."""
    world = palaestra_worlds.make(id, num_envs=1)
    for seed in range(8):
        world.reset(seed=[seed])
        state = world.grid_state(0)  # pyright: ignore[reportAttributeAccessIssue]
        solution = solve(state)
        detailed = with_doorways(state, solution.actions, solution.milestones)
        assert set(solution.milestones) <= set(detailed)
        subgoals = [{"form": "position", "x": m.x, "y": m.y} for m in detailed]
        world.assign([world.task_space.model_validate({"level_seed": seed, "subgoals": subgoals})])
        world.reset(seed=[seed])
        for action in solution.actions:
            infos = world.step([action])[-1]
        assert infos["episode"]["success"][0]
        assert infos["episode"]["lesson_progress"][0] == len(detailed)


def test_every_door_that_is_passed_is_listed() -> None:
    world = palaestra_worlds.make("MiniGrid-KeyCorridorS6R3-v0", num_envs=1)
    for seed in range(8):
        world.reset(seed=[seed])
        state = now = world.grid_state(0)  # pyright: ignore[reportAttributeAccessIssue]
        solution = solve(state)
        passed = set()
        for action in solution.actions:
            now = now.after(action)
            if cell_type(now.at(now.x, now.y)) == DOOR:
                passed.add((now.x, now.y))
        detailed = with_doorways(state, solution.actions, solution.milestones)
        assert passed <= {(m.x, m.y) for m in detailed}
        assert len(detailed) <= MAX_SUBGOALS


def test_the_oracle_gives_them_to_a_prompt_that_asks_for_them() -> None:
    world = palaestra_worlds.make("MiniGrid-KeyCorridorS6R3-v0", num_envs=1)
    world.reset(seed=[0])
    provider = world_provider(world.id)
    plain = provider.oracle(world.describe(0), None)
    detailed = provider.oracle("List every doorway.\n" + world.describe(0), None)
    assert plain is not None
    assert detailed is not None
    assert len(detailed["subgoals"]) > len(plain["subgoals"])
