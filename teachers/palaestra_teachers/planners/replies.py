"""What is made of untrusted replies: steps, explanations, what an item takes, actions."""

from __future__ import annotations

from palaestra_worlds.structured import PlanStep
from pydantic import Field

from palaestra_teachers.base import Frozen
from palaestra_teachers.planners.lesson import PlannedAction

MOST_STEPS = 64
"""Steps, or actions, of one plan."""
MOST_WORDS = 2000
"""Characters of an explanation."""


class Steps(Frozen):
    """A plan of steps."""

    goals: tuple[PlanStep, ...] = Field(min_length=1, max_length=MOST_STEPS, description="In order.")


class ThoughtSteps(Frozen):
    """The same, thought about first."""

    thoughts: str = Field(max_length=3 * MOST_WORDS, description="Step by step: what each item takes.")
    goals: tuple[PlanStep, ...] = Field(min_length=1, max_length=MOST_STEPS, description="In order.")


class Explanation(Frozen):
    """Why a plan failed."""

    explanation: str = Field(min_length=1, max_length=MOST_WORDS)


class Needs(PlanStep):
    """What one item takes: a node of a decomposition, (object, count, material, tool, info)."""

    info: str = Field(default="", max_length=600, description="Where and how, in a few words.")

    @property
    def step(self) -> PlanStep:
        """It without the information."""
        return PlanStep.model_validate(self.model_dump(exclude={"info"}))


class Actions(Frozen):
    """Structured actions for a sub-goal."""

    explanation: str = Field(default="", max_length=MOST_WORDS, description="Why the last actions failed.")
    thoughts: str = Field(default="", max_length=MOST_WORDS, description="What is to be done now, and why.")
    actions: tuple[PlannedAction, ...] = Field(min_length=1, max_length=MOST_STEPS, description="In order.")


class Summary(Frozen):
    """What several action lists have in common."""

    actions: tuple[PlannedAction, ...] = Field(min_length=1, max_length=MOST_STEPS)
