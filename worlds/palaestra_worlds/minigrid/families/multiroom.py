"""MultiRoom: a chain of rooms, each door of another colour than the last; the goal is in the last room.

Mission: "traverse the rooms to get to the goal". Generation: rooms are placed one behind another; where a chain gets
stuck the last room tries up to eight exits, and the longest chain of several attempts counts. Ends at the goal.
Configurations: `minNumRooms`, `maxNumRooms`, `maxRoomSize`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import Family
from palaestra_worlds.minigrid.placement import clear_grid, forget_agent, place_agent, place_object, wall_rectangle
from palaestra_worlds.minigrid.state import CLOSED, COLORS_BY_NAME, DOOR, GOAL_CELL, MISSION, NUM_SCRATCH, make_cell
from palaestra_worlds.random_streams import random_integer

# Of each room in scratch: left, top, width, height, x and y of its entry door, side of the entry, exits tried.
_LEFT, _TOP, _WIDTH, _HEIGHT, _DOOR_X, _DOOR_Y, _SIDE, _EXITS, _ROOM = range(9)
_BEST = NUM_SCRATCH // 2
_MOST_ROOMS = _BEST // _ROOM

_SMALLEST = 4
_RIGHT, _LOWER, _LEFT_SIDE, _UPPER = range(4)


@register_jitable
def _draw_room(levels: Any, i: Any, number: Any, largest: Any, side: Any, x: Any, y: Any) -> Any:
    """`_placeRoom` up to its checks: draws a room whose entry door is at (x, y) on `side`; whether it fits."""
    width = random_integer(levels.random, i, _SMALLEST, largest + 1)
    height = random_integer(levels.random, i, _SMALLEST, largest + 1)
    if number == 0:
        left, top = x, y
    elif side == _RIGHT:
        left, top = x - width + 1, random_integer(levels.random, i, y - height + 2, y)
    elif side == _LOWER:
        left, top = random_integer(levels.random, i, x - width + 2, x), y - height + 1
    elif side == _LEFT_SIDE:
        left, top = x, random_integer(levels.random, i, y - height + 2, y)
    else:
        left, top = random_integer(levels.random, i, x - width + 2, x), y
    if left < 0 or top < 0 or left + width > levels.cells.shape[1] or top + height >= levels.cells.shape[2]:
        return False
    # The reference compares with `<` on the left, with `<=` elsewhere, and not with the room before.
    for other in range(number - 1):
        base = other * _ROOM
        other_left, other_top = levels.scratch[i, base + _LEFT], levels.scratch[i, base + _TOP]
        apart = (
            left + width < other_left
            or other_left + levels.scratch[i, base + _WIDTH] <= left
            or top + height < other_top
            or other_top + levels.scratch[i, base + _HEIGHT] <= top
        )
        if not apart:
            return False
    base = number * _ROOM
    levels.scratch[i, base + _LEFT] = left
    levels.scratch[i, base + _TOP] = top
    levels.scratch[i, base + _WIDTH] = width
    levels.scratch[i, base + _HEIGHT] = height
    levels.scratch[i, base + _DOOR_X] = x
    levels.scratch[i, base + _DOOR_Y] = y
    levels.scratch[i, base + _SIDE] = side
    levels.scratch[i, base + _EXITS] = 0
    return True


@register_jitable
def _draw_exit(levels: Any, i: Any, room: Any) -> Any:
    """Another exit of a room: side and place of the door as the next room's entry."""
    base = room * _ROOM
    left, top = levels.scratch[i, base + _LEFT], levels.scratch[i, base + _TOP]
    width, height = levels.scratch[i, base + _WIDTH], levels.scratch[i, base + _HEIGHT]
    drawn = random_integer(levels.random, i, 0, 3)
    side = drawn + 1 if drawn >= levels.scratch[i, base + _SIDE] else drawn
    if side == _RIGHT:
        x, y = left + width - 1, top + random_integer(levels.random, i, 1, height - 1)
    elif side == _LOWER:
        x, y = left + random_integer(levels.random, i, 1, width - 1), top + height - 1
    elif side == _LEFT_SIDE:
        x, y = left, top + random_integer(levels.random, i, 1, height - 1)
    else:
        x, y = left + random_integer(levels.random, i, 1, width - 1), top
    return (side + 2) % 4, x, y


