"""Crafter's worlds: materials from noise, and where it leaves something open, and for creatures, from draws.

Everything is decided as crafter decides it. Whether a noise exceeds a bound is read off a fast map; where the map is
too near to the bound to be sure, it is computed as crafter does. What can still differ is the last bit of an
exponential around the start, which NumPy rounds in its own way; it would matter only where noise meets a bound to
15 digits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from palaestra_worlds.compiled import allocating, inlined, jitable
from palaestra_worlds.crafter.draws import (
    MAYBE_COAL,
    MAYBE_DIAMOND,
    MAYBE_IRON,
    MAYBE_TREE,
    TUNNEL,
    draw,
    squared_distance,
)
from palaestra_worlds.crafter.noise import noise3, permute
from palaestra_worlds.crafter.noise_maps import (
    EVERYWHERE,
    TILE,
    TILES_PER_SIDE,
    TOLERANCE,
    WIDTH,
    Slice,
    Slices,
    add_noise,
    tabulate,
)
from palaestra_worlds.crafter.random import random_integer
from palaestra_worlds.crafter.state import (
    AREA,
    GRASS,
    LAVA,
    MOUNTAIN_SHIFT,
    PATH,
    SAND,
    STONE,
    WATER,
    WATER_SHIFT,
)


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

_BOUNDS = np.array([0.15, 0.4, 0.4, 0.0, 0.4, 0.35, -0.2, 0.0])
"""What the first eight features are compared with."""

# Where a map is needed: a bit of each cell, and a set of tiles.
_ROCKS, _DEPTHS, _SHORES, _MEADOWS = range(4)
_NUM_NEEDS = 4
_NEEDED_WHERE = np.array([_DEPTHS, _ROCKS, _ROCKS, _ROCKS, _ROCKS, _DEPTHS, _SHORES, _MEADOWS])

_MOUNTAIN_TOLERANCE = 5 * TOLERANCE
_WATER_TOLERANCE = 3 * TOLERANCE
"""Near the start, which changes both by more than their own noise. Farther away, two fifths of it is enough."""
_FAR = 0.4
_START_MATTERS = 1e-4

_UNSURE = 255
"""In place of a code: too near to a bound to tell from the maps."""


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


@inlined
def _distance(x: Any, y: Any) -> Any:
    return np.sqrt(np.float64(squared_distance(x, y)))


@inlined
def _code(
    start: Any,
    water: Any,
    mountain: Any,
    cave: Any,
    along: Any,
    down: Any,
    coal: Any,
    iron: Any,
    lava: Any,
    sand: Any,
    tree: Any,
) -> Any:
    """What noise says of a cell. Without branches, so that it uses vectors."""
    deep = mountain > 0.3
    rock = LAVA if deep & (lava > 0.35) else STONE
    rock += MAYBE_COAL if coal > 0.0 else 0
    rock += MAYBE_IRON if iron > 0.4 else 0
    rock += MAYBE_DIAMOND if mountain > 0.18 else 0
    rock = TUNNEL if (along > 0.4) | (down > 0.4) else rock
    rock = PATH if deep & (cave > 0.15) else rock
    land = GRASS + MAYBE_TREE if tree > 0.0 else GRASS
    land = WATER if water > 0.3 else land
    land = SAND if (water > 0.25) & (water <= 0.35) & (sand > -0.2) else land
    land = rock if mountain > 0.15 else land
    return GRASS if start > 0.5 else land


@inlined
def _are_heights_unsure(start: Any, water: Any, mountain: Any) -> Any:
    """Whether the maps of start, water and mountain are too near to a bound to tell."""
    height = min(abs(mountain - 0.15), abs(mountain - 0.18), abs(mountain - 0.3))
    depth = min(abs(water - 0.25), abs(water - 0.3), abs(water - 0.35))
    far = 1.0 if start > _START_MATTERS else _FAR
    found = (abs(start - 0.5) < TOLERANCE) | (height < far * _MOUNTAIN_TOLERANCE)
    return found | ((mountain <= 0.15) & (depth < far * _WATER_TOLERANCE))


@inlined
def _is_unsure(
    start: Any,
    water: Any,
    mountain: Any,
    cave: Any,
    along: Any,
    down: Any,
    coal: Any,
    iron: Any,
    lava: Any,
    sand: Any,
    tree: Any,
) -> Any:
    """Whether any map that matters here is."""
    rock = min(abs(along - 0.4), abs(down - 0.4), abs(coal), abs(iron - 0.4))
    rock = min(rock, abs(cave - 0.15), abs(lava - 0.35)) if mountain > 0.3 else rock
    land = abs(tree) if water <= 0.3 else 1.0
    land = min(land, abs(sand + 0.2)) if (water > 0.25) & (water <= 0.35) else land
    nearest = rock if mountain > 0.15 else land
    return _are_heights_unsure(start, water, mountain) | (nearest < TOLERANCE)


@jitable
def _survey(level: Any, slices: Any, permutation: Any, maps: Any) -> None:
    """Fills the maps of start, water and mountain."""
    for feature in range(STARTS, NUM_FEATURES):
        found = STARTS + (feature >= WIDE_WATERS) + (feature >= WIDE_MOUNTAINS)
        add_noise(slices, feature, permutation, EVERYWHERE, maps[found])
    water_base = np.float32(0.1 + level.parameters[WATER_SHIFT])
    mountain_base = np.float32(level.parameters[MOUNTAIN_SHIFT] - 0.3 * 0.1)
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


@inlined
def _needs(water: Any, mountain: Any) -> Any:
    """Which further maps may matter at a cell, a bit for each set. Without branches, so that it uses vectors."""
    found = np.uint8((mountain > 0.15 - _MOUNTAIN_TOLERANCE) << _ROCKS)
    found |= np.uint8((mountain > 0.3 - _MOUNTAIN_TOLERANCE) << _DEPTHS)
    is_low, is_shore = mountain <= 0.15 + _MOUNTAIN_TOLERANCE, abs(water - 0.3) <= 0.05 + _WATER_TOLERANCE
    found |= np.uint8((is_low & is_shore) << _SHORES)
    return found | np.uint8((is_low & (water <= 0.3 + _WATER_TOLERANCE)) << _MEADOWS)


@allocating
def _note_needs(waters: Any, mountains: Any, needed: Any) -> None:
    """Adds the tiles that have such cells to `needed` (_NUM_NEEDS,) uint64."""
    cells = np.empty(AREA * WIDTH, dtype=np.uint8)
    for cell in range(AREA * WIDTH):
        cells[cell] = _needs(waters[cell], mountains[cell])
    for x in range(AREA):
        for tile in range(TILES_PER_SIDE):
            needs, first = np.uint8(0), x * WIDTH + tile * TILE
            for cell in range(TILE):
                needs |= cells[np.uint64(first + cell)]
            bit = np.uint64(1) << np.uint64(x // TILE * TILES_PER_SIDE + tile)
            for which in range(_NUM_NEEDS):
                if needs >> which & 1:
                    needed[which] |= bit


@allocating
def _classify(maps: Any, codes: Any) -> None:
    """Writes what the maps say of each cell into `codes` (AREA * WIDTH,) uint8."""
    down = np.empty(AREA * WIDTH, dtype=np.float32)
    for x in range(AREA):
        for y in range(AREA):
            down[x * WIDTH + y] = maps[TUNNELS_DOWN, y * WIDTH + x]
    starts, waters, mountains, caves = maps[STARTS], maps[WATERS], maps[MOUNTAINS], maps[CAVES]
    along, coals, irons, lavas = maps[TUNNELS_ALONG], maps[COALS], maps[IRONS], maps[LAVAS]
    sands, trees = maps[SANDS], maps[TREES]
    for c in range(AREA * WIDTH):
        values = starts[c], waters[c], mountains[c], caves[c], along[c], down[c], coals[c], irons[c], lavas[c]
        code = _code(*values, sands[c], trees[c])
        codes[c] = _UNSURE if _is_unsure(*values, sands[c], trees[c]) else code


@jitable
def _exact(permutation: Any, feature: Any, x: Any, y: Any) -> Any:
    """A feature's noise at a cell, as crafter computes it."""
    across = x * _NUMBERS[feature, 0] / _NUMBERS[feature, 1] / _NUMBERS[feature, 4]
    down = y * _NUMBERS[feature, 2] / _NUMBERS[feature, 3] / _NUMBERS[feature, 4]
    return noise3(permutation, across, down, _NUMBERS[feature, 5])


