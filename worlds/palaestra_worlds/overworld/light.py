"""How light it is in each cell: from the sky, and from torches and the like."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.overworld.state import HEIGHT, SIDE
from palaestra_worlds.overworld.tables import LIGHT, OPAQUE, Tables

BRIGHTEST = 15


def _shine(blocks: Any, flags: Any, sky: Any, lamps: Any, cells: Any) -> None:
    """Light that goes on from cell to cell, one less each time.

    Args:
        blocks: (SIDE, SIDE, HEIGHT).
        flags: `Tables.blocks`.
        sky, lamps: (SIDE, SIDE, HEIGHT) uint8 of zeros, written.
        cells: (2, SIDE * SIDE * HEIGHT) int64, working space.
    """
    for part in range(2):
        light = sky if part == 0 else lamps
        count = 0
        for x in range(SIDE):
            for z in range(SIDE):
                is_open = True
                for y in range(HEIGHT - 1, -1, -1):
                    block = blocks[x, z, y]
                    if part == 0:
                        is_open = is_open and not flags[block, OPAQUE]
                        level = BRIGHTEST if is_open else 0
                    else:
                        level = flags[block, LIGHT]
                    if level > 0:
                        light[x, z, y] = level
                        cells[0, count] = (x * SIDE + z) * HEIGHT + y
                        count += 1
        now = 0
        while count > 0:
            later = 0
            for k in range(count):
                number = cells[now, k]
                x, z, y = number // (SIDE * HEIGHT), number // HEIGHT % SIDE, number % HEIGHT
                level = light[x, z, y] - 1
                for way in range(6):
                    step = 1 if way % 2 else -1
                    a, b, c = x + step * (way < 2), z + step * (2 <= way < 4), y + step * (way >= 4)
                    if not (0 <= a < SIDE and 0 <= b < SIDE and 0 <= c < HEIGHT):
                        continue
                    if light[a, b, c] < level and not flags[blocks[a, b, c], OPAQUE] and later < cells.shape[1]:
                        light[a, b, c] = level
                        cells[1 - now, later] = (a * SIDE + b) * HEIGHT + c
                        later += 1
            now, count = 1 - now, later


@cache
def _shine_kernel() -> Callable[..., None]:
    return kernel(_shine, "overworld-light")


def light_of(blocks: NDArray[np.uint16], tables: Tables) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Light from the sky at noon, and from lamps: (SIDE, SIDE, HEIGHT) each, 0 to BRIGHTEST."""
    sky, lamps = np.zeros(blocks.shape, np.uint8), np.zeros(blocks.shape, np.uint8)
    _shine_kernel()(blocks, tables.blocks, sky, lamps, np.zeros((2, blocks.size), np.int64))
    return sky, lamps
