"""What one trial measures, on its way into the run's store and the event files that TensorBoard reads."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from palaestra.checkpoint import writing
from palaestra.store import Store

if TYPE_CHECKING:
    from palaestra.evaluation import Evaluation
    from palaestra.measured import LessonCounts

SECONDS_BETWEEN_COMMITS = 1.0


class TrialRecorder:
    """Collects rows of one trial and commits them together.

    What is not committed when the process dies lies after the last checkpoint, so a resumed trial measures it again.

    Args:
        store: the run's, open in this process.
        trial: row id of the trial.
        events: folder of the trial's TensorBoard files; None: there are none.
    """

    def __init__(self, store: Store, trial: int, events: Path | None = None) -> None:
        self.store = store
        self.trial = trial
        self._metrics: list[tuple[int, int, int, str, float | None]] = []
        self._evaluations: list[tuple[Any, ...]] = []
        self._events: list[tuple[int, int | None, float, str, str]] = []
        self._progress: list[tuple[int, int, int, int, int, str]] = []
        self._files = EventFile(events) if events else None
        self._committed = time.monotonic()

    def metrics(self, iteration: int, step: int, values: dict[str, float]) -> None:
        """Numbers of one iteration; one that is not finite is kept as missing."""
        for name, value in values.items():
            number = float(value)
            self._metrics.append((self.trial, iteration, step, name, number if math.isfinite(number) else None))

    def evaluation(self, iteration: int, step: int, mode: str, result: Evaluation) -> None:
        """An evaluation: mode "alone" (without any lesson) or "taught" (with lessons given).

        Of one alone the rate of each of several objectives is kept as the metric "objective/<name>", the mean of each
        number that the world measures besides as "evaluation/<name>", and the score of worlds that have a measure of
        their own as "score".
        """
        numbers = (result.success, result.return_mean, result.return_std, result.length_mean)
        self._evaluations.append((self.trial, iteration, step, mode, result.episodes, *numbers))
        if mode == "alone" and len(result.objectives) > 1:
            self.metrics(iteration, step, {f"objective/{name}": rate for name, rate in result.rates.items()})
        if mode == "alone" and result.score is not None:
            self.metrics(iteration, step, {"score": result.score})
        if mode == "alone":
            means = {f"evaluation/{name}": float(values.mean()) for name, values in result.numbers.items()}
            self.metrics(iteration, step, means)

    def event(self, iteration: int | None, kind: str, message: str) -> None:
        """Counts a failure or a fallback."""
        self._events.append((self.trial, iteration, time.time(), kind, message))

    def lesson_progress(self, keys: list[int], subgoals: list[int], counts: LessonCounts) -> None:
        """How far agents got in each level: keys are level seeds, in the order of the bank's rows."""
        self._progress = [
            (
                self.trial,
                key,
                int(counts.episodes[row]),
                int(counts.successes[row]),
                subgoals[row],
                json.dumps(counts.reached_at_least(row)),
            )
            for row, key in enumerate(keys[: len(counts.episodes)])
            if counts.episodes[row]
        ]

    @property
    def due(self) -> bool:
        """Whether enough time has passed to show what there is."""
        return time.monotonic() - self._committed >= SECONDS_BETWEEN_COMMITS

    def commit(self, steps: int, seconds: float) -> None:
        """Keeps everything collected so far, in one transaction, and the trial's steps and seconds with it.

        Raises:
            StoreError: it could not be kept; the collected rows stay here.
        """
        with self.store.transaction() as connection:
            self._insert(connection)
            connection.execute("UPDATE trials SET steps = ?, seconds = ? WHERE id = ?", (steps, seconds, self.trial))
        if self._files:
            with _file_errors(self._files.folder):
                self._files.add_scalars(self._scalars())
        for rows in (self._metrics, self._evaluations, self._events, self._progress):
            rows.clear()
        self._committed = time.monotonic()

    def _insert(self, connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?)", self._metrics)
        connection.executemany(
            "INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._evaluations
        )
        connection.executemany(
            "INSERT INTO events (trial, iteration, time, kind, message) VALUES (?, ?, ?, ?, ?)", self._events
        )
        connection.executemany("INSERT OR REPLACE INTO lesson_progress VALUES (?, ?, ?, ?, ?, ?)", self._progress)

    def _scalars(self) -> Iterator[tuple[int, str, float]]:
        for _, _, step, name, value in self._metrics:
            if value is not None:
                yield step, name, value
        for _, _, step, mode, _, success, return_mean, _, length_mean in self._evaluations:
            yield step, f"evaluation/{mode}_success", success
            yield step, f"evaluation/{mode}_return", return_mean
            yield step, f"evaluation/{mode}_length", length_mean

    def roll_back(self, iteration: int, step: int) -> None:
        """Forgets what the store holds of this trial beyond an iteration, to measure it again.

        Raises:
            StoreError: the store cannot be written.
        """
        with self.store.transaction() as connection:
            for table in ("metrics", "evaluations", "events"):
                connection.execute(f"DELETE FROM {table} WHERE trial = ? AND iteration > ?", (self.trial, iteration))
            connection.execute("DELETE FROM lesson_progress WHERE trial = ?", (self.trial,))
        if self._files:
            with _file_errors(self._files.folder):
                self._files.restart(step + 1)

    def close(self) -> None:
        if self._files:
            self._files.close()


