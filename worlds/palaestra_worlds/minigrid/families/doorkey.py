"""DoorKey: a key lies in the left room; it opens the yellow door to the right room, where the goal is.

Mission: "use the key to open the door and then get to the goal". Generation: the goal in the corner; a wall at a random
column; the agent, the door's row and the key at random. Ends at the goal.
Configurations: sizes 5, 6, 8 and 16 (`size`).
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import Family
from palaestra_worlds.minigrid.placement import fill_column, place_agent, place_object, walled_grid
from palaestra_worlds.minigrid.state import DOOR, GOAL_CELL, KEY, LOCKED, MISSION, WALL_CELL, YELLOW, make_cell
from palaestra_worlds.random_streams import random_integer


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`DoorKeyEnv._gen_grid`."""
    width, height = levels.cells.shape[1], levels.cells.shape[2]
    walled_grid(levels, i)
    levels.cells[i, width - 2, height - 2] = GOAL_CELL
    column = random_integer(levels.random, i, 2, width - 2)
    fill_column(levels, i, column, 0, height, WALL_CELL)
    place_agent(levels, i, 0, 0, column, height)
    row = random_integer(levels.random, i, 1, height - 2)
    levels.cells[i, column, row] = make_cell(DOOR, YELLOW, LOCKED)
    place_object(levels, i, make_cell(KEY, YELLOW), 0, 0, column, height)
    levels.status[i, MISSION] = 0


FAMILIES = {
    "DoorKeyEnv": Family(
        generate=generate,
        parameters=lambda env: (),
        missions=lambda env: ("use the key to open the door and then get to the goal",),
    )
}
