"""Where an attempt at a skill begins: where one can walk to a goal from, so and so far away. Compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import LAVA, WATER
from palaestra_worlds.overworld.state import HEIGHT, SIDE, STEPS, X, Y, Z, cell_number, is_inside
from palaestra_worlds.overworld.tables import SOLID
from palaestra_worlds.random_streams import random_integer

CANDIDATES = 6
"""Goals that are tried, before one is put where it can be reached."""
PROBES = 3000
MOST_CELLS = 6000
"""Cells that are looked into at random for goals; cells that are looked at on the ways from one."""


@jitable
def _can_stand(blocks: Any, flags: Any, x: Any, z: Any, y: Any) -> Any:
    if not is_inside(x, z, y) or y < 2 or y + 2 >= HEIGHT:
        return False
    here = blocks[x, z, y]
    if here == WATER or here == LAVA or not flags[blocks[x, z, y - 1], SOLID]:
        return False
    return not flags[here, SOLID] and not flags[blocks[x, z, y + 1], SOLID]


@jitable
def _next_stand(blocks: Any, flags: Any, x: Any, z: Any, y: Any, a: Any, b: Any) -> Any:
    """The height at which one stands after a step from (x, z, y) to column (a, b) that one can take back; -1: none."""
    if _can_stand(blocks, flags, a, b, y):
        return y
    if _can_stand(blocks, flags, a, b, y + 1) and not flags[blocks[x, z, y + 2], SOLID]:
        return y + 1
    if _can_stand(blocks, flags, a, b, y - 1) and not flags[blocks[a, b, y + 1], SOLID]:
        return y - 1
    return -1


@jitable
def _spread(blocks: Any, flags: Any, far: Any, queue: Any, filled: Any, reached: Any) -> Any:
    """Goes on from the cells in the queue by steps, up to `far` of them; gives how many cells the queue has then.

    Args:
        blocks: (SIDE, SIDE, HEIGHT), the world.
        flags: of blocks, as `Tables.blocks`.
        far: steps.
        queue: (MOST_CELLS, 4): x, z, y, steps; the nearest first.
        filled: how many there are.
        reached: (cells,) bool, of those in the queue.
    """
    at = 0
    while at < filled:
        x, z, y, steps = queue[at, 0], queue[at, 1], queue[at, 2], queue[at, 3]
        at += 1
        if steps >= far:
            continue
        for facing in range(4):
            a, b = x + STEPS[facing, 0], z + STEPS[facing, 1]
            c = _next_stand(blocks, flags, x, z, y, a, b)
            if c < 0 or filled >= MOST_CELLS or reached[cell_number(a, b, c)]:
                continue
            reached[cell_number(a, b, c)] = True
            queue[filled, 0], queue[filled, 1], queue[filled, 2], queue[filled, 3] = a, b, c, steps + 1
            filled += 1
    return filled


@jitable
def _lies_open(blocks: Any, flags: Any, x: Any, z: Any, y: Any) -> Any:
    """Whether one can stand beside a cell."""
    for facing in range(4):
        a, b = x + STEPS[facing, 0], z + STEPS[facing, 1]
        if _can_stand(blocks, flags, a, b, y) or _can_stand(blocks, flags, a, b, y - 1):
            return True
    return False


@jitable
def _draw_goals(blocks: Any, flags: Any, random: Any, i: Any, wanted: Any, found: Any) -> Any:
    """Draws up to CANDIDATES of the goals that lie open beside a place to stand; gives how many there are.

    Args:
        blocks, flags: as `_spread`.
        random, i: the streams, and which of them is drawn from.
        wanted: (blocks,): which count.
        found: (CANDIDATES, 3) written.
    """
    count = 0
    # What there is much of is met by chance sooner than all of it is looked at.
    for _ in range(PROBES):
        x, z = random_integer(random, i, 0, SIDE), random_integer(random, i, 0, SIDE)
        y = random_integer(random, i, 2, HEIGHT - 3)
        if wanted[blocks[x, z, y]] and _lies_open(blocks, flags, x, z, y):
            found[count, 0], found[count, 1], found[count, 2] = x, z, y
            count += 1
            if count == CANDIDATES:
                return count
    if count > 0:
        return count
    for x in range(SIDE):
        for z in range(SIDE):
            for y in range(2, HEIGHT - 3):
                if not wanted[blocks[x, z, y]] or not _lies_open(blocks, flags, x, z, y):
                    continue
                # Each of the places holds each goal with the same probability.
                count += 1
                for k in range(CANDIDATES):
                    if random_integer(random, i, 0, count) == 0:
                        found[k, 0], found[k, 1], found[k, 2] = x, z, y
    return min(count, CANDIDATES)


@jitable
def _from_goal(blocks: Any, flags: Any, x: Any, z: Any, y: Any, queue: Any, reached: Any) -> Any:
    """Puts into the queue the places beside a goal; gives how many there are."""
    filled = 0
    for facing in range(4):
        a, b = x + STEPS[facing, 0], z + STEPS[facing, 1]
        for c in (y, y - 1):
            if _can_stand(blocks, flags, a, b, c):
                reached[cell_number(a, b, c)] = True
                queue[filled, 0], queue[filled, 1], queue[filled, 2], queue[filled, 3] = a, b, c, 1
                filled += 1
    return filled


@jitable
def _draw_place(levels: Any, i: Any, queue: Any, filled: Any, near: Any) -> Any:
    """The number of a cell in the queue that is `near` steps away or more; -1: there is none."""
    first = filled
    for k in range(filled):
        if queue[k, 3] >= near:
            first = k
            break
    return -1 if first == filled else random_integer(levels.random, i, first, filled)


@jitable
def place_player(levels: Any, i: Any, tables: Any, wanted: Any, block: Any, near: Any, far: Any) -> None:
    """Puts the player where one walks `near` to `far` steps to the nearest place beside some goal.

    Where no goal lies so, one is put beside a place that can be walked to.

    Args:
        levels, i, tables: the world, as it begins.
        wanted: (blocks,): which count.
        block: is put down where none is found.
        near, far: steps.
    """
    queue = np.zeros((MOST_CELLS, 4), np.int64)
    goals = np.zeros((CANDIDATES, 3), np.int64)
    blocks, flags = levels.blocks[i], tables.blocks
    for goal in range(_draw_goals(blocks, flags, levels.random, i, wanted, goals)):
        reached = np.zeros(SIDE * SIDE * HEIGHT, np.bool_)
        filled = _from_goal(blocks, flags, goals[goal, 0], goals[goal, 1], goals[goal, 2], queue, reached)
        filled = _spread(blocks, flags, far, queue, filled, reached)
        chosen = _draw_place(levels, i, queue, filled, near)
        if chosen >= 0:
            levels.status[i, X], levels.status[i, Z] = queue[chosen, 0], queue[chosen, 1]
            levels.status[i, Y] = queue[chosen, 2]
            return
    _put_goal(levels, i, tables, block, near, far, queue)


@jitable
def _put_goal(levels: Any, i: Any, tables: Any, block: Any, near: Any, far: Any, queue: Any) -> None:
    x, z, y = levels.status[i, X], levels.status[i, Z], levels.status[i, Y]
    reached = np.zeros(SIDE * SIDE * HEIGHT, np.bool_)
    reached[cell_number(x, z, y)] = True
    queue[0, 0], queue[0, 1], queue[0, 2], queue[0, 3] = x, z, y, 0
    filled = _spread(levels.blocks[i], tables.blocks, far, queue, 1, reached)
    chosen = max(0, _draw_place(levels, i, queue, filled, near))
    facing = random_integer(levels.random, i, 0, 4)
    for turn in range(4):
        a = queue[chosen, 0] + STEPS[(facing + turn) % 4, 0]
        b = queue[chosen, 1] + STEPS[(facing + turn) % 4, 1]
        # Not where the player stands.
        if is_inside(a, b, queue[chosen, 2]) and not (a == x and b == z):
            levels.blocks[i, a, b, queue[chosen, 2]] = block
            return
