"""What can be set for a skill, and such tasks in compiled form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.overworld.skills.goals import DISTANCES, GOALS, TICKS, GoalName, Skill
from palaestra_worlds.overworld.task_lists import Biome
from palaestra_worlds.overworld.tasks import OverworldTask

SKILL_ACTIONS = ("forward", "back", "jump", "turn left", "turn right", "look down", "look up", "attack")
"""Primitive actions that a skill takes, by number."""
HELD_FOR = 10
"""Ticks that an attack goes on, as long as the block in view is not broken."""
GOAL, LEAST, NEAREST, FARTHEST, MOST_TICKS = range(5)
NUM_COLUMNS = 5
DRAW = -1
"""In place of a goal: any of the skill's."""
WHERE_ONE_IS = 0
"""In place of the least distance: the player stays where it is, with what it has."""


class SkillTask(Task):
    """A skill of an Overworld: what it is about, and how far away one starts."""

    biome: Biome | None = Field(default=None, description="Where the player starts; null: anywhere.")
    start_of_day: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the day that has passed: 0 sunrise, 0.25 noon, 0.5 nightfall."
    )
    target: GoalName | None = Field(default=None, description="What it is about; null: any.")
    count: int = Field(default=1, ge=1, le=16, description="Of mine: how many blocks.")
    nearest: int | None = Field(
        default=None, ge=1, le=48, description="Cells to walk from the start to one, at least; null: the skill's own."
    )
    farthest: int | None = Field(default=None, ge=1, le=48, description="And at most; null: the skill's own.")
    ticks: int | None = Field(
        default=None, ge=1, le=12_000, description="Of the clock that an attempt takes at most; null: the skill's own."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.nearest is not None and self.farthest is not None and self.nearest > self.farthest:
            raise ValueError(f"nearest is {self.nearest}, and must not be above farthest, {self.farthest}")
        return self


def as_skill_task(task: Task) -> SkillTask:
    """The task as one of a skill.

    Raises:
        TaskError: it is another world's.
    """
    if isinstance(task, SkillTask):
        return task
    if type(task) is Task:
        return SkillTask(level_seed=task.level_seed)
    raise TaskError(f"an Overworld with a skill takes SkillTask, not {type(task).__name__}")


def as_level(task: SkillTask) -> OverworldTask:
    """What of a task the world beneath it carries out: land and time of day."""
    return OverworldTask(level_seed=task.level_seed, biome=task.biome, start_of_day=task.start_of_day)


def make_rows(tasks: Sequence[SkillTask], skill: Skill) -> NDArray[np.int64]:
    """(tasks, NUM_COLUMNS): the tasks in numbers."""
    rows = np.zeros((len(tasks), NUM_COLUMNS), np.int64)
    near, far = DISTANCES[skill]
    for row, task in zip(rows, tasks, strict=True):
        nearest = min(near, task.farthest or near) if task.nearest is None else task.nearest
        row[GOAL] = DRAW if task.target is None else GOALS.index(task.target)
        row[LEAST] = task.count
        row[NEAREST] = nearest
        row[FARTHEST] = max(far, nearest) if task.farthest is None else task.farthest
        row[MOST_TICKS] = task.ticks or TICKS[skill]
    return rows
