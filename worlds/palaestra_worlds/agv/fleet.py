"""Vehicles of one floor that are planned together: an upper bound for several vehicles, from multi-agent path finding.

Ways come from `pymapf` (extra `fleet`): weighted conflict-based search on the floor's cells, at most 1.5 times as long
in all as the best. Vehicles take longer to turn and to speed up than a plan of equal steps says, so its times are not
kept, but its order is: a vehicle drives into a cell once all that the plan has there before it have left
(Hönig and others 2016, Multi-agent path finding with kinematic constraints).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pymapf
from numpy.typing import NDArray

from palaestra_worlds.agv.driver import as_actions, refuse_other_actions
from palaestra_worlds.agv.layouts import nodes_of
from palaestra_worlds.agv.state import COLUMNS, ROWS, STEP
from palaestra_worlds.agv.world import AGVWorld

Cell = tuple[int, int]

WEIGHT, TIME_LIMIT = 1.5, 2.0
"""How many times as long as the best a plan may be; and seconds for one, after which vehicles are planned in turn."""
ARRIVED = 0.1
"""Cells from a cell's middle within which a vehicle is there."""


class Convoy:
    """The plan of one floor's vehicles, and how far each has come.

    Args:
        ways: the cell of each vehicle at times 0, 1, 2, ...

    Attributes:
        visits: the cells that each comes to one after the other, and when by the plan.
        reached: the last of its visits that each has made; -1 on the way to the first.
    """

    def __init__(self, ways: Sequence[Sequence[Cell]]) -> None:
        self.visits: list[list[tuple[Cell, int]]] = []
        for way in ways:
            moves = [k for k in range(len(way)) if k == 0 or way[k] != way[k - 1]]
            self.visits.append([(way[k], k) for k in moves])
        self.reached = [-1] * len(ways)

    def may_enter(self, vehicle: int, number: int) -> bool:
        """Whether all that come to the cell of a vehicle's visit before it have left it."""
        cell, time = self.visits[vehicle][number]
        return all(
            self.reached[other] > k
            for other, visits in enumerate(self.visits)
            if other != vehicle
            for k, (place, when) in enumerate(visits)
            if place == cell and when < time
        )

    def target(self, vehicle: int) -> Cell:
        """The farthest cell straight ahead that it may drive to; its own if it has to wait, or is where it should."""
        visits, k = self.visits[vehicle], self.reached[vehicle]
        if k < 0:
            return visits[0][0]
        heading = None
        while k + 1 < len(visits) and self.may_enter(vehicle, k + 1):
            (x, y), (to_x, to_y) = visits[k][0], visits[k + 1][0]
            if heading not in (None, (to_x - x, to_y - y)):
                break
            heading = to_x - x, to_y - y
            k += 1
        return visits[k][0]

    def advance(self, vehicle: int, x: float, y: float) -> None:
        """Takes note of where a vehicle is, in cells."""
        visits = self.visits[vehicle]
        if self.reached[vehicle] < 0 and _away(visits[0][0], x, y) <= ARRIVED:
            self.reached[vehicle] = 0
        if self.reached[vehicle] < 0:
            return
        for k in range(self.reached[vehicle] + 1, len(visits)):
            (from_x, from_y), (to_x, to_y) = visits[k - 1][0], visits[k][0]
            left = (to_x + 0.5 - x) * (to_x - from_x) + (to_y + 0.5 - y) * (to_y - from_y)
            if left > ARRIVED or not self.may_enter(vehicle, k):
                return
            self.reached[vehicle] = k

    def next_cell(self, vehicle: int, x: float, y: float) -> Cell:
        """Where a vehicle can stop: the cell that it is in, or on the way to."""
        visits, k = self.visits[vehicle], max(self.reached[vehicle], 0)
        on_the_way = self.reached[vehicle] >= 0 and _away(visits[k][0], x, y) > 2 * ARRIVED
        return visits[k + 1 if on_the_way and k + 1 < len(visits) and self.may_enter(vehicle, k + 1) else k][0]


def _away(cell: Cell, x: float, y: float) -> float:
    return math.hypot(cell[0] + 0.5 - x, cell[1] + 0.5 - y)


def plan(free: NDArray[np.bool_], starts: Sequence[Cell], goals: Sequence[Cell]) -> list[list[Cell]]:
    """Ways of all vehicles that do not get into each other's; who has none stays where it is.

    Args:
        free: bool (columns, rows), where a vehicle fits.
        starts, goals: a cell for each vehicle, all starts and all goals different.
    """
    agents = [pymapf.Agent(str(k), *ends) for k, ends in enumerate(zip(starts, goals, strict=True))]
    problem = pymapf.MAPFProblem(pymapf.GridMap(~free), agents)
    solution = pymapf.get_solver("wcbs", weight=WEIGHT, time_limit=TIME_LIMIT).solve(problem)
    if solution is None:
        solution = pymapf.get_solver("prioritized").solve(problem)
    if solution is None:
        return [[start] for start in starts]
    return [solution.paths[agent.name] for agent in agents]


