"""A world that shares nothing with MiniGrid: the teacher must know it by its `task_space` and `draw_from` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from palaestra_worlds.base import Task, TaskError
from pydantic import BaseModel, Field


class Mark(BaseModel):
    """A mark on the floor."""

    form: Literal["position"] = "position"
    metre: int = Field(ge=0, le=100, description="How far from the entrance")


class CorridorTask(Task):
    """A walk along a corridor.

    A mark is reached by
    standing on it.
    """

    subgoals: tuple[Mark, ...] = Field(default=(), max_length=2, description="In order.")


class Corridor:
    """Level n is n metres long."""

    task_space = CorridorTask

    def __init__(self) -> None:
        self.drawn: list[Sequence[Task] | None] = []

    def draw_from(self, tasks: Sequence[Task] | None, weights: Any = None) -> None:
        self.drawn.append(tasks)
        for task in tasks or ():
            assert isinstance(task, CorridorTask)
            if task.level_seed is not None and any(mark.metre > task.level_seed for mark in task.subgoals):
                raise TaskError(f"the corridor ends after {task.level_seed} m")


class LoopTask(Task):
    """A world without subgoals."""

    laps: int = 1


class Loop(Corridor):
    task_space = LoopTask  # type: ignore[assignment]
