"""A floor from above: racks and walls, goal, routes, the vehicle with its lidar, and where it has been."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from palaestra_worlds.agv.geometry import obstacle_at
from palaestra_worlds.agv.state import (
    BLOCKED_BITS,
    CLOCK,
    COLUMNS,
    LOOP,
    NUM_OBSTACLES,
    POINTS,
    RACK,
    RADIUS,
    ROWS,
    WALL,
    Levels,
    Rules,
)

Color = tuple[int, int, int]
FLOOR, WALL_COLOR, RACK_COLOR = (246, 246, 242), (70, 74, 82), (190, 150, 100)
GOAL, TRAIL, BODY, MOVING, BEAM, WAYPOINT = (
    (70, 170, 90),
    (60, 110, 200),
    (30, 80, 180),
    (205, 70, 60),
    (255, 214, 110),
    (150, 90, 190),
)
LARGEST_SIDE = 720


def pixels_per_metre(width: float, height: float) -> float:
    """Scale of pictures of a floor."""
    return min(LARGEST_SIDE / max(width, height), 64.0)


def draw_floor(
    levels: Levels,
    i: int,
    rules: Rules,
    beams: NDArray[np.float32],
    lidar: NDArray[np.float32],
    trail: NDArray[np.float64],
    waypoints: Sequence[tuple[float, float]],
) -> NDArray[np.uint8]:
    """uint8 (height, width, 3).

    Args:
        levels, i: the floor and whatever is on it.
        rules: sizes.
        beams: (2, beams) directions relative to the heading.
        lidar: (beams,) shares of the range.
        trail: (points, 2) where the vehicle has been.
        waypoints: those that are still to be reached.
    """
    scale = pixels_per_metre(rules.floor_width, rules.floor_height)
    size = math.ceil(rules.floor_width * scale), math.ceil(rules.floor_height * scale)
    image = Image.new("RGB", size, FLOOR)
    pen = ImageDraw.Draw(image)
    _draw_lidar(pen, levels, i, rules, beams, lidar, scale)
    for x in range(levels.status[i, COLUMNS]):
        for y in range(levels.status[i, ROWS]):
            what = levels.cells[i, x, y] & BLOCKED_BITS
            if what in (WALL, RACK):
                corners = [round(edge * rules.cell * scale) for edge in (x, y, x + 1, y + 1)]
                pen.rectangle(
                    (*corners[:2], corners[2] - 1, corners[3] - 1), WALL_COLOR if what == WALL else RACK_COLOR
                )
    goal_x, goal_y = levels.goal[i].tolist()
    _disc(pen, goal_x, goal_y, rules.goal_radius, scale, None, GOAL)
    _disc(pen, goal_x, goal_y, 0.12, scale, GOAL, GOAL)
    for x, y in waypoints:
        _disc(pen, x, y, 0.1, scale, WAYPOINT, WAYPOINT)
    if len(trail) > 1:
        pen.line([(x * scale, y * scale) for x, y in trail], TRAIL, 2)
    for k in range(levels.status[i, NUM_OBSTACLES]):
        route = levels.routes[i, k, : int(levels.obstacles[i, k, POINTS])]
        if len(route) > 1:
            closing = route[:1] if levels.obstacles[i, k, LOOP] else route[:0]
            pen.line([(x * scale, y * scale) for x, y in (*route, *closing)], (232, 180, 175), 1)
        at_x, at_y = obstacle_at(levels.obstacles, levels.routes, i, k, levels.status[i, CLOCK] * rules.dt)
        _disc(pen, at_x, at_y, levels.obstacles[i, k, RADIUS], scale, MOVING, MOVING)
    _draw_vehicle(pen, levels, i, rules, scale)
    return np.asarray(image).copy()


def _disc(
    pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, scale: float, fill: Color | None, line: Color
) -> None:
    pen.ellipse([(x - radius) * scale, (y - radius) * scale, (x + radius) * scale, (y + radius) * scale], fill, line, 2)


def _draw_lidar(
    pen: ImageDraw.ImageDraw,
    levels: Levels,
    i: int,
    rules: Rules,
    beams: NDArray[np.float32],
    lidar: NDArray[np.float32],
    scale: float,
) -> None:
    x, y, heading = levels.pose[i]
    cos, sin = math.cos(heading), math.sin(heading)
    for (ahead, aside), share in zip(beams.T.tolist(), lidar, strict=True):
        away = float(share) * rules.lidar_range
        end = x + away * (ahead * cos - aside * sin), y + away * (ahead * sin + aside * cos)
        pen.line([x * scale, y * scale, end[0] * scale, end[1] * scale], BEAM, 1)
        if share < 1.0:
            _disc(pen, *end, 0.04, scale, (230, 150, 30), (230, 150, 30))


def _draw_vehicle(pen: ImageDraw.ImageDraw, levels: Levels, i: int, rules: Rules, scale: float) -> None:
    x, y, heading = levels.pose[i]
    cos, sin = math.cos(heading), math.sin(heading)
    if rules.half_length > 0.0:
        a, b = rules.half_length, rules.half_width
        corners = [(a, b), (a, -b), (-a, -b), (-a, b)]
        pen.polygon([((x + u * cos - v * sin) * scale, (y + u * sin + v * cos) * scale) for u, v in corners], BODY)
        length = rules.half_length
    else:
        _disc(pen, x, y, rules.radius, scale, BODY, BODY)
        length = rules.radius
    pen.line([x * scale, y * scale, (x + length * cos) * scale, (y + length * sin) * scale], (255, 255, 255), 3)
