"""The run's store: one SQLite file with metrics, evaluations, lessons, calls and events of all trials.

Several processes use it at once, each through a `Store` of its own. `TrialRecorder` (recorder.py) writes what a trial
measures; the report reads through the functions of results.py.
"""

from __future__ import annotations

import ctypes
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 2
BUSY_SECONDS = 60.0
"""How long a process waits for another one's transaction."""

STATUSES = ("waiting", "running", "done", "failed", "interrupted")

_TABLES = """
CREATE TABLE trials (
    id INTEGER PRIMARY KEY, arm TEXT NOT NULL, seed INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting', started REAL, finished REAL, seconds REAL NOT NULL DEFAULT 0,
    steps INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', UNIQUE (arm, seed));
CREATE TABLE metrics (
    trial INTEGER NOT NULL, iteration INTEGER NOT NULL, step INTEGER NOT NULL, name TEXT NOT NULL, value REAL,
    PRIMARY KEY (trial, iteration, name)) WITHOUT ROWID;
CREATE TABLE evaluations (
    trial INTEGER NOT NULL, iteration INTEGER NOT NULL, step INTEGER NOT NULL, mode TEXT NOT NULL,
    episodes INTEGER NOT NULL, success REAL, return_mean REAL, return_std REAL, length_mean REAL,
    PRIMARY KEY (trial, iteration, mode));
CREATE TABLE lessons (
    id INTEGER PRIMARY KEY, teacher TEXT NOT NULL, level_seed INTEGER, kind TEXT NOT NULL, lesson TEXT,
    request_hash TEXT, model TEXT, attempts INTEGER NOT NULL DEFAULT 1, state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', created REAL NOT NULL, UNIQUE (teacher, level_seed));
CREATE TABLE lesson_progress (
    trial INTEGER NOT NULL, level_seed INTEGER NOT NULL, episodes INTEGER NOT NULL, successes INTEGER NOT NULL,
    subgoals INTEGER NOT NULL, reached TEXT NOT NULL, PRIMARY KEY (trial, level_seed)) WITHOUT ROWID;
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, teacher TEXT NOT NULL, time REAL NOT NULL, lesson_key TEXT NOT NULL,
    request_hash TEXT NOT NULL, backend TEXT NOT NULL, model TEXT NOT NULL, messages TEXT NOT NULL,
    response_schema TEXT, reply TEXT, parsed TEXT, error_kind TEXT, error TEXT, retry INTEGER NOT NULL DEFAULT 0,
    tokens_in INTEGER, tokens_out INTEGER, seconds REAL NOT NULL DEFAULT 0, price REAL, origin TEXT NOT NULL,
    identity TEXT NOT NULL DEFAULT '', sampling TEXT, part INTEGER NOT NULL DEFAULT 0,
    chosen INTEGER NOT NULL DEFAULT 1);
CREATE INDEX calls_by_request ON calls (request_hash);
CREATE INDEX calls_by_teacher ON calls (teacher);
CREATE TABLE claims (
    teacher TEXT NOT NULL, level_seed INTEGER NOT NULL, process TEXT NOT NULL, time REAL NOT NULL,
    PRIMARY KEY (teacher, level_seed)) WITHOUT ROWID;
CREATE TABLE spent (
    teacher TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0, uncounted INTEGER NOT NULL DEFAULT 0, unpriced INTEGER NOT NULL DEFAULT 0)
    WITHOUT ROWID;
CREATE TABLE events (
    id INTEGER PRIMARY KEY, trial INTEGER, iteration INTEGER, time REAL NOT NULL, kind TEXT NOT NULL,
    message TEXT NOT NULL);
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


_ADDED = {
    2: {
        "calls": {
            "identity": "TEXT NOT NULL DEFAULT ''",
            "sampling": "TEXT",
            "part": "INTEGER NOT NULL DEFAULT 0",
            "chosen": "INTEGER NOT NULL DEFAULT 1",
        },
        "spent": {
            "tokens": "INTEGER NOT NULL DEFAULT 0",
            "cost": "REAL NOT NULL DEFAULT 0",
            "seconds": "REAL NOT NULL DEFAULT 0",
            "uncounted": "INTEGER NOT NULL DEFAULT 0",
            "unpriced": "INTEGER NOT NULL DEFAULT 0",
        },
    }
}
"""By version: the columns that it added to tables of the one before."""


class StoreError(RuntimeError):
    """The store cannot be read or written; the message says which file, why, and what to do."""


def _added_since(version: int) -> Iterator[tuple[str, str, str]]:
    """Table, column and declaration."""
    for later in range(version + 1, SCHEMA_VERSION + 1):
        for table, columns in _ADDED.get(later, {}).items():
            for column, declaration in columns.items():
                yield table, column, declaration


class TrialRow(BaseModel):
    """One trial: an arm with a seed."""

    model_config = ConfigDict(frozen=True)
    id: int
    arm: str
    seed: int
    status: str
    started: float | None
    finished: float | None
    seconds: float
    steps: int
    message: str

    @property
    def name(self) -> str:
        """What messages and folders call it, e.g. "taught-seed0"."""
        return f"{self.arm}-seed{self.seed}"


class Store:
    """A connection to `run.sqlite`, for one thread of one process.

    Args:
        path: the file; made with its tables when it does not exist, unless `read_only`.
        read_only: for reports; writing raises StoreError.
        durable: wait at each commit until it is on the disk. Otherwise a commit survives the end of the process, and
            a power failure only once another connection has committed durably.

    Raises:
        StoreError: no such file, no store, written by a newer version, or it cannot be opened.
    """

    def __init__(self, path: Path, read_only: bool = False, durable: bool = True) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self._durable = durable
        if read_only and not self.path.exists():
            raise StoreError(f"{self.path} does not exist; is its folder that of a run?")
        self._connection = self._connect()
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        if self._is_read_only_now():
            # To close it would write to the log's index too, so it is left open, out of reach of the garbage collector.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
        else:
            self._connection.close()

    def _connect(self) -> sqlite3.Connection:
        options = ""
        if self.read_only:
            # In a folder that cannot be written, SQLite reads a store in WAL mode only if told that nobody writes it.
            frozen = not os.access(self.path.parent, os.W_OK) and not Path(f"{self.path}-wal").exists()
            options = "?immutable=1" if frozen else "?mode=ro"
        with self._errors():
            return sqlite3.connect(
                self.path.absolute().as_uri() + options, uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )

    def _prepare(self) -> None:
        with self._errors():
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if not self.read_only:
                # FULL: what is committed is on the disk before a checkpoint that builds on it is written.
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
        if version == 0 and not self.read_only:
            self._create()
        elif version == 0:
            raise StoreError(f"{self.path} holds no run; was its process stopped while it was being made?")
        elif version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} was written by a newer Palaestra (store version {version}; this one knows up to "
                f"{SCHEMA_VERSION}): update Palaestra to read it"
            )
        elif version < SCHEMA_VERSION and self.read_only:
            self._present()
        elif version < SCHEMA_VERSION:
            self._migrate()

    def _create(self) -> None:
        with self.transaction() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] != 0:
                return
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise StoreError(f"{self.path} is a database of something else; choose another run folder")
            for statement in _TABLES.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("INSERT INTO info VALUES ('schema_version', ?)", (json.dumps(SCHEMA_VERSION),))
            connection.execute("INSERT INTO info VALUES ('created', ?)", (json.dumps(time.time()),))

    def _migrate(self) -> None:
        """Adds what later versions have."""
        with self.transaction() as connection:
            # Another process may have done it meanwhile.
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            for table, column, declaration in _added_since(version):
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declaration}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _present(self) -> None:
        """Shows an older store as this version has it, and leaves it as it is."""
        with self._errors():
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            columns: dict[str, list[str]] = {}
            for table, column, declaration in _added_since(version):
                default = declaration.partition("DEFAULT ")[2] or "NULL"
                columns.setdefault(table, []).append(f"{default} AS {column}")
            for table, added in columns.items():
                self._connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {', '.join(added)} FROM main.{table}")

    # ------------------------------------------------------------------------------------------ access

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _check_writable(self) -> None:
        if self._is_read_only_now():
            raise sqlite3.OperationalError("attempt to write a readonly database")

    def _is_read_only_now(self) -> bool:
        """Whether the index of SQLite's log, which it maps into memory, has become read-only since it was opened.

        The next write to it there would end the process by SIGBUS.
        """
        index = f"{self.path}-shm"
        return not self.read_only and not os.access(index, os.W_OK) and os.path.exists(index)

    def _explain(self, error: sqlite3.Error) -> StoreError:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            advice = (
                "make room on the disk (or raise the file size limit), then resume the run, or give the command of the "
                "study again: nothing is lost"
            )
        elif "readonly" in text or "unable to open" in text:
            advice = "check that the folder exists and that you may write in it, then resume: nothing is lost"
        elif "locked" in text or "busy" in text:
            advice = f"another process has held it for {BUSY_SECONDS:.0f} s; end that process, then resume the run"
        elif "malformed" in text or "not a database" in text:
            advice = "the file is damaged or is no store; restore it from a copy, or start the run in a new folder"
        else:
            advice = "if it happens again, start the run in a new folder"
        return StoreError(f"{self.path}: {text}; {advice}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All writes inside are kept together or not at all.

        Raises:
            StoreError: they could not be kept; the store is as it was before.
        """
        with self._errors():
            self._check_writable()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a SELECT.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._errors():
            self._check_writable()
            return self._connection.execute(sql, parameters).fetchall()

    # ------------------------------------------------------------------------------------------ info and events

    def set_info(self, key: str, value: Any) -> None:
        """Keeps a JSON-able value, e.g. "machine", "versions", "command", "commit"."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO info VALUES (?, ?)", (key, json.dumps(value)))

    def info(self) -> dict[str, Any]:
        return {key: json.loads(value) for key, value in self.query("SELECT key, value FROM info ORDER BY key")}

    def event(self, kind: str, message: str, trial: int | None = None, iteration: int | None = None) -> None:
        """Counts a failure or a fallback, at once."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO events (trial, iteration, time, kind, message) VALUES (?, ?, ?, ?, ?)",
                (trial, iteration, time.time(), kind, message),
            )

    # ------------------------------------------------------------------------------------------ trials

    def add_trials(self, trials: Sequence[tuple[str, int]]) -> None:
        """Makes sure that these (arm, seed) have a row."""
        with self.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO trials (arm, seed) VALUES (?, ?)", trials)

    def trials(self) -> list[TrialRow]:
        """All trials in the order in which they were added."""
        rows = self.query(
            "SELECT id, arm, seed, status, started, finished, seconds, steps, message FROM trials ORDER BY id"
        )
        return [TrialRow(**dict(zip(TrialRow.model_fields, row, strict=True))) for row in rows]

    def trial(self, arm: str, seed: int) -> TrialRow:
        """One trial.

        Raises:
            StoreError: the run has no such trial.
        """
        trials = self.trials()
        for row in trials:
            if (row.arm, row.seed) == (arm, seed):
                return row
        known = ", ".join(row.name for row in trials) or "none"
        raise StoreError(f"{self.path} has no trial of arm '{arm}' with seed {seed}; it has: {known}")

    def set_status(self, trial: int, status: str, message: str = "") -> None:
        """Moves a trial to a status of STATUSES, with the time of it."""
        if status not in STATUSES:
            raise ValueError(f"'{status}' is no status of a trial; these are: {', '.join(STATUSES)}")
        now = time.time()
        with self.transaction() as connection:
            connection.execute("UPDATE trials SET status = ?, message = ? WHERE id = ?", (status, message, trial))
            if status == "running":
                connection.execute("UPDATE trials SET started = coalesce(started, ?) WHERE id = ?", (now, trial))
            else:
                connection.execute("UPDATE trials SET finished = ? WHERE id = ?", (now, trial))
