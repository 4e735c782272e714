"""Has a teacher's questions answered in a thread beside learning, and keeps what comes of them in the run's store."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import LessonRefused, LessonRequest, Onlooker, Remark, TeacherUnavailable

from palaestra.asking import SECONDS_BETWEEN_LOOKS, SECONDS_FOR_CALLS_UNDER_WAY, Asker, LessonError
from palaestra.bank import USABLE, lesson_json
from palaestra.run import Run

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec


@dataclass(frozen=True)
class Answer:
    """What came of a question: what a lesson says, or (content None) the kind of failure and why.

    Attributes:
        remarks: about what could not be used of it.
    """

    content: dict[str, Any] | None
    kind: str = ""
    message: str = ""
    remarks: tuple[Remark, ...] = ()


class Answers:
    """Has questions answered in a thread with an event loop of its own, and keeps what comes of them in the store.

    Args:
        run: the run folder.
        arm: whose teacher is asked.
        key: what the store knows its lessons by.
    """

    def __init__(self, run: Run, arm: ArmSpec, key: str) -> None:
        assert arm.teacher is not None
        self._run = run
        self._arm = arm
        self._settings = arm.teacher
        self._key = key
        self._changed = threading.Condition()
        self._found: dict[int, Answer] = {}
        self._error: Exception | None = None
        self._asker: Asker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[tuple[int, LessonRequest] | None] = asyncio.Queue()
        self._thread = threading.Thread(target=self._live, name="onlooker", daemon=True)

    def start(self) -> Onlooker:
        """The teacher, once it is built.

        Raises:
            LessonError, StoreError: it cannot be built.
        """
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._loop is not None or self._error is not None)
        self._check()
        assert self._asker is not None
        teacher = self._asker.teacher
        assert isinstance(teacher, Onlooker)
        return teacher

    def ask(self, number: int, request: LessonRequest) -> None:
        """Has a question answered; returns at once."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (number, request))

    def has(self, number: int) -> bool:
        with self._changed:
            return number in self._found

    def wait(self, numbers: list[int], stop: Callable[[], bool]) -> bool:
        """Waits until all of these are answered; False: the run was told to stop before.

        Raises:
            StoreError: answers cannot be kept.
        """
        with self._changed:
            while not all(number in self._found for number in numbers):
                self._check()
                if stop():
                    return False
                self._changed.wait(SECONDS_BETWEEN_LOOKS)
        self._check()
        return True

    def pop(self, number: int) -> Answer:
        """An answer that is there."""
        with self._changed:
            return self._found.pop(number)

    def close(self) -> None:
        """Finishes what was asked, unless that takes long."""
        if self._loop is not None:
            # It is closed already after an error.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._queue.put_nowait, None)
        if self._thread.is_alive():
            self._thread.join(2 * SECONDS_FOR_CALLS_UNDER_WAY)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _live(self) -> None:
        try:
            asker = Asker(self._run, self._arm)
            try:
                asyncio.run(self._serve(asker))
            finally:
                asker.close()
        except Exception as error:
            # Raised again in the trial's own thread.
            with self._changed:
                self._error = error
                self._changed.notify_all()

    async def _serve(self, asker: Asker) -> None:
        with self._changed:
            self._asker, self._loop = asker, asyncio.get_running_loop()
            self._changed.notify_all()
        tasks: set[asyncio.Task[None]] = set()
        places = asyncio.Semaphore(self._settings.concurrency)
        while (asked := await self._queue.get()) is not None:
            await places.acquire()
            task = asyncio.create_task(self._answer(asker, *asked))
            task.add_done_callback(lambda done: places.release())
            tasks.add(task)
            for done in [task for task in tasks if task.done()]:
                tasks.remove(done)
                done.result()
        if tasks:
            done, late = await asyncio.wait(tasks, timeout=SECONDS_FOR_CALLS_UNDER_WAY)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for task in done:
                task.result()

    async def _answer(self, asker: Asker, number: int, request: LessonRequest) -> None:
        try:
            answer = self._known(asker, number, request) or await self._propose(asker, number, request)
        except Exception as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()
            raise
        with self._changed:
            self._found[number] = answer
            self._changed.notify_all()

    def _known(self, asker: Asker, number: int, request: LessonRequest) -> Answer | None:
        """What came of the same question before the trial was interrupted."""
        rows = asker.store.query(
            "SELECT lesson, state, reason FROM lessons WHERE teacher = ? AND level_seed = ?", (self._key, number)
        )
        if not rows or rows[0][0] is None:
            return None
        text, state, reason = rows[0]
        kept = json.loads(text)
        if kept.get("question") != request.description:
            return None
        if state not in USABLE:
            kind, _, message = reason.partition(": ")
            return Answer(None, kind, message)
        remarks = tuple(Remark.model_validate(remark) for remark in kept.get("remarks", ()))
        return Answer(kept.get("content", {}), remarks=remarks)

    async def _propose(self, asker: Asker, number: int, request: LessonRequest) -> Answer:
        try:
            lesson = await asker.propose(request)
        except (LessonRefused, TeacherUnavailable) as error:
            answer = Answer(None, error.kind, str(error))
        except LessonError as error:
            answer = Answer(None, "teacher_fault", str(error))
        else:
            kept, source = json.loads(lesson_json(lesson)), lesson.source
            whence = (source.request_hash, source.model, source.attempts)
            self._keep(asker, number, request, lesson.kind, kept, *whence, "kept", "")
            return Answer(kept.get("content", {}), remarks=lesson.remarks)
        reason = f"{answer.kind}: {answer.message}"
        self._keep(asker, number, request, self._settings.kind, {"tasks": []}, None, None, 0, "dropped", reason)
        return answer

    def _keep(
        self, asker: Asker, number: int, request: LessonRequest, kind: str, content: dict[str, Any], *rest: Any
    ) -> None:
        text = json.dumps({**content, "question": request.description})
        with asker.store.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO lessons (teacher, level_seed, kind, lesson, request_hash, model, attempts, "
                "state, reason, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self._key, number, kind, text, *rest, time.time()),
            )
