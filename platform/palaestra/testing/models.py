"""Language models to test teachers with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palaestra_teachers.base import Completion, LanguageModel, Message, Sampling, TeacherUnavailable


class Counted:
    """Another model, whose calls are counted.

    Attributes:
        calls: how often it was asked.
    """

    def __init__(self, inner: LanguageModel) -> None:
        self.Config = inner.Config
        self.name = inner.name
        self.identity = inner.identity
        self.calls = 0
        self._inner = inner

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        self.calls += 1
        return await self._inner.complete(messages, schema, settings)


class Says:
    """Always gives the same reply, or with None, none."""

    def __init__(self, inner: LanguageModel, reply: str | None) -> None:
        self.Config = inner.Config
        self.name = self.identity = "says"
        self._reply = reply

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        if self._reply is None:
            raise TeacherUnavailable("timeout", "no reply in 60 s")
        return Completion(text=self._reply, model=self.name, backend="says", price=0.0)
