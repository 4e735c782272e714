"""Crafter's picture of the player's surroundings and inventory, bit for bit, in compiled code.

A picture is nine by seven cells around the player over two rows of items. Every cell is drawn by itself: its material,
what stands on it, the light of the hour and, in sleep, no colour. By day a material looks the same on every cell and is
lit once; at night each pixel has its own noise, drawn from the stream's copy in `Levels.night`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import allocating, inlined, jitable, kernel
from palaestra_worlds.crafter.creatures import RIPE
from palaestra_worlds.crafter.random import peek_doubles
from palaestra_worlds.crafter.state import (
    AREA,
    ARROW,
    COW,
    FACING,
    HEADING,
    KIND,
    NUM_ITEMS,
    NUM_MATERIALS,
    PLANT,
    PLAYER,
    SLEEPING,
    TIMER,
    ZOMBIE,
    Levels,
    X,
    Y,
)
from palaestra_worlds.crafter.textures import (
    A_COW,
    A_PLANT,
    A_RIPE_PLANT,
    A_SKELETON,
    A_ZOMBIE,
    ARROWS,
    COLUMNS,
    ITEM_COLUMNS,
    ITEM_ROWS,
    OUTSIDE,
    PLAYERS,
    ROWS,
    SLEEPER,
    make_atlas,
)

_ORIGINAL = make_atlas(7)
_MATERIALS, _THINGS, _COVERS, _ITEMS, _VIGNETTE = _ORIGINAL

_NIGHT_TINT = (0.0, 16.0, 64.0)
_SLEEP_TINT = (0.0, 0.0, 16.0)
_COLOUR_AT_NIGHT = np.float32(0.4)
_WHITE = np.float32(255)


@inlined
def _grey(red: Any, green: Any, blue: Any) -> Any:
    """Pillow's luminance of a colour."""
    return (np.int64(red) * 19595 + np.int64(green) * 38470 + np.int64(blue) * 7471 + 32768) >> 16


@inlined
def _specked(colour: Any, dark: Any, speck: Any) -> Any:
    return np.uint8((1.0 - dark) * colour + speck)


@inlined
def _by_hour(colour: Any, specked: Any, grey: Any, daylight: Any, tint: Any) -> Any:
    """A channel of a pixel between day and night, when colours fade towards grey and then towards a tint."""
    faded = np.float32(grey) + _COLOUR_AT_NIGHT * np.float32(np.int64(specked) - grey)
    night = 0.5 * np.float64(np.uint8(faded)) + 0.5 * tint
    return np.uint8(daylight * colour + (1.0 - daylight) * night)


@jitable
def _light(
    tile: Any, pixels: Any, daylight: Any, amount: Any, noise: Any, vignette: Any, asleep: Any, lit: Any
) -> None:
    """Shows a cell by the light of the hour.

    Args:
        tile: (unit, unit, 3) uint8 by full day.
        pixels: place of its first pixel in the picture (x, y).
        daylight: 0 to 1.
        amount: how strong the noise is; 0 by day, when `noise` and `vignette` are not read.
        noise: (7 * unit * 9 * unit,) draws from 0 to 1, column after column.
        vignette: (7 * unit, 9 * unit).
        asleep: whether the player sleeps.
        lit: (unit, unit, 3) uint8, written.
    """
    height = vignette.shape[0]
    for y in range(tile.shape[0]):
        for x in range(tile.shape[1]):
            red, green, blue = tile[y, x, 0], tile[y, x, 1], tile[y, x, 2]
            dark = speck = 0.0
            if amount > 0.0:
                dark = amount * vignette[pixels[1] + y, pixels[0] + x]
                speck = dark * (32.0 + 95.0 * noise[(pixels[0] + x) * height + pixels[1] + y])
            r, g, b = _specked(red, dark, speck), _specked(green, dark, speck), _specked(blue, dark, speck)
            grey = _grey(r, g, b)
            r = _by_hour(red, r, grey, daylight, _NIGHT_TINT[0])
            g = _by_hour(green, g, grey, daylight, _NIGHT_TINT[1])
            b = _by_hour(blue, b, grey, daylight, _NIGHT_TINT[2])
            if asleep:
                grey = _grey(r, g, b)
                r = np.uint8(0.5 * grey + 0.5 * _SLEEP_TINT[0])
                g = np.uint8(0.5 * grey + 0.5 * _SLEEP_TINT[1])
                b = np.uint8(0.5 * grey + 0.5 * _SLEEP_TINT[2])
            lit[y, x, 0], lit[y, x, 1], lit[y, x, 2] = r, g, b


@jitable
def texture_of(level: Any, slot: Any) -> Any:
    """Which of the atlas's things an object looks like."""
    kind = level.objects[slot, KIND]
    if kind == PLAYER:
        return SLEEPER if level.status[SLEEPING] else PLAYERS + level.status[FACING]
    if kind == COW:
        return A_COW
    if kind == ZOMBIE:
        return A_ZOMBIE
    if kind == PLANT:
        return A_RIPE_PLANT if level.objects[slot, TIMER] > RIPE else A_PLANT
    return ARROWS + level.objects[slot, HEADING] if kind == ARROW else A_SKELETON


