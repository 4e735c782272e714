"""The level generator: land by noise, ores in veins, caves by wandering, trees and plants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from palaestra_worlds.compiled import allocating, jitable
from palaestra_worlds.overworld.biomes import BEACH, DESERT, FOREST, MOUNTAINS, OCEAN, PLAINS, SWAMP, TAIGA
from palaestra_worlds.overworld.constants import (
    BAMBOO,
    BEDROCK,
    CACTUS,
    CLAY,
    DIRT,
    GRASS_BLOCK,
    KELP,
    LAVA,
    LILY_PAD,
    OBSIDIAN,
    STONE,
    SUGAR_CANE,
    WATER,
)
from palaestra_worlds.overworld.state import HEIGHT, SEA_LEVEL, SIDE, STEPS
from palaestra_worlds.random_streams import random_double, random_integer, random_word

CAVES, CAVE_STEPS = 32, 90
"""They leave about seven cells in a hundred below ground open."""
DEEPEST_CAVE = 9
LAVA_LEVEL = 10
"""Caves are full of lava up to here, as in the game."""
CLIMATES = np.array(
    [
        (0.5, 0.4, 0.5),
        (0.5, 0.6, 0.5),
        (0.75, 0.3, 0.5),
        (0.45, 0.5, 0.85),
        (0.25, 0.5, 0.5),
        (0.6, 0.75, 0.45),
        (0.5, 0.5, 0.15),
        (0.5, 0.5, 0.36),
    ]
)
"""(biomes, 3): warmth, wetness and height at which each is at its purest."""
WIDTHS = (56.0, 48.0, 64.0)
"""Cells over which warmth, wetness and height change."""
PATCHES = 4
"""Along each side of a world where nature is whole."""
AGAIN = np.array([OCEAN, PLAINS, FOREST])
"""Biomes of the patches that are left when every biome has one."""
SLOPE = 3.0
"""Cells over which heights pass from one patch into the next."""
SOIL_CHANCE = 0.06


@jitable
def _corner(seed: Any, x: Any, z: Any) -> Any:
    """A number in [0, 1) for a lattice point."""
    mixed = (np.uint64(x) * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(z) * np.uint64(0xC2B2AE3D27D4EB4F)) ^ seed
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    return np.float64(mixed >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@jitable
def _smooth_noise(seed: Any, x: Any, z: Any) -> Any:
    """Value noise in [0, 1): the corners of a unit cell blended smoothly."""
    left, top = np.int64(math.floor(x)), np.int64(math.floor(z))
    a, b = x - left, z - top
    a, b = a * a * (3.0 - 2.0 * a), b * b * (3.0 - 2.0 * b)
    upper = _corner(seed, left, top) * (1.0 - a) + _corner(seed, left + 1, top) * a
    lower = _corner(seed, left, top + 1) * (1.0 - a) + _corner(seed, left + 1, top + 1) * a
    return upper * (1.0 - b) + lower * b


@jitable
def _noise(seed: Any, x: Any, z: Any) -> Any:
    """Three octaves, in [0, 1)."""
    found = 0.0
    for octave in range(3):
        scale = 1 << octave
        found += _smooth_noise(seed + np.uint64(octave), x * scale, z * scale) / scale
    return found / 1.75


@jitable
def _biome_of(warmth: Any, wetness: Any, height: Any) -> Any:
    if height < 0.33:
        return OCEAN
    if height < 0.38:
        return BEACH
    if height > 0.68:
        return MOUNTAINS
    if warmth < 0.37:
        return TAIGA
    if warmth > 0.64 and wetness < 0.5:
        return DESERT
    if wetness > 0.66:
        return SWAMP
    return FOREST if wetness > 0.5 else PLAINS


@jitable
def _ground(height: Any, rough: Any, biome: Any) -> Any:
    """Height of the ground in cells."""
    if biome == SWAMP:
        return np.int64(SEA_LEVEL + 2.0 * (rough - 0.42))
    found = SEA_LEVEL + 1 + 24.0 * (height - 0.37) + 4.0 * (rough - 0.5)
    if height > 0.62:
        found += 60.0 * (height - 0.62) * rough
    return np.int64(min(HEIGHT - 10, max(12.0, found)))


@jitable
def _fill_column(levels: Any, i: Any, x: Any, z: Any, land: Any) -> None:
    ground, biome = np.int64(levels.surface[i, x, z]), levels.biomes[i, x, z]
    for y in range(HEIGHT):
        if y == 0:
            block = BEDROCK
        elif y < ground - 3:
            block = STONE
        elif y < ground:
            block = land.ground[biome, 1] if ground >= SEA_LEVEL or biome == OCEAN else DIRT
        elif y == ground:
            block = land.ground[biome, 0]
            if ground < SEA_LEVEL and block == GRASS_BLOCK:
                block = DIRT
        elif y <= SEA_LEVEL:
            block = WATER
        else:
            block = 0
        levels.blocks[i, x, z, y] = block


@jitable
def _make_land(levels: Any, i: Any, biome: Any, land: Any) -> None:
    """Biomes and heights; the start, in the middle, lies in the biome asked for, or anywhere (-1)."""
    seeds = (random_word(levels.random, i), random_word(levels.random, i), random_word(levels.random, i))
    rough_seed = random_word(levels.random, i)
    middle = SIDE / 2
    warmer = wetter = higher = 0.0
    if biome >= 0:
        warmer = CLIMATES[biome, 0] - _noise(seeds[0], middle / WIDTHS[0], middle / WIDTHS[0])
        wetter = CLIMATES[biome, 1] - _noise(seeds[1], middle / WIDTHS[1], middle / WIDTHS[1])
        higher = CLIMATES[biome, 2] - _noise(seeds[2], middle / WIDTHS[2], middle / WIDTHS[2])
    for x in range(SIDE):
        for z in range(SIDE):
            warmth = warmer + _noise(seeds[0], x / WIDTHS[0], z / WIDTHS[0])
            wetness = wetter + _noise(seeds[1], x / WIDTHS[1], z / WIDTHS[1])
            height = higher + _noise(seeds[2], x / WIDTHS[2], z / WIDTHS[2])
            found = _biome_of(warmth, wetness, height)
            levels.biomes[i, x, z] = found
            levels.surface[i, x, z] = _ground(height, _smooth_noise(rough_seed, x / 9.0, z / 9.0), found)
            _fill_column(levels, i, x, z, land)


@allocating
def _make_patches(levels: Any, i: Any, biome: Any, land: Any) -> None:
    """Land where every biome has a patch of its own, around points on a grid that were moved about; the one asked for,
    if any (-1), lies in the middle."""
    height_seed, rough_seed = random_word(levels.random, i), random_word(levels.random, i)
    points, kinds = np.empty((PATCHES * PATCHES, 2)), np.empty(PATCHES * PATCHES, np.int64)
    wide = SIDE / PATCHES
    middle = 0
    for k in range(PATCHES * PATCHES):
        points[k, 0] = (k // PATCHES + 0.25 + 0.5 * random_double(levels.random, i)) * wide
        points[k, 1] = (k % PATCHES + 0.25 + 0.5 * random_double(levels.random, i)) * wide
        kinds[k] = k if k < len(land.heights) else AGAIN[k - len(land.heights)]
        if _off_middle(points, k) < _off_middle(points, middle):
            middle = k
    for k in range(PATCHES * PATCHES - 1, 0, -1):
        other = random_integer(levels.random, i, 0, k + 1)
        kinds[k], kinds[other] = kinds[other], kinds[k]
    for k in range(PATCHES * PATCHES):
        if biome >= 0 and kinds[middle] != biome and kinds[k] == biome:
            kinds[k], kinds[middle] = kinds[middle], kinds[k]
    for x in range(SIDE):
        for z in range(SIDE):
            nearest, least = 0, 1e9
            for k in range(PATCHES * PATCHES):
                far = np.sqrt((points[k, 0] - x) ** 2 + (points[k, 1] - z) ** 2)
                if far < least:
                    nearest, least = k, far
            height, weight = 0.0, 0.0
            for k in range(PATCHES * PATCHES):
                far = np.sqrt((points[k, 0] - x) ** 2 + (points[k, 1] - z) ** 2)
                share = np.exp((least - far) / SLOPE)
                height += share * land.heights[kinds[k]]
                weight += share
            height = height / weight + 0.16 * (_noise(height_seed, x / 24.0, z / 24.0) - 0.5)
            levels.biomes[i, x, z] = kinds[nearest]
            levels.surface[i, x, z] = _ground(height, _smooth_noise(rough_seed, x / 9.0, z / 9.0), kinds[nearest])
            _fill_column(levels, i, x, z, land)


@jitable
def _off_middle(points: Any, k: Any) -> Any:
    return abs(points[k, 0] - SIDE / 2) + abs(points[k, 1] - SIDE / 2)


@jitable
def _make_ores(levels: Any, i: Any, land: Any) -> None:
    """Veins that wander through stone."""
    for ore in range(len(land.shares)):
        block, lowest, highest = land.ores[ore, 0], land.ores[ore, 1], land.ores[ore, 2]
        size, biome = land.ores[ore, 3], land.ores[ore, 4]
        stone = SIDE * SIDE * (min(highest, SEA_LEVEL) - lowest + 1)
        for _ in range(np.int64(land.shares[ore] * stone / size + random_double(levels.random, i))):
            x, z = random_integer(levels.random, i, 0, SIDE), random_integer(levels.random, i, 0, SIDE)
            y = random_integer(levels.random, i, lowest, highest + 1)
            if biome >= 0 and levels.biomes[i, x, z] != biome:
                continue
            left = size
            for _ in range(3 * size):
                if left > 0 and levels.blocks[i, x, z, y] == STONE:
                    levels.blocks[i, x, z, y] = block
                    left -= 1
                way = random_integer(levels.random, i, 0, 6)
                step = 1 if way % 2 else -1
                if way < 2:
                    x = min(SIDE - 1, max(0, x + step))
                elif way < 4:
                    z = min(SIDE - 1, max(0, z + step))
                else:
                    y = min(highest, max(lowest, y + step))


@jitable
def _dig(levels: Any, i: Any, x: Any, z: Any, y: Any, radius: Any) -> None:
    """A ball of air, or of lava where it is deep, not below water."""
    reach = np.int64(radius) + 1
    for a in range(max(0, np.int64(x) - reach), min(SIDE, np.int64(x) + reach + 1)):
        for b in range(max(0, np.int64(z) - reach), min(SIDE, np.int64(z) + reach + 1)):
            if levels.surface[i, a, b] <= SEA_LEVEL and y > levels.surface[i, a, b] - 8:
                continue
            for c in range(max(2, np.int64(y) - reach), min(HEIGHT, np.int64(y) + reach + 1)):
                if (a - x) ** 2 + (b - z) ** 2 + (c - y) ** 2 > radius * radius:
                    continue
                if levels.blocks[i, a, b, c] == 0 or levels.blocks[i, a, b, c] == WATER:
                    continue
                if c > LAVA_LEVEL:
                    levels.blocks[i, a, b, c] = 0
                else:
                    block = OBSIDIAN if random_integer(levels.random, i, 0, 12) == 0 else LAVA
                    levels.blocks[i, a, b, c] = block


@jitable
def _make_caves(levels: Any, i: Any) -> None:
    """Tunnels that wander, widest in the middle; heights and widths are drawn as the game's carver draws them, which
    makes more of them the deeper it is."""
    for _ in range(CAVES):
        x, z = random_double(levels.random, i) * SIDE, random_double(levels.random, i) * SIDE
        ground = np.float64(levels.surface[i, np.int64(x), np.int64(z)])
        y = random_double(levels.random, i) * (random_double(levels.random, i) * 2.0 * ground + 8.0)
        y = min(max(y, 6.0), ground)
        heading, slope = random_double(levels.random, i) * 2 * np.pi, random_double(levels.random, i) - 0.5
        wider = random_double(levels.random, i) * 2.0 + random_double(levels.random, i)
        for step in range(CAVE_STEPS):
            if not (0 <= x < SIDE and 0 <= z < SIDE and y < HEIGHT - 4):
                break
            if y < DEEPEST_CAVE:
                slope = abs(slope)
            _dig(levels, i, x, z, y, 1.5 + math.sin(math.pi * step / CAVE_STEPS) * wider)
            x, z, y = x + math.cos(heading), z + math.sin(heading), y + slope * 0.6
            heading += (random_double(levels.random, i) - 0.5) * 0.9
            slope = max(-0.8, min(0.8, slope + (random_double(levels.random, i) - 0.5) * 0.4))


@jitable
def _make_tree(levels: Any, i: Any, x: Any, z: Any, y: Any, kind: Any, land: Any) -> None:
    """A trunk of four to six logs, with leaves around its upper part; spruces are pointed."""
    trunk = 4 + random_integer(levels.random, i, 0, 3)
    if y + trunk + 2 >= HEIGHT:
        return
    for c in range(y + trunk - 3, y + trunk + 2):
        above = c - (y + trunk - 1)
        reach = 2 if above < 0 else 1
        if kind == 2 and (c - y) % 2:
            reach = 1
        for a in range(max(0, x - reach), min(SIDE, x + reach + 1)):
            for b in range(max(0, z - reach), min(SIDE, z + reach + 1)):
                corner = abs(a - x) == reach and abs(b - z) == reach and (above >= 0 or reach == 2)
                if not corner and levels.blocks[i, a, b, c] == 0:
                    levels.blocks[i, a, b, c] = land.trees[kind, 1]
    for c in range(y, y + trunk):
        levels.blocks[i, x, z, c] = land.trees[kind, 0]


@jitable
def _hang(levels: Any, i: Any, x: Any, z: Any, y: Any, biome: Any, land: Any) -> None:
    """What grows at a trunk whose lowest log is at height y, or hangs there, on sides that are open."""
    for k in range(land.hangings.shape[1]):
        block = land.hangings[biome, k]
        if block == 0 or random_double(levels.random, i) >= land.hanging_chances[biome, k]:
            continue
        side, c = random_integer(levels.random, i, 0, 4), y + random_integer(levels.random, i, 0, 2)
        a, b = x + STEPS[side, 0], z + STEPS[side, 1]
        if c < HEIGHT and levels.blocks[i, a, b, c] == 0:
            levels.blocks[i, a, b, c] = block


@jitable
def _make_plant(levels: Any, i: Any, x: Any, z: Any, y: Any, biome: Any, land: Any) -> None:
    """At most one plant on a column; tall ones grow one to three high."""
    chance, plant = random_double(levels.random, i), 0
    for k in range(land.plants.shape[1]):
        if plant == 0 and chance < land.plant_chances[biome, k]:
            plant = land.plants[biome, k]
        chance -= land.plant_chances[biome, k]
    if plant == 0:
        return
    tall = plant == CACTUS or plant == SUGAR_CANE or plant == KELP or plant == BAMBOO
    medium = levels.blocks[i, x, z, y]
    for c in range(y, y + (random_integer(levels.random, i, 1, 4) if tall else 1)):
        if levels.blocks[i, x, z, c] == medium:
            levels.blocks[i, x, z, c] = plant


@jitable
def _grow(levels: Any, i: Any, land: Any) -> None:
    """Trees and plants on the ground, where caves have left it."""
    for x in range(SIDE):
        for z in range(SIDE):
            y, biome = np.int64(levels.surface[i, x, z]), levels.biomes[i, x, z]
            if levels.blocks[i, x, z, y] == 0:
                continue
            above = levels.blocks[i, x, z, y + 1]
            soil = land.soils[biome]
            if soil > 0 and above == 0 and random_double(levels.random, i) < SOIL_CHANCE:
                levels.blocks[i, x, z, y] = soil
            if above == WATER:
                if biome == OCEAN:
                    _make_plant(levels, i, x, z, y + 1, biome, land)
                elif random_integer(levels.random, i, 0, 12) == 0:
                    levels.blocks[i, x, z, y] = CLAY
                elif biome == SWAMP and random_integer(levels.random, i, 0, 12) == 0:
                    levels.blocks[i, x, z, SEA_LEVEL + 1] = LILY_PAD
            elif above == 0 and biome != OCEAN:
                chance = random_double(levels.random, i)
                planted = False
                for kind in range(land.tree_chances.shape[1]):
                    if 0 <= chance < land.tree_chances[biome, kind] and 1 < x < SIDE - 2 and 1 < z < SIDE - 2:
                        _make_tree(levels, i, x, z, y + 1, kind, land)
                        _hang(levels, i, x, z, y + 1, biome, land)
                        planted = True
                    chance -= land.tree_chances[biome, kind]
                if not planted:
                    _make_plant(levels, i, x, z, y + 1, biome, land)


@jitable
def generate(levels: Any, i: Any, biome: Any, land: Any) -> None:
    """A new world with the environment's random stream.

    Args:
        levels: of the batch.
        i: the environment.
        biome: of the middle, or -1 for any.
        land: of `biomes.land`.
    """
    if land.is_whole:
        _make_patches(levels, i, biome, land)
    else:
        _make_land(levels, i, biome, land)
    _make_ores(levels, i, land)
    _make_caves(levels, i)
    _grow(levels, i, land)
