"""Answers kept in a folder, so that several runs pay for them once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palaestra_teachers.base import CallRecord, Completion, Judge, LanguageModel, LessonRefused, Message, Sampling
from palaestra_teachers.llm.judging import JudgedWrapper, ask
from palaestra_teachers.llm.requests import request_hash


class CacheError(RuntimeError):
    """A cache cannot be used; the message says which, why, and what to do."""


class AnswerCache:
    """Usable answers by request, in a folder that several runs share.

    Args:
        folder: made when it does not exist.

    Raises:
        CacheError: it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / "answers.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=60.0, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (request_hash TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._explain(error) from error

    def get(self, request_hash: str) -> CallRecord | None:
        """A usable answer; one that cannot be read any more counts as none."""
        try:
            row = self._connection.execute(
                "SELECT record FROM answers WHERE request_hash = ?", (request_hash,)
            ).fetchone()
        except sqlite3.Error as error:
            raise self._explain(error) from error
        if row is None:
            return None
        try:
            return CallRecord.model_validate_json(row[0])
        except ValidationError:
            return None

    def put(self, call: CallRecord) -> None:
        """Raises CacheError when it cannot be written."""
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?)", (call.request_hash, call.model_dump_json())
            )
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def close(self) -> None:
        self._connection.close()

    def _explain(self, error: Exception) -> CacheError:
        return CacheError(f"the cache of answers {self.path} cannot be used: {error}; choose another folder for it")


class CacheConfig(BaseModel):
    """Wraps another model, whose usable replies are kept in a folder; the same request is not asked again."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    backend: Literal["cache"] = "cache"
    inner: dict[str, Any] = Field(description="The model that is asked what was not answered yet.")
    folder: Path = Field(description="Where answers are kept; several runs may share it.")


class CacheModel(JudgedWrapper):
    """Another model, whose usable replies are kept in a folder; the same request is not asked again.

    Args:
        config: see `CacheConfig`.
        inner: the model that is asked what was not answered yet.

    Raises:
        ValueError: the folder cannot be used.
    """

    Config = CacheConfig

    def __init__(self, config: CacheConfig, inner: LanguageModel) -> None:
        self.name = inner.name
        self.identity = inner.identity
        self._inner = inner
        try:
            self._cache = AnswerCache(config.folder)
        except CacheError as error:
            raise ValueError(str(error)) from error

    async def complete_judged(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        """Raises CacheError when the cache fails."""
        key = request_hash(messages, schema, settings, self.identity)
        known = self._cache.get(key)
        if known is not None and known.reply is not None:
            return _again(known, known.reply)
        completion = await ask(self._inner, messages, schema, settings, judge)
        try:
            value = judge.read(completion)
        except LessonRefused:
            return completion
        self._cache.put(
            CallRecord(
                time=time.time(),
                lesson_key=judge.lesson_key,
                request_hash=key,
                backend=completion.backend,
                model=completion.model,
                messages=tuple(messages),
                response_schema=schema,
                reply=completion.text,
                parsed=value.model_dump(mode="json"),
                identity=self.identity,
                sampling=settings,
                **completion.model_dump(include={"tokens_in", "tokens_out", "seconds", "price"}),
            )
        )
        return completion


def _again(call: CallRecord, reply: str) -> Completion:
    """A kept answer, which costs nothing."""
    return Completion(
        text=reply, model=call.model, backend=call.backend, tokens_in=0, tokens_out=0, price=0.0, origin="cache"
    )
