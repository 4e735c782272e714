"""Environments without a language model: what a teacher is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from palaestra_worlds.base import Task
from palaestra_worlds.drawing import CannotDraw, draw_task
from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import Environment, Feedback, LessonRefused, LessonRequest
from palaestra_teachers.environments.config import EnvironmentConfig
from palaestra_teachers.environments.replies import ReplyReader, Written

TRIES = 1000
"""Draws until one is an environment that the world can make."""
EXPLORED = 0.2
"""Share of the episodes in which learning progress does not choose the environment."""


class Source(Protocol):
    """Gives environments by itself."""

    def next(self, request: LessonRequest, feedback: Feedback | None) -> Written:
        """Raises LessonRefused when there is none that the world can make."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class _Stateless:
    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def draw_environments(
    reader: ReplyReader, task_space: type[Task], count: int, random: np.random.Generator
) -> list[Task]:
    """Different environments that the world can make and that hold what they promise, drawn within their bounds.

    Raises:
        LessonRefused: there are not so many, or a field has no bounds to draw from.
    """
    found: list[Task] = []
    for _ in range(TRIES * count):
        try:
            task = reader.check(draw_task(task_space, random).model_dump(exclude={"level_seed"}))
        except CannotDraw as error:
            raise LessonRefused("cannot_draw", str(error)) from error
        except LessonRefused:
            continue
        if task not in found:
            found.append(task)
        if len(found) == count:
            return found
    raise LessonRefused("cannot_draw", f"only {len(found)} of {count} different environments were found")


class RandomSource(_Stateless):
    """New environments in each cycle, drawn uniformly within the bounds of the task space."""

    def __init__(self, config: EnvironmentConfig, reader: ReplyReader, task_space: type[Task]) -> None:
        self._count = config.environments
        self._reader = reader
        self._task_space = task_space

    def next(self, request: LessonRequest, feedback: Feedback | None) -> Written:
        random = np.random.default_rng((request.trial_seed, request.turn or 0))
        tasks = draw_environments(self._reader, self._task_space, self._count, random)
        return Written(environments=tuple(Environment(task=task, why="Drawn at random.") for task in tasks))


class HandSource(_Stateless):
    """A curriculum by hand: its stages follow one another, spread over the cycles.

    Raises:
        ValueError: an environment of it cannot be used; the message says which and why.
    """

    def __init__(self, config: EnvironmentConfig, reader: ReplyReader) -> None:
        self._cycles = config.cycles
        self._stages: list[Written] = []
        for number, stage in enumerate(config.by_hand):
            try:
                tasks = [reader.check(settings) for settings in stage]
            except LessonRefused as error:
                raise ValueError(f"by_hand.{number}: {error}") from error
            why = f"Stage {number + 1} of the curriculum by hand."
            self._stages.append(Written(environments=tuple(Environment(task=task, why=why) for task in tasks)))

    def next(self, request: LessonRequest, feedback: Feedback | None) -> Written:
        stage = (request.turn or 0) * len(self._stages) // self._cycles
        return self._stages[min(stage, len(self._stages) - 1)]


class _Progress(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pool: list[dict[str, Any]] = Field(default_factory=list)
    returns: list[float | None] = Field(default_factory=list)
    """Mean return in each environment of the pool when it was last played."""
    changes: list[float | None] = Field(default_factory=list)
    """By how much that had changed, without its sign; None: it was not played twice yet."""


class ProgressSource:
    """A pool of random environments, drawn the more often the more the agent's return in them changes.

    As in Teacher-Student Curriculum Learning (arXiv 1707.00183): the change is counted without its sign, so that what
    is being forgotten comes back too. Environments that were not played twice yet count as the one that changes most.
    """

    def __init__(self, config: EnvironmentConfig, reader: ReplyReader, task_space: type[Task]) -> None:
        self._count = config.pool
        self._reader = reader
        self._task_space = task_space
        self._state = _Progress()

    def next(self, request: LessonRequest, feedback: Feedback | None) -> Written:
        state = self._state
        if not state.pool:
            random = np.random.default_rng((request.trial_seed, 0))
            tasks = draw_environments(self._reader, self._task_space, self._count, random)
            state.pool = [task.model_dump(mode="json") for task in tasks]
            state.returns = [None] * len(tasks)
            state.changes = [None] * len(tasks)
        elif feedback is not None:
            self._learn(feedback)
        weights = weights_of(state.changes)
        environments = [
            Environment(task=self._task_space.model_validate(settings), why=_why(change), weight=float(weight))
            for settings, change, weight in zip(state.pool, state.changes, weights, strict=True)
        ]
        return Written(environments=tuple(environments))

    def _learn(self, feedback: Feedback) -> None:
        state = self._state
        for place, practice in enumerate(feedback.practice[: len(state.pool)]):
            if practice.episodes == 0:
                continue
            before = state.returns[place]
            if before is not None:
                state.changes[place] = abs(practice.return_mean - before)
            state.returns[place] = practice.return_mean

    def state_dict(self) -> dict[str, Any]:
        return self._state.model_dump(mode="json")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._state = _Progress.model_validate(state)


def weights_of(changes: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Probabilities by learning progress, a share of them even; float64 (len(changes),), sum 1."""
    most = max((change for change in changes if change is not None), default=1.0) or 1.0
    found = np.array([most if change is None else change for change in changes], dtype=np.float64)
    even = np.full(len(found), 1.0 / len(found))
    return even if found.sum() == 0 else EXPLORED * even + (1.0 - EXPLORED) * found / found.sum()


def _why(change: float | None) -> str:
    return "Not played twice yet." if change is None else f"The return changed by {change:.2f}."
