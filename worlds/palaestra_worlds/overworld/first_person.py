"""What the player sees, as a picture: a ray for each pixel, shaded by face, light and corners. No display, no graphics
card."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.overworld.constants import LAVA, WATER
from palaestra_worlds.overworld.figures import boxes_of
from palaestra_worlds.overworld.light import BRIGHTEST, light_of
from palaestra_worlds.overworld.sight import EYES
from palaestra_worlds.overworld.state import (
    CLOCK,
    DAWN,
    FACING,
    HEIGHT,
    PITCH,
    SIDE,
    STEPS,
    TICKS_PER_DAY,
    Levels,
    X,
    Y,
    Z,
)
from palaestra_worlds.overworld.tables import OPAQUE, SOLID, tables
from palaestra_worlds.overworld.textures import BOTTOM, CROSS, FENCE, PIXELS, PLATE, looks
from palaestra_worlds.overworld.textures import SIDE as SIDE_FACE
from palaestra_worlds.overworld.textures import TOP as TOP_FACE

WIDTH, HIGH = 480, 320
"""Pixels."""
VIEW = np.radians(70)
"""From top to bottom, as the game's."""
PITCH_ANGLES = np.radians([-90, -63, -20, 0, 45, 90])
"""Of `state.PITCHES`."""
FARTHEST = 72.0
"""Cells."""
SHADES = np.array([0.62, 0.62, 0.8, 0.8, 0.5, 1.0])
"""Of faces to the west, east, north, south, below and above."""
DIMMEST = 0.06
CORNER = 0.17
"""Darker at a corner for each of the cells around that is filled."""
RAIL = 0.0625
"""Half the thickness of a fence's rail."""
THIN = 0.1
"""Half the thickness of a plate."""
DAY, NIGHT = np.array([150.0, 190.0, 250.0]), np.array([8.0, 10.0, 22.0])
"""The sky's colour."""
CROSSHAIR = 5
"""Pixels to each side."""


class Scene(NamedTuple):
    """What a picture is made of."""

    blocks: NDArray[np.uint16]
    flags: NDArray[np.int32]
    textures: NDArray[np.uint8]
    shapes: NDArray[np.int64]
    boxes: NDArray[np.float64]
    sky: NDArray[np.uint8]
    lamps: NDArray[np.uint8]
    mobs: NDArray[np.float64]
    """See `figures.boxes_of`."""
    heaven: NDArray[np.float64]
    """(3,): colour of the sky."""
    day: float
    """How bright the sky is, 0 to 1."""


@register_jitable
def _has(scene: Any, x: Any, z: Any, y: Any, flag: Any) -> Any:
    """Whether a cell of the world holds a block with this flag of `Tables.blocks`."""
    inside = 0 <= x < SIDE and 0 <= z < SIDE and 0 <= y < HEIGHT
    return inside and scene.flags[scene.blocks[x, z, y], flag] != 0


@register_jitable
def _brightness(scene: Any, x: Any, z: Any, y: Any) -> Any:
    """Of the light in a cell."""
    if not (0 <= x < SIDE and 0 <= z < SIDE and 0 <= y < HEIGHT):
        return scene.day
    level = max(scene.sky[x, z, y] * scene.day, np.float64(scene.lamps[x, z, y]))
    share = level / BRIGHTEST
    return DIMMEST + (1.0 - DIMMEST) * share / (3.0 - 2.0 * share)


@register_jitable
def _corner(scene: Any, x: Any, z: Any, y: Any, axis: Any, u: Any, v: Any) -> Any:
    """How dark the corner of a face is, towards (u, v) of the cell before it: by three cells around."""
    if axis == 0:
        first = _has(scene, x, z + u, y, OPAQUE)
        second = _has(scene, x, z, y + v, OPAQUE)
        third = _has(scene, x, z + u, y + v, OPAQUE)
    elif axis == 1:
        first = _has(scene, x + u, z, y, OPAQUE)
        second = _has(scene, x, z, y + v, OPAQUE)
        third = _has(scene, x + u, z, y + v, OPAQUE)
    else:
        first = _has(scene, x + u, z, y, OPAQUE)
        second = _has(scene, x, z + v, y, OPAQUE)
        third = _has(scene, x + u, z + v, y, OPAQUE)
    return 1.0 - CORNER * (3 if first and second else int(first) + int(second) + int(third))


