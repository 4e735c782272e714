"""The shortest ways from the player to all cells, digging and bridging included."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.crafter.player.sight import Cell, Sight, beside, is_inside
from palaestra_worlds.crafter.state import (
    AREA,
    COAL,
    DIAMOND,
    DIRECTIONS,
    GRASS,
    IRON,
    IRON_PICKAXE,
    NUM_MATERIALS,
    PATH,
    PLANT,
    SAND,
    STONE,
    STONE_ITEM,
    STONE_PICKAXE,
    TREE,
    WATER,
    WOOD_PICKAXE,
)

FAR = 1_000_000
"""Length of a way that there is not."""
_CLOSED = 0
_AROUND_A_CREATURE = 4
_MOST = 16
"""More than any cell costs."""


@register_jitable
def _relax(costs: Any, x: Any, y: Any, lengths: Any, arrivals: Any, buckets: Any, counts: Any) -> None:
    """Tries the cells next to one."""
    for direction in range(4):
        across, down = x + DIRECTIONS[direction, 0], y + DIRECTIONS[direction, 1]
        if 0 <= across < AREA and 0 <= down < AREA and costs[across, down] != _CLOSED:
            length = lengths[x, y] + costs[across, down]
            if length < lengths[across, down]:
                lengths[across, down] = length
                arrivals[across, down] = direction
                bucket = length % _MOST
                buckets[bucket, counts[bucket]] = across * AREA + down
                counts[bucket] += 1


def _find_ways(costs: Any, x: Any, y: Any, lengths: Any, arrivals: Any) -> None:
    """Dijkstra's algorithm with a bucket for each length ahead."""
    buckets = np.empty((_MOST, 4 * AREA * AREA), dtype=np.int32)
    counts = np.zeros(_MOST, dtype=np.int64)
    lengths[x, y] = 0
    _relax(costs, x, y, lengths, arrivals, buckets, counts)
    length, empty = 0, 0
    while empty < _MOST:
        length += 1
        bucket = length % _MOST
        empty = empty + 1 if counts[bucket] == 0 else 0
        for k in range(counts[bucket]):
            cell = buckets[bucket, k]
            if lengths[cell // AREA, cell % AREA] == length:
                _relax(costs, cell // AREA, cell % AREA, lengths, arrivals, buckets, counts)
        counts[bucket] = 0


@cache
def _ways_kernel() -> Any:
    return kernel(_find_ways, "crafter player", allocates=True)


class Ways:
    """The shortest ways from the player.

    Attributes:
        lengths: (64, 64) int32: steps to stand on each cell, or to have it in front where it cannot be entered; FAR
            where there is no way.
    """

    def __init__(self, sight: Sight) -> None:
        self._place = sight.place
        self.costs = _costs(sight)
        self.lengths = np.full((AREA, AREA), FAR, dtype=np.int32)
        self._arrivals = np.full((AREA, AREA), -1, dtype=np.int8)
        _ways_kernel()(self.costs, *sight.place, self.lengths, self._arrivals)

    def first_step(self, goal: Cell) -> int:
        """The direction in which the way to a reachable cell begins."""
        direction = -1
        while goal != self._place:
            direction = int(self._arrivals[goal])
            goal = beside(goal, direction ^ 1)
        return direction

    def to_reach(self, cells: NDArray[np.bool_]) -> tuple[Cell, int] | None:
        """The nearest of some cells (64, 64) by the way to a neighbour of it, and the direction to begin with (from
        that neighbour, if the player is there already, to the cell); None if none can be reached."""
        padded = np.full((AREA + 2, AREA + 2), FAR, dtype=np.int32)
        padded[1:-1, 1:-1] = self.lengths
        around = np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
        nearest = np.where(cells, around.min(axis=0), FAR)
        found = int(nearest.argmin())
        goal = found // AREA, found % AREA
        if nearest[goal] >= FAR:
            return None
        # `around` looks left, right, up, down, the goal lies the other way.
        direction = int(around[:, goal[0], goal[1]].argmin())
        neighbour = beside(goal, direction)
        return goal, direction ^ 1 if neighbour == self._place else self.first_step(neighbour)

    def to_enter(self, cells: NDArray[np.bool_]) -> tuple[Cell, int] | None:
        """The nearest of some cells by the way onto it, and the direction to begin with (-1: it is there)."""
        lengths = np.where(cells, self.lengths, FAR)
        found = int(lengths.argmin())
        goal = found // AREA, found % AREA
        return None if lengths[goal] >= FAR else (goal, self.first_step(goal))


def mineable(sight: Sight) -> NDArray[np.bool_]:
    """(13,): which materials the player has the tools for."""
    found = np.zeros(NUM_MATERIALS, dtype=np.bool_)
    found[TREE] = True
    found[[STONE, COAL]] = sight.has(WOOD_PICKAXE) > 0
    found[IRON] = sight.has(STONE_PICKAXE) > 0
    found[DIAMOND] = sight.has(IRON_PICKAXE) > 0
    return found


def _costs(sight: Sight) -> NDArray[np.int32]:
    """Steps that it takes to enter each cell."""
    by_material = np.zeros(NUM_MATERIALS, dtype=np.int32)
    by_material[mineable(sight)] = 3
    if sight.has(STONE_ITEM) > 0 and sight.has(WOOD_PICKAXE) > 0:
        # A stone is put there and mined again. Not so in lava: turning to it is stepping into it.
        by_material[WATER] = 5
    by_material[[GRASS, SAND, PATH]] = 1
    costs = by_material[sight.materials]
    costs[(sight.creatures > 0) & (costs > 0)] += _AROUND_A_CREATURE
    costs[sight.creatures == PLANT] = _CLOSED
    return costs


def is_walkable(sight: Sight, cell: Cell) -> bool:
    """Whether a step onto a cell succeeds now, without harm."""
    return is_inside(cell) and int(sight.materials[cell]) in (GRASS, SAND, PATH) and int(sight.creatures[cell]) == 0
