"""GoToDoor: a room of random size with a door of another colour in each wall.

Mission: "go to the {colour} door". Ends with the action `done` or `toggle`. Configurations: `size`.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.families.keycorridor import colored_missions
from palaestra_worlds.minigrid.family import RULE_GO_TO, Family
from palaestra_worlds.minigrid.placement import clear_grid, place_agent, wall_rectangle
from palaestra_worlds.minigrid.room_grid import random_color
from palaestra_worlds.minigrid.state import CLOSED, DOOR, MISSION, TARGET_X, TARGET_Y, make_cell
from palaestra_worlds.random_streams import random_integer

# Of each of the four doors in scratch: x, y, colour.
_DOOR = 3


@register_jitable
def _draw_doors(levels: Any, i: Any, width: Any, height: Any) -> None:
    """Places in the upper, lower, left and right wall, then four different colours."""
    levels.scratch[i, 0], levels.scratch[i, 1] = random_integer(levels.random, i, 2, width - 2), 0
    levels.scratch[i, 3], levels.scratch[i, 4] = random_integer(levels.random, i, 2, width - 2), height - 1
    levels.scratch[i, 6], levels.scratch[i, 7] = 0, random_integer(levels.random, i, 2, height - 2)
    levels.scratch[i, 9], levels.scratch[i, 10] = width - 1, random_integer(levels.random, i, 2, height - 2)
    drawn = 0
    while drawn < 4:
        color = random_color(levels, i)
        new = True
        for other in range(drawn):
            if levels.scratch[i, other * _DOOR + 2] == color:
                new = False
        if new:
            levels.scratch[i, drawn * _DOOR + 2] = color
            drawn += 1


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """`GoToDoorEnv._gen_grid`."""
    clear_grid(levels, i)
    width = random_integer(levels.random, i, 5, levels.cells.shape[1] + 1)
    height = random_integer(levels.random, i, 5, levels.cells.shape[2] + 1)
    wall_rectangle(levels, i, 0, 0, width, height)
    _draw_doors(levels, i, width, height)
    for number in range(4):
        base = number * _DOOR
        x, y = levels.scratch[i, base], levels.scratch[i, base + 1]
        levels.cells[i, x, y] = make_cell(DOOR, levels.scratch[i, base + 2], CLOSED)
    place_agent(levels, i, 0, 0, width, height)
    target = random_integer(levels.random, i, 0, 4) * _DOOR
    levels.status[i, TARGET_X] = levels.scratch[i, target]
    levels.status[i, TARGET_Y] = levels.scratch[i, target + 1]
    levels.status[i, MISSION] = levels.scratch[i, target + 2]


FAMILIES = {
    "GoToDoorEnv": Family(generate, lambda env: (), lambda env: colored_missions("go to the {} door"), RULE_GO_TO)
}