@register_jitable
def _hit_box(origin: Any, ray: Any, low: Any, high: Any) -> Any:
    """How far a ray goes to a box, and the face that it meets (0 to 5); -1 for none."""
    near, far, face = -1e9, 1e9, -1
    for axis in range(3):
        if abs(ray[axis]) < 1e-9:
            if origin[axis] < low[axis] or origin[axis] > high[axis]:
                return -1.0, -1
            continue
        first, second = (low[axis] - origin[axis]) / ray[axis], (high[axis] - origin[axis]) / ray[axis]
        side = 2 * axis
        if first > second:
            first, second = second, first
            side += 1
        if first > near:
            near, face = first, side
        far = min(far, second)
    return (near, face) if near < far and near > 1e-4 else (-1.0, -1)


@register_jitable
def _shade(scene: Any, colour: Any, point: Any, face: Any, x: Any, z: Any, y: Any) -> None:
    """Makes a colour as bright as it is on that face of a block."""
    a = x + (face == 1) - (face == 0)
    b = z + (face == 3) - (face == 2)
    c = y + (face == 5) - (face == 4)
    if _has(scene, a, b, c, OPAQUE):
        a, b, c = x, z, y
    axis = face // 2
    u = (point[1] - z if axis == 0 else point[0] - x) % 1.0
    v = (point[1] - z if axis == 2 else point[2] - y) % 1.0
    low = _corner(scene, a, b, c, axis, -1, -1) * (1.0 - u) + _corner(scene, a, b, c, axis, 1, -1) * u
    high = _corner(scene, a, b, c, axis, -1, 1) * (1.0 - u) + _corner(scene, a, b, c, axis, 1, 1) * u
    bright = _brightness(scene, a, b, c) * SHADES[face] * (low * (1.0 - v) + high * v)
    for k in range(3):
        colour[k] *= bright


@register_jitable
def _texel(scene: Any, block: Any, face: Any, point: Any, colour: Any) -> Any:
    """The colour of a block's face at a point; gives how little one looks through, 0 to 1."""
    u = (point[1] if face < 2 else point[0]) % 1.0
    v = point[1] % 1.0 if face >= 4 else 1.0 - point[2] % 1.0
    row, column = min(PIXELS - 1, int(v * PIXELS)), min(PIXELS - 1, int(u * PIXELS))
    side = TOP_FACE if face == 5 else BOTTOM if face == 4 else SIDE_FACE
    for k in range(3):
        colour[k] = scene.textures[block, side, row, column, k]
    return scene.textures[block, side, row, column, 3] / 255.0


