"""Chunk by chunk, creatures come where there are too few and go where there are too many."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.crafter.creatures import distance_to_player
from palaestra_worlds.crafter.random import random_double, random_integer
from palaestra_worlds.crafter.state import (
    AREA,
    CHUNK,
    CHUNKS_PER_SIDE,
    COW,
    COW_SPAWN,
    GRASS,
    KIND,
    NUM_CHUNKS,
    NUM_CHUNKS_SEEN,
    NUM_OBJECTS,
    PATH,
    SKELETON,
    SKELETON_SPAWN,
    ZOMBIE,
    ZOMBIE_SPAWN,
    X,
    Y,
    add_object,
    chunk_of,
    remove_object,
)

EVERY = 10
"""Steps between balances."""
COW_HEALTH, ZOMBIE_HEALTH, SKELETON_HEALTH = 3, 5, 3

# Columns of `_NUMBERS`: what the creature is, the material that it comes on and which of the two counts in
# `Levels.spaces` that is, how many cells of it a chunk must have, how far from the player it must be to come and to go,
# its health, the parameter that says how likely it comes.
_KIND, _MATERIAL, _COUNTED, _CELLS_NEEDED, _APART, _APART_TO_GO, _HEALTH, _CHANCE = range(8)
_NUMBERS = np.array(
    [
        (ZOMBIE, GRASS, 0, 50, 6, 0, ZOMBIE_HEALTH, ZOMBIE_SPAWN),
        (SKELETON, PATH, 1, 6, 7, 7, SKELETON_HEALTH, SKELETON_SPAWN),
        (COW, GRASS, 0, 30, 5, 5, COW_HEALTH, COW_SPAWN),
    ],
    dtype=np.int64,
)
"""In the order in which crafter balances them. One function for all three compiles in a third of the time of three."""
_CHANCES_TO_GO = np.array([0.4, 0.1, 0.1])


@jitable
def _count(level: Any) -> None:
    """Counts the creatures of each chunk into `census`."""
    for chunk in range(NUM_CHUNKS):
        for k in range(3):
            level.census[chunk, k] = 0
    for slot in range(1, level.status[NUM_OBJECTS]):
        kind = level.objects[slot, KIND]
        if COW <= kind <= SKELETON:
            level.census[chunk_of(np.int64(level.objects[slot, X]), np.int64(level.objects[slot, Y])), kind - COW] += 1


@jitable
def _spawn(level: Any, chunk: Any, row: Any, cells: Any) -> None:
    """Puts a creature on one of the chunk's cells of its material, unless it is taken or too near to the player."""
    kind, material, apart = _NUMBERS[row, _KIND], _NUMBERS[row, _MATERIAL], _NUMBERS[row, _APART]
    chosen = random_integer(level, 0, cells)
    left, top = chunk // CHUNKS_PER_SIDE * CHUNK, chunk % CHUNKS_PER_SIDE * CHUNK
    for x in range(left, min(left + CHUNK, AREA)):
        for y in range(top, min(top + CHUNK, AREA)):
            if level.materials[x, y] != material:
                continue
            if chosen == 0:
                if level.occupants[x, y] == 0 and distance_to_player(level, x, y) >= apart:
                    add_object(level, kind, x, y, _NUMBERS[row, _HEALTH], 0)
                    level.census[chunk, kind - COW] += 1
                return
            chosen -= 1


@jitable
def _despawn(level: Any, chunk: Any, row: Any, count: Any) -> None:
    """Takes one of the chunk's creatures away, unless it is too near to the player."""
    kind, apart = _NUMBERS[row, _KIND], _NUMBERS[row, _APART_TO_GO]
    chosen = random_integer(level, 0, count)
    for slot in range(1, level.status[NUM_OBJECTS]):
        x, y = np.int64(level.objects[slot, X]), np.int64(level.objects[slot, Y])
        if level.objects[slot, KIND] != kind or chunk_of(x, y) != chunk:
            continue
        if chosen == 0:
            if distance_to_player(level, x, y) >= apart:
                remove_object(level, slot)
                level.census[chunk, kind - COW] -= 1
            return
        chosen -= 1


@jitable
def balance(level: Any) -> None:
    """Balances every chunk that an object has been in, in the order in which one first was: zombies, which there are
    more of at night, then skeletons, then cows."""
    _count(level)
    wanted_zombies = int(3.5 - 3 * level.daylight)
    most_cows = int(1.5 + level.daylight)
    for k in range(level.status[NUM_CHUNKS_SEEN]):
        chunk = np.int64(level.chunks[k])
        for row in range(3):
            kind = _NUMBERS[row, _KIND]
            count = np.int64(level.census[chunk, kind - COW])
            cells = np.int64(level.spaces[chunk, _NUMBERS[row, _COUNTED]])
            wanted = wanted_zombies if kind == ZOMBIE else 1
            most = wanted_zombies if kind == ZOMBIE else most_cows if kind == COW else 2
            fewest = 0 if cells < _NUMBERS[row, _CELLS_NEEDED] else wanted
            if count < fewest and random_double(level) < level.parameters[_NUMBERS[row, _CHANCE]]:
                _spawn(level, chunk, row, cells)
            elif count > most and random_double(level) < _CHANCES_TO_GO[row]:
                _despawn(level, chunk, row, count)
