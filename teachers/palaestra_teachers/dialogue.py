"""Asks a language model until its reply is usable, and keeps every attempt in the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

from palaestra_teachers.base import (
    CallRecord,
    Completion,
    LanguageModel,
    Ledger,
    LessonRefused,
    Message,
    Sampling,
    TeacherUnavailable,
)
from palaestra_teachers.llm.requests import request_hash

MAX_REPLY_QUOTED = 4_000
"""Characters of an unusable reply that the model is shown again."""
FINAL = frozenset({"no_answer"})
"""Refusals after which asking again is of no use."""

Value = TypeVar("Value", bound=BaseModel)


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
        ledger: has every attempt recorded, and is looked at first: what was answered once is not asked again.
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
            completion = await self._complete(key, question, messages, retry)
            try:
                value = read(completion.text)
            except LessonRefused as error:
                self._record(key, question, messages, retry, completion, error=error)
                if error.kind in FINAL or retry == self._retries:
                    raise
                messages = (*messages, *_objection(completion.text, error))
            else:
                self._record(key, question, messages, retry, completion, value=value)
                return Answer(value, completion.model, key, attempts=retry + 1)
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
        now = {"time": time.time(), "lesson_key": question.key, "origin": "cache"}
        free = {"seconds": 0.0, "price": 0.0, "tokens_in": 0, "tokens_out": 0}
        self._ledger.record(call.model_copy(update=now | free))
        return Answer(value, call.model, key, attempts=call.retry + 1)

    async def _complete(self, key: str, question: Question, messages: tuple[Message, ...], retry: int) -> Completion:
        try:
            return await self._model.complete(messages, question.schema, question.sampling)
        except TeacherUnavailable as error:
            # Over budget, no call was made.
            if error.kind != "budget":
                self._record(key, question, messages, retry, error=error)
            raise

    def _record(
        self,
        key: str,
        question: Question,
        messages: Sequence[Message],
        retry: int,
        completion: Completion | None = None,
        value: BaseModel | None = None,
        error: LessonRefused | TeacherUnavailable | None = None,
    ) -> None:
        got: dict[str, Any] = {"backend": "", "model": self._model.name}
        if completion is not None:
            got = completion.model_dump() | {"reply": completion.text}
            del got["text"]
        call = CallRecord(
            time=time.time(),
            lesson_key=question.key,
            request_hash=key,
            messages=tuple(messages),
            response_schema=question.schema,
            parsed=None if value is None else value.model_dump(mode="json"),
            error_kind=None if error is None else error.kind,
            error=None if error is None else str(error),
            retry=retry,
            **got,
        )
        self._ledger.record(call)


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
