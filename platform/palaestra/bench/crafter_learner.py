"""Training speed of PPO in Crafter beside Stable-Baselines3's on the installed crafter package.

Both have the same networks, epochs, batch and rollout. crafter has no symbols; the peer is given the map that a user
would cut out of its world, and no pictures are drawn for it.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from palaestra_agents.residual import Stack
from torch import nn

from palaestra.bench.learner import Comparison, Iteration, compared, measure, ours, require_sb3, threads_of
from palaestra.bench.setting import Setting

HIDDEN = (256, 256)
"""Of actor and critic each, on symbols."""
CHANNELS, STRIDE, FEATURES = (16, 32, 32), 2, 256
"""On pictures: a stack of one residual block each, the first convolution's stride, and the layer after them."""
SYMBOLIC = Setting(num_envs=32, rollout_length=64, batch=256, learning_rate=7e-4)
"""As in configs/crafter/symbolic.yaml."""
LONG = Setting(num_envs=128, rollout_length=64, epochs=2, batch=1024, learning_rate=1e-3)
"""As in configs/crafter/symbolic-100m.yaml."""
PICTURES = Setting(num_envs=16, rollout_length=64, epochs=3, batch=256, learning_rate=3e-4)
PEER_ENVS = 16
COLUMNS, ROWS = 9, 7


