"""What the scripted teacher makes of an instruction to the manipulator: a hand-written answer to each that it knows.

It is no language model. It knows a few dozen phrases, and says so when it knows none in an instruction.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, get_args

from palaestra_worlds.base import OracleError
from palaestra_worlds.programs import Motion
from palaestra_worlds.robots.manipulator_program import DURATION
from palaestra_worlds.robots.manipulator_task import (
    DistanceTarget,
    HeightTarget,
    JointTarget,
    ManipulatorTask,
    Point,
    Thing,
    TurnTarget,
)

LIFT = 0.4
"""How high things are lifted where no height is said, metres."""
TURNING_HEIGHT = 0.3
"""How high things are turned over, metres: there is room for the hand below them."""
STANDING_HEIGHTS: dict[Thing, float] = {"apple": 0.03, "banana": 0.018, "box": 0.04, "bowl": 0.006}
"""Of their middles."""
HIGHER = 0.1
HIGHEST = 0.6
Deeds = tuple[Motion, ...]
"""Tasks one after the other."""
_THINGS = {
    "apple": r"apples?|fruit",
    "banana": r"bananas?",
    "box": r"box|cube|block|carton",
    "bowl": r"bowl|dish",
}
_HEIGHT = re.compile(r"(\d+(?:\.\d+)?) ?(m|cm|met(?:er|re)s?|centimet(?:er|re)s?)\b")


def understood(instructions: Sequence[str]) -> Deeds:
    """What a conversation comes to, instruction by instruction.

    Raises:
        OracleError: one of them holds no phrase that is known.
    """
    deeds: Deeds = ()
    for instruction in instructions:
        found = _understood(instruction.lower(), deeds)
        if found is None:
            raise OracleError(f"the scripted teacher knows no phrase in {instruction!r}")
        deeds = found
    return deeds


def _understood(text: str, before: Deeds) -> Deeds | None:
    """What is to be done after one more instruction; None if it is not understood."""
    for pattern, answer in _PHRASES:
        if re.search(pattern, text) and (deeds := answer(text, before)) is not None:
            return deeds
    return None


# ---------------------------------------------------------------------------------------------- answers


def _faucet(text: str, before: Deeds) -> Deeds:
    closes = re.search(r"off|close|shut|stop", text)
    return _one(palm="faucet_handle", joints=[JointTarget(joint="faucet", fraction=0.0 if closes else 1.0)])


def _drawer(text: str, before: Deeds) -> Deeds | None:
    things = _things(text)
    if things and re.search(r"\b(?:in|into|inside)\b", text):
        return None
    closes = re.search(r"close|shut|push", text)
    return _one(palm="drawer_handle", joints=[JointTarget(joint="drawer", fraction=0.0 if closes else 1.0)])


def _stack(text: str, before: Deeds) -> Deeds | None:
    """One thing onto another, where it is let go."""
    things = _things(text)
    if len(things) != 2:
        return None
    return _put(things[0], things[1])


def _move(text: str, before: Deeds) -> Deeds | None:
    things = _things(text)
    if len(things) == 2:
        return _one(palm=things[0], distances=[(things[0], things[1])])
    if len(things) == 1 and re.search(r"rest|hand|start|back", text):
        return _one(palm=things[0], distances=[(things[0], "rest_position")])
    return None


def _lift(text: str, before: Deeds) -> Deeds | None:
    things, height = _things(text), _height(text)
    if len(things) == 2:
        return _lift_two(things, height)
    if len(things) != 1:
        return None
    return _one(palm=things[0], heights=[HeightTarget(thing=things[0], height=height)])


def _lift_two(things: list[Any], height: float) -> Deeds:
    """Both at once: one is brought to the other, let go, and then the hand lifts that: the bowl, if it is one."""
    inner, outer = sorted(things, key=lambda thing: thing == "bowl")
    both = _task(
        palm=outer,
        turns=[TurnTarget(thing=outer, x_rotation=0.0)],
        heights=[HeightTarget(thing=inner, height=height), HeightTarget(thing=outer, height=height)],
    )
    return (*_put(inner, outer), Motion(both, DURATION))


def _put(moved: Thing, goal: Thing) -> Deeds:
    """One thing to another, which is to stay upright, where it is let go."""
    # What stands is not to be knocked over meanwhile.
    standing = [TurnTarget(thing=goal, x_rotation=0.0)]
    carried = _task(palm=moved, distances=[(moved, goal)], turns=standing)
    return (Motion(carried, 1.5 * DURATION), Motion(_task(palm="rest_position"), DURATION / 2))


def _upright(text: str, before: Deeds) -> Deeds | None:
    things = _things(text)
    if len(things) != 1:
        return None
    # It is to stand on the table, and not to be held up.
    return (Motion(_turned(things[0], 0.0, STANDING_HEIGHTS[things[0]]), DURATION),)


def _flip(text: str, before: Deeds) -> Deeds | None:
    things = _things(text)
    if len(things) != 1:
        return None
    # In the air: on the table it would have to be pushed over its own rim. Near the robot: there is room for a hand
    # that comes to point up. It stays below the thing, and holds it.
    thing = things[0]
    near: tuple[Point, Point] = (thing, "rest_position")
    lifted, over = (_turned(thing, rotation, TURNING_HEIGHT, near) for rotation in (0.0, math.pi))
    return Motion(lifted, DURATION), Motion(over, 2.0 * DURATION)


def _turned(thing: Thing, x_rotation: float, height: float, *distances: tuple[Point, Point]) -> ManipulatorTask:
    """A thing that is held turned, so high."""
    turns = [TurnTarget(thing=thing, x_rotation=x_rotation)]
    return _task(thing, distances, turns, [HeightTarget(thing=thing, height=height)])


def _touch(text: str, before: Deeds) -> Deeds | None:
    things: list[Any] = _things(text)
    if not things and re.search(r"drawer|faucet", text):
        things = ["drawer_handle" if "drawer" in text else "faucet_handle"]
    return _one(palm=things[0]) if len(things) == 1 else None


def _rest(text: str, before: Deeds) -> Deeds:
    return _one(palm="rest_position")


def _change_height(text: str, before: Deeds) -> Deeds | None:
    """Higher or lower than before, if something was lifted."""
    if not before or not before[-1].task.model_dump()["heights"]:
        return None
    task: Any = before[-1].task
    change = -HIGHER if "low" in text else HIGHER
    heights = tuple(h.model_copy(update={"height": min(HIGHEST, max(0.05, h.height + change))}) for h in task.heights)
    return (Motion(task.model_copy(update={"heights": heights}), DURATION),)


_PHRASES: tuple[tuple[str, Callable[[str, Deeds], Deeds | None]], ...] = (
    (r"faucet|\btap\b|water", _faucet),
    (r"drawer", _drawer),
    (r"stack|on top of|\bonto\b", _stack),
    (r"upright|stand .*up|set .*straight|right side up", _upright),
    (r"flip|upside down|turn .*over", _flip),
    (r"\b(?:lift|raise|pick)\b", _lift),
    (r"\b(?:move|bring|put|place|carry|push|take)\b", _move),
    (r"high|\blow", _change_height),
    (r"touch|reach|grab|grasp|take hold|get", _touch),
    (r"\brest\b|let go|go back|home", _rest),
)
"""The first one whose phrase occurs, and that makes something of it, answers."""


def _things(text: str) -> list[Thing]:
    """The objects that a text names, in the order in which it does."""
    at = {name: found.start() for name, words in _THINGS.items() if (found := re.search(rf"\b(?:{words})\b", text))}
    named: tuple[Thing, ...] = get_args(Thing)
    return sorted((name for name in named if name in at), key=lambda name: at[name])


def _height(text: str) -> float:
    found = _HEIGHT.search(text)
    if found is None:
        return LIFT
    return min(HIGHEST, float(found[1]) * (0.01 if found[2].startswith("c") else 1.0))


def _task(
    palm: Point,
    distances: Sequence[tuple[Point, Point]] = (),
    turns: Sequence[TurnTarget] = (),
    heights: Sequence[HeightTarget] = (),
    joints: Sequence[JointTarget] = (),
) -> ManipulatorTask:
    return ManipulatorTask(
        distances=(
            DistanceTarget(first="palm", second=palm),
            *(DistanceTarget(first=first, second=second) for first, second in distances),
        ),
        turns=tuple(turns),
        heights=tuple(heights),
        joints=tuple(joints),
    )


def _one(palm: Point, **targets: Any) -> Deeds:
    return (Motion(_task(palm, **targets), DURATION),)
