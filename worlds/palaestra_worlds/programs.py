"""Reward programs: lists of calls that say what a robot is to do (Language to Rewards, arXiv 2306.08647).

A robot's world says which calls there are and what tasks they come to. A program is written as YAML or JSON, or as text
that looks like Python (`palaestra_worlds.program_text`); in each form it is data, and nothing of it is executed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from palaestra_worlds.base import Task
from palaestra_worlds.planning import PlanningModel
from palaestra_worlds.program_text import ProgramError, Written, explain, parse_calls, written

__all__ = ["Call", "Motion", "Program", "ProgramError", "Programmable", "Target"]


class Call(BaseModel):
    """One call. Subclasses have a field `call`, a Literal of its name, and its arguments in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    also_called: ClassVar[Mapping[str, str]] = {}
    """Further names of arguments, in Python-looking text only."""

    @classmethod
    def name(cls) -> str:
        """What it is called."""
        return str(cls.model_fields["call"].default)

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        """Names of its arguments, in their order."""
        return tuple(name for name in cls.model_fields if name != "call")


class Motion(NamedTuple):
    """What a robot is to do for a while."""

    task: Task
    seconds: float


class Program(BaseModel):
    """A program. Subclasses narrow `calls` to those that there are, and list them in `Calls`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    Calls: ClassVar[tuple[type[Call], ...]] = ()
    """All that there are."""
    calls: tuple[Any, ...]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A program of Python-looking text, which is parsed and never executed.

        Raises:
            ProgramError: it is none; the message says where, and what to do.
        """
        kinds = {kind.name(): kind for kind in cls.Calls}
        forms = {name: (kind.arguments(), kind.also_called) for name, kind in kinds.items()}
        calls = []
        for found in parse_calls(text, forms):
            try:
                calls.append(kinds[found.name].model_validate(found.arguments, strict=True))
            except ValidationError as error:
                raise explain(error, found) from error
        try:
            return cls.model_validate({"calls": tuple(calls)})
        except ValidationError as error:
            raise explain(error, Written("the program", {}, 1)) from error

    @classmethod
    def read(cls, given: str | Sequence[Mapping[str, Any]]) -> Self:
        """A program as somebody writes it by hand: Python-looking text, or a list of calls.

        Raises:
            ValueError: it is none; the message says where, and what to do.
        """
        if isinstance(given, str):
            return cls.from_text(given)
        try:
            return cls.model_validate({"calls": given})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            _, *place = first["loc"]
            where = ", ".join(f"call {part + 1}" if isinstance(part, int) else part for part in place)
            message = first["msg"].removeprefix("Value error, ")
            raise ValueError(f"{where}: {message}" if where else message) from error

    def text(self) -> str:
        """The same program as Python-looking text, a line for each call; only what was set is written."""
        return "\n".join(
            written(call.name(), call.model_dump(exclude={"call"}, exclude_unset=True)) for call in self.calls
        )

    def motions(self, running: Task | None = None) -> tuple[Motion, ...]:
        """What it comes to, one after the other, at least one.

        Args:
            running: the task that goes on meanwhile and is changed, unless the program begins anew.
        """
        raise NotImplementedError


class Target(NamedTuple):
    """What a task wants one of its world's measures to be."""

    measure: str
    value: float
    statistic: Literal["mean", "highest"] = "mean"
    """Of the measure over a while: a stepping foot is as high as it should be only now and then."""
    turns: bool = False
    """An angle, of which whole turns do not count."""


@runtime_checkable
class Programmable(Protocol):
    """A world whose robot is told by programs what to do."""

    programs: ClassVar[Mapping[str, type[Program]]]
    """By interface: "rewards", the reward API, and "primitives", the motions that such a robot comes with."""
    motion_template: ClassVar[str]
    """The sentences in which a motion is described before it is coded, with choices in brackets."""
    control_period: float

    def problem_of(self, task: Task) -> PlanningModel:
        """The planning problem of a task, from any state."""
        ...

    def measures(self, index: int, task: Task | None = None) -> dict[str, float]:
        """What can be measured of environment `index`, by name.

        Args:
            index: which.
            task: says which way is forward where that depends on it; None: the running one.
        """
        ...

    def targets(self, task: Task) -> Sequence[Target]:
        """What a task asks for, as far as it is set."""
        ...

    def draw(self, state: NDArray[Any]) -> NDArray[np.uint8]:
        """A picture of any state that `physics_state` gave, uint8 (height, width, 3).

        Raises:
            RuntimeError: there is no way to draw here; the message says what to install.
        """
        ...

    def place(self, index: int, heading: float) -> None:
        """Turns a robot that stands, before it begins, to face a heading in radians."""
        ...