class CrafterSymbols(gymnasium.Env[Any, Any]):
    """crafter's package without pictures: the cells around the player one-hot, what it owns, and how it is.

    Observations: float32 (9 * 7 * 18 + 22,): materials, then creatures and plants; inventory / 9, daylight, asleep,
    where the player faces.
    """

    def __init__(self, seed: int) -> None:
        from crafter import constants, objects

        from palaestra.bench.crafter_reference import Reference

        self.env = Reference(images=False, seed=seed)
        kinds = (objects.Cow, objects.Zombie, objects.Skeleton, objects.Arrow, objects.Plant)
        self._kinds: dict[Any, int] = {kind: k for k, kind in enumerate(kinds)}
        self._materials = np.eye(1 + len(cast(Any, constants).materials), dtype=np.float32)
        self._cells = COLUMNS * ROWS * (len(self._materials) + len(kinds))
        size = self._cells + len(cast(Any, constants).items) + 2 + 4
        self.observation_space = Box(-1.0, 1.0, (size,), np.float32)
        self.action_space = Discrete(17)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.env.reset()
        return self._symbols(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        _, reward, done, info = self.env.step(int(action))
        return self._symbols(), float(reward), bool(done and info["discount"] == 0), bool(done), {}

    def _symbols(self) -> NDArray[np.float32]:
        world, player = self.env._world, cast(Any, self.env._player)
        left, top = (int(at) - size // 2 for at, size in zip(player.pos, (COLUMNS, ROWS), strict=True))
        x, y = max(left, 0), max(top, 0)
        inside = (slice(x, left + COLUMNS), slice(y, top + ROWS))
        materials = np.zeros((COLUMNS, ROWS), dtype=np.int64)
        found = world._mat_map[inside]
        materials[x - left : x - left + found.shape[0], y - top : y - top + found.shape[1]] = found
        things = np.zeros((COLUMNS, ROWS, len(self._kinds)), dtype=np.float32)
        occupants = world._obj_map[inside]
        for column, row in zip(*np.nonzero(occupants), strict=True):
            kind = self._kinds.get(type(world._objects[occupants[column, row]]))
            if kind is not None:
                things[x - left + column, y - top + row, kind] = 1
        facing = player.facing
        state = [count / 9 for count in player.inventory.values()]
        state += [float(world.daylight), float(player.sleeping)]
        state += [float(facing[0] < 0), float(facing[0] > 0), float(facing[1] < 0), float(facing[1] > 0)]
        parts = (self._materials[materials].ravel(), things.ravel(), np.array(state, dtype=np.float32))
        return np.concatenate(parts)


class CrafterPictures(gymnasium.Env[Any, Any]):
    """crafter's package as it is."""

    def __init__(self, seed: int) -> None:
        import crafter

        self.env = crafter.Env(seed=seed)
        self.observation_space = Box(0, 255, (64, 64, 3), np.uint8)
        self.action_space = Discrete(17)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.env.reset(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        picture, reward, done, info = self.env.step(int(action))
        return picture, float(reward), bool(done and info["discount"] == 0), bool(done), {}


def _peer(setting: Setting, pictures: bool) -> Iteration:
    """Stable-Baselines3's PPO on the package."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
    from stable_baselines3.common.vec_env import DummyVecEnv

    from palaestra.bench.sb3 import TimedSteps, timed_iteration

    class Residual(BaseFeaturesExtractor):
        """The network of `ResidualBody`."""

        def __init__(self, observation_space: Any) -> None:
            super().__init__(observation_space, features_dim=FEATURES)
            self.layers = nn.Sequential(*_stacks(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(FEATURES), nn.ReLU())
            self.layers(torch.zeros(1, *observation_space.shape))

        def forward(self, observations: torch.Tensor) -> torch.Tensor:
            return self.layers(observations)

    def maker(seed: int) -> Any:
        return lambda: (CrafterPictures if pictures else CrafterSymbols)(seed)

    symbolic = {"net_arch": {"pi": list(HIDDEN), "vf": list(HIDDEN)}}
    model = PPO(
        "CnnPolicy" if pictures else "MlpPolicy",
        TimedSteps(DummyVecEnv([maker(seed) for seed in range(setting.num_envs)])),
        learning_rate=setting.learning_rate,
        n_steps=setting.rollout_length,
        batch_size=setting.batch,
        n_epochs=setting.epochs,
        ent_coef=setting.entropy,
        policy_kwargs={"features_extractor_class": Residual, "net_arch": []} if pictures else symbolic,
        seed=0,
        device=setting.device,
    )
    return timed_iteration(model)


def _stacks() -> list[Stack]:
    generator = torch.Generator().manual_seed(0)
    inputs = (3, *CHANNELS[:-1])
    return [
        Stack(a, b, STRIDE if k == 0 else 1, 1, len(CHANNELS), False, generator)
        for k, (a, b) in enumerate(zip(inputs, CHANNELS, strict=True))
    ]


def compare_in_crafter(
    rounds: int, seconds: float, threads: int | None = None, device: str = "auto"
) -> list[Comparison]:
    """Training steps per second from symbols, as in the studies of 1 M and of 100 M steps, and from pictures; both with
    the same networks, epochs, batch and rollout.

    Raises:
        MissingPeer: Stable-Baselines3 is not installed.
    """
    require_sb3()
    network = {"kind": "residual", "channels": CHANNELS, "blocks": 1, "first_stride": STRIDE, "hidden": (FEATURES,)}
    symbols: dict[str, Any] = {"observation": "symbolic", "cells": "indices"}
    layers = {"kind": "mlp", "hidden": HIDDEN}
    kinds = (
        ("symbols", SYMBOLIC, symbols, layers, 20.0),
        ("symbols in long studies", LONG, symbols, layers, 20.0),
        ("pictures", PICTURES, {"observation": "image"}, network, 4.0),
    )
    results = []
    with threads_of(threads):
        for name, usual, world_settings, ours_network, target in kinds:
            setting = replace(usual, device=device)
            steps = setting.rollout_length * setting.num_envs
            same = replace(setting, num_envs=PEER_ENVS, rollout_length=steps // PEER_ENVS)
            contenders = [
                (
                    f"palaestra, {name}, {setting.num_envs} envs",
                    ours("Crafter", setting, network=ours_network, world_settings=world_settings),
                ),
                (f"stable-baselines3 on crafter, {name}, {PEER_ENVS} envs", _peer(same, name == "pictures")),
            ]
            found = measure(contenders, rounds, seconds)
            results.append(compared(f"{name}, same network, epochs and batch", found[0], found[1], target))
    return results