@jitable
def _put_on(material: Any, thing: Any, cover: Any, tile: Any) -> None:
    """Draws a thing over a material, as crafter blends them, in float32."""
    for y in range(tile.shape[0]):
        for x in range(tile.shape[1]):
            for c in range(3):
                under = np.float32(material[y, x, c]) / _WHITE
                tile[y, x, c] = np.uint8(_WHITE * (thing[y, x, c] + (np.float32(1) - cover[y, x]) * under))


@jitable
def _paste(tile: Any, image: Any, left: Any, top: Any) -> None:
    for y in range(tile.shape[0]):
        for x in range(tile.shape[1]):
            for c in range(3):
                image[top + y, left + x, c] = tile[y, x, c]


@allocating
def _draw_surroundings(level: Any, atlas: Any, image: Any) -> None:
    tiles, things, covers, _, vignette = atlas
    unit = tiles.shape[1]
    daylight, asleep = level.daylight, level.status[SLEEPING] == 1
    amount = 2.0 * (0.5 - daylight) if daylight < 0.5 else 0.0
    noise = np.empty(vignette.size if daylight < 0.5 else 0, dtype=np.float64)
    if daylight < 0.5:
        peek_doubles(level.night, noise)
    seen = np.empty((NUM_MATERIALS, unit, unit, 3), dtype=np.uint8)
    is_seen = np.zeros(NUM_MATERIALS, dtype=np.bool_)
    tile = np.empty((unit, unit, 3), dtype=np.uint8)
    lit = np.empty((unit, unit, 3), dtype=np.uint8)
    for column in range(COLUMNS):
        for row in range(ROWS):
            x = np.int64(level.objects[0, X]) + column - COLUMNS // 2
            y = np.int64(level.objects[0, Y]) + row - ROWS // 2
            pixels = column * unit, row * unit
            inside = 0 <= x < AREA and 0 <= y < AREA
            material = level.materials[x, y] if inside else OUTSIDE
            if inside and level.occupants[x, y] > 0:
                texture = texture_of(level, level.occupants[x, y] - 1)
                _put_on(tiles[material], things[texture], covers[texture], tile)
                _light(tile, pixels, daylight, amount, noise, vignette, asleep, lit)
                _paste(lit, image, pixels[0], pixels[1])
            elif daylight < 0.5:
                _light(tiles[material], pixels, daylight, amount, noise, vignette, asleep, lit)
                _paste(lit, image, pixels[0], pixels[1])
            else:
                if not is_seen[material]:
                    is_seen[material] = True
                    _light(tiles[material], pixels, daylight, amount, noise, vignette, asleep, seen[material])
                _paste(seen[material], image, pixels[0], pixels[1])


@jitable
def draw_picture(level: Any, atlas: Any, image: Any) -> None:
    """Draws what the player sees into `image` (9 * unit or more, 9 * unit or more, 3) uint8, from its
    upper left corner."""
    _draw_surroundings(level, atlas, image)
    items = atlas[3]
    unit = items.shape[2]
    for item in range(NUM_ITEMS):
        left, top = item % ITEM_COLUMNS * unit, (ROWS + item // ITEM_COLUMNS) * unit
        _paste(items[item, level.inventory[item]], image, left, top)


def _draw_all(levels: Any, images: Any, chosen: Any, first: Any, last: Any) -> None:
    for k in range(first, last):
        i = chosen[k]
        draw_picture(levels[i], (_MATERIALS, _THINGS, _COVERS, _ITEMS, _VIGNETTE), images[i])


@cache
def image_kernel() -> Any:
    """`draw(levels, images, chosen, first, last)`: crafter's observation of environments `chosen[first:last]` into
    `images` (N, 64, 64, 3), whose last row and column stay as they are: 0."""
    return kernel(_draw_all, "images")


def _draw_first(rows: Any, atlas: Any, image: Any) -> None:
    draw_picture(rows[0], atlas, image)


@cache
def _picture_kernel() -> Any:
    return kernel(_draw_first, "picture")


def picture(levels: Levels, i: int, unit: int) -> NDArray[np.uint8]:
    """What the player of environment i sees, (9 * unit, 9 * unit, 3), for videos and people. Nothing changes in the
    world: noise is drawn from a copy of the stream.

    Args:
        levels: of the batch.
        i: the environment.
        unit: pixels along a cell, at least 3; with 7 it is the observation without its black border.
    """
    image = np.zeros((COLUMNS * unit, (ROWS + ITEM_ROWS) * unit, 3), dtype=np.uint8)
    _picture_kernel()(levels.rows[i : i + 1], make_atlas(unit), image)
    return image
