"""PPO as a whole: what it can learn, that it is deterministic, and that a saved agent goes on exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from palaestra_agents.base import Agent, AgentInterface
from palaestra_agents.ppo import PPO, choose_device
from palaestra_worlds.base import World

CHANCE = 1 / 3
SMALL = {"network": {"kind": "mlp", "hidden": (32,)}, "rollout_length": 16, "minibatch_size": 256}
KINDS = {
    "plain": {},
    "gru": {"memory": {"kind": "gru", "size": 16, "steps": 8}},
    "normalised": {"network": {"kind": "mlp", "hidden": (16, 8), "normalise": True}},
    "rnd": {"intrinsic": "rnd"},
    "counts": {"intrinsic": "counts"},
    "counts within episodes, gru": {"intrinsic": {"kind": "counts", "within": "episode"}, "memory": "gru"},
}


def make_ppo(world: World, seed: int = 0, **config: Any) -> PPO:
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    if config.get("memory") == "gru":
        config["memory"] = {"kind": "gru", "size": 16, "steps": 16}
    return PPO(PPO.Config.model_validate(SMALL | config), interface, seed=seed)


def train(agent: PPO, world: World, iterations: int) -> dict[str, float]:
    metrics = {}
    for k in range(iterations):
        metrics = agent.train_iteration(world, progress=k / iterations)
    return metrics


def flat_state(state: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of a nested state, by its path."""
    if isinstance(state, dict):
        return {k: v for name, part in state.items() for k, v in flat_state(part, f"{path}/{name}").items()}
    if isinstance(state, list):
        return {k: v for i, part in enumerate(state) for k, v in flat_state(part, f"{path}/{i}").items()}
    return {path: state}


def assert_equal_states(a: PPO, b: PPO) -> None:
    first, second = flat_state(a.state_dict()), flat_state(b.state_dict())
    assert first.keys() == second.keys()
    for path, value in first.items():
        assert np.array_equal(np.asarray(value), np.asarray(second[path])), path


def test_is_an_agent(toy_world: Any) -> None:
    assert isinstance(make_ppo(toy_world(4)), Agent)


@pytest.mark.parametrize("seed", [0, 1])
def test_learns_to_name_a_cue_that_it_sees(toy_world: Any, seed: int) -> None:
    world = toy_world(64)
    world.reset(seed=seed)
    agent = make_ppo(world, seed)
    assert train(agent, world, 25)["train/episode_return"] > 0.95


def test_a_hidden_cue_needs_memory(toy_world: Any) -> None:
    returns = {}
    for memory in ("gru", None):
        world = toy_world(64, length=3)
        world.reset(seed=0)
        returns[memory] = train(make_ppo(world, memory=memory, entropy=0.001), world, 60)["train/episode_return"]
    assert returns["gru"] > 0.95
    assert returns[None] < CHANCE + 0.1


def test_lesson_reward_is_learned_from_and_not_counted_as_return(toy_world: Any) -> None:
    class Taught(toy_world):
        """A teacher praises action 2 in every step; the task pays for naming the cue."""

        def step(self, actions: Any) -> Any:
            observations, rewards, terminated, truncated, infos = super().step(actions)
            infos["lesson_reward"] = (actions == 2).astype(np.float32)
            return observations, 0 * rewards, terminated, truncated, infos

    for coefficient, wanted in ((1.0, 0.9), (0.0, None)):
        world = Taught(64)
        world.reset(seed=0)
        metrics = train(make_ppo(world, lesson_coefficient=coefficient), world, 20)
        if wanted is None:
            assert metrics["train/lesson_reward"] == 0
        else:
            assert metrics["train/lesson_reward"] > wanted


def test_without_a_reward_a_critic_that_starts_at_zero_moves_no_policy(toy_world: Any) -> None:
    class Unpaid(toy_world):
        def step(self, actions: Any) -> Any:
            observations, rewards, terminated, truncated, infos = super().step(actions)
            return observations, 0 * rewards, terminated, truncated, infos

    for gain, moved in ((0.0, False), (1.0, True)):
        world = Unpaid(8)
        world.reset(seed=0)
        agent = make_ppo(world, critic_gain=gain, entropy=0.0)
        before = [parameter.detach().clone() for parameter in agent.policy.parameters()]
        train(agent, world, 3)
        after = agent.policy.parameters()
        assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True)) == moved


@pytest.mark.parametrize("kind", list(KINDS))
def test_same_seed_same_agent_another_seed_another(toy_world: Any, kind: str) -> None:
    agents = []
    for seed in (0, 0, 1):
        world = toy_world(8, length=3)
        world.reset(seed=5)
        agents.append(make_ppo(world, seed, **KINDS[kind]))
        train(agents[-1], world, 3)
    assert_equal_states(agents[0], agents[1])
    with pytest.raises(AssertionError):
        assert_equal_states(agents[0], agents[2])


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_saved_agent_goes_on_bit_for_bit(toy_world: Any, kind: str) -> None:
    world = toy_world(8, length=5)
    world.reset(seed=5)
    agent = make_ppo(world, anneal=True, **KINDS[kind])
    train(agent, world, 2)
    saved, snapshot = agent.state_dict(), world.snapshot()
    train(agent, world, 2)  # also shows that the saved state is no view of the living one

    again = toy_world(8, length=5)
    again.reset(seed=99)
    again.restore(snapshot)
    other = make_ppo(again, seed=77, anneal=True, **KINDS[kind])
    train(other, toy_world(8, length=5), 1)
    other.load_state_dict(saved)
    assert other.steps == 2 * 16 * 8
    train(other, again, 2)
    assert_equal_states(agent, other)