def _file_errors(folder: Path) -> AbstractContextManager[None]:
    return writing(folder, "resume the run: nothing is lost")


_PREFIX = "events.out.tfevents."


def _later_than(folder: Path) -> int:
    """Microseconds, now or later, for the name of a file that comes after those of a folder.

    TensorBoard reads them in the order of their names, also where the clock was set back meanwhile.
    """
    numbers = (path.name.removeprefix(_PREFIX).split(".")[:2] for path in folder.glob(f"{_PREFIX}*.palaestra"))
    return max([time.time_ns() // 1000, *(int(seconds) * 10**6 + int(rest) + 1 for seconds, rest in numbers)])


class EventFile:
    """Scalars as TensorBoard reads them.

    Written without TensorBoard's own writer, whose background thread would lose errors.

    Args:
        folder: of one trial; each process that writes there makes a file of its own in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: BinaryIO | None = None
        self._writer: Any = None
        self._first_step: int | None = None

    def restart(self, step: int) -> None:
        """Whatever earlier files hold from this step on no longer counts."""
        self._first_step = step

    def add_scalars(self, scalars: Iterator[tuple[int, str, float]]) -> None:
        """Writes (step, name, value) and flushes.

        Raises:
            OSError: the file cannot be written.
        """
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

        by_step: dict[int, list[Any]] = {}
        for step, name, value in scalars:
            by_step.setdefault(step, []).append(Summary.Value(tag=name, simple_value=value))
        if not by_step:
            return
        self._open()
        assert self._file is not None
        now = time.time()
        for step, values in by_step.items():
            self._write(Event(wall_time=now, step=step, summary=Summary(value=values)))
        self._file.flush()

    def _open(self) -> None:
        if self._file is not None:
            return
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.summary.writer.record_writer import RecordWriter

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{_PREFIX}{_later_than(self.folder) / 1e6:.6f}.palaestra"
        self._file = path.open("xb", buffering=1 << 16)
        self._writer = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        if self._first_step is not None:
            # TensorBoard drops what it has read from this step on when it meets a START.
            start = SessionLog(status=SessionLog.START)
            self._write(Event(wall_time=time.time(), step=self._first_step, session_log=start))

    def _write(self, event: Any) -> None:
        self._writer.write(event.SerializeToString())

    def close(self) -> None:
        """Raises OSError when the last of it cannot be written."""
        if self._file is not None:
            self._file.close()
            self._file = None
