"""Fetch, GoToObject, PutNear and Playground: objects of random type and colour lie about in a room.

Missions: "get a {colour} {object}" in five wordings; "go to the {colour} {object}"; "put the {colour} {object} near the
{colour} {object}"; none. Generation: objects one after another, then the agent, then which of them the mission means
(Playground: nine rooms with doors, and the agent first).
Ends: Fetch with anything picked up; GoToObject with the action `done` or `toggle`; PutNear with the wrong object picked
up or anything dropped.
Configurations: `size`, `numObjs`.
"""

from __future__ import annotations

from typing import Any

from minigrid.core.constants import COLOR_NAMES, COLOR_TO_IDX
from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import RULE_FETCH, RULE_GO_TO, RULE_PUT_NEAR, Family
from palaestra_worlds.minigrid.placement import (
    fill_column,
    fill_row,
    forget_agent,
    place_agent_anywhere,
    place_anywhere,
    walled_grid,
)
from palaestra_worlds.minigrid.room_grid import random_color, random_kind
from palaestra_worlds.minigrid.state import (
    BALL,
    CLOSED,
    DOOR,
    EMPTY_CELL,
    KEY,
    MISSION,
    NUM_SCRATCH,
    REGISTER_A,
    REGISTER_B,
    TARGET_X,
    TARGET_Y,
    WALL_CELL,
    make_cell,
)
from palaestra_worlds.random_streams import random_integer

# Of each object in scratch: type, colour, x, y.
_KIND, _COLOR, _AT_X, _AT_Y, _OBJECT = range(5)
_KINDS = ("key", "ball", "box")
_SYNTAX = ("get a", "go get a", "fetch a", "go fetch a", "you must fetch a")
_COLORS = sorted(COLOR_NAMES, key=COLOR_TO_IDX.__getitem__)


@register_jitable
def _keep_object(levels: Any, i: Any, number: Any, kind: Any, color: Any, x: Any, y: Any) -> None:
    levels.cells[i, x, y] = make_cell(kind, color)
    levels.scratch[i, number * _OBJECT + _KIND] = kind
    levels.scratch[i, number * _OBJECT + _COLOR] = color
    levels.scratch[i, number * _OBJECT + _AT_X] = x
    levels.scratch[i, number * _OBJECT + _AT_Y] = y


@register_jitable
def _is_taken(levels: Any, i: Any, count: Any, kind: Any, color: Any) -> Any:
    """Whether one of the first `count` objects has this type and colour."""
    for number in range(count):
        base = number * _OBJECT
        if levels.scratch[i, base + _KIND] == kind and levels.scratch[i, base + _COLOR] == color:
            return True
    return False


@register_jitable
def _near_any(levels: Any, i: Any, count: Any, x: Any, y: Any) -> Any:
    """PutNear's `near_obj`: beside one of the first `count` objects, diagonally too."""
    for number in range(count):
        base = number * _OBJECT
        if abs(x - levels.scratch[i, base + _AT_X]) <= 1 and abs(y - levels.scratch[i, base + _AT_Y]) <= 1:
            return True
    return False


@register_jitable
def _place_apart(levels: Any, i: Any, count: Any) -> Any:
    """`place_obj` with `near_obj` as its criterion, before the agent has a place."""
    while True:
        x = random_integer(levels.random, i, 0, levels.cells.shape[1])
        y = random_integer(levels.random, i, 0, levels.cells.shape[2])
        if levels.cells[i, x, y] == EMPTY_CELL and not _near_any(levels, i, count, x, y):
            return x, y


@register_jitable
def _place_different(levels: Any, i: Any, wanted: Any, apart: Any) -> None:
    """Objects no two of which have the same type and colour; `apart`: nor lie beside each other."""
    count = 0
    while count < wanted:
        kind = random_kind(levels, i)
        color = random_color(levels, i)
        if _is_taken(levels, i, count, kind, color):
            continue
        if apart:
            x, y = _place_apart(levels, i, count)
        else:
            x, y = place_anywhere(levels, i, make_cell(kind, color))
        _keep_object(levels, i, count, kind, color, x, y)
        count += 1


@register_jitable
def generate_fetch(levels: Any, i: Any, parameters: Any) -> None:
    """`FetchEnv._gen_grid`."""
    walled_grid(levels, i)
    forget_agent(levels, i)
    for number in range(parameters[0]):
        kind = KEY if random_integer(levels.random, i, 0, 2) == 0 else BALL
        color = random_color(levels, i)
        x, y = place_anywhere(levels, i, make_cell(kind, color))
        _keep_object(levels, i, number, kind, color, x, y)
    place_agent_anywhere(levels, i)
    target = random_integer(levels.random, i, 0, parameters[0]) * _OBJECT
    kind, color = levels.scratch[i, target + _KIND], levels.scratch[i, target + _COLOR]
    syntax = random_integer(levels.random, i, 0, 5)
    levels.status[i, REGISTER_A] = kind
    levels.status[i, REGISTER_B] = color
    levels.status[i, MISSION] = (syntax * 6 + color) * 2 + kind - KEY


