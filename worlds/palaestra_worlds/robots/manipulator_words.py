"""Deeds of the manipulator in words: the sentences that a description is made of, written and read.

Reading them back is what the scripted teacher's coder does; a language model reads them as it can.
"""

from __future__ import annotations

import math
import re
from typing import get_args

from palaestra_worlds.programs import Motion
from palaestra_worlds.robots.manipulator_program import DURATION, ManipulatorProgram, program_of
from palaestra_worlds.robots.manipulator_task import (
    POINT_NAMES,
    DistanceTarget,
    HeightTarget,
    JointTarget,
    ManipulatorTask,
    Thing,
    TurnTarget,
)

TEMPLATE = """\
For each two points that should come together:
  The [palm | apple | banana | box | bowl] goes to the [palm | apple | banana | box | bowl | drawer handle | faucet \
handle | drawer center | rest position].
  (The palm takes hold of what it goes to. It must go to whatever it is to move: an object, the drawer handle, the \
faucet handle.)
For each object that should be turned:
  The [apple | banana | box | bowl] is turned to [number] degrees about x. (0 upright, 180 upside down, 90 on its side.)
For each object that should be lifted:
  The [apple | banana | box | bowl] is [number] m above the table. (At most 0.6.)
For a drawer or faucet that should be opened or closed:
  The [drawer | faucet] is [number] percent open. (0 closed, 100 open.)
When one thing must be done before the next, a line between them, and after it all that is then to be aimed at:
  Then, after [number] s:"""

_POINT = "(" + "|".join(name.replace("_", " ") for name in POINT_NAMES) + ")"
_THING = "(" + "|".join(get_args(Thing)) + ")"
_N = r"([-+]?\d+(?:\.\d+)?)"
_TOGETHER = re.compile(rf"The {_POINT} goes to the {_POINT}", re.IGNORECASE)
_TURNED = re.compile(rf"The {_THING} is turned to {_N} degrees about x", re.IGNORECASE)
_LIFTED = re.compile(rf"The {_THING} is {_N} m above the table", re.IGNORECASE)
_OPENED = re.compile(rf"The (drawer|faucet) is {_N} percent open", re.IGNORECASE)
_THEN = re.compile(rf"^\s*Then, after {_N} s:\s*$", re.IGNORECASE | re.MULTILINE)


def in_words(deeds: tuple[Motion, ...]) -> str:
    """Tasks one after the other as the template has them, a line for each sentence."""
    lines: list[str] = []
    for number, (task, _) in enumerate(deeds):
        assert isinstance(task, ManipulatorTask)
        if number:
            lines.append(f"Then, after {_shown(deeds[number - 1].seconds)} s:")
        lines += [f"The {_spoken(d.first)} goes to the {_spoken(d.second)}." for d in task.distances]
        lines += [f"The {t.thing} is turned to {math.degrees(t.x_rotation):.0f} degrees about x." for t in task.turns]
        lines += [f"The {h.thing} is {_shown(h.height)} m above the table." for h in task.heights]
        lines += [f"The {j.joint} is {_shown(100 * j.fraction)} percent open." for j in task.joints]
    return "\n".join(lines)


def program_from_words(text: str) -> ManipulatorProgram:
    """The program of a description that holds sentences of the template.

    Raises:
        ValueError: a number is out of its bounds.
    """
    parts = _THEN.split(text)
    seconds = [*(float(number) for number in parts[1::2]), DURATION]
    return program_of(tuple(Motion(_task(part), duration) for part, duration in zip(parts[::2], seconds, strict=True)))


def _task(text: str) -> ManipulatorTask:
    return ManipulatorTask(
        distances=tuple(
            DistanceTarget.model_validate({"first": _name(first), "second": _name(second)})
            for first, second in _TOGETHER.findall(text)
        ),
        turns=tuple(
            TurnTarget.model_validate({"thing": thing.lower(), "x_rotation": math.radians(float(degrees))})
            for thing, degrees in _TURNED.findall(text)
        ),
        heights=tuple(
            HeightTarget.model_validate({"thing": thing.lower(), "height": float(height)})
            for thing, height in _LIFTED.findall(text)
        ),
        joints=tuple(
            JointTarget.model_validate({"joint": joint.lower(), "fraction": float(percent) / 100})
            for joint, percent in _OPENED.findall(text)
        ),
    )


def _name(spoken: str) -> str:
    return spoken.lower().replace(" ", "_")


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
