"""What the scripted teacher answers to prompts about the robot dog, and how it goes wrong when it is to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from palaestra_worlds.programs import Program
from palaestra_worlds.robots.answers import Understanding, flip_sign, scale
from palaestra_worlds.robots.quadruped_instructions import understood
from palaestra_worlds.robots.quadruped_primitives import QuadrupedPrimitives, primitives_for
from palaestra_worlds.robots.quadruped_program import QuadrupedProgram
from palaestra_worlds.robots.quadruped_words import in_words, program_from_words

PROGRAMS: dict[str, type[Program]] = {"rewards": QuadrupedProgram, "primitives": QuadrupedPrimitives}
"""By interface."""
_OTHER_FOOT = {
    "front_left": "front_right",
    "front_right": "front_left",
    "rear_left": "rear_right",
    "rear_right": "rear_left",
}


def wrong_foot(call: Any, random: np.random.Generator) -> Any:
    """The call for the foot on the other side; None if it is not about a foot."""
    foot = getattr(call, "foot", None)
    return None if foot is None else call.model_copy(update={"foot": _OTHER_FOOT[foot]})


def wrong_sign(call: Any, random: np.random.Generator) -> Any:
    """The call with one number's sign changed; None where that comes to the same: half a step ahead, half a turn."""
    changed = flip_sign(call, random)
    halves = {"phase_offset": 0.5, "roll": math.pi, "heading": math.pi}
    same = any(
        getattr(changed, name) != getattr(call, name) and math.isclose(abs(getattr(call, name)), half)
        for name, half in halves.items()
        if hasattr(changed, name)
    )
    return None if same else changed


UNDERSTANDING = Understanding(
    world="Quadruped",
    programs=PROGRAMS,
    understood=understood,
    in_words=in_words,
    coded=program_from_words,
    primitives=primitives_for,
    mistakes={"sign": wrong_sign, "factor": scale, "foot": wrong_foot},
)
