"""Asks a language model until its reply is usable, and keeps every call in the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.attempt import Attempt
from palaestra_teachers.base import (
    CallRecord,
    LanguageModel,
    Ledger,
    LessonRefused,
    Message,
    Sampling,
    TeacherUnavailable,
)
from palaestra_teachers.llm.judging import ask
from palaestra_teachers.llm.requests import request_hash

MAX_REPLY_QUOTED = 4_000
"""Characters of an unusable reply that the model is shown again."""
FINAL = frozenset({"no_answer"})
"""Refusals after which asking again is of no use."""

Value = TypeVar("Value", bound=BaseModel)


class DialogueConfig(BaseModel):
    """How a model is asked: what the settings of teachers that do so have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retries: int = Field(
        default=2, ge=0, le=10, description="How often an unusable reply is answered with what is wrong with it."
    )
    sampling: Sampling = Field(
        default_factory=lambda: Sampling(max_tokens=2048),
        description="How the model's replies are sampled; without a seed, with that of the trial.",
    )


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        key: what it is for, as the ledger calls it.
        messages: the conversation so far.
        schema: JSON schema of the reply.
        sampling: how to sample it.
    """

    key: str
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None
    sampling: Sampling


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """A usable reply.

    Attributes:
        value: what was read out of it.
        model: name of the model that gave it.
        request_hash: key of its calls in the ledger.
        attempts: calls that it took now or, for a remembered answer, when it was given.
    """

    value: Value
    model: str
    request_hash: str
    attempts: int


class Dialogue:
    """Asks one model, and remembers in one ledger.

    Args:
        model: whom to ask.
        ledger: has every call recorded, and is looked at first: what was answered once is not asked again.
        retries: how often an unusable reply is answered with what is wrong with it.
    """

    def __init__(self, model: LanguageModel, ledger: Ledger, retries: int) -> None:
        self._model = model
        self._ledger = ledger
        self._retries = retries
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(self, question: Question, read: Callable[[str], Value]) -> Answer[Value]:
        """The first usable answer.

        Args:
            question: what to ask.
            read: makes a value of a reply's text, or raises LessonRefused.

        Raises:
            LessonRefused: no reply was usable; of the kind of the last one.
            TeacherUnavailable: the model gave no reply.
        """
        key = request_hash(question.messages, question.schema, question.sampling, self._model.identity)
        # Of several that ask the same at once (levels can be alike), one asks and the others remember.
        async with self._locks.setdefault(key, asyncio.Lock()):
            return self._remembered(key, question, read) or await self._insist(key, question, read)

    async def _insist(self, key: str, question: Question, read: Callable[[str], Value]) -> Answer[Value]:
        messages = question.messages
        for retry in range(self._retries + 1):
            attempt = Attempt(question.key, read)
            try:
                completion = await ask(self._model, messages, question.schema, question.sampling, attempt)
                value = attempt.conclude(completion)
                return Answer(value, completion.model, key, attempts=retry + 1)
            except LessonRefused as error:
                if error.kind in FINAL or retry == self._retries:
                    raise
                objection = _objection(attempt.reply, error)
            except TeacherUnavailable as error:
                attempt.give_up(error)
                raise
            finally:
                self._record(key, question, messages, retry, attempt)
            messages = (*messages, *objection)
        raise AssertionError("the last attempt returns or raises")

    def _remembered(self, key: str, question: Question, read: Callable[[str], Value]) -> Answer[Value] | None:
        """An earlier answer, unless it cannot be read any more."""
        call = self._ledger.answered(key)
        if call is None or call.reply is None:
            return None
        try:
            value = read(call.reply)
        except LessonRefused:
            return None
        now = {"time": time.time(), "lesson_key": question.key, "origin": "cache", "part": 0, "chosen": True}
        free = {"seconds": 0.0, "price": 0.0, "tokens_in": 0, "tokens_out": 0}
        self._ledger.record(call.model_copy(update=now | free))
        return Answer(value, call.model, key, attempts=call.retry + 1)

    def _record(
        self, key: str, question: Question, messages: Sequence[Message], retry: int, attempt: Attempt[Value]
    ) -> None:
        """Keeps every call of an attempt."""
        for part, call in enumerate(attempt.calls):
            self._ledger.record(
                CallRecord(
                    lesson_key=question.key,
                    request_hash=key,
                    messages=tuple(messages),
                    response_schema=question.schema,
                    sampling=question.sampling,
                    identity=self._model.identity,
                    retry=retry,
                    part=part,
                    chosen=call is attempt.chosen,
                    **call.content(),
                )
            )


def _objection(reply: str, error: LessonRefused) -> tuple[Message, Message]:
    quoted = reply if len(reply) <= MAX_REPLY_QUOTED else reply[:MAX_REPLY_QUOTED] + " ..."
    return (
        # Some endpoints refuse an empty message.
        Message(role="assistant", content=quoted.strip() or "(nothing)"),
        Message(
            role="user",
            content=f"This reply cannot be used: {error}\nReply again with the corrected JSON object, nothing else.",
        ),
    )
