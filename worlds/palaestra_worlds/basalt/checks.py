"""What programs check of how the BASALT tasks were done: an independent measure, which nobody who learns is told.

Checks look at the level as it began and as it is at the end; people judge the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.state import HEIGHT
from palaestra_worlds.overworld.tables import IS_GATE, IS_TALL, SOLID, numbers, tables

Cell = tuple[int, int, int]
"""x, z, y."""
DEPTH = 3
"""Cells below the ground, at least, of who is in a cave."""
LEAST_FALL = 3
"""Cells that water falls, at least."""


@dataclass(frozen=True)
class Scene:
    """The end of an episode.

    Attributes:
        begun, blocks: uint16 (x, z, y), the level as it began, and as it is.
        surface: uint8 (x, z), height of the ground as it was made.
        feet: where the player is.
        is_alive: whether it has not died.
        animals: kind and cell of each that lives.
    """

    begun: NDArray[np.uint16]
    blocks: NDArray[np.uint16]
    surface: NDArray[np.uint8]
    feet: Cell
    is_alive: bool
    animals: tuple[tuple[int, Cell], ...] = ()

    def is_solid(self, cell: Cell) -> bool:
        """Whether something is in the way there."""
        return bool(_flags(SOLID)[self.blocks[cell]])

    def is_placed(self, cell: Cell) -> bool:
        """Whether something that is in the way has been put there."""
        return self.is_solid(cell) and self.blocks[cell] != self.begun[cell]

    def placed(self, column: int) -> list[Cell]:
        """Cells with blocks that have this flag of `Tables.blocks` and have been put there."""
        found = _flags(column)[self.blocks] & (self.blocks != self.begun)
        return [(int(x), int(z), int(y)) for x, z, y in np.argwhere(found)]

    def is_tall(self, cell: Cell) -> bool:
        """Whether it is a fence, a gate or a garden wall."""
        return bool(_flags(IS_TALL)[self.blocks[cell]])


@cache
def _flags(column: int) -> NDArray[np.bool_]:
    """(B,) of `Tables.blocks`."""
    return tables().blocks[:, column] > 0


@cache
def _is_water() -> NDArray[np.bool_]:
    """(B,): still or flowing."""
    names = numbers().blocks
    return np.array([name.split("_")[-1] == "water" for name in names]) & ~_flags(SOLID)


@cache
def _is_ground() -> NDArray[np.bool_]:
    """(B,): what the land is made of, trees aside."""
    return np.array([not name.endswith(("_log", "_leaves")) for name in numbers().blocks]) & _flags(SOLID)


def check_cave(scene: Scene) -> tuple[bool, ...]:
    """Whether the player stands in a hollow that was there from the beginning, under a roof of ground, and whether no
    way was dug down from the surface."""
    x, z, y = scene.feet
    surface = int(scene.surface[x, z])
    room = scene.begun[x, z, y : y + 2]
    is_open = not (_flags(SOLID)[room] | _is_water()[room]).any()
    roof = slice(y + 2, surface + 1)
    is_roofed = (_is_ground()[scene.begun[x, z, roof]] & _is_ground()[scene.blocks[x, z, roof]]).any()
    is_inside = bool(is_open and is_roofed and surface - y >= DEPTH)
    dug_down = _has_dug_down(scene)
    return is_inside, not dug_down, is_inside and not dug_down and scene.is_alive


def _has_dug_down(scene: Scene) -> bool:
    """Whether in some column the ground's uppermost cell and the one below it are gone."""
    gone = _is_ground()[scene.begun] & ~_flags(SOLID)[scene.blocks]
    top = scene.surface.astype(np.int64)[:, :, None]
    both = np.take_along_axis(gone, top, axis=2) & np.take_along_axis(gone, np.maximum(top - 1, 0), axis=2)
    return bool(both.any())


def check_waterfall(scene: Scene) -> tuple[bool, ...]:
    """Whether there is water where there was none, and whether it falls, or is about to."""
    fresh = np.argwhere(_is_water()[scene.blocks] & ~_is_water()[scene.begun])
    falls = any(_falls(scene, (int(x), int(z), int(y))) >= LEAST_FALL for x, z, y in fresh)
    return len(fresh) > 0, falls, falls and scene.is_alive


def _falls(scene: Scene, cell: Cell) -> int:
    """Cells below one through which water falls: open, or full of such water."""
    x, z, y = cell
    below = scene.blocks[x, z, :y][::-1]
    stops = _flags(SOLID)[below] | _is_water()[scene.begun[x, z, :y][::-1]]
    return int(stops.argmax()) if stops.any() else y


def check_pen(scene: Scene) -> tuple[bool, ...]:
    """Whether a gate was put up, whether one leads into a pen, and whether two animals of a kind, and none of another,
    are in there."""
    from palaestra_worlds.basalt.enclosures import pen_beside

    gates = [cell for cell in scene.placed(IS_GATE) if scene.is_tall(cell)]
    pens = [pen for gate in gates for pen in pen_beside(scene, gate)]
    stocked = any(_is_stocked(scene, pen) for pen in pens)
    return bool(gates), bool(pens), stocked, stocked and scene.is_alive


def _is_stocked(scene: Scene, pen: set[Cell]) -> bool:
    inside = [kind for kind, (x, z, y) in scene.animals if any((x, z, y + up) in pen for up in (0, -1, 1))]
    return len(inside) >= 2 and len(set(inside)) == 1


def check_house(scene: Scene) -> tuple[bool, ...]:
    """Whether a door was put in, whether one leads into a room with walls, and whether such a room has a roof."""
    from palaestra_worlds.basalt.enclosures import has_roof, room_beside

    doors = [cell for cell in scene.placed(IS_GATE) if not scene.is_tall(cell) and cell[2] + 2 < HEIGHT]
    rooms = [room for door in doors for room in room_beside(scene, door)]
    roofed = any(has_roof(scene, room) for room in rooms)
    return bool(doors), bool(rooms), roofed, roofed and scene.is_alive


Check = Callable[[Scene], tuple[bool, ...]]
CHECKS: dict[str, tuple[tuple[str, ...], Check]] = {
    "FindCave": (("in_cave", "not_dug_down", "success"), check_cave),
    "MakeWaterfall": (("water_out", "water_falls", "success"), check_waterfall),
    "CreateVillageAnimalPen": (("gate", "pen", "animals", "success"), check_pen),
    "BuildVillageHouse": (("door", "walls", "roof", "success"), check_house),
}
"""By task: names of what is checked, and the check."""
