"""Noise at every cell of the world at once, fast and nearly exact.

A slice is the noise at one height. Instead of asking for each cell which lattice points are near, every lattice point
is added to the cells around it, eight to an instruction. Where the points lie does not depend on the seed, so the
cells that each reaches are listed once.
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

BLOCK = 8
"""Cells of a row that are computed together."""
WIDTH = AREA + BLOCK
"""Length of a row of cells, with room for what blocks have too many."""
TILE = 8
"""Side of the squares by which a map is asked for."""
TILES_PER_SIDE = AREA // TILE
EVERYWHERE = np.uint64(2**64 - 1)
"""All tiles: tile (x, y) is bit x * TILES_PER_SIDE + y."""
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

    @property
    def steps(self) -> tuple[float, float]:
        """From row to row of the map, and along a row."""
        return (self.y_step, self.x_step) if self.transposed else (self.x_step, self.y_step)


class Slices(NamedTuple):
    """Lattice points and the blocks of cells that they reach, over all slices."""

    steps: NDArray[np.float32]
    """(S,): the way in the noise between the cells of a row."""
    weights: NDArray[np.float32]
    """(S,)."""
    transposed: NDArray[np.bool_]
    """(S,)."""
    first_point: NDArray[np.uint32]
    """(S + 1,)."""
    points: NDArray[np.int32]
    """(P, 3): lattice steps i, j, k."""
    heights: NDArray[np.float32]
    """(P,): from each point up to the slice."""
    tiles: NDArray[np.uint64]
    """(P,): a bit for each tile that the point reaches."""
    first_block: NDArray[np.uint32]
    """(P + 1,)."""
    blocks: NDArray[np.uint16]
    """(B,): the first cell of each, row after row."""
    places: NDArray[np.float32]
    """(B, 3): across the row from the point, along the row to the first cell, the square of the reach left."""
    block: int
    """BLOCK, which the compiler must not know, see `_add_to_block`."""


@cache
def tabulate(slices: tuple[Slice, ...]) -> Slices:
    """The points of some slices."""
    points: list[tuple[int, int, int]] = []
    heights: list[float] = []
    tiles: list[int] = []
    blocks: list[int] = []
    places: list[tuple[float, float, float]] = []
    first_point, first_block = [0], [0]
    for piece in slices:
        across, along = piece.steps
        for i, j, k in _lattice_points(piece):
            squish = (i + j + k) / 3
            u, v = (j + squish, i + squish) if piece.transposed else (i + squish, j + squish)
            up = piece.height - k - squish
            rows = _reached(u, v, _REACH - up**2, piece)
            if not rows:
                continue
            points.append((i, j, k))
            heights.append(up)
            tiles.append(_tiles_of(rows, piece.transposed))
            for row, first, last in rows:
                away = row * across - u
                for cell in range(first, last + 1, BLOCK):
                    blocks.append(row * WIDTH + cell)
                    places.append((away, cell * along - v, _REACH - up**2 - away**2))
            first_block.append(len(blocks))
        first_point.append(len(points))
    return Slices(
        np.array([piece.steps[1] for piece in slices], dtype=np.float32),
        np.array([piece.weight for piece in slices], dtype=np.float32),
        np.array([piece.transposed for piece in slices]),
        np.array(first_point, dtype=np.uint32),
        np.array(points, dtype=np.int32),
        np.array(heights, dtype=np.float32),
        np.array(tiles, dtype=np.uint64),
        np.array(first_block, dtype=np.uint32),
        np.array(blocks, dtype=np.uint16),
        np.array(places, dtype=np.float32),
        BLOCK,
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


def _reached(u: float, v: float, reach: float, piece: Slice) -> list[tuple[int, int, int]]:
    """The rows of cells that a point at (u, v) reaches, each with the first and the last cell."""
    low, high = max(0, AREA // 2 - piece.radius), min(AREA - 1, AREA // 2 + piece.radius)
    across, along = piece.steps
    found = []
    for row in range(low, high + 1):
        left = reach - (row * across - u) ** 2
        if left <= 0:
            continue
        first = max(low, int(np.ceil((v - left**0.5) / along)))
        last = min(high, int(np.floor((v + left**0.5) / along)))
        if first <= last:
            found.append((row, first, last))
    return found


def _tiles_of(rows: list[tuple[int, int, int]], transposed: bool) -> int:
    """The bits of the tiles that rows of cells touch."""
    found = 0
    for row, first, last in rows:
        for tile in range(first // TILE, last // TILE + 1):
            x, y = (tile, row // TILE) if transposed else (row // TILE, tile)
            found |= 1 << x * TILES_PER_SIDE + y
    return found


@register_jitable(no_cfunc_wrapper=True, error_model="numpy", fastmath={"contract"})
def add_noise(slices: Any, which: Any, permutation: Any, needed: Any, found: Any) -> None:
    """Adds a slice of a seed's noise to a map. A product and a sum may be rounded once instead of twice, which saves a
    fifth of the time and is within the tolerance.

    Args:
        slices: the table.
        which: number of the slice.
        permutation: of the seed.
        needed: uint64: the tiles that are needed. Others are not always filled.
        found: (AREA * WIDTH,) float32, row after row.
    """
    step, weight = slices.steps[which], slices.weights[which]
    for point in range(slices.first_point[which], slices.first_point[which + 1]):
        if slices.tiles[point] & needed == 0:
            continue
        gradient = gradient_of(permutation, slices.points[point, 0], slices.points[point, 1], slices.points[point, 2])
        if slices.transposed[which]:
            across, along = _GRADIENTS[gradient, 1] * weight, _GRADIENTS[gradient, 0] * weight
        else:
            across, along = _GRADIENTS[gradient, 0] * weight, _GRADIENTS[gradient, 1] * weight
        up = _GRADIENTS[gradient, 2] * weight * slices.heights[point]
        for k in range(slices.first_block[point], slices.first_block[point + np.uint32(1)]):
            start = up + across * slices.places[k, 0]
            place, left = slices.places[k, 1], slices.places[k, 2]
            _add_to_block(found, slices.blocks[k], slices.block, place, left, start, along, step)


@inlined
def _add_to_block(found: Any, first: Any, count: Any, place: Any, left: Any, start: Any, along: Any, step: Any) -> None:
    """Adds a point to BLOCK cells.

    The compiler makes one round of vectors of it because it sees that there are at most BLOCK cells; if it knew that
    there are just as many, it would unroll the loop into single numbers first. Unsigned indices and numbers of 32 bits
    are needed as well. What comes from the table costs less than working it out: vectors are what limits this.
    """
    for cell in range(count & BLOCK):
        d = place + np.float32(np.int32(cell)) * step
        near = left - d * d
        near = near if near > _ZERO else _ZERO
        near *= near
        found[np.uint64(first) + np.uint64(cell)] += near * near * (start + along * d)
