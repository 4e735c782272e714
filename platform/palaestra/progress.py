"""How far a trial is, and what an execution tells displays while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass
class Position:
    """The loop's own counters; in checkpoints."""

    iteration: int = 0
    steps: int = 0
    evaluated: int = -1
    """Steps at the last evaluation; -1: there was none."""
    held: int = 0
    """Evaluations in a row that reached the success at which the trial may stop."""
    seconds: float = 0.0
    solved: bool = False


@dataclass(frozen=True)
class TrialProgress:
    """How far a trial is.

    Attributes:
        status: one of `store.STATUSES`.
        iteration, steps, budget: iterations and environment steps done, and the steps it may take.
        steps_per_second: of the last iteration, evaluation left out.
        episode_return, success: means over the training episodes of the last iteration in which one ended.
        evaluation: success of the last evaluation without lessons.
        lessons: lessons in the level bank.
        remaining: seconds until the budget is spent, at the speed so far.
        message: what went wrong, or why it stopped.
    """

    arm: str
    seed: int
    status: str
    iteration: int = 0
    steps: int = 0
    budget: int = 0
    steps_per_second: float | None = None
    episode_return: float | None = None
    success: float | None = None
    evaluation: float | None = None
    lessons: int = 0
    remaining: float | None = None
    message: str = ""


@dataclass(frozen=True)
class LessonProgress:
    """How far a teacher is with the levels that it is asked about.

    Attributes:
        teacher: hash of its settings, as in the store.
        arms: names of the arms that learn from it.
        levels: how many it is to be asked about.
        kept, dropped: levels that have a lesson, and levels for which none came of it.
        calls: calls of the language model, retries counted, answers from a cache not.
        failures: dropped levels by kind of failure.
        message: why it stopped before the last level; empty if it did not.
    """

    teacher: str
    arms: tuple[str, ...]
    levels: int
    kept: int = 0
    dropped: int = 0
    calls: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    message: str = ""

    def of_arms(self, arms: tuple[str, ...]) -> LessonProgress:
        """The same, for all arms that the teacher is shared by."""
        return replace(self, arms=arms)


Listener = Callable[[TrialProgress | LessonProgress], None]
