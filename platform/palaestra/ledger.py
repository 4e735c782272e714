"""The ledger of a teacher's calls: all are kept, none is made twice, and none beyond the budget."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import CallRecord, Completion
from palaestra_teachers.llm.budget import Limits, Spent
from palaestra_teachers.llm.cache import AnswerCache

from palaestra.store import Store

if TYPE_CHECKING:
    from palaestra.spec import BudgetSpec

_CLAIM_SECONDS = 3600.0
"""After this long, a claim of a process that seems to live is another process's of the same number."""

_COLUMNS = tuple(CallRecord.model_fields)
_JSON_COLUMNS = ("messages", "response_schema", "parsed", "sampling")


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
        if self._cache and call.parsed is not None and call.chosen and call.origin == "live":
            self._cache.put(call)

    def answered(self, request_hash: str) -> CallRecord | None:
        """The last usable answer to this request, from this run (whichever teacher asked) or from the cache."""
        where = "request_hash = ? AND parsed IS NOT NULL AND error_kind IS NULL AND chosen ORDER BY id DESC LIMIT 1"
        found = recorded_calls(self._store, where, (request_hash,))
        if found:
            return found[0]
        return self._cache.get(request_hash) if self._cache else None


def recorded_calls(store: Store, where: str = "1 ORDER BY id", parameters: Sequence[Any] = ()) -> list[CallRecord]:
    """Calls of the ledger.

    Args:
        store: of the run.
        where: SQL after WHERE, with question marks for the parameters.
        parameters: values.

    Raises:
        StoreError: the store cannot be read.
    """
    return [
        CallRecord.model_validate(
            {
                name: json.loads(value) if name in _JSON_COLUMNS and value is not None else value
                for name, value in zip(_COLUMNS, row, strict=True)
            }
        )
        for row in store.query(f"SELECT {', '.join(_COLUMNS)} FROM calls WHERE {where}", tuple(parameters))
    ]


class StoreMeter:
    """Counts in the run's store what calls cost, for all processes and resumes of the run; see `Meter`.

    Args:
        store: for the thread that calls it.
        key: what is counted together: hash of the teacher's settings, and for a `budget` inside them its place.
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    def begin(self, limits: Limits) -> str:
        """Counts a call, unless that would exceed a limit: then says which.

        Raises:
            StoreError: the store cannot be written.
        """
        with self._store.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO spent (teacher, calls) VALUES (?, 0)", (self._key,))
            rows = connection.execute(f"SELECT {_SPENT} FROM spent WHERE teacher = ?", (self._key,)).fetchall()
            reason = Spent(*rows[0]).exhausts(limits)
            if not reason:
                connection.execute("UPDATE spent SET calls = calls + 1 WHERE teacher = ?", (self._key,))
        return reason

    def end(self, completion: Completion | None, seconds: float) -> None:
        """Counts what a call cost.

        Raises:
            StoreError: the store cannot be written.
        """
        call = Spent(seconds=seconds) if completion is None else Spent().with_reply(completion, seconds)
        names = [field.name for field in fields(Spent)]
        with self._store.transaction() as connection:
            connection.execute(
                f"UPDATE spent SET {', '.join(f'{name} = {name} + ?' for name in names)} WHERE teacher = ?",
                (*astuple(call), self._key),
            )


_SPENT = ", ".join(field.name for field in fields(Spent))


def limits_of(budget: BudgetSpec) -> Limits:
    """What a run may spend on each teacher."""
    return Limits(
        calls=budget.teacher_calls,
        tokens=budget.teacher_tokens,
        cost=budget.teacher_cost,
        seconds=budget.teacher_seconds,
    )


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
        if held and int(held[0]) != os.getpid() and _alive(int(held[0])) and abs(now - held[1]) < _CLAIM_SECONDS:
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
