"""What both learners of a comparison are given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What both learners are given. Defaults are ours; batch and rollout are in steps over all environments."""

    network: str = "mlp"
    num_envs: int = 64
    rollout_length: int = 128
    epochs: int = 4
    batch: int = 1024
    learning_rate: float = 1e-3
    entropy: float = 0.01
    device: str = "auto"


SB3_DEFAULTS = Setting(num_envs=16, rollout_length=2048, epochs=10, batch=64, learning_rate=3e-4, entropy=0.0)
"""What Stable-Baselines3 does when it is told nothing but the number of environments."""
