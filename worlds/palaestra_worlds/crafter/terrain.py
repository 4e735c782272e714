"""Crafter's worlds: materials from noise and draws, then the first cows, zombies and skeletons.

Everything is decided as crafter decides it. Whether a noise exceeds a bound is read off a fast map; where the map is
too near to the bound to be sure, it is computed as crafter does. What can still differ is the last bit of an
exponential around the start, which NumPy rounds in its own way; it would matter only where noise meets a bound to
15 digits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from palaestra_worlds.crafter.noise import noise3, permute
from palaestra_worlds.crafter.noise_maps import TOLERANCE, WIDTH, Slice, Slices, add_noise, tabulate
from palaestra_worlds.crafter.random import random_double, random_integer
from palaestra_worlds.crafter.state import (
    AREA,
    COAL,
    COAL_ABOVE,
    COW,
    COW_ABOVE,
    DIAMOND,
    DIAMOND_ABOVE,
    GRASS,
    IRON,
    IRON_ABOVE,
    LAVA,
    MOUNTAIN_SHIFT,
    NOBODY,
    PATH,
    SAND,
    SKELETON,
    SKELETON_ABOVE,
    STONE,
    TREE,
    TREE_ABOVE,
    WATER,
    WATER_SHIFT,
    ZOMBIE,
    ZOMBIE_ABOVE,
    add_object,
    is_walkable,
)

COW_HEALTH, ZOMBIE_HEALTH, SKELETON_HEALTH = 3, 5, 3


class Feature(NamedTuple):
    """Noise at (x * stretch_x / size, y * stretch_y / size, height), the stretch as a product and a quotient."""

    size: float
    height: int
    x: tuple[int, int] = (1, 1)
    y: tuple[int, int] = (1, 1)

    def slice(self, **more: Any) -> Slice:
        x_step, y_step = (times / over / self.size for times, over in (self.x, self.y))
        return Slice(x_step, y_step, self.height, **more)


# Features, each a slice of noise. The last four make two maps, the others one each.
CAVES, TUNNELS_ALONG, TUNNELS_DOWN, COALS, IRONS, LAVAS, SANDS, TREES, STARTS = range(9)
WIDE_WATERS, NARROW_WATERS, WIDE_MOUNTAINS, NARROW_MOUNTAINS = range(9, 13)
NUM_FEATURES = 13
WATERS, MOUNTAINS = 9, 10
NUM_MAPS = 11

_TUNNEL = 255
"""In place of a material: a path in a tunnel."""

_START_RADIUS = 20
"""Farther from the centre the start is below 1e-6."""
_FEATURES = (
    Feature(7, 6),
    Feature(3, 7, x=(2, 1), y=(1, 5)),
    Feature(3, 7, x=(1, 5), y=(2, 1)),
    Feature(8, 1),
    Feature(6, 2),
    Feature(5, 6),
    Feature(9, 4),
    Feature(7, 5),
    Feature(3, 8),
    Feature(15, 3),
    Feature(5, 3),
    Feature(15, 0),
    Feature(5, 0),
)
_NUMBERS = np.array([(*f.x, *f.y, f.size, f.height) for f in _FEATURES], dtype=np.float64)

# Of the rows of a map, the cells that are needed; the second for the map that is transposed.
_ALL, _ROCKS, _ROCKS_DOWN, _SHORES, _MEADOWS = range(5)
_NUM_NEEDED = 5

_MOUNTAIN_TOLERANCE = 5 * TOLERANCE
_WATER_TOLERANCE = 3 * TOLERANCE
_LOWEST_ROCK = np.float32(0.15 - _MOUNTAIN_TOLERANCE)
_HIGHEST_MEADOW = np.float32(0.15 + _MOUNTAIN_TOLERANCE)
_DRIEST_SHORE = np.float32(0.25 - _WATER_TOLERANCE)
_WETTEST_SHORE = np.float32(0.35 + _WATER_TOLERANCE)


def terrain_slices() -> Slices:
    """The table that `generate_world` reads."""
    more: dict[int, dict[str, Any]] = {
        TUNNELS_DOWN: {"transposed": True},
        STARTS: {"radius": _START_RADIUS},
        NARROW_WATERS: {"weight": 0.15},
        WIDE_MOUNTAINS: {"weight": 1 / 1.3},
        NARROW_MOUNTAINS: {"weight": 0.3 / 1.3},
    }
    return tabulate(tuple(feature.slice(**more.get(k, {})) for k, feature in enumerate(_FEATURES)))


@register_jitable
def _noise_of(feature: Any, permutation: Any, x: Any, y: Any) -> Any:
    numbers = _NUMBERS[feature]
    across = x * numbers[0] / numbers[1] / numbers[4]
    return noise3(permutation, across, y * numbers[2] / numbers[3] / numbers[4], numbers[5])


@register_jitable(forceinline=True)
def _exceeds(feature: Any, bound: Any, maps: Any, permutation: Any, x: Any, y: Any) -> Any:
    """Whether the noise of a cell is above a bound."""
    found = maps[feature, y * WIDTH + x] if feature == TUNNELS_DOWN else maps[feature, x * WIDTH + y]
    if abs(found - bound) > TOLERANCE:
        return found > bound
    return _noise_of(feature, permutation, x, y) > bound


@register_jitable(forceinline=True)
def _distance(x: Any, y: Any) -> Any:
    """From the world's centre, where the player starts, as the crow flies."""
    across, down = x - AREA // 2, y - AREA // 2
    return np.sqrt(np.float64(across * across + down * down))