@register_jitable
def generate_go_to_object(levels: Any, i: Any, parameters: Any) -> None:
    """`GoToObjectEnv._gen_grid`."""
    walled_grid(levels, i)
    forget_agent(levels, i)
    _place_different(levels, i, parameters[0], False)
    place_agent_anywhere(levels, i)
    target = random_integer(levels.random, i, 0, parameters[0]) * _OBJECT
    levels.status[i, TARGET_X] = levels.scratch[i, target + _AT_X]
    levels.status[i, TARGET_Y] = levels.scratch[i, target + _AT_Y]
    levels.status[i, MISSION] = levels.scratch[i, target + _COLOR] * 3 + levels.scratch[i, target + _KIND] - KEY


@register_jitable
def generate_put_near(levels: Any, i: Any, parameters: Any) -> None:
    """`PutNearEnv._gen_grid`."""
    walled_grid(levels, i)
    forget_agent(levels, i)
    _place_different(levels, i, parameters[0], True)
    place_agent_anywhere(levels, i)
    moved = random_integer(levels.random, i, 0, parameters[0])
    target = moved
    while target == moved:
        target = random_integer(levels.random, i, 0, parameters[0])
    kind, color = levels.scratch[i, moved * _OBJECT + _KIND], levels.scratch[i, moved * _OBJECT + _COLOR]
    levels.status[i, REGISTER_A] = kind
    levels.status[i, REGISTER_B] = color
    levels.status[i, TARGET_X] = levels.scratch[i, target * _OBJECT + _AT_X]
    levels.status[i, TARGET_Y] = levels.scratch[i, target * _OBJECT + _AT_Y]
    near_kind, near_color = levels.scratch[i, target * _OBJECT + _KIND], levels.scratch[i, target * _OBJECT + _COLOR]
    levels.status[i, MISSION] = ((color * 3 + kind - KEY) * 6 + near_color) * 3 + near_kind - KEY


@register_jitable
def generate_playground(levels: Any, i: Any, parameters: Any) -> None:
    """`PlaygroundEnv._gen_grid`."""
    room_width, room_height = levels.cells.shape[1] // 3, levels.cells.shape[2] // 3
    walled_grid(levels, i)
    for row in range(3):
        for column in range(3):
            left, top = column * room_width, row * room_height
            right, bottom = left + room_width, top + room_height
            if column < 2:
                fill_column(levels, i, right, top, room_height, WALL_CELL)
                y = random_integer(levels.random, i, top + 1, bottom - 1)
                levels.cells[i, right, y] = make_cell(DOOR, random_color(levels, i), CLOSED)
            if row < 2:
                fill_row(levels, i, left, bottom, room_width, WALL_CELL)
                x = random_integer(levels.random, i, left + 1, right - 1)
                levels.cells[i, x, bottom] = make_cell(DOOR, random_color(levels, i), CLOSED)
    place_agent_anywhere(levels, i)
    for _ in range(12):
        kind = random_kind(levels, i)
        place_anywhere(levels, i, make_cell(kind, random_color(levels, i)))
    levels.status[i, MISSION] = 0


def _number_of_objects(env: Any) -> tuple[int, ...]:
    most = NUM_SCRATCH // _OBJECT
    if env.numObjs > most:
        raise ValueError(f"up to {most} objects are built in, not numObjs={env.numObjs}")
    return (int(env.numObjs),)


def _fetch_missions(env: Any) -> tuple[str, ...]:
    return tuple(f"{syntax} {color} {kind}" for syntax in _SYNTAX for color in _COLORS for kind in _KINDS[:2])


def _things() -> list[str]:
    return [f"{color} {kind}" for color in _COLORS for kind in _KINDS]


FAMILIES = {
    "FetchEnv": Family(generate_fetch, _number_of_objects, _fetch_missions, RULE_FETCH),
    "GoToObjectEnv": Family(
        generate_go_to_object,
        _number_of_objects,
        lambda env: tuple(f"go to the {thing}" for thing in _things()),
        RULE_GO_TO,
    ),
    "PutNearEnv": Family(
        generate_put_near,
        _number_of_objects,
        lambda env: tuple(f"put the {moved} near the {target}" for moved in _things() for target in _things()),
        RULE_PUT_NEAR,
    ),
    "PlaygroundEnv": Family(generate_playground, lambda env: (), lambda env: ("",)),
}
