"""Lessons that came in while a recorded run learned, given again before the same iterations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

from palaestra.asking import TeacherSettingsError, teacher_hash
from palaestra.bank import LevelBank
from palaestra.ledger import StoreLedger, recorded_calls
from palaestra.lessons import NEWEST_LESSON, LessonSupply
from palaestra.progress import Position
from palaestra.replay import RecordedTeacher, ReplayError, replayed
from palaestra.run import Run
from palaestra.store import Store, TrialRow

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec


def copy_record(run: Run, arm: ArmSpec) -> None:
    """Puts the calls, lessons and failures of the teacher that an arm replays into a run, unless they are there.

    What the teacher was told then depended on the clock, so it is not asked again.

    Raises:
        ReplayError: there is no such record.
        StoreError: one of the stores cannot be used.
    """
    recorded = recorded_of(arm)
    teacher = teacher_hash(arm)
    with recorded.run.open_store(read_only=True) as source:
        calls = recorded_calls(source, "teacher = ? ORDER BY id", (recorded.teacher,))
        lessons = source.query(
            "SELECT level_seed, kind, lesson, request_hash, model, attempts, state, reason, created FROM lessons "
            "WHERE teacher = ? ORDER BY id",
            (recorded.teacher,),
        )
    with run.open_store() as store:
        if store.query("SELECT 1 FROM lessons WHERE teacher = ? LIMIT 1", (teacher,)):
            return
        ledger = StoreLedger(store, teacher)
        with store.transaction() as connection:
            # Of a copy that was interrupted.
            connection.execute("DELETE FROM calls WHERE teacher = ?", (teacher,))
        for call in calls:
            ledger.record(call.model_copy(update={"origin": "replay"}) if call.origin == "live" else call)
        with store.transaction() as connection:
            connection.executemany(
                "INSERT INTO lessons (teacher, level_seed, kind, lesson, request_hash, model, attempts, state, reason, "
                "created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(teacher, *lesson) for lesson in lessons],
            )
            connection.executemany(
                "INSERT INTO events (time, kind, message) VALUES (?, ?, ?)",
                [
                    (created, *_failure(level_seed, reason))
                    for level_seed, *_, state, reason, created in lessons
                    if state == "dropped"
                ],
            )


def _failure(level_seed: int, reason: str) -> tuple[str, str]:
    kind, _, message = reason.removeprefix("unavailable: ").partition(": ")
    return kind, f"level {level_seed}: {message}"


class LateReplay(LessonSupply):
    """Gives a trial the lessons that the same trial of a recorded run had, before the same iterations.

    Args:
        run: the run folder, into which the record was copied.
        arm: whose teacher replays.
        trial: whose supply it is.

    Raises:
        TeacherSettingsError: there is no such record or trial, or it does not say when its lessons came in.
        StoreError: a store cannot be read.
    """

    def __init__(self, run: Run, arm: ArmSpec, trial: TrialRow) -> None:
        super().__init__(arm)
        try:
            recorded = recorded_of(arm)
            newest = newest_by_iteration(recorded, trial)
        except ReplayError as error:
            raise TeacherSettingsError(f"the teacher of arm '{arm.name}' cannot be replayed: {error}") from error
        query = "SELECT id FROM lessons WHERE teacher = ? ORDER BY id"
        with recorded.run.open_store(read_only=True) as store:
            then = [id for (id,) in store.query(query, (recorded.teacher,))]
        with run.open_store(read_only=True) as store:
            now = [id for (id,) in store.query(query, (self.teacher,))]
        # Lessons were copied in their order, so the k-th of one store is the k-th of the other.
        self._newest = {iteration: ([0, *now])[bisect_right(then, id)] for iteration, id in newest.items()}

    def fill(self, bank: LevelBank, store: Store, newest: int | None = None) -> None:
        bank.update(store, self.teacher, self._newest[0] if newest is None else newest)

    def update(self, bank: LevelBank, store: Store, position: Position, stop: Callable[[], bool]) -> bool:
        # A trial that goes on for longer than the recorded one has no more lessons.
        newest = self._newest.get(position.iteration + 1)
        return newest is not None and bank.update(store, self.teacher, newest)


def recorded_of(arm: ArmSpec) -> RecordedTeacher:
    """The teacher that an arm replays."""
    recorded = replayed(arm)
    assert recorded is not None, "the arm replays"
    return recorded


def newest_by_iteration(recorded: RecordedTeacher, trial: TrialRow) -> dict[int, int]:
    """The newest lesson that a recorded trial had in each iteration; 0: before the first."""
    where = f"{recorded.run.folder}: trial {trial.name}"
    with recorded.run.open_store(read_only=True) as store:
        rows = store.query(
            "SELECT iteration, value FROM metrics JOIN trials ON trials.id = metrics.trial "
            "WHERE arm = ? AND seed = ? AND name = ?",
            (trial.arm, trial.seed, NEWEST_LESSON),
        )
    if not rows:
        raise ReplayError(
            f"{where} does not say when its lessons came in, so it cannot be replayed: it has not begun, there is no "
            "such trial, or an older Palaestra recorded it"
        )
    return {iteration: int(value) for iteration, value in rows}
