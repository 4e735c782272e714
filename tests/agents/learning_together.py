"""Started by `torchrun`: agents of several kinds learn in a group, and process 0 has each learn alone as well.

Prints, for each kind, the largest difference between the two agents' states, and between their metrics.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import palaestra_worlds
import torch
from palaestra_agents.base import AgentInterface
from palaestra_agents.groups import ALONE, Group, end_process, started_group
from palaestra_agents.ppo import PPO

ENVS = 8
ITERATIONS = 4
EMPTY = {"id": "MiniGrid-Empty-5x5-v0", "max_steps": 20}
SMALL = {"rollout_length": 16, "minibatch_size": 48, "epochs": 2, "learning_rate": 3e-3, "network": "mlp"}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": (EMPTY, {"entropy": 0.05, "value_clip": 0.2}),
    "convolutional": (EMPTY, {"network": {"kind": "convolutional", "channels": [8, 8], "hidden": 16}}),
    "memory": (EMPTY, {"memory": {"kind": "gru", "size": 8, "steps": 8}}),
    "tiny minibatches": (EMPTY, {"minibatch_size": 2, "epochs": 1, "learning_rate": 3e-4}),
    "stopped early": (EMPTY, {"target_kl": 0.001, "epochs": 4}),
    "rnd": (EMPTY, {"intrinsic": {"kind": "rnd", "minibatch_size": 30, "window": 200}}),
    "counts": (EMPTY, {"intrinsic": "counts"}),
    "counts in episodes": (EMPTY, {"intrinsic": {"kind": "counts", "within": "episode"}}),
    "firsts": (EMPTY, {"intrinsic": {"kind": "firsts", "of": ["direction"]}}),
    "continuous": ({"id": "gymnasium:Pendulum-v1", "max_steps": 20}, {"intrinsic": "rnd"}),
}


def learn(group: Group, world_settings: dict[str, Any], agent_settings: dict[str, Any]) -> tuple[Any, list[Any]]:
    """An agent's state and metrics after some iterations, in which it was saved and restored."""
    settings = dict(world_settings)
    share = group.share(ENVS)
    world = palaestra_worlds.make(settings.pop("id"), share.count, **settings)
    world.reset(seed=[100 + 7 * i for i in range(share.first, share.first + share.count)])
    config = PPO.Config.model_validate(SMALL | agent_settings)
    interface = AgentInterface(world.single_observation_space, world.single_action_space, ENVS, group=group)
    agent = PPO(config, interface, seed=3)
    metrics = [agent.train_iteration(world, 0.1 * k) for k in range(ITERATIONS // 2)]
    state = agent.state_dict()
    agent = PPO(config, interface, seed=4)
    agent.load_state_dict(state)
    metrics += [agent.train_iteration(world, 0.1 * k) for k in range(ITERATIONS // 2)]
    return agent.state_dict(), metrics


def numbers(value: Any, path: str = "") -> dict[str, Any]:
    """Everything in nested dicts and lists that is a number or numbers, by its path."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, part in pairs for k, v in numbers(part, f"{path}.{key}").items()}
    if value is None or isinstance(value, str):
        return {}
    array = value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return {path: array.astype(np.float64) if array.dtype.kind != "u" else array}


def difference(one: Any, other: Any) -> float:
    """The largest one between two numbers at the same place, relative to those beyond 1; infinite where one is none."""
    first, second = numbers(one), numbers(other)
    worst = 0.0
    for path in first.keys() | second.keys():
        if any(path.split(".")[-1].startswith(name) for name in ("time/", "speed/")):
            continue
        if path not in first or path not in second or first[path].shape != second[path].shape:
            return float("inf")
        if first[path].dtype == np.uint64:
            worst = max(worst, 0.0 if np.array_equal(first[path], second[path]) else float("inf"))
        elif first[path].size:
            worst = max(
                worst, float((np.abs(first[path] - second[path]) / np.maximum(1.0, np.abs(second[path]))).max())
            )
    return worst


def main() -> None:
    torch.set_num_threads(1)
    group = started_group()
    group.join()
    for name, (world, agent) in KINDS.items():
        together, metrics = learn(group, world, agent)
        states = group.gather(torch.cat([p.flatten() for p in together["policy"].values()])[None], 0)
        if group.rank == 0:
            alone, alone_metrics = learn(ALONE, world, agent)
            found = {
                "kind": name,
                "state": difference(together, alone),
                "metrics": difference(metrics, alone_metrics),
                "between processes": float((states - states[0]).abs().max()),
            }
            print(json.dumps(found), flush=True)
    group.leave()
    end_process()


if __name__ == "__main__":
    main()
