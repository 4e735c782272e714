"""LockedRoom: six rooms along a corridor; one is locked and holds the goal, another holds its key.

Mission: "get the {colour} key from the {colour} room, unlock the {colour} door and go to the goal". Ends at the goal.
Configurations: `size`.
"""

from __future__ import annotations

from typing import Any

from minigrid.core.constants import COLOR_NAMES, COLOR_TO_IDX
from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import Family
from palaestra_worlds.minigrid.placement import fill_column, fill_row, place_agent, walled_grid
from palaestra_worlds.minigrid.state import (
    CLOSED,
    COLORS_BY_NAME,
    DOOR,
    GOAL_CELL,
    KEY,
    LOCKED,
    MISSION,
    WALL_CELL,
    make_cell,
)
from palaestra_worlds.random_streams import random_integer

# In scratch: the colours still to be given, then each room's.
_LEFT_COLORS, _ROOM_COLORS = 0, 8


@register_jitable
def _draw_place(levels: Any, i: Any, room: Any, left_wall: Any, right_wall: Any) -> Any:
    """`LockedRoom.rand_pos`: a cell inside a room; even rooms are on the left, odd ones on the right."""
    left = 0 if room % 2 == 0 else right_wall
    top = room // 2 * (levels.cells.shape[2] // 3)
    width, height = left_wall + 1, levels.cells.shape[2] // 3 + 1
    x = random_integer(levels.random, i, left + 1, left + width - 1)
    y = random_integer(levels.random, i, top + 1, top + height - 1)
    return x, y


@register_jitable
def _draw_doors(levels: Any, i: Any, locked: Any, left_wall: Any, right_wall: Any) -> None:
    """A door of another colour for each room, three cells below the room's top."""
    for k in range(6):
        levels.scratch[i, _LEFT_COLORS + k] = COLORS_BY_NAME[k]
    for room in range(6):
        drawn = random_integer(levels.random, i, 0, 6 - room)
        color = levels.scratch[i, _LEFT_COLORS + drawn]
        for rest in range(drawn, 5 - room):
            levels.scratch[i, _LEFT_COLORS + rest] = levels.scratch[i, _LEFT_COLORS + rest + 1]
        levels.scratch[i, _ROOM_COLORS + room] = color
        x = left_wall if room % 2 == 0 else right_wall
        y = room // 2 * (levels.cells.shape[2] // 3) + 3
        levels.cells[i, x, y] = make_cell(DOOR, color, LOCKED if room == locked else CLOSED)


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`LockedRoomEnv._gen_grid`."""
    width, height = levels.cells.shape[1], levels.cells.shape[2]
    left_wall, right_wall = width // 2 - 2, width // 2 + 2
    walled_grid(levels, i)
    fill_column(levels, i, left_wall, 0, height, WALL_CELL)
    fill_column(levels, i, right_wall, 0, height, WALL_CELL)
    for k in range(3):
        fill_row(levels, i, 0, k * (height // 3), left_wall, WALL_CELL)
        fill_row(levels, i, right_wall, k * (height // 3), width - right_wall, WALL_CELL)
    locked = random_integer(levels.random, i, 0, 6)
    x, y = _draw_place(levels, i, locked, left_wall, right_wall)
    levels.cells[i, x, y] = GOAL_CELL
    _draw_doors(levels, i, locked, left_wall, right_wall)
    key_room = random_integer(levels.random, i, 0, 6)
    while key_room == locked:
        key_room = random_integer(levels.random, i, 0, 6)
    x, y = _draw_place(levels, i, key_room, left_wall, right_wall)
    color = levels.scratch[i, _ROOM_COLORS + locked]
    levels.cells[i, x, y] = make_cell(KEY, color)
    place_agent(levels, i, left_wall, 0, right_wall - left_wall, height)
    levels.status[i, MISSION] = color * 6 + levels.scratch[i, _ROOM_COLORS + key_room]


def _missions(env: Any) -> tuple[str, ...]:
    colors = sorted(COLOR_NAMES, key=COLOR_TO_IDX.__getitem__)
    return tuple(
        f"get the {locked} key from the {room} room, unlock the {locked} door and go to the goal"
        for locked in colors
        for room in colors
    )


FAMILIES = {"LockedRoomEnv": Family(generate, lambda env: (), _missions)}
