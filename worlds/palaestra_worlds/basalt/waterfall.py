"""A scripted player's waterfall: the bucket is emptied over a high edge, and the water looked at from before it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import NOTHING, USE
from palaestra_worlds.overworld.controllers.arms import DOWN, SLIGHTLY_DOWN
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.explore import roam
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.limits import never
from palaestra_worlds.overworld.paths import FREE, ROCK
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import AHEAD, STEPS

HIGH, LOW = 9, 5
"""Cells of air below an edge: from HIGH on one looks no further; below LOW it is none."""
NEAREST = 64
"""Edges that are thought of."""
LOOKS = 6
"""Between two searches for edges: the map is large, and what was seen in a look or two changes little."""
FALLING_TICKS = 5
"""Of water, for each cell; see `overworld.flow`."""
NEAREST_VIEW, FARTHEST_VIEW = 4, 12
"""Cells from which the water is looked at."""
STEEP, GENTLE = 0.7, 0.25
"""Cells up or down for each cell ahead from which one looks up or down, and slightly down."""
UP = AHEAD + 1
AIR = 1
"""On the map of what was seen."""


class Edge(NamedTuple):
    """Where a bucket can be emptied.

    Attributes:
        feet: cell to stand on.
        facing: towards the air.
        drop: cells of air, from the one before and below the feet down.
    """

    feet: Cell
    facing: int
    drop: int

    @property
    def water(self) -> Cell:
        """Where the water comes to be: at the side of the block that one stands on."""
        x, z, y = self.feet
        return x + int(STEPS[self.facing, 0]), z + int(STEPS[self.facing, 1]), y - 1


def make_waterfall(hands: Hands) -> bool:
    """Looks for a high edge, empties the bucket there, and goes to where the water is in view; whether it falls."""
    looked: list[int] = [-LOOKS, 0]

    def sees_high_one() -> bool:
        if hands.senses.looks - looked[0] >= LOOKS:
            looked[:] = hands.senses.looks, max((edge.drop for edge in edges(hands)), default=0)
        return looked[1] >= HIGH

    try:
        roam(hands, sees_high_one, "high edge")
    except Failed as failed:
        # Everything around was seen, or no way leads on: a lower one has to do.
        if failed.kind not in ("not_found", "gave_up"):
            raise
        hands.limits.begin(None, never)
    for least in (HIGH, LOW):
        high = [edge for edge in edges(hands) if edge.drop >= least]
        if hands.travel(np.array([edge.feet for edge in high], np.int64).reshape(-1, 3)):
            edge = next(edge for edge in high if edge.feet == hands.senses.place)
            if _empty_bucket(hands, edge):
                _go_to_view(hands, edge)
                return True
    return False


def edges(hands: Hands) -> list[Edge]:
    """Edges that were seen, the nearest of the high ones, and of all."""
    seen = hands.senses.seen
    kinds = hands.ground().kinds[seen]
    is_free, is_air = kinds == FREE, seen == AIR
    drops = np.zeros(seen.shape, np.int64)
    for y in range(1, seen.shape[2]):
        drops[:, :, y] = np.where(is_free[:, :, y], drops[:, :, y - 1] + 1, 0)
    stands = np.zeros(seen.shape, np.bool_)
    stands[:, :, 1:-1] = (kinds[:, :, :-2] == ROCK) & is_free[:, :, 1:-1] & is_free[:, :, 2:]
    found: list[Edge] = []
    for facing in range(4):
        ahead = _ahead(drops, facing, -1)
        is_open = _ahead(is_air, facing, 0) & _ahead(is_air, facing, -1)
        cells = np.argwhere(stands & is_open & (ahead >= LOW))
        found += [Edge((x, z, y), facing, int(ahead[x, z, y])) for x, z, y in cells.tolist()]
    here = np.array(hands.senses.place)
    found.sort(key=lambda edge: int(np.abs(np.array(edge.feet) - here).sum()))
    return [edge for edge in found if edge.drop >= HIGH][:NEAREST] + found[:NEAREST]


def _ahead(values: NDArray[Any], facing: int, up: int) -> NDArray[Any]:
    """What is one cell ahead of each cell, and so many up; 0 outside the world."""
    wide = np.pad(values, 1)
    x, z = 1 + int(STEPS[facing, 0]), 1 + int(STEPS[facing, 1])
    size = values.shape
    return wide[x : x + size[0], z : z + size[1], 1 + up : 1 + up + size[2]]


def _empty_bucket(hands: Hands, edge: Edge) -> bool:
    """Whether there is water before the edge then."""
    bucket = item_at_hand(hands, "water_bucket")
    hands.turn_to(edge.facing)
    hands.look_to(DOWN)
    hands.hold(bucket)
    hands.do(USE)
    hands.senses.look()
    return not hands.senses.count(bucket)


def _go_to_view(hands: Hands, edge: Edge) -> None:
    """Waits for the water to fall, goes before it, and turns to it; stays at the edge where that leads nowhere."""
    for _ in range(FALLING_TICKS * (edge.drop + 2)):
        hands.do(NOTHING)
    hands.senses.look(every=True)
    x, z, y = edge.water
    middle = y - edge.drop // 2
    for view in _views(hands, edge):
        if hands.travel(np.array([view])):
            a, b, c = view
            dx, dz = int(np.sign(x - a)), int(np.sign(z - b))
            hands.turn_to(next(way for way in range(4) if tuple(STEPS[way].tolist()) == (dx, dz)))
            slope = (middle - c - 1) / max(abs(x - a), abs(z - b))
            down = DOWN if slope < -STEEP else SLIGHTLY_DOWN if slope < -GENTLE else AHEAD
            hands.look_to(UP if slope > STEEP else down)
            return


def _views(hands: Hands, edge: Edge) -> list[Cell]:
    """Cells to stand on, in line with the water and nothing between, the likeliest to have all of it in view first."""
    x, z, y = edge.water
    bottom = y - edge.drop + 1
    found: list[tuple[int, Cell]] = []
    for way in range(4):
        for far in range(NEAREST_VIEW, FARTHEST_VIEW + 1):
            a, b = x + int(STEPS[way, 0]) * far, z + int(STEPS[way, 1]) * far
            for c in range(bottom - 1, y + 2):
                between = [(x + int(STEPS[way, 0]) * k, z + int(STEPS[way, 1]) * k, c + 1) for k in range(1, far + 1)]
                is_firm = hands.kind((a, b, c - 1)) == ROCK and hands.kind((a, b, c)) == FREE
                if is_firm and all(hands.kind(cell) == FREE for cell in between):
                    found.append((abs(far - edge.drop) + abs(2 * c - y - bottom), (a, b, c)))
    return [cell for _, cell in sorted(found)[:3]]
