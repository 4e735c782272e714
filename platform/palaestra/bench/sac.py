"""Soft actor-critic of Stable-Baselines3 on a spec's world: an independent peer where actions are continuous.

Loop, networks and replay buffer are its own (extra `bench`); the world is ours behind its interface for vectors of
environments, and so is the evaluation. It is given steps and minutes: off-policy learners take far more gradient
steps for each step of the world.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray
from palaestra_agents.base import ActorOutput
from palaestra_worlds.base import World
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.build import make_world, world_seeds
from palaestra.evaluation import Evaluation, held_out_tasks, num_envs_for, play
from palaestra.worker import torch_threads

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec


class FlatVectors(VecEnv):
    """A world as Stable-Baselines3 wants it: every observation one float32 vector, resets within steps.

    Args:
        world: with a Dict of Box observations and Box actions.
        seeds: of its environments.
    """

    def __init__(self, world: World, seeds: Sequence[int]) -> None:
        space = world.single_observation_space
        if not isinstance(space, Dict) or not isinstance(world.single_action_space, Box):
            raise ValueError(f"soft actor-critic needs numbers to see and to act with, which {world.id} has not")
        self.world = world
        self.seeds = list(seeds)
        self.steps = 0
        self._actions: Any = None
        size = sum(int(np.prod(part.shape or ())) for part in space.values())
        super().__init__(world.num_envs, Box(-np.inf, np.inf, (size,), np.float32), world.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        return flat(self.world.reset(seed=self.seeds)[0])

    def step_async(self, actions: NDArray[np.float32]) -> None:
        self._actions = actions

    def step_wait(self) -> Any:
        observations, rewards, terminated, truncated, infos = self.world.step(self._actions)
        self.steps += self.num_envs
        done = terminated | truncated
        each: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done):
            last = {key: part[None] for key, part in infos["final_obs"][i].items()}
            each[i] = {"terminal_observation": flat(last)[0], "TimeLimit.truncated": bool(truncated[i])}
        return flat(observations), rewards.astype(np.float32), done, each

    def close(self) -> None:
        self.world.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.world, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


def flat(observations: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """(N, size), parts in the order of their keys."""
    parts = [np.asarray(observations[key], np.float32) for key in sorted(observations)]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


class SACAgent:
    """A model as `palaestra.evaluation.play` wants it."""

    def __init__(self, model: SAC) -> None:
        self.model = model
        self.device = model.device

    def initial_state(self, num_envs: int) -> None:
        return None

    @torch.no_grad()
    def act(
        self,
        observations: dict[str, Any],
        state: torch.Tensor | None,
        *,
        greedy: bool = False,
        generator: torch.Generator | None = None,
    ) -> ActorOutput:
        actions, _ = self.model.predict(flat(observations), deterministic=greedy)
        nothing = torch.zeros(len(actions))
        return ActorOutput(torch.from_numpy(actions), nothing, nothing[:, None])


@dataclass(frozen=True)
class Point:
    """One evaluation of a training."""

    steps: int
    seconds: float
    success: float
    numbers: dict[str, float]


EVALUATIONS = 10
"""In the steps after which the arm is evaluated once: a learner that is given minutes may not get that far."""


class _Evaluations(BaseCallback):
    """Evaluates every so many steps and at the end; ends training when its time is up or success was held."""

    def __init__(self, arm: ArmSpec, minutes: float, tell: Callable[[Point], None]) -> None:
        super().__init__()
        self.arm, self.seconds, self.tell = arm, 60 * minutes, tell
        self.every = max(1, arm.evaluation.every // EVALUATIONS)
        self.world = make_world(arm, num_envs_for(arm.evaluation.episodes))
        self.points: list[Point] = []
        self.spent = 0.0
        self._began = time.process_time()

    def _on_step(self) -> bool:
        self.spent += time.process_time() - self._began
        last = self.points[-1].steps if self.points else 0
        goes_on = self.spent < self.seconds
        if self.num_timesteps // self.every > last // self.every or not goes_on:
            self.points.append(self._evaluate())
            self.tell(self.points[-1])
        self._began = time.process_time()
        return goes_on and not self._held()

    def _evaluate(self) -> Point:
        tasks = held_out_tasks(self.world, self.arm.evaluation.episodes)
        found: Evaluation = play(SACAgent(self.model), self.world, tasks, greedy=True)  # pyright: ignore
        numbers = {name: float(values.mean()) for name, values in found.numbers.items()}
        return Point(self.num_timesteps, self.spent, found.success, numbers)

    def _held(self) -> bool:
        budget = self.arm.budget
        last = self.points[-budget.held :]
        return (
            budget.until_success is not None
            and len(last) == budget.held
            and all(point.success >= budget.until_success for point in last)
        )


def train(arm: ArmSpec, seed: int, minutes: float, tell: Callable[[Point], None]) -> list[Point]:
    """One training; ends with the arm's step budget, after so many minutes of processor time, or once it has held the
    success at which the arm's trials stop.

    Hyperparameters are the library's defaults but for the discount, which is the arm's, batches of 512, and one
    gradient step for every 8 steps of the world (its default of one for each would take hours).

    Raises:
        ValueError: the world has no continuous actions.
    """
    env = FlatVectors(make_world(arm, copy_observations=True), world_seeds(seed, arm.world.num_envs))
    model = SAC(
        "MlpPolicy",
        env,
        gamma=getattr(arm.agent.config, "gamma", 0.99),
        batch_size=512,
        buffer_size=min(arm.budget.steps, 500_000),
        learning_starts=10_000,
        train_freq=1,
        gradient_steps=max(1, arm.world.num_envs // 8),
        seed=seed,
        device="cpu",
    )
    evaluations = _Evaluations(arm, minutes, tell)
    try:
        # Processor time is what is measured, and threads that wait for each other spend it.
        with torch_threads(1):
            model.learn(arm.budget.steps, callback=evaluations)
    finally:
        env.close()
        evaluations.world.close()
    return evaluations.points


def bench_sac(
    arm: ArmSpec, name: str, seeds: Sequence[int], minutes: float, tell: Callable[[str], None]
) -> BenchResults:
    """What `palaestra bench sac` prints.

    Args:
        arm: says world, budget and evaluation.
        name: of the spec, for the table.
        seeds: one training each.
        minutes: of processor time for each.
        tell: is told of every evaluation.

    Raises:
        ValueError: the world has no continuous actions.
    """
    rows, figures = [], {}
    for seed in seeds:
        points = train(
            arm,
            seed,
            minutes,
            lambda at, seed=seed: tell(
                f"seed {seed}: {at.steps:,} steps, {at.seconds:.0f} s: success {at.success:.2f}"
            ),
        )
        figures[str(seed)] = [vars(point) for point in points]
        reached = next((point for point in points if point.success >= 0.8), None)
        last = points[-1] if points else None
        rows.append(
            (
                f"seed {seed}",
                f"{reached.steps:,}" if reached else "not reached",
                f"{last.success:.2f}" if last else "not measured",
                *(f"{value:.2f}" for value in (last.numbers.values() if last else ())),
                f"{last.steps:,}" if last else "0",
                f"{last.seconds:.0f}" if last else "0",
            )
        )
    numbers = next((tuple(points[-1]["numbers"]) for points in figures.values() if points), ())
    columns = ("", "steps to 0.8 success", "success at the end", *numbers, "steps", "processor seconds")
    table = BenchTable(f"Soft actor-critic of Stable-Baselines3, {name}", columns, tuple(rows))
    return BenchResults((table,), {"spec": name, "minutes": minutes, "evaluations": figures})
