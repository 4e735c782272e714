"""What a teacher must hold, whatever it teaches: `python -m palaestra.testing --teacher NAME`."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from typing import Any

import numpy as np
import pytest
from palaestra_teachers.base import (
    Feedback,
    LanguageModel,
    Lesson,
    LessonRefused,
    LessonRequest,
    Onlooker,
    Teacher,
    TeacherUnavailable,
)
from palaestra_worlds.base import TaskError, World

from palaestra import tree
from palaestra.testing.around import MemoryLedger
from palaestra.testing.cases import TeacherCase
from palaestra.testing.models import Counted, Says
from palaestra.testing.rollouts import assert_equal

SECONDS = 60
BAD_REPLIES = (
    "",
    "I am sorry, but I cannot help with that.",
    "{",
    "[]",
    "null",
    '{"no_such_key": 1}',
    '{"subgoals": 7, "environments": 7, "start": "x", "task": null}',
    "[" * 10_000,
    "9" * 10_000,
    '{"x": NaN, "y": 1e999}',
    "{}\ufeff\x00\ud7ff<script>alert(1)</script>",
)


def ask(teacher: Teacher, request: LessonRequest) -> Lesson | LessonRefused | TeacherUnavailable:
    """The lesson, or the named refusal."""

    async def propose() -> Lesson:
        proposal = teacher.propose(request)
        assert inspect.isawaitable(proposal), "propose must be a coroutine: write `async def propose`"
        return await asyncio.wait_for(proposal, SECONDS)

    try:
        return asyncio.run(propose())
    except (LessonRefused, TeacherUnavailable) as refusal:
        return refusal


def lessons(case: TeacherCase, teacher: Teacher, world: World) -> dict[int, Lesson]:
    """The levels, or turns, that it has a lesson for; skips the test when it has none."""
    answers = {}
    for number in case.numbers:
        if case.is_scheduled:
            teacher.observe(Feedback(step=number))
        answers[number] = ask(teacher, case.request(world, number))
    found = {number: answer for number, answer in answers.items() if isinstance(answer, Lesson)}
    if not found:
        refusals = "; ".join(f"{number}: {answer}" for number, answer in answers.items())
        pytest.skip(f"it has no lesson for any of these levels: {refusals}. Give --world or --model")
    return found


def test_it_has_everything_that_a_teacher_has(teacher_case: TeacherCase) -> None:
    teacher = teacher_case.make()
    assert isinstance(teacher, Teacher), f"{type(teacher).__name__} lacks something of palaestra_teachers.base.Teacher"
    assert isinstance(teacher_case.world_settings, dict), "Config.world_settings() must give a dict of world settings"


def test_a_lesson_holds_tasks_that_its_world_carries_out(teacher_case: TeacherCase) -> None:
    world, trial = teacher_case.make_world(), teacher_case.make_world()
    for level, lesson in lessons(teacher_case, teacher_case.make(world), world).items():
        tasks = lesson.tasks()
        if teacher_case.is_onlooker:
            assert not tasks, "nobody draws from the tasks of a teacher that looks on: say it in `content()`"
            json.dumps(lesson.content(), allow_nan=False)
            continue
        assert tasks, f"the lesson for level {level} has no task"
        for task in tasks:
            assert isinstance(task, world.task_space), (
                f"{task!r} is no {world.task_space.__name__}, which is what {world.id} takes"
            )
        try:
            trial.draw_from(tasks)
        except TaskError as error:
            pytest.fail(
                f"level {level}: {world.id} cannot carry the lesson out: {error}. Try it with `world.draw_from(tasks)` "
                "in propose, and raise LessonRefused('impossible_task', ...)"
            )
        assert type(lesson).kind != Lesson.kind, f"{type(lesson).__name__} needs `kind: ClassVar[str] = <its name>`"
        assert lesson.source.model, "LessonSource.model must say who answered; without a model, what did"
        assert lesson.source.attempts >= 1, "LessonSource.attempts counts the calls, from 1"
        json.dumps(lesson.model_dump(mode="json"), allow_nan=False)


def test_the_same_level_has_the_same_lesson(teacher_case: TeacherCase) -> None:
    world = teacher_case.make_world()
    first = lessons(teacher_case, teacher_case.make(world), world)
    assert first == lessons(teacher_case, teacher_case.make(world), world), (
        "a new teacher of the same settings gives other lessons"
    )


def test_several_levels_at_once_have_the_lessons_that_each_has_alone(teacher_case: TeacherCase) -> None:
    world = teacher_case.make_world()
    if teacher_case.is_scheduled:
        pytest.skip("it is asked one thing at a time")
    alone = lessons(teacher_case, teacher_case.make(world), world)
    teacher = teacher_case.make(world)
    requests = [teacher_case.request(world, level) for level in alone]

    async def together() -> list[Lesson]:
        return await asyncio.gather(*(teacher.propose(request) for request in requests))

    assert asyncio.run(together()) == list(alone.values()), "lessons asked for at the same time get mixed up"


def test_what_was_answered_once_is_not_asked_again(teacher_case: TeacherCase) -> None:
    world, ledger = teacher_case.make_world(), MemoryLedger()
    model = Counted(teacher_case.make_model())
    teacher = teacher_case.make(world, model, ledger)
    taught = lessons(teacher_case, teacher, world)
    calls = model.calls
    if not calls:
        pytest.skip("it asks no model")
    recorded = [call for call in ledger.calls if call.origin == "live"]
    assert len(recorded) >= calls, "every call of the model must be recorded in the ledger: ask by way of Dialogue"
    again = teacher_case.make(world, model, ledger)
    assert lessons(teacher_case, again, world) == taught, "what the ledger remembers gives other lessons"
    assert model.calls == calls, "the model was asked again for what the ledger has an answer to"


@pytest.mark.parametrize("reply", BAD_REPLIES, ids=range(len(BAD_REPLIES)))
def test_a_bad_reply_is_refused_by_name(teacher_case: TeacherCase, reply: str) -> None:
    _refused_or_not_asked(teacher_case, Says(teacher_case.make_model(), reply))


def test_a_model_without_a_reply_is_no_fault(teacher_case: TeacherCase) -> None:
    answer = _refused_or_not_asked(teacher_case, Says(teacher_case.make_model(), None))
    if isinstance(answer, TeacherUnavailable):
        assert answer.kind == "timeout", "TeacherUnavailable of the model must be passed on as it is"


def _refused_or_not_asked(case: TeacherCase, model: LanguageModel) -> Any:
    """What becomes of one level; any error but the two that the loop counts is one of the teacher's."""
    world = case.make_world()
    answer = ask(case.make(world, model), case.request(world, 0))
    if not isinstance(answer, Lesson):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", answer.kind), (
            f"a refusal's kind is a word with underscores: {answer.kind}"
        )
        assert str(answer), "a refusal must say what is wrong: the model is told"
    return answer


