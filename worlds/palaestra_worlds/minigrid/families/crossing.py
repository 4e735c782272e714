"""LavaCrossing and SimpleCrossing: rivers of lava or walls across the room, with an opening in each. Also LavaGap.

Missions: "avoid the lava and get to the green goal square", "find the opening and get to the green goal square".
Generation: rivers on random even columns and rows; a random way through the rooms between them decides where the
openings are. Ends at the goal, or in the lava.
Configurations: `size`, `num_crossings`, `obstacle_type`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import Family
from palaestra_worlds.minigrid.placement import fill_column, fill_row, put_agent, walled_grid
from palaestra_worlds.minigrid.state import EMPTY_CELL, GOAL_CELL, LAVA_CELL, MISSION, WALL_CELL
from palaestra_worlds.random_streams import random_integer, shuffle

# Places in scratch: rivers to shuffle, then the columns and rows that have one, between the limits 0 and the far wall,
# then the way.
_RIVERS, _COLUMNS, _ROWS, _WAY = 0, 64, 128, 192
_MOST = 60


@register_jitable
def _insert_sorted(levels: Any, i: Any, first: Any, count: Any, value: Any) -> None:
    """Puts a value among `count` sorted ones that begin at scratch[first]."""
    k = first + count
    while k > first and levels.scratch[i, k - 1] > value:
        levels.scratch[i, k] = levels.scratch[i, k - 1]
        k -= 1
    levels.scratch[i, k] = value


@register_jitable
def _draw_rivers(levels: Any, i: Any, wanted: Any) -> Any:
    """Chooses the rivers: how many are columns, and how many rows."""
    width, height = levels.cells.shape[1], levels.cells.shape[2]
    count = 0
    for place in range(2, height - 2, 2):
        levels.scratch[i, _RIVERS + count] = place
        count += 1
    for place in range(2, width - 2, 2):
        levels.scratch[i, _RIVERS + count] = -place
        count += 1
    shuffle(levels.random, i, levels.scratch[i], _RIVERS, count)
    columns = rows = 0
    levels.scratch[i, _COLUMNS] = levels.scratch[i, _ROWS] = 0
    for k in range(min(wanted, count)):
        place = levels.scratch[i, _RIVERS + k]
        if place > 0:
            _insert_sorted(levels, i, _COLUMNS + 1, columns, place)
            columns += 1
        else:
            _insert_sorted(levels, i, _ROWS + 1, rows, -place)
            rows += 1
    levels.scratch[i, _COLUMNS + columns + 1] = height - 1
    levels.scratch[i, _ROWS + rows + 1] = width - 1
    return columns, rows


@register_jitable
def _open_way(levels: Any, i: Any, columns: Any, rows: Any) -> None:
    """Walks from the first to the last room, across columns and rows in random order, with an opening each time."""
    for k in range(columns + rows):
        levels.scratch[i, _WAY + k] = 1 if k < columns else 0
    shuffle(levels.random, i, levels.scratch[i], _WAY, columns + rows)
    room_x = room_y = 0
    for k in range(columns + rows):
        column, row = _COLUMNS + room_x, _ROWS + room_y
        if levels.scratch[i, _WAY + k] == 1:
            x = levels.scratch[i, column + 1]
            y = random_integer(levels.random, i, levels.scratch[i, row] + 1, levels.scratch[i, row + 1])
            room_x += 1
        else:
            x = random_integer(levels.random, i, levels.scratch[i, column] + 1, levels.scratch[i, column + 1])
            y = levels.scratch[i, row + 1]
            room_y += 1
        levels.cells[i, x, y] = EMPTY_CELL


@register_jitable
def generate_crossing(levels: Any, i: Any, parameters: Any) -> None:
    """`CrossingEnv._gen_grid`."""
    width, height = levels.cells.shape[1], levels.cells.shape[2]
    obstacle = parameters[1]
    walled_grid(levels, i)
    put_agent(levels, i, 1, 1, 0)
    levels.cells[i, width - 2, height - 2] = GOAL_CELL
    columns, rows = _draw_rivers(levels, i, parameters[0])
    for k in range(rows):
        fill_row(levels, i, 1, levels.scratch[i, _ROWS + 1 + k], width - 2, obstacle)
    for k in range(columns):
        fill_column(levels, i, levels.scratch[i, _COLUMNS + 1 + k], 1, height - 2, obstacle)
    _open_way(levels, i, columns, rows)
    levels.status[i, MISSION] = 0


@register_jitable
def generate_gap(levels: Any, i: Any, parameters: Any) -> None:
    """`LavaGapEnv._gen_grid`."""
    width, height = levels.cells.shape[1], levels.cells.shape[2]
    walled_grid(levels, i)
    put_agent(levels, i, 1, 1, 0)
    levels.cells[i, width - 2, height - 2] = GOAL_CELL
    x = random_integer(levels.random, i, 2, width - 2)
    y = random_integer(levels.random, i, 1, height - 1)
    fill_column(levels, i, x, 1, height - 2, parameters[0])
    levels.cells[i, x, y] = EMPTY_CELL
    levels.status[i, MISSION] = 0


def _obstacle(env: Any) -> int:
    found = {"Lava": LAVA_CELL, "Wall": WALL_CELL}.get(env.obstacle_type.__name__)
    if found is None:
        raise ValueError(f"obstacle_type is built in for Lava and Wall, not for {env.obstacle_type.__name__}")
    return found


def _crossing_parameters(env: Any) -> tuple[int, ...]:
    if env.width > _MOST:
        raise ValueError(f"Crossing is built in for sizes up to {_MOST}, not for {env.width}")
    return int(env.num_crossings), _obstacle(env)


FAMILIES = {
    "CrossingEnv": Family(generate_crossing, _crossing_parameters, lambda env: (env.mission,)),
    "LavaGapEnv": Family(
        generate_gap,
        lambda env: (_obstacle(env),),
        lambda env: (
            "avoid the lava and get to the green goal square"
            if env.obstacle_type.__name__ == "Lava"
            else "find the opening and get to the green goal square",
        ),
    ),
}
