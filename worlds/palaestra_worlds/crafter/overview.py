"""A picture of a whole Crafter level, for people: the reference shows only what the player sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.crafter.images import texture_of
from palaestra_worlds.crafter.state import AREA, NUM_OBJECTS, Levels, X, Y
from palaestra_worlds.crafter.textures import COLUMNS, ROWS, make_atlas

_FRAME = (255, 255, 255)


def overview(levels: Levels, i: int, unit: int) -> NDArray[np.uint8]:
    """The whole land of environment i by daylight, what lives on it, and a frame around what the player sees.

    Args:
        levels: of the batch.
        i: the environment.
        unit: pixels along a cell, at least 3.

    Returns:
        uint8 (64 * unit, 64 * unit, 3).
    """
    atlas = make_atlas(unit)
    level = levels.rows.view(np.recarray)[i]
    tiles = atlas.materials[levels.materials[i].T]
    for slot in range(levels.status[i, NUM_OBJECTS]):
        x, y = levels.objects[i, slot, X], levels.objects[i, slot, Y]
        if levels.occupants[i, x, y] != slot + 1:
            continue
        texture = texture_of(level, slot)
        cover = 255 * (1 - atlas.covers[texture])[..., None]
        tiles[y, x] = 255 * atlas.things[texture] + cover * (tiles[y, x] / 255)
    image = np.ascontiguousarray(tiles.swapaxes(1, 2)).reshape(AREA * unit, AREA * unit, 3)
    _draw_frame(image, int(levels.objects[i, 0, X]), int(levels.objects[i, 0, Y]), unit)
    return image


def _draw_frame(image: NDArray[np.uint8], x: int, y: int, unit: int) -> None:
    """Around the cells that are seen from (x, y), a third of a cell wide."""
    left, right = (np.clip(x + side, 0, AREA) * unit for side in (-(COLUMNS // 2), COLUMNS // 2 + 1))
    top, bottom = (np.clip(y + side, 0, AREA) * unit for side in (-(ROWS // 2), ROWS // 2 + 1))
    width = max(unit // 3, 1)
    image[top:bottom, left : left + width] = image[top:bottom, right - width : right] = _FRAME
    image[top : top + width, left:right] = image[bottom - width : bottom, left:right] = _FRAME
