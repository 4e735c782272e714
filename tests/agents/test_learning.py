"""Real tasks, learned within a stated budget and judged on held-out levels, whatever the seed."""

from __future__ import annotations

from typing import Any

import palaestra_worlds
import pytest
from palaestra.evaluation import held_out_tasks, play
from palaestra_agents.base import AgentInterface
from palaestra_agents.ppo import PPO

EPISODES = 128


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("id", "budget"), [("MiniGrid-Empty-8x8-v0", 40_000), ("MiniGrid-DoorKey-5x5-v0", 60_000)])
def test_learns(id: str, budget: int, seed: int) -> None:
    world = palaestra_worlds.make(id, num_envs=16, copy_observations=False)
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    agent: Any = PPO(PPO.Config(minibatch_size=256), interface, seed=seed)
    world.reset(seed=seed)
    while agent.steps < budget:
        agent.train_iteration(world, progress=agent.steps / budget)
    judge = palaestra_worlds.make(id, num_envs=EPISODES)
    result = play(agent, judge, held_out_tasks(judge, EPISODES))
    assert result.success >= 0.95
    assert result.return_mean >= 0.9
