"""FourRooms: four rooms with a gap in each wall between them, agent and goal anywhere.

Mission: "reach the goal". Ends at the goal. Configurations: `agent_pos`, `goal_pos`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import Family
from palaestra_worlds.minigrid.placement import (
    fill_column,
    fill_row,
    forget_agent,
    place_agent_anywhere,
    place_anywhere,
    put_agent,
    walled_grid,
)
from palaestra_worlds.minigrid.state import EMPTY_CELL, GOAL_CELL, MISSION, WALL_CELL
from palaestra_worlds.random_streams import random_integer


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`FourRoomsEnv._gen_grid`."""
    room_width, room_height = levels.cells.shape[1] // 2, levels.cells.shape[2] // 2
    walled_grid(levels, i)
    forget_agent(levels, i)
    for row in range(2):
        for column in range(2):
            left, top = column * room_width, row * room_height
            right, bottom = left + room_width, top + room_height
            if column == 0:
                fill_column(levels, i, right, top, room_height, WALL_CELL)
                levels.cells[i, right, random_integer(levels.random, i, top + 1, bottom)] = EMPTY_CELL
            if row == 0:
                fill_row(levels, i, left, bottom, room_width, WALL_CELL)
                levels.cells[i, random_integer(levels.random, i, left + 1, right), bottom] = EMPTY_CELL
    if parameters[0] >= 0:
        levels.cells[i, parameters[0], parameters[1]] = EMPTY_CELL
        put_agent(levels, i, parameters[0], parameters[1], random_integer(levels.random, i, 0, 4))
    else:
        place_agent_anywhere(levels, i)
    if parameters[2] >= 0:
        levels.cells[i, parameters[2], parameters[3]] = GOAL_CELL
    else:
        place_anywhere(levels, i, GOAL_CELL)
    levels.status[i, MISSION] = 0


def _parameters(env: Any) -> tuple[int, ...]:
    agent = env._agent_default_pos or (-1, -1)
    goal = env._goal_default_pos or (-1, -1)
    return int(agent[0]), int(agent[1]), int(goal[0]), int(goal[1])


FAMILIES = {"FourRoomsEnv": Family(generate, _parameters, lambda env: ("reach the goal",))}
