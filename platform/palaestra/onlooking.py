"""Teachers that look on: they reward what they see, and are asked about it while learning goes on.

Questions are numbered, and answers are taken in this order, so that one number says what a trial knew before an
iteration: a replayed trial has the same answers before the same iterations. So has a resumed one, but for a teacher
whose answers are taken when they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import Feedback, LessonRequest, Onlooker
from pydantic import BaseModel, ConfigDict, Field

from palaestra.answering import Answers
from palaestra.asking import TeacherSettingsError, lessons_key
from palaestra.bank import LevelBank
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
        self._answers = Answers(run, arm, lessons_key(arm, trial))
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
        # A trial that was saved before its next iteration has taken and asked already.
        if self._state.asked_before == position.iteration:
            return False
        due = self._due(position.iteration)
        if self._answers.wait([question.number for question in due], stop):
            for question in due:
                self._take(question)
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