def test_levels_are_as_before_when_it_was_asked(teacher_case: TeacherCase) -> None:
    """The run describes the next level with the world that it lends to the teacher."""
    world, untouched = teacher_case.make_world(), teacher_case.make_world()
    teacher = teacher_case.make(world)
    for level in teacher_case.numbers:
        request = teacher_case.request(world, level)
        assert request == teacher_case.request(untouched, level), (
            "it left the world with tasks: call `world.draw_from(None)`"
        )
        ask(teacher, request)
    world.reset(seed=1)
    untouched.reset(seed=1)
    assert_equal(world.reset()[0], untouched.reset()[0], "it left the world with tasks: call `world.draw_from(None)`")


def test_feedback_is_taken_in_and_kept_in_its_state(teacher_case: TeacherCase) -> None:
    world = teacher_case.make_world()
    teacher = teacher_case.make(world)
    taught = [
        level for level in teacher_case.numbers if isinstance(ask(teacher, teacher_case.request(world, level)), Lesson)
    ]
    teacher.observe(Feedback(step=0))
    played = {level: (3 + level, 0.5) for level in taught}
    teacher.observe(Feedback(step=1000, success={"success": 0.25}, lessons=played))
    # Levels that it never taught: the run's bank holds them too.
    teacher.observe(Feedback(step=2000, success={"success": 1.0}, lessons={10**6: (1, 0.0)}))
    state = teacher.state_dict()
    other = teacher_case.make(teacher_case.make_world())
    if teacher_case.is_onlooker:
        other.load_state_dict(tree.decode(*tree.encode(state)))
        assert_equal(other.state_dict(), state, "load_state_dict must take over what state_dict gave")
    else:
        kept = json.loads(json.dumps(state, allow_nan=False))
        other.load_state_dict(kept)
        assert json.loads(json.dumps(other.state_dict())) == kept, "load_state_dict must take over what state_dict gave"
    for level in taught:
        request = teacher_case.request(world, level)
        assert type(ask(other, request)) is type(ask(teacher, request)), "a restored teacher teaches something else"


def test_one_that_looks_on_goes_on_as_it_was_saved(teacher_case: TeacherCase) -> None:
    if not teacher_case.is_onlooker:
        pytest.skip("it does not look on")
    world = teacher_case.make_world()
    teacher: Any = teacher_case.make()
    assert isinstance(teacher, Onlooker), "it lacks something of palaestra_teachers.base.Onlooker"
    world.reset(seed=0)
    teacher.begin(world, 0)
    _look_on(teacher_case, teacher, world, 0)
    place, state = world.snapshot(), tree.decode(*tree.encode(teacher.state_dict()))
    expected = _look_on(teacher_case, teacher, world, 1)
    world.restore(place)
    other: Any = teacher_case.make()
    other.load_state_dict(state)
    other.begin(world, 0)
    assert_equal(_look_on(teacher_case, other, world, 1), expected, "a restored teacher looks on differently")


def _look_on(case: TeacherCase, teacher: Any, world: World, seed: int) -> list[Any]:
    """Rewards, questions, answers and metrics of a few iterations of random play."""
    found: list[Any] = []
    world.action_space.seed(seed)
    for _ in range(4):
        for _ in range(32):
            observations, _, terminated, truncated, infos = world.step(world.action_space.sample())
            reward = teacher.see(observations, infos, terminated | truncated)
            assert reward.shape == (world.num_envs,), "see must give a reward for each environment"
            assert np.isfinite(reward).all(), "rewards must be finite"
            found.append(np.array(reward))
        questions = list(teacher.questions(3))
        assert len(questions) <= 3, "questions(most) must give at most so many"
        assert not list(teacher.questions(0)), "questions(0) must give none"
        for number, question in enumerate(questions):
            request = LessonRequest(world_id=world.id, turn=number, description=question)
            answer = ask(teacher, request)
            teacher.take(question, answer.content() if isinstance(answer, Lesson) else None)
        metrics = teacher.metrics()
        json.dumps(metrics, allow_nan=False)
        found.append([questions, metrics])
    return found
