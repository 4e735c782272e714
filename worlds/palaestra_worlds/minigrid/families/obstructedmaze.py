"""ObstructedMaze: a ball lies behind locked doors; keys may be in boxes, and doors blocked by balls.

Mission: "pick up the blue ball". Generation: two rooms, or nine of which up to four quarters are used. In v0 a key is
placed right after its door, so that the next door's ball can overwrite it; v1 places the keys after both doors.
Ends when the ball is picked up.
Configurations: `key_in_box`, `blocked`, `num_quarters`, `agent_room`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import RULE_PICK_UP_TARGET, Family
from palaestra_worlds.minigrid.room_grid import (
    RIGHT_SIDE,
    add_door,
    begin_rooms,
    place_agent_in_room,
    place_in_room,
)
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    COLORS_BY_NAME,
    KEY,
    MISSION,
    TARGET,
    make_cell,
)
from palaestra_worlds.minigrid.view import direction_x, direction_y
from palaestra_worlds.random_streams import random_integer

_ROOM_SIZE = 6
_DOOR_COLORS = 16
"""First of six places in scratch."""
_LEFT_COLORS = 24
_BALL_COLOR, _BLOCKING_COLOR, _BOX_COLOR = COLORS_BY_NAME[:3].tolist()


@register_jitable
def _begin(levels: Any, i: Any, columns: Any, rows: Any) -> None:
    """`ObstructedMazeEnv._gen_grid`: all six colours in random order (`_rand_subset`)."""
    begin_rooms(levels, i, _ROOM_SIZE, columns, rows)
    for k in range(6):
        levels.scratch[i, _LEFT_COLORS + k] = COLORS_BY_NAME[k]
    for k in range(6):
        drawn = random_integer(levels.random, i, 0, 6 - k)
        levels.scratch[i, _DOOR_COLORS + k] = levels.scratch[i, _LEFT_COLORS + drawn]
        for rest in range(drawn, 5 - k):
            levels.scratch[i, _LEFT_COLORS + rest] = levels.scratch[i, _LEFT_COLORS + rest + 1]
    levels.status[i, MISSION] = 0


@register_jitable
def _add_locked_door(
    levels: Any, i: Any, columns: Any, column: Any, row: Any, side: Any, color: Any, blocked: Any
) -> None:
    x, y = add_door(levels, i, columns, column, row, side, color, True)
    if blocked:
        levels.cells[i, x - direction_x(side), y - direction_y(side)] = make_cell(BALL, _BLOCKING_COLOR)


@register_jitable
def _add_key(levels: Any, i: Any, column: Any, row: Any, color: Any, in_box: Any) -> None:
    key = make_cell(KEY, color)
    place_in_room(levels, i, _ROOM_SIZE, column, row, make_cell(BOX, _BOX_COLOR, 0, key) if in_box else key)


@register_jitable
def _add_target(levels: Any, i: Any, column: Any, row: Any) -> None:
    place_in_room(levels, i, _ROOM_SIZE, column, row, make_cell(BALL, _BALL_COLOR, 0, 0, TARGET))


@register_jitable
def generate_two_rooms(levels: Any, i: Any, parameters: Any) -> None:
    """`ObstructedMaze_1Dlhb._gen_grid`."""
    in_box, blocked = parameters[0], parameters[1]
    _begin(levels, i, 2, 1)
    color = levels.scratch[i, _DOOR_COLORS]
    _add_locked_door(levels, i, 2, 0, 0, RIGHT_SIDE, color, blocked)
    _add_key(levels, i, 0, 0, color, in_box)
    _add_target(levels, i, 1, 0)
    place_agent_in_room(levels, i, _ROOM_SIZE, 0, 0)


@register_jitable
def _add_quarters(levels: Any, i: Any, quarters: Any, in_box: Any, blocked: Any, keys_last: Any) -> None:
    """For each quarter a door out of the middle, and two locked doors in the room beyond it, with their keys."""
    for quarter in range(quarters):
        column, row = 1 + direction_x(quarter), 1 + direction_y(quarter)
        add_door(levels, i, 3, 1, 1, quarter, levels.scratch[i, _DOOR_COLORS + quarter], False)
        for turn in (-1, 1):
            color = levels.scratch[i, _DOOR_COLORS + (quarter + turn) % 6]
            _add_locked_door(levels, i, 3, column, row, (quarter + turn) % 4, color, blocked)
            if not keys_last:
                _add_key(levels, i, column, row, color, in_box)
        if keys_last:
            for turn in (-1, 1):
                _add_key(levels, i, column, row, levels.scratch[i, _DOOR_COLORS + (quarter + turn) % 6], in_box)


@register_jitable
def _generate_full(levels: Any, i: Any, parameters: Any, keys_last: Any) -> None:
    in_box, blocked, quarters = parameters[0], parameters[1], parameters[2]
    _begin(levels, i, 3, 3)
    _add_quarters(levels, i, quarters, in_box, blocked, keys_last)
    # The corners in the reference's order: upper right, lower right, lower left, upper left.
    corner = random_integer(levels.random, i, 0, quarters)
    _add_target(levels, i, 2 if corner < 2 else 0, 2 if corner == 1 or corner == 2 else 0)
    place_agent_in_room(levels, i, _ROOM_SIZE, parameters[3], parameters[4])


@register_jitable
def generate_full(levels: Any, i: Any, parameters: Any) -> None:
    """`ObstructedMaze_Full._gen_grid`."""
    _generate_full(levels, i, parameters, False)


@register_jitable
def generate_full_v1(levels: Any, i: Any, parameters: Any) -> None:
    """`ObstructedMaze_Full_V1._gen_grid`."""
    _generate_full(levels, i, parameters, True)


def _full_parameters(env: Any) -> tuple[int, ...]:
    column, row = env.agent_room
    return int(env.key_in_box), int(env.blocked), int(env.num_quarters), int(column), int(row)


def _missions(env: Any) -> tuple[str, ...]:
    return ("pick up the blue ball",)


FAMILIES = {
    "ObstructedMaze_1Dlhb": Family(
        generate_two_rooms, lambda env: (int(env.key_in_box), int(env.blocked)), _missions, RULE_PICK_UP_TARGET
    ),
    "ObstructedMaze_Full": Family(generate_full, _full_parameters, _missions, RULE_PICK_UP_TARGET),
    "ObstructedMaze_Full_V1": Family(generate_full_v1, _full_parameters, _missions, RULE_PICK_UP_TARGET),
}
