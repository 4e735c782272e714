"""Shortest walks over (cell, facing direction), turns and steps costing one action each; compiled.

A cell is numbered `x * height + y`, a pose `4 * cell + direction`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.minigrid.state import (
    DOOR,
    FORWARD,
    LEFT,
    OPEN,
    RIGHT,
    STATE_SHIFT,
    TOGGLE,
    cell_state,
    cell_type,
)
from palaestra_worlds.minigrid.view import direction_x, direction_y

FAR = 1 << 29
"""Distance of what cannot be reached."""


@register_jitable
def _ahead(cell: Any, direction: Any, width: Any, height: Any) -> Any:
    """The cell in this direction, -1 beyond the grid."""
    x = cell // height + direction_x(direction)
    y = cell % height + direction_y(direction)
    if x < 0 or y < 0 or x >= width or y >= height:
        return -1
    return x * height + y


def _spread(enter: Any, width: Any, height: Any, sources: Any, backward: Any, distance: Any, previous: Any) -> None:
    """Label-correcting shortest paths from (backward: to) any of the sources.

    `enter` int32 (cells,): actions that it takes to step onto a cell one faces, 0 for never.
    """
    count = distance.shape[0]
    queue = np.empty(count + 1, dtype=np.int32)
    waiting = np.zeros(count, dtype=np.bool_)
    for pose in range(count):
        distance[pose] = FAR
        previous[pose] = -1
    head = tail = 0
    for source in sources:
        if not waiting[source]:
            distance[source] = 0
            waiting[source] = True
            queue[tail] = source
            tail += 1
    while head != tail:
        pose = queue[head]
        head = head + 1 if head < count else 0
        waiting[pose] = False
        cell, direction = pose >> 2, pose & 3
        for move in range(3):
            cost = 1
            if move < 2:
                other = pose - direction + (direction + 1 + 2 * move) % 4
            elif backward:
                behind = _ahead(cell, (direction + 2) % 4, width, height)
                cost = enter[cell]
                other = 4 * behind + direction if behind >= 0 else -1
            else:
                ahead = _ahead(cell, direction, width, height)
                cost = enter[ahead] if ahead >= 0 else 0
                other = 4 * ahead + direction
            if cost == 0 or other < 0 or distance[pose] + cost >= distance[other]:
                continue
            distance[other] = distance[pose] + cost
            previous[other] = pose
            if not waiting[other]:
                waiting[other] = True
                queue[tail] = other
                tail = tail + 1 if tail < count else 0


def _follow(previous: Any, end: Any, cells: Any, actions: Any) -> Any:
    """Writes the actions of the walk that ends at `end`, opening in `cells` the doors that it passes; how many."""
    poses = np.empty(previous.shape[0] + 1, dtype=np.int32)
    steps = 0
    pose = end
    while pose >= 0:
        poses[steps] = pose
        steps += 1
        pose = previous[pose]
    count = 0
    for k in range(steps - 2, -1, -1):
        before, after = poses[k + 1], poses[k]
        if before >> 2 == after >> 2:
            actions[count] = RIGHT if (after - before) % 4 == 1 else LEFT
            count += 1
            continue
        cell = cells[after >> 2]
        if cell_type(cell) == DOOR and cell_state(cell) != OPEN:
            cells[after >> 2] = cell & ~(0xF << STATE_SHIFT)
            actions[count] = TOGGLE
            count += 1
        actions[count] = FORWARD
        count += 1
    return count


def _flood(passable: Any, width: Any, height: Any, sources: Any, steps: Any) -> None:
    """Steps from the sources over passable cells, turns and objects aside; FAR where there is no way."""
    queue = np.empty(steps.shape[0], dtype=np.int32)
    for cell in range(steps.shape[0]):
        steps[cell] = FAR
    head = tail = 0
    for source in sources:
        steps[source] = 0
        queue[tail] = source
        tail += 1
    while head < tail:
        cell = queue[head]
        head += 1
        for direction in range(4):
            other = _ahead(cell, direction, width, height)
            if other >= 0 and passable[other] and steps[other] == FAR:
                steps[other] = steps[cell] + 1
                queue[tail] = other
                tail += 1


class _Kernels(NamedTuple):
    spread: Callable[..., None]
    follow: Callable[..., int]
    flood: Callable[..., None]


@cache
def _kernels() -> _Kernels:
    spread, follow, flood = (kernel(function, "solver", allocates=True) for function in (_spread, _follow, _flood))
    return _Kernels(spread, follow, flood)


class Walk(NamedTuple):
    """Shortest walks from some pose to all others, or from all others to some pose."""

    distance: NDArray[np.int32]
    """(4 * cells,), FAR where there is no walk."""
    previous: NDArray[np.int32]
    """(4 * cells,): the pose before (backward: after), -1 at the source."""


def shortest_walks(
    enter: NDArray[np.int32], height: int, sources: NDArray[np.int32], *, backward: bool = False
) -> Walk:
    """See `_spread`."""
    distance = np.empty(4 * len(enter), dtype=np.int32)
    previous = np.empty(4 * len(enter), dtype=np.int32)
    _kernels().spread(enter, len(enter) // height, height, sources, backward, distance, previous)
    return Walk(distance, previous)


def follow(walk: Walk, end: int, cells: NDArray[np.int32]) -> tuple[tuple[int, ...], NDArray[np.int32]]:
    """The actions of the walk to `end`, and the cells after it: closed doors on the way are opened."""
    after = cells.copy()
    actions = np.empty(2 * len(walk.previous), dtype=np.int32)
    count = _kernels().follow(walk.previous, end, after, actions)
    return tuple(actions[:count].tolist()), after


def steps_from(passable: NDArray[np.bool_], height: int, sources: NDArray[np.int32]) -> NDArray[np.int32]:
    """(cells,) steps from the nearest source over passable cells, FAR where there is no way."""
    steps = np.empty(len(passable), dtype=np.int32)
    _kernels().flood(passable, len(passable) // height, height, sources, steps)
    return steps