@register_jitable
def _lie_of_the_land(permutation: Any, x: Any, y: Any) -> Any:
    """(start, water, mountain) of a cell, as crafter computes them."""
    start = 4 - _distance(x, y)
    start += 2 * _noise_of(STARTS, permutation, x, y)
    start = 1 / (1 + np.exp(-start))
    water = _noise_of(WIDE_WATERS, permutation, x, y) + 0.15 * _noise_of(NARROW_WATERS, permutation, x, y) + 0.1
    water -= 2 * start
    mountain = _noise_of(WIDE_MOUNTAINS, permutation, x, y) + 0.3 * _noise_of(NARROW_MOUNTAINS, permutation, x, y)
    mountain /= 1.3
    mountain -= 4 * start + 0.3 * water
    return start, water, mountain


@register_jitable
def _survey(parameters: Any, slices: Any, permutation: Any, needed: Any, maps: Any) -> None:
    """Fills the maps of start, water and mountain, and notes where the others are needed."""
    for feature in range(STARTS, NUM_FEATURES):
        found = STARTS
        if feature >= WIDE_MOUNTAINS:
            found = MOUNTAINS
        elif feature >= WIDE_WATERS:
            found = WATERS
        add_noise(slices, feature, permutation, needed[_ALL], maps[found])
    # Two plain loops over all cells, which use vectors, and one around the start.
    water_base = np.float32(0.1 + parameters[WATER_SHIFT])
    mountain_base = np.float32(parameters[MOUNTAIN_SHIFT] - 0.3 * 0.1)
    starts, waters, mountains = maps[STARTS], maps[WATERS], maps[MOUNTAINS]
    for cell in range(AREA * WIDTH):
        mountains[cell] += mountain_base - np.float32(0.3) * waters[cell]
        waters[cell] += water_base
    first, end = AREA // 2 - _START_RADIUS, AREA // 2 + _START_RADIUS + 1
    for x in range(first, end):
        starts[x * WIDTH + end : (x + 1) * WIDTH] = np.float32(0)
        for y in range(first, end):
            cell = x * WIDTH + y
            steepness = np.float32(_distance(x, y) - 4) - np.float32(2) * starts[cell]
            start = np.float32(1) / (np.float32(1) + np.exp(steepness))
            starts[cell] = start
            waters[cell] -= np.float32(2) * start
            mountains[cell] -= np.float32(4 - 0.3 * 2) * start
    for x in range(AREA):
        _note_needs(needed, waters[x * WIDTH :], mountains[x * WIDTH :], x)


