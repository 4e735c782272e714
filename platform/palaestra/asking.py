"""Asks a teacher about levels, several at a time, and keeps what comes of it in the run's store."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palaestra_teachers.base import (
    LanguageModel,
    Lesson,
    LessonRefused,
    LessonRequest,
    Onlooker,
    Teacher,
    TeacherUnavailable,
)
from palaestra_teachers.llm.budget import BudgetModel
from palaestra_teachers.llm.cache import AnswerCache, CacheError
from palaestra_teachers.llm.prices import PricedModel
from palaestra_worlds.base import TaskError, World

from palaestra.bank import USABLE, lesson_json
from palaestra.build import make_teacher, make_world
from palaestra.ledger import StoreLedger, StoreMeter, calls_spent, claim, limits_of
from palaestra.progress import LessonProgress
from palaestra.replay import replayed
from palaestra.run import Run, short_hash
from palaestra.store import Store, StoreError, TrialRow

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec

SECONDS_FOR_CALLS_UNDER_WAY = 5.0
"""How long answers are waited for that were asked for when the run was told to stop."""
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_OF_PAUSE = 60.0
"""Live, a model that does not answer is left alone for so long."""


_ENDS = ("budget", "unavailable")
"""Why levels may be left without a lesson."""


class LessonError(RuntimeError):
    """A teacher cannot be built, or has a fault that is not a matter of one bad reply; the message says which."""


class TeacherSettingsError(LessonError):
    """A teacher cannot be built from its settings and the environment (a key that is not set); the message says why."""


def teacher_hash(arm: ArmSpec) -> str:
    """What the lessons of a teacher go by in the store: the same for arms that would be taught the same."""
    assert arm.teacher is not None
    return short_hash({"world": arm.world.identity(), "teacher": arm.teacher.identity()}, digits=12)


def lessons_key(arm: ArmSpec, trial: TrialRow) -> str:
    """What the store knows the lessons of a trial's own teacher by; `level_seed` is then the turn, or the question."""
    return f"{teacher_hash(arm)}/{trial.name}"


def check_teachers(run: Run, arms: Iterable[str]) -> None:
    """Builds the models of these arms' teachers that still have levels to be asked about, and asks them nothing.

    Teachers that each trial asks for itself are built as a whole: trials go on without one that fails, so what is wrong
    with its settings must show before.

    Raises:
        TeacherSettingsError: one cannot be built.
        StoreError: the store cannot be read.
    """
    from palaestra_teachers.llm.build import build_model

    taught = [run.spec.arm(name) for name in dict.fromkeys(arms) if run.spec.arm(name).teacher is not None]
    with run.open_store(read_only=True) as store:
        for arm in taught:
            assert arm.teacher is not None
            if arm.teacher.in_trial:
                Asker(run, arm).close()
                continue
            query = "SELECT count(*) FROM lessons WHERE teacher = ? AND level_seed < ?"
            if store.query(query, (teacher_hash(arm), arm.levels or 0))[0][0] >= (arm.levels or 0):
                continue
            try:
                build_model(arm.teacher.model)
            except ValueError as error:
                raise TeacherSettingsError(f"the teacher of arm '{arm.name}' cannot be built: {error}") from error


def _cache(folder: Path | None) -> AnswerCache | None:
    """Raises StoreError when it cannot be used."""
    try:
        return AnswerCache(folder) if folder else None
    except CacheError as error:
        raise StoreError(f"teacher.cache: {error}") from error


def random_request(teacher: Teacher, world: World, level_seed: int, most_steps: int = 512) -> LessonRequest:
    """What a teacher that looks on asks first while somebody plays at random.

    Args:
        teacher: an `Onlooker`, new.
        world: a small one.
        level_seed: of the level that play begins in; its random numbers depend on it.
        most_steps: after which it is looked at no longer.

    Raises:
        LessonRefused: it asked nothing.
    """
    assert isinstance(teacher, Onlooker)
    world.reset(seed=[level_seed + index for index in range(world.num_envs)])
    teacher.begin(world, level_seed)
    world.action_space.seed(level_seed % 2**31)
    for _ in range(most_steps):
        observations, _, terminated, truncated, infos = world.step(world.action_space.sample())
        teacher.see(observations, infos, terminated | truncated)
        if questions := teacher.questions(1):
            return LessonRequest(world_id=world.id, turn=0, trial_seed=level_seed, description=questions[0])
    raise LessonRefused("no_question", f"it asked nothing in {most_steps} steps of random play")


