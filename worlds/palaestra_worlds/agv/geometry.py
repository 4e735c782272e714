"""Distances, and where a moving vehicle first touches something."""

from __future__ import annotations

import math
from typing import Any

from palaestra_worlds.agv.lookup import cell_at, is_blocked, room_at
from palaestra_worlds.agv.state import (
    LENGTH,
    LOOP,
    NUM_OBSTACLES,
    PHASE,
    POINTS,
    RADIUS,
    SPEED,
)
from palaestra_worlds.compiled import inlined, jitable

CONTACT = 1e-3
"""Metres that vehicles are kept from walls and racks."""
TOUCH = 2 * CONTACT
"""Metres: as near as this, and not going away, is touching."""
FAR = 1e9
MOST_ADVANCES = 100_000
"""More than the longest step needs: it only ends a loop that numbers that are not finite would keep going."""


# ---------------------------------------------------------------------------------------------- distances


@jitable
def box_to_point(x: Any, y: Any, cos: Any, sin: Any, length: Any, width: Any, to_x: Any, to_y: Any) -> Any:
    """Distance of a turned box (half sides `length`, `width`) to a point; 0 inside."""
    ahead = abs((to_x - x) * cos + (to_y - y) * sin) - length
    aside = abs((to_y - y) * cos - (to_x - x) * sin) - width
    return math.hypot(max(ahead, 0.0), max(aside, 0.0))


@jitable
def _corners_to_box(one: Any, other: Any) -> Any:
    x, y, cos, sin, length, width = one
    to_x, to_y, to_cos, to_sin, to_length, to_width = other
    nearest = FAR
    for corner in range(4):
        ahead = length if corner & 1 == 0 else -length
        aside = width if corner & 2 == 0 else -width
        at_x, at_y = x + ahead * cos - aside * sin, y + ahead * sin + aside * cos
        nearest = min(nearest, box_to_point(to_x, to_y, to_cos, to_sin, to_length, to_width, at_x, at_y))
    return nearest


@jitable
def _is_apart(one: Any, other: Any) -> Any:
    """Whether a side of the first box separates the two."""
    x, y, cos, sin, length, width = one
    off_x, off_y = other[0] - x, other[1] - y
    along, across = abs(cos * other[2] + sin * other[3]), abs(sin * other[2] - cos * other[3])
    ahead = length + other[4] * along + other[5] * across
    aside = width + other[4] * across + other[5] * along
    return abs(off_x * cos + off_y * sin) > ahead or abs(off_y * cos - off_x * sin) > aside


@jitable
def box_to_box(one: Any, other: Any) -> Any:
    """Distance of two turned boxes, each (x, y, cosine, sine, half length, half width); 0 where they overlap."""
    if not _is_apart(one, other) and not _is_apart(other, one):
        return 0.0
    return min(_corners_to_box(one, other), _corners_to_box(other, one))


@jitable
def _open_around(cells: Any, cell: Any, x: Any, y: Any) -> Any:
    """Metres around a point in which nothing is blocked, as `measure_room` found it."""
    column, row = cell_at(x, cell), cell_at(y, cell)
    off_x, off_y = x - column * cell, y - row * cell
    edge = min(min(off_x, cell - off_x), min(off_y, cell - off_y))
    return (room_at(cells, column, row) - 1) * cell + edge


@jitable
def disc_to_walls(cells: Any, cell: Any, radius: Any, x: Any, y: Any, reach: Any) -> Any:
    """Metres between a disc and the nearest wall or rack; `reach` if that is farther away."""
    around, half = radius + reach, 0.5 * cell
    if _open_around(cells, cell, x, y) >= around:
        return reach
    nearest = around * around
    for column in range(cell_at(x - around, cell), cell_at(x + around, cell) + 1):
        for row in range(cell_at(y - around, cell), cell_at(y + around, cell) + 1):
            if is_blocked(cells, column, row):
                off_x = max(abs(column * cell + half - x) - half, 0.0)
                off_y = max(abs(row * cell + half - y) - half, 0.0)
                nearest = min(nearest, off_x * off_x + off_y * off_y)
    return math.sqrt(nearest) - radius