@pytest.mark.parametrize(
    ("mine", "theirs", "says"),
    [
        ({}, {"network": {"kind": "mlp", "hidden": (33,)}}, "another network"),
        ({}, {"memory": "gru"}, "another network"),
        ({"memory": "gru"}, {}, "another network"),
        ({}, {"intrinsic": "rnd"}, "another network"),
        ({"intrinsic": "rnd"}, {"intrinsic": "counts"}, "another intrinsic reward than 'rnd'"),
        ({"intrinsic": "counts"}, {"intrinsic": "rnd"}, "another intrinsic reward than 'counts'"),
        ({"intrinsic": "rnd"}, {"intrinsic": {"kind": "rnd", "embedding": 7}}, "another intrinsic reward than 'rnd'"),
    ],
)
def test_the_state_of_another_agent_is_refused_and_changes_nothing(
    toy_world: Any, mine: Any, theirs: Any, says: str
) -> None:
    agent, untouched = make_ppo(toy_world(8), **mine), make_ppo(toy_world(8), **mine)
    with pytest.raises(ValueError, match=says):
        agent.load_state_dict(make_ppo(toy_world(8), seed=1, **theirs).state_dict())
    assert_equal_states(agent, untouched)


@pytest.mark.parametrize("kind", ["gru", "rnd", "counts"])
def test_what_belongs_to_another_number_of_environments_is_refused(toy_world: Any, kind: str) -> None:
    agent = make_ppo(toy_world(8), **KINDS[kind])
    with pytest.raises(ValueError, match=r"8 environments|another intrinsic reward"):
        agent.load_state_dict(make_ppo(toy_world(4), **KINDS[kind]).state_dict())


def test_a_state_of_something_else_is_refused(toy_world: Any) -> None:
    with pytest.raises(ValueError, match="no state of a PPO agent"):
        make_ppo(toy_world(8)).load_state_dict({"kind": "dqn"})


def test_divergence_is_an_error(toy_world: Any) -> None:
    class Infinite(toy_world):
        def step(self, actions: Any) -> Any:
            observations, rewards, *rest = super().step(actions)
            return (observations, rewards + np.inf, *rest)

    world = Infinite(8)
    world.reset(seed=0)
    with pytest.raises(FloatingPointError, match="learning_rate"):
        make_ppo(world).train_iteration(world, 0.0)


def test_acting_leaves_training_alone(toy_world: Any) -> None:
    agents = []
    for curious in (False, True):
        world = toy_world(8, length=3)
        world.reset(seed=5)
        agent = make_ppo(world, memory="gru")
        for _ in range(3):
            agent.train_iteration(world, 0.0)
            if curious:
                agent.act(world.observe(), agent.initial_state(8), generator=torch.Generator().manual_seed(3))
        agents.append(agent)
    assert_equal_states(*agents)


def test_acting_draws_from_the_given_generator_and_not_from_torch(toy_world: Any) -> None:
    world = toy_world(64)
    observations, _ = world.reset(seed=0)
    agent = make_ppo(world)
    before = torch.get_rng_state()
    first, second, other = (
        agent.act(observations, None, generator=torch.Generator().manual_seed(seed)).actions for seed in (1, 1, 2)
    )
    agent.act(observations, None)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_greedy_takes_the_most_probable_action(toy_world: Any) -> None:
    world = toy_world(64)
    observations, _ = world.reset(seed=0)
    agent = make_ppo(world)
    greedy = agent.act(observations, None, greedy=True)
    drawn = [agent.act(observations, None) for _ in range(30)]
    assert all((greedy.log_probs >= other.log_probs - 1e-6).all() for other in drawn)
    assert greedy.actions.dtype == torch.int64
    assert greedy.values.shape == (64, 1)


def test_metrics_and_episodes_are_reported(toy_world: Any) -> None:
    world = toy_world(8, length=4)
    world.reset(seed=0)
    ended: list[Any] = []
    metrics = make_ppo(world, intrinsic="rnd").train_iteration(world, 0.0, ended.append)
    assert metrics["steps"] == 16 * 8
    assert metrics["train/episodes"] == sum(len(part["return"]) for part in ended) == 4 * 8
    assert metrics["train/episode_length"] == 4
    assert metrics["time/step"] > 0
    assert metrics["time/learn"] > 0
    assert {"loss/policy", "loss/value", "loss/entropy", "loss/kl", "loss/rnd", "train/intrinsic_reward"} <= set(
        metrics
    )


def test_devices() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="torch finds none"):
            choose_device("cuda")


def test_memory_steps_must_divide_the_rollout() -> None:
    with pytest.raises(ValueError, match="must divide rollout_length"):
        PPO.Config.model_validate({"rollout_length": 100, "memory": {"kind": "gru", "steps": 32}})
