"""How an episode begins: a floor, obstacles on their routes, a goal, and a start from which it can be reached."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from palaestra_worlds.agv.generators import empty_hall
from palaestra_worlds.agv.geometry import (
    CONTACT,
    disc_to_walls,
    is_straight_way_free,
    obstacle_at,
)
from palaestra_worlds.agv.lessons import begin_task
from palaestra_worlds.agv.lookup import measure_room, merge_blocks
from palaestra_worlds.agv.planner import is_node, plan_field, shortest_way, way_to_goal
from palaestra_worlds.agv.state import (
    CLEARANCE,
    CLOCK,
    COLLISIONS,
    COLUMNS,
    DENSITY,
    DRAWN,
    GOAL_BIT,
    HEIGHT,
    KIND,
    LENGTH,
    LOOP,
    MOVING,
    NEAR,
    NUM_BLOCKS,
    NUM_OBSTACLES,
    PHASE,
    PLACED,
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
from palaestra_worlds.compiled import inlined, jitable
from palaestra_worlds.random_streams import random_double, random_integer

TRIES = 40
"""Floors that are generated until one has a goal that can be reached; then the hall is left empty."""
SIGHT = 1.0
"""Metres within which clearance is measured."""
_ROOM, LEAST_ROOM = 0.6, 0.05
"""Metres that whatever moves keeps from a vehicle's start, where it can; and that it has to, if there is any room."""


def begin_floors(levels: Any, lessons: Any, table: Any, rules: Any, drawing: Any, chosen: Any) -> None:
    """The next task of each chosen environment, and the drawn floor where its level is a copy of that."""
    for i in chosen:
        begin_task(levels, lessons, table, i, rules.dropout)
        cells = levels.cells[i]
        levels.status[i, NUM_OBSTACLES] = levels.status[i, CLOCK] = 0
        for k in range(i, i + rules.vehicles):
            levels.status[k, PLACED] = 0
        if int(levels.parameters[i, KIND]) == DRAWN:
            levels.status[i, COLUMNS], levels.status[i, ROWS] = cells.shape
            levels.status[i, NUM_BLOCKS] = _copy_drawing(drawing.cells, drawing.blocks, cells, levels.blocks[i])
        else:
            levels.status[i, COLUMNS] = int(levels.parameters[i, WIDTH])
            levels.status[i, ROWS] = int(levels.parameters[i, HEIGHT])


def generating(furnish: Callable[..., None]) -> Callable[..., None]:
    """The loop over environments that makes floors with one of the generators: each is compiled where it is used."""

    def generate_floors(levels: Any, rules: Any, furnished: Any, chosen: Any) -> None:
        """Walls and racks, out of the levels' parameters and random streams; not `furnished`: an empty hall."""
        for i in chosen:
            cells, columns, rows = levels.cells[i], levels.status[i, COLUMNS], levels.status[i, ROWS]
            empty_hall(cells, columns, rows)
            if furnished:
                furnish(cells, levels.random, i, columns, rows, levels.parameters[i, DENSITY])
            measure_room(cells)
            levels.status[i, NUM_BLOCKS] = merge_blocks(cells, rules.cell, levels.blocks[i])

    return generate_floors


@jitable
def _copy_drawing(drawn: Any, drawn_blocks: Any, cells: Any, blocks: Any) -> Any:
    """Copies the drawn floor; returns how many blocks it has."""
    for x in range(cells.shape[0]):
        for y in range(cells.shape[1]):
            cells[x, y] = drawn[x, y]
    for k in range(drawn_blocks.shape[0]):
        for edge in range(4):
            blocks[k, edge] = drawn_blocks[k, edge]
    return drawn_blocks.shape[0]


def place_vehicles(levels: Any, rules: Any, drawing: Any, joining: Any, chosen: Any, placed: Any) -> None:
    """Draws a goal and a start of each chosen vehicle, and writes into `placed` whether its floor has any.

    Args:
        joining: the floor is known to be good: tries many goals, in the end that of the floor's first vehicle.
    """
    for k in range(chosen.shape[0]):
        i = chosen[k]
        levels.status[i, PLACED] = 0
        for attempt in range(TRIES if joining else 1):
            placed[k] = _place(levels, i, rules, drawing, joining and attempt == TRIES - 1)
            if placed[k]:
                levels.status[i, PLACED] = 1
                break


