"""What an agent must hold, however it learns: `python -m palaestra.testing --agent KIND`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from palaestra_agents.base import ActorOutput, Agent
from palaestra_worlds.base import World

from palaestra.checkpoint import CheckpointHeader, from_bytes, to_bytes
from palaestra.measured import MeasuredWorld
from palaestra.testing.cases import AgentCase
from palaestra.testing.rollouts import part_of

HEADER = CheckpointHeader(world_id="", agent_kind="", arm="", seed=0, iteration=0, step=0, config_hash="")
MOST_ITERATIONS = 8


def leaves(state: Any, path: str = "state") -> dict[str, Any]:
    """Every number, text, array and tensor of a state, by its path."""
    if isinstance(state, dict):
        return {k: v for key, part in state.items() for k, v in leaves(part, f"{path}[{key!r}]").items()}
    if isinstance(state, list | tuple):
        return {k: v for i, part in enumerate(state) for k, v in leaves(part, f"{path}[{i}]").items()}
    return {path: state.detach().cpu().clone().numpy() if isinstance(state, torch.Tensor) else state}


def differences(one: Any, other: Any) -> list[str]:
    """Paths at which two states differ."""
    first, second = leaves(one), leaves(other)
    same = {path for path in first.keys() & second.keys() if np.array_equal(first[path], second[path])}
    return sorted((first.keys() | second.keys()) - same)


def started(case: AgentCase, seed: int = 0) -> tuple[Agent, MeasuredWorld]:
    world = case.make_world()
    world.reset(seed=5)
    return case.make(world, seed), world


def act(agent: Agent, observations: Any, rows: int, seed: int, greedy: bool = False) -> ActorOutput:
    generator = torch.Generator(agent.device).manual_seed(seed)
    return agent.act(observations, agent.initial_state(rows), greedy=greedy, generator=generator)


def test_it_has_everything_that_an_agent_has(agent_case: AgentCase) -> None:
    agent, _ = started(agent_case)
    assert isinstance(agent.device, torch.device), "`device` must be a torch.device"
    assert isinstance(agent, Agent), f"{type(agent).__name__} lacks something of palaestra_agents.base.Agent"


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("greedy", [False, True])
def test_it_acts_in_any_number_of_environments(agent_case: AgentCase, rows: int, greedy: bool) -> None:
    agent, _ = started(agent_case)
    world = agent_case.make_world(rows)
    observations, _ = world.reset(seed=0)
    output = act(agent, observations, rows, seed=1, greedy=greedy)
    assert len(output.actions) == rows, "`actions` must have one row for each environment"
    for action in output.actions.cpu().numpy():
        assert action in world.single_action_space, f"{action} is not in the world's action space"
    assert output.log_probs.shape == (rows,), "`log_probs` must be of shape (environments,)"
    assert output.values.shape[0] == rows, "`values` must be of shape (environments, value heads)"
    assert output.values.ndim == 2, "`values` must be of shape (environments, value heads)"
    assert torch.isfinite(output.log_probs).all(), "a log-probability is not finite"
    assert torch.isfinite(output.values).all(), "a value is not finite"
    world.step(output.actions.cpu().numpy())


def test_acting_draws_from_the_generator_that_it_is_given_and_changes_nothing(agent_case: AgentCase) -> None:
    agent, world = started(agent_case)
    observations = world.observe()
    before, everyones = agent.state_dict(), torch.get_rng_state()
    first, again = (act(agent, observations, world.num_envs, seed=1).actions for _ in range(2))
    assert torch.equal(first, again), "the same generator must give the same actions: draw from `generator`"
    greedy = [act(agent, observations, world.num_envs, seed, greedy=True).actions for seed in (1, 1)]
    assert torch.equal(*greedy), "greedy actions must be the same each time"
    assert torch.equal(torch.get_rng_state(), everyones), "act draws from torch's global generator, not the one given"
    changed = differences(before, agent.state_dict())
    assert not changed, f"acting with a generator given changed the agent: {changed[:3]}"


def test_learning_steps_the_world_changes_the_agent_and_stays_finite(agent_case: AgentCase) -> None:
    agent, world = started(agent_case)
    state = agent.state_dict()
    before = leaves(state)
    metrics = agent.train_iteration(world, progress=0.0)
    assert world.steps > 0, "train_iteration must step the world"
    wrong = {name: value for name, value in metrics.items() if not math.isfinite(float(value))}
    assert not wrong, f"metrics that are not finite: {wrong}"
    after = leaves(agent.state_dict())
    assert differences(before, after), "train_iteration changed nothing of state_dict()"
    assert not differences(before, leaves(state)), "state_dict() must give copies: learning changed an earlier one"
    for path, value in after.items():
        array = np.asarray(value)
        assert array.dtype.kind != "f" or np.isfinite(array).all(), f"{path} is not finite"


def test_the_same_seed_gives_the_same_agent(agent_case: AgentCase) -> None:
    states = []
    for _ in range(2):
        agent, world = started(agent_case, seed=3)
        agent.train_iteration(world, progress=0.0)
        states.append(agent.state_dict())
    assert not differences(*states), f"same seed, another agent: {differences(*states)[:3]}"


def test_a_saved_agent_goes_on_exactly(agent_case: AgentCase) -> None:
    agent, world = started(agent_case)
    agent.train_iteration(world, progress=0.0)
    try:
        data = to_bytes(HEADER, agent.state_dict())
    except (TypeError, ValueError) as error:
        pytest.fail(f"state_dict() cannot be kept in a checkpoint: {error}")
    saved, snapshot = from_bytes(data, "state_dict()")[1], world.snapshot()
    agent.train_iteration(world, progress=0.5)
    other, again = started(agent_case, seed=9)
    other.train_iteration(again, progress=0.0)
    other.load_state_dict(saved)
    again.restore(snapshot)
    other.train_iteration(again, progress=0.5)
    changed = differences(agent.state_dict(), other.state_dict())
    assert not changed, f"after load_state_dict, training goes on differently: {changed[:3]}"
    observations = world.observe()
    actions = [act(one, observations, world.num_envs, seed=2).actions for one in (agent, other)]
    assert torch.equal(*actions), "after load_state_dict, it acts differently"


def test_the_state_of_something_else_is_refused(agent_case: AgentCase) -> None:
    agent, _ = started(agent_case)
    before = leaves(agent.state_dict())
    with pytest.raises(ValueError, match=r"\w"):
        agent.load_state_dict({"kind": "of another agent"})
    assert not differences(before, leaves(agent.state_dict())), "a refused state changed the agent"


def test_it_tells_of_the_episodes_that_ended(agent_case: AgentCase) -> None:
    class Ending(MeasuredWorld):
        """Counts the ends."""

        ends = 0

        def step(self, actions: Any) -> Any:
            step = super().step(actions)
            self.ends += int((step[2] | step[3]).sum())
            return step

    agent, inner = started(agent_case)
    world: World = Ending(inner)
    told: list[dict[str, Any]] = []
    for k in range(MOST_ITERATIONS):
        agent.train_iteration(world, k / MOST_ITERATIONS, told.append)
        if world.ends:
            break
    assert sum(len(episodes["return"]) for episodes in told) == world.ends, (
        'on_episodes must be called with the rows of infos["episode"] where infos["_episode"] holds'
    )
    assert part_of(told[0], 0) if told else True
