"""Lidar: how far beams go.

All beams of a vehicle are measured against one rectangle after the other, in float32, which a processor does for eight
beams at once. A floor with too many rectangles is gone over cell by cell instead.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from palaestra_worlds.agv.geometry import FAR, within
from palaestra_worlds.agv.lookup import cell_at, room_at
from palaestra_worlds.compiled import jitable

TO_X, TO_Y, PER_X, PER_Y, BEFORE = range(5)
"""Rows of what `aim` writes: the unit vector of each beam, and by how many ranges it goes on per metre of x and y; and
where `remember` keeps how far beams went."""
_TINY, _ONE, _NONE = np.float32(1e-12), np.float32(1.0), np.float32(0.0)


@jitable
def aim(beams: Any, heading: Any, most: Any, aimed: Any) -> None:
    """Turns the beams, float32 (2, beams) relative to the heading, into `aimed`, float32 (5, beams)."""
    cos, sin, most = np.float32(math.cos(heading)), np.float32(math.sin(heading)), np.float32(most)
    for b in range(beams.shape[1]):
        to_x = beams[0, b] * cos - beams[1, b] * sin
        to_y = beams[0, b] * sin + beams[1, b] * cos
        aimed[TO_X, b], aimed[TO_Y, b] = to_x, to_y
        # numpy.divide does not look for zeros, which would keep the loop from being done for eight beams at once.
        aimed[PER_X, b] = np.divide(_ONE, most * (to_x if abs(to_x) > _TINY else _TINY))
        aimed[PER_Y, b] = np.divide(_ONE, most * (to_y if abs(to_y) > _TINY else _TINY))


@jitable
def see_floor(width: Any, height: Any, x: Any, y: Any, aimed: Any, out: Any) -> None:
    """Writes into `out`, float32 (beams,), how far beams go before they leave the floor, 1 (the range) at most."""
    left, right, top, bottom = np.float32(-x), np.float32(width - x), np.float32(-y), np.float32(height - y)
    for b in range(aimed.shape[1]):
        beyond_x = max(left * aimed[PER_X, b], right * aimed[PER_X, b])
        beyond_y = max(top * aimed[PER_Y, b], bottom * aimed[PER_Y, b])
        out[b] = min(_ONE, min(beyond_x, beyond_y))


@jitable
def see_blocks(blocks: Any, count: Any, x: Any, y: Any, most: Any, aimed: Any, out: Any) -> None:
    """Cuts beams off at rectangles, float32 (count, 4) of left, upper, right and lower edges in metres."""
    for k in range(count):
        left, right = np.float32(blocks[k, 0] - x), np.float32(blocks[k, 2] - x)
        top, bottom = np.float32(blocks[k, 1] - y), np.float32(blocks[k, 3] - y)
        off_x, off_y = max(max(left, -right), _NONE), max(max(top, -bottom), _NONE)
        if off_x * off_x + off_y * off_y > most * most:
            continue
        for b in range(aimed.shape[1]):
            one, other = left * aimed[PER_X, b], right * aimed[PER_X, b]
            upper, lower = top * aimed[PER_Y, b], bottom * aimed[PER_Y, b]
            enter = max(max(min(one, other), min(upper, lower)), _NONE)
            leave = min(max(one, other), max(upper, lower))
            seen = enter if enter <= leave else _ONE
            out[b] = min(out[b], seen)


@jitable
def see_disc(at_x: Any, at_y: Any, radius: Any, x: Any, y: Any, most: Any, aimed: Any, out: Any) -> None:
    """Cuts beams off at a disc."""
    if math.hypot(at_x - x, at_y - y) > most + radius:
        return
    off_x, off_y, squared = np.float32(at_x - x), np.float32(at_y - y), np.float32(radius * radius)
    share = np.float32(1.0 / most)
    for b in range(aimed.shape[1]):
        along = off_x * aimed[TO_X, b] + off_y * aimed[TO_Y, b]
        beside = off_x * aimed[TO_Y, b] - off_y * aimed[TO_X, b]
        left = squared - beside * beside
        half = math.sqrt(max(left, _NONE))
        seen = max(along - half, _NONE) * share
        hit = left >= _NONE and along + half >= _NONE
        out[b] = min(out[b], seen if hit else _ONE)


@jitable
def remember(aimed: Any, out: Any) -> None:
    """Keeps how far beams go, for `write_speeds`."""
    for b in range(aimed.shape[1]):
        aimed[BEFORE, b] = out[b]


@jitable
def write_speeds(per_x: Any, per_y: Any, aimed: Any, out: Any, speeds: Any) -> None:
    """Writes of the beams that were cut off since `remember` how much of a velocity is along them."""
    per_x, per_y = np.float32(per_x), np.float32(per_y)
    for b in range(aimed.shape[1]):
        along = per_x * aimed[TO_X, b] + per_y * aimed[TO_Y, b]
        speeds[b] = along if out[b] < aimed[BEFORE, b] else speeds[b]


@jitable
def see_cells(cells: Any, cell: Any, x: Any, y: Any, most: Any, aimed: Any, out: Any) -> None:
    """Cuts beams off at walls and racks, cell by cell."""
    for b in range(aimed.shape[1]):
        out[b] = np.float32(beam(cells, cell, x, y, aimed[TO_X, b], aimed[TO_Y, b], most) / most)


@jitable
def see_box(box: Any, x: Any, y: Any, most: Any, aimed: Any, out: Any) -> None:
    """Cuts beams off at a turned box, see `geometry.box_to_box`."""
    at_x, at_y, cos, sin, length, width = box
    if math.hypot(at_x - x, at_y - y) > most + length + width:
        return
    ahead, aside = (x - at_x) * cos + (y - at_y) * sin, (y - at_y) * cos - (x - at_x) * sin
    for b in range(aimed.shape[1]):
        to_x, to_y = aimed[TO_X, b], aimed[TO_Y, b]
        low, high = within(ahead, to_x * cos + to_y * sin, -length, 2.0 * length, 0.0, FAR)
        low, high = within(aside, to_y * cos - to_x * sin, -width, 2.0 * width, low, high)
        if low <= high:
            out[b] = min(out[b], np.float32(low / most))


@jitable
def beam(cells: Any, cell: Any, x: Any, y: Any, to_x: Any, to_y: Any, most: Any) -> Any:
    """Metres from (x, y) to the first wall or rack in the direction of the unit vector (to_x, to_y), at most `most`.

    Goes over the floor's cells, as many at a time as `measure_room` found free all round, so that its cost grows with
    neither the range over free floor nor the number of racks.
    """
    column, row = cell_at(x, cell), cell_at(y, cell)
    step_x = 1 if to_x > 0.0 else -1
    step_y = 1 if to_y > 0.0 else -1
    across, down = abs(to_x) > _TINY, abs(to_y) > _TINY
    per_x = cell / abs(to_x) if across else FAR
    per_y = cell / abs(to_y) if down else FAR
    next_x = ((column + (1 if step_x > 0 else 0)) * cell - x) / to_x if across else FAR
    next_y = ((row + (1 if step_y > 0 else 0)) * cell - y) / to_y if down else FAR
    gone = 0.0
    while gone < most:
        room = room_at(cells, column, row)
        if room == 0:
            return gone
        exit_x, exit_y = next_x + (room - 1) * per_x, next_y + (room - 1) * per_y
        if exit_x < exit_y:
            gone = exit_x
            column += step_x * room
            next_x = exit_x + per_x
            if next_y <= gone:
                crossed = min(int((gone - next_y) / per_y) + 1, room - 1)
                row += step_y * crossed
                next_y += crossed * per_y
        else:
            gone = exit_y
            row += step_y * room
            next_y = exit_y + per_y
            if next_x <= gone:
                crossed = min(int((gone - next_x) / per_x) + 1, room - 1)
                column += step_x * crossed
                next_x += crossed * per_x
    return most
