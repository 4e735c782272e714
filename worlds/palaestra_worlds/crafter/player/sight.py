"""What the scripted player knows: the whole true state, nothing hidden."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.crafter.character import ACHIEVEMENTS
from palaestra_worlds.crafter.creatures import RIPE
from palaestra_worlds.crafter.state import (
    AREA,
    DIRECTIONS,
    FACING,
    KIND,
    NUM_OBJECTS,
    PLANT,
    PLAYER,
    SLEEPING,
    TIMER,
    Levels,
    X,
    Y,
)

Cell = tuple[int, int]
STEPS: tuple[Cell, ...] = tuple((int(x), int(y)) for x, y in DIRECTIONS)
"""Left, right, up, down: in the order of the actions that move."""


class Sight(NamedTuple):
    """The state of one environment."""

    materials: NDArray[np.uint8]
    """(64, 64), indexed [x, y]."""
    creatures: NDArray[np.uint8]
    """(64, 64): kind of the object on each cell, as the semantic view numbers it; 0 for none, and for the player."""
    ripe: NDArray[np.bool_]
    """(64, 64): where a plant is ripe."""
    place: Cell
    facing: int
    inventory: NDArray[np.int32]
    """(16,)."""
    achievements: NDArray[np.int32]
    """(22,)."""
    sleeping: bool
    daylight: float

    def done(self, achievement: str) -> bool:
        return self.achievements[ACHIEVEMENTS.index(achievement)] > 0

    def has(self, item: int) -> int:
        return int(self.inventory[item])

    @property
    def front(self) -> Cell:
        """The cell that the player faces; it can lie outside."""
        return beside(self.place, self.facing)


def beside(cell: Cell, direction: int) -> Cell:
    """The next cell in a direction."""
    return cell[0] + STEPS[direction][0], cell[1] + STEPS[direction][1]


def is_inside(cell: Cell) -> bool:
    return 0 <= cell[0] < AREA and 0 <= cell[1] < AREA


def apart(one: Cell, other: Cell) -> int:
    """Steps between two cells."""
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def sight_of(levels: Levels, i: int) -> Sight:
    """What the player of environment i knows."""
    objects = levels.objects[i, : levels.status[i, NUM_OBJECTS]].astype(np.int64)
    return make_sight(
        levels.materials[i],
        objects,
        levels.inventory[i],
        levels.achievements[i],
        int(levels.status[i, FACING]),
        bool(levels.status[i, SLEEPING]),
        float(levels.daylight[i]),
    )


def make_sight(
    materials: NDArray[np.uint8],
    objects: NDArray[np.int64],
    inventory: NDArray[np.int32],
    achievements: NDArray[np.int32],
    facing: int,
    sleeping: bool,
    daylight: float,
) -> Sight:
    """From arrays as `Levels` has them; of `objects` the first is the player."""
    creatures = np.zeros((AREA, AREA), dtype=np.uint8)
    creatures[objects[:, X], objects[:, Y]] = np.where(objects[:, KIND] == PLAYER, 0, objects[:, KIND])
    ripe = np.zeros((AREA, AREA), dtype=np.bool_)
    plants = objects[(objects[:, KIND] == PLANT) & (objects[:, TIMER] > RIPE)]
    ripe[plants[:, X], plants[:, Y]] = True
    place = int(objects[0, X]), int(objects[0, Y])
    return Sight(materials, creatures, ripe, place, facing, inventory, achievements, sleeping, daylight)
