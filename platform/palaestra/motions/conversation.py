"""A live conversation: a robot moves while a person talks to it, and what is said changes the program that runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from palaestra_teachers.base import LanguageModel, Ledger, LessonRefused, LessonRequest, TeacherUnavailable
from palaestra_teachers.rewards.lesson import RewardProgram
from palaestra_teachers.rewards.teacher import RewardTeacher

from palaestra.motions.driving import Measures, Reached, Robot, reached
from palaestra.motions.tasks import MotionStudy, MotionTask

SLICE = 0.1
"""Seconds of motion between two looks at whether something was said or answered."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Answered:
    """What became of an instruction: a new program, or why there is none and the robot goes on as before."""

    said: str
    lesson: RewardProgram | None
    why: str = ""


@dataclass(frozen=True)
class Moved:
    """What the robot reached of the running program's targets by now."""

    seconds: float
    """Since the program was taken up."""
    reached: list[Reached]


class Conversation:
    """A robot that stands at first, a teacher that keeps the dialogue, and the program that runs.

    Args:
        study: robot, teacher and planner; its tasks do not matter.
        model: whom the teacher asks.
        ledger: keeps the calls.
        seed: of robot and planner.

    Raises:
        ValueError: robot or teacher cannot be made.
    """

    def __init__(self, study: MotionStudy, model: LanguageModel, ledger: Ledger, seed: int = 0) -> None:
        standing = {"turns": [{"say": "Stand."}], "success": {"checks": [{"measure": "up", "least": -1}]}}
        self.robot = Robot(study, MotionTask.model_validate(standing), seed)
        self._world_id = study.world.id
        self._seed = seed
        self._teacher = RewardTeacher(study.rewards, model, self.robot.world, ledger)
        self._turns = 0
        self._measured: list[Measures] = []

    def say(self, text: str) -> Awaitable[Answered]:
        """Has the teacher turn an instruction into a program, which is not followed yet.

        Raises:
            StoreError: the ledger cannot keep a call.
        """
        # The robot is looked at now: by the time that the teacher is asked it may be moving in a thread.
        request = LessonRequest(
            world_id=self._world_id,
            turn=self._turns,
            trial_seed=self._seed,
            mission=text,
            description=self.robot.world.describe(0),
        )
        return self._ask(request)

    async def _ask(self, request: LessonRequest) -> Answered:
        try:
            lesson = await self._teacher.propose(request)
        except (LessonRefused, TeacherUnavailable) as error:
            return Answered(request.mission, None, str(error))
        self._turns += 1
        return Answered(request.mission, lesson)

    def take(self, lesson: RewardProgram) -> None:
        """Follows a program from now on."""
        self.robot.begin(lesson.motions)
        self._measured = []

    def move(self, seconds: float) -> None:
        """Goes on with the program that runs; before the first there is none, and nothing moves.

        Raises:
            PhysicsDiverged: the robot's state is not finite any more.
        """
        if self.robot.task is not None:
            self._measured += self.robot.follow(seconds)

    def moved(self) -> Moved:
        """What was reached by now."""
        found = reached(self.robot.world, self.robot.task, self._measured) if self._measured else []
        return Moved(len(self._measured) * self.robot.world.control_period, found)

    def close(self) -> None:
        self.robot.close()


Tell = Callable[[Answered | Moved], None]
Listen = Callable[[], Awaitable[str | None]]
"""Gives the next thing that is said, "" for a question how it is going, None when nothing more will be."""


async def talk_in_turns(conversation: Conversation, listen: Listen, tell: Tell, seconds: float) -> None:
    """Each instruction is answered, followed for so long, and only then is the next one heard: the same each time.

    Raises:
        PhysicsDiverged, StoreError: see `Conversation`.
    """
    while (text := await listen()) is not None:
        if text:
            answered = await conversation.say(text)
            tell(answered)
            if answered.lesson is None:
                continue
            conversation.take(answered.lesson)
            conversation.move(seconds)
        tell(conversation.moved())


async def talk_live(conversation: Conversation, listen: Listen, tell: Tell, seconds: float) -> None:
    """The robot moves all the time, no faster than in life, while it listens and while the teacher thinks.

    What a program comes to is told after it ran for so many seconds, and when it is asked for.

    Raises:
        PhysicsDiverged, StoreError: see `Conversation`.
    """
    while (text := await _meanwhile(conversation, listen(), tell, seconds)) is not None:
        if not text:
            tell(conversation.moved())
            continue
        answered = await _meanwhile(conversation, conversation.say(text), tell, seconds)
        tell(answered)
        if answered.lesson is not None:
            conversation.take(answered.lesson)


async def _meanwhile(conversation: Conversation, awaited: Awaitable[Answer], tell: Tell, seconds: float) -> Answer:
    """Moves the robot, slice by slice, until what is awaited is there."""
    task = asyncio.ensure_future(awaited)
    try:
        while not task.done():
            began, before = time.perf_counter(), conversation.moved().seconds
            await asyncio.to_thread(conversation.move, SLICE)
            after = conversation.moved()
            if before < seconds <= after.seconds:
                tell(after)
            await asyncio.sleep(max(0.0, SLICE - (time.perf_counter() - began)))
        return await task
    finally:
        task.cancel()
