"""Programs are read, never executed, and come to the tasks that they say."""

from __future__ import annotations

import builtins
import math
import os
import re
import subprocess
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.base import Mistakes
from palaestra_worlds.programs import Program, ProgramError
from palaestra_worlds.robots.quadruped_answers import PROGRAMS, UNDERSTANDING
from palaestra_worlds.robots.quadruped_instructions import understood
from palaestra_worlds.robots.quadruped_primitives import QuadrupedPrimitives, primitives_for
from palaestra_worlds.robots.quadruped_program import MOVING, QuadrupedProgram
from palaestra_worlds.robots.quadruped_task import FootTargets, QuadrupedTask, SteppingTargets, TorsoTargets
from palaestra_worlds.robots.quadruped_words import in_words, program_from_words
from pydantic import ValidationError

AS_THE_PAPER_WRITES_THEM = """
```python
import numpy as np

reset_reward()  # a new motion
set_torso_targets(0.26, np.deg2rad(30), -np.pi / 6, target_torso_location_xy=None, target_torso_velocity_xy=(0.5, 0),
                  target_torso_heading=np.pi, target_turning_speed=None)
set_feet_pos_parameters('back_left', lift_height=0.1, extend_forward=-0.05, move_inward=None)
set_feet_stepping_parameters("front_right", 2.0, 0.5, phase_offset=0.5, swing_up_down=0.1, swing_forward_back=0.2,
                             should_activate=True)
execute_plan(4)
```
"""


def test_programs_as_the_paper_writes_them_are_read() -> None:
    (motion,) = QuadrupedProgram.from_text(AS_THE_PAPER_WRITES_THEM).motions()
    assert motion.seconds == 4
    assert motion.task == QuadrupedTask(
        weights=MOVING,
        torso=TorsoTargets(
            height=0.26,
            pitch=math.radians(30),
            roll=-math.pi / 6,
            velocity=(0.5, 0.0),
            heading=math.pi,
            turning_speed=None,
        ),
        feet={"rear_left": FootTargets(lift_height=0.1, extend_forward=-0.05)},
        stepping={
            "front_right": SteppingTargets(
                frequency=2.0, air_ratio=0.5, phase_offset=0.5, swing_up_down=0.1, swing_forward_back=0.2
            )
        },
    )


def test_text_json_and_calls_say_the_same() -> None:
    program = QuadrupedProgram.from_text(AS_THE_PAPER_WRITES_THEM)
    assert QuadrupedProgram.from_text(program.text()).motions() == program.motions()
    assert QuadrupedProgram.model_validate_json(program.model_dump_json(), strict=True) == program


def test_programs_begin_anew_or_change_what_runs() -> None:
    running = understood(["Lift your front left paw."])
    higher = QuadrupedProgram.from_text("set_feet_pos_parameters('front_left', 0.3)").motions(running)[0].task
    assert higher.torso == running.torso
    assert higher.feet["front_left"].lift_height == 0.3
    anew = QuadrupedProgram.from_text("reset_reward()\nset_feet_pos_parameters('rear_left', 0.2)").motions(running)
    assert set(anew[0].task.feet) == {"rear_left"}
    stops = QuadrupedProgram.from_text("set_feet_stepping_parameters('front_left', should_activate=False)")
    assert stops.motions(understood(["Trot."]))[0].task.stepping.keys() == {"rear_left", "front_right", "rear_right"}


def test_each_execute_plan_ends_a_motion() -> None:
    text = "execute_plan(1)\nset_feet_pos_parameters('rear_left', 0.2)\nexecute_plan(3)"
    motions = QuadrupedProgram.from_text(text).motions()
    assert [motion.seconds for motion in motions] == [1, 3]
    assert [len(motion.task.feet) for motion in motions] == [0, 1]


