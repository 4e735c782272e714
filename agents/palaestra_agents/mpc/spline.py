"""Control splines: a few knots over the horizon, controls in between.

For given times every interpolation here is a matrix that knots are multiplied with, so that all samples and all
controls are interpolated by one product.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Interpolation = Literal["zero", "linear", "cubic"]


def knot_times(knots: int, horizon: float) -> Array:
    """Seconds from the plan's start to each knot: evenly over [0, horizon], (knots,)."""
    return np.linspace(0.0, horizon, knots) if knots > 1 else np.zeros(1)


def spline_matrix(interpolation: Interpolation, knots: Array, times: Array) -> Array:
    """The matrix (times, knots) that gives the spline's values at `times`.

    zero holds a knot until the next; linear goes straight; cubic is the Hermite spline whose slope at a knot is the
    mean of the slopes to its neighbours. Before the first and after the last knot, the spline stays at it.

    Args:
        interpolation: which spline.
        knots: (knots,) increasing times.
        times: (times,) in any order.
    """
    count = len(knots)
    if count == 1:
        return np.ones((len(times), 1))
    identity = _identity(count)
    inside = np.minimum(np.maximum(times, knots[0]), knots[-1])
    left = np.searchsorted(knots, inside, side="right") - 1
    if interpolation == "zero":
        return identity[left]
    left = np.minimum(left, count - 2)
    gap = knots[left + 1] - knots[left]
    part = ((inside - knots[left]) / gap)[:, None]
    if interpolation == "linear":
        return (1 - part) * identity[left] + part * identity[left + 1]
    slopes = _slopes(knots.tobytes())
    squared, cubed = part**2, part**3
    return (
        (2 * cubed - 3 * squared + 1) * identity[left]
        + (cubed - 2 * squared + part) * gap[:, None] * slopes[left]
        + (3 * squared - 2 * cubed) * identity[left + 1]
        + (cubed - squared) * gap[:, None] * slopes[left + 1]
    )


@lru_cache(maxsize=256)
def _identity(count: int) -> Array:
    return np.eye(count)


@lru_cache(maxsize=256)
def _slopes(knots: bytes) -> Array:
    """The matrix (knots, knots) that gives the slope at each knot; planners ask for the same times again and again."""
    times = np.frombuffer(knots)
    secants = (np.eye(len(times))[1:] - np.eye(len(times))[:-1]) / np.diff(times)[:, None]
    slopes = np.empty((len(times), len(times)))
    slopes[0], slopes[-1] = secants[0], secants[-1]
    slopes[1:-1] = 0.5 * (secants[1:] + secants[:-1])
    return slopes
