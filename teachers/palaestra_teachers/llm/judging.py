"""How wrappers ask the models inside them, so that replies are judged and every call is kept."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from palaestra_teachers.base import Completion, Judge, JudgedModel, LanguageModel, Message, Sampling, TeacherUnavailable
from palaestra_teachers.replies import find_object


async def ask(
    model: LanguageModel, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
) -> Completion:
    """One reply of a model, wrapper or not; the judge is told of a call that fails.

    Raises:
        TeacherUnavailable: there is none.
    """
    if isinstance(model, JudgedModel):
        return await model.complete_judged(messages, schema, settings, judge)
    began = time.perf_counter()
    try:
        return await model.complete(messages, schema, settings)
    except TeacherUnavailable as error:
        judge.failed(model.name, _backend(model), error, time.perf_counter() - began)
        raise


def _backend(model: LanguageModel) -> str:
    field = model.Config.model_fields.get("backend")
    return field.default if field and isinstance(field.default, str) else ""


class JudgedWrapper(ABC):
    """A wrapper that has its replies judged. Asked without a judge, it takes any JSON object for usable."""

    @abstractmethod
    async def complete_judged(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        """One reply; see `JudgedModel`."""

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """One reply, with tokens, seconds and price of all calls that it took; see `LanguageModel`."""
        judge = _AnyObject(free_text=schema is None)
        return judge.total(await self.complete_judged(messages, schema, settings, judge))


class Changed:
    """A judge of replies as a wrapper changes them.

    Args:
        judge: reads the changed replies.
        change: makes such a one.
    """

    def __init__(self, judge: Judge, change: Callable[[Completion], Completion]) -> None:
        self.lesson_key = judge.lesson_key
        self._judge = judge
        self._change = change
        self._changed: list[tuple[Completion, Completion]] = []

    def reply(self, completion: Completion) -> Completion:
        """What becomes of a reply; the same object for the same object."""
        for known, changed in self._changed:
            if known is completion:
                return changed
        self._changed.append((completion, self._change(completion)))
        return self._changed[-1][1]

    def read(self, completion: Completion) -> BaseModel:
        """Raises LessonRefused when the changed reply is no usable lesson."""
        return self._judge.read(self.reply(completion))

    def failed(self, model: str, backend: str, error: TeacherUnavailable, seconds: float) -> None:
        """Keeps a call that got no reply."""
        self._judge.failed(model, backend, error, seconds)


class _Said(BaseModel):
    value: Any


class _AnyObject:
    """The judge of those who have none."""

    lesson_key = ""

    def __init__(self, free_text: bool) -> None:
        self._free_text = free_text
        self._read: list[Completion] = []

    def read(self, completion: Completion) -> BaseModel:
        if not any(completion is known for known in self._read):
            self._read.append(completion)
        return _Said(value=completion.text if self._free_text else find_object(completion.text))

    def failed(self, model: str, backend: str, error: TeacherUnavailable, seconds: float) -> None:
        pass

    def total(self, chosen: Completion) -> Completion:
        calls = self._read if any(chosen is call for call in self._read) else [*self._read, chosen]

        def added(name: str) -> Any:
            values = [getattr(call, name) for call in calls]
            return None if None in values else sum(values)

        return chosen.model_copy(update={name: added(name) for name in ("tokens_in", "tokens_out", "seconds", "price")})
