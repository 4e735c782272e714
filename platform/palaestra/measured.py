"""Measures the episodes that an agent plays while it learns, whatever the agent reports itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from palaestra_teachers.base import Onlooker
from palaestra_worlds.base import Task, World

from palaestra.visits import Visits

HIDDEN_PROGRESS_LIMIT = 64
"""Most subgoals of a task that are told apart; a world with more counts the rest as this many."""


@dataclass
class LessonCounts:
    """Episodes of each row of the level bank since the beginning.

    Attributes:
        episodes, successes: int64 (rows,).
        returns: float64 (rows,), summed; undiscounted, the task's own reward only.
        reached: int64 (rows, width): in how many episodes exactly k subgoals were reached.
    """

    episodes: NDArray[np.int64]
    successes: NDArray[np.int64]
    returns: NDArray[np.float64]
    reached: NDArray[np.int64]

    @staticmethod
    def empty(rows: int) -> LessonCounts:
        return LessonCounts(
            episodes=np.zeros(rows, dtype=np.int64),
            successes=np.zeros(rows, dtype=np.int64),
            returns=np.zeros(rows, dtype=np.float64),
            reached=np.zeros((rows, 1), dtype=np.int64),
        )

    def add(
        self, rows: NDArray[Any], success: NDArray[Any], progress: NDArray[Any], returns: NDArray[Any] | float = 0.0
    ) -> None:
        """Counts episodes: their rows in the bank, success, how many subgoals were reached, return."""
        progress = np.clip(progress, 0, HIDDEN_PROGRESS_LIMIT)
        self._grow(int(rows.max()) + 1, int(progress.max()) + 1)
        np.add.at(self.episodes, rows, 1)
        np.add.at(self.successes, rows, success.astype(np.int64))
        np.add.at(self.returns, rows, returns)
        np.add.at(self.reached, (rows, progress), 1)

    def _grow(self, rows: int, width: int) -> None:
        more = max(rows - len(self.episodes), 0)
        wider = max(width - self.reached.shape[1], 0)
        if more:
            self.episodes = np.pad(self.episodes, (0, more))
            self.successes = np.pad(self.successes, (0, more))
            self.returns = np.pad(self.returns, (0, more))
        if more or wider:
            self.reached = np.pad(self.reached, ((0, more), (0, wider)))

    def add_all(self, state: dict[str, Any]) -> None:
        """Counts what others of which `state_dict` tells have counted."""
        rows, width = state["reached"].shape
        self._grow(rows, width)
        self.episodes[:rows] += state["episodes"]
        self.successes[:rows] += state["successes"]
        self.returns[:rows] += state["returns"]
        self.reached[:rows, :width] += state["reached"]

    def reached_at_least(self, row: int) -> list[int]:
        """In how many episodes of a row at least 0, 1, 2, ... subgoals were reached."""
        return np.cumsum(self.reached[row][::-1])[::-1].tolist()

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("episodes", "successes", "returns", "reached")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.episodes, self.successes, self.reached = (
            np.array(state[name], dtype=np.int64) for name in ("episodes", "successes", "reached")
        )
        # Older checkpoints have no returns.
        self.returns = np.array(state.get("returns", np.zeros(len(self.episodes))), dtype=np.float64)


@dataclass
class OriginalCounts:
    """Episodes in the original since the beginning, and in how many each objective was reached."""

    episodes: int
    reached: NDArray[np.int64]
    """(objectives,)."""

    def add(self, objectives: NDArray[np.bool_]) -> None:
        """Counts episodes: (episodes, objectives), which of them were reached."""
        self.episodes += len(objectives)
        self.reached += np.count_nonzero(objectives, axis=0)

    def add_all(self, state: dict[str, Any]) -> None:
        """Counts what others of which `state_dict` tells have counted."""
        self.episodes += int(state["episodes"])
        self.reached += state["reached"]

    def state_dict(self) -> dict[str, Any]:
        return {"episodes": self.episodes, "reached": self.reached}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.episodes = int(state["episodes"])
        self.reached = np.array(state["reached"], dtype=np.int64)


class MeasuredWorld(World):
    """A world that behaves as the one inside, and keeps account of what happens in it.

    Args:
        inner: the world.
        budget: steps over which `visits` are told apart.
        shares: how many worlds of as many environments step together, of which this is one.

    Attributes:
        steps: environment steps since it was made, over all environments of all shares.
        restarted_everywhere: how many environments the last `restore` could not put back into their episode.
        lesson_counts: by row of the tasks given to `draw_from`.
        original: of all episodes so far that had none of these tasks.
        visits: where agents were; None in worlds that have no places.
        onlooker: a teacher that rewards what it sees in each step; None: there is none.
    """

    def __init__(self, inner: World, budget: int = 1, shares: int = 1) -> None:
        self.inner = inner
        self.everywhere = inner.num_envs * shares
        self.restarted_everywhere = 0
        self.id = inner.id
        self.num_envs = inner.num_envs
        self.metadata = inner.metadata
        self.spec = inner.spec
        self.render_mode = inner.render_mode
        self.single_observation_space = inner.single_observation_space
        self.single_action_space = inner.single_action_space
        self.observation_space = inner.observation_space
        self.action_space = inner.action_space
        self.objectives = inner.objectives
        self.subgoal_phrases = inner.subgoal_phrases
        self.episode_numbers = inner.episode_numbers
        self.task_space = inner.task_space  # pyright: ignore[reportAttributeAccessIssue]
        self.steps = 0
        self.budget = budget
        self.visits: Visits | None = None
        self.onlooker: Onlooker | None = None
        self.lesson_counts = LessonCounts.empty(0)
        self.original = OriginalCounts(0, np.zeros(len(inner.objectives), dtype=np.int64))
        self._clear()

    def _clear(self) -> None:
        self._sums = dict.fromkeys(("episodes", "return", "length", "success", "taught", "progress", "bonus"), 0.0)
        self._reached = np.zeros(len(self.objectives), dtype=np.int64)

    def take_metrics(self) -> dict[str, float]:
        """Means over the episodes that ended since the last call; only "train/episodes" when none did."""
        sums, reached = self._sums, self._reached
        self._clear()
        episodes = sums["episodes"]
        metrics = {"train/episodes": episodes}
        if episodes:
            metrics |= {
                "train/episode_return": sums["return"] / episodes,
                "train/episode_length": sums["length"] / episodes,
                "train/success": sums["success"] / episodes,
                "train/taught_episodes": sums["taught"] / episodes,
                "train/subgoals_reached": sums["progress"] / episodes,
                "train/lesson_reward": sums["bonus"] / episodes,
            }
            if len(self.objectives) > 1:
                shares = (reached / episodes).tolist()
                metrics |= {
                    f"train/objective/{name}": share for name, share in zip(self.objectives, shares, strict=True)
                }
        return metrics

    def training_score(self) -> dict[str, float]:
        """How all episodes in the original so far went: of each objective the share that reached it, and the score by
        the world's own measure; nothing where that has none, or before the first episode ended."""
        if self.original.episodes == 0:
            return {}
        rates = self.original.reached / self.original.episodes
        score = self.inner.score(rates)
        if score is None:
            return {}
        shares = zip(self.objectives, rates.tolist(), strict=True)
        return {f"training/objective/{name}": share for name, share in shares} | {
            "training/score": score,
            "training/episodes": float(self.original.episodes),
        }

    def hand_over(self) -> dict[str, Any]:
        """Everything counted since the last call, for another share of the world to take over."""
        counts = {
            "sums": self._sums,
            "objectives": self._reached,
            "lessons": self.lesson_counts.state_dict(),
            "original": self.original.state_dict(),
            "visits": None if self.visits is None else self.visits.state_dict(),
        }
        self._clear()
        self.lesson_counts = LessonCounts.empty(0)
        self.original = OriginalCounts(0, np.zeros(len(self.objectives), dtype=np.int64))
        self.visits = None
        return counts

    def take_over(self, counts: dict[str, Any]) -> None:
        """Counts what `hand_over` of another share gave."""
        for name, value in counts["sums"].items():
            self._sums[name] += value
        self._reached += counts["objectives"]
        self.lesson_counts.add_all(counts["lessons"])
        self.original.add_all(counts["original"])
        if counts["visits"] is not None:
            self.visits = self.visits or Visits()
            self.visits.counts += counts["visits"]["counts"]

    def _measure(self, infos: dict[str, Any]) -> None:
        self.steps += self.everywhere
        bonus = infos.get("lesson_reward")
        if bonus is not None:
            self._sums["bonus"] += float(np.sum(bonus))
        if "episode" not in infos:
            return
        episode = infos["episode"]
        ended = np.flatnonzero(infos["_episode"])
        success = np.asarray(episode["success"])[ended]
        self._sums["episodes"] += len(ended)
        self._sums["return"] += float(np.sum(np.asarray(episode["return"])[ended], dtype=np.float64))
        self._sums["length"] += float(np.sum(np.asarray(episode["length"])[ended], dtype=np.float64))
        self._sums["success"] += int(np.count_nonzero(success))
        tasks = np.asarray(episode["task"])[ended] if "task" in episode else np.full(len(ended), -1)
        if "objectives" in episode:
            reached = np.asarray(episode["objectives"])[ended]
            self._reached += np.count_nonzero(reached, axis=0)
            self.original.add(reached[tasks < 0])
        if "task" not in episode:
            return
        progress = np.asarray(episode["lesson_progress"])[ended]
        self._sums["taught"] += int(np.count_nonzero(tasks >= 0))
        self._sums["progress"] += float(np.sum(progress, dtype=np.float64))
        known = tasks >= 0
        if known.any():
            returns = np.asarray(episode["return"])[ended]
            self.lesson_counts.add(tasks[known], success[known], progress[known], returns[known])

    def _visit(self) -> None:
        places = self.inner.places()
        if places is not None:
            self.visits = self.visits or Visits()
            self.visits.add(places, (self.steps - self.everywhere) / self.budget)

    # ------------------------------------------------------------------------------------------ as the world inside

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        return self.inner.reset(seed=seed, options=options)  # pyright: ignore[reportArgumentType]

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        observations, rewards, terminated, truncated, infos = self.inner.step(actions)
        if self.onlooker is not None:
            reward = self.onlooker.see(observations, infos, terminated | truncated)
            infos["lesson_reward"] = infos.get("lesson_reward", np.float32(0)) + np.asarray(reward, dtype=np.float32)
        self._measure(infos)
        self._visit()
        return observations, rewards, terminated, truncated, infos

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        self.inner.draw_from(tasks, weights)

    def assign(self, tasks: Sequence[Task | None]) -> None:
        self.inner.assign(tasks)

    def describe(self, index: int) -> str:
        return self.inner.describe(index)

    def snapshot(self) -> bytes:
        return self.inner.snapshot()

    def restore(self, data: bytes) -> None:
        self.inner.restore(data)
        self.restarted = self.inner.restarted
        self.restarted_everywhere = len(self.restarted)

    def places(self) -> NDArray[np.float64] | None:
        return self.inner.places()

    def observe(self) -> dict[str, NDArray[Any]]:
        return self.inner.observe()

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        return self.inner.render_frame(index)

    def render(self) -> Any:
        return self.inner.render()

    def close_extras(self, **kwargs: Any) -> None:
        self.inner.close(**kwargs)
