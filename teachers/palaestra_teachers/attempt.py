"""One attempt to get a usable reply: it judges replies for the models that it is made by, and remembers every call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from palaestra_teachers.base import Completion, LessonRefused, TeacherUnavailable

Value = TypeVar("Value", bound=BaseModel)


@dataclass(frozen=True)
class Call(Generic[Value]):
    """A call of a model, and what came of it: a reply that was read, one that was refused, or none.

    Attributes:
        time: when it ended, in seconds since 1970.
        completion: the reply.
        value: what was read out of it.
        error: why there is no value.
        model, backend, seconds: of a call without a reply.
    """

    time: float
    completion: Completion | None = None
    value: Value | None = None
    error: LessonRefused | TeacherUnavailable | None = None
    model: str = ""
    backend: str = ""
    seconds: float = 0.0

    def content(self) -> dict[str, Any]:
        """What the ledger keeps of it, by the names of `CallRecord`."""
        if self.completion is not None:
            reply = self.completion.model_dump(exclude={"text"}) | {"reply": self.completion.text}
        else:
            reply = {"model": self.model, "backend": self.backend, "seconds": self.seconds, "origin": self._origin()}
        return reply | {
            "time": self.time,
            "parsed": None if self.value is None else self.value.model_dump(mode="json"),
            "error_kind": None if self.error is None else self.error.kind,
            "error": None if self.error is None else str(self.error),
        }

    def _origin(self) -> str:
        assert isinstance(self.error, TeacherUnavailable)
        return "none" if self.error.kind == "budget" else self.error.origin


class Attempt(Generic[Value]):
    """The judge of one attempt; see `Judge`.

    Args:
        lesson_key: what it is for.
        read: makes a value of a reply's text, or raises LessonRefused.

    Attributes:
        calls: in the order in which they ended.
        chosen: the call that the attempt ended with; None while it is under way.
    """

    def __init__(self, lesson_key: str, read: Callable[[str], Value]) -> None:
        self.lesson_key = lesson_key
        self.calls: list[Call[Value]] = []
        self.chosen: Call[Value] | None = None
        self._read = read

    def read(self, completion: Completion) -> Value:
        """Raises LessonRefused when the reply is no usable lesson."""
        call = self._call(completion)
        if call.error is not None:
            raise call.error
        assert call.value is not None
        return call.value

    def failed(self, model: str, backend: str, error: TeacherUnavailable, seconds: float) -> None:
        """Keeps a call that got no reply."""
        self.calls.append(Call(time.time(), error=error, model=model, backend=backend, seconds=seconds))

    def conclude(self, completion: Completion) -> Value:
        """The value of the attempt's reply; raises LessonRefused when it has none."""
        self.chosen = self._call(completion)
        return self.read(completion)

    @property
    def reply(self) -> str:
        """What the attempt ended with; empty where there was no reply."""
        completion = self.chosen.completion if self.chosen else None
        return completion.text if completion else ""

    def give_up(self, error: TeacherUnavailable) -> None:
        """There was no reply, for this reason."""
        self.chosen = next((call for call in self.calls if call.error is error), None)

    def _call(self, completion: Completion) -> Call[Value]:
        for call in self.calls:
            if call.completion is completion:
                return call
        value, error = None, None
        try:
            value = self._read(completion.text)
        except LessonRefused as refused:
            error = refused
        call = Call(time.time(), completion, value, error)
        self.calls.append(call)
        return call
