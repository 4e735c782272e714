"""Where to tunnel: straight on, or from elsewhere, to where most is laid open for the ticks that it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import WALKING_TICKS
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.paths import BRIDGING_TICKS, FIXED, FREE, LAVA, WATER
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import HEIGHT, SIDE, STEPS

LENGTHS = (4, 8, 16)
"""Cells of a tunnel that are thought of at once."""
LEAST_GAIN = 0.5
"""Cells that a column of a tunnel must lay open for it to be worth digging."""
BESIDE_KNOWN = 0.6
"""What a cell counts beside one that has been seen: a vein there would probably have shown."""
ON_COURSE = 0.02
"""Share by which going straight on counts for more, so that one does not turn without need."""
SWEEPS = 2 * SIDE
"""Of the map of distances, before what is not reached by then counts as out of reach."""
OUT_OF_REACH = 1e6


@dataclass(frozen=True)
class Tunnel:
    """A straight tunnel.

    Attributes:
        start: where it begins, for the feet.
        cells: (L, 3) of the feet, in order.
        rate: cells laid open for each tick, the way to its start included.
    """

    start: Cell
    cells: NDArray[np.int64]
    rate: float


def news(hands: Hands, lowest: int, highest: int) -> NDArray[np.float64]:
    """(SIDE, SIDE, HEIGHT): what it is worth to see each cell; 0 if it has been seen, or is not within the heights."""
    highest = min(highest, HEIGHT - 2)
    seen = hands.senses.seen[:, :, : highest + 2] > 0
    beside = np.zeros_like(seen)
    for axis in range(3):
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        beside[tuple(ahead)] |= seen[tuple(behind)]
        beside[tuple(behind)] |= seen[tuple(ahead)]
    worth = np.zeros(hands.senses.seen.shape)
    worth[:, :, lowest : highest + 1] = np.where(seen, 0.0, np.where(beside, BESIDE_KNOWN, 1.0))[:, :, lowest:-1]
    return worth


def best_tunnel(hands: Hands, level: int, worth: NDArray[np.float64], walls: NDArray[np.bool_]) -> Tunnel | None:
    """The tunnel at a height that lays most open for its ticks; None where nothing is left to be seen.

    Args:
        hands: of the player.
        level: of the feet.
        worth: of `news`.
        walls: (SIDE, SIDE), columns through which no way was found.
    """
    hands.limits.think()
    ticks = _ticks(hands, level, walls)
    far = _distances(hands.senses.place, ticks)
    own = worth[:, :, level - 1 : level + 3].sum(axis=2)
    walled = worth[:, :, level : level + 2].sum(axis=2)
    best: tuple[float, int, int, int, int] | None = None
    for facing, (dx, dz) in enumerate(STEPS.tolist()):
        gain = own + _shifted(walled, dz, dx, 0.0) + _shifted(walled, -dz, -dx, 0.0)
        gains, costs = np.zeros_like(own), np.zeros_like(own)
        for length in range(1, LENGTHS[-1] + 1):
            gains += _shifted(gain, dx * length, dz * length, 0.0)
            costs += _shifted(ticks, dx * length, dz * length, OUT_OF_REACH)
            if length not in LENGTHS:
                continue
            rate = np.where(gains >= LEAST_GAIN * length, gains / (far + costs), 0.0)
            if facing == hands.senses.facing:
                rate[hands.senses.place[:2]] *= 1.0 + ON_COURSE
            x, z = (int(n) for n in np.unravel_index(int(rate.argmax()), rate.shape))
            if far[x, z] + costs[x, z] < OUT_OF_REACH and (best is None or rate[x, z] > best[0]):
                best = float(rate[x, z]), x, z, facing, length
    if best is None or best[0] <= 0.0:
        return None
    rate, x, z, facing, length = best
    along = np.arange(1, length + 1)[:, None] * np.array(STEPS[facing])
    cells = np.column_stack([np.array([x, z]) + along, np.full(length, level)]).astype(np.int64)
    return Tunnel((x, z, level), cells, rate)


def _ticks(hands: Hands, level: int, walls: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(SIDE, SIDE): ticks to step into each column at a height."""
    ground = hands.ground()
    seen = hands.senses.seen[:, :, level - 1 : level + 2]
    kinds = ground.kinds[seen]
    body = kinds[:, :, 1:]
    digs = ~((body == FREE) | (body == WATER))
    ticks = WALKING_TICKS + np.where(digs, ground.ticks[seen[:, :, 1:]] + 0.5, 0.0).sum(axis=2)
    ticks += np.where((kinds[:, :, 0] == FREE) | (kinds[:, :, 0] == LAVA), float(BRIDGING_TICKS), 0.0)
    ticks[(body == FIXED).any(axis=2) | (body == LAVA).any(axis=2) | walls] = OUT_OF_REACH
    ticks[:2], ticks[-2:], ticks[:, :2], ticks[:, -2:] = (OUT_OF_REACH,) * 4
    return ticks


def _distances(place: Cell, ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    """(SIDE, SIDE): ticks to each column by steps between columns."""
    found = np.full_like(ticks, OUT_OF_REACH)
    found[place[:2]] = 0.0
    for _ in range(SWEEPS):
        before = found.copy()
        np.minimum(found[1:], found[:-1] + ticks[1:], out=found[1:])
        np.minimum(found[:-1], found[1:] + ticks[:-1], out=found[:-1])
        np.minimum(found[:, 1:], found[:, :-1] + ticks[:, 1:], out=found[:, 1:])
        np.minimum(found[:, :-1], found[:, 1:] + ticks[:, :-1], out=found[:, :-1])
        if np.array_equal(before, found):
            break
    return found


def _shifted(numbers: NDArray[np.float64], dx: int, dz: int, beyond: float) -> NDArray[np.float64]:
    """(SIDE, SIDE): of each column what the one at (dx, dz) from it has; `beyond` the sides."""
    found = np.full_like(numbers, beyond)
    to_x, from_x = slice(max(0, -dx), SIDE - max(0, dx)), slice(max(0, dx), SIDE - max(0, -dx))
    to_z, from_z = slice(max(0, -dz), SIDE - max(0, dz)), slice(max(0, dz), SIDE - max(0, -dz))
    found[to_x, to_z] = numbers[from_x, from_z]
    return found
