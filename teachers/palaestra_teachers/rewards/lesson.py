"""The lesson that a reward teacher gives, and the conversation that it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from palaestra_worlds.base import Task
from palaestra_worlds.programs import Program
from pydantic import SerializeAsAny

from palaestra_teachers.base import Frozen, Lesson


class Motion(Frozen):
    """What a robot is to do for a while."""

    task: SerializeAsAny[Task]
    seconds: float


class RewardProgram(Lesson):
    """A program that says what a robot is rewarded for (Language to Rewards, arXiv 2306.08647)."""

    kind: ClassVar[str] = "reward_program"
    instruction: str
    description: str = ""
    """The motion in words, of two stages."""
    program: SerializeAsAny[Program]
    motions: tuple[Motion, ...]
    """What the program comes to, one after the other; a program that only changes something, with what ran before."""

    def tasks(self) -> Sequence[Task]:
        return tuple(motion.task for motion in self.motions)


class Turn(Frozen):
    """One instruction of a conversation, and what became of it."""

    instruction: str
    description: str = ""
    program: str = ""
    """As text."""
