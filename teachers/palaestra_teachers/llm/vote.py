"""Several replies to one request, of which the usable majority counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import (
    Completion,
    Judge,
    LanguageModel,
    LessonRefused,
    Message,
    Sampling,
    TeacherUnavailable,
)
from palaestra_teachers.llm.judging import JudgedWrapper, ask


class VoteConfig(BaseModel):
    """Asks several times at once and keeps what most usable replies say; give `sampling` a temperature above 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    backend: Literal["vote"] = "vote"
    inner: dict[str, Any] = Field(description="The model that is asked.")
    n: int = Field(default=3, ge=1, le=64, description="How often each request is asked; every one is a call.")


class VoteModel(JudgedWrapper):
    """Asks `n` times at once and keeps what most usable replies say: equal lessons count together, however they are
    written, and of equally many the one that comes first in the order of asking.

    The second request on has another `seed`, so that a model with reproducible sampling votes too.
    When no reply is usable, the first one is the answer, to be objected to.

    Args:
        config: see `VoteConfig`.
        inner: the model that is asked.
    """

    Config = VoteConfig

    def __init__(self, config: VoteConfig, inner: LanguageModel) -> None:
        self._n = config.n
        self._inner = inner
        self.name = f"vote({config.n} x {inner.name})"
        self.identity = f"vote({config.n}, {inner.identity})"

    async def complete_judged(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        """Raises TeacherUnavailable when no request got a reply, with what the first one met."""
        asked = [self._ask(messages, schema, _reseeded(settings, k), judge) for k in range(self._n)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        silent = [error for error in found if isinstance(error, BaseException)]
        for error in silent:
            if not isinstance(error, TeacherUnavailable):
                raise error
        replies = [completion for completion in found if isinstance(completion, Completion)]
        if not replies:
            raise silent[0]
        return _majority(replies, judge) or replies[0]

    async def _ask(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        completion = await ask(self._inner, messages, schema, settings, judge)
        # Kept at once, whatever becomes of the others.
        with suppress(LessonRefused):
            judge.read(completion)
        return completion


def _majority(replies: Sequence[Completion], judge: Judge) -> Completion | None:
    """The first reply of those that most agree with; None when none is usable."""
    groups: list[tuple[BaseModel, list[Completion]]] = []
    for completion in replies:
        try:
            value = judge.read(completion)
        except LessonRefused:
            continue
        group = next((members for known, members in groups if known == value), None)
        if group is None:
            groups.append((value, [completion]))
        else:
            group.append(completion)
    return max((members for _, members in groups), key=len)[0] if groups else None


def _reseeded(settings: Sampling, number: int) -> Sampling:
    return settings if number == 0 else settings.model_copy(update={"seed": (settings.seed or 0) + number})
