"""Dynamic-Obstacles: blue balls wander about; running into one, or into a wall, ends the episode with -1.

Mission: "get to the green goal square". Ends at the goal too.
Configurations: `size`, `n_obstacles`, `agent_start_pos`, `agent_start_dir`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.families.empty import start_agent, start_parameters
from palaestra_worlds.minigrid.family import RULE_DYNAMIC_OBSTACLES, Family
from palaestra_worlds.minigrid.placement import forget_agent, place_anywhere, walled_grid
from palaestra_worlds.minigrid.state import (
    BALL,
    BLUE,
    GOAL_CELL,
    MAX_OBSTACLES,
    MISSION,
    OBSTACLES,
    REGISTER_A,
    make_cell,
)


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`DynamicObstaclesEnv._gen_grid`; where it gives up on a place after 101 tries and fails, this goes on."""
    walled_grid(levels, i)
    forget_agent(levels, i)
    levels.cells[i, levels.cells.shape[1] - 2, levels.cells.shape[2] - 2] = GOAL_CELL
    start_agent(levels, i, parameters)
    for number in range(parameters[3]):
        x, y = place_anywhere(levels, i, make_cell(BALL, BLUE))
        levels.status[i, OBSTACLES + number] = x | y << 16
    levels.status[i, REGISTER_A] = parameters[3]
    levels.status[i, MISSION] = 0


def _parameters(env: Any) -> tuple[int, ...]:
    if env.n_obstacles > MAX_OBSTACLES:
        raise ValueError(f"up to {MAX_OBSTACLES} obstacles are built in, not n_obstacles={env.n_obstacles}")
    return (*start_parameters(env), int(env.n_obstacles))


FAMILIES = {
    "DynamicObstaclesEnv": Family(
        generate, _parameters, lambda env: ("get to the green goal square",), RULE_DYNAMIC_OBSTACLES
    )
}