@register_jitable
def _meet(scene: Any, block: Any, x: Any, z: Any, y: Any, origin: Any, ray: Any, work: Any) -> Any:
    """Where a ray meets the block in a cell: how far it goes, the face; writes colour and cover to work[2] (4)."""
    low, high = work[0], work[1]
    shape = scene.shapes[block]
    if shape == CROSS:
        best, face = -1.0, -1
        for diagonal in range(2):
            sign = 1.0 if diagonal == 0 else -1.0
            across = ray[0] - sign * ray[1]
            if abs(across) < 1e-9:
                continue
            gone = ((x + 0.5 - origin[0]) - sign * (z + 0.5 - origin[1])) / across
            a, b, c = origin[0] + gone * ray[0] - x, origin[1] + gone * ray[1] - z, origin[2] + gone * ray[2] - y
            if gone > 1e-4 and 0.1 < a < 0.9 and 0.1 < b < 0.9 and 0.0 <= c < 1.0 and (best < 0 or gone < best):
                work[3, 0], work[3, 1], work[3, 2] = a, a, c
                if _texel(scene, block, 2, work[3], work[2]) > 0.5:
                    best, face = gone, 5
        if best > 0:
            _texel_at(scene, block, origin, ray, best, x, y, work)
            work[2, 3] = 1.0
        return best, face
    for k in range(3):
        cell = x if k == 0 else z if k == 1 else y
        low[k], high[k] = cell + scene.boxes[block, 2 * k], cell + scene.boxes[block, 2 * k + 1]
    if block == WATER and y + 1 < HEIGHT and scene.blocks[x, z, y + 1] == WATER:
        high[2] = y + 1.0
    if shape == PLATE:
        along = _has(scene, x - 1, z, y, SOLID) or _has(scene, x + 1, z, y, SOLID)
        axis, cell = (1, z) if along else (0, x)
        low[axis], high[axis] = cell + 0.5 - THIN, cell + 0.5 + THIN
    gone, face = _hit_box(origin, ray, low, high)
    if shape == FENCE:
        for rail in range(8):
            dx, dz = STEPS[rail // 2, 0], STEPS[rail // 2, 1]
            if not _has(scene, x + dx, z + dz, y, SOLID):
                continue
            low[0], high[0] = x + min(0.5 - RAIL, 0.5 + dx * 0.5), x + max(0.5 + RAIL, 0.5 + dx * 0.5)
            low[1], high[1] = z + min(0.5 - RAIL, 0.5 + dz * 0.5), z + max(0.5 + RAIL, 0.5 + dz * 0.5)
            low[2] = y + 0.375 + 0.375 * (rail % 2)
            high[2] = low[2] + 0.1875
            other, its_face = _hit_box(origin, ray, low, high)
            if other > 0 and (gone < 0 or other < gone):
                gone, face = other, its_face
    if gone > 0:
        for k in range(3):
            work[3, k] = origin[k] + gone * ray[k] + 1e-6 * ray[k]
        work[2, 3] = _texel(scene, block, face, work[3], work[2])
    return gone, face


@register_jitable
def _texel_at(scene: Any, block: Any, origin: Any, ray: Any, gone: Any, x: Any, y: Any, work: Any) -> None:
    a, c = origin[0] + gone * ray[0] - x, origin[2] + gone * ray[2] - y
    work[3, 0], work[3, 1], work[3, 2] = a, a, c
    _texel(scene, block, 2, work[3], work[2])


@register_jitable
def _is_water(scene: Any, x: Any, z: Any, y: Any) -> Any:
    return 0 <= x < SIDE and 0 <= z < SIDE and 0 <= y < HEIGHT and scene.blocks[x, z, y] == WATER


@register_jitable
def _add(scene: Any, pixel: Any, colour: Any, gone: Any, cover: Any) -> None:
    """Blends a colour that is so far away, in its haze, behind what the pixel has already (pixel[3]: what is left)."""
    haze = min(1.0, max(0.0, (gone - 0.6 * FARTHEST) / (0.4 * FARTHEST)))
    for k in range(3):
        pixel[k] += pixel[3] * cover * (colour[k] * (1.0 - haze) + scene.heaven[k] * haze)
    pixel[3] *= 1.0 - cover


@register_jitable
def _mob(scene: Any, origin: Any, ray: Any, most: Any, work: Any) -> Any:
    """The nearest mob that a ray meets within so far: how far, or -1; writes its colour to work[4]."""
    best = -1.0
    for k in range(scene.mobs.shape[0]):
        for axis in range(3):
            work[0, axis], work[1, axis] = scene.mobs[k, 2 * axis], scene.mobs[k, 2 * axis + 1]
        gone, face = _hit_box(origin, ray, work[0], work[1])
        if gone > 0 and gone < most and (best < 0 or gone < best):
            best = gone
            x, z = int((work[0, 0] + work[1, 0]) / 2), int((work[0, 1] + work[1, 1]) / 2)
            bright = SHADES[face] * _brightness(scene, x, z, int((work[0, 2] + work[1, 2]) / 2))
            number = int(scene.mobs[k, 6])
            work[4, 0], work[4, 1], work[4, 2] = (
                (number >> 16) * bright,
                (number >> 8 & 255) * bright,
                (number & 255) * bright,
            )
    return best


@register_jitable
def _follow(scene: Any, origin: Any, ray: Any, pixel: Any, work: Any) -> None:
    """One pixel: red, green, blue, and what is left of 1 for the sky."""
    x, z, y = int(np.floor(origin[0])), int(np.floor(origin[1])), int(np.floor(origin[2]))
    steps = np.empty(3, np.int64)
    per, to = np.empty(3), np.empty(3)
    for k in range(3):
        steps[k] = 1 if ray[k] > 0 else -1
        per[k] = 1.0 / max(abs(ray[k]), 1e-9)
        part = origin[k] - np.floor(origin[k])
        to[k] = (1.0 - part if ray[k] > 0 else part) * per[k]
    gone = 0.0
    mob = _mob(scene, origin, ray, FARTHEST, work)
    is_wet = _is_water(scene, x, z, y)
    while gone < FARTHEST and pixel[3] > 0.02:
        if 0 <= x < SIDE and 0 <= z < SIDE and 0 <= y < HEIGHT:
            block = np.int64(scene.blocks[x, z, y])
            if block != 0 and not (block == WATER and is_wet):
                far, face = _meet(scene, block, x, z, y, origin, ray, work)
                if mob > 0 and (far > mob or (far <= 0 and gone > mob)):
                    _add(scene, pixel, work[4], mob, 1.0)
                    mob = -1.0
                if far > 0 and work[2, 3] > 0.02:
                    cover = 0.6 if block == WATER else work[2, 3]
                    if block != LAVA and scene.shapes[block] != CROSS:
                        _shade(scene, work[2], work[3], face, x, z, y)
                    elif block != LAVA:
                        for k in range(3):
                            work[2, k] *= _brightness(scene, x, z, y)
                    _add(scene, pixel, work[2], far, cover)
                is_wet = block == WATER and far > 0
            elif block == 0:
                is_wet = False
        elif (y < 0 and ray[2] < 0) or (y >= HEIGHT and ray[2] > 0):
            break
        if mob > 0 and gone > mob:
            _add(scene, pixel, work[4], mob, 1.0)
            mob = -1.0
        axis = 0 if to[0] <= to[1] and to[0] <= to[2] else 1 if to[1] <= to[2] else 2
        gone = to[axis]
        to[axis] += per[axis]
        if axis == 0:
            x += steps[0]
        elif axis == 1:
            z += steps[1]
        else:
            y += steps[2]
    if mob > 0:
        _add(scene, pixel, work[4], mob, 1.0)
    lighter = max(0.0, 0.25 * (1.0 - max(0.0, ray[2]) * 2.0)) * scene.day
    for k in range(3):
        pixel[k] += pixel[3] * (scene.heaven[k] + (255.0 - scene.heaven[k]) * lighter)


def _draw(scene: Any, origin: Any, ahead: Any, right: Any, up: Any, picture: Any) -> None:
    """Follows a ray for each pixel.

    Args:
        scene: see `Scene`.
        origin, ahead, right, up: (3,) the eyes, and directions; right and up reach to the picture's edges.
        picture: (rows, columns, 3) uint8, written.
    """
    ray, pixel, work = np.empty(3), np.empty(4), np.empty((5, 4))
    rows, columns = picture.shape[0], picture.shape[1]
    for row in range(rows):
        for column in range(columns):
            a, b = 2.0 * (column + 0.5) / columns - 1.0, 1.0 - 2.0 * (row + 0.5) / rows
            length = 0.0
            for k in range(3):
                ray[k] = ahead[k] + a * right[k] + b * up[k]
                length += ray[k] * ray[k]
                pixel[k] = 0.0
            for k in range(3):
                ray[k] /= np.sqrt(length)
            pixel[3] = 1.0
            _follow(scene, origin, ray, pixel, work)
            for k in range(3):
                picture[row, column, k] = min(255, max(0, int(pixel[k])))


@cache
def _draw_kernel() -> Callable[..., None]:
    return kernel(_draw, "overworld-first-person", allocates=True)


def draw_view(levels: Levels, i: int, width: int = WIDTH, height: int = HIGH) -> NDArray[np.uint8]:
    """What the player of environment i has before its eyes: uint8 (height, width, 3)."""
    x, z, y = (int(levels.status[i, column]) for column in (X, Z, Y))
    origin = np.array([x + 0.5, z + 0.5, y + EYES])
    facing, pitch = STEPS[levels.status[i, FACING]], float(PITCH_ANGLES[levels.status[i, PITCH]])
    return draw_from(levels, i, origin, np.arctan2(facing[1], facing[0]), pitch, width, height)


def draw_from(
    levels: Levels, i: int, origin: NDArray[np.float64], heading: float, pitch: float, width: int, height: int
) -> NDArray[np.uint8]:
    """What is to be seen from a point in environment i: uint8 (height, width, 3).

    Args:
        levels: of the batch.
        i: the environment.
        origin: (3,): x, z, y in cells.
        heading, pitch: where to, in radians: from the east towards the south; above the horizon.
        width, height: pixels.
    """
    scene = _scene(levels, i)
    level = np.array([np.cos(heading), np.sin(heading), 0.0])
    ahead = level * np.cos(pitch) + np.array([0.0, 0.0, np.sin(pitch)])
    upwards = -level * np.sin(pitch) + np.array([0.0, 0.0, np.cos(pitch)])
    half = np.tan(VIEW / 2)
    right = np.array([-np.sin(heading), np.cos(heading), 0.0]) * half * width / height
    picture = np.zeros((height, width, 3), np.uint8)
    _draw_kernel()(scene, origin, ahead, right, upwards * half, picture)
    middle = picture[height // 2, width // 2 - CROSSHAIR : width // 2 + CROSSHAIR + 1]
    middle[...] = 255 - middle
    upright = picture[height // 2 - CROSSHAIR : height // 2 + CROSSHAIR + 1, width // 2]
    upright[...] = 255 - upright
    return picture


def _scene(levels: Levels, i: int) -> Scene:
    time = (int(levels.status[i, CLOCK]) + int(levels.status[i, DAWN])) % TICKS_PER_DAY
    # The game's sun is up for a little more than half of a day.
    day = float(np.clip(0.5 + 2.0 * np.sin(2 * np.pi * time / TICKS_PER_DAY) + 0.1, 0.0, 1.0))
    found = looks()
    blocks = levels.blocks[i]
    sky, lamps = light_of(blocks, tables())
    mobs = boxes_of(levels.mobs[i])
    heaven = NIGHT + (DAY - NIGHT) * day
    return Scene(
        blocks, tables().blocks, found.textures, found.shapes, found.boxes, sky, lamps, mobs, heaven, max(0.25, day)
    )
