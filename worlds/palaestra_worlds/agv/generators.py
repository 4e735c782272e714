"""Floors that are generated: aisles of racks, rooms with doorways, mazes, and open floor with clutter."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.agv.state import AISLES, CLUTTER, FREE, MAZE, RACK, ROOMS, WALL
from palaestra_worlds.compiled import allocating, jitable
from palaestra_worlds.random_streams import random_double, random_integer


@jitable
def fill(cells: Any, left: Any, top: Any, columns: Any, rows: Any, what: Any) -> None:
    """A rectangle of cells."""
    for x in range(left, left + columns):
        for y in range(top, top + rows):
            cells[x, y] = what


@jitable
def empty_hall(cells: Any, columns: Any, rows: Any) -> None:
    """Free floor with walls around it."""
    fill(cells, 0, 0, cells.shape[0], cells.shape[1], WALL)
    fill(cells, 1, 1, columns - 2, rows - 2, FREE)


@jitable
def aisles(cells: Any, random: Any, i: Any, columns: Any, rows: Any, density: Any) -> None:
    """Rows of racks one cell deep with aisles of two cells between them; a share of the racks is missing."""
    length = 4
    for y in range(3, rows - 3, 3):
        x = 2 + random_integer(random, i, 0, 3)
        while x + length <= columns - 2:
            if random_double(random, i) < 0.4 + 0.6 * density:
                fill(cells, x, y, length, 1, RACK)
            # Now and then a way across.
            x += length if random_double(random, i) < density else length + 2


@jitable
def rooms(cells: Any, random: Any, i: Any, columns: Any, rows: Any, density: Any) -> None:
    """Walls across the floor, the more the denser, each with a doorway for every room that it bounds."""
    side = 9 - int(4 * density)
    across, down = max(1, (columns - 1) // side), max(1, (rows - 1) // side)
    for a in range(1, across):
        fill(cells, columns * a // across, 1, 1, rows - 2, WALL)
    for d in range(1, down):
        fill(cells, 1, rows * d // down, columns - 2, 1, WALL)
    for a in range(across):
        left, right = columns * a // across, columns * (a + 1) // across
        for d in range(down):
            top, bottom = rows * d // down, rows * (d + 1) // down
            if a + 1 < across:
                y = top + 1 + random_integer(random, i, 0, max(bottom - top - 2, 1))
                fill(cells, right, y, 1, min(2, bottom - y), FREE)
            if d + 1 < down:
                x = left + 1 + random_integer(random, i, 0, max(right - left - 2, 1))
                fill(cells, x, bottom, min(2, right - x), 1, FREE)


@allocating
def maze(cells: Any, random: Any, i: Any, columns: Any, rows: Any, density: Any) -> None:
    """Corridors of two cells between walls of one: a random tree, and openings in it, the more the less dense."""
    across, down = (columns - 1) // 3, (rows - 1) // 3
    fill(cells, 1, 1, columns - 2, rows - 2, WALL)
    seen = np.zeros((across, down), np.bool_)
    stack = np.empty((across * down, 2), np.int64)
    x, y = random_integer(random, i, 0, across), random_integer(random, i, 0, down)
    seen[x, y] = True
    fill(cells, 1 + 3 * x, 1 + 3 * y, 2, 2, FREE)
    stack[0, 0], stack[0, 1] = x, y
    depth = 1
    while depth > 0:
        x, y = stack[depth - 1, 0], stack[depth - 1, 1]
        turn = random_integer(random, i, 0, 4)
        grew = False
        for side in range(4):
            way = (turn + side) % 4
            to_x, to_y = x + (way == 0) - (way == 1), y + (way == 2) - (way == 3)
            if 0 <= to_x < across and 0 <= to_y < down and not seen[to_x, to_y]:
                seen[to_x, to_y] = True
                _open_between(cells, x, y, to_x, to_y)
                stack[depth, 0], stack[depth, 1] = to_x, to_y
                depth += 1
                grew = True
                break
        if not grew:
            depth -= 1
    for x in range(across - 1):
        for y in range(down - 1):
            if random_double(random, i) < 0.5 * (1.0 - density):
                _open_between(cells, x, y, x + 1, y)


@jitable
def _open_between(cells: Any, x: Any, y: Any, to_x: Any, to_y: Any) -> None:
    left, top = 1 + 3 * min(x, to_x), 1 + 3 * min(y, to_y)
    fill(cells, left, top, 2 + 3 * abs(x - to_x), 2 + 3 * abs(y - to_y), FREE)


@jitable
def clutter(cells: Any, random: Any, i: Any, columns: Any, rows: Any, density: Any) -> None:
    """Pallets of one to three cells, up to a third of the floor."""
    wanted = int(density * (columns - 2) * (rows - 2) / 12)
    for _ in range(wanted):
        wide = 1 + random_integer(random, i, 0, 3)
        high = 1 + random_integer(random, i, 0, 3)
        x = 1 + random_integer(random, i, 0, max(columns - 1 - wide, 1))
        y = 1 + random_integer(random, i, 0, max(rows - 1 - high, 1))
        fill(cells, x, y, min(wide, columns - 1 - x), min(high, rows - 1 - y), RACK)


GENERATORS = {AISLES: aisles, ROOMS: rooms, MAZE: maze, CLUTTER: clutter}
"""By kind: each fills an empty hall, of so many columns and rows, out of environment i's random stream."""
