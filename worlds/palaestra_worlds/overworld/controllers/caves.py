"""Where a cave goes on: open cells below ground beside which something has not been seen yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.paths import FREE, ROCK, UNSEEN, reachable
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import SEA_LEVEL

NEAR = 3
"""Cells around a place within which open ends count for it."""
LEAST_OPEN = 3.0
"""Open ends around a place that make it worth going to."""
PER_END = 1.0
"""Cells that are laid open for each open end."""
ABOVE = 10
"""Cells above what is looked for in which caves are followed too: they may lead down."""
HIGHER_UP = 0.3
"""What an open end up there counts."""
LOOKING = 4.0
"""Ticks besides the way that a look takes: turning aside, coming back."""
ALWAYS_ROOFED = SEA_LEVEL - 9
"""Below this height all air is that of caves."""
MOST_CELLS = 12_000
"""Of known caves, that are thought of."""


@dataclass(frozen=True)
class CaveEnd:
    """Where a cave goes on.

    Attributes:
        place: to stand on.
        rate: cells laid open for each tick of the way there.
        ends: (E, 3), open ends of all caves.
    """

    place: Cell
    rate: float
    ends: NDArray[np.int64]


def best_cave_end(hands: Hands, lowest: int, highest: int, vain: NDArray[np.bool_]) -> CaveEnd | None:
    """Where caves that can be walked through lay most open for the way there.

    Args:
        hands: of the player.
        lowest: height that is thought of.
        highest: up to where something is looked for.
        vain: (SIDE, SIDE, HEIGHT): open ends that could not be looked behind.
    """
    hands.limits.think()
    top = min(highest + ABOVE, hands.senses.seen.shape[2] - 1)
    kinds = hands.ground().kinds[hands.senses.seen]
    # Below the highest ground that was seen in a column, trees aside or not, or where there always is ground above.
    ground = np.where(kinds >= ROCK, np.arange(kinds.shape[2]), -1).max(axis=2)
    part = np.s_[:, :, lowest : top + 1]
    heights = np.arange(lowest, top + 1)
    is_open = (kinds[part] == FREE) & ((heights < ground[:, :, None] - 2) | (heights < ALWAYS_ROOFED))
    ends = is_open & _beside(kinds == UNSEEN)[part] & ~vain[part]
    if not ends.any():
        return None
    worth = np.zeros(is_open.shape)
    for x, z, y in np.argwhere(ends).tolist():
        near = np.s_[max(0, x - NEAR) : x + NEAR + 1, max(0, z - NEAR) : z + NEAR + 1, max(0, y - NEAR) : y + NEAR + 1]
        worth[near] += 1.0 if lowest + y <= highest else HIGHER_UP
    cells, ticks, looked = reachable(
        hands.senses.seen, hands.ground(), hands.senses.place, hands.filler() > 0, MOST_CELLS
    )
    hands.limits.think(looked)
    within = (cells[:, 2] >= lowest) & (cells[:, 2] <= top)
    cells, ticks = cells[within], ticks[within]
    gains = worth[cells[:, 0], cells[:, 1], cells[:, 2] - lowest]
    rates = np.where((gains >= LEAST_OPEN) & (ticks > 0), PER_END * gains / (ticks + LOOKING), 0.0)
    if not len(rates) or not rates.any():
        return None
    best = int(rates.argmax())
    x, z, y = (int(n) for n in cells[best])
    return CaveEnd((x, z, y), float(rates[best]), np.argwhere(ends) + np.array([0, 0, lowest]))


def follow_cave(hands: Hands, end: CaveEnd, until: Callable[[], bool], vain: NDArray[np.bool_]) -> None:
    """Goes to where a cave goes on, and looks around; what can't be seen from there is given up, in `vain`."""
    hands.travel(np.array([end.place], np.int64), until, most=8_000)
    if until():
        return
    hands.senses.look(every=True)
    for place in (end.place, hands.senses.place):
        near = end.ends[(np.abs(end.ends - np.array(place)) <= NEAR).all(axis=1)]
        vain[near[:, 0], near[:, 1], near[:, 2]] = True


def _beside(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells that share a face with one of these."""
    found = np.zeros_like(cells)
    for axis in range(3):
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        found[tuple(ahead)] |= cells[tuple(behind)]
        found[tuple(behind)] |= cells[tuple(ahead)]
    return found
