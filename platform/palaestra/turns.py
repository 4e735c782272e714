"""Teachers with a schedule: each trial asks its own in turns with training, and learning waits for the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import Feedback, Lesson, LessonRefused, LessonRequest, Practice, TeacherUnavailable
from pydantic import BaseModel, ConfigDict, Field

from palaestra.asking import SECONDS_BETWEEN_LOOKS, SECONDS_FOR_CALLS_UNDER_WAY, Asker, LessonError, lessons_key
from palaestra.bank import LevelBank, lesson_json
from palaestra.late_replay import LateReplay
from palaestra.lessons import LessonSupply, LiveSupply
from palaestra.measured import LessonCounts, MeasuredWorld
from palaestra.onlooking import OnlookerSupply
from palaestra.progress import Position
from palaestra.recorder import TrialRecorder
from palaestra.replay import replays_late
from palaestra.run import Run
from palaestra.store import Store, TrialRow

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec


class _Count(BaseModel):
    """Episodes of a row of the bank at one moment."""

    episodes: int = 0
    successes: int = 0
    returns: float = 0.0


class _State(BaseModel):
    """Where a trial is in its teacher's schedule; in checkpoints."""

    model_config = ConfigDict(extra="forbid")

    turn: int = -1
    """-1: it was not asked yet; as many as the schedule has: all turns are over."""
    stage: int = 0
    until: int = 0
    """Environment steps at which the stage is over."""
    tasks: list[dict[str, Any]] = Field(default_factory=list)
    """All tasks so far, in the order of the bank."""
    rows: list[int] = Field(default_factory=list)
    """Of the last lesson, in the order of its tasks; empty: there was none yet."""
    weights: list[float] = Field(default_factory=list)
    began: list[_Count] = Field(default_factory=list)
    """Of these rows, when the turn began."""
    feedback: Feedback | None = None
    teacher: dict[str, Any] | None = None
    events: list[tuple[int, str, str]] = Field(default_factory=list)
    """Iteration, kind and message of what is counted once that iteration is over; a trial may be saved before it."""