@jitable
def _exact_heights(level: Any, permutation: Any, x: Any, y: Any) -> Any:
    """(start, water, mountain) of a cell, as crafter computes them."""
    start = 1 / (1 + np.exp(-(4 - _distance(x, y) + 2 * _exact(permutation, STARTS, x, y))))
    water = _exact(permutation, WIDE_WATERS, x, y) + 0.15 * _exact(permutation, NARROW_WATERS, x, y) + 0.1 - 2 * start
    mountain = _exact(permutation, WIDE_MOUNTAINS, x, y) + 0.3 * _exact(permutation, NARROW_MOUNTAINS, x, y)
    mountain = mountain / 1.3 - (4 * start + 0.3 * water)
    return start, water + level.parameters[WATER_SHIFT], mountain + level.parameters[MOUNTAIN_SHIFT]


@allocating
def _settle(level: Any, maps: Any, codes: Any, permutation: Any) -> None:
    """Looks at the unsure cells as crafter does, at what the maps leave open."""
    n = np.empty(STARTS, dtype=np.float64)
    for x in range(AREA):
        for y in range(AREA):
            cell = x * WIDTH + y
            if codes[cell] != _UNSURE:
                continue
            start, water, mountain = maps[STARTS, cell], maps[WATERS, cell], maps[MOUNTAINS, cell]
            start, water, mountain = np.float64(start), np.float64(water), np.float64(mountain)
            if _are_heights_unsure(start, water, mountain):
                start, water, mountain = _exact_heights(level, permutation, x, y)
            for k in range(STARTS):
                n[k] = maps[k, y * WIDTH + x if k == TUNNELS_DOWN else cell]
                # The first six matter in mountains only, the next two elsewhere only.
                if (k < SANDS) == (mountain > 0.15) and abs(n[k] - _BOUNDS[k]) < TOLERANCE:
                    n[k] = _exact(permutation, k, x, y)
            values = start, water, mountain, n[CAVES], n[TUNNELS_ALONG], n[TUNNELS_DOWN], n[COALS], n[IRONS], n[LAVAS]
            codes[cell] = _code(*values, n[SANDS], n[TREES])


@allocating
def generate_world(level: Any, slices: Any) -> None:
    """`crafter.worldgen.generate_world`: fills a world that holds the player only.

    Args:
        level: a row of `Levels.rows`; its parameters hold, and its random stream goes on.
        slices: of `terrain_slices`.
    """
    permutation = np.empty(256, dtype=np.uint8)
    permute(random_integer(level, 0, 2**31 - 1), permutation)
    maps = np.zeros((NUM_MAPS, AREA * WIDTH), dtype=np.float32)
    needed = np.zeros(_NUM_NEEDS, dtype=np.uint64)
    _survey(level, slices, permutation, maps)
    _note_needs(maps[WATERS], maps[MOUNTAINS], needed)
    for feature in range(STARTS):
        add_noise(slices, feature, permutation, needed[_NEEDED_WHERE[feature]], maps[feature])
    codes = np.empty(AREA * WIDTH, dtype=np.uint8)
    _classify(maps, codes)
    _settle(level, maps, codes, permutation)
    draw(level, codes)