TORSO = "velocity_xy=(0, 0), turning_speed=0"
BAD = [
    ("", "no_calls", "there is no call"),
    ("I would lift the paw.", "not_python", "write one call on each line"),
    ("lift()", "unknown_call", "there is no lift"),
    ("set_torso_target()", "unknown_call", "did you mean set_torso_targets?"),
    ("reset_reward(1)", "wrong_arguments", "has 0 arguments"),
    ("execute_plan(1, 2)", "wrong_arguments", "has 1 arguments (duration), not 2"),
    ("execute_plan(1, duration=2)", "wrong_arguments", "duration is given twice"),
    ("set_feet_pos_parameters()", "wrong_arguments", "foot: Field required"),
    ("execute_plan(time=2)", "unknown_argument", "has no time"),
    ("set_feet_pos_parameters('left')", "wrong_value", "'front_left'"),
    ("set_feet_pos_parameters('front_left', '0.1')", "wrong_value", "valid number"),
    ("execute_plan(True)", "wrong_value", "valid number"),
    ("execute_plan(1 / 0)", "wrong_value", "divides by zero"),
    ("set_torso_targets()", "exclusive", "exactly one of location_xy and velocity_xy must be None"),
    (f"set_torso_targets(location_xy=(1, 1), {TORSO})", "exclusive", "exactly one of location_xy and velocity_xy"),
    (f"set_torso_targets(heading=1, {TORSO})", "exclusive", "exactly one of heading and turning_speed"),
    (f"set_torso_targets(height=5, {TORSO})", "out_of_bounds", "less than or equal to 0.65, not 5.0"),
    (f"set_torso_targets(pitch=90, {TORSO})", "out_of_bounds", "pitch"),
    ("set_torso_targets(velocity_xy=(0, 0, 0), turning_speed=0)", "out_of_bounds", "velocity_xy"),
    ("execute_plan(np.nan)", "out_of_bounds", "finite"),
    ("execute_plan(1e999)", "out_of_bounds", "finite"),
    ("execute_plan(-1)", "out_of_bounds", "greater than 0"),
    ("execute_plan(float('nan'))", "not_a_literal", "must be written out"),
    ("execute_plan(x)", "not_a_literal", "must be written out"),
    ("execute_plan(np.random)", "not_a_literal", "must be written out"),
    ("execute_plan(**{'duration': 2})", "not_a_literal", "name each argument"),
    ("x = 2\nexecute_plan(x)", "not_a_call", "and nothing else"),
    ("for i in range(9): execute_plan(1)", "not_a_call", "and nothing else"),
    ("import os", "not_a_call", "and nothing else"),
    ("np.pi.execute_plan()", "not_a_call", "and nothing else"),
    ("execute_plan(1)\n" * 101, "too_long", "more than 100 calls"),
    ("#" * 20_001, "too_long", "characters"),
    ("(" * 5000, "not_python", ""),
    ("execute_plan(" + "-" * 5000 + "1)", "not_python", ""),
    ("execute_plan(" + "-" * 50 + "1)", "not_a_literal", "nests too deep"),
    ("execute_plan(" + "9" * 5000 + ")", "not_python", ""),
    ("execute_plan(10000000000)", "out_of_bounds", "sensible size"),
    ("\0", "not_python", ""),
]


