"""The subgoal teacher: what it asks, what it takes for an answer, what it remembers."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from palaestra.testing.around import MemoryLedger, request_for
from palaestra_teachers.base import Feedback, LessonRefused, LessonRequest, Subgoals, Teacher
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.subgoals.teacher import SubgoalTeacher
from palaestra_worlds.base import World
from palaestra_worlds.registry import TEACHERS

from .conftest import ModelThatSays
from .corridor import Corridor, CorridorTask, Loop

FORMS = ("position", "object", "language")
CORRIDOR_REQUEST = LessonRequest(
    world_id="Corridor", level_seed=9, mission="Walk.", description="A corridor, 9 m long."
)


def make_teacher(world: Any, model: Any, ledger: MemoryLedger | None = None, **config: Any) -> SubgoalTeacher:
    return SubgoalTeacher(SubgoalTeacher.Config(**config), model, world, ledger or MemoryLedger())


def propose(teacher: SubgoalTeacher, request: LessonRequest) -> Subgoals:
    return asyncio.run(teacher.propose(request))


def prompts(model: ModelThatSays, call: int = 0) -> tuple[str, str]:
    return model.asked[call][0].content, model.asked[call][1].content


def positions(*cells: tuple[int, int]) -> str:
    return json.dumps({"subgoals": [{"x": x, "y": y} for x, y in cells]})


# ---------------------------------------------------------------------------------------------- lessons


@pytest.mark.parametrize("form", FORMS)
def test_scripted_lessons_lead_through_the_level_in_every_form(world: World, ledger: MemoryLedger, form: str) -> None:
    teacher = make_teacher(world, build_model({"backend": "scripted"}), ledger, form=form)
    requests = [request_for(world, level_seed) for level_seed in range(20)]
    lessons = [propose(teacher, request) for request in requests]
    for level_seed, lesson in enumerate(lessons):
        [task] = lesson.tasks()
        assert task.level_seed == level_seed
        assert [subgoal.form for subgoal in task.subgoals] == [form] * 3  # type: ignore[attr-defined]
        assert (lesson.source.teacher, lesson.source.model, lesson.source.attempts) == ("subgoals", "scripted", 1)
    assert [call.request_hash for call in ledger.calls] == [lesson.source.request_hash for lesson in lessons]
    # Some of these seeds make the same level, which is asked about once.
    different = {request.description for request in requests}
    assert len({call.request_hash for call in ledger.calls}) == len(different) < 20
    assert [call.origin for call in ledger.calls].count("live") == len(different)
    assert ledger.calls[7].lesson_key == f"{world.id}/7"
    palaestra_worlds.make(world.id).draw_from([lesson.task for lesson in lessons])


def test_teacher_is_found_by_its_entry_point(world: World) -> None:
    assert TEACHERS.load("subgoals") is SubgoalTeacher
    assert isinstance(make_teacher(world, ModelThatSays("")), Teacher)


def test_trying_a_task_leaves_the_world_its_own_levels(world: World) -> None:
    before = request_for(world, 5)
    propose(make_teacher(world, build_model({"backend": "scripted"})), request_for(world, 4))
    assert request_for(world, 5) == before


def test_many_are_asked_at_once(world: World) -> None:
    teacher = make_teacher(world, build_model({"backend": "noisy", "accuracy": 0.5}))
    requests = [request_for(world, level_seed) for level_seed in range(10)]

    async def ask_all() -> list[Subgoals]:
        return await asyncio.gather(*(teacher.propose(request) for request in requests))

    together = asyncio.run(ask_all())
    assert together == [
        propose(make_teacher(world, build_model({"backend": "noisy", "accuracy": 0.5})), r) for r in requests
    ]


def test_impossible_subgoals_are_told_to_the_model(world: World, ledger: MemoryLedger) -> None:
    request = request_for(world, 0)
    model = ModelThatSays(positions((200, 1)), positions((0, 0)), positions((1, 1)))
    lesson = propose(make_teacher(world, model, ledger), request)
    assert lesson.source.attempts == 3
    assert [call.error_kind for call in ledger.calls] == ["impossible_task", "impossible_task", None]
    assert "outside the 5x5 grid" in model.asked[1][-1].content
    assert "is a wall" in model.asked[2][-1].content
    assert request_for(world, 0) == request


def test_refusals_have_the_kind_of_the_last_reply(world: World, ledger: MemoryLedger) -> None:
    model = ModelThatSays("hm", positions((0, 0)))
    with pytest.raises(LessonRefused, match="is a wall") as caught:
        propose(make_teacher(world, model, ledger, retries=1), request_for(world, 0))
    assert caught.value.kind == "impossible_task"
    assert len(ledger.calls) == 2


@pytest.mark.parametrize(
    "reply",
    [
        '{"subgoals": [{"type": "key", "color": "yellow"}]}',
        '{"subgoals": [{"form": "object", "type": "key", "color": "yellow"}]}',
        '{"subgoals": [{"x": 1, "y": 1}], "level_seed": 3}',
        positions(*[(1, 1)] * 17),
        '{"subgoals": []}',
    ],
)
def test_other_forms_and_what_a_teacher_may_not_set_are_refused(world: World, reply: str) -> None:
    with pytest.raises(LessonRefused):
        propose(make_teacher(world, ModelThatSays(reply)), request_for(world, 0))


def test_the_same_level_is_asked_once(world: World, ledger: MemoryLedger) -> None:
    model = ModelThatSays(positions((1, 1)))
    first = propose(make_teacher(world, model, ledger), request_for(world, 0))
    assert propose(make_teacher(world, model, ledger), request_for(world, 0)) == first
    assert len(model.asked) == 1
    propose(make_teacher(world, model, ledger), request_for(world, 1))
    assert len(model.asked) == 2


JSON_NUMBERS = st.integers(-3, 300) | st.floats() | st.booleans() | st.text(max_size=2)
REPLIES = (
    st.text()
    | st.lists(st.fixed_dictionaries({"x": JSON_NUMBERS, "y": JSON_NUMBERS}), max_size=18).map(
        lambda cells: json.dumps({"subgoals": cells})
    )
    | st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=17).map(lambda cells: positions(*cells))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(REPLIES)
def test_every_lesson_taken_is_within_the_level(world: World, reply: str) -> None:
    teacher = make_teacher(world, ModelThatSays(reply), retries=0)
    try:
        lesson = propose(teacher, LessonRequest(world_id=world.id, level_seed=1, description="A level."))
    except LessonRefused:
        return
    subgoals = lesson.task.subgoals  # type: ignore[attr-defined]
    assert 1 <= len(subgoals) <= 16
    assert all(1 <= cell.x <= 3 and 1 <= cell.y <= 3 for cell in subgoals)


# ---------------------------------------------------------------------------------------------- prompts


@pytest.mark.parametrize("form", FORMS)
def test_the_prompt_says_all_that_an_answer_needs(world: World, form: str) -> None:
    model = ModelThatSays("")
    request = request_for(world, 3)
    with pytest.raises(LessonRefused):
        propose(make_teacher(world, model, form=form, retries=0), request)
    system, user = prompts(model)
    assert request.description in user
    assert request.mission in user
    assert world.id in user
    assert f'{{"subgoals": [{{"form": "{form}"' in system
    assert "1 to 16 subgoals" in system
    assert "the agent stands on its cell or the cell's content changes" in system
    words = {
        "position": "Column of the cell",
        "object": "door, key, ball, box, goal",
        "language": "pick up the red key",
    }
    assert words[form] in system


def test_a_prompt_of_ones_own_replaces_a_block(world: World, tmp_path: Path) -> None:
    path = tmp_path / "mine.j2"
    path.write_text("{% extends 'subgoals.j2' %}{% block user %}Level {{ world_id }}.{{ super() }}{% endblock %}")
    own, usual = ModelThatSays(positions((1, 1))), ModelThatSays(positions((1, 1)))
    propose(make_teacher(world, own, prompt=str(path)), request_for(world, 3))
    propose(make_teacher(world, usual), request_for(world, 3))
    assert prompts(own)[0] == prompts(usual)[0]
    assert prompts(own)[1] == f"Level {world.id}.{prompts(usual)[1]}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no prompt"),
        ("{% block system %}", "line 1"),
        ("{% block system %}Hi{% endblock %}", "no block 'user'"),
        ("{% block system %}{{ worldid }}{% endblock %}{% block user %}{% endblock %}", "'worldid' is undefined"),
        ("{% block system %}{{ 1 / 0 }}{% endblock %}{% block user %}{% endblock %}", "block system: division by zero"),
        ("{% block system %}{{ ''.__class__.__mro__ }}{% endblock %}{% block user %}{% endblock %}", "unsafe"),
        ("{% extends 'nothing.j2' %}", "nothing.j2"),
        (b"\xff\xfe", "prompt"),
    ],
)
def test_wrong_prompts_are_named_with_what_is_wrong(
    world: World, tmp_path: Path, content: str | bytes | None, told: str
) -> None:
    path = tmp_path / "mine.j2"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"mine\.j2") as caught:
        make_teacher(world, ModelThatSays(positions((1, 1))), prompt=str(path))
    assert told in str(caught.value)


def test_unknown_prompt_names_those_that_exist(world: World) -> None:
    with pytest.raises(ValueError, match="one of: doorways, subgoals"):
        make_teacher(world, ModelThatSays(""), prompt="subgoal")


# ---------------------------------------------------------------------------------------------- other worlds


def test_a_world_of_another_kind_is_taught_by_its_task_space() -> None:
    world, model = (
        Corridor(),
        ModelThatSays('{"subgoals": [{"metre": 50}]}', '{"subgoals": [{"metre": 5}, {"metre": 9}]}'),
    )
    lesson = propose(make_teacher(world, model), CORRIDOR_REQUEST)
    assert isinstance(lesson.task, CorridorTask)
    assert [mark.metre for mark in lesson.task.subgoals] == [5, 9]
    assert "the corridor ends after 9 m" in model.asked[1][-1].content
    assert world.drawn[-1] is None
    system, user = prompts(model)
    assert "A mark is reached by standing on it." in system
    assert '- "metre": How far from the entrance. A whole number from 0 to 100.' in system
    assert "1 to 2 subgoals" in system
    assert "Mission: Walk." in user


def test_worlds_without_such_subgoals_are_refused() -> None:
    with pytest.raises(ValueError, match="LoopTask takes no subgoals"):
        make_teacher(Loop(), ModelThatSays(""))
    with pytest.raises(ValueError, match="no subgoals of the form 'language', but: position"):
        make_teacher(Corridor(), ModelThatSays(""), form="language")


# ---------------------------------------------------------------------------------------------- feedback and state


def test_feedback_is_told_in_later_prompts_and_survives_a_resume() -> None:
    model = ModelThatSays('{"subgoals": [{"metre": 5}, {"metre": 9}]}')
    teacher = make_teacher(Corridor(), model)
    propose(teacher, CORRIDOR_REQUEST)
    assert "earlier lessons" not in prompts(model)[1]
    lessons = {9: (20, 0.5), 10: (20, 2.0), 11: (2, 0.0)}
    teacher.observe(Feedback(step=1000, success={"success": 0.25}, lessons=lessons))
    resumed = make_teacher(Corridor(), model)
    resumed.load_state_dict(json.loads(json.dumps(teacher.state_dict())))
    for number, each in enumerate((teacher, resumed), start=1):
        propose(each, CORRIDOR_REQUEST.model_copy(update={"level_seed": 20}))
        user = prompts(model, number)[1]
        assert "After 1000 steps of training the agent alone has a rate of 25% for 'success'." in user
        assert "Of the subgoals of 1 lessons, 25% were reached" in user
        assert "In level 9, 0.5 of 2 were reached in 20 episodes." in user
    assert resumed.state_dict() == teacher.state_dict()


def test_state_that_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="weights"):
        make_teacher(Corridor(), ModelThatSays("")).load_state_dict({"weights": 1})


def test_world_settings_follow_how_often_subgoals_are_shown() -> None:
    assert SubgoalTeacher.Config(shown=0).world_settings() == {}
    shown = SubgoalTeacher.Config(form="object", shown=0.75).world_settings()
    assert shown == {"subgoals": "object", "subgoal_dropout": 0.25}
    world = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0", **shown)
    task = propose(make_teacher(world, build_model({"backend": "scripted"}), form="object"), request_for(world, 0)).task
    world.draw_from([task])
    observations, _ = world.reset(seed=0)
    assert observations["subgoal"].shape == (1, 3)
    assert observations["subgoal"].dtype.kind == "i"
    assert np.all(observations["subgoal"] >= -1)


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="the extra is installed")
def test_missing_encoder_is_said_before_anything_is_asked(world: World) -> None:
    with pytest.raises(ValueError, match="pip install"):
        make_teacher(world, ModelThatSays(""), form="language", encoder="sentence")
