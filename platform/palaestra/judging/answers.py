"""What judges answered: one SQLite file, each answer on the disk before the next pair is shown."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Choice = Literal["left", "right", "equal"]
CHOICES: tuple[str, ...] = get_args(Choice)

_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, judge TEXT NOT NULL, level INTEGER NOT NULL,
    left TEXT NOT NULL, right TEXT NOT NULL, choice TEXT NOT NULL)
"""
_APPLICATION = 0x50414C4A
"""SQLite's mark of whose file it is."""


class AnswersError(RuntimeError):
    """The file of answers cannot be used; the message says which, why and what to do."""


@dataclass(frozen=True)
class Answer:
    """One comparison.

    Attributes:
        judge: who answered.
        level: seed of the level that both clips show.
        left, right: names of the contestants, as they were shown.
        choice: which of the two does the task better.
        time: in seconds since 1970.
    """

    judge: str
    level: int
    left: str
    right: str
    choice: Choice
    time: float = 0.0

    @property
    def better(self) -> str | None:
        """The contestant that was chosen; None: neither."""
        return {"left": self.left, "right": self.right, "equal": None}[self.choice]


class Answers:
    """A file of answers; several processes may use it.

    Args:
        path: made where it is not there yet.

    Raises:
        AnswersError: it is another program's, it is damaged, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Autocommit: what is inserted is on the disk when `execute` returns. Threads take turns (server.py).
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare()
        except sqlite3.Error as error:
            raise AnswersError(f"{path} cannot be used for answers: {error}; name another file") from error

    def _prepare(self) -> None:
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        mark = self._connection.execute("PRAGMA application_id").fetchone()[0]
        if tables and mark != _APPLICATION:
            self._connection.close()
            raise AnswersError(f"{self.path} is another program's database; name another file")
        self._connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_TABLE)

    def add(self, answer: Answer) -> None:
        """Keeps an answer; it is safe when this returns. Raises AnswersError where it cannot be written."""
        row = (answer.time or time.time(), answer.judge, answer.level, answer.left, answer.right, answer.choice)
        try:
            self._connection.execute(
                "INSERT INTO answers (time, judge, level, left, right, choice) VALUES (?, ?, ?, ?, ?, ?)", row
            )
        except sqlite3.Error as error:
            raise AnswersError(f"{self.path}: the answer was not kept: {error}") from error

    def all(self) -> Sequence[Answer]:
        """In the order in which they were given."""
        rows = self._connection.execute("SELECT judge, level, left, right, choice, time FROM answers ORDER BY id")
        return [Answer(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()
