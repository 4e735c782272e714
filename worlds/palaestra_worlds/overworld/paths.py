"""Ways through what has been seen: A* over walking, jumping, falling, swimming, digging, bridging and piling up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.overworld.constants import JUMPING_TICKS, WALKING_TICKS
from palaestra_worlds.overworld.heap import pop, push
from palaestra_worlds.overworld.state import HEIGHT, SIDE

UNSEEN, FREE, WATER, LAVA, ROCK, FIXED, TALL, GATE = range(8)
"""What a cell is to somebody on his way: ROCK can be dug, FIXED can't or mustn't, TALL can't be stepped onto either,
GATE, a gate or a door, is walked through and no more."""
CELLS = SIDE * SIDE * HEIGHT
SAFE_FALL = 3
DEEP = 20
"""From here down one falls through an unseen cave into the lava on its bottom: no way leads straight down, but by
stairs, from which one looks. Higher up a fall hurts, but not to death."""
NO_WAY = 1e9
SWIMMING_TICKS, PILING_TICKS, BRIDGING_TICKS = 12, 3, 5
RISK = 20.0
"""Ticks that digging down onto something unseen, or next to lava, is thought to cost more."""


class Ground(NamedTuple):
    """What each value of the map of seen cells means on a way; (blocks + 1,)."""

    kinds: NDArray[np.uint8]
    ticks: NDArray[np.float32]
    """To dig it, with what is at hand; of the unseen, a guess."""


class _Scratch(NamedTuple):
    costs: NDArray[np.float32]
    parents: NDArray[np.int32]
    stamps: NDArray[np.int32]
    heap: NDArray[np.int32]
    keys: NDArray[np.float32]
    goals: NDArray[np.int32]
    """Stamped like `stamps` where a goal is."""
    path: NDArray[np.int32]


_local = threading.local()


def _scratch() -> tuple[_Scratch, int]:
    """Working space of this thread, and a stamp that nothing in it has."""
    if not hasattr(_local, "scratch"):
        _local.scratch = _Scratch(
            np.zeros(CELLS, np.float32),
            np.zeros(CELLS, np.int32),
            np.zeros(CELLS, np.int32),
            np.zeros(8 * CELLS // 4, np.int32),
            np.zeros(8 * CELLS // 4, np.float32),
            np.zeros(CELLS, np.int32),
            np.zeros(4096, np.int32),
        )
        _local.stamp = 0
    _local.stamp += 2
    return _local.scratch, _local.stamp


@register_jitable
def kind_at(seen: Any, ground: Any, x: Any, z: Any, y: Any) -> Any:
    """What a cell is on a way; the world's sides and bottom are FIXED, above it is FREE."""
    if not (0 <= x < SIDE and 0 <= z < SIDE and y >= 0):
        return FIXED
    return ground.kinds[seen[x, z, y]] if y < HEIGHT else FREE


@register_jitable
def _clear(seen: Any, ground: Any, x: Any, z: Any, y: Any) -> Any:
    """Ticks to make a cell free."""
    kind = kind_at(seen, ground, x, z, y)
    if kind == FREE or kind == WATER:
        return 0.0
    if kind == LAVA or kind == FIXED or kind == TALL or kind == GATE:
        return NO_WAY
    ticks = ground.ticks[seen[x, z, y]] + 1.0
    for way in range(6):
        step = 1 if way % 2 else -1
        a, b, c = x + step * (way < 2), z + step * (2 <= way < 4), y + step * (way >= 4)
        if kind_at(seen, ground, a, b, c) == LAVA:
            ticks += RISK
    return ticks


@register_jitable
def _pass(seen: Any, ground: Any, x: Any, z: Any, y: Any) -> Any:
    """As `_clear`, for who comes by on the level: gates and doors open."""
    return 0.0 if kind_at(seen, ground, x, z, y) == GATE else _clear(seen, ground, x, z, y)


@register_jitable
def _guess(x: Any, z: Any, y: Any, box: Any) -> Any:
    """At least so many ticks to a box: lowest and highest x, z, y."""
    far = max(0, box[0] - x, x - box[1]) + max(0, box[2] - z, z - box[3])
    return WALKING_TICKS * far + 2.0 * max(0, box[4] - y)


@register_jitable
def _land(seen: Any, ground: Any, x: Any, z: Any, y: Any) -> Any:
    """Height at which one who steps into a free cell comes to rest, -1 if that is unknown or harmful."""
    for fallen in range(24):
        below = kind_at(seen, ground, x, z, y - fallen - 1)
        if below == ROCK or below == FIXED:
            return y - fallen if fallen <= SAFE_FALL else -1
        if below == WATER:
            return y - fallen - 1
        if below != FREE:
            return -1
    return -1


