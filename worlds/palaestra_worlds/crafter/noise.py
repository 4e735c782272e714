"""OpenSimplex noise in three dimensions, as opensimplex computes it, bit for bit, in compiled code.

Space is filled with a face-centred lattice of points, each with a gradient that the seed chooses. The noise is the sum
of (2 - d^2)^4 * (gradient . d) over all points within a distance d of the square root of 2, over NORM. Which points may
be that near follows from where in its lattice cell a place lies: a tetrahedron at either end of the cell or the
octahedron between them, each with its corners and two points more. Floating-point sums depend on their order, so
`noise3` adds the points up in opensimplex's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import jitable

STRETCH = -1.0 / 6
SQUISH = 1.0 / 3
NORM = 103.0
NUM_GRADIENTS = 24


def _gradients() -> NDArray[np.float64]:
    found = np.full((NUM_GRADIENTS, 3), 4.0)
    for k in range(NUM_GRADIENTS):
        found[k, k % 3] = 11.0
        # Signs change fastest along x; those that opensimplex begins with are -, +, +.
        octant = k // 3
        found[k] *= (1 if octant & 1 else -1, -1 if octant & 2 else 1, -1 if octant & 4 else 1)
    return found


GRADIENTS = _gradients()
"""(24, 3): towards the corners of a rhombicuboctahedron."""


@jitable
def permute(seed: Any, permutation: Any) -> None:
    """Fills `permutation` (256,) with the order of 0 to 255 that a seed below 2**63 stands for."""
    state = np.int64(seed)
    for k in range(256):
        permutation[k] = k
    for _ in range(3):
        state = state * np.int64(6364136223846793005) + np.int64(1442695040888963407)
    for k in range(255, -1, -1):
        state = state * np.int64(6364136223846793005) + np.int64(1442695040888963407)
        # 31 is added to the remainder, because the state itself could overflow.
        chosen = (state % (k + 1) + 31) % (k + 1)
        kept = permutation[chosen]
        permutation[chosen] = permutation[k]
        permutation[k] = kept


@jitable
def gradient_of(permutation: Any, i: Any, j: Any, k: Any) -> Any:
    """Row in GRADIENTS of the lattice point (i, j, k)."""
    first = np.int64(permutation[i & 255])
    second = np.int64(permutation[(first + j) & 255])
    return np.int64(permutation[(second + k) & 255]) % NUM_GRADIENTS


_CORNERS = np.array(
    [
        [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0)],
        [(1, 1, 0, 0), (1, 0, 1, 0), (0, 1, 1, 0), (1, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0)],
        [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (1, 1, 0, 0), (1, 0, 1, 0), (0, 1, 1, 0)],
    ]
)
"""(shape, corner, 4): steps along each axis to the corners of the tetrahedra at the cell's near and far end, which have
four, and of the octahedron. The last column is 0: opensimplex subtracts the squish after the steps."""
_NEAR, _FAR, _MIDDLE = range(3)

# The first of three or nine pairs of further points, one for each axis that distinguishes them.
_BY_ORIGIN, _OFF_ORIGIN, _BY_END, _OFF_END, _BOTH_FAR, _BOTH_NEAR, _EACH = 0, 3, 6, 9, 12, 15, 18


def _further_points() -> NDArray[np.int64]:
    """(27, 2, 4): two points more by case; the last column is 1 where opensimplex subtracts the squish first."""
    found = np.zeros((27, 2, 4), dtype=np.int64)
    unit = np.eye(3, dtype=np.int64)
    for axis in range(3):
        first, second = (other for other in range(3) if other != axis)
        found[_BY_ORIGIN + axis, :, :3] = unit[axis] - unit[first], unit[axis] - unit[second]
        found[_OFF_ORIGIN + axis, :, :3] = 1 - unit[axis], 1 - 2 * unit[axis]
        found[_BY_END + axis, :, :3] = 2 * unit[first] + unit[second], unit[first] + 2 * unit[second]
        found[_OFF_END + axis, :, :3] = unit[axis], 2 * unit[axis]
        found[_BOTH_FAR + axis, :, :3] = 1, 1, 1
        found[_BOTH_FAR + axis, 1, :3] = 2 * unit[axis]
        found[_BOTH_NEAR + axis, 1, :3] = 1 - 2 * unit[axis]
        for other in range(3):
            found[_EACH + 3 * axis + other, 0, :3] = 1 - 2 * unit[axis]
            found[_EACH + 3 * axis + other, 1] = *(2 * unit[other]), 1
    return found


_FURTHER = _further_points()


@jitable
def _case_near(x: Any, y: Any, z: Any) -> Any:
    """The case of `_FURTHER` of a place (x, y, z) in the tetrahedron at the origin."""
    a, b = 0, 1
    nearest, next_nearest = x, y
    if x >= y and z > y:
        b, next_nearest = 2, z
    elif x < y and z > x:
        a, nearest = 2, z
    origin = 1 - (x + y + z)
    if origin > nearest or origin > next_nearest:
        return _BY_ORIGIN + (b if next_nearest > nearest else a)
    return _OFF_ORIGIN + 3 - a - b


@jitable
def _case_far(x: Any, y: Any, z: Any) -> Any:
    """Of a place in the tetrahedron at the far end; a corner next to it is named after the axis that it lacks."""
    a, b = 0, 1
    nearest, next_nearest = x, y
    if x <= y and z < y:
        b, next_nearest = 2, z
    elif x > y and z < x:
        a, nearest = 2, z
    end = 3 - (x + y + z)
    if end < nearest or end < next_nearest:
        return _BY_END + (b if next_nearest < nearest else a)
    return _OFF_END + 3 - a - b


@jitable
def _case_middle(x: Any, y: Any, z: Any) -> Any:
    """Of a place in the octahedron. Its corners lie opposite each other in pairs, one of each nearer: a corner with
    one step, along an axis, or the far one with the two others."""
    a, b = 2, 1
    a_is_far, b_is_far, c_is_far = x + y > 1, x + z > 1, y + z > 1
    a_score, b_score, c_score = abs(x + y - 1), abs(x + z - 1), abs(y + z - 1)
    if a_score <= b_score and a_score < c_score:
        a, a_is_far = 0, c_is_far
    elif a_score > b_score and b_score < c_score:
        b, b_is_far = 0, c_is_far
    if a_is_far != b_is_far:
        return _EACH + (3 * a + b if a_is_far else 3 * b + a)
    # The axis that both far corners share, or both near ones lack, is neither a nor b.
    return (_BOTH_FAR if a_is_far else _BOTH_NEAR) + 3 - a - b


@jitable
def noise3(permutation: Any, x: Any, y: Any, z: Any) -> Any:
    """`opensimplex.OpenSimplex(seed).noise3(x, y, z)`, with the seed's permutation."""
    stretch = (x + y + z) * STRETCH
    xs, ys, zs = x + stretch, y + stretch, z + stretch
    xb, yb, zb = np.int64(np.floor(xs)), np.int64(np.floor(ys)), np.int64(np.floor(zs))
    squish = (xb + yb + zb) * SQUISH
    # The place from the cell's corner, in space and in steps of the lattice.
    x0, y0, z0 = x - (xb + squish), y - (yb + squish), z - (zb + squish)
    xi, yi, zi = xs - xb, ys - yb, zs - zb
    total = xi + yi + zi
    if total <= 1:
        shape, count, case = _NEAR, 4, _case_near(xi, yi, zi)
    elif total >= 2:
        shape, count, case = _FAR, 4, _case_far(xi, yi, zi)
    else:
        shape, count, case = _MIDDLE, 6, _case_middle(xi, yi, zi)
    value = 0.0
    for n in range(count + 2):
        table, row = (_FURTHER[case], n - count) if n >= count else (_CORNERS[shape], n)
        i, j, k = table[row, 0], table[row, 1], table[row, 2]
        squish = (i + j + k) * SQUISH
        if table[row, 3]:
            dx, dy, dz = x0 - squish - i, y0 - squish - j, z0 - squish - k
        else:
            dx, dy, dz = x0 - i - squish, y0 - j - squish, z0 - k - squish
        near = 2 - dx * dx - dy * dy - dz * dz
        if near > 0:
            near *= near
            g = gradient_of(permutation, xb + i, yb + j, zb + k)
            value += near * near * (GRADIENTS[g, 0] * dx + GRADIENTS[g, 1] * dy + GRADIENTS[g, 2] * dz)
    return value / NORM
