"""What the scripted teacher answers to prompts about the manipulator, and how it goes wrong when it is to."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from pydantic import ValidationError

from palaestra_worlds.programs import Program
from palaestra_worlds.robots.answers import Understanding, flip_sign, scale
from palaestra_worlds.robots.manipulator_instructions import understood
from palaestra_worlds.robots.manipulator_primitives import ManipulatorPrimitives, primitives_for
from palaestra_worlds.robots.manipulator_program import ManipulatorProgram
from palaestra_worlds.robots.manipulator_task import Thing
from palaestra_worlds.robots.manipulator_words import in_words, program_from_words

PROGRAMS: dict[str, type[Program]] = {"rewards": ManipulatorProgram, "primitives": ManipulatorPrimitives}
"""By interface."""
_THINGS: tuple[str, ...] = get_args(Thing)


def wrong_thing(call: Any, random: np.random.Generator) -> Any:
    """The call with one object in the place of another; None if it names none."""
    named = [name for name, value in call.model_dump(exclude={"call"}).items() if value in _THINGS]
    if not named:
        return None
    name = named[int(random.integers(len(named)))]
    others = [thing for thing in _THINGS if thing != getattr(call, name)]
    try:
        changed = {**call.model_dump(), name: others[int(random.integers(len(others)))]}
        return type(call).model_validate(changed)
    except ValidationError:
        # Both points of a distance would be the same.
        return None


UNDERSTANDING = Understanding(
    world="Manipulator",
    programs=PROGRAMS,
    understood=understood,
    in_words=in_words,
    coded=program_from_words,
    primitives=primitives_for,
    mistakes={"sign": flip_sign, "factor": scale, "thing": wrong_thing},
)
