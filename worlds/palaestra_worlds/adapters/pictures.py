"""Pictures of what an agent sees, for environments that do not draw themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BAR, _GAP, _MOST, _HEIGHT = 10, 2, 64, 160
_PAPER, _LINE, _UP, _DOWN = (250, 250, 248), (120, 120, 120), (38, 110, 180), (200, 90, 40)


def picture_of(observation: dict[str, Any]) -> NDArray[np.uint8]:
    """uint8 (height, width, 3): the picture that is seen, if there is one, else all numbers as bars.

    Args:
        observation: of one environment, by name.
    """
    arrays = [np.asarray(part) for part in observation.values() if not isinstance(part, str)]
    seen = next((part for part in arrays if part.ndim == 3 and part.dtype == np.uint8), None)
    if seen is not None:
        # Of frames in a row the newest is last.
        return np.ascontiguousarray(seen if seen.shape[2] == 3 else np.repeat(seen[:, :, -1:], 3, axis=2))
    numbers = np.concatenate([part.ravel().astype(np.float64) for part in arrays] or [np.zeros(1)])
    return bars(numbers[:_MOST])


def bars(numbers: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Each number as a bar, up or down from the middle; its length is x / (1 + |x|) of what there is."""
    picture = np.full((_HEIGHT, _GAP + len(numbers) * (_BAR + _GAP), 3), _PAPER, np.uint8)
    middle = _HEIGHT // 2
    picture[middle] = _LINE
    for k, x in enumerate(numbers):
        length = round(abs(x) / (1 + abs(x)) * (middle - 4)) if np.isfinite(x) else middle
        left = _GAP + k * (_BAR + _GAP)
        rows = slice(middle - length, middle) if x >= 0 else slice(middle + 1, middle + 1 + length)
        picture[rows, left : left + _BAR] = _UP if x >= 0 else _DOWN
    return picture