@register_jitable
def _note_needs(needed: Any, waters: Any, mountains: Any, x: Any) -> None:
    """Notes where row x is needed of which map. Without branches, so that it uses vectors."""
    for y in range(AREA):
        rock = mountains[y] > _LOWEST_ROCK
        needed[_ROCKS, 0, x] = min(needed[_ROCKS, 0, x], y if rock else AREA)
        needed[_ROCKS, 1, x] = max(needed[_ROCKS, 1, x], y + 1 if rock else 0)
        needed[_ROCKS_DOWN, 0, y] = min(needed[_ROCKS_DOWN, 0, y], x if rock else AREA)
        needed[_ROCKS_DOWN, 1, y] = max(needed[_ROCKS_DOWN, 1, y], x + 1 if rock else 0)
        meadow = (mountains[y] < _HIGHEST_MEADOW) & (waters[y] < _WETTEST_SHORE)
        needed[_MEADOWS, 0, x] = min(needed[_MEADOWS, 0, x], y if meadow else AREA)
        needed[_MEADOWS, 1, x] = max(needed[_MEADOWS, 1, x], y + 1 if meadow else 0)
        shore = meadow & (waters[y] > _DRIEST_SHORE)
        needed[_SHORES, 0, x] = min(needed[_SHORES, 0, x], y if shore else AREA)
        needed[_SHORES, 1, x] = max(needed[_SHORES, 1, x], y + 1 if shore else 0)


@register_jitable
def _survey_all(parameters: Any, slices: Any, permutation: Any, maps: Any) -> None:
    """Fills all maps where they are needed."""
    needed = np.zeros((_NUM_NEEDED, 2, AREA), dtype=np.int64)
    needed[_ALL, 1] = AREA
    needed[_ROCKS:, 0] = AREA
    _survey(parameters, slices, permutation, needed, maps)
    for feature in range(STARTS):
        where = _ROCKS
        if feature == TUNNELS_DOWN:
            where = _ROCKS_DOWN
        elif feature == SANDS:
            where = _SHORES
        elif feature == TREES:
            where = _MEADOWS
        add_noise(slices, feature, permutation, needed[where], maps[feature])


@register_jitable(forceinline=True)
def _is_unsure(start: Any, water: Any, mountain: Any) -> Any:
    """Whether the maps of a cell are too near to a bound to tell."""
    return (
        abs(start - 0.5) < TOLERANCE
        or abs(mountain - 0.15) < _MOUNTAIN_TOLERANCE
        or abs(mountain - 0.18) < _MOUNTAIN_TOLERANCE
        or abs(mountain - 0.3) < _MOUNTAIN_TOLERANCE
        or abs(water - 0.25) < _WATER_TOLERANCE
        or abs(water - 0.3) < _WATER_TOLERANCE
        or abs(water - 0.35) < _WATER_TOLERANCE
    )


@register_jitable(forceinline=True)
def _dig(random: Any, i: Any, parameters: Any, maps: Any, permutation: Any, x: Any, y: Any, mountain: Any) -> Any:
    """The material of a cell in the mountains; _TUNNEL for a path through a tunnel."""
    if mountain > 0.3 and _exceeds(CAVES, 0.15, maps, permutation, x, y):
        return PATH
    if _exceeds(TUNNELS_ALONG, 0.4, maps, permutation, x, y) or _exceeds(TUNNELS_DOWN, 0.4, maps, permutation, x, y):
        return _TUNNEL
    if _exceeds(COALS, 0.0, maps, permutation, x, y) and random_double(random, i) > parameters[COAL_ABOVE]:
        return COAL
    if _exceeds(IRONS, 0.4, maps, permutation, x, y) and random_double(random, i) > parameters[IRON_ABOVE]:
        return IRON
    if mountain > 0.18 and random_double(random, i) > parameters[DIAMOND_ABOVE]:
        return DIAMOND
    if mountain > 0.3 and _exceeds(LAVAS, 0.35, maps, permutation, x, y):
        return LAVA
    return STONE


