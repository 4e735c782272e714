"""Building levels: walls, and the reference's rejection sampling of places (`MiniGridEnv.place_obj`, `place_agent`)."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.state import DIRECTION, EMPTY_CELL, WALL_CELL, X, Y
from palaestra_worlds.random_streams import random_integer

MANY_TRIES = 1 << 60
"""The reference's math.inf."""


@register_jitable
def clear_grid(levels: Any, i: Any) -> None:
    """A new `Grid`: nothing anywhere."""
    for x in range(levels.cells.shape[1]):
        for y in range(levels.cells.shape[2]):
            levels.cells[i, x, y] = EMPTY_CELL


@register_jitable
def fill_row(levels: Any, i: Any, x: Any, y: Any, length: Any, cell: Any) -> None:
    """`Grid.horz_wall` of any cell code."""
    for k in range(length):
        levels.cells[i, x + k, y] = cell


@register_jitable
def fill_column(levels: Any, i: Any, x: Any, y: Any, length: Any, cell: Any) -> None:
    """`Grid.vert_wall` of any cell code."""
    for k in range(length):
        levels.cells[i, x, y + k] = cell


@register_jitable
def wall_rectangle(levels: Any, i: Any, x: Any, y: Any, width: Any, height: Any) -> None:
    """`Grid.wall_rect`."""
    fill_row(levels, i, x, y, width, WALL_CELL)
    fill_row(levels, i, x, y + height - 1, width, WALL_CELL)
    fill_column(levels, i, x, y, height, WALL_CELL)
    fill_column(levels, i, x + width - 1, y, height, WALL_CELL)


@register_jitable
def walled_grid(levels: Any, i: Any) -> None:
    """An empty grid with walls around it."""
    clear_grid(levels, i)
    wall_rectangle(levels, i, 0, 0, levels.cells.shape[1], levels.cells.shape[2])


@register_jitable
def forget_agent(levels: Any, i: Any) -> None:
    """Before the agent has a place, it is at (-1, -1) and keeps no object away (`MiniGridEnv.reset`)."""
    levels.status[i, X] = -1
    levels.status[i, Y] = -1
    levels.status[i, DIRECTION] = -1


@register_jitable
def put_agent(levels: Any, i: Any, x: Any, y: Any, direction: Any) -> None:
    """Puts the agent somewhere without drawing anything."""
    levels.status[i, X] = x
    levels.status[i, Y] = y
    levels.status[i, DIRECTION] = direction


@register_jitable
def find_place(
    levels: Any, i: Any, left: Any, top: Any, width: Any, height: Any, agent_distance: Any, tries: Any
) -> Any:
    """`place_obj` up to the place: (x, y, found). Draws x, then y, until the cell is empty.

    Args:
        left, top, width, height: where to look; cut off at the grid's edges as the reference does.
        agent_distance: least number of cells, along the axes, from the agent: 1 is any cell but its own, 2 is the
            reference's `reject_next_to`.
        tries: the reference's max_tries; it makes one more before it gives up.
    """
    left, top = max(left, 0), max(top, 0)
    right = min(left + width, levels.cells.shape[1])
    bottom = min(top + height, levels.cells.shape[2])
    attempt = 0
    while attempt <= tries:
        attempt += 1
        x = random_integer(levels.random, i, left, right)
        y = random_integer(levels.random, i, top, bottom)
        away = abs(x - levels.status[i, X]) + abs(y - levels.status[i, Y])
        if levels.cells[i, x, y] == EMPTY_CELL and away >= agent_distance:
            return x, y, True
    return 0, 0, False


@register_jitable
def place_object(levels: Any, i: Any, cell: Any, left: Any, top: Any, width: Any, height: Any) -> Any:
    """`place_obj` within a rectangle, trying for ever: the (x, y) where the object is now."""
    x, y, _ = find_place(levels, i, left, top, width, height, 1, MANY_TRIES)
    levels.cells[i, x, y] = cell
    return x, y


@register_jitable
def place_anywhere(levels: Any, i: Any, cell: Any) -> Any:
    """`place_obj` in the whole grid."""
    return place_object(levels, i, cell, 0, 0, levels.cells.shape[1], levels.cells.shape[2])


@register_jitable
def place_agent(levels: Any, i: Any, left: Any, top: Any, width: Any, height: Any) -> None:
    """`place_agent` within a rectangle: a place, then a direction."""
    forget_agent(levels, i)
    x, y, _ = find_place(levels, i, left, top, width, height, 1, MANY_TRIES)
    put_agent(levels, i, x, y, random_integer(levels.random, i, 0, 4))


@register_jitable
def place_agent_anywhere(levels: Any, i: Any) -> None:
    """`place_agent` in the whole grid."""
    place_agent(levels, i, 0, 0, levels.cells.shape[1], levels.cells.shape[2])
