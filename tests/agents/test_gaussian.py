"""Continuous actions: their distribution against torch's, and that PPO learns with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import torch
from gymnasium.spaces import Box, MultiBinary
from gymnasium.vector.utils import batch_space
from palaestra_agents.distributions import action_distribution
from palaestra_agents.gaussian import FIRST_LOG_DEVIATION
from palaestra_agents.ppo import PPO

SPACE = Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))


def test_probabilities_and_entropies_are_torchs_in_the_actions_own_units() -> None:
    distribution = action_distribution(SPACE)
    generator = torch.Generator().manual_seed(0)
    parameters = torch.randn(7, 4, generator=generator)
    half, middle = torch.tensor([2.0, 0.5]), torch.tensor([0.0, 0.5])
    means = middle + half * parameters[:, :2]
    deviations = half * (parameters[:, 2:] + FIRST_LOG_DEVIATION).exp()
    reference = torch.distributions.Normal(means, deviations)
    actions = distribution.sample(parameters, distribution.noise(1, 7, generator)[0])
    log_prob, entropy = distribution.log_prob_and_entropy(parameters, actions)
    torch.testing.assert_close(log_prob, reference.log_prob(actions).sum(dim=1))
    torch.testing.assert_close(entropy, reference.entropy().sum(dim=1))
    torch.testing.assert_close(distribution.mode(parameters), means)


def test_samples_spread_as_they_should() -> None:
    distribution = action_distribution(SPACE)
    noise = distribution.noise(1, 20_000, torch.Generator().manual_seed(0))[0]
    actions = distribution.sample(torch.zeros(20_000, 4), noise)
    torch.testing.assert_close(actions.mean(dim=0), torch.tensor([0.0, 0.5]), atol=0.03, rtol=0)
    expected = torch.tensor([2.0, 0.5]) * np.exp(FIRST_LOG_DEVIATION)
    torch.testing.assert_close(actions.std(dim=0), expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("space", [Box(-np.inf, np.inf, (2,)), Box(0, 1, (2, 2)), MultiBinary(3)])
def test_actions_that_cannot_be_chosen_are_named(space: Any) -> None:
    with pytest.raises(ValueError, match="and this world's"):
        action_distribution(space)


def test_ppo_learns_continuous_actions(toy_world: Any, interface: Any) -> None:
    class Aiming(toy_world):
        """The cue is a third of the action's range, to be aimed at."""

        def __init__(self, num_envs: int) -> None:
            super().__init__(num_envs)
            self.single_action_space = Box(-1.0, 1.0, (1,), np.float32)
            self.action_space = batch_space(self.single_action_space, num_envs)

        def step(self, actions: Any) -> Any:
            thirds = np.clip(np.floor((np.asarray(actions)[:, 0] + 1) * 1.5), 0, 2)
            return super().step(thirds.astype(np.int64))

    world = Aiming(32)
    world.reset(seed=0)
    agent = PPO(PPO.Config(rollout_length=16, minibatch_size=128, learning_rate=3e-3), interface(world), seed=0)
    returns: list[float] = []
    for _ in range(25):
        agent.train_iteration(world, 0.0, lambda episodes: returns.extend(episodes["return"].tolist()))
    assert np.mean(returns[:256]) < 0.5
    assert np.mean(returns[-1024:]) > 0.8
    observations = world.observe()
    chosen = agent.act(observations, None, greedy=True).actions.numpy()
    np.testing.assert_array_equal(np.clip(np.floor((chosen[:, 0] + 1) * 1.5), 0, 2), world.cue)


def test_ppo_trains_on_the_robot_dog(interface: Any) -> None:
    world = palaestra_worlds.make("Quadruped", num_envs=4, fidelity="planning", max_steps=10, copy_observations=False)
    world.reset(seed=0)
    agent = PPO(PPO.Config(rollout_length=20, minibatch_size=40), interface(world), seed=0)
    returns: list[float] = []
    metrics = agent.train_iteration(world, 0.0, lambda episodes: returns.extend(episodes["return"].tolist()))
    assert metrics["steps"] == 80
    assert len(returns) == 8
    assert all(0 < each < 10 for each in returns)
    assert np.isfinite(list(metrics.values())).all()
