"""Builds what an arm's settings describe: its worlds, its agent, its teacher."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_agents.base import Agent, AgentInterface
from palaestra_agents.groups import ALONE, Group
from palaestra_teachers.base import LanguageModel, Ledger, Teacher
from palaestra_teachers.llm.budget import MemoryMeter, Meter
from palaestra_worlds.base import World
from palaestra_worlds.registry import AGENTS, TEACHERS

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec

# Uses that a trial's seed is put to; each has random numbers of its own.
FOR_AGENT, FOR_WORLD = range(2)


def trial_seed(seed: int, use: int) -> int:
    """A 31-bit seed, unrelated for other trials and uses."""
    return int(np.random.SeedSequence((seed, use)).generate_state(1, np.uint32)[0] >> 1)


def world_seeds(seed: int, num_envs: int) -> list[int]:
    """The seeds that a trial's training environments begin with: 31 bits, unrelated between trials."""
    state = np.random.SeedSequence((seed, FOR_WORLD)).generate_state(num_envs, np.uint32)
    return [int(number >> 1) for number in state]


def make_world(arm: ArmSpec, num_envs: int | None = None, **changed: Any) -> World:
    """The arm's world; `num_envs` and further keywords replace what the arm says.

    Raises:
        ValueError: there is no such world, or its settings do not fit.
    """
    settings = {**arm.world.settings, **changed}
    return palaestra_worlds.make(arm.world.id, num_envs or arm.world.num_envs, **settings)


def make_agent(arm: ArmSpec, world: World, seed: int = 0, group: Group = ALONE) -> Agent:
    """A new agent; `world` gives the spaces, and may have another number of environments than the arm's, which the
    processes of a group share.

    Raises:
        ValueError: there is no such kind of agent, or it does not fit the world.
    """
    interface = AgentInterface(
        observation_space=world.single_observation_space,
        action_space=world.single_action_space,
        num_envs=arm.world.num_envs,
        subgoal_embeddings=_subgoal_embeddings(arm, world),
        group=group,
    )
    kind = AGENTS.load(arm.agent.kind)
    return kind(arm.agent.config, interface, seed=trial_seed(seed, FOR_AGENT))


def _subgoal_embeddings(arm: ArmSpec, world: World) -> NDArray[np.float32] | None:
    if not world.subgoal_phrases:
        return None
    from palaestra_teachers.subgoals.embeddings import embed

    return embed(world.subgoal_phrases, arm.teacher.config if arm.teacher else None)


def make_teacher(
    arm: ArmSpec,
    world: World,
    ledger: Ledger,
    around: Callable[[LanguageModel], LanguageModel] = lambda model: model,
    meter: Callable[[str], Meter] = lambda place: MemoryMeter(),
) -> Teacher:
    """A new teacher with its language model.

    Args:
        arm: one that has a teacher.
        world: a small one, which the teacher may reset to any level.
        ledger: keeps every call.
        around: wraps every model that makes calls, e.g. to count them; see `build_model`.
        meter: counts for budgets among the model's settings; see `build_model`.

    Raises:
        ValueError: there is no such teacher or model, or it does not fit the world.
    """
    from palaestra_teachers.llm.build import build_model

    assert arm.teacher is not None
    kind = TEACHERS.load(arm.teacher.kind)
    return kind(arm.teacher.config, build_model(arm.teacher.model, around, meter), world, ledger)


def settings_when_taught(arm: ArmSpec) -> dict[str, Any] | None:
    """World settings with which an evaluation shows every lesson; None where the agent never sees any."""
    if arm.world.settings.get("subgoals") is None:
        return None
    return {"subgoal_dropout": 0.0}