class TurnSupply(LessonSupply):
    """Asks a trial's own teacher whenever the stages of its last lesson are over.

    A question that comes to nothing is counted, and training goes on with the last lesson, or in the original as long
    as there was none.

    Args:
        run: the run folder.
        arm: whose teacher has a schedule.
        trial: whose supply it is.
        recorder: of the trial; counts failures.
        counts: of the trial's episodes, by row of the bank.
    """

    def __init__(self, run: Run, arm: ArmSpec, trial: TrialRow, recorder: TrialRecorder, counts: LessonCounts) -> None:
        super().__init__(arm)
        assert arm.teacher is not None
        schedule = arm.teacher.schedule
        assert schedule is not None
        self.schedule = schedule
        self.lessons = lessons_key(arm, trial)
        self._run = run
        self._trial = trial
        self._recorder = recorder
        self._counts = counts
        self._state = _State(stage=len(schedule.stages) - 1)
        self._asker: Asker | None = None
        self._runner = asyncio.Runner()

    def fill(self, bank: LevelBank, store: Store, newest: int | None = None) -> None:
        bank.add([bank.task_space.model_validate(task) for task in self._state.tasks])
        self._choose(bank)

    def update(self, bank: LevelBank, store: Store, position: Position, stop: Callable[[], bool]) -> bool:
        state = self._state
        if self._is_over or position.steps < state.until:
            return False
        if not self._at_end_of_turn:
            state.stage += 1
        elif state.turn + 1 < self.schedule.turns and not self._ask(bank, store, position, stop):
            return False
        else:
            state.turn += 1
            state.stage = 0
        if not self._is_over:
            state.until += self.schedule.stages[state.stage].steps
        self._choose(bank)
        return True

    def wants_evaluation(self, steps: int) -> bool:
        begun = self._state.turn >= 0 and not self._is_over
        return self.schedule.measured and begun and self._at_end_of_turn and steps >= self._state.until

    def metrics(self) -> dict[str, float]:
        for event in self._state.events:
            self._recorder.event(*event)
        self._state.events.clear()
        return {}

    def observe(self, feedback: Feedback) -> None:
        self._state.feedback = feedback

    def state_dict(self) -> dict[str, Any]:
        if self._asker:
            self._state.teacher = self._asker.teacher.state_dict()
        return self._state.model_dump(mode="json")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._state = _State.model_validate(state)

    def close(self) -> None:
        if self._asker:
            self._asker.close()
        self._runner.close()

    # ------------------------------------------------------------------------------------------ the schedule

    @property
    def _is_over(self) -> bool:
        return self._state.turn == self.schedule.turns

    @property
    def _at_end_of_turn(self) -> bool:
        return self._state.stage == len(self.schedule.stages) - 1

    def _choose(self, bank: LevelBank) -> None:
        """What worlds draw from in the current stage."""
        state = self._state
        in_lesson = 0 <= state.turn < self.schedule.turns and self.schedule.stages[state.stage].name == "lesson"
        bank.choose(state.rows if in_lesson and state.rows else None, state.weights)

    # ------------------------------------------------------------------------------------------ asking

    def _ask(self, bank: LevelBank, store: Store, position: Position, stop: Callable[[], bool]) -> bool:
        """Asks for the next turn's lesson; False when the run was told to stop before it came."""
        turn = self._state.turn + 1
        try:
            lesson = self._runner.run(_unless_stopped(self._propose(turn), stop))
        except (LessonRefused, TeacherUnavailable) as error:
            self._fail(store, position, turn, error.kind, str(error))
        except LessonError as error:
            self._fail(store, position, turn, "teacher_fault", str(error))
        else:
            if lesson is None:
                return False
            self._take(lesson, bank, store, position, turn)
        self._state.began = [self._count(row) for row in self._state.rows]
        return True

    async def _propose(self, turn: int) -> Lesson:
        asker, feedback = self._open_asker(), self._state.feedback
        if feedback is not None:
            asker.teacher.observe(feedback.model_copy(update={"practice": self._practice()}))
        request = LessonRequest(world_id=self.arm.world.id, turn=turn, trial_seed=self._trial.seed)
        return await asker.propose(request)

    def _open_asker(self) -> Asker:
        """Raises LessonError when the teacher cannot be built."""
        if self._asker is None:
            self._asker = Asker(self._run, self.arm)
            if self._state.teacher is not None:
                self._asker.teacher.load_state_dict(self._state.teacher)
        return self._asker

    def _take(self, lesson: Lesson, bank: LevelBank, store: Store, position: Position, turn: int) -> None:
        tasks = list(lesson.tasks())
        self._state.rows = bank.add(tasks)
        self._state.weights = list(lesson.weights() or [1.0] * len(tasks))
        self._state.tasks = [task.model_dump(mode="json") for task in bank.added()]
        for remark in lesson.remarks:
            self._record(position, turn, remark.kind, remark.message)
        source = lesson.source
        self._insert(
            store,
            turn,
            lesson.kind,
            lesson_json(lesson),
            source.request_hash,
            source.model,
            source.attempts,
            "kept",
            "",
        )

    def _fail(self, store: Store, position: Position, turn: int, kind: str, message: str) -> None:
        assert self.arm.teacher is not None
        instead = "the last lesson goes on" if self._state.rows else "the original goes on"
        self._record(position, turn, kind, f"{message}; {instead}")
        self._insert(store, turn, self.arm.teacher.kind, None, None, None, 0, "dropped", f"{kind}: {message}")

    def _record(self, position: Position, turn: int, kind: str, message: str) -> None:
        # Of the iteration to come: a trial that resumes from a checkpoint of the last one asks, and counts, again.
        self._state.events.append((position.iteration + 1, kind, f"turn {turn + 1}: {message}"))

    def _insert(self, store: Store, turn: int, *content: Any) -> None:
        with store.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO lessons (teacher, level_seed, kind, lesson, request_hash, model, attempts, "
                "state, reason, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self.lessons, turn, *content, time.time()),
            )

    # ------------------------------------------------------------------------------------------ practice

    def _count(self, row: int) -> _Count:
        counts = self._counts
        if row >= len(counts.episodes):
            return _Count()
        return _Count(
            episodes=int(counts.episodes[row]), successes=int(counts.successes[row]), returns=float(counts.returns[row])
        )

    def _practice(self) -> tuple[Practice, ...]:
        """How training has gone in each task of the last lesson since its turn began."""
        found = []
        for row, began in zip(self._state.rows, self._state.began, strict=True):
            now = self._count(row)
            episodes = now.episodes - began.episodes
            mean = 1.0 / max(episodes, 1)
            found.append(
                Practice(
                    episodes=episodes,
                    success=(now.successes - began.successes) * mean,
                    return_mean=(now.returns - began.returns) * mean,
                )
            )
        return tuple(found)


async def _unless_stopped(asking: Coroutine[Any, Any, Lesson], stop: Callable[[], bool]) -> Lesson | None:
    """What comes of asking; None when the run was told to stop and nothing came soon after."""
    task = asyncio.ensure_future(asking)
    while not task.done():
        await asyncio.wait([task], timeout=SECONDS_BETWEEN_LOOKS)
        if not task.done() and stop():
            await asyncio.wait([task], timeout=SECONDS_FOR_CALLS_UNDER_WAY)
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return None
    return task.result()


def open_supply(
    run: Run, arm: ArmSpec, trial: TrialRow, recorder: TrialRecorder, world: MeasuredWorld
) -> LessonSupply | None:
    """Where a trial's lessons come from; None for an arm without a teacher."""
    if arm.teacher is None:
        return None
    if arm.teacher.onlooking is not None:
        return OnlookerSupply(run, arm, trial, recorder, world)
    if arm.teacher.schedule is not None:
        return TurnSupply(run, arm, trial, recorder, world.lesson_counts)
    if replays_late(arm):
        return LateReplay(run, arm, trial)
    return LiveSupply(arm, run, trial.id) if arm.teacher.mode == "live" else LessonSupply(arm)
