"""What a player sees: rays from the eyes over the sphere, each up to the first thing that hides what is behind it.

What was seen is kept in a map of the world that is unknown at first. Controllers read that map, never the world.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import in_pieces, kernel
from palaestra_worlds.overworld.constants import LAVA
from palaestra_worlds.overworld.state import FACING, HEIGHT, SIDE, STEPS, Levels, X, Y, Z
from palaestra_worlds.overworld.tables import SOLID, Tables

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


@register_jitable
def follow(blocks: Any, flags: Any, x: Any, z: Any, y: Any, dx: Any, dz: Any, dy: Any, seen: Any, counts: Any) -> Any:
    """Follows one ray from the eyes of somebody whose feet are at (x, z, y): how far it went, and the block it met, 0
    for none. Writes all that it passes to `seen`, if that is not empty."""
    a, b, c = np.int64(x), np.int64(z), np.int64(y + 1)
    step_x, step_z, step_y = (1 if dx > 0 else -1), (1 if dz > 0 else -1), (1 if dy > 0 else -1)
    per_x, per_z, per_y = 1.0 / max(abs(dx), 1e-9), 1.0 / max(abs(dz), 1e-9), 1.0 / max(abs(dy), 1e-9)
    to_x, to_z = 0.5 * per_x, 0.5 * per_z
    to_y = (2.0 - EYES if dy > 0 else EYES - 1.0) * per_y
    gone = 0.0
    while gone <= RANGE:
        if not (0 <= a < SIDE and 0 <= b < SIDE and 0 <= c < HEIGHT):
            return RANGE, 0
        block = np.int64(blocks[a, b, c])
        if len(seen) > 0:
            was = np.int64(seen[a, b, c])
            if was != block + 1:
                counts[was] -= 1
                counts[block + 1] += 1
                seen[a, b, c] = block + 1
        if flags[block, SOLID] or block == LAVA:
            return gone, block
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
    return RANGE, 0


def _look(
    blocks: Any, x: Any, z: Any, y: Any, flags: Any, rays: Any, first: Any, stride: Any, seen: Any, counts: Any
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
    """
    for k in range(first, rays.shape[0], stride):
        follow(blocks, flags, x, z, y, rays[k, 0], rays[k, 1], rays[k, 2], seen, counts)


@cache
def look_kernel() -> Callable[..., None]:
    """`look(blocks, x, z, y, flags, rays, first, stride, seen, counts)`, see `_look`."""
    return kernel(_look, "overworld-sight")


def _lidar(
    begin: Any, end: Any, levels: Any, chosen: Any, flags: Any, rays: Any, shown: Any, nothing: Any, target: Any
) -> None:
    """What the rays of environments begin ... end - 1 meet, where `chosen` holds.

    Args:
        levels: of the batch.
        chosen: (N,) bool.
        flags: of blocks, as `Tables.blocks`.
        rays: (R, 3), turned with the player.
        shown: (B,), how a block is shown.
        nothing: an empty map, and empty counts.
        target: (N, R, 2) written: distance as a share of RANGE, and what is met, 0 for nothing.
    """
    for i in range(begin, end):
        if not chosen[i]:
            continue
        x, z, y, facing = levels.status[i, X], levels.status[i, Z], levels.status[i, Y], levels.status[i, FACING]
        beside = (facing + 1) % 4
        for k in range(rays.shape[0]):
            dx = rays[k, 0] * STEPS[beside, 0] + rays[k, 1] * STEPS[facing, 0]
            dz = rays[k, 0] * STEPS[beside, 1] + rays[k, 1] * STEPS[facing, 1]
            far, block = follow(levels.blocks[i], flags, x, z, y, dx, dz, rays[k, 2], nothing[0], nothing[1])
            target[i, k, 0] = far / RANGE
            target[i, k, 1] = shown[block] if block > 0 else 0


@cache
def lidar_kernel() -> Callable[..., None]:
    """`lidar(begin, end, levels, chosen, flags, rays, shown, nothing, target)`, see `_lidar`."""
    return kernel(_lidar, "overworld-lidar")


def write_lidar(
    levels: Levels,
    chosen: NDArray[np.bool_],
    tables: Tables,
    shown: NDArray[np.uint16],
    target: NDArray[np.float32],
    threads: int,
) -> None:
    """Writes what the chosen environments' rays meet to `target` (N, R, 2), see `_lidar`."""
    rays = directions(target.shape[1])
    nothing = np.zeros((0, 0, 0), np.uint16), np.zeros(0, np.int64)

    def write(begin: int, end: int) -> None:
        lidar_kernel()(begin, end, levels, chosen, tables.blocks, rays, shown, nothing, target)

    in_pieces(write, len(chosen), threads)
