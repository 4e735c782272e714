"""Layouts as a user gives them → floors as the engine copies them, or a named error that says which cell and why."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.geometry import line_to_square
from palaestra_worlds.agv.lookup import measure_room, merge_blocks
from palaestra_worlds.agv.planner import is_node
from palaestra_worlds.agv.settings import MOST_CELLS, AGVSettings, Obstacle, Rectangles
from palaestra_worlds.agv.state import (
    BLOCKED_BITS,
    FREE,
    GOAL_BIT,
    LENGTH,
    LOOP,
    MAX_BLOCKS,
    MAX_POINTS,
    NUM_OBSTACLE,
    POINTS,
    RACK,
    RADIUS,
    SPEED,
    START_BIT,
    WALL,
    Drawing,
)

Cells = NDArray[np.uint8]

CHARACTERS = {"#": WALL, "R": RACK, ".": FREE, " ": FREE, "S": FREE | START_BIT, "G": FREE | GOAL_BIT}
NAMES = {FREE: "free floor", WALL: "a wall", RACK: "a rack"}


class LayoutError(ValueError):
    """A layout that is malformed or cannot be driven in; the message names the cell and says why."""


def draw(settings: AGVSettings, layout: str | Rectangles) -> Drawing:
    """The floor of a drawing or of rectangles. Regions that are not given are all that can be reached.

    Raises:
        LayoutError: it is malformed, a start does not reach a goal, or an obstacle's route leads through something.
    """
    cells = _from_text(layout) if isinstance(layout, str) else _from_rectangles(layout, settings.cell)
    _prove_solvable(cells, settings)
    obstacles, routes = _routes(settings, cells)
    return finished(cells, settings.cell, obstacles, routes)


MOST_KEPT = 2**22
"""Numbers that the fields of a drawn floor's goals may have in all; where there are more, none are kept."""


def finished(cells: Cells, cell: float, obstacles: NDArray[np.float64], routes: NDArray[np.float64]) -> Drawing:
    """A drawing made ready for the engine; no goal of it was planned for yet."""
    measure_room(cells)
    blocks = np.zeros((MAX_BLOCKS, 4), np.float32)
    count = int(merge_blocks(cells, cell, blocks))
    goals = np.argwhere(cells & GOAL_BIT)
    kept = len(goals) if len(goals) * cells.size <= MOST_KEPT else 0
    number = np.full(cells.shape, -1, np.int32)
    number[tuple(goals[:kept].T)] = np.arange(kept)
    fields = np.zeros((kept, *cells.shape), np.float32)
    return Drawing(cells, blocks[:count].copy(), obstacles, routes, fields, number, np.zeros(kept, np.bool_))


def nodes_of(cells: Cells, cell: float, radius: float) -> NDArray[np.bool_]:
    """The cells (columns, rows) in whose middle a vehicle of this radius touches nothing."""
    free = [[is_node(cells, cell, radius, x, y) for y in range(cells.shape[1])] for x in range(cells.shape[0])]
    return np.array(free, np.bool_)


def _prove_solvable(cells: Cells, settings: AGVSettings) -> None:
    """Every start must reach every goal. A region that is not given becomes all that can be reached from the other."""
    from scipy.ndimage import label

    radius = settings.vehicle.circumscribed
    labelled: Any = label(nodes_of(cells, settings.cell, radius))
    parts, count = labelled
    if count == 0:
        raise LayoutError(f"layout: there is no cell in which a vehicle of radius {radius:.3g} m touches nothing")
    names = {START_BIT: "start", GOAL_BIT: "goal"}
    given = {bit: np.argwhere(cells & bit) for bit in names}
    for bit, found in given.items():
        for x, y in found:
            if parts[x, y] == 0:
                raise LayoutError(
                    f"layout: at the {names[bit]} cell ({x}, {y}) a vehicle of radius {radius:.3g} m touches a wall or "
                    "rack"
                )
    known = [found for found in given.values() if len(found)]
    main = int(parts[tuple(known[0][0])]) if known else 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    for bit, found in given.items():
        for x, y in found:
            if parts[x, y] != main:
                first_x, first_y = known[0][0]
                raise LayoutError(
                    f"layout: there is no way for a vehicle of radius {radius:.3g} m between cell ({first_x}, "
                    f"{first_y}) and the {names[bit]} cell ({x}, {y})"
                )
        if not len(found):
            cells[parts == main] |= bit
    starts, goals = (np.argwhere(cells & bit) for bit in (START_BIT, GOAL_BIT))
    least = settings.goal_radius + 0.5 * settings.cell
    for x, y in goals:
        if settings.cell * np.hypot(*(starts - (x, y)).T).max() < least:
            raise LayoutError(
                f"layout: every start lies within {least:.3g} m of the goal cell ({x}, {y}), where the goal is reached "
                "already (`goal_radius`)"
            )


