"""Motions of the robot dog in words: the sentences that a description is made of, written and read.

Reading them back is what the scripted teacher's coder does; a language model reads them as it can.
"""

from __future__ import annotations

import math
import re
from typing import Any, get_args

from palaestra_worlds.robots.quadruped_program import (
    ExecutePlan,
    QuadrupedProgram,
    ResetReward,
    SetFeetPosParameters,
    SetFeetSteppingParameters,
    SetTorsoTargets,
)
from palaestra_worlds.robots.quadruped_task import Foot, QuadrupedTask, SteppingTargets, TorsoTargets

TEMPLATE = """\
The middle of the torso is [number] m above the floor. (0.26 when it stands on four legs.)
The nose points up by [number] degrees. (0 level, 90 upright on the hind legs, negative down.)
The left side is up by [number] degrees. (0 level, 180 on its back, negative: the right side is up.)
One of:
  It moves forward at [number] m/s and to its left at [number] m/s. (Negative: backward, to its right.)
  It goes to x = [number] m, y = [number] m. (It begins at 0, 0.)
One of:
  It turns counterclockwise by [number] degrees per second. (Negative: clockwise.)
  It faces [number] degrees. (0 east, 90 north, 180 west, 270 south.)
For each foot that is to be somewhere, those of these lines that matter:
  The [front left | rear left | front right | rear right] foot is [number] m above the floor.
  The [...] foot is [number] m in front of its place. (Negative: behind it.)
  The [...] foot is [number] m inward of its place. (Negative: outward.)
For each foot that is to step again and again (all four when it walks):
  The [...] foot steps [number] times per second, is in the air [number] percent of the time, is ahead by [number] \
percent of a step, rises by [number] m and swings forward by [number] m. (The last may be: swings as it comes.)"""

FEET: tuple[Foot, ...] = get_args(Foot)
_FOOT = "(front left|rear left|front right|rear right)"
_N = r"([-+]?\d+(?:\.\d+)?)"


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(sentence.replace("#", _N).replace("FOOT", _FOOT), re.IGNORECASE)


_HEIGHT = _pattern("torso is # m above the floor")
_PITCH = _pattern("nose points up by # degrees")
_ROLL = _pattern("left side is up by # degrees")
_VELOCITY = _pattern("moves forward at # m/s and to its left at # m/s")
_LOCATION = _pattern("goes to x = # m, y = # m")
_TURNING = _pattern("turns counterclockwise by # degrees per second")
_HEADING = _pattern("It faces # degrees")
_LIFT = _pattern("The FOOT foot is # m above the floor")
_FORWARD = _pattern("The FOOT foot is # m in front of its place")
_INWARD = _pattern("The FOOT foot is # m inward of its place")
_STEPS = _pattern(
    "The FOOT foot steps # times per second, is in the air # percent of the time, is ahead by # percent of a step, "
    "rises by # m and swings (?:forward by # m|as it comes)"
)


def in_words(task: QuadrupedTask) -> str:
    """A task as the template has it, a line for each sentence."""
    lines = [*_torso_in_words(task.torso)]
    for foot in FEET:
        name, place, step = foot.replace("_", " "), task.feet.get(foot), task.stepping.get(foot)
        if place is not None:
            parts = (
                (place.lift_height, "above the floor"),
                (place.extend_forward, "in front of its place"),
                (place.move_inward, "inward of its place"),
            )
            lines += [f"The {name} foot is {_shown(value)} m {where}." for value, where in parts if value is not None]
        if step is not None:
            lines.append(f"The {name} foot {_step_in_words(step)}.")
    return "\n".join(lines)


def program_from_words(text: str) -> QuadrupedProgram:
    """The program of a description that holds sentences of the template; what it does not say is left as standing.

    Raises:
        ValueError: a number is out of its bounds.
    """
    feet = [_foot_call(text, foot) for foot in FEET]
    steps = [_step_call(found) for found in _STEPS.findall(text)]
    calls: list[Any] = [ResetReward(), _torso_call(text), *(call for call in feet if call), *steps, ExecutePlan()]
    return QuadrupedProgram(calls=tuple(calls))


def _torso_in_words(torso: TorsoTargets) -> list[str]:
    lines = [
        f"The middle of the torso is {_shown(torso.height)} m above the floor.",
        f"The nose points up by {_degrees(torso.pitch)} degrees.",
        f"The left side is up by {_degrees(torso.roll)} degrees.",
    ]
    if torso.velocity is not None:
        forward, left = torso.velocity
        lines.append(f"It moves forward at {_shown(forward)} m/s and to its left at {_shown(left)} m/s.")
    if torso.location is not None:
        lines.append(f"It goes to x = {_shown(torso.location[0])} m, y = {_shown(torso.location[1])} m.")
    if torso.turning_speed is not None:
        lines.append(f"It turns counterclockwise by {_degrees(torso.turning_speed)} degrees per second.")
    if torso.heading is not None:
        lines.append(f"It faces {_degrees(torso.heading)} degrees.")
    return lines


def _step_in_words(step: SteppingTargets) -> str:
    swing = "as it comes" if step.swing_forward_back is None else f"forward by {_shown(step.swing_forward_back)} m"
    return (
        f"steps {_shown(step.frequency)} times per second, is in the air {_shown(100 * step.air_ratio)} percent of the "
        f"time, is ahead by {_shown(100 * step.phase_offset)} percent of a step, rises by {_shown(step.swing_up_down)} "
        f"m and swings {swing}"
    )


def _torso_call(text: str) -> SetTorsoTargets:
    degrees = {"pitch": _PITCH, "roll": _ROLL}
    values: dict[str, Any] = {
        name: math.radians(float(found[1])) for name, pattern in degrees.items() if (found := pattern.search(text))
    }
    if found := _HEIGHT.search(text):
        values["height"] = float(found[1])
    if found := _LOCATION.search(text):
        values["location_xy"] = (float(found[1]), float(found[2]))
    else:
        found = _VELOCITY.search(text)
        values["velocity_xy"] = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if found := _HEADING.search(text):
        values["heading"] = math.radians(float(found[1]))
    else:
        found = _TURNING.search(text)
        values["turning_speed"] = math.radians(float(found[1])) if found else 0.0
    return SetTorsoTargets(**values)


def _foot_call(text: str, foot: Any) -> SetFeetPosParameters | None:
    parts = {"lift_height": _LIFT, "extend_forward": _FORWARD, "move_inward": _INWARD}
    name = foot.replace("_", " ")
    values = {
        key: float(value)
        for key, pattern in parts.items()
        for found, value in pattern.findall(text)
        if found.lower() == name
    }
    return SetFeetPosParameters.model_validate({"foot": foot, **values}) if values else None


def _step_call(found: tuple[str, ...]) -> SetFeetSteppingParameters:
    foot, frequency, air, ahead, rise, swing = found
    return SetFeetSteppingParameters.model_validate(
        {
            "foot": foot.lower().replace(" ", "_"),
            "frequency": float(frequency),
            "air_ratio": float(air) / 100,
            "phase_offset": float(ahead) / 100,
            "swing_up_down": float(rise),
            "swing_forward_back": float(swing) if swing else None,
        }
    )


def _shown(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _degrees(value: float) -> str:
    return f"{math.degrees(value):.0f}"