@register_jitable
def _draw_chain(levels: Any, i: Any, wanted: Any, largest: Any) -> Any:
    """`_placeRoom` from the first room on, its recursion as a walk: how many rooms the chain has.

    A room counts as placed even if nothing fits behind any of its eight exits; then the walk is over, because for
    the room before it the attempt has succeeded.
    """
    width = levels.cells.shape[1]
    x = random_integer(levels.random, i, 0, width - 2)
    y = random_integer(levels.random, i, 0, width - 2)
    if not _draw_room(levels, i, 0, largest, _LEFT_SIDE, x, y):
        return 0
    placed = 1
    while placed < wanted:
        found = False
        for _ in range(8):
            side, x, y = _draw_exit(levels, i, placed - 1)
            if _draw_room(levels, i, placed, largest, side, x, y):
                found = True
                break
        if not found:
            return placed
        placed += 1
    return placed


@register_jitable
def _build_rooms(levels: Any, i: Any, count: Any) -> None:
    """Walls of each room of the best chain, then its entry door, of another colour than the last one's."""
    last = -1
    for room in range(count):
        base = _BEST + room * _ROOM
        wall_rectangle(
            levels,
            i,
            levels.scratch[i, base + _LEFT],
            levels.scratch[i, base + _TOP],
            levels.scratch[i, base + _WIDTH],
            levels.scratch[i, base + _HEIGHT],
        )
        if room > 0:
            drawn = random_integer(levels.random, i, 0, 6 if last < 0 else 5)
            if last >= 0 and drawn >= last:
                drawn += 1
            last = drawn
            x, y = levels.scratch[i, base + _DOOR_X], levels.scratch[i, base + _DOOR_Y]
            levels.cells[i, x, y] = make_cell(DOOR, COLORS_BY_NAME[drawn], CLOSED)


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`MultiRoomEnv._gen_grid`."""
    wanted = random_integer(levels.random, i, parameters[0], parameters[1] + 1)
    best = 0
    while best < wanted:
        count = _draw_chain(levels, i, wanted, parameters[2])
        if count > best:
            best = count
            for k in range(count * _ROOM):
                levels.scratch[i, _BEST + k] = levels.scratch[i, k]
    clear_grid(levels, i)
    forget_agent(levels, i)
    _build_rooms(levels, i, best)
    first, last = _BEST, _BEST + (best - 1) * _ROOM
    place_agent(
        levels,
        i,
        levels.scratch[i, first + _LEFT],
        levels.scratch[i, first + _TOP],
        levels.scratch[i, first + _WIDTH],
        levels.scratch[i, first + _HEIGHT],
    )
    place_object(
        levels,
        i,
        GOAL_CELL,
        levels.scratch[i, last + _LEFT],
        levels.scratch[i, last + _TOP],
        levels.scratch[i, last + _WIDTH],
        levels.scratch[i, last + _HEIGHT],
    )
    levels.status[i, MISSION] = 0


def _parameters(env: Any) -> tuple[int, ...]:
    if env.maxNumRooms > _MOST_ROOMS:
        raise ValueError(f"MultiRoom is built in for up to {_MOST_ROOMS} rooms, not for maxNumRooms={env.maxNumRooms}")
    return int(env.minNumRooms), int(env.maxNumRooms), int(env.maxRoomSize)


FAMILIES = {
    "MultiRoomEnv": Family(generate, _parameters, lambda env: ("traverse the rooms to get to the goal",)),
}
