"""Skills to be learned: short attempts near a goal, and policies in the place of scripted controllers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from numpy.typing import NDArray
from palaestra.testing import test_worlds as contracts
from palaestra.testing.cases import WorldCase
from palaestra_worlds.base import TaskError
from palaestra_worlds.overworld.skills.attempt import Attempt
from palaestra_worlds.overworld.skills.goals import GOALS, SKILLS, TICKS, Skill, goal_named
from palaestra_worlds.overworld.skills.state import WANTED
from palaestra_worlds.overworld.skills.tasks import SKILL_ACTIONS, SkillTask
from palaestra_worlds.overworld.state import CLOCK, PITCH, X, Y, Z
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask
from palaestra_worlds.structured import StructuredAction
from pydantic import ValidationError

HAS_MEMORY = 11
"""In the part `own`: whether a goal is remembered."""
ACTION = {name: number for number, name in enumerate(SKILL_ACTIONS)}
CONTRACTS = (
    contracts.test_spaces_hold_what_is_returned,
    contracts.test_same_seed_same_episodes_and_something_happens_in_them,
    contracts.test_environment_i_begins_with_seed_plus_i,
    contracts.test_a_mask_resets_only_where_it_holds,
    contracts.test_snapshot_goes_back_exactly_with_streams_and_tasks,
    contracts.test_what_is_no_snapshot_of_it_is_refused,
    contracts.test_observe_repeats_the_last_observation,
    contracts.test_steps_share_no_memory,
)


def world_of(skill: Skill, num_envs: int = 1, **settings: Any) -> Any:
    return palaestra_worlds.make("Overworld", num_envs=num_envs, skill=skill, **settings)


def begun(skill: Skill, tasks: list[SkillTask], **settings: Any) -> tuple[Any, dict[str, NDArray[Any]]]:
    world = world_of(skill, len(tasks), **settings)
    world.assign(tasks)
    observations, _ = world.reset(seed=0)
    return world, observations


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_a_world_with_a_skill_keeps_the_contracts_of_worlds(contract: Callable[[WorldCase], None]) -> None:
    contract(WorldCase("Overworld", {"skill": "mine", "episodes_here": 2}))


@pytest.mark.parametrize("skill", ["mine", "approach"])
def test_an_attempt_begins_so_far_from_a_goal_as_its_task_says(skill: Skill) -> None:
    tasks = [SkillTask(level_seed=s, target=GOALS[s % len(GOALS)], nearest=4, farthest=9) for s in range(14)]
    world, observations = begun(skill, tasks)
    levels = world.state()
    for i, task in enumerate(tasks):
        assert observations["goal"][i].tolist() == [name == task.target for name in GOALS]
        assert task.target is not None
        x, z, y = (int(levels.status[i, column]) for column in (X, Z, Y))
        wanted = goal_named(task.target).blocks
        near = levels.blocks[i, max(0, x - 10) : x + 11, max(0, z - 10) : z + 11, max(0, y - 10) : y + 11]
        assert wanted[near].any(), "no goal lies within the farthest distance"


def test_what_is_to_be_explored_is_not_in_sight_at_first() -> None:
    _, observations = begun("explore", [SkillTask(level_seed=s, target="coal_ore") for s in range(8)])
    assert not observations["own"][:, HAS_MEMORY].any()


def test_mining_pays_and_ends_the_attempt() -> None:
    world, _ = begun("mine", [SkillTask(level_seed=3, target="dirt", nearest=1, farthest=1)])
    levels = world.state()
    x, z, y = (int(levels.status[0, column]) for column in (X, Z, Y))
    levels.blocks[0, x, z, y - 1] = numbers().block["dirt"]
    levels.status[0, PITCH] = 0
    total, ended = 0.0, False
    for _ in range(5):
        _, rewards, terminated, _, infos = world.step(np.array([ACTION["attack"]]))
        total += rewards[0]
        if terminated[0]:
            ended = True
            break
    assert ended
    assert infos["episode"]["success"][0]
    assert total == infos["episode"]["return"][0] > 1
    assert infos["episode"]["ticks"][0] <= 20


def test_an_attempt_ends_when_its_time_is_up() -> None:
    world, _ = begun("approach", [SkillTask(level_seed=1, target="diamond_ore", nearest=12, farthest=16, ticks=7)])
    for step in range(7):
        _, _, terminated, truncated, infos = world.step(np.array([ACTION["look up"]]))
        assert not terminated[0]
        assert truncated[0] == (step == 6)
    assert not infos["episode"]["success"][0]


def test_land_is_used_for_several_attempts_and_stays_as_it_was_left() -> None:
    world = world_of("approach", episodes_here=2, max_steps=3)
    world.reset(seed=0)
    lands = []
    for _ in range(4):
        lands.append(world.state().surface[0].copy())
        while "episode" not in world.step(np.array([ACTION["look up"]]))[-1]:
            pass
    same = [bool((a == b).all()) for a, b in pairwise(lands)]
    assert same == [True, False, True]


@pytest.mark.parametrize(
    "fields", [{"target": "elytra"}, {"count": 0}, {"nearest": 9, "farthest": 3}, {"ticks": 10**9}]
)
def test_tasks_beyond_their_bounds_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SkillTask(**fields)


def test_tasks_of_the_whole_game_are_refused() -> None:
    with pytest.raises(TaskError, match="takes SkillTask, not OverworldTask"):
        world_of("mine").assign([OverworldTask()])


@pytest.mark.parametrize("settings", [{"mobs": "all"}, {"lidar": 8}, {"cells": "ids"}])
def test_settings_of_the_whole_game_do_not_go_with_a_skill(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"with a skill, {next(iter(settings))} stays"):
        world_of("mine", **settings)


# ------------------------------------------------------------------------------------------------ in the game


def whole_game(inventory: tuple[ItemStack, ...] = (), seed: int = 3) -> Any:
    world: Any = palaestra_worlds.make("Overworld")
    world.assign([OverworldTask(level_seed=seed, biome="plains", inventory=inventory)])
    world.reset(seed=0)
    return world


@pytest.mark.parametrize("skill", SKILLS)
def test_an_attempt_in_the_game_observes_what_a_world_of_the_skill_does(skill: Skill) -> None:
    practice, observations = begun(skill, [SkillTask(level_seed=5, target="log")])
    blocks = frozenset(np.flatnonzero(goal_named("log").blocks).tolist())
    attempt = Attempt(practice.state(), 0, skill, GOALS.index("log"), blocks)
    for name, part in attempt.observations().items():
        np.testing.assert_array_equal(part, observations[name], err_msg=name)


class Digs:
    """Looks straight down and digs."""

    def __init__(self) -> None:
        self.begun = 0
        self.saw_goal = False

    def begin(self) -> None:
        self.begun += 1

    def choose(self, observations: Mapping[str, NDArray[Any]]) -> int:
        self.saw_goal |= bool((observations["cells"] == WANTED).any())
        return ACTION["attack"] if observations["own"][0, 0] else ACTION["look down"]


def test_a_policy_takes_the_place_of_the_scripted_controller() -> None:
    player, policy = whole_game().player(0), Digs()
    player.use({"mine": policy})
    feedback = player.perform(StructuredAction(name="mine", object="dirt", count=2))
    assert feedback.success, feedback.message
    assert feedback.status.inventory["dirt"] >= 2
    assert policy.begun == 2
    assert policy.saw_goal


def test_what_a_policy_cannot_do_fails_and_nobody_takes_its_place() -> None:
    world = whole_game()
    player, policy = world.player(0), Digs()
    player.use({"mine": policy})
    unknown = player.perform(StructuredAction(name="mine", object="wheat_seeds"))
    assert unknown.failure == "gave_up"
    assert "knows log, dirt" in unknown.message
    assert policy.begun == 0
    began = int(world.state().status[0, CLOCK])
    tried = player.perform(StructuredAction(name="mine", object="log"))
    assert not tried.success
    assert "oak_log" not in tried.status.inventory
    assert int(world.state().status[0, CLOCK]) - began >= min(TICKS.values()) or tried.failure == "died"


def test_approach_by_a_policy_needs_something_seen() -> None:
    player = whole_game().player(0)
    player.use({"approach": Digs()})
    feedback = player.perform(StructuredAction(name="approach", object="diamond_ore"))
    assert feedback.failure == "not_found"
    assert "explore first" in feedback.message