@register_jitable(forceinline=True)
def _lay_out(random: Any, i: Any, parameters: Any, maps: Any, permutation: Any, x: Any, y: Any) -> Any:
    """The material of a cell, likewise."""
    cell = x * WIDTH + y
    start, water = np.float64(maps[STARTS, cell]), np.float64(maps[WATERS, cell])
    mountain = np.float64(maps[MOUNTAINS, cell])
    if _is_unsure(start, water, mountain):
        start, water, mountain = _lie_of_the_land(permutation, x, y)
        water += parameters[WATER_SHIFT]
        mountain += parameters[MOUNTAIN_SHIFT]
    if start > 0.5:
        return GRASS
    if mountain > 0.15:
        return _dig(random, i, parameters, maps, permutation, x, y, mountain)
    if 0.25 < water <= 0.35 and _exceeds(SANDS, -0.2, maps, permutation, x, y):
        return SAND
    if water > 0.3:
        return WATER
    if _exceeds(TREES, 0.0, maps, permutation, x, y) and random_double(random, i) > parameters[TREE_ABOVE]:
        return TREE
    return GRASS


@register_jitable(forceinline=True)
def _creature(random: Any, i: Any, parameters: Any, material: Any, in_tunnel: Any, distance: Any) -> Any:
    """Which creature is on a cell; NOBODY mostly."""
    if distance > 3 and material == GRASS and random_double(random, i) > parameters[COW_ABOVE]:
        return COW
    if distance > 10 and random_double(random, i) > parameters[ZOMBIE_ABOVE]:
        return ZOMBIE
    if in_tunnel and random_double(random, i) > parameters[SKELETON_ABOVE]:
        return SKELETON
    return NOBODY


@register_jitable
def _populate(levels: Any, i: Any) -> None:
    # What is read for every cell is taken out of `levels`, which is slow to pass on.
    random, parameters = levels.random, levels.parameters[i]
    materials, tunnels = levels.materials[i], levels.tunnels[i]
    for x in range(AREA):
        for y in range(AREA):
            material = materials[x, y]
            if is_walkable(material):
                kind = _creature(random, i, parameters, material, tunnels[x, y], _distance(x, y))
                if kind == COW:
                    add_object(levels, i, COW, x, y, COW_HEALTH)
                elif kind == ZOMBIE:
                    add_object(levels, i, ZOMBIE, x, y, ZOMBIE_HEALTH)
                elif kind == SKELETON:
                    add_object(levels, i, SKELETON, x, y, SKELETON_HEALTH)


@register_jitable
def generate_world(levels: Any, i: Any, slices: Any) -> None:
    """`crafter.worldgen.generate_world`: fills a world that holds the player only.

    Args:
        levels: of the batch.
        i: the environment; its parameters hold, and its random stream goes on.
        slices: of `terrain_slices`.
    """
    random, parameters = levels.random, levels.parameters[i]
    materials, tunnels = levels.materials[i], levels.tunnels[i]
    permutation = np.empty(256, dtype=np.uint8)
    permute(random_integer(random, i, 0, 2**31 - 1), permutation)
    maps = np.zeros((NUM_MAPS, AREA * WIDTH), dtype=np.float32)
    _survey_all(parameters, slices, permutation, maps)
    for x in range(AREA):
        for y in range(AREA):
            material = _lay_out(random, i, parameters, maps, permutation, x, y)
            tunnels[x, y] = material == _TUNNEL
            materials[x, y] = PATH if material == _TUNNEL else material
    _populate(levels, i)