@pytest.mark.parametrize(("text", "kind", "message"), BAD, ids=[f"{n}-{kind}" for n, (_, kind, _) in enumerate(BAD)])
def test_what_is_no_program_is_refused_by_name(text: str, kind: str, message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        QuadrupedProgram.from_text(text)
    assert (refused.value.kind, message in str(refused.value)) == (kind, True), str(refused.value)


def test_errors_tell_the_line_of_the_text_as_it_was_given() -> None:
    with pytest.raises(ProgramError, match="line 5: there is no lift_it"):
        QuadrupedProgram.from_text("Here it is:\n\n```python\nreset_reward()\nlift_it()\n```")


# ------------------------------------------------------------------------------------------------ fuzz

SEEDS = (
    AS_THE_PAPER_WRITES_THEM,
    f"reset_reward()\nset_torso_targets(0.3, 0.1, 0.0, {TORSO})\nexecute_plan()",
    "set_feet_pos_parameters('front_left', 0.1, None, 0.02)\nexecute_plan(duration=3)",
    "set_torso_targets(location_xy=(1.0, 2.0), heading=np.deg2rad(90))",
)
PIECES = (
    *("__import__('os').system('touch owned')", "open('owned', 'w')", "exec('x')", "eval('1')", "np.load('owned')"),
    *("().__class__.__bases__", "lambda: 0", "[x for x in ()]", "f'{open}'", "print", "np.random.rand()", "b'x'"),
    *("nan", "np.nan", "np.inf", "-1e400", "1e308 * 10", "None", "True", "...", "1j", "0x10", "10**10**10", "9" * 400),
    *("'front_left'", "'\\ud800'", "(0, 0)", "[1, 2, 3]", "{}", "*args", "**kwargs", "height=", "execute_plan"),
    *("heading=1, turning_speed=1", "location_xy=(0, 0)", "velocity_xy=(0, 0)", "reset_reward()", "set_torso_targets"),
    *("; ", "\n", "\t", "#", '"""', "```", "\\", "\0", "\u2028", "\u00e9", "(", ")", ",", "=", ".", "-"),
    *("import os\n", "def f(): pass\n", "while True: pass\n"),
)


def mutated(random: np.random.Generator) -> str:
    """A program with a few pieces put in or cut out, most of them in the place of a name or an argument."""
    text = str(random.choice(SEEDS))
    for _ in range(int(random.integers(1, 3))):
        start = int(random.integers(0, len(text) + 1))
        end = min(len(text), start + int(random.choice([0, 1, 3, 12])))
        words = [word.span() for word in re.finditer(r"[^\s(),=]+", text)]
        if words and random.random() < 0.8:
            start, end = words[int(random.integers(len(words)))]
        text = text[:start] + str(random.choice(["", *PIECES])) + text[end:]
    return text


def test_of_5000_programs_none_does_anything_but_be_read_or_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def forbidden(*arguments: Any, **keywords: Any) -> None:
        raise AssertionError(f"something was executed: {arguments}")

    random = np.random.default_rng(0)
    texts = [mutated(random) for _ in range(5000)]
    for module, name in (
        (builtins, "exec"),
        (builtins, "eval"),
        (builtins, "open"),
        (os, "system"),
        (subprocess, "Popen"),
    ):
        monkeypatch.setattr(module, name, forbidden)
    outcomes: dict[str, int] = {}
    for text in texts:
        try:
            outcome = "read" if QuadrupedProgram.from_text(text).motions() else "nothing"
        except ProgramError as error:
            outcome = error.kind
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())
    kinds = {"not_python", "not_a_call", "unknown_call", "not_a_literal", "wrong_arguments", "out_of_bounds"}
    assert kinds | {"read", "exclusive", "wrong_value", "unknown_argument"} <= set(outcomes), outcomes


# ------------------------------------------------------------------------------------------------ scripted


NINE = {
    "It is early in the morning. Turn towards the rising sun.": ({"heading": 0.0}, {}),
    "Make the robot head to the sunset": ({"heading": math.pi}, {}),
    "Sit down low to the ground, with the torso flat.": ({"height": 0.1, "pitch": 0.0}, {}),
    "Please roll onto your back": ({"roll": math.pi}, {}),
    "Spin as fast as you can!": ({"turning_speed": 3.0}, {}),
    "Raise the right front paw": (
        {"pitch": 0.0},
        {"front_left": 0.0, "rear_left": 0.0, "front_right": 0.1, "rear_right": 0.0},
    ),
    "Stand up on two feet": ({"pitch": math.pi / 2}, {"front_left": 0.5, "front_right": 0.5}),
}


@pytest.mark.parametrize("instruction", NINE)
def test_the_scripted_teacher_understands_an_instruction(instruction: str) -> None:
    torso, feet = NINE[instruction]
    task = understood([instruction])
    assert {name: getattr(task.torso, name) for name in torso} == torso
    assert {foot: place.lift_height for foot, place in task.feet.items()} == feet


def test_the_scripted_teacher_keeps_the_conversation() -> None:
    task = understood(["Lift the front right paw.", "Lift it even higher."])
    assert task.feet["front_right"].lift_height == pytest.approx(0.18)
    task = understood(["Lift front left paw.", "Now lift diagonal paw as well.", "In addition, spin fast."])
    assert set(task.feet) == {"front_left", "rear_right"}
    assert set(task.stepping) == {"rear_left", "front_right"}
    assert task.torso.turning_speed == 3.0
    faster = understood(["Walk forward.", "Faster!"])
    assert faster.torso.velocity == pytest.approx((0.75, 0.0))


