"""The reference's `RoomGrid`: rooms of one size side by side, with doors, keys and objects in them.

A generator's working space is `levels.scratch`: for each room the four places where a door can be (right, down, left,
up) and whether a door or an opening is there, and whether the room is locked.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.placement import clear_grid, find_place, forget_agent, put_agent, wall_rectangle
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    CLOSED,
    COLORS_BY_NAME,
    DIRECTION,
    DOOR,
    EMPTY_CELL,
    KEY,
    LOCKED,
    NUM_SCRATCH,
    WALL,
    X,
    Y,
    cell_type,
    make_cell,
)
from palaestra_worlds.minigrid.view import direction_x, direction_y
from palaestra_worlds.random_streams import random_integer

RIGHT_SIDE, LOWER_SIDE, LEFT_SIDE, UPPER_SIDE = range(4)

# Of each room, from scratch[ROOMS + room * ROOM_SIZE]: x and y of the four door places, four connections, locked.
ROOMS = 64
_CONNECTIONS, _LOCKED, _VISITED, ROOM_SIZE = 8, 12, 13, 16
_STACK = 0

MOST_ROOMS = (NUM_SCRATCH - ROOMS) // ROOM_SIZE
"""Rooms that there is working space for."""

MANY = 1000
"""The reference's max_tries in rooms."""


