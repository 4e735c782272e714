"""KeyCorridor: an object lies in a locked room to the right; its key is in a room to the left.

Mission: "pick up the {colour} {object}". Generation: three columns of rooms, the middle one a corridor; random doors
until every room can be reached. Ends when the object is picked up.
Configurations: `room_size` 3 to 6, `num_rows` 1 to 3, `obj_type`.
"""

from __future__ import annotations

from typing import Any

from minigrid.core.constants import COLOR_NAMES, COLOR_TO_IDX, OBJECT_TO_IDX
from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import RULE_PICK_UP_TARGET, Family
from palaestra_worlds.minigrid.room_grid import (
    LEFT_SIDE,
    MOST_ROOMS,
    UPPER_SIDE,
    add_door,
    begin_rooms,
    connect_all,
    place_agent_in_room,
    place_in_room,
    random_color,
    remove_wall,
)
from palaestra_worlds.minigrid.state import KEY, MISSION, TARGET, make_cell
from palaestra_worlds.random_streams import random_integer

_COLUMNS = 3


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`KeyCorridorEnv._gen_grid`."""
    room_size, rows, kind = parameters[0], parameters[1], parameters[2]
    begin_rooms(levels, i, room_size, _COLUMNS, rows)
    for row in range(1, rows):
        remove_wall(levels, i, room_size, _COLUMNS, 1, row, UPPER_SIDE)
    locked_row = random_integer(levels.random, i, 0, rows)
    door_color = random_color(levels, i)
    add_door(levels, i, _COLUMNS, 2, locked_row, LEFT_SIDE, door_color, True)
    color = random_color(levels, i)
    place_in_room(levels, i, room_size, 2, locked_row, make_cell(kind, color, 0, 0, TARGET))
    key_row = random_integer(levels.random, i, 0, rows)
    place_in_room(levels, i, room_size, 0, key_row, make_cell(KEY, door_color))
    place_agent_in_room(levels, i, room_size, 1, rows // 2)
    connect_all(levels, i, room_size, _COLUMNS, rows)
    levels.status[i, MISSION] = color


def colored_missions(template: str) -> tuple[str, ...]:
    """A mission for each colour number, `{}` standing for the colour's name."""
    return tuple(template.format(name) for name in sorted(COLOR_NAMES, key=COLOR_TO_IDX.__getitem__))


def _parameters(env: Any) -> tuple[int, ...]:
    if env.num_rows > MOST_ROOMS // _COLUMNS:
        raise ValueError(
            f"KeyCorridor is built in for up to {MOST_ROOMS // _COLUMNS} rows, not num_rows={env.num_rows}"
        )
    return int(env.room_size), int(env.num_rows), OBJECT_TO_IDX[env.obj_type]


FAMILIES = {
    "KeyCorridorEnv": Family(
        generate=generate,
        parameters=_parameters,
        missions=lambda env: colored_missions(f"pick up the {{}} {env.obj_type}"),
        rule=RULE_PICK_UP_TARGET,
    )
}
