"""The grid planner: ways to the goal from everywhere, and the shortest way with its corners cut.

Its nodes are the middles of cells where the footprint's circumscribed circle touches nothing, joined to their eight
neighbours, diagonally only where both cells beside are nodes too. Between such middles the circle touches nothing
either: seen from a wall's cell, one of the ends is nearest. So a way in the grid proves that the level can be solved.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from palaestra_worlds.agv.geometry import CONTACT, disc_to_walls, is_straight_way_free
from palaestra_worlds.agv.lookup import is_blocked
from palaestra_worlds.compiled import allocating, jitable

DIAGONAL = math.sqrt(2.0)


@jitable
def is_node(cells: Any, cell: Any, radius: Any, column: Any, row: Any) -> Any:
    """Whether the circle fits at the middle of a cell."""
    if is_blocked(cells, column, row):
        return False
    if radius + CONTACT < 0.5 * cell:
        return True
    x, y = (column + 0.5) * cell, (row + 0.5) * cell
    return disc_to_walls(cells, cell, radius, x, y, cell) > CONTACT


@jitable
def _push(keys: Any, items: Any, count: Any, key: Any, item: Any) -> Any:
    """Into a binary heap; returns its new size."""
    at = count
    while at > 0:
        parent = (at - 1) >> 1
        if keys[parent] <= key:
            break
        keys[at], items[at] = keys[parent], items[parent]
        at = parent
    keys[at], items[at] = key, item
    return count + 1


@jitable
def _pop(keys: Any, items: Any, count: Any) -> Any:
    """Takes the least out of a binary heap; returns it with the heap's new size."""
    least, item = keys[0], items[0]
    count -= 1
    key, moved = keys[count], items[count]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], items[at] = keys[child], items[child]
        at = child
    keys[at], items[at] = key, moved
    return least, item, count


@allocating
def plan_field(cells: Any, field: Any, cell: Any, radius: Any, column: Any, row: Any) -> None:
    """Writes into `field` (columns, rows) each cell's way to the cell (column, row) in metres (Dijkstra)."""
    columns, rows = field.shape
    nodes = np.zeros((columns, rows), np.bool_)
    for x in range(columns):
        for y in range(rows):
            field[x, y] = np.inf
            nodes[x, y] = is_node(cells, cell, radius, x, y)
    if not nodes[column, row]:
        return
    keys = np.empty(8 * columns * rows + 1, np.float32)
    items = np.empty(8 * columns * rows + 1, np.int32)
    field[column, row] = 0.0
    count = _push(keys, items, 0, np.float32(0.0), column * rows + row)
    while count > 0:
        least, item, count = _pop(keys, items, count)
        x, y = item // rows, item % rows
        if least > field[x, y]:
            continue
        for step_x in range(-1, 2):
            for step_y in range(-1, 2):
                if not _is_edge(nodes, columns, rows, x, y, step_x, step_y):
                    continue
                further = np.float32(least + cell * (DIAGONAL if step_x != 0 and step_y != 0 else 1.0))
                if further < field[x + step_x, y + step_y]:
                    field[x + step_x, y + step_y] = further
                    count = _push(keys, items, count, further, (x + step_x) * rows + y + step_y)


@jitable
def _is_edge(nodes: Any, columns: Any, rows: Any, x: Any, y: Any, step_x: Any, step_y: Any) -> Any:
    to_x, to_y = x + step_x, y + step_y
    if (step_x == 0 and step_y == 0) or to_x < 0 or to_y < 0 or to_x >= columns or to_y >= rows:
        return False
    return nodes[to_x, to_y] and nodes[x, to_y] and nodes[to_x, y]


@jitable
def way_to_goal(cells: Any, field: Any, cell: Any, x: Any, y: Any) -> Any:
    """Metres from any point to the goal by way of the cells around it; infinite where none of them has a way."""
    column, row = int(x / cell), int(y / cell)
    best = np.inf
    for near_x in range(column - 1, column + 2):
        for near_y in range(row - 1, row + 2):
            if is_blocked(cells, near_x, near_y):
                continue
            off = math.hypot((near_x + 0.5) * cell - x, (near_y + 0.5) * cell - y)
            best = min(best, field[near_x, near_y] + off)
    return best


