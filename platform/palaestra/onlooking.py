"""Teachers that look on: they reward what they see, and are asked about it while learning goes on.

Questions are numbered, and answers are taken in this order, so that one number says what a trial knew before an
iteration: a resumed or replayed trial has the same answers before the same iterations.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import Feedback, LessonRefused, LessonRequest, Onlooker, Remark, TeacherUnavailable
from pydantic import BaseModel, ConfigDict, Field

from palaestra.asking import (
    SECONDS_BETWEEN_LOOKS,
    SECONDS_FOR_CALLS_UNDER_WAY,
    Asker,
    LessonError,
    TeacherSettingsError,
    lessons_key,
)
from palaestra.bank import USABLE, LevelBank, lesson_json
from palaestra.late_replay import newest_by_iteration, recorded_of
from palaestra.lessons import LessonSupply
from palaestra.measured import MeasuredWorld
from palaestra.progress import Position
from palaestra.recorder import TrialRecorder
from palaestra.replay import ReplayError, replays_late
from palaestra.run import Run
from palaestra.store import Store, TrialRow

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec

FINAL = ("budget",)
"""Kinds of failure after which nothing more is asked."""


class _Question(BaseModel):
    """A question whose answer was not taken yet."""

    number: int
    iteration: int
    """Iterations that were over when it was asked."""
    text: str


class _State(BaseModel):
    """Where a trial is with its questions; in checkpoints."""

    model_config = ConfigDict(extra="forbid")

    asked: int = 0
    asked_before: int = -1
    """Iterations that were over when the teacher last had its turn to ask."""
    open: list[_Question] = Field(default_factory=list)
    """In the order of their numbers."""
    ended: bool = False
    """Whether nothing more is asked."""
    events: list[tuple[str, str]] = Field(default_factory=list)
    """Kind and message of what is counted once the iteration to come is over; a trial may be saved before it."""


class OnlookerSupply(LessonSupply):
    """A trial's own teacher, which looks on.

    A question that comes to nothing is counted, and learning goes on without an answer.

    Args:
        run: the run folder.
        arm: whose teacher looks on.
        trial: whose supply it is.
        recorder: of the trial; counts failures.
        world: of the trial; the teacher looks on in it.

    Raises:
        TeacherSettingsError: answers are to be replayed as they came in, and there is no such record.
        StoreError: a store cannot be read.
    """

    def __init__(self, run: Run, arm: ArmSpec, trial: TrialRow, recorder: TrialRecorder, world: MeasuredWorld) -> None:
        super().__init__(arm)
        assert arm.teacher is not None
        onlooking = arm.teacher.onlooking
        assert onlooking is not None
        self.onlooking = onlooking
        self._trial = trial
        self._recorder = recorder
        self._world = world
        self._state = _State()
        self._teacher_state: dict[str, Any] | None = None
        self._teacher: Onlooker | None = None
        self._answers = _Answers(run, arm, lessons_key(arm, trial))
        self._recorded: dict[int, int] | None = None
        if replays_late(arm):
            try:
                self._recorded = newest_by_iteration(recorded_of(arm), trial)
            except ReplayError as error:
                raise TeacherSettingsError(f"the teacher of arm '{arm.name}' cannot be replayed: {error}") from error

    def start(self) -> None:
        teacher = self._answers.start()
        if self._teacher_state is not None:
            teacher.load_state_dict(self._teacher_state)
        teacher.begin(self._world.inner, self._trial.seed)
        self._teacher = self._world.onlooker = teacher
        for question in self._state.open:
            self._answers.ask(question.number, self._request(question))

    def fill(self, bank: LevelBank, store: Store, newest: int | None = None) -> None:
        """Worlds draw from no lessons."""

    def update(self, bank: LevelBank, store: Store, position: Position, stop: Callable[[], bool]) -> bool:
        due = self._due(position.iteration)
        if not self._answers.wait([question.number for question in due], stop):
            return False
        for question in due:
            self._take(question)
        if self._state.asked_before < position.iteration:
            self._state.asked_before = position.iteration
            self._ask(position.iteration)
        return False

    def newest(self, bank: LevelBank) -> int:
        return self._state.asked - len(self._state.open)

    def metrics(self) -> dict[str, float]:
        assert self._teacher is not None
        for kind, message in self._state.events:
            self._recorder.event(self._state.asked_before + 1, kind, message)
        self._state.events.clear()
        return {**self._teacher.metrics(), "lessons/open": float(len(self._state.open))}

    def observe(self, feedback: Feedback) -> None:
        assert self._teacher is not None
        self._teacher.observe(feedback)

    def state_dict(self) -> dict[str, Any]:
        assert self._teacher is not None
        return {"asking": self._state.model_dump(mode="json"), "teacher": self._teacher.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._state = _State.model_validate(state["asking"])
        self._teacher_state = state["teacher"]

    def close(self) -> None:
        self._answers.close()

    # ------------------------------------------------------------------------------------------ questions, answers

    def _due(self, iteration: int) -> list[_Question]:
        """The questions whose answers are taken before the next iteration."""
        waiting = self._state.open
        if self._recorded is not None:
            taken = self._state.asked - len(waiting)
            # A trial that goes on for longer than the recorded one has no more answers.
            return waiting[: max(0, self._recorded.get(iteration + 1, 0) - taken)]
        lag = self.onlooking.lag
        if lag is not None:
            return [question for question in waiting if question.iteration + lag <= iteration]
        there = 0
        while there < len(waiting) and self._answers.has(waiting[there].number):
            there += 1
        return waiting[:there]

    def _take(self, question: _Question) -> None:
        assert self._teacher is not None
        state, answer = self._state, self._answers.pop(question.number)
        state.open.remove(question)
        state.events += [(remark.kind, f"question {question.number}: {remark.message}") for remark in answer.remarks]
        if answer.content is None:
            state.events.append((answer.kind, f"question {question.number}: {answer.message}"))
        if answer.kind in FINAL and not state.ended:
            state.ended = True
            state.events.append((f"teacher_{answer.kind}", f"{answer.message}; nothing more is asked"))
        self._teacher.take(question.text, answer.content)

    def _ask(self, iteration: int) -> None:
        assert self._teacher is not None
        room = 0 if self._state.ended else self.onlooking.open - len(self._state.open)
        for text in list(self._teacher.questions(room))[:room]:
            question = _Question(number=self._state.asked, iteration=iteration, text=text)
            self._state.asked += 1
            self._state.open.append(question)
            self._answers.ask(question.number, self._request(question))

    def _request(self, question: _Question) -> LessonRequest:
        return LessonRequest(
            world_id=self.arm.world.id,
            turn=question.number,
            trial_seed=self._trial.seed,
            description=question.text,
        )


# ---------------------------------------------------------------------------------------------- asking


@dataclass(frozen=True)
class _Answer:
    """What came of a question: what a lesson says, or (content None) the kind of failure and why.

    Attributes:
        remarks: about what could not be used of it.
    """

    content: dict[str, Any] | None
    kind: str = ""
    message: str = ""
    remarks: tuple[Remark, ...] = ()


class _Answers:
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
        self._found: dict[int, _Answer] = {}
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

    def pop(self, number: int) -> _Answer:
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

    def _known(self, asker: Asker, number: int, request: LessonRequest) -> _Answer | None:
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
            return _Answer(None, kind, message)
        remarks = tuple(Remark.model_validate(remark) for remark in kept.get("remarks", ()))
        return _Answer(kept.get("content", {}), remarks=remarks)

    async def _propose(self, asker: Asker, number: int, request: LessonRequest) -> _Answer:
        try:
            lesson = await asker.propose(request)
        except (LessonRefused, TeacherUnavailable) as error:
            answer = _Answer(None, error.kind, str(error))
        except LessonError as error:
            answer = _Answer(None, "teacher_fault", str(error))
        else:
            kept, source = json.loads(lesson_json(lesson)), lesson.source
            whence = (source.request_hash, source.model, source.attempts)
            self._keep(asker, number, request, lesson.kind, kept, *whence, "kept", "")
            return _Answer(kept.get("content", {}), remarks=lesson.remarks)
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
