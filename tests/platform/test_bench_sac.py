"""Soft actor-critic as a peer; needs Stable-Baselines3 (extra `bench`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from palaestra.spec import load_spec

pytest.importorskip("stable_baselines3", reason="the extra `bench` is not installed")
AGV = Path(__file__).parents[2] / "configs" / "agv" / "simple.yaml"


def test_a_training_that_is_out_of_time_is_evaluated_all_the_same() -> None:
    from palaestra.bench.sac import train

    arm = load_spec(AGV, overrides=("world.num_envs=8", "evaluation.episodes=4", "world.max_steps=20")).arm("ppo")
    told = []
    points = train(arm, 0, minutes=0.005, tell=told.append)
    assert len(points) == 1 == len(told)
    assert 0 < points[0].steps < arm.budget.steps
