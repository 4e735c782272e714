"""How the engine lays out a batch of Crafter worlds: one row of plain arrays per environment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

AREA = 64
"""Side of the world in cells."""
CHUNK = 12
"""Side of a chunk; those at the far borders are narrower."""
CHUNKS_PER_SIDE = 6
NUM_CHUNKS = CHUNKS_PER_SIDE**2
LENGTH = 10_000
"""Steps until an episode is cut."""

# Materials, as crafter's data.yaml numbers them; 0 is no material.
WATER, GRASS, STONE, PATH, SAND, TREE, LAVA, COAL, IRON, DIAMOND, TABLE, FURNACE = range(1, 13)
NUM_MATERIALS = 13

# Kinds of objects, numbered as crafter's semantic view does.
PLAYER, COW, ZOMBIE, SKELETON, ARROW, PLANT = range(13, 19)
NOBODY = 0
"""Kind of an object that was removed in the running step; between steps there is none."""

# Columns of `Levels.objects`.
KIND, X, Y, HEALTH_OF, TIMER, HEADING = range(6)
NUM_OBJECT_COLUMNS = 6
MAX_OBJECTS = 2048
"""Objects that an environment has room for. An episode stays far below: a chunk draws at most four creatures, and
saplings are found once in ten steps."""

LEFT, RIGHT, UP, DOWN = range(4)
"""Directions, in the order in which crafter draws them."""
DIRECTIONS = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)], dtype=np.int64)

# Columns of `Levels.inventory`, in the order of crafter's data.yaml.
(
    HEALTH,
    FOOD,
    DRINK,
    ENERGY,
    SAPLING,
    WOOD_ITEM,
    STONE_ITEM,
    COAL_ITEM,
    IRON_ITEM,
    DIAMOND_ITEM,
    WOOD_PICKAXE,
    STONE_PICKAXE,
    IRON_PICKAXE,
    WOOD_SWORD,
    STONE_SWORD,
    IRON_SWORD,
) = range(16)
NUM_ITEMS = 16
MOST_OF_AN_ITEM = 9

# Columns of `Levels.status`. HUNGER, THIRST and RECOVERY count in halves; UNLOCKED has a bit for each achievement.
(
    STEP,
    NUM_OBJECTS,
    FACING,
    SLEEPING,
    HUNGER,
    THIRST,
    FATIGUE,
    RECOVERY,
    HEALTH_BEFORE,
    HEALTH_REWARDED,
    NUM_CHUNKS_SEEN,
    EPISODE,
    UNLOCKED,
) = range(13)
NUM_STATUS = 13

# Columns of `Levels.parameters`. `*_ABOVE`: the thing is there where a uniform draw exceeds this.
(
    MOUNTAIN_SHIFT,
    WATER_SHIFT,
    TREE_ABOVE,
    COAL_ABOVE,
    IRON_ABOVE,
    DIAMOND_ABOVE,
    COW_ABOVE,
    ZOMBIE_ABOVE,
    SKELETON_ABOVE,
    COW_SPAWN,
    ZOMBIE_SPAWN,
    SKELETON_SPAWN,
    DAY_LENGTH,
    DAY_START,
    ZOMBIE_DAMAGE,
    ZOMBIE_DAMAGE_ASLEEP,
    ARROW_DAMAGE,
) = range(17)
FIRST_ITEM = 17
"""First of NUM_ITEMS columns: what the player has at the start."""
NUM_PARAMETERS = FIRST_ITEM + NUM_ITEMS

NUM_RANDOM = 625
NIGHT_DRAWS = 63 * 49
"""Doubles that crafter draws for a picture's noise at night, one for each pixel of the map."""
POSITION = 624
"""Column of `Levels.random` after the 624 words of MT19937: which word is made next."""


def original_parameters() -> NDArray[np.float64]:
    """The parameters (NUM_PARAMETERS,) of crafter's own worlds."""
    found = np.zeros(NUM_PARAMETERS)
    found[TREE_ABOVE], found[COAL_ABOVE], found[IRON_ABOVE], found[DIAMOND_ABOVE] = 0.8, 0.85, 0.75, 0.994
    found[COW_ABOVE], found[ZOMBIE_ABOVE], found[SKELETON_ABOVE] = 0.985, 0.993, 0.95
    found[COW_SPAWN], found[ZOMBIE_SPAWN], found[SKELETON_SPAWN] = 0.01, 0.3, 0.1
    found[DAY_LENGTH], found[DAY_START] = 300, 0
    found[ZOMBIE_DAMAGE], found[ZOMBIE_DAMAGE_ASLEEP], found[ARROW_DAMAGE] = 2, 7, 2
    found[FIRST_ITEM + HEALTH : FIRST_ITEM + ENERGY + 1] = MOST_OF_AN_ITEM
    return found


