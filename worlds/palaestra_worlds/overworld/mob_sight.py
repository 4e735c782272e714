"""Which mobs are in sight: those to whose middle a line from the eyes meets nothing solid."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import in_pieces, kernel
from palaestra_worlds.overworld.mob_kinds import ALL_MOBS
from palaestra_worlds.overworld.sight import EYES, RANGE, directions, follow
from palaestra_worlds.overworld.state import FACING, KIND, MOB_X, MOB_Y, MOB_Z, STEPS, Levels, X, Y, Z
from palaestra_worlds.overworld.tables import TALL, Tables, tables

NEAREST = 8
"""Mobs that a learner sees at a time."""
MIDDLES = np.array([0.0, 0.4, 0.7, 1.4])
"""How high the middle of a mob is, by the cells that it is tall; none of them fills its cells."""
HIDDEN = np.float32(np.inf)


class SeenMob(NamedTuple):
    """A mob in sight.

    Attributes:
        kind: e.g. "cow".
        cell: x, z, y of its feet.
        tall: cells that it is tall.
        distance: from the eyes to its middle, in cells.
        place: number of the mob, by which the same one is known while it lives.
    """

    kind: str
    cell: tuple[int, int, int]
    tall: int
    distance: float
    place: int


@register_jitable
def _distance(levels: Any, i: Any, flags: Any, kinds: Any, k: Any, nothing: Any) -> Any:
    """From the eyes to the middle of a mob, or HIDDEN."""
    kind = levels.mobs[i, k, KIND]
    if kind == 0:
        return HIDDEN
    x, z, y = levels.status[i, X], levels.status[i, Z], levels.status[i, Y]
    dx, dz = np.float64(levels.mobs[i, k, MOB_X] - x), np.float64(levels.mobs[i, k, MOB_Z] - z)
    dy = levels.mobs[i, k, MOB_Y] - y + MIDDLES[kinds[kind, TALL]] - EYES
    far = math.sqrt(dx * dx + dz * dz + dy * dy)
    if far > RANGE:
        return HIDDEN
    gone, block = follow(levels.blocks[i], flags, x, z, y, dx / far, dz / far, dy / far, nothing[0], nothing[1])
    return np.float32(far) if block == 0 or gone > far - 0.5 else HIDDEN


def _watch(begin: Any, end: Any, levels: Any, chosen: Any, flags: Any, kinds: Any, nothing: Any, found: Any) -> None:
    """How far the mobs in sight of environments begin ... end - 1 are, where `chosen` holds.

    Args:
        levels: of the batch.
        chosen: (N,) bool.
        flags, kinds: `Tables.blocks` and `Tables.mobs`.
        nothing: an empty map, and empty counts.
        found: (N, places) float32, written: cells, HIDDEN where none is in sight.
    """
    for i in range(begin, end):
        if chosen[i]:
            for k in range(found.shape[1]):
                found[i, k] = _distance(levels, i, flags, kinds, k, nothing)


@cache
def watch_kernel() -> Callable[..., None]:
    """`watch(begin, end, levels, chosen, flags, kinds, nothing, found)`, see `_watch`."""
    return kernel(_watch, "overworld-mobs")


def distances(levels: Levels, chosen: NDArray[np.bool_], tables: Tables, threads: int = 1) -> NDArray[np.float32]:
    """(N, places): cells to each mob in sight of the chosen environments, HIDDEN for the rest."""
    found = np.full(levels.mobs.shape[:2], HIDDEN, np.float32)
    nothing = np.zeros((0, 0, 0), np.uint16), np.zeros(0, np.int64)

    def watch(begin: int, end: int) -> None:
        watch_kernel()(begin, end, levels, chosen, tables.blocks, tables.mobs, nothing, found)

    in_pieces(watch, len(chosen), threads)
    return found


def write_mobs(
    levels: Levels, chosen: NDArray[np.bool_], tables: Tables, target: NDArray[np.float32], threads: int
) -> None:
    """Writes the NEAREST mobs in sight of the chosen environments, the nearest first.

    Args:
        levels: of the batch.
        chosen: (N,).
        tables: of the rules' data.
        target: (N, NEAREST, 3 + kinds) written: how far to the right, ahead and above the feet as shares of RANGE, and
            a one in the column of its kind; zeros where there are fewer.
        threads: to look on.
    """
    rows = np.flatnonzero(chosen)
    far = distances(levels, chosen, tables, threads)[rows]
    nearest = np.argsort(far, axis=1, kind="stable")[:, :NEAREST]
    mobs = np.take_along_axis(levels.mobs[rows], nearest[:, :, None], axis=1)
    status = levels.status[rows]
    ahead, right = STEPS[status[:, FACING]][:, None], STEPS[(status[:, FACING] + 1) % 4][:, None]
    level = mobs[:, :, [MOB_X, MOB_Z]] - status[:, None, [X, Z]]
    found = np.zeros((*nearest.shape, target.shape[2]), np.float32)
    found[:, :, 0], found[:, :, 1] = (level * right).sum(axis=2), (level * ahead).sum(axis=2)
    found[:, :, 2] = mobs[:, :, MOB_Y] - status[:, None, Y]
    found[:, :, :3] /= RANGE
    np.put_along_axis(found[:, :, 3:], np.maximum(mobs[:, :, KIND] - 1, 0)[:, :, None], 1.0, axis=2)
    found[~np.isfinite(np.take_along_axis(far, nearest, axis=1))] = 0.0
    target[rows] = found


@register_jitable
def _reaches(dx: Any, low: Any, high: Any, near: Any, far: Any) -> Any:
    """The part of a ray between `near` and `far` cells that lies between two planes across an axis."""
    if abs(dx) < 1e-9:
        return (near, far) if low <= 0.0 <= high else (near, -1.0)
    first, second = low / dx, high / dx
    return max(near, min(first, second)), min(far, max(first, second))


def _meet(begin: Any, end: Any, levels: Any, chosen: Any, kinds: Any, rays: Any, number: Any, target: Any) -> None:
    """Where rays meet a mob before a block, writes that.

    Args:
        begin, end, levels, chosen: as for `_watch`.
        kinds: `Tables.mobs`.
        rays: (R, 3), turned with the player.
        number: what a mob of the first kind is shown as; the other kinds follow.
        target: (N, R, 2), as `sight.write_lidar` has written it; changed.
    """
    for i in range(begin, end):
        if not chosen[i]:
            continue
        facing = levels.status[i, FACING]
        beside = (facing + 1) % 4
        for place in range(levels.mobs.shape[1]):
            kind = levels.mobs[i, place, KIND]
            x, z = (
                levels.mobs[i, place, MOB_X] - levels.status[i, X],
                levels.mobs[i, place, MOB_Z] - levels.status[i, Z],
            )
            y = levels.mobs[i, place, MOB_Y] - levels.status[i, Y] - EYES
            if kind == 0 or max(abs(x), abs(z), abs(y)) > RANGE:
                continue
            for k in range(rays.shape[0]):
                dx = rays[k, 0] * STEPS[beside, 0] + rays[k, 1] * STEPS[facing, 0]
                dz = rays[k, 0] * STEPS[beside, 1] + rays[k, 1] * STEPS[facing, 1]
                near, far = _reaches(dx, x - 0.5, x + 0.5, 0.0, RANGE * target[i, k, 0])
                near, far = _reaches(dz, z - 0.5, z + 0.5, near, far)
                near, far = _reaches(rays[k, 2], y, y + 2.0 * MIDDLES[kinds[kind, TALL]], near, far)
                if near < far:
                    target[i, k, 0] = near / RANGE
                    target[i, k, 1] = number + kind - 1


@cache
def meet_kernel() -> Callable[..., None]:
    """`meet(begin, end, levels, chosen, kinds, rays, number, target)`, see `_meet`."""
    return kernel(_meet, "overworld-mob-rays")


def write_mobs_met(
    levels: Levels, chosen: NDArray[np.bool_], tables: Tables, number: int, target: NDArray[np.float32], threads: int
) -> None:
    """Puts the mobs that the chosen environments' rays meet over the blocks behind them, see `_meet`."""
    rays = directions(target.shape[1])

    def meet(begin: int, end: int) -> None:
        meet_kernel()(begin, end, levels, chosen, tables.mobs, rays, number, target)

    in_pieces(meet, len(chosen), threads)


def mobs_in_sight(levels: Levels, index: int) -> list[SeenMob]:
    """The mobs that the player of one environment sees, the nearest first."""
    if not levels.mobs.shape[1]:
        return []
    chosen = np.zeros(len(levels.status), np.bool_)
    chosen[index] = True
    far = distances(levels, chosen, tables())[index]
    found: list[SeenMob] = []
    for place in np.argsort(far, kind="stable").tolist():
        if np.isfinite(far[place]):
            row = levels.mobs[index, place]
            cell = int(row[MOB_X]), int(row[MOB_Z]), int(row[MOB_Y])
            tall = int(tables().mobs[row[KIND], TALL])
            found.append(SeenMob(ALL_MOBS[row[KIND] - 1], cell, tall, float(far[place]), place))
    return found
