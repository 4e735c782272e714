"""Heist: rooms side by side, a locked door between each and the next, and the gem (MiniGrid's goal) in the last one.

Mission: "unlock the doors on the way to the gem, which is the goal". After Procgen's Heist (arXiv 1912.01588), by
MiniGrid's rules: one key is carried at a time. Generation: the walls between rooms at random columns, a door in each at
a random row, its key at random in the room before it; the agent at random in the first room, the gem in the last.
Ends at the gem. Configurations: `size` and the number of `doors`, and for each task what `HeistTask` sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.minigrid_env import MiniGridEnv
from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import RULE_HEIST, Family
from palaestra_worlds.minigrid.heist.tasks import COLORS
from palaestra_worlds.minigrid.placement import fill_column, place_agent, place_object
from palaestra_worlds.minigrid.state import (
    BLUE,
    CARRYING,
    DOOR,
    EMPTY_CELL,
    GOAL_CELL,
    KEY,
    LOCKED,
    MISSION,
    REGISTER_A,
    SETTINGS,
    WALL_CELL,
    make_cell,
)
from palaestra_worlds.random_streams import random_integer

TEXT = "unlock the doors on the way to the gem, which is the goal"

# Columns of a setting, and of `parameters`; colours are numbered 0 blue, 1 green, 2 red.
SIZE, DOORS, KEYS, CARRIED = range(4)
_BITS = 2
_NONE = 3
"""In DOORS, two bits for each door in order: a colour, or this for no door."""


def pack(size: int, doors: Sequence[str], keys: Sequence[str], carrying: str | None) -> tuple[int, int, int, int]:
    """A level's settings as integers, SIZE, DOORS, KEYS (a bit for each colour), CARRIED (a colour + 1, 0 for none)."""
    packed_doors = 0
    for place in range(len(COLORS)):
        color = COLORS.index(doors[place]) if place < len(doors) else _NONE  # pyright: ignore[reportArgumentType]
        packed_doors |= color << _BITS * place
    packed_keys = sum(1 << number for number, color in enumerate(COLORS) if color in keys)
    return size, packed_doors, packed_keys, 0 if carrying is None else 1 + COLORS.index(carrying)  # pyright: ignore


@register_jitable
def _door_color(doors: Any, place: Any) -> Any:
    return doors >> _BITS * place & _NONE


@register_jitable
def generate(levels: Any, i: Any, parameters: Any) -> None:
    """A level as the task or, where it sets nothing, the world's parameters say."""
    size, doors, keys, carried = parameters[SIZE], parameters[DOORS], parameters[KEYS], parameters[CARRIED]
    if levels.status[i, SETTINGS + SIZE] != 0:
        size, doors = levels.status[i, SETTINGS + SIZE], levels.status[i, SETTINGS + DOORS]
        keys, carried = levels.status[i, SETTINGS + KEYS], levels.status[i, SETTINGS + CARRIED]
    for x in range(levels.cells.shape[1]):
        for y in range(levels.cells.shape[2]):
            inside = 0 < x < size - 1 and 0 < y < size - 1
            levels.cells[i, x, y] = EMPTY_CELL if inside else WALL_CELL
    count = 0
    while count < 3 and _door_color(doors, count) != _NONE:
        count += 1
    left, first_wall = 0, size
    for place in range(count):
        # Behind this wall, each further wall and the last room need a column.
        wall = random_integer(levels.random, i, left + 2, size - 2 - 2 * (count - 1 - place))
        fill_column(levels, i, wall, 0, size, WALL_CELL)
        row = random_integer(levels.random, i, 1, size - 1)
        color = _door_color(doors, place)
        levels.cells[i, wall, row] = make_cell(DOOR, BLUE - color, LOCKED)
        if place == 0:
            first_wall = wall
            place_agent(levels, i, 0, 0, wall, size)
        if keys >> color & 1:
            place_object(levels, i, make_cell(KEY, BLUE - color), left, 0, wall - left, size)
            keys ^= 1 << color
        left = wall
    if count == 0:
        place_agent(levels, i, 0, 0, size, size)
    place_object(levels, i, GOAL_CELL, left, 0, size - left, size)
    for color in range(3):
        if keys >> color & 1:
            place_object(levels, i, make_cell(KEY, BLUE - color), 0, 0, first_wall, size)
    levels.status[i, CARRYING] = make_cell(KEY, BLUE - (carried - 1)) if carried > 0 else 0
    levels.status[i, MISSION] = 0
    levels.status[i, REGISTER_A] = 0


class HeistEnv(MiniGridEnv):
    """What the engine takes its constants, spaces and pictures from; the engine itself makes the levels.

    Args:
        size: width and height in cells.
        doors: locked doors between the agent and the gem.
        max_steps: steps until truncation; None: 4 for each cell of the grid.
        agent_view_size: side of the partial view in cells.
    """

    def __init__(self, size: int, doors: int, max_steps: int | None = None, agent_view_size: int = 7) -> None:
        self.doors = doors
        super().__init__(
            mission_space=MissionSpace(mission_func=lambda: TEXT),
            width=size,
            height=size,
            max_steps=max_steps or 4 * size**2,
            agent_view_size=agent_view_size,
            render_mode="rgb_array",
        )

    def _gen_grid(self, width: int, height: int) -> None:
        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        self.agent_pos, self.agent_dir = (1, 1), 0
        self.mission = TEXT


def _parameters(env: HeistEnv) -> tuple[int, ...]:
    colors = COLORS[: env.doors]
    return pack(env.width, colors, colors, None)


FAMILY = Family(generate, _parameters, lambda env: (TEXT,), RULE_HEIST)
