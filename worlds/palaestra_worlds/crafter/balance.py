"""Chunk by chunk, creatures come where there are too few and go where there are too many."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

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

_GRASS_CELLS, _PATH_CELLS = range(2)


@register_jitable(forceinline=True)
def _count(levels: Any, i: Any) -> None:
    """Counts the creatures of each chunk into `census`."""
    for chunk in range(NUM_CHUNKS):
        for k in range(3):
            levels.census[i, chunk, k] = 0
    for slot in range(1, levels.status[i, NUM_OBJECTS]):
        kind = levels.objects[i, slot, KIND]
        if COW <= kind <= SKELETON:
            levels.census[i, chunk_of(levels.objects[i, slot, X], levels.objects[i, slot, Y]), kind - COW] += 1


@register_jitable
def _spawn(levels: Any, i: Any, chunk: Any, kind: Any, health: Any, material: Any, cells: Any, apart: Any) -> None:
    """Puts a creature on one of the chunk's cells of a material, unless it is taken or too near to the player."""
    chosen = random_integer(levels.random, i, 0, cells)
    left, top = chunk // CHUNKS_PER_SIDE * CHUNK, chunk % CHUNKS_PER_SIDE * CHUNK
    for x in range(left, min(left + CHUNK, AREA)):
        for y in range(top, min(top + CHUNK, AREA)):
            if levels.materials[i, x, y] != material:
                continue
            if chosen == 0:
                if levels.occupants[i, x, y] == 0 and distance_to_player(levels, i, x, y) >= apart:
                    add_object(levels, i, kind, x, y, health)
                    levels.census[i, chunk, kind - COW] += 1
                return
            chosen -= 1


@register_jitable
def _despawn(levels: Any, i: Any, chunk: Any, kind: Any, count: Any, apart: Any) -> None:
    """Takes one of the chunk's creatures away, unless it is too near to the player."""
    chosen = random_integer(levels.random, i, 0, count)
    for slot in range(1, levels.status[i, NUM_OBJECTS]):
        x, y = levels.objects[i, slot, X], levels.objects[i, slot, Y]
        if levels.objects[i, slot, KIND] != kind or chunk_of(x, y) != chunk:
            continue
        if chosen == 0:
            if distance_to_player(levels, i, x, y) >= apart:
                remove_object(levels, i, slot)
                levels.census[i, chunk, kind - COW] -= 1
            return
        chosen -= 1


@register_jitable(forceinline=True)
def _balance_zombies(levels: Any, i: Any, chunk: Any) -> None:
    count, cells = levels.census[i, chunk, ZOMBIE - COW], levels.spaces[i, chunk, _GRASS_CELLS]
    wanted = int(3.5 - 3 * levels.daylight[i])
    fewest = 0 if cells < 50 else wanted
    if count < fewest and random_double(levels.random, i) < levels.parameters[i, ZOMBIE_SPAWN]:
        _spawn(levels, i, chunk, ZOMBIE, ZOMBIE_HEALTH, GRASS, cells, 6)
    elif count > wanted and random_double(levels.random, i) < 0.4:
        _despawn(levels, i, chunk, ZOMBIE, count, 0)


@register_jitable(forceinline=True)
def _balance_skeletons(levels: Any, i: Any, chunk: Any) -> None:
    count, cells = levels.census[i, chunk, SKELETON - COW], levels.spaces[i, chunk, _PATH_CELLS]
    fewest = 0 if cells < 6 else 1
    if count < fewest and random_double(levels.random, i) < levels.parameters[i, SKELETON_SPAWN]:
        _spawn(levels, i, chunk, SKELETON, SKELETON_HEALTH, PATH, cells, 7)
    elif count > 2 and random_double(levels.random, i) < 0.1:
        _despawn(levels, i, chunk, SKELETON, count, 7)


@register_jitable(forceinline=True)
def _balance_cows(levels: Any, i: Any, chunk: Any) -> None:
    count, cells = levels.census[i, chunk, 0], levels.spaces[i, chunk, _GRASS_CELLS]
    fewest = 0 if cells < 30 else 1
    if count < fewest and random_double(levels.random, i) < levels.parameters[i, COW_SPAWN]:
        _spawn(levels, i, chunk, COW, COW_HEALTH, GRASS, cells, 5)
    elif count > int(1.5 + levels.daylight[i]) and random_double(levels.random, i) < 0.1:
        _despawn(levels, i, chunk, COW, count, 5)


@register_jitable
def balance(levels: Any, i: Any) -> None:
    """Balances every chunk that an object has been in, in the order in which one first was."""
    _count(levels, i)
    for k in range(levels.status[i, NUM_CHUNKS_SEEN]):
        chunk = int(levels.chunks[i, k])
        _balance_zombies(levels, i, chunk)
        _balance_skeletons(levels, i, chunk)
        _balance_cows(levels, i, chunk)
