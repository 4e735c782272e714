"""What is collected and what is learned from it, against values worked out step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from palaestra_agents.base import AgentInterface
from palaestra_agents.encoding import Encoded
from palaestra_agents.ppo import PPO
from palaestra_agents.rnd import RND
from palaestra_worlds.base import World

STEPS, ENVS = 8, 4
GAMMA, LAMBDA = 0.9, 0.8


def make_ppo(world: World, **config: Any) -> PPO:
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    settings = {"network": {"kind": "mlp", "hidden": (16,)}, "gamma": GAMMA, "gae_lambda": LAMBDA}
    return PPO(PPO.Config.model_validate(settings | {"rollout_length": STEPS} | config), interface, seed=0)


def collected(agent: PPO, world: World) -> tuple[Any, Any]:
    world.reset(seed=0)
    agent.attach(world)
    rollout = agent.collector.collect(world, agent.generator)
    return rollout, agent._prepare(rollout, {})


def by_hand(rollout: Any, final_value: Any) -> np.ndarray[Any, Any]:
    """Advantages (T, N), summed forwards from their definition; `final_value(t, i)` is that of a cut episode's end."""
    values, rewards = rollout.values[..., 0].numpy(), rollout.rewards
    deltas = np.zeros((STEPS, ENVS))
    for t in range(STEPS):
        for i in range(ENVS):
            following = values[t + 1, i]
            if rollout.terminated[t, i]:
                following = 0.0
            elif rollout.truncated[t, i]:
                following = final_value(t, i)
            deltas[t, i] = rewards[t, i] + GAMMA * following - values[t, i]
    result = np.zeros_like(deltas)
    for t in range(STEPS):
        for i in range(ENVS):
            for later in range(t, STEPS):
                result[t, i] += (GAMMA * LAMBDA) ** (later - t) * deltas[later, i]
                if rollout.ended[later, i]:
                    break
    return result


@pytest.mark.parametrize("cut", [True, False])
def test_a_cut_episode_is_worth_the_value_of_its_last_observation_and_a_finished_one_nothing(
    toy_world: Any, cut: bool
) -> None:
    world = toy_world(ENVS, length=3, cut=cut)
    agent = make_ppo(world)
    rollout, batch = collected(agent, world)
    assert rollout.truncated.sum() == (2 * ENVS if cut else 0)
    last = agent.policy.step(Encoded(None, torch.tensor([[0.0, 0.0, 0.0, 1.0]])), None, None)[1].item()
    assert abs(last) > 1e-3
    expected = by_hand(rollout, lambda t, i: last)
    np.testing.assert_allclose(batch.targets[:, 0].view(STEPS, ENVS), expected, atol=1e-5)
    values = rollout.values[:-1, :, 0]
    np.testing.assert_allclose(batch.targets[:, 3].view(STEPS, ENVS), expected + values.numpy(), atol=1e-5)


def test_with_memory_the_last_observation_is_valued_by_what_was_remembered(toy_world: Any) -> None:
    world = toy_world(ENVS, length=3, cut=True)
    agent = make_ppo(world, memory={"kind": "gru", "size": 8, "steps": 4})
    rollout, batch = collected(agent, world)
    finals = np.zeros((STEPS, ENVS))
    last = Encoded(None, torch.tensor([[0.0, 0.0, 0.0, 1.0]] * ENVS))
    state = torch.zeros(ENVS, 8)
    with torch.no_grad():
        for t in range(STEPS):
            _, values, state = agent.policy.step(rollout.observations.rows(t), None, state)
            assert state is not None
            torch.testing.assert_close(values, rollout.values[t])
            finals[t] = agent.policy.step(last, None, state)[1][:, 0]
            if t % 3 == 2:
                state = torch.zeros(ENVS, 8)
    np.testing.assert_allclose(
        batch.targets[:, 0].view(STEPS, ENVS), by_hand(rollout, lambda t, i: finals[t, i]), atol=1e-5
    )