class FleetDriver:
    """Gives the actions of an AGV world with several vehicles on a floor, as `Driver` does for each alone."""

    def __init__(self, world: AGVWorld) -> None:
        """
        Raises:
            ValueError: the world's actions are no velocities; something moves on routes, which plans leave out; or a
                vehicle is as wide as a cell, so that two cannot pass in neighbouring ones.
        """
        refuse_other_actions(world)
        settings, radius = world.settings, world.settings.vehicle.circumscribed
        if settings.obstacles or settings.moving:
            raise ValueError("fleets are planned on floors without `obstacles` and with `moving: 0`")
        if 2.2 * radius > settings.cell:
            raise ValueError(
                f"vehicles of radius {radius:.3g} m cannot pass each other in cells of {settings.cell:g} m; set `cell` "
                f"to {2.2 * radius:.2g} or more"
            )
        self._world = world
        self._convoys: list[Convoy | None] = [None] * (world.num_envs // settings.vehicles)

    def actions(self) -> NDArray[np.float32]:
        """float32 (num_envs, 2), for the world's next step."""
        levels, rules = self._world.state()
        targets = np.zeros((self._world.num_envs, 2))
        places = levels.pose[:, :2] / rules.cell
        for floor in range(len(self._convoys)):
            rows = range(floor * rules.vehicles, (floor + 1) * rules.vehicles)
            convoy = self._convoys[floor]
            if convoy is not None:
                for vehicle, i in enumerate(rows):
                    if levels.status[i, STEP] > 0:
                        convoy.advance(vehicle, *places[i])
            if convoy is None or (levels.status[rows.start : rows.stop, STEP] == 0).any():
                convoy = self._convoys[floor] = self._planned(convoy, rows)
            targets[rows.start : rows.stop] = [convoy.target(vehicle) for vehicle in range(rules.vehicles)]
        return self._towards((targets + 0.5) * rules.cell)

    def _planned(self, before: Convoy | None, rows: range) -> Convoy:
        levels, rules = self._world.state()
        columns, height = levels.status[rows.start, [COLUMNS, ROWS]]
        free = nodes_of(levels.cells[rows.start, :columns, :height], rules.cell, rules.radius)
        places, wanted = levels.pose[:, :2] / rules.cell, levels.goal / rules.cell
        starts: dict[int, Cell] = {}
        # Who is on the way first: nobody else may be where it stops.
        for vehicle, i in sorted(enumerate(rows), key=lambda pair: levels.status[pair[1], STEP] == 0):
            if before is None or levels.status[i, STEP] == 0:
                starts[vehicle] = _nearest(free, _cell_of(places[i]), starts.values())
            else:
                starts[vehicle] = before.next_cell(vehicle, *places[i])
        goals: dict[int, Cell] = {}
        for vehicle, i in enumerate(rows):
            goals[vehicle] = _nearest(free, _cell_of(wanted[i]), goals.values())
        return Convoy(plan(free, [starts[k] for k in range(len(rows))], list(goals.values())))

    def _towards(self, targets: NDArray[np.float64]) -> NDArray[np.float32]:
        levels, rules = self._world.state()
        off = targets - levels.pose[:, :2]
        away = np.hypot(*off.T)
        error = (np.arctan2(off[:, 1], off[:, 0]) - levels.pose[:, 2] + np.pi) % (2 * np.pi) - np.pi
        error[away < 0.5 * ARRIVED * rules.cell] = 0.0
        turning = np.clip(error / rules.dt, -rules.turn_rate, rules.turn_rate)
        # So slow that it can stop within a cell, and ahead only where it faces.
        fastest = np.minimum(0.7 * np.sqrt(2 * rules.acceleration * np.minimum(away, rules.cell)), away / rules.dt)
        speed = np.minimum(fastest, rules.max_speed) * np.maximum(0.0, 1.0 - np.abs(error) / 0.25)
        return as_actions(rules, np.column_stack([speed, turning]))


def _cell_of(place: NDArray[np.float64]) -> Cell:
    return int(place[0]), int(place[1])


def _nearest(free: NDArray[np.bool_], cell: Cell, taken: Iterable[Cell]) -> Cell:
    """The free cell that is nearest to one and not taken."""
    left = free.copy()
    for place in taken:
        left[place] = False
    found = np.argwhere(left)
    x, y = found[np.argmin(np.hypot(*(found - cell).T))].tolist()
    return x, y
