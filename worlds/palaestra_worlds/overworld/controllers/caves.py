"""Where a cave goes on: open cells below ground beside which something has not been seen yet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.paths import FREE, ROCK, UNSEEN
from palaestra_worlds.overworld.state import SIDE

WITHIN = 26
"""Cells around the player that are thought of."""
NEAR = 3
"""Cells around a place within which open ends count for it."""
LEAST_OPEN = 6
"""Open ends around a place that make it worth going to."""
TICKS_PER_OPEN = 4.0
"""Of the way there, for each open end, beyond which digging finds more."""
AT_A_TIME = 12
"""Places that a way is looked for to."""


def explore_caves(hands: Hands, lowest: int, highest: int, until: Callable[[], bool], vain: NDArray[np.bool_]) -> bool:
    """Goes once to where a cave goes on, if that is worth the way; whether it went.

    Args:
        hands: of the player.
        lowest, highest: heights that are thought of.
        until: looked at after each step.
        vain: (SIDE, SIDE, HEIGHT), kept up: open ends that could not be looked behind.
    """
    places, worth, ends = _places(hands, lowest, highest, vain)
    if not len(places):
        return False
    way = hands.way_to(places, most=8_000)
    if way is None or not way.cells:
        _give_up(vain, ends, places)
        return False
    goal = way.cells[-1]
    gain = float(worth[(places == goal).all(axis=1)].max())
    if way.ticks > TICKS_PER_OPEN * gain:
        return False
    arrived = hands.travel(np.array([goal], np.int64), until, most=8_000)
    if until():
        return True
    hands.senses.look(every=True)
    _give_up(vain, ends, np.array([goal if arrived else hands.senses.place, goal], np.int64))
    return True


def _give_up(vain: NDArray[np.bool_], ends: NDArray[np.int64], places: NDArray[np.int64]) -> None:
    """What was to be seen from these places has been seen, or can't be."""
    for place in places:
        near = ends[(np.abs(ends - place) <= NEAR).all(axis=1)]
        vain[near[:, 0], near[:, 1], near[:, 2]] = True


def _places(
    hands: Hands, lowest: int, highest: int, vain: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(G, 3) cells to stand on, (G,) how many open ends are around each, and (E, 3) the open ends."""
    hands.limits.think()
    x, z, _ = hands.senses.place
    west, north = max(0, x - WITHIN), max(0, z - WITHIN)
    part = np.s_[west : min(SIDE, x + WITHIN), north : min(SIDE, z + WITHIN)]
    kinds = hands.ground().kinds[hands.senses.seen[part]]
    # Below the highest ground that was seen in a column, trees aside or not.
    height = np.arange(kinds.shape[2])
    top = np.where(kinds >= ROCK, height, -1).max(axis=2)
    is_open = (kinds == FREE) & (height < top[:, :, None] - 2)
    is_open[:, :, :lowest], is_open[:, :, highest:] = False, False
    ends = is_open & _beside(kinds == UNSEEN) & ~vain[part]
    around = _count_around(ends, NEAR)
    firm = np.zeros_like(is_open)
    firm[:, :, 1:] = kinds[:, :, :-1] >= ROCK
    has_room = np.zeros_like(is_open)
    has_room[:, :, :-1] = kinds[:, :, 1:] == FREE
    stands = is_open & firm & has_room & (around >= LEAST_OPEN)
    cells = np.argwhere(stands)
    gains = around[stands]
    offset = np.array([west, north, 0])
    if len(cells):
        far = np.abs(cells + offset - np.array(hands.senses.place)).sum(axis=1)
        best = np.argsort(-(gains / (far + 4.0)), kind="stable")[:AT_A_TIME]
        cells, gains = cells[best], gains[best]
    return cells + offset, gains, np.argwhere(ends) + offset


def _beside(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells that share a face with one of these."""
    found = np.zeros_like(cells)
    for axis in range(3):
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        found[tuple(ahead)] |= cells[tuple(behind)]
        found[tuple(behind)] |= cells[tuple(ahead)]
    return found


def _count_around(cells: NDArray[np.bool_], radius: int) -> NDArray[np.int64]:
    """How many of these are in the cube around each cell."""
    total = cells.astype(np.int64)
    for axis in range(3):
        pad = [(0, 0)] * 3
        pad[axis] = (radius + 1, radius)
        summed = np.pad(total, pad).cumsum(axis=axis)
        width = 2 * radius + 1
        total = np.take(summed, range(width, summed.shape[axis]), axis) - np.take(
            summed, range(summed.shape[axis] - width), axis
        )
    return total
