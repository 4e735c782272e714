"""Learners on every device that there is: what they learn goes on elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import torch
from palaestra.evaluation import held_out_tasks, play
from palaestra_agents.base import AgentInterface
from palaestra_agents.ppo import PPO

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA"))
DISCRETE = "MiniGrid-DoorKey-5x5-v0"
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": (DISCRETE, {"network": {"kind": "mlp", "hidden": [16]}}),
    "convolutional": (DISCRETE, {"network": "convolutional"}),
    "memory": (
        DISCRETE,
        {"network": {"kind": "mlp", "hidden": [16]}, "memory": {"kind": "gru", "size": 8, "steps": 8}},
    ),
    "rnd": (DISCRETE, {"network": {"kind": "mlp", "hidden": [16]}, "intrinsic": "rnd"}),
    "counts": (DISCRETE, {"network": {"kind": "mlp", "hidden": [16]}, "intrinsic": "counts"}),
    "continuous": ("AGV", {"network": {"kind": "mlp", "hidden": [16]}}),
}


def made(id: str, settings: dict[str, Any], device: str, num_envs: int = 8) -> tuple[Any, Any]:
    world = palaestra_worlds.make(id, num_envs=num_envs, copy_observations=False)
    interface = AgentInterface(world.single_observation_space, world.single_action_space, num_envs)
    config = PPO.Config.model_validate({"rollout_length": 16, "minibatch_size": 64, "device": device} | settings)
    world.reset(seed=0)
    return PPO(config, interface, seed=0), world


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_learned_on_a_device_goes_on_on_the_cpu(kind: str, device: str) -> None:
    id, settings = KINDS[kind]
    agent, world = made(id, settings, device)
    before = {name: value.detach().cpu().clone() for name, value in agent.policy.state_dict().items()}
    for _ in range(2):
        metrics = agent.train_iteration(world, progress=0.0)
    assert all(np.isfinite(value) for value in metrics.values())
    assert {value.device.type for value in agent.policy.state_dict().values()} == {device}
    other, its_world = made(id, settings, "cpu")
    other.load_state_dict(agent.state_dict())
    learned = {name: value.cpu() for name, value in agent.policy.state_dict().items()}
    assert all(torch.equal(value, learned[name]) for name, value in other.policy.state_dict().items())
    assert not all(torch.equal(value, learned[name]) for name, value in before.items())
    other.train_iteration(its_world, progress=0.0)


@pytest.mark.parametrize("kind", ["mlp", "rnd"])
def test_a_checkpoint_of_a_gpu_goes_on_on_the_cpu_the_same_each_time(kind: str) -> None:
    """A GPU's stream of random numbers has another state, of 16 bytes."""
    id, settings = KINDS[kind]
    state = made(id, settings, "cpu")[0].state_dict()
    for part in (state, state["intrinsic"] or {}):
        part |= {name: torch.arange(16, dtype=torch.uint8) for name in part if "generator" in name}
    learned = []
    for _ in range(2):
        agent, world = made(id, settings, "cpu")
        agent.load_state_dict(state)
        agent.train_iteration(world, progress=0.0)
        learned.append(torch.cat([part.flatten() for part in agent.policy.state_dict().values()]))
    assert torch.equal(*learned)


@pytest.mark.parametrize("device", [CUDA])
def test_a_task_is_learned_on_a_gpu(device: str) -> None:
    agent, world = made("MiniGrid-Empty-8x8-v0", {"minibatch_size": 256, "rollout_length": 128}, device, num_envs=16)
    while agent.steps < 40_000:
        agent.train_iteration(world, progress=agent.steps / 40_000)
    judge = palaestra_worlds.make("MiniGrid-Empty-8x8-v0", num_envs=128)
    assert play(agent, judge, held_out_tasks(judge, 128)).success >= 0.95
