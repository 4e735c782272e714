"""Empty: nothing but a goal in the corner. Also DistShift: the same with two strips of lava.

Mission: "get to the green goal square". Generation: the agent starts at a fixed place, or anywhere. Ends at the goal,
or in the lava.
Configurations: `size`, `agent_start_pos`, `agent_start_dir`; `strip2_row` of DistShift.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import Family
from palaestra_worlds.minigrid.placement import fill_row, place_agent_anywhere, put_agent, walled_grid
from palaestra_worlds.minigrid.state import GOAL_CELL, LAVA_CELL, MISSION


def start_parameters(env: Any) -> tuple[int, int, int]:
    """Where the reference's agent starts: x, y, direction; x is -1 where it is drawn."""
    if env.agent_start_pos is None:
        return -1, -1, -1
    x, y = env.agent_start_pos
    return int(x), int(y), int(env.agent_start_dir)


@register_jitable
def start_agent(levels: Any, i: Any, parameters: Any) -> None:
    """Puts the agent where `start_parameters` (the first three parameters) say."""
    if parameters[0] >= 0:
        put_agent(levels, i, parameters[0], parameters[1], parameters[2])
    else:
        place_agent_anywhere(levels, i)


@register_jitable
def generate_empty(levels: Any, i: Any, parameters: Any) -> None:
    """`EmptyEnv._gen_grid`."""
    walled_grid(levels, i)
    levels.cells[i, levels.cells.shape[1] - 2, levels.cells.shape[2] - 2] = GOAL_CELL
    start_agent(levels, i, parameters)
    levels.status[i, MISSION] = 0


@register_jitable
def generate_dist_shift(levels: Any, i: Any, parameters: Any) -> None:
    """`DistShiftEnv._gen_grid`."""
    width = levels.cells.shape[1]
    walled_grid(levels, i)
    levels.cells[i, parameters[4], parameters[5]] = GOAL_CELL
    fill_row(levels, i, 3, 1, width - 6, LAVA_CELL)
    fill_row(levels, i, 3, parameters[3], width - 6, LAVA_CELL)
    start_agent(levels, i, parameters)
    levels.status[i, MISSION] = 0


FAMILIES = {
    "EmptyEnv": Family(
        generate=generate_empty,
        parameters=start_parameters,
        missions=lambda env: ("get to the green goal square",),
    ),
    "DistShiftEnv": Family(
        generate=generate_dist_shift,
        parameters=lambda env: (*start_parameters(env), int(env.strip2_row), *map(int, env.goal_pos)),
        missions=lambda env: ("get to the green goal square",),
    ),
}
