"""What an agent sees: the reference's partial view with occlusion, and its two fully observable encodings."""

from __future__ import annotations

from typing import Any

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
    return kind != WALL and (kind != DOOR or cell_state(cell) == OPEN)


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
def write_partial_view(levels: Any, i: Any, size: Any, see_through_walls: Any, image: Any) -> None:
    """`gen_obs` of the reference: image is uint8 (size, size, 3), the agent at the middle of the bottom row.

    The reference spreads visibility row by row from the agent's row up, sweeping each row first to the right and then
    to the left (`Grid.process_vis`). Here a row is one integer with a bit for each column.
    """
    width, height = levels.cells.shape[1], levels.cells.shape[2]
    status = levels.status[i]
    cells = levels.cells[i]
    direction = status[DIRECTION]
    forward_x, forward_y = direction_x(direction), direction_y(direction)
    right_x, right_y = -forward_y, forward_x
    all_columns = (1 << size) - 1
    lit = all_columns if see_through_walls else 1 << (size // 2)
    for row in range(size - 1, -1, -1):
        ahead = size - 1 - row
        x = status[X] + forward_x * ahead - right_x * (size // 2)
        y = status[Y] + forward_y * ahead - right_y * (size // 2)
        clear = 0
        for column in range(size):
            inside = x >= 0 and y >= 0 and x < width and y < height
            cell = cells[x, y] if inside else WALL_CELL
            image[column, row, 0] = cell_type(cell)
            image[column, row, 1] = cell_color(cell)
            image[column, row, 2] = cell_state(cell)
            if see_behind(cell):
                clear |= 1 << column
            x += right_x
            y += right_y
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
                if not lit >> column & 1:
                    image[column, row, 0] = 0
                    image[column, row, 1] = 0
                    image[column, row, 2] = 0
        lit = above
    carried = status[CARRYING] if status[CARRYING] != 0 else EMPTY
    image[size // 2, size - 1, 0] = cell_type(carried)
    image[size // 2, size - 1, 1] = cell_color(carried)
    image[size // 2, size - 1, 2] = cell_state(carried)


@register_jitable
def write_full_view(levels: Any, i: Any, image: Any) -> None:
    """`FullyObsWrapper` of the reference: image is uint8 (width, height, 3)."""
    cells = levels.cells[i]
    for x in range(cells.shape[0]):
        for y in range(cells.shape[1]):
            cell = cells[x, y]
            image[x, y, 0] = cell_type(cell)
            image[x, y, 1] = cell_color(cell)
            image[x, y, 2] = cell_state(cell)
    x, y = levels.status[i, X], levels.status[i, Y]
    image[x, y, 0] = AGENT
    image[x, y, 1] = RED
    image[x, y, 2] = levels.status[i, DIRECTION]


@register_jitable
def write_symbolic_view(levels: Any, i: Any, image: Any) -> None:
    """`SymbolicObsWrapper` of the reference: image is int64 (width, height, 3) of x, y and object type, -1 for none."""
    cells = levels.cells[i]
    for x in range(cells.shape[0]):
        for y in range(cells.shape[1]):
            kind = cell_type(cells[x, y])
            image[x, y, 0] = x
            image[x, y, 1] = y
            image[x, y, 2] = -1 if kind == EMPTY else kind
    image[levels.status[i, X], levels.status[i, Y], 2] = AGENT
