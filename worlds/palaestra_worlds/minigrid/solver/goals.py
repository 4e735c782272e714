"""What a mission asks for, as cells to stand on, to act on, or to stand beside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.solver.plan import SolverError
from palaestra_worlds.minigrid.state import BALL, BOX, DOOR, GOAL, KEY, cell_color, cell_type
from palaestra_worlds.minigrid.subgoals import COLOR_NUMBERS

GoalKind = Literal["stand on", "pick up", "open", "beside", "drop near"]

_TYPES = {"door": DOOR, "key": KEY, "ball": BALL, "box": BOX}
_THING = r"(red|green|blue|purple|yellow|grey) (door|key|ball|box)"
_FETCH = re.compile(rf"^(?:get|go get|fetch|go fetch|you must fetch) an? {_THING}$")
_PICK_UP = re.compile(rf"^pick up the {_THING}$")
_GO_TO = re.compile(rf"^go to the {_THING}$")
_PUT_NEAR = re.compile(rf"^put the {_THING} near the {_THING}$")
_OPEN_IN_ORDER = re.compile(rf"^open the {_THING} then the blue door$")
_GOAL = re.compile(r"\bgoal\b")
_OPEN_DOOR = "open the door"
_MATCHING = "go to the matching object at the end of the hallway"
_BLUE = COLOR_NUMBERS["blue"]


@dataclass(frozen=True)
class Goal:
    """One stage of a mission.

    Attributes:
        kind: "stand on" a cell; "pick up" or "open" what is there; stand "beside" it and say so; "drop near" it.
        cells: (x, y) of the cells that will do, any of them.
        avoid: cells that must not be entered.
        may_move: whether other objects may be picked up.
    """

    kind: GoalKind
    cells: tuple[tuple[int, int], ...]
    avoid: tuple[tuple[int, int], ...] = ()
    may_move: bool = True


def read_mission(state: GridState) -> tuple[Goal, ...]:
    """The stages of the mission, one after another.

    Raises:
        SolverError: there is no mission, it is none that is known, or the level lacks what it names.
    """
    mission = state.mission
    if found := _FETCH.match(mission):
        return (Goal("pick up", _named(state, found[1], found[2]), may_move=False),)
    if found := _PICK_UP.match(mission):
        return (Goal("pick up", _only(state, found[1], found[2])),)
    if found := _GO_TO.match(mission):
        return (Goal("beside", _only(state, found[1], found[2])),)
    if found := _PUT_NEAR.match(mission):
        return _put_near(state, found)
    if found := _OPEN_IN_ORDER.match(mission):
        first, second = _only(state, found[1], found[2]), _only(state, "blue", "door")
        return Goal("open", first, avoid=second), Goal("open", second)
    if mission == _OPEN_DOOR:
        return (Goal("open", _any(state, DOOR, "door")),)
    if mission == _MATCHING:
        return (_matching(state),)
    if _GOAL.search(mission):
        still = any(cell_type(cell) == BALL and cell_color(cell) == _BLUE for _, _, cell in state.objects)
        return (Goal("stand on", _any(state, GOAL, "goal"), may_move=not still),)
    raise SolverError(f"the mission {mission!r} asks for nothing that is known" if mission else "there is no mission")


def _named(state: GridState, color: str, kind: str) -> tuple[tuple[int, int], ...]:
    found = tuple(state.find(_TYPES[kind], COLOR_NUMBERS[color]))
    if not found:
        raise SolverError(f"the mission is {state.mission!r}, but there is no {color} {kind}")
    return found


def _only(state: GridState, color: str, kind: str) -> tuple[tuple[int, int], ...]:
    found = _named(state, color, kind)
    if len(found) > 1:
        raise SolverError(f"the mission is {state.mission!r}, and {len(found)} objects fit it")
    return found


def _any(state: GridState, kind: int, name: str) -> tuple[tuple[int, int], ...]:
    found = tuple(state.find(kind))
    if not found:
        raise SolverError(f"the mission is {state.mission!r}, but there is no {name}")
    return found


def _put_near(state: GridState, found: re.Match[str]) -> tuple[Goal, ...]:
    target = _only(state, found[3], found[4])
    drop = Goal("drop near", target, may_move=False)
    if state.carrying & 0xFF == _TYPES[found[2]] | COLOR_NUMBERS[found[1]] << 4:
        return (drop,)
    return Goal("pick up", _only(state, found[1], found[2]), may_move=False), drop


def _matching(state: GridState) -> Goal:
    """Memory: success lies beside the object at the fork that is like the one in the first room."""
    things = [(x, y, cell) for x, y, cell in state.objects if cell_type(cell) in (KEY, BALL)]
    if len(things) != 3:
        raise SolverError(f"the mission is {state.mission!r}, but there are {len(things)} objects instead of three")
    first = min(things)
    ends = [thing for thing in things if thing != first]
    middle = (ends[0][1] + ends[1][1]) // 2
    success = [(x, y + (1 if y < middle else -1)) for x, y, cell in ends if cell == first[2]]
    failure = [(x, y + (1 if y < middle else -1)) for x, y, cell in ends if cell != first[2]]
    if len(success) != 1:
        raise SolverError(f"the mission is {state.mission!r}, and {len(success)} objects match")
    return Goal("stand on", tuple(success), avoid=tuple(failure))
