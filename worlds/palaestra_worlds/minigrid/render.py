"""Pictures of a level, drawn by the reference's own tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from minigrid.core.grid import Grid
from minigrid.core.world_object import WorldObj
from numpy.typing import NDArray

from palaestra_worlds.minigrid.state import (
    CARRYING,
    DIRECTION,
    EMPTY_CELL,
    Levels,
    X,
    Y,
    cell_color,
    cell_inside,
    cell_state,
    cell_type,
)

TILE_SIZE = 32
"""Pixels of a cell."""


def to_reference(reference: Any, levels: Levels, index: int) -> None:
    """Puts the state of one environment into an instance of the reference class."""
    cells = levels.cells[index]
    status = levels.status[index]
    reference.grid = Grid(*cells.shape)
    for x, y in np.ndindex(*cells.shape):
        reference.grid.set(x, y, to_object(int(cells[x, y])))
    reference.agent_pos = (int(status[X]), int(status[Y]))
    reference.agent_dir = int(status[DIRECTION])
    reference.carrying = to_object(int(status[CARRYING])) if status[CARRYING] else None


def to_object(cell: int) -> WorldObj | None:
    """The reference's object for a cell code, with what a box holds; None for an empty cell."""
    if cell == EMPTY_CELL:
        return None
    thing = WorldObj.decode(cell_type(cell), cell_color(cell), cell_state(cell))
    if thing is not None and thing.can_pickup():
        thing.contains = to_object(cell_inside(cell))  # pyright: ignore[reportAttributeAccessIssue]
    return thing


def render_level(reference: Any, levels: Levels, index: int) -> NDArray[np.uint8]:
    """The whole level with the agent's view highlighted, uint8 (32 * height, 32 * width, 3)."""
    to_reference(reference, levels, index)
    return np.asarray(reference.get_frame(highlight=True, tile_size=TILE_SIZE), dtype=np.uint8)
