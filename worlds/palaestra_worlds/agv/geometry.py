"""Distances, lidar beams, and where a moving vehicle first touches something."""

from __future__ import annotations

import math
from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.agv.state import (
    BLOCKED_BITS,
    LENGTH,
    LOOP,
    NUM_OBSTACLES,
    PHASE,
    POINTS,
    RADIUS,
    SPEED,
)

CONTACT = 1e-3
"""Metres that vehicles are kept from walls and racks."""
TOUCH = 2 * CONTACT
"""Metres: as near as this, and not going away, is touching."""
FAR = 1e9
_MOST_ADVANCES = 100_000
"""More than the longest step needs: it only ends a loop that numbers that are not finite would keep going."""


@register_jitable
def is_blocked(cells: Any, column: Any, row: Any) -> Any:
    """Whether a cell of a floor, uint8 (columns, rows), is a wall or rack; everything outside of it is."""
    if column < 0 or row < 0 or column >= cells.shape[0] or row >= cells.shape[1]:
        return True
    return cells[column, row] & BLOCKED_BITS != 0


@register_jitable
def _box_to_point(x: Any, y: Any, heading: Any, half_length: Any, half_width: Any, to_x: Any, to_y: Any) -> Any:
    cos, sin = math.cos(heading), math.sin(heading)
    ahead = abs((to_x - x) * cos + (to_y - y) * sin) - half_length
    aside = abs((to_y - y) * cos - (to_x - x) * sin) - half_width
    return math.hypot(max(ahead, 0.0), max(aside, 0.0))


@register_jitable
def _box_to_cell(x: Any, y: Any, heading: Any, length: Any, width: Any, left: Any, top: Any, size: Any) -> Any:
    """Distance of a turned box (half sides `length`, `width`) to a square cell; 0 where they overlap."""
    cos, sin = math.cos(heading), math.sin(heading)
    nearest = FAR
    for a in range(4):
        corner_x = left if a & 1 == 0 else left + size
        corner_y = top if a & 2 == 0 else top + size
        nearest = min(nearest, _box_to_point(x, y, heading, length, width, corner_x, corner_y))
        ahead = length if a & 1 == 0 else -length
        aside = width if a & 2 == 0 else -width
        own_x, own_y = x + ahead * cos - aside * sin, y + ahead * sin + aside * cos
        off_x = max(max(left - own_x, own_x - left - size), 0.0)
        off_y = max(max(top - own_y, own_y - top - size), 0.0)
        nearest = min(nearest, math.hypot(off_x, off_y))
    if nearest > 0.0 and _boxes_overlap(x, y, cos, sin, length, width, left, top, size):
        return 0.0
    return nearest


@register_jitable
def _boxes_overlap(x: Any, y: Any, cos: Any, sin: Any, length: Any, width: Any, left: Any, top: Any, size: Any) -> Any:
    """Whether no side of either separates them."""
    off_x, off_y = left + size / 2 - x, top + size / 2 - y
    turned = abs(cos) + abs(sin)
    apart = abs(off_x) > size / 2 + length * abs(cos) + width * abs(sin)
    apart = apart or abs(off_y) > size / 2 + length * abs(sin) + width * abs(cos)
    apart = apart or abs(off_x * cos + off_y * sin) > length + size / 2 * turned
    apart = apart or abs(off_y * cos - off_x * sin) > width + size / 2 * turned
    return not apart


@register_jitable
def gap_to_walls(
    cells: Any, cell: Any, radius: Any, length: Any, width: Any, x: Any, y: Any, heading: Any, reach: Any
) -> Any:
    """Metres between the footprint and the nearest wall or rack; `reach` if that is farther away.

    The footprint is a disc of `radius`, or where `length` > 0 a box of these half sides and circumscribed `radius`.
    """
    nearest = reach
    around = radius + reach
    for column in range(math.floor((x - around) / cell), math.floor((x + around) / cell) + 1):
        for row in range(math.floor((y - around) / cell), math.floor((y + around) / cell) + 1):
            if not is_blocked(cells, column, row):
                continue
            left, top = column * cell, row * cell
            if length > 0.0:
                gap = _box_to_cell(x, y, heading, length, width, left, top, cell)
            else:
                off_x = max(max(left - x, x - left - cell), 0.0)
                off_y = max(max(top - y, y - top - cell), 0.0)
                gap = math.hypot(off_x, off_y) - radius
            nearest = min(nearest, gap)
    return nearest


@register_jitable
def obstacle_at(levels: Any, i: Any, k: Any, time: Any) -> Any:
    """Where obstacle k is so many seconds after the episode's beginning."""
    obstacle, route = levels.obstacles[i, k], levels.routes[i, k]
    points = int(obstacle[POINTS])
    length = obstacle[LENGTH]
    if points < 2 or length <= 0.0:
        return route[0, 0], route[0, 1]
    gone = obstacle[PHASE] + obstacle[SPEED] * time
    if obstacle[LOOP] > 0.0:
        gone = gone % length
    else:
        gone = gone % (2.0 * length)
        if gone > length:
            gone = 2.0 * length - gone
    for p in range(points):
        following = (p + 1) % points
        leg = math.hypot(route[following, 0] - route[p, 0], route[following, 1] - route[p, 1])
        if gone <= leg and leg > 0.0:
            share = gone / leg
            return (
                route[p, 0] + share * (route[following, 0] - route[p, 0]),
                route[p, 1] + share * (route[following, 1] - route[p, 1]),
            )
        gone -= leg
    last = 0 if obstacle[LOOP] > 0.0 else points - 1
    return route[last, 0], route[last, 1]


