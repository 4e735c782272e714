"""When teachers are asked: ahead of training in the parent process, or live beside it in each trial's own."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import Feedback

from palaestra.asking import SECONDS_FOR_CALLS_UNDER_WAY, Asker, LessonError, teacher_hash
from palaestra.bank import LevelBank
from palaestra.progress import LessonProgress, Listener, Position
from palaestra.replay import ReplayError, replays_late
from palaestra.run import Run
from palaestra.store import Store, StoreError

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_TO_WAIT_FOR_TEACHER = 5.0
NEWEST_LESSON = "lessons/newest"
"""Metric: id of the newest lesson that an iteration had (of a teacher that looks on, how many answers); kept where
lessons come in late, and replayed from."""


# ---------------------------------------------------------------------------------------------- ahead of training


class Preparation:
    """Has the teachers that are asked ahead of training asked, in a thread; an arm can start when its own is done.

    Args:
        run: the run folder.
        arms: names of the arms that are going to be trained.
        stop: says when to end it early.
    """

    def __init__(self, run: Run, arms: Sequence[str], stop: threading.Event) -> None:
        self._run = run
        self._stop = stop
        self._closed = threading.Event()
        self._messages: queue.SimpleQueue[LessonProgress] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._taught_by: dict[str, list[ArmSpec]] = {}
        for name in dict.fromkeys(arms):
            arm = run.spec.arm(name)
            if arm.teacher is None or arm.teacher.in_trial:
                continue
            if arm.teacher.mode == "ahead" or replays_late(arm):
                self._taught_by.setdefault(teacher_hash(arm), []).append(arm)
        self._pending = {arm.name for arms in self._taught_by.values() for arm in arms}
        self._patience = {
            arm.name: None if replays_late(arm) else arm.teacher.wait
            for arms in self._taught_by.values()
            for arm in arms
            if arm.teacher
        }
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._ask_all, name="teachers", daemon=True)

    def __enter__(self) -> Preparation:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join(2 * SECONDS_FOR_CALLS_UNDER_WAY)

    def ready(self, arm: str) -> bool:
        """Whether an arm can start: all of its lessons are there, or it waits for them no longer."""
        patience = self._patience.get(arm)
        return arm not in self._pending or (patience is not None and time.monotonic() - self._began >= patience)

    def look(self, tell: Listener) -> None:
        """Passes on how far the teachers are.

        Raises:
            LessonError, StoreError: asking failed.
        """
        while not self._messages.empty():
            tell(self._messages.get())
        if self._error is not None:
            raise self._error

    def finish(self, tell: Listener) -> None:
        """Waits until all arms can start, or the run is stopped.

        Raises:
            LessonError, StoreError: asking failed.
        """
        while self._thread.is_alive() and not all(map(self.ready, self._patience)):
            self._thread.join(SECONDS_BETWEEN_LOOKS)
            self.look(tell)
        self.look(tell)

    def _copy(self, arm: ArmSpec) -> None:
        """Raises LessonError when there is no record, StoreError when it cannot be read or copied."""
        from palaestra.late_replay import copy_record

        try:
            copy_record(self._run, arm)
        except ReplayError as error:
            raise LessonError(f"the teacher of arm '{arm.name}' cannot be replayed: {error}") from error

    def _should_stop(self) -> bool:
        return self._stop.is_set() or self._closed.is_set()

    def _ask_all(self) -> None:
        try:
            for arms in self._taught_by.values():
                if self._should_stop() or not self._ask(arms):
                    return
                self._pending -= {arm.name for arm in arms}
        except Exception as error:
            # Raised again by `look`, in the thread that waits.
            self._error = error

    def _ask(self, arms: Sequence[ArmSpec]) -> bool:
        """Asks one teacher about all levels that its arms need; False when the run was stopped meanwhile."""
        if replays_late(arms[0]):
            self._copy(arms[0])
            return True
        needed = max(arm.levels or 0 for arm in arms)
        names = tuple(arm.name for arm in arms)
        asked = _Asked(self._run, teacher_hash(arms[0]), names)
        if asked.enough(needed):
            return True
        asker = Asker(self._run, arms[0])
        try:
            asked.restore(asker)

            def tell(message: LessonProgress) -> None:
                self._messages.put(message.of_arms(names))

            ended = asyncio.run(asker.ask(range(needed), self._should_stop, tell))
            tell(asker.progress(range(needed)))
            asked.keep(asker, needed, ended)
        finally:
            asker.close()
        return ended != "stopped"


class _Asked:
    """What the store knows of an earlier asking of a teacher, so that a resumed run has the same lessons."""

    def __init__(self, run: Run, teacher: str, arms: Sequence[str]) -> None:
        self._key = f"asked/{teacher}"
        self._teacher = teacher
        with run.open_store() as store:
            self._info: dict[str, Any] = store.info().get(self._key, {})
            begun = any(row.arm in arms and row.steps > 0 for row in store.trials())
            # Without "ended" its process was killed meanwhile.
            if self._info.get("ended", "stopped") in ("unavailable", "stopped") and not begun:
                self._forget_unavailable(store)

    def _forget_unavailable(self, store: Store) -> None:
        """The model may answer by now, and no trial has learned without its lessons yet."""
        self._info["levels"] = 0
        with store.transaction() as connection:
            connection.execute(
                "DELETE FROM lessons WHERE teacher = ? AND state = 'dropped' AND reason LIKE 'unavailable: %'",
                (self._teacher,),
            )

    def enough(self, levels: int) -> bool:
        return self._info.get("levels", 0) >= levels

    def restore(self, asker: Asker) -> None:
        if "state" in self._info:
            asker.teacher.load_state_dict(self._info["state"])

    def keep(self, asker: Asker, levels: int, ended: str) -> None:
        known = 0 if ended == "stopped" else levels
        state = asker.teacher.state_dict()
        asker.store.set_info(self._key, {"levels": known, "ended": ended, "state": state})


# ---------------------------------------------------------------------------------------------- in a trial


class LessonSupply:
    """Where a trial's lessons come from: the store, which was filled ahead of training.

    Attributes:
        teacher: hash of the teacher's settings, under which the store keeps its lessons.
        late: whether lessons may come in while the trial learns.
    """

    def __init__(self, arm: ArmSpec) -> None:
        self.arm = arm
        self.teacher = teacher_hash(arm)
        self.late = arm.teacher is not None and arm.teacher.late

    def start(self) -> None:
        """Begins to ask."""

    def fill(self, bank: LevelBank, store: Store, newest: int | None = None) -> None:
        """At the beginning: puts into the bank what worlds draw from.

        Args:
            bank: as it was made.
            store: the run's.
            newest: id of the newest lesson that the bank had when the trial was saved; None: whatever there is.
        """
        bank.update(store, self.teacher, newest)

    def update(self, bank: LevelBank, store: Store, position: Position, stop: Callable[[], bool]) -> bool:
        """Before each iteration: brings the bank up to date.

        Returns:
            Whether what worlds draw from has changed.
        """
        # Lessons that were not waited for are still being asked for.
        return self.late and bank.update(store, self.teacher)

    def wants_evaluation(self, steps: int) -> bool:
        """Whether the agent is to be measured before training goes on."""
        return False

    def newest(self, bank: LevelBank) -> int:
        """What tells which lessons an iteration had: id of the newest."""
        return bank.newest

    def metrics(self) -> dict[str, float]:
        """What the teacher says of the iteration that has just ended."""
        return {}

    def observe(self, feedback: Feedback) -> None:
        """Tells the teacher how the agent does; one that was asked ahead has nothing left to say."""

    def state_dict(self) -> dict[str, Any] | None:
        """The teacher's state; None where there is no teacher in this process."""
        return None

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Before `start`: what `state_dict` gave."""

    def close(self) -> None:
        """Stops asking."""


class LiveSupply(LessonSupply):
    """Asks in a thread with an event loop of its own; learning never waits for it.

    A teacher that fails is counted in the store as "teacher_stopped", and training goes on with what there is.
    """

    def __init__(self, arm: ArmSpec, run: Run, trial: int) -> None:
        super().__init__(arm)
        self._run = run
        self._trial = trial
        self._closed = threading.Event()
        self._asker: Asker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._live, name="teacher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def update(self, bank: LevelBank, store: Store, position: Position, stop: Callable[[], bool]) -> bool:
        return bank.update(store, self.teacher)

    def observe(self, feedback: Feedback) -> None:
        self._call(lambda asker: asker.teacher.observe(feedback))

    def state_dict(self) -> dict[str, Any] | None:
        state = self._call(lambda asker: asker.teacher.state_dict())
        self._state = self._state if state is None else state
        return self._state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._state = state

    def close(self) -> None:
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(2 * SECONDS_FOR_CALLS_UNDER_WAY)

    def _call(self, function: Callable[[Asker], Any]) -> Any:
        """Runs a function between the teacher's own steps; None when there is no teacher yet, or it is too busy."""
        asker, loop = self._asker, self._loop
        if asker is None or loop is None or not self._thread.is_alive():
            return None

        async def call() -> Any:
            return function(asker)

        future = asyncio.run_coroutine_threadsafe(call(), loop)
        try:
            return future.result(SECONDS_TO_WAIT_FOR_TEACHER)
        except TimeoutError:
            future.cancel()
            return None

    def _live(self) -> None:
        try:
            asker = Asker(self._run, self.arm, patient=True)
            try:
                asyncio.run(self._serve(asker))
            finally:
                asker.close()
        except (LessonError, StoreError) as error:
            with self._run.open_store() as store:
                store.event("teacher_stopped", f"{error}; no more lessons come in", self._trial)

    async def _serve(self, asker: Asker) -> None:
        if self._state is not None:
            asker.teacher.load_state_dict(self._state)
        self._loop = asyncio.get_running_loop()
        self._asker = asker
        try:
            await asker.ask(range(self.arm.levels or 0), self._closed.is_set)
        except LessonError as error:
            message = f"{error}; no more lessons come in\n{traceback.format_exc()}"
            asker.store.event("teacher_stopped", message, self._trial)
        while not self._closed.is_set():
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