@jitable
def gap_to_walls(
    cells: Any, cell: Any, radius: Any, length: Any, width: Any, x: Any, y: Any, heading: Any, reach: Any
) -> Any:
    """Metres between the footprint and the nearest wall or rack; `reach` if that is farther away.

    The footprint is a disc of `radius`, or where `length` > 0 a box of these half sides and circumscribed `radius`.
    """
    if length <= 0.0:
        return disc_to_walls(cells, cell, radius, x, y, reach)
    around, half = radius + reach, 0.5 * cell
    if _open_around(cells, cell, x, y) >= around:
        return reach
    nearest = reach
    body = (x, y, math.cos(heading), math.sin(heading), length, width)
    for column in range(cell_at(x - around, cell), cell_at(x + around, cell) + 1):
        for row in range(cell_at(y - around, cell), cell_at(y + around, cell) + 1):
            if is_blocked(cells, column, row):
                block = (column * cell + half, row * cell + half, 1.0, 0.0, half, half)
                nearest = min(nearest, box_to_box(body, block))
    return nearest


@jitable
def within(start: Any, along: Any, edge: Any, size: Any, low: Any, high: Any) -> Any:
    """The part of low..high of a line along one axis that lies between two edges; (1, 0) for none."""
    if along == 0.0:
        return (low, high) if edge <= start <= edge + size else (1.0, 0.0)
    first, second = (edge - start) / along, (edge + size - start) / along
    return max(low, min(first, second)), min(high, max(first, second))


@jitable
def line_to_square(from_x: Any, from_y: Any, to_x: Any, to_y: Any, left: Any, top: Any, size: Any) -> Any:
    """Distance of a line to a square; 0 where they cross, else that between an end or corner of one and the other."""
    along_x, along_y = to_x - from_x, to_y - from_y
    low, high = within(from_x, along_x, left, size, 0.0, 1.0)
    low, high = within(from_y, along_y, top, size, low, high)
    if low <= high:
        return 0.0
    squared = along_x * along_x + along_y * along_y
    nearest = FAR
    for corner in range(4):
        off_x = (left if corner & 1 == 0 else left + size) - from_x
        off_y = (top if corner & 2 == 0 else top + size) - from_y
        share = min(max((off_x * along_x + off_y * along_y) / squared, 0.0), 1.0) if squared > 0.0 else 0.0
        nearest = min(nearest, math.hypot(off_x - share * along_x, off_y - share * along_y))
    for end in range(2):
        x, y = (from_x, from_y) if end == 0 else (to_x, to_y)
        off_x, off_y = max(max(left - x, x - left - size), 0.0), max(max(top - y, y - top - size), 0.0)
        nearest = min(nearest, math.hypot(off_x, off_y))
    return nearest


@jitable
def is_straight_way_free(cells: Any, cell: Any, radius: Any, from_x: Any, from_y: Any, to_x: Any, to_y: Any) -> Any:
    """Whether a disc can go straight from one point to another without touching a wall or rack."""
    room = radius + CONTACT
    along_x, along_y = to_x - from_x, to_y - from_y
    first, last = cell_at(min(from_x, to_x) - room, cell), cell_at(max(from_x, to_x) + room, cell)
    for column in range(first, last + 1):
        low, high = within(from_x, along_x, column * cell - room, cell + 2.0 * room, 0.0, 1.0)
        if low > high:
            continue
        one, other = from_y + low * along_y, from_y + high * along_y
        top, bottom = cell_at(min(one, other) - room, cell), cell_at(max(one, other) + room, cell)
        for row in range(top, bottom + 1):
            if is_blocked(cells, column, row) and (
                line_to_square(from_x, from_y, to_x, to_y, column * cell, row * cell, cell) <= room
            ):
                return False
    return True


# ---------------------------------------------------------------------------------------------- what moves


@jitable
def obstacle_at(obstacles: Any, routes: Any, i: Any, k: Any, time: Any) -> Any:
    """Where obstacle k of environment i is so many seconds after the floor's beginning."""
    points = int(obstacles[i, k, POINTS])
    length = obstacles[i, k, LENGTH]
    if points < 2 or length <= 0.0:
        return routes[i, k, 0, 0], routes[i, k, 0, 1]
    gone = obstacles[i, k, PHASE] + obstacles[i, k, SPEED] * time
    if obstacles[i, k, LOOP] > 0.0:
        gone = gone % length
    else:
        gone = gone % (2.0 * length)
        if gone > length:
            gone = 2.0 * length - gone
    for p in range(points):
        following = (p + 1) % points
        along_x = routes[i, k, following, 0] - routes[i, k, p, 0]
        along_y = routes[i, k, following, 1] - routes[i, k, p, 1]
        leg = math.sqrt(along_x * along_x + along_y * along_y)
        if gone <= leg and leg > 0.0:
            share = gone / leg
            return routes[i, k, p, 0] + share * along_x, routes[i, k, p, 1] + share * along_y
        gone -= leg
    last = 0 if obstacles[i, k, LOOP] > 0.0 else points - 1
    return routes[i, k, last, 0], routes[i, k, last, 1]