@jitable
def _place(levels: Any, i: Any, rules: Any, drawing: Any, as_first: Any) -> Any:
    """Draws a goal and a start from which it can be reached; False where there are none.

    Args:
        as_first: to the goal of the floor's first vehicle, of which it is known that it can be reached.
    """
    drawn = int(levels.parameters[i, KIND]) == DRAWN
    lead = i - i % rules.vehicles
    goal_x, goal_y = int(levels.goal[lead, 0] / rules.cell), int(levels.goal[lead, 1] / rules.cell)
    region, least, most = GOAL_BIT if drawn else 0, 0.0, np.inf
    best_x, best_y, best_away = 0.0, 0.0, -1.0
    for draw in range(-1, 2 * TRIES):
        if draw < 0 and as_first:
            column, row = goal_x, goal_y
        else:
            column, row = _draw_cell(levels, i, rules, region, least, most)
        if column < 0:
            return False
        if draw < 0:
            _plan(levels, i, rules, drawing, drawn, column, row)
            levels.goal[i, 0], levels.goal[i, 1] = (column + 0.5) * rules.cell, (row + 0.5) * rules.cell
            region, least, most = _start_region(levels, i, rules, drawn)
            continue
        _draw_pose(levels, i, rules, column, row)
        away = _room_among(levels, i, rules, rules.sharing)
        if away > best_away:
            best_x, best_y, best_away = levels.pose[i, 0], levels.pose[i, 1], away
        if away >= _ROOM or (draw >= TRIES - 1 and best_away >= LEAST_ROOM):
            break
        if draw == TRIES - 1:
            # The start region is full of vehicles.
            region = 0
    levels.pose[i, 0] = levels.start[i, 0] = best_x
    levels.pose[i, 1] = levels.start[i, 1] = best_y
    return True


@jitable
def _start_region(levels: Any, i: Any, rules: Any, drawn: Any) -> Any:
    """Of which region's cells the start is, and between which ways to the goal."""
    near = levels.parameters[i, NEAR]
    least, most = rules.goal_radius + 0.5 * rules.cell, np.inf
    if near > 0.0:
        most = max(near, least + 2.0 * rules.cell)
    elif not drawn:
        least = max(least, 0.5 * _farthest(levels.field[i], levels.status[i, COLUMNS], levels.status[i, ROWS]))
    return START_BIT if drawn and near <= 0.0 else 0, least, most


def begin_measures(levels: Any, rules: Any, chosen: Any) -> None:
    """What is measured of the chosen vehicles' episodes."""
    way = np.empty((levels.field.shape[1] * levels.field.shape[2] + 2, 2))
    for i in chosen:
        levels.velocity[i, 0] = levels.velocity[i, 1] = 0.0
        levels.status[i, STEP] = levels.status[i, COLLISIONS] = 0
        x, y, cells, field = levels.pose[i, 0], levels.pose[i, 1], levels.cells[i], levels.field[i]
        _, length = shortest_way(cells, field, levels.goal[i], rules.cell, rules.radius, x, y, way)
        levels.tally[i, TRAVELLED] = 0.0
        levels.tally[i, SHORTEST] = max(length - rules.goal_radius, CONTACT)
        levels.tally[i, CLEARANCE] = SIGHT
        levels.tally[i, POTENTIAL] = way_to_goal(cells, field, rules.cell, x, y)


@jitable
def _draw_pose(levels: Any, i: Any, rules: Any, column: Any, row: Any) -> None:
    """Anywhere in the cell where the circle still touches nothing: no farther from the middle than its gap there."""
    x, y = (column + 0.5) * rules.cell, (row + 0.5) * rules.cell
    room = disc_to_walls(levels.cells[i], rules.cell, rules.radius, x, y, 0.5 * rules.cell) - 2.0 * CONTACT
    room = max(room, 0.0) / math.sqrt(2.0)
    levels.pose[i, 0] = x + room * (2.0 * random_double(levels.random, i) - 1.0)
    levels.pose[i, 1] = y + room * (2.0 * random_double(levels.random, i) - 1.0)
    levels.pose[i, 2] = math.pi * (2.0 * random_double(levels.random, i) - 1.0)


@jitable
def _room_among(levels: Any, i: Any, rules: Any, sharing: Any) -> Any:
    """Metres to whatever moves on the floor already, for any heading; `_ROOM` if that is farther away."""
    nearest = _ROOM
    if sharing is None:
        return nearest
    x, y, time = levels.pose[i, 0], levels.pose[i, 1], levels.status[i, CLOCK] * rules.dt
    for k in range(levels.status[i, NUM_OBSTACLES]):
        at_x, at_y = obstacle_at(levels.obstacles, levels.routes, i, k, time)
        nearest = min(nearest, math.hypot(at_x - x, at_y - y) - levels.obstacles[i, k, RADIUS] - rules.radius)
    lead = i - i % rules.vehicles
    for k in range(lead, lead + rules.vehicles):
        if levels.status[k, PLACED] == 1:
            away = math.hypot(levels.pose[k, 0] - x, levels.pose[k, 1] - y)
            nearest = min(nearest, away - 2.0 * rules.radius)
    return nearest


