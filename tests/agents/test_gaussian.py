"""Continuous actions: their distribution against torch's, and that PPO learns with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import torch
from gymnasium.spaces import Box, MultiBinary
from gymnasium.vector.utils import batch_space
from palaestra_agents.config import ContinuousConfig
from palaestra_agents.distributions import action_distribution
from palaestra_agents.ppo import PPO

SPACE = Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))


def _distribution(**settings: Any) -> Any:
    return action_distribution(SPACE, ContinuousConfig(most_deviation=10.0, **settings))


def _reference(parameters: torch.Tensor, squashed: bool) -> torch.distributions.Distribution:
    """The same, of torch's parts, in the actions' own units."""
    from torch.distributions.transforms import AffineTransform, TanhTransform

    scale = AffineTransform(torch.tensor([0.0, 0.5]), torch.tensor([2.0, 0.5]))
    base = torch.distributions.Normal(parameters[:, :2], parameters[:, 2:].exp())
    return torch.distributions.TransformedDistribution(base, [TanhTransform(cache_size=1)] * squashed + [scale])


@pytest.mark.parametrize("bounds", ["clipped", "squashed"])
def test_probabilities_are_torchs_in_the_actions_own_units(bounds: str) -> None:
    distribution = _distribution(bounds=bounds)
    generator = torch.Generator().manual_seed(0)
    parameters = 0.5 * torch.randn(7, 4, generator=generator)
    drawn = distribution.sample(parameters, distribution.noise(1, 7, generator)[0])
    reference = _reference(parameters, bounds == "squashed")
    taken = distribution.to_world(drawn) if bounds == "squashed" else reference.transforms[0](drawn)
    log_prob = distribution.log_prob(parameters, drawn)
    torch.testing.assert_close(log_prob, reference.log_prob(taken).sum(dim=1), atol=1e-4, rtol=1e-4)


def test_entropies_are_torchs_where_it_has_them_and_those_of_many_draws_where_it_has_none() -> None:
    generator = torch.Generator().manual_seed(0)
    parameters = 0.5 * torch.randn(5, 4, generator=generator)
    actions = torch.zeros(5, 2)
    scaled = torch.distributions.Normal(parameters[:, :2], torch.tensor([2.0, 0.5]) * parameters[:, 2:].exp())
    entropy = _distribution().log_prob_and_entropy(parameters, actions)[1]
    torch.testing.assert_close(entropy, scaled.entropy().sum(dim=1))
    squashed = _distribution(bounds="squashed")
    many = parameters.repeat_interleave(40_000, dim=0)
    draws = squashed.sample(many, squashed.noise(1, len(many), generator)[0])
    expected = -squashed.log_prob(many, draws).view(5, -1).mean(dim=1)
    torch.testing.assert_close(squashed.log_prob_and_entropy(parameters, actions)[1], expected, atol=0.03, rtol=0)


@pytest.mark.parametrize("bounds", ["clipped", "squashed"])
def test_the_world_gets_actions_within_its_bounds(bounds: str) -> None:
    distribution = _distribution(bounds=bounds)
    drawn = 3 * distribution.noise(1, 1000, torch.Generator().manual_seed(0))[0]
    taken = distribution.to_world(drawn).numpy()
    assert (taken >= SPACE.low).all()
    assert (taken <= SPACE.high).all()
    assert (taken.max(axis=0) > SPACE.low + 0.95 * (SPACE.high - SPACE.low)).all()
    torch.testing.assert_close(distribution.to_world(torch.zeros(1, 2)), torch.tensor([[0.0, 0.5]]))


def test_deviations_that_depend_on_what_is_seen_begin_as_those_that_do_not() -> None:
    free, dependent = (_distribution(deviation=kind, initial_deviation=0.3) for kind in ("free", "state"))
    noise = free.noise(1, 20_000, torch.Generator().manual_seed(0))[0]
    first = torch.tensor(free.free_parameters).expand(20_000, -1)
    for draws in (
        free.sample(torch.cat([torch.zeros(20_000, 2), first], dim=1), noise),
        dependent.sample(torch.zeros(20_000, 4), noise),
    ):
        torch.testing.assert_close(draws.std(dim=0), torch.full((2,), 0.3), atol=0.01, rtol=0)
    assert dependent.free_parameters == ()


@pytest.mark.parametrize("space", [Box(-np.inf, np.inf, (2,)), Box(0, 1, (2, 2)), MultiBinary(3)])
def test_actions_that_cannot_be_chosen_are_named(space: Any) -> None:
    with pytest.raises(ValueError, match="and this world's"):
        action_distribution(space)


@pytest.mark.parametrize("continuous", [{}, {"bounds": "squashed", "deviation": "state"}])
def test_ppo_learns_continuous_actions(toy_world: Any, interface: Any, continuous: dict[str, Any]) -> None:
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
    config = PPO.Config(
        rollout_length=16, minibatch_size=128, learning_rate=3e-3, continuous=ContinuousConfig(**continuous)
    )
    agent = PPO(config, interface(world), seed=0)
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
