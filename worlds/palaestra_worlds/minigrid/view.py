"""What an agent sees: the reference's partial view with occlusion, and its two fully observable encodings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from palaestra_worlds.minigrid.state import (
    AGENT,
    CARRYING,
    DIRECTION,
    DOOR,
    EMPTY,
    OPEN,
    RED,
    WALL,
    WALL_CELL,
    X,
    Y,
    cell_color,
    cell_state,
    cell_type,
)


@register_jitable
def direction_x(direction: Any) -> Any:
    """Column step of a facing direction (0 right, 1 down, 2 left, 3 up)."""
    return (1 - direction) * (1 - direction % 2)


@register_jitable
def direction_y(direction: Any) -> Any:
    """Row step of a facing direction."""
    return (2 - direction) * (direction % 2)


@register_jitable
def see_behind(cell: Any) -> Any:
    """Whether light passes a cell: not through walls and doors that are not open."""
    kind = cell_type(cell)
    return (kind != WALL) & ((kind != DOOR) | (cell_state(cell) == OPEN))


@register_jitable
def _spread_right(lit: Any, clear: Any, size: Any) -> Any:
    """Bits reached from `lit` going up through consecutive bits of `clear`."""
    reached = lit & clear
    shift = 1
    while shift < size:
        reached |= clear & (reached << shift)
        clear &= clear << shift
        shift *= 2
    return reached


@register_jitable
def _spread_left(lit: Any, clear: Any, size: Any) -> Any:
    reached = lit & clear
    shift = 1
    while shift < size:
        reached |= clear & (reached >> shift)
        clear &= clear >> shift
        shift *= 2
    return reached


@register_jitable
def _write_row(levels: Any, i: Any, x: Any, y: Any, step_x: Any, step_y: Any, image: Any, row: Any, size: Any) -> Any:
    """Writes one row of the view from cell (x, y) on; the bits of the columns that light passes."""
    width, height = np.uint64(levels.cells.shape[1]), np.uint64(levels.cells.shape[2])
    clear = 0
    for column in range(size):
        cell = np.int32(WALL_CELL)
        # As unsigned numbers, cells left of or above the grid are beyond it too.
        if np.uint64(x) < width and np.uint64(y) < height:
            cell = levels.cells[i, np.uint64(x), np.uint64(y)]
        image[i, column, row, 0] = cell_type(cell)
        image[i, column, row, 1] = cell_color(cell)
        image[i, column, row, 2] = cell_state(cell)
        clear |= np.int64(see_behind(cell)) << column
        x += step_x
        y += step_y
    return clear


@register_jitable
def write_partial_view(levels: Any, i: Any, size: Any, see_through_walls: Any, image: Any) -> None:
    """`gen_obs` of the reference: image is uint8 (N, size, size, 3), the agent in the middle of the bottom row.

    The reference spreads visibility row by row from the agent's row up, sweeping each row first to the right and then
    to the left (`Grid.process_vis`). Here a row is one integer with a bit for each column. Rows are indexed in place
    throughout: a slice of an array costs a counted reference, as much as a third of the whole view.
    """
    direction = levels.status[i, DIRECTION]
    forward_x, forward_y = direction_x(direction), direction_y(direction)
    right_x, right_y = -forward_y, forward_x
    half = size // 2
    all_columns = (1 << size) - 1
    lit = all_columns if see_through_walls else 1 << half
    for ahead in range(size):
        row = size - 1 - ahead
        if lit == 0:
            for column in range(size):
                image[i, column, row, 0] = 0
                image[i, column, row, 1] = 0
                image[i, column, row, 2] = 0
            continue
        x = levels.status[i, X] + forward_x * ahead - right_x * half
        y = levels.status[i, Y] + forward_y * ahead - right_y * half
        clear = _write_row(levels, i, x, y, right_x, right_y, image, row, size)
        if see_through_walls:
            continue
        passed = _spread_right(lit, clear, size) & (all_columns >> 1)
        lit |= passed << 1
        above = passed | passed << 1
        passed = _spread_left(lit, clear, size) & ~1
        lit |= passed >> 1
        above |= passed | passed >> 1
        if lit != all_columns:
            for column in range(size):
                kept = np.uint8(0) - np.uint8(lit >> column & 1)
                image[i, column, row, 0] &= kept
                image[i, column, row, 1] &= kept
                image[i, column, row, 2] &= kept
        lit = above
    carried = levels.status[i, CARRYING]
    if carried == 0:
        carried = np.int32(EMPTY)
    image[i, half, size - 1, 0] = cell_type(carried)
    image[i, half, size - 1, 1] = cell_color(carried)
    image[i, half, size - 1, 2] = cell_state(carried)


@register_jitable
def write_full_view(levels: Any, i: Any, image: Any) -> None:
    """`FullyObsWrapper` of the reference: image is uint8 (N, width, height, 3)."""
    for x in range(levels.cells.shape[1]):
        for y in range(levels.cells.shape[2]):
            cell = levels.cells[i, x, y]
            image[i, x, y, 0] = cell_type(cell)
            image[i, x, y, 1] = cell_color(cell)
            image[i, x, y, 2] = cell_state(cell)
    x, y = levels.status[i, X], levels.status[i, Y]
    image[i, x, y, 0] = AGENT
    image[i, x, y, 1] = RED
    image[i, x, y, 2] = levels.status[i, DIRECTION]


@register_jitable
def write_symbolic_view(levels: Any, i: Any, image: Any) -> None:
    """`SymbolicObsWrapper` of the reference: image is int64 (N, width, height, 3) of x, y, object type (-1: none)."""
    for x in range(levels.cells.shape[1]):
        for y in range(levels.cells.shape[2]):
            kind = cell_type(levels.cells[i, x, y])
            image[i, x, y, 0] = x
            image[i, x, y, 1] = y
            image[i, x, y, 2] = -1 if kind == EMPTY else kind
    image[i, levels.status[i, X], levels.status[i, Y], 2] = AGENT
