"""Where the scripted player can sleep, craft and fence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.crafter.player.paths import FAR, Ways, is_walkable
from palaestra_worlds.crafter.player.sight import STEPS, Cell, Sight, beside, is_inside
from palaestra_worlds.crafter.state import AREA, COAL, GRASS, LAVA, PATH, SAND, SKELETON, STONE, ZOMBIE

Mask = NDArray[np.bool_]
_ROOM = 4
"""Most cells of a closed room."""


class Nook(NamedTuple):
    """Two cells to dig into rock, closed behind oneself with a stone: one can only turn round by a step back, so one
    cell is not enough."""

    entry: Cell
    direction: int

    @property
    def inner(self) -> Cell:
        return beside(self.entry, self.direction)

    @property
    def end(self) -> Cell:
        return beside(self.inner, self.direction)


class Fence(NamedTuple):
    """A stone to put next to a plant: from `run_up` one step in `direction` leads to where one faces the gap."""

    run_up: Cell
    direction: int

    @property
    def stand(self) -> Cell:
        return beside(self.run_up, self.direction)


def of_material(sight: Sight, *materials: int) -> Mask:
    return np.isin(sight.materials, materials)


def _shifted(mask: Mask, direction: int, outside: bool) -> Mask:
    """What lies on the next cell in a direction, for every cell."""
    padded = np.pad(mask, 1, constant_values=outside)
    x, y = STEPS[direction]
    return padded[1 + x : 1 + x + AREA, 1 + y : 1 + y + AREA]


def find_nook(sight: Sight, ways: Ways) -> Nook | None:
    """The nearest place for one."""
    rock = of_material(sight, STONE, COAL)
    closed = ~of_material(sight, GRASS, SAND, PATH, LAVA)
    best, found = FAR, None
    for direction in range(4):
        sides = closed.copy()
        for side in range(4):
            if side // 2 != direction // 2:
                sides &= _shifted(closed, side, True)
        cell = rock & sides
        end = cell & _shifted(closed, direction, True)
        good = ~closed & _shifted(cell, direction, False) & _shifted(_shifted(end, direction, False), direction, False)
        lengths = np.where(good, ways.lengths, FAR)
        nearest = int(lengths.argmin())
        if lengths.flat[nearest] < best:
            best, found = int(lengths.flat[nearest]), Nook((nearest // AREA, nearest % AREA), direction)
    return found


def is_enclosed(sight: Sight) -> bool:
    """Whether nothing can walk up to the player."""
    room, open_cells = {sight.place}, [sight.place]
    while open_cells:
        cell = open_cells.pop()
        for direction in range(4):
            other = beside(cell, direction)
            if other in room or not is_inside(other) or int(sight.materials[other]) not in (GRASS, SAND, PATH):
                continue
            if len(room) == _ROOM or int(sight.creatures[other]) in (ZOMBIE, SKELETON):
                return False
            room.add(other)
            open_cells.append(other)
    return True


def near(mask: Mask) -> Mask:
    """Cells from whose 3 by 3 cells one of `mask` can be used; at the left and upper border none can."""
    padded = np.pad(mask, 1)
    found = np.zeros_like(mask)
    for x in range(3):
        for y in range(3):
            found |= padded[x : x + AREA, y : y + AREA]
    found[0, :] = found[:, 0] = False
    return found


def gaps(sight: Sight, plant: Cell) -> list[Cell]:
    """Cells next to a plant from which it can be trampled."""
    cells = (beside(plant, direction) for direction in range(4))
    return [cell for cell in cells if is_inside(cell) and int(sight.materials[cell]) in (GRASS, SAND, PATH)]


def fences(sight: Sight, plant: Cell) -> Iterator[Fence]:
    """Ways to close a gap."""
    for gap in gaps(sight, plant):
        for direction in range(4):
            stand = beside(gap, direction ^ 1)
            run_up = beside(stand, direction ^ 1)
            free = all(cell == sight.place or is_walkable(sight, cell) for cell in (stand, run_up))
            if free and stand != plant and gap != sight.place:
                yield Fence(run_up, direction)
