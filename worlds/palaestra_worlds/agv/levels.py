"""How an episode begins: a floor, obstacles on their routes, a goal, and a start from which it can be reached."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from palaestra_worlds.agv.generators import empty_hall, generate
from palaestra_worlds.agv.geometry import CONTACT, clearance, gap_to_walls, is_straight_way_free
from palaestra_worlds.agv.planner import is_node, plan_field, shortest_way, way_to_goal
from palaestra_worlds.agv.state import (
    CLEARANCE,
    COLLISIONS,
    COLUMNS,
    DRAWN,
    GOAL_BIT,
    HEIGHT,
    KIND,
    LENGTH,
    LOOP,
    MOVING,
    NEAR,
    NUM_OBSTACLES,
    PHASE,
    POINTS,
    POTENTIAL,
    RADIUS,
    ROWS,
    SHORTEST,
    SPEED,
    START_BIT,
    STEP,
    TRAVELLED,
    WIDTH,
)
from palaestra_worlds.minigrid.random import random_double, random_integer

TRIES = 40
"""Floors that are generated until one has a goal that can be reached; then the hall is left empty."""
SIGHT = 1.0
"""Metres within which clearance is measured."""
_ROOM = 0.6
"""Metres that obstacles keep from a vehicle's start, where they can."""


@register_jitable
def begin_level(levels: Any, i: Any, rules: Any, drawing: Any) -> None:
    """Makes environment i's next level out of its parameters and its random stream."""
    drawn = int(levels.parameters[i, KIND]) == DRAWN
    levels.status[i, COLUMNS] = drawing.cells.shape[0] if drawn else int(levels.parameters[i, WIDTH])
    levels.status[i, ROWS] = drawing.cells.shape[1] if drawn else int(levels.parameters[i, HEIGHT])
    for attempt in range(TRIES + 1):
        if drawn:
            levels.cells[i] = drawing.cells
        elif attempt == TRIES:
            empty_hall(levels, i)
        else:
            generate(levels, i)
        if _place(levels, i, rules, drawn):
            break
    levels.velocity[i] = 0.0
    levels.status[i, STEP] = 0
    levels.status[i, COLLISIONS] = 0
    _send_obstacles(levels, i, rules, drawing, drawn)
    x, y = levels.pose[i, 0], levels.pose[i, 1]
    way = np.empty((levels.field.shape[1] * levels.field.shape[2] + 2, 2))
    _, length = shortest_way(levels.cells[i], levels.field[i], levels.goal[i], rules.cell, rules.radius, x, y, way)
    levels.tally[i, TRAVELLED] = 0.0
    levels.tally[i, SHORTEST] = max(length - rules.goal_radius, CONTACT)
    levels.tally[i, CLEARANCE] = clearance(levels, i, rules, 0.0, SIGHT)
    levels.tally[i, POTENTIAL] = way_to_goal(levels.cells[i], levels.field[i], rules.cell, x, y)


@register_jitable
def _place(levels: Any, i: Any, rules: Any, drawn: Any) -> Any:
    """Draws goal and start; False where the floor has none."""
    column, row = _draw_cell(levels, i, rules, GOAL_BIT if drawn else 0, 0.0, np.inf)
    if column < 0:
        return False
    plan_field(levels.cells[i], levels.field[i], rules.cell, rules.radius, column, row)
    levels.goal[i, 0], levels.goal[i, 1] = (column + 0.5) * rules.cell, (row + 0.5) * rules.cell
    near = levels.parameters[i, NEAR]
    least, most = rules.goal_radius + 0.5 * rules.cell, np.inf
    region = START_BIT if drawn and near <= 0.0 else 0
    if near > 0.0:
        most = max(near, least + 2.0 * rules.cell)
    elif not drawn:
        least = max(least, 0.5 * _farthest(levels, i))
    column, row = _draw_cell(levels, i, rules, region, least, most)
    if column < 0:
        return False
    x, y = (column + 0.5) * rules.cell, (row + 0.5) * rules.cell
    # Anywhere in the cell where the circle still touches nothing: no farther from the middle than its gap there.
    room = (
        gap_to_walls(levels.cells[i], rules.cell, rules.radius, 0.0, 0.0, x, y, 0.0, 0.5 * rules.cell) - 2.0 * CONTACT
    )
    room = max(room, 0.0) / math.sqrt(2.0)
    levels.pose[i, 0] = x + room * (2.0 * random_double(levels.random, i) - 1.0)
    levels.pose[i, 1] = y + room * (2.0 * random_double(levels.random, i) - 1.0)
    levels.pose[i, 2] = math.pi * (2.0 * random_double(levels.random, i) - 1.0)
    levels.start[i, 0], levels.start[i, 1] = levels.pose[i, 0], levels.pose[i, 1]
    return True


