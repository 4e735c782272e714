"""The networks that are written out by hand are those of modules: same outputs, same gradients, same learning."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import torch
from palaestra_agents.base import AgentInterface
from palaestra_agents.fused_convolution import window_runs
from palaestra_agents.layers import convolution_patches
from palaestra_agents.ppo import PPO
from palaestra_worlds.base import World

NETWORKS: list[dict[str, Any]] = [
    {"hidden": (32, 16)},
    {"hidden": (24,)},
    {"hidden": (16, 24, 8), "separate": False, "activation": "relu"},
    {"kind": "convolutional", "channels": (8, 16, 12), "hidden": 24},
    {"kind": "convolutional", "channels": (8,), "hidden": 16, "activation": "tanh"},
    {"kind": "convolutional", "channels": (8, 6), "strides": (1, 2), "hidden": 16},
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
    for config in ({"network": elu}, {"network": {"kind": "mlp", "activation": "elu"}}, {"memory": "gru"}):
        assert PPO(PPO.Config.model_validate(config), interface).policy.fused is None


def test_windows_are_runs_of_the_places_inside() -> None:
    patches = convolution_patches(5, 4)
    for cells, runs in zip(patches, window_runs(patches, 2, 3), strict=True):
        inside = np.flatnonzero(cells >= 0)
        columns = np.concatenate([np.arange(run.weights.start, run.weights.stop) for run in runs])
        inputs = np.concatenate([np.arange(run.inputs.start, run.inputs.stop) for run in runs])
        np.testing.assert_array_equal(columns, (2 * inside[:, None] + np.arange(2)).ravel())
        np.testing.assert_array_equal(inputs, (2 * cells[inside][:, None] + np.arange(2)).ravel())


@pytest.mark.parametrize("network", [NETWORKS[0], NETWORKS[3]])
def test_memory_is_used_again_only_after_the_gradient(network: dict[str, Any]) -> None:
    world = world_of()
    agent = make(world, network, True)
    encoded = agent.encoder.encode(world.observe())
    flat = agent.updater.flat
    rows = [torch.tensor([0, 1, 2]), torch.tensor([5, 4, 7])]

    def gradients_of(parts: list[torch.Tensor]) -> list[torch.Tensor]:
        return [torch.autograd.grad(part, flat)[0] for part in parts]

    apart = [gradients_of([agent.policy(encoded, some)[1].sum()])[0] for some in rows]
    values = [agent.policy(encoded, some)[1].sum() for some in rows]
    with torch.no_grad():
        agent.policy(encoded, rows[1])
    for found, wanted in zip(gradients_of(values), apart, strict=True):
        torch.testing.assert_close(found, wanted)


def test_going_back_twice_is_refused() -> None:
    world = world_of()
    agent = make(world, NETWORKS[3], True)
    total = agent.policy(agent.encoder.encode(world.observe()), None)[1].sum()
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="only once"):
        total.backward()
