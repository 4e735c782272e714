"""Memory: remember the object in the first room, and at the fork turn towards the same one.

Mission: "go to the matching object at the end of the hallway". Ends beside either object.
Configurations: `size`, `random_length`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import RULE_MEMORY, Family
from palaestra_worlds.minigrid.placement import fill_column, fill_row, put_agent, walled_grid
from palaestra_worlds.minigrid.state import (
    BALL,
    GREEN,
    KEY,
    MISSION,
    REGISTER_A,
    REGISTER_B,
    TARGET_X,
    TARGET_Y,
    WALL_CELL,
    make_cell,
)
from palaestra_worlds.random_streams import random_integer


@register_jitable
def _build_hallway(levels: Any, i: Any, end: Any) -> None:
    """The room on the left, the hallway, and the fork's two columns of walls."""
    height = levels.cells.shape[2]
    middle = height // 2
    fill_row(levels, i, 1, middle - 2, 4, WALL_CELL)
    fill_row(levels, i, 1, middle + 2, 4, WALL_CELL)
    for row in (middle - 1, middle + 1):
        levels.cells[i, 4, row] = WALL_CELL
        if end > 5:
            fill_row(levels, i, 5, row, end - 5, WALL_CELL)
    before = levels.cells[i, end, middle]
    fill_column(levels, i, end, 0, height, WALL_CELL)
    levels.cells[i, end, middle] = before
    fill_column(levels, i, end + 2, 0, height, WALL_CELL)


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`MemoryEnv._gen_grid`."""
    width, height = levels.cells.shape[1], levels.cells.shape[2]
    middle = height // 2
    walled_grid(levels, i)
    end = random_integer(levels.random, i, 4, width - 2) if parameters[0] else width - 3
    _build_hallway(levels, i, end)
    put_agent(levels, i, random_integer(levels.random, i, 1, end + 1), middle, 0)
    first = KEY if random_integer(levels.random, i, 0, 2) == 0 else BALL
    levels.cells[i, 1, middle - 1] = make_cell(first, GREEN)
    upper = BALL if random_integer(levels.random, i, 0, 2) == 0 else KEY
    levels.cells[i, end + 1, middle - 2] = make_cell(upper, GREEN)
    levels.cells[i, end + 1, middle + 2] = make_cell(KEY + BALL - upper, GREEN)
    match_above = first == upper
    levels.status[i, TARGET_X] = end + 1
    levels.status[i, TARGET_Y] = middle - 1 if match_above else middle + 1
    levels.status[i, REGISTER_A] = end + 1
    levels.status[i, REGISTER_B] = middle + 1 if match_above else middle - 1
    levels.status[i, MISSION] = 0


def _parameters(env: Any) -> tuple[int, ...]:
    return (int(env.random_length),)


FAMILIES = {
    "MemoryEnv": Family(
        generate, _parameters, lambda env: ("go to the matching object at the end of the hallway",), RULE_MEMORY
    )
}