@register_jitable
def _reach(
    seen: Any, scratch: Any, stamp: Any, size: Any, box: Any, node: Any, x: Any, z: Any, y: Any, cost: Any, weight: Any
) -> Any:
    """Notes a way to a cell if it is the best so far."""
    if cost >= NO_WAY:
        return size
    number = (x * SIDE + z) * HEIGHT + y
    if scratch.stamps[number] >= stamp and scratch.costs[number] <= cost:
        return size
    if scratch.stamps[number] == stamp + 1:
        return size
    scratch.stamps[number] = stamp
    scratch.costs[number] = cost
    scratch.parents[number] = node
    return push(scratch, size, cost + weight * _guess(x, z, y, box), number)


@register_jitable
def _up_or_down(
    seen: Any, ground: Any, scratch: Any, stamp: Any, size: Any, box: Any, node: Any, blocks: Any, weight: Any
) -> Any:
    """Notes the cells above and below one: piling up, swimming, digging down."""
    x, z, y = node // (SIDE * HEIGHT), node // HEIGHT % SIDE, node % HEIGHT
    cost = scratch.costs[node]
    below = kind_at(seen, ground, x, z, y - 1)
    stands = below == ROCK or below == FIXED or below == UNSEEN
    feet = kind_at(seen, ground, x, z, y)
    rises = kind_at(seen, ground, x, z, y + 1) == WATER if feet == WATER else blocks and stands and feet != GATE
    if rises and y + 3 < HEIGHT:
        ticks = _clear(seen, ground, x, z, y + 2) + PILING_TICKS
        size = _reach(seen, scratch, stamp, size, box, node, x, z, y + 1, cost + ticks, weight)
    if below == ROCK or below == UNSEEN:
        under = kind_at(seen, ground, x, z, y - 2)
        ticks = _clear(seen, ground, x, z, y - 1) + (RISK if under == UNSEEN else 0.0)
        if y > 2 and (under == ROCK or under == FIXED or (under == UNSEEN and y > DEEP)):
            size = _reach(seen, scratch, stamp, size, box, node, x, z, y - 1, cost + ticks, weight)
    elif below == WATER:
        size = _reach(seen, scratch, stamp, size, box, node, x, z, y - 1, cost + SWIMMING_TICKS, weight)
    return size


@register_jitable
def _level_ticks(seen: Any, ground: Any, a: Any, b: Any, y: Any, clearing: Any) -> Any:
    """Ticks to the cell (a, b, y) from beside it; `clearing` of them are digging."""
    in_water = kind_at(seen, ground, a, b, y) == WATER
    swims = in_water or kind_at(seen, ground, a, b, y - 1) == WATER
    ticks = clearing + (SWIMMING_TICKS if swims else WALKING_TICKS)
    return ticks + (RISK if kind_at(seen, ground, a, b, y + 1) == WATER else 0.0)


@register_jitable
def _aside(
    seen: Any,
    ground: Any,
    scratch: Any,
    stamp: Any,
    size: Any,
    box: Any,
    node: Any,
    way: Any,
    blocks: Any,
    weight: Any,
) -> Any:
    """Notes the cells beside one in a direction: level, a step down or up, a fall, across a gap."""
    x, z, y = node // (SIDE * HEIGHT), node // HEIGHT % SIDE, node % HEIGHT
    step = 1 if way % 2 else -1
    a, b = x + step * (way < 2), z + step * (way >= 2)
    if not (0 <= a < SIDE and 0 <= b < SIDE) or y + 3 >= HEIGHT:
        return size
    cost = scratch.costs[node]
    head, feet = _pass(seen, ground, a, b, y + 1), _pass(seen, ground, a, b, y)
    block, floor = kind_at(seen, ground, a, b, y), kind_at(seen, ground, a, b, y - 1)
    level = cost + _level_ticks(seen, ground, a, b, y, head + feet)
    if block == WATER and floor == WATER:
        size = _reach(seen, scratch, stamp, size, box, node, a, b, y, level, weight)
    if floor == ROCK or floor == FIXED or floor == UNSEEN:
        size = _reach(seen, scratch, stamp, size, box, node, a, b, y, level, weight)
        under = kind_at(seen, ground, a, b, y - 2)
        if y > 2 and floor != FIXED and (under == ROCK or under == FIXED or under == UNSEEN):
            lower = level + _clear(seen, ground, a, b, y - 1)
            size = _reach(seen, scratch, stamp, size, box, node, a, b, y - 1, lower, weight)
    else:
        rest = _land(seen, ground, a, b, y) if floor != LAVA else -1
        if rest > 0:
            size = _reach(seen, scratch, stamp, size, box, node, a, b, rest, level, weight)
        below = kind_at(seen, ground, x, z, y - 1)
        if blocks and (below == ROCK or below == FIXED or below == UNSEEN):
            size = _reach(seen, scratch, stamp, size, box, node, a, b, y, level + BRIDGING_TICKS, weight)
    if (block == ROCK or block == FIXED or block == UNSEEN) and kind_at(seen, ground, a, b, y + 1) != GATE:
        above = _clear(seen, ground, x, z, y + 2) + _clear(seen, ground, a, b, y + 2)
        size = _reach(seen, scratch, stamp, size, box, node, a, b, y + 1, cost + above + head + JUMPING_TICKS, weight)
    return size


