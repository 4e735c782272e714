"""The reward teacher: instructions become programs through prompts, replies and their parsers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import palaestra_worlds
import pytest
from palaestra.testing.around import MemoryLedger
from palaestra_teachers.base import Completion, LessonRefused, LessonRequest, Message, Sampling
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.rewards.config import RewardConfig
from palaestra_teachers.rewards.lesson import RewardProgram
from palaestra_teachers.rewards.replies import calls_in_words, program_schema
from palaestra_teachers.rewards.teacher import RewardTeacher
from palaestra_worlds.base import World
from palaestra_worlds.robots.quadruped_program import QuadrupedProgram

from ..conftest import ModelThatSays

LIFTED = "reset_reward()\nset_feet_pos_parameters('front_left', lift_height=0.1)\nexecute_plan()"


class Says(ModelThatSays):
    """One that also remembers which schemas replies were to follow."""

    def __init__(self, *replies: str) -> None:
        super().__init__(*replies)
        self.schemas: list[dict[str, Any] | None] = []

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        self.schemas.append(schema)
        return await super().complete(messages, schema, settings)


@pytest.fixture(scope="module")
def world() -> World:
    world = palaestra_worlds.make("Quadruped", num_envs=1)
    world.reset(seed=0)
    return world


def teacher(world: World, model: Any = None, **config: Any) -> RewardTeacher:
    return RewardTeacher(RewardConfig(**config), model or build_model({"backend": "scripted"}), world, MemoryLedger())


def say(teacher: RewardTeacher, mission: str, turn: int | None = None, **request: Any) -> RewardProgram:
    request = {"world_id": "Quadruped", "description": "It stands.", "mission": mission, "turn": turn, **request}
    return asyncio.run(teacher.propose(LessonRequest(**request)))


@pytest.mark.parametrize("form", ["code", "calls"])
@pytest.mark.parametrize("stages", ["two", "one", "primitives"])
def test_the_scripted_model_answers_every_interface_through_its_parsers(world: World, stages: str, form: str) -> None:
    teaching = teacher(world, stages=stages, form=form)
    lesson = say(teaching, "Lift your front left paw.", turn=0)
    assert lesson.motions[-1].task.feet["front_left"].lift_height == 0.1
    lesson = say(teaching, "Now also the diagonal one: lift it, too.", turn=1)
    lifted = {foot for foot, place in lesson.motions[-1].task.feet.items() if place.lift_height}
    assert lifted == {"front_left", "rear_right"}
    assert bool(lesson.description) == (stages == "two")
    world.draw_from(lesson.tasks())
    world.draw_from(None)
    json.dumps(lesson.model_dump(mode="json"), allow_nan=False)


def test_the_descriptor_sees_the_conversation_and_the_coder_only_the_description(world: World) -> None:
    model = Says("FIRST MOTION", LIFTED, "SECOND MOTION", LIFTED)
    teaching = teacher(world, model)
    say(teaching, "Lift a paw.", turn=0)
    lesson = say(teaching, "Higher.", turn=1)
    descriptor, coder = (" ".join(message.content for message in asked) for asked in model.asked[2:])
    assert all(text in descriptor for text in ("Lift a paw.", "FIRST MOTION", "Instruction 2: Higher.", "It stands."))
    assert "SECOND MOTION" in coder
    assert not any(text in coder for text in ("Lift a paw.", "FIRST MOTION", "Higher."))
    assert "set_torso_targets(" not in descriptor
    assert "set_torso_targets(" in coder
    assert (lesson.source.attempts, lesson.source.model) == (2, "prepared")


def test_a_conversation_begins_anew_with_turn_0(world: World) -> None:
    teaching = teacher(world, stages="one")
    say(teaching, "Lift your front left paw.", turn=0)
    assert not say(teaching, "Walk forward.", turn=0).motions[-1].task.feet
    assert not say(teaching, "Walk forward.").motions[-1].task.feet


def test_a_single_stage_changes_the_program_that_runs(world: World) -> None:
    change = "set_feet_pos_parameters('front_left', lift_height=0.3)\nexecute_plan()"
    teaching = teacher(world, Says(LIFTED.replace("0.1", "0.1, move_inward=0.05"), change), stages="one")
    say(teaching, "Lift it.", turn=0)
    resumed = teacher(world, Says(change), stages="one")
    resumed.load_state_dict(json.loads(json.dumps(teaching.state_dict())))
    for each in (teaching, resumed):
        task = say(each, "Higher.", turn=1).motions[-1].task
        assert task.feet["front_left"].lift_height == 0.3


def test_a_revision_is_told_what_was_reached(world: World) -> None:
    model = Says("FIRST MOTION", LIFTED, "BETTER MOTION", LIFTED)
    teaching = teacher(world, model)
    say(teaching, "Lift a paw.", turn=0)
    say(teaching, "Lift a paw.", turn=0, feedback="height: wanted 0.26, reached 0.11")
    descriptor = model.asked[2][-1].content
    assert "FIRST MOTION" in descriptor
    assert "wanted 0.26, reached 0.11" in descriptor
    assert teaching.state_dict()["turns"][0]["description"] == "BETTER MOTION"


def test_an_unusable_program_is_answered_with_the_line_that_is_wrong(world: World) -> None:
    model = Says("reset_reward()\nlift_leg()", LIFTED)
    lesson = say(teacher(world, model, stages="one"), "Lift a paw.")
    assert lesson.source.attempts == 2
    assert "line 2: there is no lift_leg" in model.asked[1][-1].content


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("", "empty"),
        ("   <think>hm</think>  ", "empty"),
        ("import os\nos.system('x')", "not_a_call"),
        ("set_torso_targets(velocity_xy=(0, 0))", "exclusive"),
        ("x" * 70_000, "too_large"),
        ('{"code": 7}', "wrong_schema"),
        ('{"program": ""}', "wrong_schema"),
    ],
)
def test_code_that_cannot_be_used_is_refused_by_name(world: World, reply: str, kind: str) -> None:
    with pytest.raises(LessonRefused) as refused:
        say(teacher(world, Says(reply), stages="one", retries=0), "Lift a paw.")
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("calls", "kind"),
    [
        ('[{"call": "execute_plan", "duration": NaN}]', "not_json"),
        ('[{"call": "execute_plan", "duration": 1000}]', "out_of_bounds"),
        ('[{"call": "jump"}]', "wrong_schema"),
        ('[{"call": "set_torso_targets", "velocity_xy": [0, 0], "location_xy": [0, 0]}]', "wrong_schema"),
    ],
)
def test_calls_that_cannot_be_used_are_refused_by_name(world: World, calls: str, kind: str) -> None:
    model = Says(f'{{"calls": {calls}}}')
    with pytest.raises(LessonRefused) as refused:
        say(teacher(world, model, stages="one", form="calls", retries=0), "Lift a paw.")
    assert refused.value.kind == kind


def test_an_instruction_that_the_scripted_model_does_not_know_is_said_so(world: World) -> None:
    with pytest.raises(LessonRefused, match=r"knows no phrase in 'Compose a fugue\.'") as refused:
        say(teacher(world), "Compose a fugue.")
    assert refused.value.kind == "no_answer"
    with pytest.raises(LessonRefused, match="no primitive motion does what is asked"):
        say(teacher(world, stages="primitives"), "Roll over.")


def test_a_noisy_model_gets_programs_wrong_and_descriptions_right(world: World) -> None:
    right = say(teacher(world), "Lift your front left paw.")
    noisy = build_model({"backend": "noisy", "accuracy": 0.0, "inner": {"backend": "scripted"}})
    for form in ("code", "calls"):
        wrong = say(teacher(world, noisy, form=form), "Lift your front left paw.")
        assert wrong.description == right.description
        assert wrong.program.motions() != right.program.motions()


def test_only_the_form_calls_constrains_decoding(world: World) -> None:
    model = Says("A MOTION", QuadrupedProgram.from_text(LIFTED).model_dump_json())
    say(teacher(world, model, form="calls"), "Lift a paw.")
    assert model.schemas[0] is None
    assert model.schemas[1] == program_schema(QuadrupedProgram)
    assert "oneOf" not in json.dumps(model.schemas[1])


def test_prompts_explain_each_argument_with_its_bounds() -> None:
    explained = {call["signature"].partition("(")[0]: call for call in calls_in_words(QuadrupedProgram)}
    assert explained["set_feet_pos_parameters"]["signature"] == (
        "set_feet_pos_parameters(foot, lift_height=None, extend_forward=None, move_inward=None)"
    )
    lines = explained["set_torso_targets"]["arguments"]
    assert any(line.startswith("heading: ") and line.endswith("from -6.3 to 6.3 or None") for line in lines)


def test_a_world_without_programs_is_refused() -> None:
    with pytest.raises(ValueError, match="MiniGrid-Empty-5x5-v0 takes no reward programs"):
        teacher(palaestra_worlds.make("MiniGrid-Empty-5x5-v0"))


def test_a_state_of_something_else_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="no state of a reward teacher"):
        teacher(world).load_state_dict({"history": []})


@pytest.mark.parametrize(
    "program", [LIFTED, ({"call": "set_feet_pos_parameters", "foot": "front_left", "lift_height": 0.1},)]
)
def test_a_program_by_hand_asks_no_model(world: World, program: Any) -> None:
    model = Says("nothing")
    teaching = teacher(world, model, program=program)
    assert say(teaching, "Anything.").motions[-1].task.feet["front_left"].lift_height == 0.1
    assert (model.asked, RewardConfig(program=program).asks_model) == ([], False)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("reset_reward()\nlift()", "program: line 2: there is no lift"),
        (
            ({"call": "set_torso_targets", "height": 7},),
            "program: call 1, set_torso_targets, height: Input should be less",
        ),
        (({"call": "set_torso_targets"},), "exactly one of location_xy and velocity_xy must be None"),
        ((), "program: Tuple should have at least 1 item"),
    ],
)
def test_a_program_by_hand_that_is_none_is_refused_by_name(world: World, program: Any, message: str) -> None:
    with pytest.raises(ValueError, match="program") as refused:
        teacher(world, program=program)
    assert message in str(refused.value)
