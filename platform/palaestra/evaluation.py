"""Evaluation: an agent plays given levels, each exactly once, without disturbing its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from palaestra_agents.base import Agent
from palaestra_worlds.base import Task, World

from palaestra.spec.models import FIRST_HELD_OUT_LEVEL

FIRST_EVALUATION_LEVEL = FIRST_HELD_OUT_LEVEL
"""Levels from this seed on are held out: no teacher is asked about them and no agent learns in them."""
MOST_ENVIRONMENTS = 256
GENERATOR_SEED = 20_241_008
"""Every evaluation draws its actions from the same stream, so that only the policy differs between two of them."""


@dataclass(frozen=True)
class Evaluation:
    """What became of the episodes; entry k of each array belongs to the k-th task.

    Attributes:
        returns: float64 (episodes,), undiscounted, the task's own reward only.
        lengths: int32 (episodes,), in steps.
        successes: bool (episodes,).
        objectives: the names of what the world measures, or of its checks, by column of `reached`.
        reached: bool (episodes, objectives): which of them were reached; None: success is all that is measured.
        score: by the world's own measure, in percent; None where it has none.
        numbers: float64 (episodes,) by name: what else the world measures (`World.episode_numbers`).
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int32]
    successes: NDArray[np.bool_]
    objectives: tuple[str, ...] = ("success",)
    reached: NDArray[np.bool_] | None = None
    score: float | None = None
    numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def rates(self) -> dict[str, float]:
        """Share of the episodes that reached each objective; the standard deviation over episodes of a share p is
        sqrt(p (1 - p))."""
        if self.reached is None:
            return {"success": self.success}
        return dict(zip(self.objectives, np.mean(self.reached, axis=0).tolist(), strict=True))

    @property
    def episodes(self) -> int:
        return len(self.returns)

    @property
    def success(self) -> float:
        """Share of the episodes that succeeded."""
        return float(np.mean(self.successes))

    @property
    def return_mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def return_std(self) -> float:
        """Standard deviation over episodes."""
        return float(np.std(self.returns))

    @property
    def length_mean(self) -> float:
        return float(np.mean(self.lengths, dtype=np.float64))


def held_out_tasks(world: World, episodes: int) -> list[Task]:
    """The first levels that are kept for evaluation, without any lesson."""
    return [world.task_space(level_seed=FIRST_EVALUATION_LEVEL + k) for k in range(episodes)]


def training_tasks(world: World, levels: int, episodes: int) -> list[Task]:
    """The levels of an arm that trains on so many, in turns, without any lesson."""
    return [world.task_space(level_seed=k % levels) for k in range(episodes)]


def num_envs_for(episodes: int) -> int:
    """Environments that an evaluation of so many episodes uses."""
    return min(episodes, MOST_ENVIRONMENTS)


def play(agent: Agent, world: World, tasks: Sequence[Task], *, greedy: bool = False) -> Evaluation:
    """Plays one episode of each task, and of nothing else.

    Environment i plays tasks i, i + num_envs, i + 2 num_envs, ...: which tasks are played does not depend on how long
    episodes are. The agent's own random numbers are left alone.

    Args:
        agent: acts; it is not changed.
        world: an own one for evaluation, with at most as many environments as tasks.
        tasks: at least one.
        greedy: the most probable action instead of a draw.

    Raises:
        ValueError: there are more environments than tasks.
        TaskError: a task cannot be carried out.
    """
    if len(tasks) < world.num_envs:
        raise ValueError(f"{len(tasks)} tasks are too few for {world.num_envs} environments")
    generator = torch.Generator(agent.device).manual_seed(GENERATOR_SEED)
    objectives = tuple(world.checks or world.objectives)
    if world.checks:
        world.watch_checks()
    several = len(objectives) > 1
    results = Evaluation(
        returns=np.zeros(len(tasks)),
        lengths=np.zeros(len(tasks), np.int32),
        successes=np.zeros(len(tasks), np.bool_),
        objectives=objectives if several else ("success",),
        reached=np.zeros((len(tasks), len(objectives)), np.bool_) if several else None,
        numbers={name: np.zeros(len(tasks)) for name in world.episode_numbers},
    )
    playing = np.arange(world.num_envs)
    first = list(tasks[: world.num_envs])
    world.assign(first)
    observations, _ = world.reset(seed=[_seed_of(task, k) for k, task in enumerate(first)])
    _assign_following(world, tasks, playing)
    state = agent.initial_state(world.num_envs)
    while (playing >= 0).any():
        rows = np.flatnonzero(playing >= 0)
        chosen = agent.act(
            _select(observations, rows),
            None if state is None else state[torch.from_numpy(rows)],
            greedy=greedy,
            generator=generator,
        )
        observations, _, _, _, infos = world.step(_spread(chosen.actions.cpu().numpy(), rows, world.num_envs))
        if state is not None and chosen.state is not None:
            state[torch.from_numpy(rows)] = chosen.state
        if "episode" not in infos:
            continue
        ended = rows[infos["_episode"][rows]]
        _keep(results, playing[ended], infos["episode"], ended, world.checked() if world.checks else None)
        playing[ended] += world.num_envs
        playing[playing >= len(tasks)] = -1
        if state is not None:
            initial = agent.initial_state(world.num_envs)
            assert initial is not None
            state[torch.from_numpy(ended)] = initial[torch.from_numpy(ended)]
        _assign_following(world, tasks, playing)
    if results.reached is None:
        return results
    return replace(results, score=world.score(np.mean(results.reached, axis=0)))


def _seed_of(task: Task, index: int) -> int:
    """A world's first reset is seeded in any case, so that nothing in it depends on what was played before."""
    return task.level_seed if task.level_seed is not None else FIRST_EVALUATION_LEVEL + index


def _assign_following(world: World, tasks: Sequence[Task], playing: NDArray[np.int64]) -> None:
    """Tells each environment what it plays after its current episode."""
    following = np.where(playing >= 0, playing + world.num_envs, len(tasks))
    if (following < len(tasks)).any():
        world.assign([tasks[k] if k < len(tasks) else None for k in following])


def _keep(
    results: Evaluation,
    tasks: NDArray[np.int64],
    episode: dict[str, Any],
    ended: NDArray[np.int64],
    checked: NDArray[np.bool_] | None,
) -> None:
    """Takes over what is said of episodes that ended; `checked` (num_envs, checks), where the world has such."""
    if checked is not None:
        episode = {**episode, "success": checked[:, -1], "objectives": checked}
    results.returns[tasks] = episode["return"][ended]
    results.lengths[tasks] = episode["length"][ended]
    results.successes[tasks] = episode["success"][ended]
    if results.reached is not None:
        results.reached[tasks] = episode["objectives"][ended]
    for name, values in results.numbers.items():
        values[tasks] = episode[name][ended]


def _select(observations: Any, rows: NDArray[np.int64]) -> Any:
    """The observations of some environments."""
    if isinstance(observations, dict):
        return {key: _select(value, rows) for key, value in observations.items()}
    if isinstance(observations, tuple | list):
        return tuple(observations[i] for i in rows)
    return observations[rows]


def _spread(actions: NDArray[Any], rows: NDArray[np.int64], num_envs: int) -> NDArray[Any]:
    """Actions for all environments; those that have nothing left to play get one that is valid."""
    spread = np.repeat(actions[:1], num_envs, axis=0)
    spread[rows] = actions
    return spread
