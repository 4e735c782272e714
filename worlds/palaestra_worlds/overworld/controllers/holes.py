"""Holes as deep as the arm reaches, dug into a tunnel's walls and roof: they lay more open for their ticks than the
tunnel itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.paths import FREE, ROCK, UNSEEN
from palaestra_worlds.overworld.player import SIGHT
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import AHEAD, HEIGHT, PITCHES, SIDE, STEPS

STRAIGHT_UP = PITCHES.index("straight up")
LEAST_RATE = 1.15
"""Times what the tunnel lays open for a tick, so much a hole must: digging wears out tools."""
SIDES = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)])


def dig_holes(hands: Hands, worth: NDArray[np.float64], rate: float, until: Callable[[], bool]) -> None:
    """Digs the holes that are worth it around where one stands.

    Args:
        hands: of the player.
        worth: of `tunnels.news`; what is laid open is set to 0.
        rate: cells that digging on lays open for each tick.
        until: looked at after each block.
    """
    while not until():
        best: tuple[float, int, int, list[Cell]] | None = None
        for facing, pitch in [(hands.senses.facing, STRAIGHT_UP), *((facing, AHEAD) for facing in range(4))]:
            cells, gain, ticks = _hole(hands, worth, facing, pitch)
            if cells and gain / ticks > LEAST_RATE * rate and (best is None or gain / ticks > best[0]):
                best = gain / ticks, facing, pitch, cells
        if best is None or not _dig(hands, *best[1:], until):
            return
        for cell in best[3]:
            for near in (np.array(cell) + np.vstack([SIDES, [(0, 0, 0)]])).tolist():
                if _is_inside(near):
                    worth[tuple(near)] = 0.0


def _hole(hands: Hands, worth: NDArray[np.float64], facing: int, pitch: int) -> tuple[list[Cell], float, float]:
    """The cells to dig along a direction of view, what they lay open, and the ticks that takes."""
    x, z, y = hands.senses.place
    turn = min((facing - hands.senses.facing) % 4, (hands.senses.facing - facing) % 4)
    gain, ticks = 0.0, 2.0 * abs(pitch - hands.senses.pitch) + 2.0 * turn
    counted: set[Cell] = set()
    dug: list[Cell] = []
    best: tuple[list[Cell], float, float] = [], 0.0, 1.0
    for forward, up in SIGHT[pitch].tolist():
        cell = x + int(STEPS[facing, 0]) * forward, z + int(STEPS[facing, 1]) * forward, y + 1 + up
        kind = hands.kind(cell)
        if not _is_inside(cell) or kind not in (ROCK, UNSEEN, FREE):
            break
        if kind == FREE:
            continue
        ticks += float(hands.ground().ticks[hands.senses.seen[cell]])
        dug.append(cell)
        for near in ((cell[0] + a, cell[1] + b, cell[2] + c) for a, b, c in [*SIDES.tolist(), (0, 0, 0)]):
            if near not in counted and _is_inside(near):
                counted.add(near)
                gain += float(worth[near])
        if gain / ticks > best[1] / best[2]:
            best = list(dug), gain, ticks
    return best


def _dig(hands: Hands, facing: int, pitch: int, cells: list[Cell], until: Callable[[], bool]) -> bool:
    """Digs one hole; whether it came to its end."""
    for cell in cells:
        hands.turn_to(facing)
        hands.look_to(pitch)
        hit = hands.senses.crosshair()
        if hit is None or hit[0] != cell:
            break
        try:
            hands.dig(cell)
        except Failed as failure:
            if failure.kind in FATAL:
                raise
            return False
        if until():
            return False
    hands.senses.look(every=True)
    return True


def _is_inside(cell: tuple[int, ...] | list[int]) -> bool:
    return 0 <= cell[0] < SIDE and 0 <= cell[1] < SIDE and 0 <= cell[2] < HEIGHT
