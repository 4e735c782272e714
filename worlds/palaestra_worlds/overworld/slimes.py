"""Slimes: they come in three sizes, and a larger one that is killed splits into smaller ones.

Source: https://minecraft.wiki/w/Slime. All of them take as much room here as the largest.
"""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.mob_kinds import SLIME
from palaestra_worlds.overworld.mobs import appear, draw, has_room, mob_at
from palaestra_worlds.overworld.state import (
    CLOCK,
    KIND,
    MOB_HEALTH,
    MOB_X,
    MOB_Y,
    MOB_Z,
    MOST_ANIMALS,
    SIZE,
    STEPS,
    X,
    Y,
    Z,
    animals_end,
)

SMALL = 1
"""Half cells across; the next are twice as wide, and twice that."""
SIZES = 3
LEAST_PIECES, MOST_PIECES = 2, 4


@jitable
def come_as_slime(levels: Any, i: Any, tables: Any, k: Any, x: Any, z: Any, y: Any, now: Any, size: Any) -> None:
    """A slime in an empty place."""
    appear(levels, i, tables, k, SLIME, x, z, y, now)
    levels.mobs[i, k, SIZE] = size
    levels.mobs[i, k, MOB_HEALTH] = 10 * size * size


@jitable
def any_size(levels: Any, i: Any) -> Any:
    return SMALL << draw(levels, i, 0, SIZES)


@jitable
def slime_hurts(levels: Any, i: Any, k: Any) -> Any:
    """What its touch takes, in points of health: nothing of the small ones."""
    size = levels.mobs[i, k, SIZE]
    return size if size > SMALL else 0


@jitable
def split(levels: Any, i: Any, tables: Any, k: Any) -> None:
    """Smaller ones where a slime died and beside that, as many as there is room for."""
    x, z, y = levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y]
    size = levels.mobs[i, k, SIZE] // 2
    left = draw(levels, i, LEAST_PIECES, MOST_PIECES + 1)
    place = MOST_ANIMALS
    for heading in range(-1, len(STEPS)):
        a = x if heading < 0 else x + STEPS[heading, 0]
        b = z if heading < 0 else z + STEPS[heading, 1]
        is_player = levels.status[i, X] == a and levels.status[i, Z] == b and abs(levels.status[i, Y] - y) < 2
        if left == 0 or is_player or mob_at(levels, i, tables, a, b, y) >= 0:
            continue
        while place < animals_end(levels) and levels.mobs[i, place, KIND] > 0:
            place += 1
        if place < animals_end(levels) and has_room(levels, i, tables, SLIME, a, b, y):
            come_as_slime(levels, i, tables, place, a, b, y, levels.status[i, CLOCK], size)
            left -= 1
