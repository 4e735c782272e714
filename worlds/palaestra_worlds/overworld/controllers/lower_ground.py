"""Standing before cells that lie one lower than the feet, as soil and water do, and looking down at them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.controllers.arms import DOWN
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.paths import FIXED, FREE, ROCK
from palaestra_worlds.overworld.state import HEIGHT, STEPS


def look_down_at(hands: Hands, blocks: Collection[int], under: Collection[int]) -> tuple[int, int, int] | None:
    """Turns to where one of `blocks` lies a cell lower than the feet, under one of `under`, and looks down at it.

    Returns:
        the cell above it; None where there is none such before the feet.
    """
    x, z, y = hands.senses.place
    if hands.kind((x, z, y - 1)) not in (ROCK, FIXED):
        return None
    for turn in range(4):
        facing = (hands.senses.facing + turn) % 4
        a, b = x + int(STEPS[facing, 0]), z + int(STEPS[facing, 1])
        if hands.block((a, b, y - 1)) in blocks and hands.block((a, b, y)) in under:
            hands.turn_to(facing)
            hands.look_to(DOWN)
            return a, b, y
    return None


def places_before(hands: Hands, kinds: NDArray[np.uint8], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(G, 3): the nearest cells to stand on with a wanted one before and a cell lower.

    Args:
        hands: of the player.
        kinds: of all cells (x, z, y), as `paths` has them.
        wanted: bool (x, z, y - 2), of the cells that are to lie lower.
    """
    firm = (kinds[:, :, :-2] == ROCK) & (kinds[:, :, 1:-1] == FREE) & (kinds[:, :, 2:] == FREE)
    beside = np.zeros_like(wanted)
    beside[1:] |= wanted[:-1]
    beside[:-1] |= wanted[1:]
    beside[:, 1:] |= wanted[:, :-1]
    beside[:, :-1] |= wanted[:, 1:]
    cells = np.argwhere(firm & beside) + np.array([0, 0, 1])
    cells = cells[cells[:, 2] < HEIGHT - 2]
    far = np.abs(cells - np.array(hands.senses.place)).sum(axis=1)
    return cells[np.argsort(far, kind="stable")[:64]].astype(np.int64)
