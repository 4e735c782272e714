"""What the scripted teacher answers to prompts about a robot, and how it goes wrong when it is to.

Prompts name the world (`World: Quadruped`), the interface (`Interface: rewards` or `primitives`) and what is wanted
(`Reply: description`, `calls` or `code`). They hold the conversation (`Instruction 1: ...`, and so on) or, for the
coder, a description between <description> tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from palaestra_worlds.base import Mistakes, OracleError
from palaestra_worlds.programs import Program, ProgramError

Mistake = Callable[[Any, np.random.Generator], Any]
"""A call got wrong in one way; None if it cannot be."""

_WORLD = re.compile(r"^World: (\w+)$", re.MULTILINE)
_WANTED = re.compile(r"^Reply: (description|calls|code)$", re.MULTILINE)
_INTERFACE = re.compile(r"^Interface: (\w+)$", re.MULTILINE)
_INSTRUCTION = re.compile(r"^Instruction \d+: (.+)$", re.MULTILINE)
_DESCRIPTION = re.compile(r"^<description>\n(.*?)\n</description>$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Understanding:
    """What somebody wrote by hand about one robot.

    Attributes:
        world: its id.
        programs: by interface.
        understood: what a conversation comes to; raises OracleError for an instruction that holds no known phrase.
        in_words: that as a description.
        coded: the program of a description; raises ValueError for numbers out of bounds.
        primitives: the robot's own motions that come to about it; None if there are none.
        mistakes: ways to get a call wrong.
    """

    world: str
    programs: Mapping[str, type[Program]]
    understood: Callable[[Sequence[str]], Any]
    in_words: Callable[[Any], str]
    coded: Callable[[str], Program]
    primitives: Callable[[Any], Program | None]
    mistakes: Mapping[str, Mistake]

    def is_about(self, prompt: str) -> bool:
        """Whether a prompt is about this robot."""
        found = _WORLD.search(prompt)
        return found is not None and found[1] == self.world

    def answer(self, prompt: str) -> dict[str, Any] | None:
        """See `WorldProvider.oracle`. Raises OracleError for an instruction that holds no known phrase."""
        found, interface = _WANTED.search(prompt), _INTERFACE.search(prompt)
        if not self.is_about(prompt) or found is None or interface is None:
            return None
        wanted = found[1]
        described = _DESCRIPTION.search(prompt)
        if described is not None and wanted != "description":
            try:
                return _given(self.coded(described[1]), wanted)
            except ValidationError as error:
                raise OracleError("the description asks for numbers that are out of bounds") from error
        instructions = _INSTRUCTION.findall(prompt)
        if not instructions:
            raise OracleError("the prompt holds no instruction")
        meant = self.understood(instructions)
        if wanted == "description":
            return {"description": self.in_words(meant)}
        program = self.primitives(meant) if interface[1] == "primitives" else self.coded(self.in_words(meant))
        if program is None:
            raise OracleError(f"no primitive motion does what is asked: {instructions[-1]!r}")
        return _given(program, wanted)

    def misread(
        self, prompt: str, reply: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        """See `WorldProvider.misread`. Descriptions stay as they are, so that a program goes wrong once, not twice."""
        interface = _INTERFACE.search(prompt)
        if not self.is_about(prompt) or interface is None or interface[1] not in self.programs:
            return None
        kind = self.programs[interface[1]]
        try:
            if "code" in reply:
                return {"code": self.spoiled(kind.from_text(reply["code"]), mistakes, random).text()}
            if "calls" in reply:
                return _given(self.spoiled(kind.model_validate(reply), mistakes, random), "calls")
        except (ProgramError, ValidationError):
            pass
        return reply

    def spoiled(self, program: Program, mistakes: Mistakes, random: np.random.Generator) -> Program:
        """The program with mistakes: calls wrong in one of the robot's ways, left out, or in another order.

        With equal random numbers a lower accuracy adds mistakes and changes none.
        """
        if mistakes.wrong_calls is not None:
            return self._with_wrong_calls(program, mistakes, random)
        calls: list[Any] = []
        for call, stream in zip(program.calls, random.spawn(len(program.calls)), strict=True):
            right, present, swapped = stream.random(3)
            if present < mistakes.missing:
                continue
            ways = [way for way in self.mistakes.values() if way(call, stream.spawn(1)[0]) is not None]
            if right >= mistakes.accuracy and ways:
                call = ways[int(stream.integers(len(ways)))](call, stream) or call
            calls.append(call)
            if len(calls) > 1 and swapped < mistakes.swapped:
                calls[-2:] = calls[:-3:-1]
        return type(program)(calls=tuple(calls or program.calls[:1]))

    def _with_wrong_calls(self, program: Program, mistakes: Mistakes, random: np.random.Generator) -> Program:
        """The program with `mistakes.wrong_calls` calls wrong, fewer where no more can be; each changes the motion."""
        ways = [None if name == "missing" else self.mistakes[name] for name in self._allowed(mistakes)]
        calls: list[Any] = list(program.calls)
        wrong = 0
        for at in random.permutation(len(calls)):
            if wrong == mistakes.wrong_calls:
                break
            for way in (ways[k] for k in random.permutation(len(ways))):
                changed = None if way is None else way(calls[at], random)
                tried = [call for call in (*calls[:at], changed, *calls[at + 1 :]) if call is not None]
                if (way is None or changed is not None) and self._differ(type(program), tried, calls):
                    calls[at] = changed
                    wrong += 1
                    break
        return type(program)(calls=tuple(call for call in calls if call is not None))

    def _allowed(self, mistakes: Mistakes) -> list[str]:
        known = (*self.mistakes, "missing")
        return [name for name in known if not mistakes.call_mistakes or name in mistakes.call_mistakes]

    def _differ(self, kind: type[Program], tried: Sequence[Any], calls: Sequence[Any]) -> bool:
        """Whether there are calls left that come to another motion."""
        before = kind(calls=tuple(call for call in calls if call is not None))
        return bool(tried) and kind(calls=tuple(tried)).motions() != before.motions()


def flip_sign(call: Any, random: np.random.Generator) -> Any:
    """The call with the sign of one number changed; None if there is none whose sign could be another."""
    return _renumbered(call, random, lambda value: -value)


def scale(call: Any, random: np.random.Generator) -> Any:
    """The call with one number doubled or halved; None if there is none."""
    factor = float(random.choice([0.5, 2.0]))
    return _renumbered(call, random, lambda value: value * factor)


def _renumbered(call: Any, random: np.random.Generator, change: Callable[[float], float]) -> Any:
    """The call with one of its numbers changed, in whatever way stays within bounds; None if none does."""
    possible = []
    for name, value in call.model_dump(exclude={"call"}).items():
        if isinstance(value, float) and value:
            possible.append({name: change(value)})
        elif isinstance(value, tuple) and any(value):
            possible.append({name: tuple(change(part) for part in value)})
    valid = []
    for changed in possible:
        try:
            valid.append(type(call).model_validate({**call.model_dump(), **changed}))
        except ValidationError:
            continue
    return valid[int(random.integers(len(valid)))] if valid else None


def _given(program: Program, wanted: str) -> dict[str, Any]:
    return {"code": program.text()} if wanted == "code" else program.model_dump(mode="json")
