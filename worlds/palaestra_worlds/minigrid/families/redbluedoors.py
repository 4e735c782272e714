"""RedBlueDoors: open the red door on the left before the blue one on the right.

Mission: "open the red door then the blue door". Ends when the blue door is open. Configurations: `size`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import RULE_RED_BLUE_DOORS, Family
from palaestra_worlds.minigrid.placement import clear_grid, place_agent, wall_rectangle
from palaestra_worlds.minigrid.state import (
    BLUE,
    CLOSED,
    DOOR,
    MISSION,
    RED,
    REGISTER_A,
    REGISTER_B,
    TARGET_X,
    TARGET_Y,
    make_cell,
)
from palaestra_worlds.random_streams import random_integer


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`RedBlueDoorEnv._gen_grid`."""
    size = parameters[0]
    clear_grid(levels, i)
    wall_rectangle(levels, i, 0, 0, 2 * size, size)
    wall_rectangle(levels, i, size // 2, 0, size, size)
    place_agent(levels, i, size // 2, 0, size, size)
    red_x, red_y = size // 2, random_integer(levels.random, i, 1, size - 1)
    levels.cells[i, red_x, red_y] = make_cell(DOOR, RED, CLOSED)
    blue_x, blue_y = size // 2 + size - 1, random_integer(levels.random, i, 1, size - 1)
    levels.cells[i, blue_x, blue_y] = make_cell(DOOR, BLUE, CLOSED)
    levels.status[i, TARGET_X] = red_x
    levels.status[i, TARGET_Y] = red_y
    levels.status[i, REGISTER_A] = blue_x
    levels.status[i, REGISTER_B] = blue_y
    levels.status[i, MISSION] = 0


FAMILIES = {
    "RedBlueDoorEnv": Family(
        generate,
        lambda env: (int(env.size),),
        lambda env: ("open the red door then the blue door",),
        RULE_RED_BLUE_DOORS,
    )
}
