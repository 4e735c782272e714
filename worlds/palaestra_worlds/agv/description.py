"""A floor in plain words and a map, and back."""

from __future__ import annotations

import math
import re

import numpy as np

from palaestra_worlds.agv.floor import Floor
from palaestra_worlds.agv.state import BLOCKED_BITS, FREE, RACK, WALL

_SIGNS = {FREE: ".", WALL: "#", RACK: "R"}
_CELLS = {sign: what for what, sign in _SIGNS.items()}
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_SIZE = re.compile(rf"Warehouse floor: (\d+) x (\d+) cells of {_NUMBER} m")
_VEHICLE = re.compile(rf"Vehicle: radius {_NUMBER} m, at x {_NUMBER}, y {_NUMBER}, heading {_NUMBER} degrees")
_GOAL = re.compile(rf"Goal: at x {_NUMBER}, y {_NUMBER}, reached within {_NUMBER} m")
_ROW = re.compile(r"^ *\d+ ([.#R@G]+)$", re.MULTILINE)


class DescriptionError(ValueError):
    """A text that describes no floor."""


def describe_floor(floor: Floor, obstacles: list[tuple[float, float, float]]) -> str:
    """What a teacher is told.

    Args:
        floor: what to describe.
        obstacles: x, y and radius of whatever moves.
    """
    columns, rows = floor.cells.shape
    lines = [
        f"Warehouse floor: {columns} x {rows} cells of {floor.cell:g} m, {columns * floor.cell:g} x "
        f"{rows * floor.cell:g} m in all. Places are in metres: x from the left edge, y from the upper edge.",
        f"Vehicle: radius {floor.radius:.3f} m, at x {floor.x:.3f}, y {floor.y:.3f}, heading "
        f"{math.degrees(floor.heading):.1f} degrees (0 to the right, 90 downwards). It drives to any place that no "
        "wall or rack separates from it.",
        f"Goal: at x {floor.goal[0]:.3f}, y {floor.goal[1]:.3f}, reached within {floor.goal_radius:g} m.",
    ]
    lines += [f"Moving: radius {radius:.2f} m, now at x {x:.2f}, y {y:.2f}." for x, y, radius in obstacles]
    lines.append("Map (# wall, R rack, . free, @ vehicle, G goal; the first column's number is the row):")
    marks = {floor.cell_at(*floor.goal): "G", floor.cell_at(floor.x, floor.y): "@"}
    for y in range(rows):
        signs = (marks.get((x, y), _SIGNS[int(floor.cells[x, y]) & BLOCKED_BITS]) for x in range(columns))
        lines.append(f"{y:3d} {''.join(signs)}")
    lines.append(f"The middle of column c, row r of the map is at x = {floor.cell:g} * (c + 0.5), y likewise.")
    return "\n".join(lines)


def parse_description(text: str) -> Floor:
    """The floor that a text describes.

    Raises:
        DescriptionError: it describes none.
    """
    size, vehicle, goal = _SIZE.search(text), _VEHICLE.search(text), _GOAL.search(text)
    if size is None or vehicle is None or goal is None:
        raise DescriptionError("this text describes no warehouse floor")
    columns, rows = int(size[1]), int(size[2])
    lines = _ROW.findall(text[size.start() :])[:rows]
    if len(lines) != rows or any(len(line) != columns for line in lines):
        raise DescriptionError(f"the map has not {rows} rows of {columns} cells")
    cells = np.array([[_CELLS.get(line[x], FREE) for line in lines] for x in range(columns)], np.uint8)
    radius, x, y, heading = (float(vehicle[k]) for k in range(1, 5))
    return Floor(
        cells, float(size[3]), radius, x, y, math.radians(heading), (float(goal[1]), float(goal[2])), float(goal[3])
    )
