"""Noise at every cell of the world at once, fast and nearly exact.

A slice is the noise at one height. Instead of asking for each cell which lattice points are near, every lattice point
is added to the cells around it, sixteen to an instruction. Where the points lie does not depend on the seed, so the
rows of cells that each reaches are listed once.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import inlined
from palaestra_worlds.crafter.noise import GRADIENTS, NORM, gradient_of
from palaestra_worlds.crafter.state import AREA

BLOCK = 16
"""Cells computed together: those of a row that a point reaches are made a multiple of it."""
WIDTH = AREA + BLOCK
"""Length of a row of cells, with room for what blocks have too many."""
TOLERANCE = 1.5e-4
"""More than a map of one slice of weight 1 ever differs from `noise3`. Numbers are float32, which makes less than 1e-6
of it. The rest is opensimplex's: at some places it leaves out one point more, which hardly reaches them; the most that
such a point brings is 1.3e-4."""
_REACH = 2.0

_GRADIENTS = (GRADIENTS / NORM).astype(np.float32)
_ZERO = np.float32(0)


class Slice(NamedTuple):
    """Where the world's cells lie in the noise: cell (x, y) is at (x * x_step, y * y_step, height)."""

    x_step: float
    y_step: float
    height: int
    weight: float = 1.0
    radius: int = AREA
    """Cells that are needed around the world's centre."""
    transposed: bool = False
    """Indexed [y, x], which is faster where the noise is stretched along x."""


class Slices(NamedTuple):
    """Lattice points and the rows of cells that they reach, over all slices."""

    steps: NDArray[np.float32]
    """(S,): the way in the noise between the cells of a row."""
    weights: NDArray[np.float32]
    """(S,)."""
    transposed: NDArray[np.bool_]
    """(S,)."""
    first_point: NDArray[np.int32]
    """(S + 1,)."""
    points: NDArray[np.int32]
    """(P, 4): lattice steps i, j, k; the first of the point's rows."""
    heights: NDArray[np.float32]
    """(P,): from each point up to the slice."""
    rows: NDArray[np.int32]
    """(R, 3): x (y where transposed), the first cell, number of cells."""
    places: NDArray[np.float32]
    """(R, 3): across the row from the point, along the row to the first cell, the square of the reach left."""


@cache
def tabulate(slices: tuple[Slice, ...]) -> Slices:
    """The points of some slices."""
    points: list[tuple[int, int, int, int]] = []
    heights: list[float] = []
    rows: list[tuple[int, int, int]] = []
    places: list[tuple[float, float, float]] = []
    first_point = [0]
    for piece in slices:
        across, along = (piece.y_step, piece.x_step) if piece.transposed else (piece.x_step, piece.y_step)
        for i, j, k in _lattice_points(piece):
            squish = (i + j + k) / 3
            u, v = (j + squish, i + squish) if piece.transposed else (i + squish, j + squish)
            found = _reached(u, v, k + squish - piece.height, across, along, piece.radius)
            if found:
                points.append((i, j, k, len(rows)))
                heights.append(piece.height - k - squish)
                rows += [row for row, _ in found]
                places += [place for _, place in found]
        first_point.append(len(points))
    points.append((0, 0, 0, len(rows)))
    return Slices(
        np.array([piece.x_step if piece.transposed else piece.y_step for piece in slices], dtype=np.float32),
        np.array([piece.weight for piece in slices], dtype=np.float32),
        np.array([piece.transposed for piece in slices]),
        np.array(first_point, dtype=np.int32),
        np.array(points, dtype=np.int32),
        np.array(heights, dtype=np.float32),
        np.array(rows, dtype=np.int32),
        np.array(places, dtype=np.float32),
    )


def _lattice_points(piece: Slice) -> list[tuple[int, int, int]]:
    """Those whose reach touches a slice."""
    farthest = np.array([AREA * piece.x_step, AREA * piece.y_step])
    found = []
    # Each coordinate of a point is its own lattice steps and a third of all three, so the sum doubles.
    for total in range(-6, int((farthest.sum() + piece.height) / 2) + 8):
        third = total / 3
        for k in range(int(piece.height - third) - 3, int(piece.height - third) + 4):
            if (k + third - piece.height) ** 2 >= _REACH:
                continue
            for i in range(int(-third) - 3, int(farthest[0] - third) + 4):
                j = total - i - k
                if -2 < i + third < farthest[0] + 2 and -2 < j + third < farthest[1] + 2:
                    found.append((i, j, k))
    return found


def _reached(
    u: float, v: float, w: float, across: float, along: float, radius: int
) -> list[tuple[tuple[int, int, int], tuple[float, float, float]]]:
    """The rows of cells that a point at (u, v), w above the slice, reaches."""
    low, high = max(0, AREA // 2 - radius), min(AREA - 1, AREA // 2 + radius)
    found = []
    for row in range(low, high + 1):
        left = _REACH - w * w - (row * across - u) ** 2
        if left <= 0:
            continue
        first = max(low, int(np.ceil((v - left**0.5) / along)))
        last = min(high, int(np.floor((v + left**0.5) / along)))
        if first <= last:
            cells = -(-(last - first + 1) // BLOCK) * BLOCK
            found.append(((row, first, cells), (row * across - u, first * along - v, left)))
    return found


@register_jitable(no_cfunc_wrapper=True, error_model="numpy", fastmath={"contract"})
def add_noise(slices: Any, which: Any, permutation: Any, needed: Any, found: Any) -> None:
    """Adds a slice of a seed's noise to a map. A product and a sum may be rounded once instead of twice, which saves a
    fifth of the time and is within the tolerance.

    Args:
        slices: the table.
        which: number of the slice.
        permutation: of the seed.
        needed: (2, AREA): in each row of the map the first cell that is needed, and the one after the last. Others are
            not always filled.
        found: (AREA * WIDTH,) float32, row after row.
    """
    step, weight = slices.steps[which], slices.weights[which]
    for point in range(slices.first_point[which], slices.first_point[which + 1]):
        i, j, k = slices.points[point, 0], slices.points[point, 1], slices.points[point, 2]
        gradient = gradient_of(permutation, i, j, k)
        if slices.transposed[which]:
            across, along = _GRADIENTS[gradient, 1] * weight, _GRADIENTS[gradient, 0] * weight
        else:
            across, along = _GRADIENTS[gradient, 0] * weight, _GRADIENTS[gradient, 1] * weight
        up = _GRADIENTS[gradient, 2] * weight * slices.heights[point]
        for r in range(slices.points[point, 3], slices.points[point + 1, 3]):
            row, first, count = slices.rows[r, 0], slices.rows[r, 1], slices.rows[r, 2]
            if first < needed[1, row] and first + count > needed[0, row]:
                start = up + across * slices.places[r, 0]
                cell = row * WIDTH + first
                _add_to_row(found, cell, count, slices.places[r, 1], slices.places[r, 2], start, along, step)


@inlined
def _add_to_row(found: Any, first: Any, count: Any, place: Any, left: Any, start: Any, along: Any, step: Any) -> None:
    """Adds a point to some cells. Unsigned indices and numbers of 32 bits let it use vectors; a loop over blocks of
    known length would be unrolled into single numbers instead."""
    for cell in range(count):
        d = place + np.float32(np.int32(cell)) * step
        near = left - d * d
        near = near if near > _ZERO else _ZERO
        near *= near
        found[np.uint64(first) + np.uint64(cell)] += near * near * (start + along * d)
