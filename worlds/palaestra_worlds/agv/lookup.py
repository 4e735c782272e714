"""What makes floors quick to look at: how much room there is around a cell, and walls and racks as few rectangles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from palaestra_worlds.agv.state import BLOCKED_BITS, MOST_ROOM, ROOM_SHIFT
from palaestra_worlds.compiled import allocating, jitable


@jitable
def cell_at(x: Any, cell: Any) -> Any:
    """The column or row, int, in which a coordinate lies."""
    # On a GPU math.floor gives a float.
    return int(math.floor(x / cell))  # noqa: RUF046


@jitable
def is_blocked(cells: Any, column: Any, row: Any) -> Any:
    """Whether a cell of a floor, uint8 (columns, rows), is a wall or rack; everything outside of it is."""
    if column < 0 or row < 0 or column >= cells.shape[0] or row >= cells.shape[1]:
        return True
    return cells[column, row] & BLOCKED_BITS != 0


@jitable
def room_at(cells: Any, column: Any, row: Any) -> Any:
    """How many cells away the nearest wall or rack is (see `measure_room`); 0 in one, and outside of the floor."""
    if column < 0 or row < 0 or column >= cells.shape[0] or row >= cells.shape[1]:
        return 0
    return np.int64(cells[column, row]) >> ROOM_SHIFT


@jitable
def measure_room(cells: Any) -> None:
    """Writes into the upper bits of each cell how many cells away, diagonals counted as one, the nearest wall or rack
    is: 0 in itself. Beams and vehicles jump over this much free floor at once."""
    columns, rows = cells.shape
    for sweep in range(2):
        back = 1 if sweep == 0 else -1
        for a in range(columns):
            x = a if sweep == 0 else columns - 1 - a
            for b in range(rows):
                y = b if sweep == 0 else rows - 1 - b
                what = np.int64(cells[x, y]) & (1 << ROOM_SHIFT) - 1
                room = 0
                if what & BLOCKED_BITS == 0:
                    beside = min(room_at(cells, x - back, y - 1), room_at(cells, x - back, y + 1))
                    room = 1 + min(beside, min(room_at(cells, x - back, y), room_at(cells, x, y - back)))
                    if sweep == 1:
                        room = min(room, room_at(cells, x, y))
                cells[x, y] = what | min(room, MOST_ROOM) << ROOM_SHIFT


@allocating
def merge_blocks(cells: Any, cell: Any, blocks: Any) -> Any:
    """Covers what is blocked with rectangles, and writes into `blocks` (most, 4) their left, upper, right and lower
    edges in metres.

    Returns:
        How many there are; 0 where they do not fit, because so many are no quicker to look at than the cells.
    """
    columns, rows = cells.shape
    covered = np.zeros((columns, rows), np.bool_)
    count = 0
    for x in range(columns):
        for y in range(rows):
            if covered[x, y] or not is_blocked(cells, x, y):
                continue
            if count == blocks.shape[0]:
                return 0
            high = 1
            while y + high < rows and is_blocked(cells, x, y + high) and not covered[x, y + high]:
                high += 1
            wide = 1
            while _is_strip(cells, x + wide, y, high):
                wide += 1
            for a in range(wide):
                for b in range(high):
                    covered[x + a, y + b] = True
            blocks[count, 0], blocks[count, 1] = x * cell, y * cell
            blocks[count, 2], blocks[count, 3] = (x + wide) * cell, (y + high) * cell
            count += 1
    return count


@jitable
def _is_strip(cells: Any, column: Any, top: Any, high: Any) -> Any:
    """Whether a part of a column is all blocked."""
    count = 0
    for row in range(top, top + high):
        count += is_blocked(cells, column, row)
    return column < cells.shape[0] and count == high