class Levels(NamedTuple):
    """The worlds of N environments; a compiled function for environment i touches row i only."""

    materials: NDArray[np.uint8]
    """(N, AREA, AREA), indexed [i, x, y]."""
    occupants: NDArray[np.uint16]
    """(N, AREA, AREA): slot of the object on each cell + 1, 0 where there is none."""
    objects: NDArray[np.int16]
    """(N, MAX_OBJECTS, NUM_OBJECT_COLUMNS) in the order of creation; the player is the first. TIMER is a zombie's
    cooldown, a skeleton's reload, how long a plant has grown. Valid up to status[i, NUM_OBJECTS]."""
    inventory: NDArray[np.int32]
    """(N, NUM_ITEMS); the player's health is here, not in `objects`."""
    achievements: NDArray[np.int32]
    """(N, 22): how often each was done in this episode, in the order of crafter's data.yaml."""
    status: NDArray[np.int32]
    """(N, NUM_STATUS)."""
    chunks: NDArray[np.uint8]
    """(N, NUM_CHUNKS): chunks (x chunk * 6 + y chunk) in the order in which an object first was in them: the order in
    which they are balanced. Valid up to status[i, NUM_CHUNKS_SEEN]."""
    daylight: NDArray[np.float64]
    """(N,): 0 at night to 1 at noon."""
    random: NDArray[np.uint32]
    """(N, NUM_RANDOM): the world's random stream."""
    spaces: NDArray[np.int16]
    """(N, NUM_CHUNKS, 2): cells of grass and of path in each chunk."""
    census: NDArray[np.int16]
    """(N, NUM_CHUNKS, 3): working space of `balance`: cows, zombies and skeletons in each chunk."""
    night: NDArray[np.uint32]
    """(N, NUM_RANDOM): where the random stream stood before the noise of the last picture was drawn, valid where
    daylight < 0.5. The rules pass over these draws; whoever draws the picture makes them from a copy of this row, so
    that it can be drawn again."""
    seeds: NDArray[np.int64]
    """(N,): what the environment was seeded with."""
    parameters: NDArray[np.float64]
    """(N, NUM_PARAMETERS) of the running episode."""
    tunnels: NDArray[np.bool_]
    """(N, AREA, AREA): working space of the level generator; holds nothing between calls."""


def allocate(num_envs: int) -> Levels:
    """Worlds of nothing, with crafter's own parameters."""
    return Levels(
        materials=np.zeros((num_envs, AREA, AREA), dtype=np.uint8),
        occupants=np.zeros((num_envs, AREA, AREA), dtype=np.uint16),
        objects=np.zeros((num_envs, MAX_OBJECTS, NUM_OBJECT_COLUMNS), dtype=np.int16),
        inventory=np.zeros((num_envs, NUM_ITEMS), dtype=np.int32),
        achievements=np.zeros((num_envs, 22), dtype=np.int32),
        status=np.zeros((num_envs, NUM_STATUS), dtype=np.int32),
        chunks=np.zeros((num_envs, NUM_CHUNKS), dtype=np.uint8),
        daylight=np.zeros(num_envs, dtype=np.float64),
        random=np.zeros((num_envs, NUM_RANDOM), dtype=np.uint32),
        spaces=np.zeros((num_envs, NUM_CHUNKS, 2), dtype=np.int16),
        census=np.zeros((num_envs, NUM_CHUNKS, 3), dtype=np.int16),
        night=np.zeros((num_envs, NUM_RANDOM), dtype=np.uint32),
        seeds=np.zeros(num_envs, dtype=np.int64),
        parameters=np.tile(original_parameters(), (num_envs, 1)),
        tunnels=np.zeros((num_envs, AREA, AREA), dtype=np.bool_),
    )


@register_jitable(forceinline=True)
def is_inside(x: Any, y: Any) -> Any:
    return 0 <= x < AREA and 0 <= y < AREA


