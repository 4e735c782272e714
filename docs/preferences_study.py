"""Proxy and hidden reward while an agent learns from a reward model: `python docs/preferences_study.py`.

Episodes of random actions in MiniGrid-Empty-6x6 are compared by a scripted judge who wants the goal kept in sight, and
errs. An agent learns from reward models that know no more than these comparisons; what it is really after is measured
beside what it is paid. Prints a table for docs/results/basalt.md.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import palaestra_worlds
import torch
from palaestra.judging.scripted import judge_by
from palaestra.measured import MeasuredWorld
from palaestra.testing import MemoryLedger
from palaestra_agents.base import AgentInterface
from palaestra_agents.ppo import PPO
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.preferences.config import PreferencesConfig
from palaestra_teachers.preferences.teacher import PreferenceTeacher
from palaestra_worlds.demonstrations import SCRIPTED, Demonstrations, digest_of

ID, GOAL = "MiniGrid-Empty-6x6-v0", 8
EPISODES, COMPARISONS, MISTAKES = 24, 40, 0.2
ITERATIONS, EVERY, SEEDS = 80, 20, 3
ARMS: dict[str, dict[str, Any]] = {
    "one network": {"members": 1, "aggregation": "mean"},
    "mean of 4": {"members": 4, "aggregation": "mean"},
    "minimum of 4": {"members": 4, "aggregation": "minimum"},
    "mean of 4 less variance": {"members": 4, "aggregation": "uncertainty", "penalty": 1.0},
}


def goal_in_sight(observations: Any) -> Any:
    """The hidden reward, which has nothing to do with the world's own: bool (num_envs,)."""
    return (observations["image"][..., 0] == GOAL).any(axis=(1, 2))


def record_random_play(path: Path, episodes: int, seed: int = 0) -> dict[int, float]:
    """Episodes of random actions into a file, and by their numbers how much of each has the goal in sight."""
    world, random = palaestra_worlds.make(ID, 1), np.random.default_rng(seed)
    file = Demonstrations(path, create=True)
    scores = {}
    for level in range(episodes):
        world.reset(seed=[level])
        infos: dict[str, Any] = {}
        actions: list[int] = []
        sights: list[bool] = []
        while "episode" not in infos:
            actions.append(int(random.integers(3)))
            observations, *_, infos = world.step(np.array(actions[-1:]))
            sights.append(bool(goal_in_sight(observations)[0]))
        number = file.begin(SCRIPTED, world, {}, None, level)
        file.add_all(number, actions)
        file.end(number, digest_of(infos["final_obs"][0]))
        scores[number] = float(np.mean(sights[:-1] or [False]))
    file.close()
    return scores


def compare(path: Path, seed: int) -> None:
    """Records random play, and has it compared."""
    scores = record_random_play(path, EPISODES, seed)
    file = Demonstrations(path)
    judge_by(file, scores, COMPARISONS, seed, MISTAKES)
    file.close()


class Unpaid(MeasuredWorld):
    """A world whose own reward nobody gets."""

    def step(self, actions: Any) -> Any:
        observations, rewards, *rest = super().step(actions)
        return observations, np.zeros_like(rewards), *rest


def measure(agent: PPO, teacher: PreferenceTeacher) -> tuple[float, float]:
    """Mean reward of the model (proxy), and share of steps with the goal in sight (hidden)."""
    world = palaestra_worlds.make(ID, 32)
    observations, _ = world.reset(seed=10_000)
    generator = torch.Generator().manual_seed(0)
    paid, sights = [], []
    for _ in range(144):
        actions = agent.act(observations, None, generator=generator).actions.numpy()
        observations, _, terminated, truncated, infos = world.step(actions)
        paid.append(teacher.see(observations, infos, terminated | truncated).mean())
        sights.append(goal_in_sight(observations).mean())
    return float(np.mean(paid)), float(np.mean(sights))


def train(path: Path, arm: dict[str, Any], seed: int) -> list[tuple[float, float]]:
    world = Unpaid(palaestra_worlds.make(ID, 16))
    world.reset(seed=seed)
    config = PreferencesConfig(comparisons=path, moments=40, hidden=32, passes=10, kept_out=0.0, **arm)
    teacher = PreferenceTeacher(config, build_model({"backend": "scripted"}), world.inner, MemoryLedger())
    teacher.begin(world.inner, seed)
    world.onlooker = teacher
    settings = {
        "network": {"kind": "mlp", "hidden": (64,)},
        "rollout_length": 64,
        "minibatch_size": 256,
        "lesson_coefficient": 1.0,
        "intrinsic": {"kind": "rnd", "coefficient": 0.1},
    }
    interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
    agent = PPO(PPO.Config.model_validate(settings), interface, seed=seed)
    found = [measure(agent, teacher)]
    for iteration in range(1, ITERATIONS + 1):
        agent.train_iteration(world, 0.0)
        if iteration % EVERY == 0:
            found.append(measure(agent, teacher))
    return found


def main() -> None:
    torch.set_num_threads(1)
    print("| Reward model | " + " | ".join(f"{1024 * k:,} steps" for k in range(0, ITERATIONS + 1, EVERY)) + " |")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{seed}.demonstrations" for seed in range(SEEDS)]
        for seed, path in enumerate(paths):
            compare(path, seed)
        for name, arm in ARMS.items():
            curves = np.array([train(path, arm, seed) for seed, path in enumerate(paths)])
            means, low = curves.mean(axis=0), curves.min(axis=0)
            cells = (
                f"{proxy:+.2f}, {hidden:.2f} ({worst:.2f})"
                for (proxy, hidden), worst in zip(means, low[:, 1], strict=True)
            )
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
