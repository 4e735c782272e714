"""Climbing to a height, or to the open sky."""

from __future__ import annotations

import numpy as np

from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.state import HEIGHT, SIDE
from palaestra_worlds.overworld.tables import OPAQUE, numbers, tables

RISES = (6, 3, 1)
"""Cells that one tries to come up at a time."""
MOSTLY_UNSEEN = 0.5
"""Share of a column above which nobody knows whether it is open."""


def is_underground(hands: Hands) -> bool:
    """Whether rock is known or must be feared overhead, or on most sides; trees aside."""
    x, z, y = hands.senses.place
    sides = [(x + a, z + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    inside = [(a, b) for a, b in sides if 0 <= a < SIDE and 0 <= b < SIDE]
    covered = sum(_is_covered(hands, a, b, y + 2) for a, b in inside)
    return _is_covered(hands, x, z, y + 2) or covered > len(inside) / 2


def _is_covered(hands: Hands, x: int, z: int, y: int) -> bool:
    column = hands.senses.seen[x, z, y:].astype(int) - 1
    if not len(column):
        return False
    if (column[:8] < 0).any() or (column < 0).mean() > MOSTLY_UNSEEN:
        return True
    names = numbers().blocks
    return any(tables().blocks[block, OPAQUE] and not names[block].endswith("_log") for block in column[column >= 0])


def go_up(hands: Hands, level: int | None) -> str:
    """Climbs, digs or piles up to a height, or until nothing is overhead."""
    if level is not None and level > HEIGHT - 4:
        raise Failed("impossible", f"The highest that one can stand here is {HEIGHT - 4}.")
    for _ in range(40):
        x, z, y = hands.senses.place
        if y >= level if level is not None else not is_underground(hands):
            return f"The height is {y}."
        if level is None and y >= HEIGHT - 6:
            break
        reach = np.arange(-7, 8)
        a, b = np.meshgrid(np.clip(x + reach, 0, SIDE - 1), np.clip(z + reach, 0, SIDE - 1))
        most = level if level is not None else HEIGHT - 5
        # With nothing to pile up, one can't stand higher than the ground, which may be nearer.
        heights = dict.fromkeys(min(y + rise, most) for rise in RISES)
        if not any(hands.travel(np.column_stack([a.ravel(), b.ravel(), np.full(a.size, c)])) for c in heights):
            break
    raise Failed("unreachable", f"No way up was found; the height is {hands.senses.place[2]}.")