@register_jitable
def begin_rooms(levels: Any, i: Any, room_size: Any, columns: Any, rows: Any) -> None:
    """`RoomGrid._gen_grid`: the walls, a door place drawn for each inner wall, the agent in the middle facing right."""
    clear_grid(levels, i)
    forget_agent(levels, i)
    pitch = room_size - 1
    for row in range(rows):
        for column in range(columns):
            wall_rectangle(levels, i, column * pitch, row * pitch, room_size, room_size)
            room = ROOMS + (row * columns + column) * ROOM_SIZE
            for k in range(ROOM_SIZE):
                levels.scratch[i, room + k] = 0
    for row in range(rows):
        for column in range(columns):
            room = ROOMS + (row * columns + column) * ROOM_SIZE
            left, top = column * pitch, row * pitch
            if column < columns - 1:
                levels.scratch[i, room] = left + pitch
                levels.scratch[i, room + 1] = random_integer(levels.random, i, top + 1, top + pitch)
            if row < rows - 1:
                levels.scratch[i, room + 2] = random_integer(levels.random, i, left + 1, left + pitch)
                levels.scratch[i, room + 3] = top + pitch
            if column > 0:
                for axis in range(2):
                    levels.scratch[i, room + 4 + axis] = levels.scratch[i, room - ROOM_SIZE + axis]
            if row > 0:
                for axis in range(2):
                    levels.scratch[i, room + 6 + axis] = levels.scratch[i, room - columns * ROOM_SIZE + 2 + axis]
    put_agent(levels, i, columns // 2 * pitch + room_size // 2, rows // 2 * pitch + room_size // 2, 0)


@register_jitable
def has_neighbor(columns: Any, rows: Any, column: Any, row: Any, side: Any) -> Any:
    """Whether there is a room beyond this side."""
    x, y = column + direction_x(side), row + direction_y(side)
    return x >= 0 and y >= 0 and x < columns and y < rows


@register_jitable
def _connect(levels: Any, i: Any, columns: Any, column: Any, row: Any, side: Any) -> None:
    here = ROOMS + (row * columns + column) * ROOM_SIZE
    there = ROOMS + ((row + direction_y(side)) * columns + column + direction_x(side)) * ROOM_SIZE
    levels.scratch[i, here + _CONNECTIONS + side] = 1
    levels.scratch[i, there + _CONNECTIONS + (side + 2) % 4] = 1


@register_jitable
def add_door(levels: Any, i: Any, columns: Any, column: Any, row: Any, side: Any, color: Any, locked: Any) -> Any:
    """`RoomGrid.add_door` with everything given: the (x, y) of the door."""
    room = ROOMS + (row * columns + column) * ROOM_SIZE
    levels.scratch[i, room + _LOCKED] = 1 if locked else 0
    x, y = levels.scratch[i, room + 2 * side], levels.scratch[i, room + 2 * side + 1]
    levels.cells[i, x, y] = make_cell(DOOR, color, LOCKED if locked else CLOSED)
    _connect(levels, i, columns, column, row, side)
    return x, y


@register_jitable
def remove_wall(levels: Any, i: Any, room_size: Any, columns: Any, column: Any, row: Any, side: Any) -> None:
    """`RoomGrid.remove_wall`: the inner cells of one side become empty."""
    pitch = room_size - 1
    left, top = column * pitch, row * pitch
    for k in range(1, pitch):
        x = left + (pitch if side == RIGHT_SIDE else 0 if side == LEFT_SIDE else k)
        y = top + (pitch if side == LOWER_SIDE else 0 if side == UPPER_SIDE else k)
        levels.cells[i, x, y] = EMPTY_CELL
    _connect(levels, i, columns, column, row, side)


@register_jitable
def random_color(levels: Any, i: Any) -> Any:
    """`_rand_color`: a colour, drawn by its place in the alphabet."""
    return COLORS_BY_NAME[random_integer(levels.random, i, 0, 6)]


@register_jitable
def random_kind(levels: Any, i: Any) -> Any:
    """One of the reference's ["key", "ball", "box"]."""
    drawn = random_integer(levels.random, i, 0, 3)
    return KEY if drawn == 0 else BALL if drawn == 1 else BOX


@register_jitable
def place_in_room(levels: Any, i: Any, room_size: Any, column: Any, row: Any, cell: Any) -> Any:
    """`RoomGrid.place_in_room`: somewhere in the room that is not the agent's cell nor beside it."""
    left, top = column * (room_size - 1), row * (room_size - 1)
    x, y, found = find_place(levels, i, left, top, room_size, room_size, 2, MANY)
    if found:
        levels.cells[i, x, y] = cell
    return x, y


@register_jitable
def place_agent_in_room(levels: Any, i: Any, room_size: Any, column: Any, row: Any) -> None:
    """`RoomGrid.place_agent`: drawn again until the agent faces no object."""
    left, top = column * (room_size - 1), row * (room_size - 1)
    while True:
        forget_agent(levels, i)
        x, y, _ = find_place(levels, i, left, top, room_size, room_size, 1, MANY)
        put_agent(levels, i, x, y, random_integer(levels.random, i, 0, 4))
        direction = levels.status[i, DIRECTION]
        ahead = levels.cells[i, x + direction_x(direction), y + direction_y(direction)]
        if ahead == EMPTY_CELL or cell_type(ahead) == WALL:
            return


@register_jitable
def _all_reached(levels: Any, i: Any, columns: Any, rows: Any, first: Any) -> Any:
    """Whether every room can be reached from room `first` through doors and openings."""
    for room in range(columns * rows):
        levels.scratch[i, ROOMS + room * ROOM_SIZE + _VISITED] = 0
    levels.scratch[i, _STACK] = first
    levels.scratch[i, ROOMS + first * ROOM_SIZE + _VISITED] = 1
    waiting, reached = 1, 1
    while waiting > 0:
        waiting -= 1
        room = levels.scratch[i, _STACK + waiting]
        for side in range(4):
            if levels.scratch[i, ROOMS + room * ROOM_SIZE + _CONNECTIONS + side] == 0:
                continue
            other = room + direction_x(side) + direction_y(side) * columns
            if levels.scratch[i, ROOMS + other * ROOM_SIZE + _VISITED] == 0:
                levels.scratch[i, ROOMS + other * ROOM_SIZE + _VISITED] = 1
                levels.scratch[i, _STACK + waiting] = other
                waiting += 1
                reached += 1
    return reached == columns * rows


@register_jitable
def connect_all(levels: Any, i: Any, room_size: Any, columns: Any, rows: Any) -> None:
    """`RoomGrid.connect_all`: adds unlocked doors at random until every room can be reached from the agent's."""
    pitch = room_size - 1
    first = levels.status[i, Y] // pitch * columns + levels.status[i, X] // pitch
    while not _all_reached(levels, i, columns, rows, first):
        column = random_integer(levels.random, i, 0, columns)
        row = random_integer(levels.random, i, 0, rows)
        side = random_integer(levels.random, i, 0, 4)
        here = row * columns + column
        if not has_neighbor(columns, rows, column, row, side):
            continue
        if levels.scratch[i, ROOMS + here * ROOM_SIZE + _CONNECTIONS + side] != 0:
            continue
        there = here + direction_x(side) + direction_y(side) * columns
        if (
            levels.scratch[i, ROOMS + here * ROOM_SIZE + _LOCKED]
            or levels.scratch[i, ROOMS + there * ROOM_SIZE + _LOCKED]
        ):
            continue
        add_door(levels, i, columns, column, row, side, random_color(levels, i), False)