@register_jitable
def gap_to_obstacle(levels: Any, i: Any, rules: Any, k: Any, time: Any, x: Any, y: Any, heading: Any) -> Any:
    """Metres between the vehicle's footprint and obstacle k at a time."""
    at_x, at_y = obstacle_at(levels, i, k, time)
    if rules.half_length > 0.0:
        away = _box_to_point(x, y, heading, rules.half_length, rules.half_width, at_x, at_y)
    else:
        away = math.hypot(at_x - x, at_y - y) - rules.radius
    return away - levels.obstacles[i, k, RADIUS]


@register_jitable
def clearance(levels: Any, i: Any, rules: Any, time: Any, reach: Any) -> Any:
    """Metres between the vehicle and whatever is nearest to it; `reach` if that is farther away."""
    x, y, heading = levels.pose[i, 0], levels.pose[i, 1], levels.pose[i, 2]
    nearest = gap_to_walls(
        levels.cells[i], rules.cell, rules.radius, rules.half_length, rules.half_width, x, y, heading, reach
    )
    for k in range(levels.status[i, NUM_OBSTACLES]):
        nearest = min(nearest, gap_to_obstacle(levels, i, rules, k, time, x, y, heading))
    return nearest


@register_jitable
def along_arc(x: Any, y: Any, heading: Any, speed: Any, turning: Any, time: Any) -> Any:
    """Pose after `time` at constant velocities, exactly: the middle moves on an arc of a circle."""
    turned = turning * time
    # sin(a)/a, which is 1 at 0: the arc's chord over its length.
    half = 0.5 * turned
    ratio = math.sin(half) / half if abs(half) > 1e-9 else 1.0
    chord = speed * time * ratio
    return x + chord * math.cos(heading + half), y + chord * math.sin(heading + half), heading + turned


@register_jitable
def first_contact(levels: Any, i: Any, rules: Any, speed: Any, turning: Any, began: Any) -> Any:
    """How long the vehicle can move before it touches something, at most `rules.dt`, and what it touches.

    Conservative advancement: from each pose it goes on for as long as nothing can possibly be reached, so nothing is
    jumped over however fast anything is.

    Args:
        began: seconds since the episode's beginning.

    Returns:
        Seconds, to a pose that overlaps nothing yet; and 0 for nothing, 1 for a wall or rack, 2 for what moves.
    """
    x, y, heading = levels.pose[i, 0], levels.pose[i, 1], levels.pose[i, 2]
    cells = levels.cells[i]
    # No point of the footprint is faster.
    fastest = abs(speed) + (abs(turning) * rules.radius if rules.half_length > 0.0 else 0.0)
    time = before = 0.0
    last, crept = -1.0, False
    for _ in range(_MOST_ADVANCES):
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
        for k in range(levels.status[i, NUM_OBSTACLES]):
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


@register_jitable
def is_straight_way_free(cells: Any, cell: Any, radius: Any, from_x: Any, from_y: Any, to_x: Any, to_y: Any) -> Any:
    """Whether a disc can go straight from one point to another without touching a wall or rack."""
    length = math.hypot(to_x - from_x, to_y - from_y)
    gone = 0.0
    while True:
        share = gone / length if length > 0.0 else 0.0
        x, y = from_x + share * (to_x - from_x), from_y + share * (to_y - from_y)
        reach = min(length - gone, 2.0 * cell) + 2.0 * CONTACT
        gap = gap_to_walls(cells, cell, radius, 0.0, 0.0, x, y, 0.0, reach)
        if gap <= CONTACT:
            return False
        if gone >= length:
            return True
        gone = min(gone + gap, length)


@register_jitable
def beam(cells: Any, cell: Any, x: Any, y: Any, to_x: Any, to_y: Any, most: Any) -> Any:
    """Metres from (x, y) to the first wall or rack in the direction of the unit vector (to_x, to_y), at most `most`.

    Goes from cell to cell, so that its cost grows with the range and not with what stands on the floor.
    """
    column, row = math.floor(x / cell), math.floor(y / cell)
    step_x = 1 if to_x > 0.0 else -1
    step_y = 1 if to_y > 0.0 else -1
    per_x = cell / abs(to_x) if to_x != 0.0 else FAR
    per_y = cell / abs(to_y) if to_y != 0.0 else FAR
    next_x = ((column + (1 if step_x > 0 else 0)) * cell - x) / to_x if to_x != 0.0 else FAR
    next_y = ((row + (1 if step_y > 0 else 0)) * cell - y) / to_y if to_y != 0.0 else FAR
    gone = 0.0
    while gone < most:
        if is_blocked(cells, column, row):
            return gone
        if next_x < next_y:
            gone = next_x
            next_x += per_x
            column += step_x
        else:
            gone = next_y
            next_y += per_y
            row += step_y
    return most


@register_jitable
def beam_to_disc(x: Any, y: Any, to_x: Any, to_y: Any, at_x: Any, at_y: Any, radius: Any) -> Any:
    """Metres to a disc, `FAR` where the beam misses it, 0 inside of it."""
    off_x, off_y = at_x - x, at_y - y
    along = off_x * to_x + off_y * to_y
    beside = off_x * to_y - off_y * to_x
    squared = radius * radius - beside * beside
    if squared < 0.0:
        return FAR
    half = math.sqrt(squared)
    if along + half < 0.0:
        return FAR
    return max(along - half, 0.0)
