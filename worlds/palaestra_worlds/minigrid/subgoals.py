"""What subgoals mean in a level: the cell that each is about, and the object as the reference encodes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from palaestra_worlds.base import TaskError
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    CLOSED,
    DOOR,
    EMPTY_CELL,
    GOAL,
    KEY,
    LOCKED,
    OPEN,
    WALL,
    cell_color,
    cell_inside,
    cell_state,
    cell_type,
)
from palaestra_worlds.minigrid.tasks import (
    PHRASES,
    LanguageSubgoal,
    ObjectSubgoal,
    PositionSubgoal,
    Subgoal,
)

Cell = tuple[int, int]
Triple = tuple[int, int, int]

TYPE_NUMBERS: dict[str, int] = {"door": DOOR, "key": KEY, "ball": BALL, "box": BOX, "goal": GOAL}
COLOR_NUMBERS: dict[str, int] = {"red": 0, "green": 1, "blue": 2, "purple": 3, "yellow": 4, "grey": 5}
STATE_NUMBERS: dict[str, int] = {"open": OPEN, "closed": CLOSED, "locked": LOCKED}

_PHRASES = frozenset(PHRASES)


def resolve_subgoals(state: GridState, subgoals: Iterable[Subgoal]) -> list[tuple[Cell, Triple]]:
    """The cell (x, y) that each subgoal is about, and its object as (type, colour, state).

    A position means its cell. An object, or the object of an instruction, means the one of its type and colour that
    is nearest to the agent (columns plus rows; of equally near ones the upper, then the left one); what lies in a box
    counts as lying at the box's cell. "open" means a locked door if there is one, else a closed one.

    Args:
        state: the first state of the level.

    Raises:
        TaskError: a subgoal means nothing in this level; the message gives its number, from 1, and why.
    """
    found = []
    for number, subgoal in enumerate(subgoals, start=1):
        if isinstance(subgoal, PositionSubgoal):
            found.append(_at_position(state, subgoal, number))
        elif isinstance(subgoal, ObjectSubgoal):
            found.append(_of_object(state, subgoal, number))
        else:
            found.append(_of_instruction(state, subgoal, number))
    return found


def _at_position(state: GridState, subgoal: PositionSubgoal, number: int) -> tuple[Cell, Triple]:
    x, y = subgoal.x, subgoal.y
    if x >= state.width or y >= state.height:
        raise TaskError(f"subgoal {number}: ({x}, {y}) is outside the {state.width}x{state.height} grid")
    cell = state.at(x, y)
    if cell_type(cell) == WALL:
        raise TaskError(f"subgoal {number}: ({x}, {y}) is a wall")
    return (x, y), encode(cell)


def _of_object(state: GridState, subgoal: ObjectSubgoal, number: int) -> tuple[Cell, Triple]:
    if subgoal.state is not None and subgoal.type != "door":
        raise TaskError(f"subgoal {number}: a {subgoal.type} is not {subgoal.state}; only doors have a state")
    states = None if subgoal.state is None else (STATE_NUMBERS[subgoal.state],)
    candidates = _matching(state, TYPE_NUMBERS[subgoal.type], COLOR_NUMBERS[subgoal.color], states)
    name = " ".join(part for part in (subgoal.state, subgoal.color, subgoal.type) if part)
    return _nearest(state, candidates, name, number)


def _of_instruction(state: GridState, subgoal: LanguageSubgoal, number: int) -> tuple[Cell, Triple]:
    if subgoal.instruction not in _PHRASES:
        raise TaskError(
            f"subgoal {number}: '{subgoal.instruction}' is no instruction; an instruction is 'go to', 'pick up' or "
            "'open', then 'the', a colour and an object that this can be done with"
        )
    verb, _, name = subgoal.instruction.partition(" the ")
    color, kind = name.split()
    candidates: list[tuple[int, int, int]] = []
    for door_state in (LOCKED, CLOSED) if verb == "open" and kind == "door" else ():
        candidates = candidates or _matching(state, DOOR, COLOR_NUMBERS[color], (door_state,))
    candidates = candidates or _matching(state, TYPE_NUMBERS[kind], COLOR_NUMBERS[color], None)
    return _nearest(state, candidates, name, number)


def _matching(state: GridState, kind: int, color: int, door_states: Sequence[int] | None) -> list[tuple[int, int, int]]:
    """(x, y, object) of what lies on the grid or in a box on it."""
    wanted = kind | color << 4
    found = []
    for x, y, cell in state.objects:
        if cell & 0xFF == wanted:
            if door_states is None or cell_state(cell) in door_states:
                found.append((x, y, cell))
        elif cell & 0xF == BOX and cell_inside(cell) == wanted:
            found.append((x, y, wanted))
    return found


def _nearest(state: GridState, candidates: list[tuple[int, int, int]], name: str, number: int) -> tuple[Cell, Triple]:
    if not candidates:
        raise TaskError(f"subgoal {number}: there is no {name} in this level")
    x, y, cell = min(candidates, key=lambda thing: abs(thing[0] - state.x) + abs(thing[1] - state.y))
    return (x, y), encode(cell)


def encode(cell: int) -> Triple:
    """(type, colour, state) as the reference's `encode` gives them."""
    if cell == EMPTY_CELL:
        return EMPTY_CELL, 0, 0
    return cell_type(cell), cell_color(cell), cell_state(cell)