@jitable
def _plan(levels: Any, i: Any, rules: Any, drawing: Any, drawn: Any, column: Any, row: Any) -> None:
    """The ways to a goal cell; those of a drawn floor's goals are planned once."""
    field = levels.field[i]
    number = drawing.number[column, row] if drawn else -1
    if number < 0:
        plan_field(levels.cells[i], field, rules.cell, rules.radius, column, row)
        return
    kept = drawing.fields[number]
    if not drawing.planned[number]:
        plan_field(levels.cells[i], kept, rules.cell, rules.radius, column, row)
        drawing.planned[number] = True
    for x in range(field.shape[0]):
        for y in range(field.shape[1]):
            field[x, y] = kept[x, y]


@jitable
def _farthest(field: Any, columns: Any, rows: Any) -> Any:
    """The longest way to the goal."""
    farthest = 0.0
    for x in range(columns):
        for y in range(rows):
            if field[x, y] < np.inf:
                farthest = max(farthest, field[x, y])
    return farthest


@inlined
def _suits(
    cells: Any, field: Any, cell: Any, radius: Any, region: Any, least: Any, most: Any, column: Any, row: Any
) -> Any:
    """Whether a cell may be drawn; `least` of 0 asks nothing of its way to the goal (there is no goal yet)."""
    if region != 0 and cells[column, row] & region == 0:
        return False
    if least > 0.0:
        # An infinite way is no way, although it is not above an infinite `most`.
        return field[column, row] < np.inf and least <= field[column, row] <= most
    return is_node(cells, cell, radius, column, row)


@jitable
def _draw_cell(levels: Any, i: Any, rules: Any, region: Any, least: Any, most: Any) -> Any:
    """One of the cells of a region (0: of the floor), each as likely; (-1, -1) if there is none."""
    cells, field, cell, radius = levels.cells[i], levels.field[i], rules.cell, rules.radius
    columns, rows = levels.status[i, COLUMNS], levels.status[i, ROWS]
    chosen = -1
    for passed in range(2):
        count = 0
        for x in range(columns):
            for y in range(rows):
                if _suits(cells, field, cell, radius, region, least, most, x, y):
                    if passed == 1 and count == chosen:
                        return x, y
                    count += 1
        if count == 0:
            break
        chosen = random_integer(levels.random, i, 0, count)
    return -1, -1


# ---------------------------------------------------------------------------------------------- what moves


def send_own(levels: Any, rules: Any, drawing: Any, chosen: Any) -> None:
    """Puts the drawn floor's obstacles onto their routes, each somewhere away from the vehicle if it can be."""
    for i in chosen:
        wanted = int(levels.parameters[i, MOVING])
        own = len(drawing.obstacles) if int(levels.parameters[i, KIND]) == DRAWN else 0
        sent = 0
        for k in range(own if wanted < 0 else min(wanted, own)):
            for column in range(levels.obstacles.shape[2]):
                levels.obstacles[i, sent, column] = drawing.obstacles[k, column]
            for p in range(levels.routes.shape[2]):
                for axis in range(2):
                    levels.routes[i, sent, p, axis] = drawing.routes[k, p, axis]
            sent += _find_phase(levels, i, rules.radius, sent)
        levels.status[i, NUM_OBSTACLES] = sent


def send_others(levels: Any, rules: Any, counts: Any, chosen: Any) -> None:
    """As many more as `counts` says, int64 like `chosen`, on routes that are drawn at random."""
    for at in range(len(chosen)):
        i = chosen[at]
        sent = levels.status[i, NUM_OBSTACLES]
        for _ in range(counts[at]):
            if _draw_route(levels, i, rules, sent):
                sent += _find_phase(levels, i, rules.radius, sent)
        levels.status[i, NUM_OBSTACLES] = sent


@jitable
def _find_phase(levels: Any, i: Any, radius: Any, k: Any) -> Any:
    """1, or 0 where the obstacle would touch the vehicle wherever it began."""
    obstacles, x, y = levels.obstacles, levels.pose[i, 0], levels.pose[i, 1]
    best, best_away = 0.0, -1.0
    for _ in range(8):
        way = obstacles[i, k, LENGTH] * (1.0 if obstacles[i, k, LOOP] > 0.0 else 2.0)
        phase = random_double(levels.random, i) * way
        obstacles[i, k, PHASE] = phase
        at_x, at_y = obstacle_at(obstacles, levels.routes, i, k, 0.0)
        away = math.hypot(at_x - x, at_y - y) - radius - obstacles[i, k, RADIUS]
        if away > best_away:
            best, best_away = phase, away
        if away >= _ROOM:
            break
    obstacles[i, k, PHASE] = best
    return 1 if best_away > CONTACT else 0


@jitable
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
