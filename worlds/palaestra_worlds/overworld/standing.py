"""Where one can stand to reach something by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.overworld.paths import FREE, ROCK, UNSEEN, WATER, Ground, kind_at
from palaestra_worlds.overworld.player import SIGHT
from palaestra_worlds.overworld.state import HEIGHT, SIDE, STEPS


def _stands(seen: Any, ground: Any, targets: Any, sight: Any, steps: Any, found: Any) -> Any:
    """Where one can stand to reach one of some cells: how many, written to `found` (M, 3)."""
    count = 0
    for t in range(targets.shape[0]):
        for facing in range(4):
            for pitch in range(sight.shape[0]):
                for k in range(sight.shape[1]):
                    forward, up = sight[pitch, k, 0], sight[pitch, k, 1]
                    if forward == 0 and facing > 0:
                        continue
                    x = targets[t, 0] - steps[facing, 0] * forward
                    z = targets[t, 1] - steps[facing, 1] * forward
                    y = targets[t, 2] - 1 - up
                    if not (0 <= x < SIDE and 0 <= z < SIDE and 0 < y < HEIGHT - 2):
                        continue
                    if forward == 0 and 0 <= targets[t, 2] - y <= 1:
                        continue
                    is_open = True
                    for j in range(k):
                        ahead = sight[pitch, j, 0]
                        height = y + 1 + sight[pitch, j, 1]
                        kind = kind_at(seen, ground, x + steps[facing, 0] * ahead, z + steps[facing, 1] * ahead, height)
                        # The cell of the feet is free once one stands there, that before them can be dug.
                        in_way = not (kind == FREE or kind == WATER) and not (ahead == 0 and height == y)
                        if in_way and not (k == 1 and ahead == 1 and (kind == ROCK or kind == UNSEEN)):
                            is_open = False
                    if is_open and count < found.shape[0]:
                        found[count, 0], found[count, 1], found[count, 2] = x, z, y
                        count += 1
    return count


@cache
def _stands_kernel() -> Callable[..., int]:
    return kernel(_stands, "overworld-stands")


def places_to_reach(seen: NDArray[np.uint16], ground: Ground, targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """(G, 3): cells for the feet from which one of the targets (T, 3) is in view, or nearly so."""
    found = np.zeros((96 * len(targets), 3), np.int64)
    return found[: _stands_kernel()(seen, ground, targets, SIGHT, STEPS, found)]
