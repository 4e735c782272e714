"""What the solver gives: actions, and the milestones on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MilestoneVerb = Literal["go to", "pick up", "open"]


class SolverError(ValueError):
    """A level that no plan was found for; the message says why."""


@dataclass(frozen=True)
class Milestone:
    """Something that has to happen on the way: reached when the agent stands on (x, y), or what is there changes.

    Attributes:
        x, y: column and row.
        cell: code (see `state.py`) of the object that it is about, as it is in the level's first state. It lies at
            (x, y) except where an object is only to be stood beside.
    """

    verb: MilestoneVerb
    x: int
    y: int
    cell: int


@dataclass(frozen=True)
class Solution:
    """A plan that ends the level with success, provided that nothing moves but the agent."""

    actions: tuple[int, ...]
    milestones: tuple[Milestone, ...]