@inlined
def gap_to_obstacle(levels: Any, i: Any, rules: Any, k: Any, time: Any, x: Any, y: Any, heading: Any) -> Any:
    """Metres between the vehicle's footprint and obstacle k at a time."""
    at_x, at_y = obstacle_at(levels.obstacles, levels.routes, i, k, time)
    if rules.half_length > 0.0:
        cos, sin = math.cos(heading), math.sin(heading)
        away = box_to_point(x, y, cos, sin, rules.half_length, rules.half_width, at_x, at_y)
    else:
        away = math.hypot(at_x - x, at_y - y) - rules.radius
    return away - levels.obstacles[i, k, RADIUS]


@jitable
def gap_between(
    radius: Any, length: Any, width: Any, x: Any, y: Any, heading: Any, to_x: Any, to_y: Any, to_heading: Any
) -> Any:
    """Metres between two vehicles of the same footprint, see `gap_to_walls`."""
    away = math.hypot(to_x - x, to_y - y) - 2.0 * radius
    if length <= 0.0 or away > 2.0 * radius:
        return away
    one = (x, y, math.cos(heading), math.sin(heading), length, width)
    return box_to_box(one, (to_x, to_y, math.cos(to_heading), math.sin(to_heading), length, width))


# ---------------------------------------------------------------------------------------------- motion


@jitable
def along_arc(x: Any, y: Any, heading: Any, speed: Any, turning: Any, time: Any) -> Any:
    """Pose after `time` at constant velocities, exactly: the middle moves on an arc of a circle."""
    turned = turning * time
    # sin(a)/a, which is 1 at 0: the arc's chord over its length.
    half = 0.5 * turned
    ratio = math.sin(half) / half if abs(half) > 1e-9 else 1.0
    chord = speed * time * ratio
    return x + chord * math.cos(heading + half), y + chord * math.sin(heading + half), heading + turned


@inlined
def first_contact(levels: Any, i: Any, rules: Any, speed: Any, turning: Any, began: Any) -> Any:
    """How long the vehicle can move before it touches something, at most `rules.dt`, and what it touches.

    Conservative advancement: from each pose it goes on for as long as nothing can possibly be reached, so nothing is
    jumped over however fast anything is. Other vehicles are left out: see `meetings`.

    Args:
        began: seconds since the floor's beginning.

    Returns:
        Seconds, to a pose that overlaps nothing yet; and 0 for nothing, 1 for a wall or rack, 2 for what moves.
    """
    x, y, heading = levels.pose[i, 0], levels.pose[i, 1], levels.pose[i, 2]
    cells, count = levels.cells[i], levels.status[i, NUM_OBSTACLES]
    # No point of the footprint is faster.
    fastest = abs(speed) + (abs(turning) * rules.radius if rules.half_length > 0.0 else 0.0)
    near = 0
    for k in range(count):
        away = gap_to_obstacle(levels, i, rules, k, began, x, y, heading)
        if away <= (fastest + levels.obstacles[i, k, SPEED]) * rules.dt + 2.0 * TOUCH:
            near |= 1 << k
    time = before = 0.0
    last, crept = -1.0, False
    for _ in range(MOST_ADVANCES):
        now_x, now_y, now_heading = along_arc(x, y, heading, speed, turning, time)
        left = rules.dt - time
        reach = fastest * left + 2.0 * TOUCH
        gap = gap_to_walls(
            cells, rules.cell, rules.radius, rules.half_length, rules.half_width, now_x, now_y, now_heading, reach
        )
        advance = left
        if fastest > 0.0 and gap < reach:
            if gap <= TOUCH and last >= 0.0 and gap <= last:
                return (before if crept else time), 1
            # A vehicle that stands at a wall may creep on, to see whether it gets away from there.
            crept = gap <= TOUCH
            advance = min(advance, (0.5 * gap if crept else gap - CONTACT) / fastest)
        last = gap
        for k in range(count):
            if near >> k & 1 == 0:
                continue
            gap = gap_to_obstacle(levels, i, rules, k, began + time, now_x, now_y, now_heading)
            if gap <= TOUCH:
                return time, 2
            closing = fastest + levels.obstacles[i, k, SPEED]
            if closing > 0.0:
                advance = min(advance, (gap - CONTACT) / closing)
        if advance >= left:
            return rules.dt, 0
        before = time
        time += advance
    return before, 1
