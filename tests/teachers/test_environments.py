"""The environment teacher: what it asks, what it makes of replies, and what it is compared with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra.testing.around import MemoryLedger
from palaestra_teachers.base import (
    Environments,
    Feedback,
    LessonRefused,
    LessonRequest,
    Message,
    Practice,
)
from palaestra_teachers.environments.config import EnvironmentConfig
from palaestra_teachers.environments.sources import weights_of
from palaestra_teachers.environments.teacher import EnvironmentTeacher
from palaestra_teachers.llm.scripted import ScriptedConfig, ScriptedModel
from palaestra_worlds.base import Task, World
from palaestra_worlds.drawing import draw_task
from palaestra_worlds.minigrid.heist.tasks import HeistTask
from pydantic import BaseModel, Field, ValidationError

from .conftest import ModelThatSays

STEPS: dict[str, Any] = {"steps_in_environments": 1000, "steps_in_original": 1000}


def model_that_says(*replies: Any) -> ModelThatSays:
    return ModelThatSays(*(reply if isinstance(reply, str) else json.dumps(reply) for reply in replies))


def asked(model: ModelThatSays) -> list[str]:
    """All that was said to the model, in each of its calls."""
    return ["\n\n".join(message.content for message in messages) for messages in model.asked]


@pytest.fixture(scope="module")
def world() -> World:
    return palaestra_worlds.make("Heist")


def written(*environments: dict[str, Any]) -> dict[str, Any]:
    return {"environments": [{"why": "To learn.", **environment} for environment in environments]}


def teach(world: World, model: Any, turns: int = 1, feedback: Feedback | None = None, **config: Any) -> Any:
    """The lesson of the last of so many turns, with the teacher."""
    teacher = EnvironmentTeacher(EnvironmentConfig(**STEPS, **config), model, world, MemoryLedger())
    lesson = None
    for turn in range(turns):
        if turn and feedback:
            teacher.observe(feedback)
        lesson = asyncio.run(teacher.propose(LessonRequest(world_id="Heist", turn=turn, trial_seed=3)))
    return lesson, teacher


def kinds(lesson: Environments) -> list[str]:
    return [remark.kind for remark in lesson.remarks]


# ---------------------------------------------------------------------------------------------- replies


def test_a_reply_becomes_tasks_with_reasons(world: World) -> None:
    model = model_that_says(written({"size": 7, "doors": ["red"]}, {}))
    lesson, _ = teach(world, model)
    assert lesson.tasks() == (HeistTask(size=7, doors=("red",)), HeistTask())
    assert lesson.reasons() == ("To learn.", "To learn.")
    assert kinds(lesson) == []


def test_unknown_keys_and_wrong_values_are_refused_and_the_model_is_told_why(world: World) -> None:
    model = model_that_says(
        written({"lava": True}),
        written({"size": "big"}),
        written({"doors": ["pink"]}),
        {"environments": [{"size": 7}]},
        "none",
        written({"size": 7, "doors": ["red"]}),
    )
    lesson, _ = teach(world, model, retries=5)
    assert lesson.source.attempts == 6
    told = [text.rpartition("This reply cannot be used: ")[2] for text in asked(model)[1:]]
    assert "environments.0.lava: Extra inputs are not permitted" in told[0]
    assert "environments.0.size" in told[1]
    assert "'blue', 'green' or 'red'" in told[2]
    assert "environments.0.why: Field required" in told[3]
    assert "not a JSON object" in told[4]


def test_out_of_bounds_is_refused_by_choice(world: World) -> None:
    model = model_that_says(written({"size": 99, "doors": []}), written({"size": 9, "doors": []}))
    lesson, _ = teach(world, model)
    assert lesson.source.attempts == 2
    assert "environments.0.size: Input should be less than or equal to 25, not 99" in asked(model)[1]


def test_or_clamped_and_counted(world: World) -> None:
    reply = written({"size": -3, "doors": []}, {"doors": ["red", "blue", "green", "red"], "keys": []})
    lesson, _ = teach(world, model_that_says(reply), out_of_bounds="clamp")
    assert lesson.tasks() == (HeistTask(size=5, doors=()),)
    assert [remark.message for remark in lesson.remarks[:2]] == [
        "environments.0.size: -3 -> 5",
        "environments.1.doors: 4 entries -> 3",
    ]
    assert kinds(lesson) == ["clamped", "clamped", "empty_promise"]


def test_of_a_thousand_environments_the_first_few_are_taken(world: World) -> None:
    reply = written(*({"size": 5 + k % 6, "doors": []} for k in range(1000)))
    lesson, _ = teach(world, model_that_says(reply))
    assert [task.size for task in lesson.tasks()] == [5, 6, 7, 8]
    assert [remark.message for remark in lesson.remarks] == ["1000 environments instead of 4"]


def test_environments_that_repeat_or_cannot_be_used_are_left_away(world: World) -> None:
    reply = written({"doors": []}, {"doors": []}, {"size": 13}, {"doors": ["red"], "keys": ["blue"]})
    lesson, _ = teach(world, model_that_says(reply))
    assert lesson.tasks() == (HeistTask(doors=()),)
    assert kinds(lesson) == ["duplicate_environment", "impossible_task", "empty_promise"]
    assert "there is no red key" in lesson.remarks[2].message


def test_if_none_is_left_the_model_is_told_what_is_missing(world: World) -> None:
    model = model_that_says(written({"doors": ["red"], "keys": []}), written({"doors": ["red"]}))
    lesson, _ = teach(world, model)
    assert lesson.source.attempts == 2
    assert "there is no red key, so the red door stays locked and the gem cannot be reached" in asked(model)[1]
    with pytest.raises(LessonRefused, match="there is no red key") as refused:
        teach(world, model_that_says(written({"doors": ["red"], "keys": []})), retries=1)
    assert refused.value.kind == "empty_promise"


# ---------------------------------------------------------------------------------------------- prompt


def test_the_first_prompt_says_what_the_world_is_and_what_can_be_set(world: World) -> None:
    model = model_that_says(written({"doors": []}))
    teach(world, model)
    text = asked(model)[0]
    assert "The original levels are 11 x 11 cells with 3 doors: blue, green, red" in text
    assert "Objectives: blue key, blue door, green key, green door, red key, red door, gem" in text
    assert '- "size": null or a whole number from 5 to 25.' in text
    assert '- "doors": null or a list of up to 3, each one of: blue, green, red.' in text
    assert '{"environments": [{"why": ..., "size": ..., "doors": ..., "keys": ..., "carrying": ...}, ...]}' in text
    assert "level_seed" not in text


FEEDBACK = Feedback(
    step=2000,
    success={"blue key": 0.75, "gem": 0.0},
    episodes=64,
    practice=(Practice(episodes=12, success=0.5, return_mean=0.4),),
)


def test_later_prompts_tell_feedback_and_history(world: World) -> None:
    model = model_that_says(written({"size": 5, "doors": []}, {"size": 13}))
    teach(world, model, turns=2, feedback=FEEDBACK)
    lines = asked(model)[1].splitlines()
    assert "- blue key: 0.750 ± 0.433" in lines
    assert "- gem: 0.000 ± 0.000" in lines
    assert '* {"size": 5, "doors": []}: 12 episodes, success 0.50, return 0.40.' in lines
    assert "  In the original: blue key 0.00 -> 0.75." in lines
    assert any("impossible_task: environments.1: size 13 is more than the original's, 11" in line for line in lines)


def test_fixed_environments_are_asked_for_once_and_without_feedback(world: World) -> None:
    model = model_that_says(written({"size": 5, "doors": []}), written({"size": 9, "doors": []}))
    lesson, _ = teach(world, model, turns=3, feedback=FEEDBACK, source="fixed")
    assert len(model.asked) == 1
    assert lesson.tasks() == (HeistTask(size=5, doors=()),)


def test_a_teacher_goes_on_from_its_state(world: World) -> None:
    reply = written({"size": 5, "doors": []})
    _, teacher = teach(world, model_that_says(reply), turns=2, feedback=FEEDBACK)
    model = model_that_says(reply)
    resumed = EnvironmentTeacher(EnvironmentConfig(**STEPS), model, world, MemoryLedger())
    resumed.load_state_dict(json.loads(json.dumps(teacher.state_dict())))
    request = LessonRequest(world_id="Heist", turn=2, trial_seed=3)
    for each in (teacher, resumed):
        each.observe(FEEDBACK)
    assert asyncio.run(resumed.propose(request)) == asyncio.run(teacher.propose(request))
    assert "Cycle 2:" in asked(model)[0]
    assert resumed.state_dict() == teacher.state_dict()


# ---------------------------------------------------------------------------------------------- heuristic


def scripted(world: World, rates: dict[str, float]) -> Environments:
    model = ScriptedModel(ScriptedConfig())
    if not rates:
        return teach(world, model)[0]
    return teach(world, model, turns=2, feedback=Feedback(step=1, success=rates, episodes=8))[0]


def heists(lesson: Environments) -> list[HeistTask]:
    return [task for task in lesson.tasks() if isinstance(task, HeistTask)]


@pytest.mark.parametrize(
    ("rates", "door"),
    [
        ({}, "blue"),
        ({"blue key": 0.9, "blue door": 0.2}, "blue"),
        ({"blue key": 0.9, "blue door": 0.9, "green key": 0.9, "green door": 0.1}, "green"),
        ({"blue door": 1.0, "green door": 1.0, "red door": 0.0}, "red"),
    ],
)
def test_the_heuristic_brings_the_first_objective_that_is_not_learned_near(
    world: World, rates: dict[str, float], door: str
) -> None:
    lesson = scripted(world, rates)
    alone, in_hand = heists(lesson)[:2]
    assert alone.doors == in_hand.doors == (door,)
    assert in_hand.carrying == door
    assert kinds(lesson) == []
    assert door in lesson.reasons()[0]


def test_the_heuristic_grows_levels_once_all_doors_are_opened(world: World) -> None:
    rates = {"blue door": 0.9, "green door": 0.8, "red door": 0.7, "gem": 0.2}
    assert [task.size for task in heists(scripted(world, rates))] == [11, 9]


# ---------------------------------------------------------------------------------------------- baselines


def test_random_environments_differ_by_turn_and_seed_and_can_be_played(world: World) -> None:
    config = EnvironmentConfig(**STEPS, source="random")
    teacher = EnvironmentTeacher(config, model_that_says(""), world, MemoryLedger())

    def drawn(turn: int, seed: int) -> tuple[Task, ...]:
        lesson = asyncio.run(teacher.propose(LessonRequest(world_id="Heist", turn=turn, trial_seed=seed)))
        return tuple(lesson.tasks())

    assert drawn(0, 0) == drawn(0, 0)
    assert len({drawn(0, 0), drawn(1, 0), drawn(0, 1)}) == 3
    assert all(world.examine(task) == () for task in drawn(0, 0))


def test_weights_follow_learning_progress() -> None:
    assert weights_of([None, None]).tolist() == [0.5, 0.5]
    assert weights_of([0.0, 0.0]).tolist() == [0.5, 0.5]
    np.testing.assert_allclose(
        weights_of([0.0, 0.3, 0.1, None]), [0.05, 0.05 + 0.8 * 3 / 7, 0.05 + 0.8 / 7, 0.05 + 0.8 * 3 / 7]
    )


def test_learning_progress_is_the_change_of_the_return(world: World) -> None:
    def practised(*returns: float) -> Feedback:
        return Feedback(step=1, practice=tuple(Practice(episodes=9, return_mean=value) for value in returns))

    config = EnvironmentConfig(**STEPS, source="progress", pool=2)
    teacher = EnvironmentTeacher(config, model_that_says(""), world, MemoryLedger())
    lessons = []
    for turn, feedback in enumerate([None, practised(0.5, 0.5), practised(0.9, 0.5), practised(0.9, 0.2)]):
        if feedback:
            teacher.observe(feedback)
        lessons.append(asyncio.run(teacher.propose(LessonRequest(world_id="Heist", turn=turn))))
    weights = [lesson.weights() for lesson in lessons]
    assert weights[0] == weights[1] == (0.5, 0.5)
    assert weights[2] == pytest.approx((0.9, 0.1))
    assert weights[3] == pytest.approx((0.1, 0.9))


@pytest.mark.parametrize(
    ("by_hand", "message"),
    [([[{"size": 6}]], "by_hand.0: 3 doors need a size"), ([[{}], [{"lava": 1}]], "by_hand.1: lava: Extra inputs")],
)
def test_an_environment_by_hand_that_is_none_is_named(world: World, by_hand: Any, message: str) -> None:
    config = EnvironmentConfig(**STEPS, source="by_hand", by_hand=by_hand)
    with pytest.raises(ValueError, match=message):
        EnvironmentTeacher(config, model_that_says(""), world, MemoryLedger())


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="give both or neither"):
        EnvironmentConfig(**STEPS, by_hand=(({},),))
    with pytest.raises(ValidationError, match="fewer steps than `updates`"):
        EnvironmentConfig(steps_in_environments=5, steps_in_original=50, source="progress")


# ---------------------------------------------------------------------------------------------- any world


class Tool(BaseModel):
    sharpness: float = Field(default=0.5, ge=0.0, le=1.0)


class WorkshopTask(Task):
    """A workshop."""

    tools: Tool = Field(default=Tool(), description="What is on the bench")
    light: bool = True
    hours: int = Field(default=8, ge=1, le=12)


def test_random_tasks_stay_within_the_bounds_of_any_task_space() -> None:
    random = np.random.default_rng(0)
    drawn = [draw_task(WorkshopTask, random) for _ in range(200)]
    assert {task.hours for task in drawn} == set(range(1, 13))
    assert {task.light for task in drawn} == {True, False}
    assert 0.0 <= min(task.tools.sharpness for task in drawn) < 0.1
    assert 0.9 < max(task.tools.sharpness for task in drawn) <= 1.0
    assert all(task.level_seed is None for task in drawn)


def test_a_world_without_anything_to_set_is_refused() -> None:
    class Bare:
        task_space = Task
        objectives = ("success",)
        about = ""

    with pytest.raises(ValueError, match=r"nothing that a teacher of environments could set: its tasks \(Task\)"):
        EnvironmentTeacher(EnvironmentConfig(**STEPS), model_that_says(""), Bare(), MemoryLedger())  # type: ignore[arg-type]


def test_messages_are_strings_for_any_model(world: World) -> None:
    ledger = MemoryLedger()
    teacher = EnvironmentTeacher(EnvironmentConfig(**STEPS), model_that_says(written({"doors": []})), world, ledger)
    asyncio.run(teacher.propose(LessonRequest(world_id="Heist", turn=0)))
    call = ledger.calls[0]
    assert all(isinstance(message, Message) for message in call.messages)
    assert call.lesson_key == "Heist/trial seed 0/cycle 1"
    assert call.response_schema is not None
    assert call.response_schema["properties"]["environments"]["maxItems"] == 4