@register_jitable
def _farthest(levels: Any, i: Any) -> Any:
    """The longest way to the goal."""
    farthest = 0.0
    for x in range(levels.status[i, COLUMNS]):
        for y in range(levels.status[i, ROWS]):
            if levels.field[i, x, y] < np.inf:
                farthest = max(farthest, levels.field[i, x, y])
    return farthest


@register_jitable
def _suits(levels: Any, i: Any, rules: Any, region: Any, least: Any, most: Any, x: Any, y: Any) -> Any:
    """Whether a cell may be drawn; `most` of 0 asks nothing of its way to the goal (there is no goal yet)."""
    if region != 0 and levels.cells[i, x, y] & region == 0:
        return False
    if least > 0.0:
        # An infinite way is no way, although it is not above an infinite `most`.
        return levels.field[i, x, y] < np.inf and least <= levels.field[i, x, y] <= most
    return is_node(levels.cells[i], rules.cell, rules.radius, x, y)


@register_jitable
def _draw_cell(levels: Any, i: Any, rules: Any, region: Any, least: Any, most: Any) -> Any:
    """One of the cells of a region (0: of the floor), each as likely; (-1, -1) if there is none."""
    count = 0
    for x in range(levels.status[i, COLUMNS]):
        for y in range(levels.status[i, ROWS]):
            if _suits(levels, i, rules, region, least, most, x, y):
                count += 1
    if count == 0:
        return -1, -1
    chosen = random_integer(levels.random, i, 0, count)
    for x in range(levels.status[i, COLUMNS]):
        for y in range(levels.status[i, ROWS]):
            if _suits(levels, i, rules, region, least, most, x, y):
                if chosen == 0:
                    return x, y
                chosen -= 1
    return -1, -1


# ---------------------------------------------------------------------------------------------- what moves


@register_jitable
def _send_obstacles(levels: Any, i: Any, rules: Any, drawing: Any, drawn: Any) -> None:
    """Puts obstacles onto their routes, each at a random place, away from the vehicle if it can be."""
    wanted = int(levels.parameters[i, MOVING])
    own = len(drawing.obstacles) if drawn else 0
    count = own if wanted < 0 else min(wanted, levels.obstacles.shape[1])
    sent = 0
    for k in range(count):
        if k < own:
            levels.obstacles[i, sent] = drawing.obstacles[k]
            levels.routes[i, sent] = drawing.routes[k]
        elif not _draw_route(levels, i, rules, sent):
            continue
        sent += _find_phase(levels, i, rules, sent)
    levels.status[i, NUM_OBSTACLES] = sent


@register_jitable
def _find_phase(levels: Any, i: Any, rules: Any, k: Any) -> Any:
    """1, or 0 where the obstacle would touch the vehicle wherever it began."""
    levels.status[i, NUM_OBSTACLES] = k + 1
    best, best_away = 0.0, -1.0
    length = levels.obstacles[i, k, LENGTH]
    for _ in range(8):
        phase = random_double(levels.random, i) * (1.0 if levels.obstacles[i, k, LOOP] > 0.0 else 2.0) * length
        levels.obstacles[i, k, PHASE] = phase
        away = clearance(levels, i, rules, 0.0, _ROOM)
        if away > best_away:
            best, best_away = phase, away
        if away >= _ROOM:
            break
    levels.obstacles[i, k, PHASE] = best
    return 1 if best_away > CONTACT else 0


@register_jitable
def _draw_route(levels: Any, i: Any, rules: Any, k: Any) -> Any:
    """A straight way there and back between two cells of the same row or column; False where none was found."""
    columns, rows = levels.status[i, COLUMNS], levels.status[i, ROWS]
    radius = rules.obstacle_radius
    for _ in range(30):
        x, y = random_integer(levels.random, i, 0, columns), random_integer(levels.random, i, 0, rows)
        way = random_integer(levels.random, i, 0, 2)
        span = 3 + random_integer(levels.random, i, 0, 8)
        to_x, to_y = (x + span, y) if way == 0 else (x, y + span)
        if to_x >= columns or to_y >= rows:
            continue
        from_x, from_y = (x + 0.5) * rules.cell, (y + 0.5) * rules.cell
        end_x, end_y = (to_x + 0.5) * rules.cell, (to_y + 0.5) * rules.cell
        if not is_straight_way_free(levels.cells[i], rules.cell, radius, from_x, from_y, end_x, end_y):
            continue
        levels.routes[i, k, 0, 0], levels.routes[i, k, 0, 1] = from_x, from_y
        levels.routes[i, k, 1, 0], levels.routes[i, k, 1, 1] = end_x, end_y
        levels.obstacles[i, k, RADIUS] = radius
        levels.obstacles[i, k, SPEED] = rules.obstacle_speed * (0.5 + 0.5 * random_double(levels.random, i))
        levels.obstacles[i, k, LENGTH] = math.hypot(end_x - from_x, end_y - from_y)
        levels.obstacles[i, k, LOOP] = 0.0
        levels.obstacles[i, k, POINTS] = 2.0
        return True
    return False