@register_jitable(forceinline=True)
def is_walkable(material: Any) -> Any:
    """Where everybody can walk; the player also walks into lava, and arrows fly over lava and water."""
    return material == GRASS or material == SAND or material == PATH


@register_jitable(forceinline=True)
def chunk_of(x: Any, y: Any) -> Any:
    return x // CHUNK * CHUNKS_PER_SIDE + y // CHUNK


@register_jitable(forceinline=True)
def set_material(levels: Any, i: Any, x: Any, y: Any, material: Any) -> None:
    """Changes a cell of a running episode."""
    before = levels.materials[i, x, y]
    levels.materials[i, x, y] = material
    chunk = chunk_of(x, y)
    for k, counted in ((0, GRASS), (1, PATH)):
        levels.spaces[i, chunk, k] += (material == counted) - (before == counted)


@register_jitable
def count_spaces(levels: Any, i: Any) -> None:
    """Counts the cells of grass and of path in each chunk anew."""
    for chunk in range(NUM_CHUNKS):
        levels.spaces[i, chunk, 0] = levels.spaces[i, chunk, 1] = 0
    for x in range(AREA):
        for y in range(AREA):
            if levels.materials[i, x, y] == GRASS:
                levels.spaces[i, chunk_of(x, y), 0] += 1
            elif levels.materials[i, x, y] == PATH:
                levels.spaces[i, chunk_of(x, y), 1] += 1


@register_jitable
def _see_chunk(levels: Any, i: Any, x: Any, y: Any) -> None:
    """Enters the chunk of a cell into the order of chunks."""
    chunk = chunk_of(x, y)
    count = levels.status[i, NUM_CHUNKS_SEEN]
    for k in range(count):
        if levels.chunks[i, k] == chunk:
            return
    levels.chunks[i, count] = chunk
    levels.status[i, NUM_CHUNKS_SEEN] = count + 1


@register_jitable
def add_object(levels: Any, i: Any, kind: Any, x: Any, y: Any, health: Any, heading: Any = 0) -> None:
    """Puts a new object on a free cell (x, y); where there is room for no more, nothing happens."""
    slot = levels.status[i, NUM_OBJECTS]
    if slot == MAX_OBJECTS:
        return
    levels.objects[i, slot, KIND] = kind
    levels.objects[i, slot, X] = x
    levels.objects[i, slot, Y] = y
    levels.objects[i, slot, HEALTH_OF] = health
    levels.objects[i, slot, TIMER] = 0
    levels.objects[i, slot, HEADING] = heading
    levels.occupants[i, x, y] = slot + 1
    levels.status[i, NUM_OBJECTS] = slot + 1
    _see_chunk(levels, i, x, y)


@register_jitable(forceinline=True)
def remove_object(levels: Any, i: Any, slot: Any) -> None:
    """Takes an object out of the world; its slot stays until `free_slots`."""
    levels.occupants[i, levels.objects[i, slot, X], levels.objects[i, slot, Y]] = 0
    levels.objects[i, slot, KIND] = NOBODY


@register_jitable(forceinline=True)
def move_object(levels: Any, i: Any, slot: Any, x: Any, y: Any) -> None:
    """Moves an object to a free cell."""
    old_x, old_y = levels.objects[i, slot, X], levels.objects[i, slot, Y]
    levels.occupants[i, old_x, old_y] = 0
    levels.occupants[i, x, y] = slot + 1
    levels.objects[i, slot, X] = x
    levels.objects[i, slot, Y] = y
    if chunk_of(old_x, old_y) != chunk_of(x, y):
        _see_chunk(levels, i, x, y)


@register_jitable(forceinline=True)
def free_slots(levels: Any, i: Any) -> None:
    """Closes the gaps that removed objects left, the order of creation kept."""
    kept = 0
    for slot in range(levels.status[i, NUM_OBJECTS]):
        if levels.objects[i, slot, KIND] == NOBODY:
            continue
        if kept < slot:
            for column in range(NUM_OBJECT_COLUMNS):
                levels.objects[i, kept, column] = levels.objects[i, slot, column]
            levels.occupants[i, levels.objects[i, kept, X], levels.objects[i, kept, Y]] = kept + 1
        kept += 1
    levels.status[i, NUM_OBJECTS] = kept
