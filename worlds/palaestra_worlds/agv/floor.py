"""One floor with its vehicle and goal as planners, teachers and pictures see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.lessons import MAX_SUBGOALS
from palaestra_worlds.agv.planner import plan_field, shortest_way
from palaestra_worlds.agv.state import BLOCKED_BITS, COLUMNS, ROWS, Levels
from palaestra_worlds.compiled import kernel

Point = tuple[float, float]
LEG = 4.0
"""Metres between waypoints on a straight way, at most."""


@dataclass(frozen=True)
class Floor:
    """What a planner needs to know of a level.

    Attributes:
        cells: uint8 (columns, rows), see `state`.
        cell: side of a cell, m.
        radius: of the vehicle's circumscribed circle, m.
        x, y, heading: of the vehicle.
        goal: its place.
        goal_radius: how near it is near enough, m.
    """

    cells: NDArray[np.uint8]
    cell: float
    radius: float
    x: float
    y: float
    heading: float
    goal: Point
    goal_radius: float

    @staticmethod
    def of(levels: Levels, i: int, cell: float, radius: float, goal_radius: float) -> Floor:
        """The floor of environment i."""
        columns, rows = levels.status[i, COLUMNS], levels.status[i, ROWS]
        x, y, heading = levels.pose[i].tolist()
        goal = (float(levels.goal[i, 0]), float(levels.goal[i, 1]))
        return Floor(levels.cells[i, :columns, :rows].copy(), cell, radius, x, y, heading, goal, goal_radius)

    def cell_at(self, x: float, y: float) -> tuple[int, int]:
        """Column and row of a place."""
        return int(x // self.cell), int(y // self.cell)

    def is_inside(self, x: float, y: float) -> bool:
        column, row = self.cell_at(x, y)
        return 0 <= column < self.cells.shape[0] and 0 <= row < self.cells.shape[1]

    def what_is_at(self, x: float, y: float) -> int:
        """FREE, WALL or RACK."""
        return int(self.cells[self.cell_at(x, y)]) & BLOCKED_BITS

    def way(self, start: Point, end: Point) -> tuple[list[Point], float]:
        """Turning points of a short way from `start` (not among them) to `end`, and its length in metres; no points
        and infinity where there is none."""
        field = np.empty(self.cells.shape, np.float32)
        way = np.empty((self.cells.size + 2, 2))
        count, length = _plan_kernel()(
            self.cells, field, np.array(end), self.cell, self.radius, *start, *self.cell_at(*end), way
        )
        return [(float(x), float(y)) for x, y in way[1 : int(count)]], float(length)

    def waypoints(self) -> list[Point]:
        """Where to go one after the other, the goal last; empty where there is no way."""
        points, _ = self.way((self.x, self.y), self.goal)
        leg = LEG
        while True:
            spread = _spread_out([(self.x, self.y), *points], leg)
            if len(spread) <= MAX_SUBGOALS:
                return spread
            leg *= 1.5
            if leg > 1000.0:
                step = -(-len(spread) // MAX_SUBGOALS)
                return spread[::-1][::step][::-1]


def _spread_out(points: Sequence[Point], leg: float) -> list[Point]:
    """All points but the first, with more in between where two are farther apart than `leg`."""
    spread: list[Point] = []
    for start, end in pairwise(points):
        parts = max(1, int(np.ceil(np.hypot(end[0] - start[0], end[1] - start[1]) / leg)))
        shares = [k / parts for k in range(1, parts + 1)]
        spread += [(start[0] + (end[0] - start[0]) * p, start[1] + (end[1] - start[1]) * p) for p in shares]
    return spread


def _plan(
    cells: Any, field: Any, goal: Any, cell: Any, radius: Any, x: Any, y: Any, column: Any, row: Any, way: Any
) -> Any:
    plan_field(cells, field, cell, radius, column, row)
    return shortest_way(cells, field, goal, cell, radius, x, y, way)


@cache
def _plan_kernel() -> Callable[..., Any]:
    return kernel(_plan, "agv")
