"""Pens and rooms: what fences and walls that a player has put up close in, beside a gate or a door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from palaestra_worlds.basalt.checks import Cell, Scene
from palaestra_worlds.overworld.state import HEIGHT, SIDE, STEPS

MOST_CELLS = 400
"""Of a pen or a room; what is larger is the open."""
LEAST_FLOOR = 4
"""Cells of a room's floor."""
SAFE_DROP = 3
"""Cells that animals step down."""
HIGHEST_ROOF = 8
"""Cells above the floor within which there is a roof."""


def sides(cell: Cell) -> Iterator[Cell]:
    """The four cells beside one."""
    x, z, y = cell
    for along_x, along_z in STEPS.tolist():
        yield x + along_x, z + along_z, y


def pen_beside(scene: Scene, gate: Cell) -> Iterable[set[Cell]]:
    """Where animals on one side of a gate can go, for each side on which that is a pen: they cannot leave, and most of
    what stops them has been put there."""
    for start in sides(gate):
        if not _is_inside(start) or scene.is_solid(start):
            continue
        pen, stopped_by = _flood(start, lambda cell: _step(scene, cell))
        if pen and 2 * sum(scene.is_placed(cell) for cell in stopped_by) >= len(stopped_by):
            yield pen


def room_beside(scene: Scene, door: Cell) -> Iterable[set[Cell]]:
    """The floor on one side of a door, for each side on which there is a room: all around are walls two cells high,
    most of which have been put there."""
    for start in sides(door):
        if not _is_inside(start) or _is_wall(scene, start):
            continue
        room, walls = _flood(start, lambda cell: ((side, _is_wall(scene, side)) for side in sides(cell)))
        placed = sum(scene.is_placed(cell) and scene.is_placed(_above(cell)) for cell in walls)
        if len(room) >= LEAST_FLOOR and 2 * placed >= len(walls) and all(_has_floor(scene, cell) for cell in room):
            yield room


def has_roof(scene: Scene, room: set[Cell]) -> bool:
    """Whether there is something over all of a room, most of it put there."""
    covers = [_cover(scene, cell) for cell in room]
    placed = sum(cover is not None and scene.is_placed(cover) for cover in covers)
    return None not in covers and 2 * placed >= len(covers)


def _flood(start: Cell, around: Callable[[Cell], Iterable[tuple[Cell, bool]]]) -> tuple[set[Cell], set[Cell]]:
    """Cells that can be reached, and those that stop one; none where that leads into the open.

    Args:
        start: where one begins.
        around: the cells beside one, and whether each stops one.
    """
    found, waiting, stops = {start}, [start], set[Cell]()
    while waiting:
        for cell, is_stopped in around(waiting.pop()):
            if is_stopped:
                stops.add(cell)
            elif not _is_inside(cell):
                return set(), set()
            elif cell not in found:
                found.add(cell)
                waiting.append(cell)
        if len(found) > MOST_CELLS:
            return set(), set()
    return found, stops


def _step(scene: Scene, cell: Cell) -> Iterator[tuple[Cell, bool]]:
    """Where an animal gets by a step, as the engine has it: up one, but not onto a fence, or down a little."""
    x, z, y = cell
    for a, b, _ in sides(cell):
        if not _is_inside((a, b, y)):
            yield (a, b, y), False
        elif scene.is_solid((a, b, y)):
            blocked = scene.is_tall((a, b, y)) or scene.is_solid((a, b, y + 1)) or scene.is_solid((x, z, y + 1))
            yield ((a, b, y), True) if blocked else ((a, b, y + 1), False)
        else:
            ground = y
            while ground > 0 and not scene.is_solid((a, b, ground - 1)):
                ground -= 1
            yield (a, b, ground), y - ground > SAFE_DROP


def _is_inside(cell: Cell) -> bool:
    return 0 < cell[0] < SIDE - 1 and 0 < cell[1] < SIDE - 1 and 0 < cell[2] < HEIGHT - 2


def _above(cell: Cell) -> Cell:
    return cell[0], cell[1], cell[2] + 1


def _is_wall(scene: Scene, cell: Cell) -> bool:
    return _is_inside(cell) and scene.is_solid(cell) and scene.is_solid(_above(cell))


def _has_floor(scene: Scene, cell: Cell) -> bool:
    """Whether one falls no deeper than a cell there."""
    x, z, y = cell
    return scene.is_solid((x, z, y - 1)) or scene.is_solid((x, z, max(0, y - 2)))


def _cover(scene: Scene, cell: Cell) -> Cell | None:
    """The lowest block over one's head."""
    x, z, y = cell
    return next(((x, z, c) for c in range(y + 2, min(y + HIGHEST_ROOF, HEIGHT)) if scene.is_solid((x, z, c))), None)
