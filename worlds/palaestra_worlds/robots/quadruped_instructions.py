"""What the scripted teacher makes of an instruction to the robot dog: a hand-written answer to each that it knows.

It is no language model. It knows a few dozen phrases, and says so when it knows none in an instruction.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from palaestra_worlds.base import OracleError
from palaestra_worlds.robots.quadruped_task import (
    Foot,
    FootTargets,
    QuadrupedTask,
    SteppingTargets,
    TorsoTargets,
    trot,
)
from palaestra_worlds.robots.quadruped_words import FEET

LIFT = 0.1
HIGHER = 0.08
FAST_SPIN = 3.0
_DIAGONAL: dict[Foot, Foot] = {
    "front_left": "rear_right", "rear_right": "front_left", "front_right": "rear_left", "rear_left": "front_right",
}  # fmt: skip
_HEADINGS = {
    r"sunrise|rising sun|morning|\beast": 0.0,
    r"\bnorth": math.pi / 2,
    r"sunset|setting sun|evening|afternoon|\bwest": math.pi,
    r"\bsouth": 3 * math.pi / 2,
}
_FOOT = re.compile(r"\b(?:(front|rear|back|hind)\W+(left|right)|(left|right)\W+(front|rear|back|hind))\b")
_SPEED = re.compile(r"(\d+(?:\.\d+)?) ?(?:m/s|met(?:er|re)s (?:per|a) second)")
_FACING = re.compile(r"\b(?:fac|look|watch)\w*")
_POINT = re.compile(r"x ?= ?(-?\d+(?:\.\d+)?)\D*?y ?= ?(-?\d+(?:\.\d+)?)")


def understood(instructions: Sequence[str]) -> QuadrupedTask:
    """The task that a conversation comes to, instruction by instruction.

    Raises:
        OracleError: one of them holds no phrase that is known.
    """
    task = QuadrupedTask()
    for instruction in instructions:
        found = _understood(instruction.lower(), task)
        if found is None:
            raise OracleError(f"the scripted teacher knows no phrase in {instruction!r}")
        task = found
    return task


def _understood(text: str, before: QuadrupedTask) -> QuadrupedTask | None:
    """The task after one more instruction; None if it is not understood."""
    for pattern, answer in _PHRASES:
        if re.search(pattern, text) and (task := answer(text, before)) is not None:
            return task
    return None


# ---------------------------------------------------------------------------------------------- answers


def _upright(text: str, before: QuadrupedTask) -> QuadrupedTask:
    # Feet that are to be lifted bear no weight: balance is then about the hind legs.
    lifted = FootTargets(lift_height=0.5)
    return QuadrupedTask(
        torso=TorsoTargets(height=0.45, pitch=math.pi / 2), feet={"front_left": lifted, "front_right": lifted}
    )


def _on_its_back(text: str, before: QuadrupedTask) -> QuadrupedTask:
    return QuadrupedTask(torso=TorsoTargets(height=0.14, roll=math.pi))


def _sit(text: str, before: QuadrupedTask) -> QuadrupedTask:
    if re.search(r"like a dog|on its (?:haunches|hind|bottom)|nose up|upright", text):
        front = FootTargets(lift_height=0.0)
        return QuadrupedTask(
            torso=TorsoTargets(height=0.2, pitch=0.7), feet={"front_left": front, "front_right": front}
        )
    return QuadrupedTask(torso=TorsoTargets(height=0.1))


def _spin(text: str, before: QuadrupedTask) -> QuadrupedTask:
    speed = -FAST_SPIN if re.search(r"to the right|rightward|(?<!counter)(?<!anti)clockwise", text) else FAST_SPIN
    slower = 0.5 if "slow" in text else 1.0
    torso = _torso(before if before.feet else QuadrupedTask(), turning_speed=speed * slower, heading=None)
    lifted = _lifted(before)
    steps = {foot: step for foot, step in trot(frequency=3.0).items() if foot not in lifted}
    return before.model_copy(update={"torso": torso, "feet": lifted, "stepping": steps})


def _face(text: str, before: QuadrupedTask) -> QuadrupedTask | None:
    heading = _heading(text)
    if heading is None:
        return None
    torso = _torso(QuadrupedTask(), heading=heading, turning_speed=None)
    return QuadrupedTask(torso=torso, stepping=trot())


def _lift(text: str, before: QuadrupedTask) -> QuadrupedTask | None:
    feet: list[Foot] = _feet(text)
    if "diagonal" in text or "opposite" in text:
        feet = [_DIAGONAL[foot] for foot in _lifted(before)]
    if not feet and re.search(r"\b(?:paw|foot|leg)\b", text):
        feet = ["front_right"]
    if not feet:
        return None
    more = re.search(r"\b(?:also|too|as well|addition|now)\b", text)
    lifts: dict[Foot, FootTargets] = {foot: FootTargets(lift_height=LIFT) for foot in feet}
    # Nobody who lifts one paw means that others may go up with it.
    stand: dict[Foot, FootTargets] = {foot: FootTargets(lift_height=0.0) for foot in FEET}
    if more:
        return before.model_copy(update={"feet": {**stand, **before.feet, **lifts}})
    return QuadrupedTask(torso=before.torso, feet={**stand, **lifts})


def _change_height(text: str, before: QuadrupedTask) -> QuadrupedTask | None:
    """Higher or lower: lifted feet if there are some, else the torso."""
    change = HIGHER if re.search(r"high|up\b", text) else -HIGHER
    lifted = _lifted(before)
    if named := _words_for_feet(text):
        lifted = {foot: place for foot, place in lifted.items() if named <= set(foot.split("_"))}
        if not lifted:
            return None
    if not lifted:
        height = min(0.34, max(0.1, before.torso.height + change))
        return before.model_copy(update={"torso": before.torso.model_copy(update={"height": height})})
    raised = {
        foot: place.model_copy(update={"lift_height": max(0.02, (place.lift_height or 0.0) + change)})
        for foot, place in lifted.items()
    }
    return before.model_copy(update={"feet": {**before.feet, **raised}})


def _lifted(task: QuadrupedTask) -> dict[Foot, FootTargets]:
    """The feet that are to be up, and where."""
    return {foot: place for foot, place in task.feet.items() if place.lift_height}


def _change_speed(text: str, before: QuadrupedTask) -> QuadrupedTask | None:
    factor, torso = (1.5 if "fast" in text else 0.67), before.torso
    if torso.velocity not in (None, (0.0, 0.0)):
        assert torso.velocity is not None
        faster = (torso.velocity[0] * factor, torso.velocity[1] * factor)
        return before.model_copy(update={"torso": torso.model_copy(update={"velocity": faster})})
    if torso.turning_speed:
        faster = torso.model_copy(update={"turning_speed": torso.turning_speed * factor})
        return before.model_copy(update={"torso": faster})
    return None


def _walk(text: str, before: QuadrupedTask) -> QuadrupedTask:
    points = [(float(x), float(y)) for x, y in _POINT.findall(text)]
    heading = _towards(*points[:2]) if len(points) > 1 and _FACING.search(text) else _heading(text)
    facing = {} if heading is None else {"heading": heading, "turning_speed": None}
    if points:
        place = {"location": points[0], "velocity": None}
        return QuadrupedTask(torso=_torso(QuadrupedTask(), **place, **facing), stepping=trot())
    gallops = re.search(r"gallop|bound|\brun", text)
    given = _SPEED.search(text)
    speed = float(given[1]) if given else (1.0 if gallops else 0.5)
    backward = re.search(r"backward|moonwalk|\bback\b", text)
    sideways = {"left": 1.0, "right": -1.0}.get(next(iter(re.findall(r"\b(left|right)", text)), ""), 0.0)
    velocity = (0.0, sideways * speed * 0.6) if sideways else (-speed if backward else speed, 0.0)
    # While it is on the floor, a foot falls as far behind as the torso moves in half a step.
    swing = velocity[0] * 0.25 / 2 or None
    steps = _bound(swing) if gallops else trot(2.0, 0.04 if "moonwalk" in text else 0.06, swing)
    return QuadrupedTask(torso=_torso(QuadrupedTask(), velocity=velocity, **facing), stepping=steps)


def _towards(place: tuple[float, float], point: tuple[float, float]) -> float:
    """The heading from a place to a point, 0 to 2 pi."""
    return math.atan2(point[1] - place[1], point[0] - place[0]) % math.tau


def _stand(text: str, before: QuadrupedTask) -> QuadrupedTask:
    return QuadrupedTask()


_PHRASES: tuple[tuple[str, Callable[[str, QuadrupedTask], QuadrupedTask | None]], ...] = (
    (r"(?:two|hind|rear|back) (?:back |hind |rear )?(?:legs|feet|paws)|like a human|biped|stand upright", _upright),
    (r"roll|on (?:its|your) back|belly up|upside down|play dead", _on_its_back),
    (r"spin|whirl|turn (?:around|in circles|in place)|twirl", _spin),
    (r"walk|trot|gallop|\brun\b|moonwalk|\bgo\b|move", _walk),
    (r"sun|\beast|\bwest|\bnorth|\bsouth|morning|evening", _face),
    (r"\bsit|lie down|low to the ground|crouch", _sit),
    (r"\b(?:higher|lower)\b|further up", _change_height),
    (r"(?:lift|raise|pick up|hold up|give|keep).*(?:paw|foot|leg)|three legs|diagonal|opposite", _lift),
    (r"high", _change_height),
    (r"fast|slow", _change_speed),
    (r"\bstand|\bstop|reset", _stand),
)
"""The first one whose phrase occurs, and that makes something of it, answers."""


def _torso(before: QuadrupedTask, **changed: object) -> TorsoTargets:
    return TorsoTargets.model_validate({**before.torso.model_dump(), **changed})


def _heading(text: str) -> float | None:
    return next((heading for phrase, heading in _HEADINGS.items() if re.search(phrase, text)), None)


def _feet(text: str) -> list[Foot]:
    found: set[str] = set()
    for end, side, other_side, other_end in _FOOT.findall(text):
        found.add(f"{'front' if (end or other_end) == 'front' else 'rear'}_{side or other_side}")
    if re.search(r"both front|front (?:paws|feet|legs)", text):
        found |= {"front_left", "front_right"}
    return [foot for foot in _DIAGONAL if foot in found]


def _words_for_feet(text: str) -> set[str]:
    """The words front, rear, left and right in a text about feet, as far as they leave a choice of feet."""
    if not re.search(r"\b(?:paw|foot|leg)\b", text):
        return set()
    words = re.findall(r"\b(front|rear|back|hind|left|right)\b", text)
    return {"rear" if word in ("back", "hind") else word for word in words}


def _bound(swing: float | None) -> dict[Foot, SteppingTargets]:
    """Front feet together, then rear feet."""
    ahead: dict[Foot, float] = {"front_left": 0.0, "front_right": 0.0, "rear_left": 0.5, "rear_right": 0.5}
    return {
        foot: SteppingTargets(frequency=2.0, phase_offset=offset, swing_up_down=0.07, swing_forward_back=swing)
        for foot, offset in ahead.items()
    }