def test_the_scripted_teacher_keeps_a_robot_facing_one_point_on_its_way_to_another() -> None:
    task = understood(["Walk to x = 1, y = 0.5 while you keep facing the point x = 1, y = -3."])
    assert task.torso.location == (1.0, 0.5)
    assert task.torso.heading == pytest.approx(1.5 * math.pi)
    assert understood(["Walk to x = 1, y = 0.5, and face north."]).torso.heading == math.pi / 2


@pytest.mark.parametrize("instruction", [*NINE, "Trot at 0.6 m/s", "Walk to x = 1, y = -0.5", "Do a moonwalk"])
def test_what_is_described_is_coded_as_it_was_meant(instruction: str) -> None:
    task = understood([instruction])
    (motion,) = program_from_words(in_words(task)).motions()
    meant, coded = task.model_dump(), motion.task.model_dump()
    for name, value in meant["torso"].items():
        # Degrees are written as whole numbers.
        assert coded["torso"][name] == (value if value is None else pytest.approx(value, abs=0.01)), name
    assert coded["feet"] == meant["feet"]
    assert coded["stepping"] == meant["stepping"]


def test_primitives_do_what_such_robots_can_and_say_nothing_of_the_rest() -> None:
    assert primitives_for(understood(["Roll over."])) is None
    assert primitives_for(understood(["Stand on your hind legs."])) is None
    program = primitives_for(understood(["Lift the front left paw.", "Higher."]))
    assert program is not None
    task = program.motions()[-1].task
    assert task.feet["front_left"].lift_height == 0.12
    walks = QuadrupedPrimitives.from_text("walk(0.5, turning=1)\nwait(1)\nstand()").motions()
    assert walks[0].task.torso.velocity == (0.5, 0.0)
    assert (len(walks[0].task.stepping), len(walks[1].task.stepping)) == (4, 0)


# ------------------------------------------------------------------------------------------------ mistakes


def calls_of(program: Program) -> list[dict[str, Any]]:
    return [call.model_dump() for call in program.calls]


def test_mistakes_are_as_many_as_asked_for_and_of_every_kind() -> None:
    right = program_from_words(in_words(understood(["Lift the front left paw.", "Now also walk forward."])))
    assert UNDERSTANDING.spoiled(right, Mistakes(accuracy=1.0), np.random.default_rng(0)) == right
    wrong = [UNDERSTANDING.spoiled(right, Mistakes(accuracy=0.0), np.random.default_rng(seed)) for seed in range(30)]
    assert all(len(program.calls) == len(right.calls) and program != right for program in wrong)
    changes = [
        (name, value, now[name])
        for program in wrong
        for before, now in zip(calls_of(right), calls_of(program), strict=True)
        for name, value in before.items()
        if now[name] != value
    ]
    numbers = [(old, new) for _, old, new in changes if isinstance(old, float)]
    assert {name for name, _, _ in changes} >= {"foot", "height", "frequency", "duration", "velocity_xy"}
    assert {round(new / old, 6) for old, new in numbers} <= {-1.0, 0.5, 2.0}
    fewer = UNDERSTANDING.spoiled(right, Mistakes(missing=0.5), np.random.default_rng(0))
    assert 0 < len(fewer.calls) < len(right.calls)


@pytest.mark.parametrize("kind", ["sign", "factor", "foot", "missing"])
def test_a_program_can_have_one_wrong_call_of_one_kind(kind: str) -> None:
    right = program_from_words(in_words(understood(["Lift the front left paw.", "Now also walk backward."])))
    mistakes = Mistakes.model_validate({"wrong_calls": 1, "call_mistakes": [kind]})
    for seed in range(20):
        wrong = UNDERSTANDING.spoiled(right, mistakes, np.random.default_rng(seed))
        assert wrong.motions() != right.motions()
        if kind == "missing":
            assert len(wrong.calls) == len(right.calls) - 1
            assert all(call in right.calls for call in wrong.calls)
            continue
        changed = [
            (name, value, now[name])
            for before, now in zip(calls_of(right), calls_of(wrong), strict=True)
            for name, value in before.items()
            if now[name] != value
        ]
        assert len(changed) == 1
        ((name, before, now),) = changed
        if kind == "foot":
            assert (name, type(now)) == ("foot", str)
        else:
            ratios = {round(new / old, 6) for old, new in zip(np.ravel(before), np.ravel(now), strict=True) if old}
            assert ratios <= ({-1.0} if kind == "sign" else {0.5, 2.0})


