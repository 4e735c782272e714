"""The networks that are written out by hand are those of modules: same outputs, same gradients, same learning."""

from __future__ import annotations

from typing import Any

import palaestra_worlds
import pytest
import torch
from palaestra_agents.base import AgentInterface
from palaestra_agents.ppo import PPO
from palaestra_worlds.base import World

NETWORKS: list[dict[str, Any]] = [
    {"hidden": (32, 16)},
    {"hidden": (24,)},
    {"hidden": (16, 24, 8), "separate": False},
    {"kind": "convolutional", "channels": (8, 16, 12), "hidden": 24},
    {"kind": "convolutional", "channels": (8,), "hidden": 16, "activation": "tanh"},
]


def make(world: World, network: dict[str, Any], fused: bool, **config: Any) -> PPO:
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    settings = {"network": {"kind": "mlp"} | network, "rollout_length": 16, "minibatch_size": 64} | config
    agent = PPO(PPO.Config.model_validate(settings), interface, seed=0)
    assert agent.policy.fused is not None
    if not fused:
        agent.policy.fused = None
    return agent


def world_of(**settings: Any) -> World:
    world = palaestra_worlds.make("MiniGrid-DoorKey-6x6-v0", num_envs=8, **settings)
    world.reset(seed=0)
    return world


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("config", [{}, {"ignore": ("direction",)}, {"intrinsic": "rnd", "mission": "hashed"}])
def test_outputs_and_gradients(network: dict[str, Any], config: dict[str, Any]) -> None:
    world = world_of()
    found = []
    for fused in (True, False):
        agent = make(world, network, fused, **config)
        flat = agent.updater.flat
        with torch.no_grad():
            flat += 0.1 * torch.randn(flat.shape, generator=torch.Generator().manual_seed(1))  # no bias is zero
        encoded = agent.encoder.encode(world.observe())
        rows = torch.tensor([3, 1, 1, 7, 0])
        parameters, values = agent.policy(encoded, rows)
        weights = torch.Generator().manual_seed(2)
        total = sum((part * torch.randn(part.shape, generator=weights)).sum() for part in (parameters, values))
        assert isinstance(total, torch.Tensor)
        total.backward()
        assert flat.grad is not None
        with torch.no_grad():
            acting = agent.policy(encoded, None)
        found.append([parameters, values, *acting, flat.grad])
    for ours, modules in zip(*found, strict=True):
        torch.testing.assert_close(ours, modules, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_learning(network: dict[str, Any]) -> None:
    weights = []
    for fused in (True, False):
        world = world_of()
        agent = make(world, network, fused)
        agent.train_iteration(world, 0.0)
        weights.append(agent.updater.flat.detach())
    torch.testing.assert_close(*weights, atol=1e-4, rtol=1e-3)


def test_other_networks_keep_to_their_modules() -> None:
    world = world_of()
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    elu = {"kind": "convolutional", "activation": "elu"}
    for config in ({"network": elu}, {"network": {"kind": "mlp", "activation": "relu"}}, {"memory": "gru"}):
        assert PPO(PPO.Config.model_validate(config), interface).policy.fused is None