@jitable
def grid_way(cells: Any, field: Any, goal: Any, cell: Any, radius: Any, x: Any, y: Any, way: Any) -> Any:
    """Middles of the cells from a point to the goal, down the field, with the point first and the goal last.

    Writes into `way` (columns * rows + 2, 2); returns how many points there are, 0 where there is no way.
    """
    columns, rows = field.shape
    column, row = _nearest_node(cells, field, cell, radius, x, y)
    if column < 0:
        return 0
    way[0, 0], way[0, 1] = x, y
    count = 1
    for _ in range(columns * rows):
        here = field[column, row]
        way[count, 0], way[count, 1] = (column + 0.5) * cell, (row + 0.5) * cell
        count += 1
        if here == 0.0:
            break
        best, best_column, best_row = np.inf, column, row
        for step_x in range(-1, 2):
            for step_y in range(-1, 2):
                to_x, to_y = column + step_x, row + step_y
                if to_x < 0 or to_y < 0 or to_x >= columns or to_y >= rows:
                    continue
                sides = max(field[column, to_y], field[to_x, row])
                beyond = field[to_x, to_y]
                if beyond >= here or sides == np.inf:
                    continue
                total = beyond + cell * (DIAGONAL if step_x != 0 and step_y != 0 else 1.0)
                if total < best:
                    best, best_column, best_row = total, to_x, to_y
        column, row = best_column, best_row
    way[count - 1, 0], way[count - 1, 1] = goal[0], goal[1]
    return count


@jitable
def _nearest_node(cells: Any, field: Any, cell: Any, radius: Any, x: Any, y: Any) -> Any:
    """Cell from whose middle the way is shortest, of those around a point that can be reached straight; (-1, -1) if
    there is none."""
    column, row = int(x / cell), int(y / cell)
    best, best_column, best_row = np.inf, -1, -1
    for near_x in range(max(column - 1, 0), min(column + 2, field.shape[0])):
        for near_y in range(max(row - 1, 0), min(row + 2, field.shape[1])):
            if field[near_x, near_y] == np.inf:
                continue
            to_x, to_y = (near_x + 0.5) * cell, (near_y + 0.5) * cell
            total = field[near_x, near_y] + math.hypot(to_x - x, to_y - y)
            if total < best and is_straight_way_free(cells, cell, radius, x, y, to_x, to_y):
                best, best_column, best_row = total, near_x, near_y
    return best_column, best_row


@jitable
def cut_corners(cells: Any, cell: Any, radius: Any, way: Any, count: Any) -> Any:
    """Leaves of a grid way only the points where it has to turn; returns how many and the length in metres."""
    kept, at, length = 1, 0, 0.0
    while at < count - 1:
        farthest = at + 1
        for further in range(count - 1, at + 1, -1):
            if is_straight_way_free(
                cells, cell, radius, way[kept - 1, 0], way[kept - 1, 1], way[further, 0], way[further, 1]
            ):
                farthest = further
                break
        length += math.hypot(way[farthest, 0] - way[kept - 1, 0], way[farthest, 1] - way[kept - 1, 1])
        way[kept, 0], way[kept, 1] = way[farthest, 0], way[farthest, 1]
        kept += 1
        at = farthest
    return kept, length


@jitable
def shortest_way(cells: Any, field: Any, goal: Any, cell: Any, radius: Any, x: Any, y: Any, way: Any) -> Any:
    """Turning points of a short way from a point to the goal, into `way`; how many there are and its length."""
    count = grid_way(cells, field, goal, cell, radius, x, y, way)
    if count == 0:
        return 0, np.inf
    return cut_corners(cells, cell, radius, way, count)
