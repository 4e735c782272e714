"""The perfect teacher for AGV floors, the same with mistakes, and what it thinks of others' waypoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from palaestra_worlds.agv.description import DescriptionError, parse_description
from palaestra_worlds.agv.floor import Floor, Point
from palaestra_worlds.agv.state import FREE
from palaestra_worlds.agv.tasks import AGVTask
from palaestra_worlds.base import Judgement, Mistakes, OracleError

DETOUR = 1.25
"""How many times as long as the shortest a way through the waypoints may be."""
_TRIES = 100


def waypoints_for(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The turning points of a shortest way on the floor that the prompt describes, as `{"subgoals": [...]}`.

    Raises:
        OracleError: the goal cannot be reached.
    """
    if schema is not None and "subgoals" not in schema.get("properties", {}):
        return None
    try:
        floor = parse_description(prompt)
    except DescriptionError:
        return None
    points = floor.waypoints()
    if not points:
        raise OracleError("this floor has no perfect answer: there is no way from the vehicle to the goal")
    return {"subgoals": [_entry(x, y) for x, y in points]}


def _entry(x: float, y: float) -> dict[str, Any]:
    return {"form": "position", "x": round(x, 3), "y": round(y, 3)}


def misread_waypoints(
    prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
) -> dict[str, Any] | None:
    """The answer with mistakes, entry by entry: moved to another free place, left out, swapped with the next.

    Distances are in cells. With equal random numbers a lower accuracy adds mistakes and changes none.
    """
    try:
        floor = parse_description(prompt)
    except DescriptionError:
        return None
    entries: Any = answer.get("subgoals")
    try:
        subgoals = AGVTask.model_validate({"subgoals": entries}).subgoals
    except ValidationError:
        return answer
    chances = random.random((len(subgoals), 3))
    kept = []
    for entry, subgoal, (right, present, _), stream in zip(
        entries, subgoals, chances, random.spawn(len(subgoals)), strict=True
    ):
        if present >= mistakes.missing:
            kept.append(entry if right < mistakes.accuracy else _moved(floor, subgoal.x, subgoal.y, mistakes, stream))
    k = 0
    while k < len(kept) - 1:
        if chances[k, 2] < mistakes.swapped:
            kept[k], kept[k + 1] = kept[k + 1], kept[k]
            k += 1
        k += 1
    return answer | {"subgoals": kept}


def _moved(floor: Floor, x: float, y: float, mistakes: Mistakes, random: np.random.Generator) -> dict[str, Any]:
    """Another free place; the same one where many tries found none."""
    for _ in range(_TRIES):
        distance = floor.cell * max(1.0, random.normal(mistakes.distance_mean, mistakes.distance_std))
        angle = random.uniform(0.0, 2 * np.pi)
        to_x, to_y = x + distance * math.cos(angle), y + distance * math.sin(angle)
        if floor.is_inside(to_x, to_y) and floor.what_is_at(to_x, to_y) == FREE:
            return _entry(to_x, to_y)
    return _entry(x, y)


# ---------------------------------------------------------------------------------------------- judging


def judge(floor: Floor, points: Sequence[Point], near: float) -> Judgement | None:
    """Compares waypoints with the planner's, place by place.

    Args:
        floor: as the level begins.
        points: the waypoints in order.
        near: metres within which two places count as the same.

    Returns:
        None where there is no way to the goal.
    """
    expected = floor.waypoints()
    if not expected:
        return None
    why = _why_useless(floor, points, near)
    errors = tuple(math.dist(one, other) for one, other in zip(expected, points, strict=False))
    wrong = tuple(error for error in errors if error > near)
    return Judgement(
        useful=not why,
        why=why,
        expected=len(expected),
        in_place=len(errors) - len(wrong),
        errors=errors,
        right=len(errors) - len(wrong),
        wrong=wrong,
        wrong_kind="position",
        missing=max(len(expected) - len(points), 0),
        superfluous=max(len(points) - len(expected), 0),
        swapped=0,
        neighbours=max(len(errors) - 1, 0),
    )


def _why_useless(floor: Floor, points: Sequence[Point], near: float) -> str:
    if not points:
        return "there are no waypoints"
    start = floor.x, floor.y
    _, shortest = floor.way(start, floor.goal)
    length, now = 0.0, start
    for number, point in enumerate([*points, floor.goal], start=1):
        _, leg = floor.way(now, point)
        if math.isinf(leg):
            place = f"({point[0]:.2f}, {point[1]:.2f})"
            return f"waypoint {min(number, len(points))} of {len(points)}, {place}, cannot be reached"
        length, now = length + leg, point
    if length > DETOUR * shortest + near:
        return f"the way through the waypoints is {length:.1f} m long, the shortest {shortest:.1f} m"
    return ""
