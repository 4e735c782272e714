"""What a player sees: rays from the eyes over the sphere, each up to the first thing that hides what is behind it.

What was seen is kept in a map of the world that is unknown at first. Controllers read that map, never the world.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.overworld.constants import LAVA
from palaestra_worlds.overworld.state import HEIGHT, SIDE
from palaestra_worlds.overworld.tables import SOLID

UNKNOWN = 0
"""In the map of what was seen; a block's number + 1 stands for the block."""
RAYS, SETS = 6000, 2
"""Directions over the sphere, 2.6 degrees apart; of them, every second is looked along at a time."""
RANGE = 40.0
"""Cells."""
EYES = 1.62
"""Above the feet, as in the game."""


@cache
def directions(count: int = RAYS) -> NDArray[np.float64]:
    """(count, 3): unit vectors along x, z, y, evenly over the sphere by the golden angle."""
    number = np.arange(count) + 0.5
    up = 1.0 - 2.0 * number / count
    around = np.pi * (1.0 + 5.0**0.5) * number
    level = np.sqrt(1.0 - up * up)
    return np.stack([level * np.cos(around), level * np.sin(around), up], axis=1)


def new_map() -> NDArray[np.uint16]:
    """(SIDE, SIDE, HEIGHT), indexed [x, z, y]: nothing seen."""
    return np.full((SIDE, SIDE, HEIGHT), UNKNOWN, np.uint16)


def _look(
    blocks: Any,
    x: Any,
    z: Any,
    y: Any,
    flags: Any,
    rays: Any,
    first: Any,
    stride: Any,
    seen: Any,
    counts: Any,
    distances: Any,
    hits: Any,
) -> None:
    """Looks along every `stride`-th ray.

    Args:
        blocks: (SIDE, SIDE, HEIGHT), the true world.
        x, z, y: of the feet.
        flags: of blocks, as `Tables.blocks`.
        rays: (R, 3).
        first, stride: rays first, first + stride, ...
        seen: the map that is written to.
        counts: (blocks + 1,), how many cells of the map have each value; kept up.
        distances, hits: (R,) written: how far each ray went, and the block it met, 0 for none; empty: not wanted.
    """
    for k in range(first, rays.shape[0], stride):
        dx, dz, dy = rays[k, 0], rays[k, 1], rays[k, 2]
        a, b, c = np.int64(x), np.int64(z), np.int64(y + 1)
        step_x, step_z, step_y = (1 if dx > 0 else -1), (1 if dz > 0 else -1), (1 if dy > 0 else -1)
        per_x, per_z, per_y = 1.0 / max(abs(dx), 1e-9), 1.0 / max(abs(dz), 1e-9), 1.0 / max(abs(dy), 1e-9)
        to_x, to_z = 0.5 * per_x, 0.5 * per_z
        to_y = (2.0 - EYES if dy > 0 else EYES - 1.0) * per_y
        gone = 0.0
        hit = 0
        while gone <= RANGE:
            if not (0 <= a < SIDE and 0 <= b < SIDE and 0 <= c < HEIGHT):
                gone = RANGE
                break
            block = np.int64(blocks[a, b, c])
            was = np.int64(seen[a, b, c])
            if was != block + 1:
                counts[was] -= 1
                counts[block + 1] += 1
                seen[a, b, c] = block + 1
            if flags[block, SOLID] or block == LAVA:
                hit = block
                break
            if to_x <= to_z and to_x <= to_y:
                gone = to_x
                to_x += per_x
                a += step_x
            elif to_z <= to_y:
                gone = to_z
                to_z += per_z
                b += step_z
            else:
                gone = to_y
                to_y += per_y
                c += step_y
        if len(hits) > 0:
            distances[k], hits[k] = min(gone, RANGE), hit


@cache
def look_kernel() -> Callable[..., None]:
    """`look(blocks, x, z, y, flags, rays, first, stride, seen, counts, distances, hits)`, see `_look`."""
    return kernel(_look, "overworld-sight")