@register_jitable
def _trace(scratch: Any, node: Any) -> Any:
    """Writes the way to a cell to `scratch.path`, from its end back; gives how many cells it has."""
    length = 0
    while node >= 0 and length < len(scratch.path):
        scratch.path[length] = node
        node = scratch.parents[node]
        length += 1
    return length


def _find(
    seen: Any,
    ground: Any,
    x: Any,
    z: Any,
    y: Any,
    box: Any,
    blocks: Any,
    most: Any,
    weight: Any,
    stamp: Any,
    scratch: Any,
) -> Any:
    """A way from (x, z, y) to the nearest stamped goal.

    Args:
        seen, ground: see `find_way`.
        x, z, y: of the feet.
        box: around the goals: lowest and highest x, z, y.
        blocks: whether there are some to bridge and pile up with.
        most: cells looked at.
        weight: of the guess of what is left.
        stamp: that nothing in `scratch` has, the goals aside.
        scratch: its `path` is written.

    Returns:
        How many cells the way has, 0 if there is none, and how many were looked at.
    """
    start = (x * SIDE + z) * HEIGHT + y
    scratch.stamps[start], scratch.costs[start], scratch.parents[start] = stamp, 0.0, -1
    size = push(scratch, 0, 0.0, start)
    for looked in range(most):
        if size == 0:
            return 0, looked
        node = pop(scratch, size)
        size -= 1
        if scratch.stamps[node] == stamp + 1:
            continue
        scratch.stamps[node] = stamp + 1
        if scratch.goals[node] == stamp:
            return _trace(scratch, node), looked
        size = _up_or_down(seen, ground, scratch, stamp, size, box, node, blocks, weight)
        for way in range(4):
            size = _aside(seen, ground, scratch, stamp, size, box, node, way, blocks, weight)
    return 0, most


@cache
def _find_kernel() -> Callable[..., tuple[int, int]]:
    return kernel(_find, "overworld-paths")


@dataclass(frozen=True)
class Way:
    """Cells (x, z, y) of the feet, the start aside, and about how many ticks it takes."""

    cells: tuple[tuple[int, int, int], ...]
    ticks: float


def find_way(
    seen: NDArray[np.uint16],
    ground: Ground,
    start: tuple[int, int, int],
    goals: NDArray[np.int64],
    has_blocks: bool,
    most: int = 60_000,
    weight: float = 1.2,
) -> tuple[Way | None, int]:
    """The quickest way to the nearest of some cells through what was seen; the unseen is taken for rock.

    Args:
        seen: map of `sight`.
        ground: what its values mean.
        start: x, z, y of the feet.
        goals: (G, 3), G > 0: cells for the feet.
        has_blocks: whether there are blocks to bridge gaps and pile up with.
        most: cells to look at before giving up.
        weight: how much the guess of what is left counts; more is faster, and ways may be longer.

    Returns:
        The way, None if none was found, and how many cells were looked at.
    """
    scratch, stamp = _scratch()
    inside = goals[((goals >= 0) & (goals < (SIDE, SIDE, HEIGHT - 2))).all(axis=1)]
    if not len(inside):
        return None, 0
    scratch.goals[(inside[:, 0] * SIDE + inside[:, 1]) * HEIGHT + inside[:, 2]] = stamp
    lowest, highest = inside.min(axis=0), inside.max(axis=0)
    box = np.array([lowest[0], highest[0], lowest[1], highest[1], lowest[2], highest[2]])
    length, looked = _find_kernel()(seen, ground, *start, box, has_blocks, most, weight, stamp, scratch)
    if not length:
        return None, looked
    nodes = scratch.path[:length][::-1]
    cells = [(int(n) // (SIDE * HEIGHT), int(n) // HEIGHT % SIDE, int(n) % HEIGHT) for n in nodes]
    return Way(tuple(cells[1:]), float(scratch.costs[nodes[-1]])), looked


def reachable(
    seen: NDArray[np.uint16], ground: Ground, start: tuple[int, int, int], has_blocks: bool, most: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """The cells that can be reached without digging, the nearest `most` of them; see `find_way`.

    Returns:
        (R, 3) cells of the feet, (R,) about how many ticks the quickest way to each takes, and how many were looked at.
    """
    scratch, stamp = _scratch()
    kinds = ground.kinds.copy()
    kinds[(kinds == ROCK) | (kinds == UNSEEN)] = FIXED
    box = np.array([0, SIDE, 0, SIDE, 0, HEIGHT])
    walked = Ground(kinds, ground.ticks)
    _, looked = _find_kernel()(seen, walked, *start, box, has_blocks, most, 0.0, stamp, scratch)
    nodes = np.flatnonzero(scratch.stamps == stamp + 1)
    cells = np.column_stack([nodes // (SIDE * HEIGHT), nodes // HEIGHT % SIDE, nodes % HEIGHT]).astype(np.int64)
    return cells, scratch.costs[nodes], looked
