"""The lesson that a planner gives: steps or structured actions, and what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from palaestra_worlds.base import Task
from palaestra_worlds.structured import ActionFeedback, PlanStep, PlayerStatus, StructuredAction
from pydantic import Field, SerializeAsAny

from palaestra_teachers.base import Lesson, LessonRequest


class PlannedAction(StructuredAction):
    """A structured action, and what is expected of it."""

    expectation: str = Field(default="", max_length=400, description="What should be so afterwards.")

    @property
    def action(self) -> StructuredAction:
        """It without the expectation."""
        return StructuredAction.model_validate(self.model_dump(exclude={"expectation"}))


class Plan(Lesson):
    """What a player is to do next: steps, of which controllers make structured actions, or such actions."""

    kind: ClassVar[str] = "plan"
    task: SerializeAsAny[Task]
    goal: str
    """E.g. "1 diamond"."""
    steps: tuple[PlanStep, ...] = ()
    actions: tuple[PlannedAction, ...] = ()
    subgoal: PlanStep | None = None
    """What the actions are to reach."""
    explanation: str = ""
    """Why the plan before failed."""
    thoughts: str = ""

    def tasks(self) -> Sequence[Task]:
        return (self.task,)

    def in_words(self) -> str:
        """A numbered line for each step or action."""
        return numbered(self.steps or self.actions)


class PlanRequest(LessonRequest):
    """What a planner is told about a player.

    `turn` 0 begins a task; each further one tells what became of the plan that was given for the one before.
    """

    goal: str
    """The item to come by."""
    count: int = 1
    counts: tuple[str, ...] = ()
    """The items that count for it, any mix; empty: whatever the name stands for."""
    status: PlayerStatus
    """How the player is now."""
    outcomes: tuple[ActionFeedback, ...] = ()
    """What became of the structured actions of the plan before, in order."""
    done: int = 0
    """Of the plan before: steps or actions that were carried out."""
    failed: bool = False
    """Whether it stopped at one that failed."""


def numbered(steps: Sequence[PlanStep | StructuredAction]) -> str:
    """A line for each, counted from 1."""
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def held(inventory: Mapping[str, int], items: Sequence[str]) -> int:
    """How many of any of these items are at hand."""
    return sum(inventory.get(item, 0) for item in items)