def test_sequences_give_what_acting_gave(toy_world: Any) -> None:
    """Episodes of 3 steps in sequences of 4: they begin and end in the middle."""
    world = toy_world(ENVS, length=3)
    agent = make_ppo(world, memory={"kind": "gru", "size": 8, "steps": 4}, minibatch_size=16)
    rollout, batch = collected(agent, world)
    for rows, state, starts, _ in agent.updater._minibatches(batch, agent.generator):
        assert rows.shape == (4, 4)
        assert state is not None
        assert starts is not None
        parameters, values = agent.policy.sequence(batch.observations, rows, state, starts)
        flat = rows.flatten()
        torch.testing.assert_close(parameters, rollout.parameters.flatten(0, 1)[flat])
        torch.testing.assert_close(values, rollout.values[:-1].flatten(0, 1)[flat])


def test_minibatches_hold_every_step_once(toy_world: Any) -> None:
    for memory in (None, {"kind": "gru", "size": 8, "steps": 4}):
        world = toy_world(ENVS)
        agent = make_ppo(world, memory=memory, minibatch_size=8)
        _, batch = collected(agent, world)
        parts = [rows.flatten() for rows, _, _, _ in agent.updater._minibatches(batch, agent.generator)]
        assert [len(part) for part in parts] == [8] * 4
        assert torch.cat(parts).sort().values.tolist() == list(range(STEPS * ENVS))


def test_rollouts_go_on_where_the_last_one_stopped(toy_world: Any) -> None:
    world = toy_world(ENVS, length=5)
    agent = make_ppo(world)
    rollout, _ = collected(agent, world)
    last = rollout.observations.dense[STEPS].clone()
    assert np.array_equal(last, world.observe())
    rollout = agent.collector.collect(world, agent.generator)
    assert torch.equal(rollout.observations.dense[0], last)


@pytest.mark.parametrize("episodic", [False, True])
def test_intrinsic_returns_run_on_through_episodes_unless_told_otherwise(toy_world: Any, episodic: bool) -> None:
    world = toy_world(ENVS, length=3)
    agent = make_ppo(world, intrinsic={"kind": "rnd", "episodic": episodic, "gamma": 0.7}, gae_lambda=1.0)
    rollout, batch = collected(agent, world)
    ended = torch.from_numpy(rollout.ended)
    assert isinstance(agent.intrinsic, RND)
    rewards = RND(agent.intrinsic.config, agent.encoder, ENVS, agent.device, seed=2).reward(rollout.reached(), ended)
    expected = torch.empty(STEPS, ENVS)
    following = rollout.values[-1, :, 1]
    for t in reversed(range(STEPS)):
        expected[t] = following = rewards[t] + 0.7 * (torch.where(ended[t], 0.0, following) if episodic else following)
    # Columns: advantage, log-probability, two values, two returns.
    torch.testing.assert_close(batch.targets[:, 5].view(STEPS, ENVS), expected)


def test_the_advantages_of_task_and_novelty_are_added_by_weight(toy_world: Any) -> None:
    found = []
    for coefficient in (0.0, 0.5):
        world = toy_world(ENVS, length=3)
        agent = make_ppo(world, intrinsic={"kind": "rnd", "coefficient": coefficient})
        found.append(collected(agent, world)[1].targets)
    task, both = found
    novelty = both[:, 5] - both[:, 3]
    torch.testing.assert_close(both[:, 0], task[:, 0] + 0.5 * novelty)


def test_what_a_step_led_to_is_the_ended_episodes_last_observation(toy_world: Any) -> None:
    world = toy_world(ENVS, length=3, remind=True)
    agent = make_ppo(world, intrinsic="counts")
    rollout, _ = collected(agent, world)
    reached, before = rollout.reached().dense, rollout.observations.dense
    for t in range(STEPS):
        same_cue = torch.equal(reached[t, :, :3], before[t, :, :3])
        assert same_cue  # the cue of the episode in which the step was taken
        assert reached[t, 0, 3] == pytest.approx((t % 3 + 1) / 3)