def test_a_program_that_cannot_be_wrong_that_way_stays_right() -> None:
    right = QuadrupedProgram.from_text("reset_reward()\nexecute_plan()")
    for kind in ("sign", "foot", "missing"):
        mistakes = Mistakes.model_validate({"wrong_calls": 1, "call_mistakes": [kind]})
        assert UNDERSTANDING.spoiled(right, mistakes, np.random.default_rng(0)) == right


def test_a_sign_that_means_the_same_is_no_mistake() -> None:
    mistakes = Mistakes.model_validate({"wrong_calls": 1, "call_mistakes": ["sign"]})
    for instruction in ("Roll over.", "Turn towards the rising sun.", "Turn towards the sunset."):
        right = program_from_words(in_words(understood([instruction])))
        assert UNDERSTANDING.spoiled(right, mistakes, np.random.default_rng(0)) == right
    spin = program_from_words(in_words(understood(["Spin fast."])))
    wrong = UNDERSTANDING.spoiled(spin, mistakes, np.random.default_rng(0)).motions()[0].task
    assert wrong.torso.turning_speed == pytest.approx(-3.0, abs=0.01)


@pytest.mark.parametrize("mistake", UNDERSTANDING.mistakes)
def test_a_call_that_cannot_be_wrong_that_way_is_left_alone(mistake: str) -> None:
    (reset,) = QuadrupedProgram.from_text("reset_reward()").calls
    assert UNDERSTANDING.mistakes[mistake](reset, np.random.default_rng(0)) is None


def test_programs_in_yaml_are_checked_like_others() -> None:
    calls = [{"call": "set_torso_targets", "velocity_xy": [0, 0], "heading": 1.0, "turning_speed": 0.0}]
    with pytest.raises(ValidationError, match="exactly one of heading and turning_speed"):
        PROGRAMS["rewards"].model_validate({"calls": calls})


def test_a_program_can_be_a_worlds_own_task() -> None:
    lying = "set_torso_targets(height=0.12, velocity_xy=(0, 0), turning_speed=0)"

    def lived(level: int | None = None, **settings: Any) -> tuple[float, bool]:
        world = palaestra_worlds.make(
            "Quadruped", num_envs=1, fidelity="planning", max_steps=50, start_noise=0.0, **settings
        )
        if level is not None:
            world.draw_from([world.task_space(level_seed=level)])
        world.reset(seed=0)
        standing = world.actions(world.rest_control[None])  # type: ignore[attr-defined]
        for _ in range(50):
            infos = world.step(standing)[4]
        world.close()
        return float(infos["episode"]["return"][0]), bool(infos["episode"]["success"][0])

    (stands, success), (lies, _) = lived(success_reward=0.95), lived(program=lying)
    assert stands > lies + 5
    assert success
    assert lived(program=lying, success_reward=0.95) == (lies, False)
    # Evaluations draw levels and set nothing else.
    assert lived(level=7, program=lying, success_reward=0.95) == (lies, False)


@pytest.mark.parametrize(
    ("id", "program", "message"),
    [
        ("Quadruped", "fly()", "setting program of Quadruped: line 1: there is no fly"),
        ("Quadruped", [{"call": "execute_plan", "duration": -1}], "of Quadruped: call 1, execute_plan, duration"),
    ],
)
def test_a_worlds_program_that_is_none_is_refused_by_name(id: str, program: Any, message: str) -> None:
    with pytest.raises(ValueError, match="program") as refused:
        palaestra_worlds.make(id, num_envs=1, program=program)
    assert message in str(refused.value)
