"""The ledger of a teacher's calls: all are kept, none is made twice, and none beyond the budget."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from palaestra_teachers.base import CallRecord, Completion, LanguageModel, Message, Sampling, TeacherUnavailable
from pydantic import BaseModel, ValidationError

from palaestra.store import Store, StoreError

_CLAIM_SECONDS = 3600.0
"""After this long, a claim of a process that seems to live is another process's of the same number."""

_COLUMNS = (
    "time", "lesson_key", "request_hash", "backend", "model", "messages", "response_schema", "reply", "parsed",
    "error_kind", "error", "retry", "tokens_in", "tokens_out", "seconds", "price", "origin",
)  # fmt: skip
_JSON_COLUMNS = ("messages", "response_schema", "parsed")


class AnswerCache:
    """Usable answers by request, in a folder that several runs share.

    Args:
        folder: made when it does not exist.

    Raises:
        StoreError: it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / "answers.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=60.0, isolation_level=None)
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
        """Raises StoreError when it cannot be written."""
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?)", (call.request_hash, call.model_dump_json())
            )
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def close(self) -> None:
        self._connection.close()

    def _explain(self, error: Exception) -> StoreError:
        return StoreError(f"the cache of answers {self.path} cannot be used: {error}; change or remove teacher.cache")


class StoreLedger:
    """The ledger of one teacher, in the run's store; answers are also looked for in, and added to, a shared cache.

    Args:
        store: for the thread that calls it.
        teacher: hash of the teacher's settings.
        cache: shared between runs; None: there is none.
    """

    def __init__(self, store: Store, teacher: str, cache: AnswerCache | None = None) -> None:
        self._store = store
        self._teacher = teacher
        self._cache = cache

    def record(self, call: CallRecord) -> None:
        """Keeps a call, at once.

        Raises:
            StoreError: it cannot be kept.
        """
        content = call.model_dump(mode="json")
        for name in _JSON_COLUMNS:
            content[name] = None if content[name] is None else json.dumps(content[name])
        names = ("teacher", *_COLUMNS)
        with self._store.transaction() as connection:
            connection.execute(
                f"INSERT INTO calls ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                (self._teacher, *(content[name] for name in _COLUMNS)),
            )
        if self._cache and call.parsed is not None and call.origin == "live":
            self._cache.put(call)

    def answered(self, request_hash: str) -> CallRecord | None:
        """The last usable answer to this request, from this run (whichever teacher asked) or from the cache."""
        rows = self._store.query(
            f"SELECT {', '.join(_COLUMNS)} FROM calls WHERE request_hash = ? AND parsed IS NOT NULL "
            "AND error_kind IS NULL ORDER BY id DESC LIMIT 1",
            (request_hash,),
        )
        if not rows:
            return self._cache.get(request_hash) if self._cache else None
        content: dict[str, Any] = dict(zip(_COLUMNS, rows[0], strict=True))
        for name in _JSON_COLUMNS:
            content[name] = None if content[name] is None else json.loads(content[name])
        return CallRecord.model_validate(content)


class BudgetedModel:
    """A language model that is called at most so often by all processes that ask for one teacher together.

    Args:
        inner: the model.
        store: where calls are counted.
        teacher: hash of the teacher's settings.
        limit: calls allowed over the whole life of the run; None: any number.
    """

    Config = BaseModel

    def __init__(self, inner: LanguageModel, store: Store, teacher: str, limit: int | None) -> None:
        self.name = inner.name
        self.identity = inner.identity
        self._inner = inner
        self._store = store
        self._teacher = teacher
        self._limit = limit

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """Raises TeacherUnavailable of the kind "budget" when the calls are spent."""
        if not self._spend():
            raise TeacherUnavailable("budget", f"the budget of {self._limit} calls of the language model is spent")
        return await self._inner.complete(messages, schema, settings)

    def _spend(self) -> bool:
        with self._store.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO spent VALUES (?, 0)", (self._teacher,))
            changed = connection.execute(
                "UPDATE spent SET calls = calls + 1 WHERE teacher = ? AND calls < ?",
                (self._teacher, 2**62 if self._limit is None else self._limit),
            )
            return changed.rowcount == 1


def calls_spent(store: Store, teacher: str) -> int:
    """Calls of the language model so far."""
    rows = store.query("SELECT calls FROM spent WHERE teacher = ?", (teacher,))
    return rows[0][0] if rows else 0


def claim(store: Store, teacher: str, level_seed: int) -> bool:
    """Whether this process is to ask about a level: nobody has an answer, and nobody alive is asking.

    Raises:
        StoreError: the store cannot be written.
    """
    now = time.time()
    with store.transaction() as connection:
        key = (teacher, level_seed)
        if connection.execute("SELECT 1 FROM lessons WHERE teacher = ? AND level_seed = ?", key).fetchone():
            return False
        held = connection.execute(
            "SELECT process, time FROM claims WHERE teacher = ? AND level_seed = ?", key
        ).fetchone()
        if held and int(held[0]) != os.getpid() and _alive(int(held[0])) and now - held[1] < _CLAIM_SECONDS:
            return False
        connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)", (*key, str(os.getpid()), now))
    return True


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
