"""What became of the environments so far, for later prompts."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import Environments, Feedback, Practice

TOLD = 3
"""Cycles that a prompt looks back on."""


def deviation(rate: float) -> float:
    """Standard deviation over episodes of an objective that is reached at this rate, 0 to 1."""
    return math.sqrt(max(rate * (1.0 - rate), 0.0))


class Cycle(BaseModel):
    """One cycle: what was asked, and how the agent did before and after it."""

    model_config = ConfigDict(extra="forbid")

    environments: list[dict[str, Any]]
    reasons: list[str]
    remarks: list[str]
    before: dict[str, float] = Field(default_factory=dict)
    after: dict[str, float] = Field(default_factory=dict)
    practice: list[Practice] = Field(default_factory=list)


class History(BaseModel):
    """All cycles of one trial, and the last feedback."""

    model_config = ConfigDict(extra="forbid")

    cycles: list[Cycle] = Field(default_factory=list)
    feedback: Feedback | None = None

    def observe(self, feedback: Feedback) -> None:
        """What was measured after the last cycle."""
        self.feedback = feedback
        if self.cycles:
            self.cycles[-1].after = feedback.success
            self.cycles[-1].practice = list(feedback.practice)

    def add(self, lesson: Environments) -> None:
        """A new cycle begins."""
        self.cycles.append(
            Cycle(
                environments=[_settings(task) for task in lesson.tasks()],
                reasons=list(lesson.reasons()),
                remarks=[f"{remark.kind}: {remark.message}" for remark in lesson.remarks],
                before=self.feedback.success if self.feedback else {},
            )
        )

    def rates(self) -> list[tuple[str, float, float]]:
        """(objective, mean, standard deviation over episodes) in the original, after the last cycle."""
        if self.feedback is None or not self.cycles:
            return []
        return [(name, rate, deviation(rate)) for name, rate in self.feedback.success.items()]

    def in_words(self) -> list[str]:
        """A paragraph on each of the last cycles, the newest last."""
        first = max(len(self.cycles) - TOLD, 0)
        return [_paragraph(first + number + 1, cycle) for number, cycle in enumerate(self.cycles[first:])]


def _settings(task: BaseModel) -> dict[str, Any]:
    return task.model_dump(mode="json", exclude_unset=True, exclude={"level_seed"})


def _paragraph(number: int, cycle: Cycle) -> str:
    lines = [f"Cycle {number}:"]
    for place, settings in enumerate(cycle.environments):
        lines.append(f"* {_in_json(settings)}: {_practised(cycle, place)}")
    changes = [
        f"{name} {cycle.before.get(name, 0.0):.2f} -> {rate:.2f}"
        for name, rate in cycle.after.items()
        if round(rate, 2) != round(cycle.before.get(name, 0.0), 2)
    ]
    lines.append(f"  In the original: {', '.join(changes) or 'nothing changed'}.")
    lines += [f"  Not used: {remark}" for remark in cycle.remarks]
    return "\n".join(lines)


def _practised(cycle: Cycle, place: int) -> str:
    if place >= len(cycle.practice) or not cycle.practice[place].episodes:
        return "no episode ended."
    found = cycle.practice[place]
    return f"{found.episodes:,} episodes, success {found.success:.2f}, return {found.return_mean:.2f}."


def _in_json(settings: dict[str, Any]) -> str:
    import json

    return json.dumps(settings)