def _from_text(text: str) -> Cells:
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    columns = max((len(line) for line in lines), default=0)
    if not 3 <= len(lines) <= MOST_CELLS or not 3 <= columns <= MOST_CELLS:
        raise LayoutError(
            f"layout: {columns} columns and {len(lines)} rows; a drawing has 3 to {MOST_CELLS} of each, a line for "
            "each row"
        )
    cells = np.zeros((columns, len(lines)), np.uint8)
    for y, line in enumerate(lines):
        if len(line) != columns:
            raise LayoutError(f"layout: row {y} has {len(line)} characters, others have {columns}")
        for x, character in enumerate(line):
            if character not in CHARACTERS:
                known = " ".join(sorted(set(CHARACTERS) - {" "}))
                raise LayoutError(f"layout: cell ({x}, {y}) is '{character}', which stands for nothing; use {known}")
            cells[x, y] = CHARACTERS[character]
    return cells


def _from_rectangles(given: Rectangles, cell: float) -> Cells:
    columns, rows = (_whole(side, cell, f"layout.size: {side} m") for side in given.size)
    if not 3 <= columns <= MOST_CELLS or not 3 <= rows <= MOST_CELLS:
        raise LayoutError(
            f"layout.size: {columns} x {rows} cells of {cell} m; a floor has 3 to {MOST_CELLS} columns and rows"
        )
    cells = np.zeros((columns, rows), np.uint8)
    cells[[0, -1]] = cells[:, [0, -1]] = WALL
    for name, what in (("walls", WALL), ("racks", RACK), ("starts", START_BIT), ("goals", GOAL_BIT)):
        for number, rectangle in enumerate(getattr(given, name)):
            where = f"layout.{name}[{number}]"
            left, top, wide, high = (_whole(part, cell, f"{where}: {part} m") for part in rectangle)
            if not wide or not high or left + wide > columns or top + high > rows:
                raise LayoutError(f"{where}: {list(rectangle)} has no area or sticks out of the {given.size} m floor")
            part = cells[left : left + wide, top : top + high]
            if what in (START_BIT, GOAL_BIT):
                _refuse_blocked(cells, left, top, part, where)
                part |= what
            else:
                part[...] = what
    return cells


def _refuse_blocked(cells: Cells, left: int, top: int, part: Cells, where: str) -> None:
    blocked = np.argwhere(part & BLOCKED_BITS)
    if len(blocked):
        x, y = int(left + blocked[0, 0]), int(top + blocked[0, 1])
        raise LayoutError(f"{where}: cell ({x}, {y}) of it is {NAMES[int(cells[x, y]) & BLOCKED_BITS]}")


def _whole(metres: float, cell: float, where: str) -> int:
    count = round(metres / cell)
    if abs(count * cell - metres) > 1e-6:
        raise LayoutError(f"{where} is no multiple of `cell`, {cell} m")
    return count


# ---------------------------------------------------------------------------------------------- routes


def _routes(settings: AGVSettings, cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found = settings.obstacles
    obstacles, routes = np.zeros((len(found), NUM_OBSTACLE)), np.zeros((len(found), MAX_POINTS, 2))
    for k, obstacle in enumerate(found):
        legs = _legs(obstacle)
        for number, (start, end) in enumerate(legs or [(obstacle.route[0], obstacle.route[0])]):
            _check_leg(cells, settings.cell, obstacle.radius, start, end, f"obstacles[{k}], leg {number} of its route")
        routes[k, : len(obstacle.route)] = obstacle.route
        obstacles[k, RADIUS], obstacles[k, SPEED] = obstacle.radius, obstacle.speed
        obstacles[k, LENGTH] = sum(math.dist(start, end) for start, end in legs)
        obstacles[k, LOOP], obstacles[k, POINTS] = float(obstacle.loop), len(obstacle.route)
    return obstacles, routes


def _legs(obstacle: Obstacle) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    points = list(obstacle.route)
    if obstacle.loop:
        points.append(points[0])
    return list(pairwise(points))


def _check_leg(
    cells: Cells, cell: float, radius: float, start: tuple[float, float], end: tuple[float, float], where: str
) -> None:
    """Looks at the capsule that a disc sweeps, against every blocked cell."""
    columns, rows = cells.shape
    for x, y in (start, end):
        if not (0 <= x <= columns * cell and 0 <= y <= rows * cell):
            raise LayoutError(f"{where}: ({x}, {y}) is outside of the {columns * cell} x {rows * cell} m floor")
    for x, y in np.argwhere(cells & BLOCKED_BITS):
        if line_to_square(*start, *end, x * cell, y * cell, cell) < radius:
            what = NAMES[int(cells[x, y]) & BLOCKED_BITS]
            raise LayoutError(
                f"{where}, from {start} to {end} with a radius of {radius} m, goes through cell ({x}, {y}), {what}"
            )