class Asker:
    """Asks one teacher about levels, several at a time, and keeps every lesson and every failure in the store.

    Made and used in one thread.

    Args:
        run: the run folder.
        arm: whose teacher it is.
        patient: pause when the model does not answer, rather than give up.

    Raises:
        TeacherSettingsError: the teacher or its model cannot be built.
        StoreError: the store or the cache cannot be used.
    """

    def __init__(self, run: Run, arm: ArmSpec, patient: bool = False) -> None:
        assert arm.teacher is not None
        self.arm = arm
        self.hash = teacher_hash(arm)
        self.store = Store(run.store_path, durable=False)
        self._settings = arm.teacher
        self._cache = _cache(arm.teacher.cache)
        # Tasks are tried out in a world that the teacher does not use.
        self._world = make_world(arm, 1)
        self._trial_world = make_world(arm, 1)
        ledger = StoreLedger(self.store, self.hash, self._cache)
        try:
            self.teacher = make_teacher(arm, self._world, ledger, self._counted, self._meter)
        except ValueError as error:
            raise TeacherSettingsError(f"the teacher of arm '{arm.name}' cannot be built: {error}") from error
        if self._settings.onlooking is not None and not isinstance(self.teacher, Onlooker):
            raise TeacherSettingsError(
                f"the teacher of arm '{arm.name}' cannot be built: '{arm.teacher.kind}' is to look on, and lacks "
                f"something of palaestra_teachers.base.Onlooker"
            )
        self._patient = patient
        self._recorded = replayed(arm)
        self._silent = 0
        self._stopped = ""
        self._refusal = "the budget is spent"
        self.failures: Counter[str] = Counter()

    def _counted(self, model: LanguageModel) -> LanguageModel:
        """A model whose calls have a price and count against the run's budget."""
        priced = PricedModel(model, self._settings.prices) if self._settings.prices else model
        return BudgetModel(limits_of(self.arm.budget), priced, self._meter(""))

    def _meter(self, place: str) -> StoreMeter:
        return StoreMeter(self.store, f"{self.hash}/{place}" if place else self.hash)

    def close(self) -> None:
        self.store.close()
        if self._cache:
            self._cache.close()
        self._world.close()
        self._trial_world.close()

    async def ask(
        self, levels: Iterable[int], stop: Callable[[], bool], tell: Callable[[LessonProgress], None] | None = None
    ) -> str:
        """Asks about each level that has no answer yet, until `stop`; levels that fail have no lesson.

        Returns:
            Why it ended before the last level: "" (it did not), "stopped", "budget" or "unavailable".

        Raises:
            LessonError: the teacher has a fault.
            StoreError: the store cannot be written.
        """
        levels = list(levels)
        remaining = iter([level for level in levels if not self._recorded or self._recorded.asked_about(level)])
        tasks = [asyncio.create_task(self._work(remaining, stop)) for _ in range(self._settings.concurrency)]
        try:
            while not all(task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=SECONDS_BETWEEN_LOOKS, return_when=asyncio.FIRST_EXCEPTION)
                if tell:
                    tell(self.progress(levels))
                for task in tasks:
                    if task.done():
                        task.result()
                if stop():
                    await asyncio.wait(tasks, timeout=SECONDS_FOR_CALLS_UNDER_WAY)
                    break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._recorded and self._recorded.ended in _ENDS:
            self._stopped = self._recorded.ended
        if self._stopped:
            self._count_untaught(levels)
        return "stopped" if stop() else self._stopped

    def progress(self, levels: Sequence[int]) -> LessonProgress:
        """How far it is with these levels."""
        states = dict(
            self.store.query(
                "SELECT state, count(*) FROM lessons WHERE teacher = ? AND level_seed <= ? GROUP BY state",
                (self.hash, max(levels, default=-1)),
            )
        )
        return LessonProgress(
            teacher=self.hash,
            arms=(self.arm.name,),
            levels=len(levels),
            kept=sum(states.get(state, 0) for state in USABLE),
            dropped=states.get("dropped", 0),
            calls=calls_spent(self.store, self.hash),
            failures=dict(self.failures),
            message=self._stopped,
        )

    async def _work(self, remaining: Iterable[int], stop: Callable[[], bool]) -> None:
        for level_seed in remaining:
            if self._stopped or stop():
                return
            if claim(self.store, self.hash, level_seed):
                await self._ask(level_seed)
            # A teacher that answers without waiting must leave the others their turn.
            await asyncio.sleep(0)

    async def propose(self, request: LessonRequest) -> Lesson:
        """One lesson, which the world can carry out.

        Raises:
            LessonRefused: no reply was usable.
            TeacherUnavailable: the model gave no reply.
            LessonError: the teacher has a fault.
            StoreError: the store cannot be written.
        """
        try:
            lesson = await self.teacher.propose(request)
            if tasks := lesson.tasks():
                self._trial_world.draw_from(tasks)
        except TaskError as error:
            raise LessonRefused("impossible_task", str(error)) from error
        except (LessonRefused, TeacherUnavailable, StoreError):
            raise
        except CacheError as error:
            raise StoreError(str(error)) from error
        except Exception as error:
            where = f"turn {request.turn}" if request.level_seed is None else f"level {request.level_seed}"
            raise LessonError(
                f"teacher '{self._settings.kind}' has a fault: {type(error).__name__}: {error} (at {where})"
            ) from error
        return lesson

    async def _ask(self, level_seed: int) -> None:
        try:
            lesson = await self.propose(self._request(level_seed))
        except LessonRefused as error:
            self._drop(level_seed, error.kind, str(error))
        except TeacherUnavailable as error:
            if error.kind == "unrecorded":
                raise LessonError(str(error)) from error
            self._drop(level_seed, error.kind, str(error), "unavailable: ")
            if error.kind == "budget":
                self._refusal = str(error)
            await self._unavailable(error.kind)
        else:
            self._silent = 0
            self._keep(level_seed, lesson)

    def _request(self, level_seed: int) -> LessonRequest:
        """The level as the teacher is told it; of a teacher with a schedule the number is that of its turn.

        Of one that looks on: what it asks after random play that begins in the level.

        Raises:
            LessonRefused: that was nothing.
        """
        if self._settings.schedule is not None:
            return LessonRequest(world_id=self._world.id, turn=level_seed)
        if self._settings.onlooking is not None:
            return random_request(self.teacher, self._world, level_seed)
        observations, _ = self._world.reset(seed=[level_seed])
        mission = observations["mission"][0] if "mission" in observations else ""
        return LessonRequest(
            world_id=self._world.id,
            level_seed=level_seed,
            mission=str(mission),
            description=self._world.describe(0),
        )

    async def _unavailable(self, kind: str) -> None:
        if self._recorded:
            # What the recorded run did then is known.
            return
        if kind == "budget":
            self._stopped = "budget"
            return
        self._silent += 1
        if self._silent < max(8, 2 * self._settings.concurrency):
            return
        self._silent = 0
        if self._patient:
            await asyncio.sleep(SECONDS_OF_PAUSE)
        else:
            self._stopped = "unavailable"

    def _keep(self, level_seed: int, lesson: Lesson) -> None:
        source = lesson.source
        self._insert(
            level_seed, lesson.kind, lesson_json(lesson), source.request_hash, source.model, source.attempts, "kept", ""
        )

    def _drop(self, level_seed: int, kind: str, message: str, prefix: str = "") -> None:
        self.failures[kind] += 1
        reason = f"{prefix}{kind}: {message}"
        self._insert(level_seed, self._settings.kind, None, None, None, 0, "dropped", reason)
        self.store.event(kind, f"level {level_seed}: {message}")

    def _insert(self, level_seed: int, *content: Any) -> None:
        with self.store.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO lessons (teacher, level_seed, kind, lesson, request_hash, model, attempts, "
                "state, reason, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self.hash, level_seed, *content, time.time()),
            )

    def _count_untaught(self, levels: Sequence[int]) -> None:
        untaught = len(levels) - self.progress(levels).kept
        why = self._refusal if self._stopped == "budget" else "the model does not answer"
        self.store.event(f"teacher_{self._stopped}", f"{why}: {untaught} of {len(levels)} levels have no lesson")
