"""How the engine lays out a batch of MiniGrid levels: one row of plain arrays per environment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.random_streams import NUM_RANDOM

# Object types, colours and door states, as minigrid.core.constants numbers them.
UNSEEN, EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA, AGENT = range(11)
RED, GREEN, BLUE, PURPLE, YELLOW, GREY = range(6)
OPEN, CLOSED, LOCKED = range(3)

COLORS_BY_NAME = np.array([BLUE, GREEN, GREY, PURPLE, RED, YELLOW], dtype=np.int32)
"""minigrid's COLOR_NAMES (alphabetical) as colour numbers: what its `_rand_color` indexes."""

LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)
"""Actions, as minigrid.core.actions numbers them."""

# Columns of `Levels.status`.
X, Y, DIRECTION, CARRYING, STEP, MISSION, TARGET_X, TARGET_Y, REGISTER_A, REGISTER_B, REGISTER_C, REGISTER_D = range(12)
SETTINGS, NUM_SETTINGS = 12, 4
"""First column and number of those that hold what the running task sets in the level, for families that can be set;
zeros: nothing."""
OBSTACLES = 16
"""First of MAX_OBSTACLES columns: where each moving obstacle is, x | y << 16."""
MAX_OBSTACLES = 16
NUM_STATUS = OBSTACLES + MAX_OBSTACLES

NUM_SCRATCH = 512

# A cell is one int32: type | colour << 4 | state << 8 | type and colour of what a box holds << 12, 16 | identity << 20.
COLOR_SHIFT, STATE_SHIFT, INSIDE_TYPE_SHIFT, INSIDE_COLOR_SHIFT, IDENTITY_SHIFT = 4, 8, 12, 16, 20

EMPTY_CELL = EMPTY
"""Nothing there. (0 is never in a level's `cells`; as CARRYING it means nothing is carried.)"""
WALL_CELL = WALL | GREY << COLOR_SHIFT
GOAL_CELL = GOAL | GREEN << COLOR_SHIFT
LAVA_CELL = LAVA | RED << COLOR_SHIFT

TARGET = 1
"""Identity of the one object that the mission is about (0: no identity). Some families number further objects."""


class Levels(NamedTuple):
    """The levels of N environments; a compiled function for environment i touches row i only."""

    cells: NDArray[np.int32]
    """(N, width, height), indexed [i, x, y] like the reference's image."""
    status: NDArray[np.int32]
    """(N, NUM_STATUS)."""
    random: NDArray[np.uint64]
    """(N, NUM_RANDOM): each environment's own np_random."""
    scratch: NDArray[np.int32]
    """(N, NUM_SCRATCH): working space of level generators; holds nothing between calls."""


def allocate(num_envs: int, width: int, height: int) -> Levels:
    """Levels full of empty cells."""
    return Levels(
        cells=np.full((num_envs, width, height), EMPTY_CELL, dtype=np.int32),
        status=np.zeros((num_envs, NUM_STATUS), dtype=np.int32),
        random=np.zeros((num_envs, NUM_RANDOM), dtype=np.uint64),
        scratch=np.zeros((num_envs, NUM_SCRATCH), dtype=np.int32),
    )


@register_jitable
def make_cell(kind: Any, color: Any, state: Any = 0, inside: Any = 0, identity: Any = 0) -> Any:
    """Packs an object; `inside` is the cell code of what a box holds (0: nothing)."""
    return np.int32(
        kind
        | color << COLOR_SHIFT
        | state << STATE_SHIFT
        | (inside & 0xFF) << INSIDE_TYPE_SHIFT
        | identity << IDENTITY_SHIFT
    )


@register_jitable
def cell_type(cell: Any) -> Any:
    return cell & 0xF


@register_jitable
def cell_color(cell: Any) -> Any:
    return cell >> COLOR_SHIFT & 0xF


@register_jitable
def cell_state(cell: Any) -> Any:
    return cell >> STATE_SHIFT & 0xF


@register_jitable
def cell_inside(cell: Any) -> Any:
    """Cell code of what a box holds, EMPTY_CELL if nothing: what lies there once it is opened."""
    inside = cell >> INSIDE_TYPE_SHIFT & 0xFF
    return inside if inside != 0 else EMPTY_CELL


@register_jitable
def cell_identity(cell: Any) -> Any:
    return cell >> IDENTITY_SHIFT
