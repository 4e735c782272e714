"""How the engine lays out a batch of Crafter worlds: one row of plain arrays per environment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import jitable

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
NUM_ACHIEVEMENTS = 22
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
"""Column of `Levels.random` after the 624 words of MT19937: how many of them are drawn."""


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


LEVEL = np.dtype(
    [
        ("materials", np.uint8, (AREA, AREA)),
        ("occupants", np.uint16, (AREA, AREA)),
        ("objects", np.int16, (MAX_OBJECTS, NUM_OBJECT_COLUMNS)),
        ("inventory", np.int32, NUM_ITEMS),
        ("achievements", np.int32, NUM_ACHIEVEMENTS),
        ("status", np.int32, NUM_STATUS),
        ("chunks", np.uint8, NUM_CHUNKS),
        ("daylight", np.float64),
        ("random", np.uint32, NUM_RANDOM),
        ("spaces", np.int16, (NUM_CHUNKS, 2)),
        ("census", np.int16, (NUM_CHUNKS, 3)),
        ("night", np.uint32, NUM_RANDOM),
        ("seed", np.int64),
        ("parameters", np.float64, NUM_PARAMETERS),
    ],
    align=True,
)
"""One environment's world. Kernels are given a record of it: one address, and every length and place in it is known to
the compiler, which then takes less time than for the same arrays one by one, and makes faster code."""


class Levels(NamedTuple):
    """The worlds of N environments: views on the fields of `rows`, by which Python reads them."""

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
    """(N, NUM_ACHIEVEMENTS): how often each was done in this episode, in the order of crafter's data.yaml."""
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
    seed: NDArray[np.int64]
    """(N,): what the environment was seeded with."""
    parameters: NDArray[np.float64]
    """(N, NUM_PARAMETERS) of the running episode."""

    @property
    def rows(self) -> NDArray[np.void]:
        """The LEVEL records (N,) that all this is of; what kernels are given."""
        rows = self.materials.base
        assert rows is not None
        return rows


def allocate(num_envs: int) -> Levels:
    """Worlds of nothing, with crafter's own parameters."""
    rows = np.zeros(num_envs, dtype=LEVEL)
    rows["parameters"] = original_parameters()
    return Levels(*(rows[name] for name in Levels._fields))


@jitable
def is_inside(x: Any, y: Any) -> Any:
    return 0 <= x < AREA and 0 <= y < AREA


@jitable
def is_walkable(material: Any) -> Any:
    """Where everybody can walk; the player also walks into lava, and arrows fly over lava and water."""
    return material == GRASS or material == SAND or material == PATH


@jitable
def chunk_of(x: Any, y: Any) -> Any:
    return x // CHUNK * CHUNKS_PER_SIDE + y // CHUNK


@jitable
def set_material(level: Any, x: Any, y: Any, material: Any) -> None:
    """Changes a cell of a running episode."""
    before = level.materials[x, y]
    level.materials[x, y] = material
    chunk = chunk_of(x, y)
    for k, counted in ((0, GRASS), (1, PATH)):
        level.spaces[chunk, k] += (material == counted) - (before == counted)


@jitable
def count_spaces(level: Any) -> None:
    """Counts the cells of grass and of path in each chunk anew."""
    for chunk in range(NUM_CHUNKS):
        level.spaces[chunk, 0] = level.spaces[chunk, 1] = 0
    for x in range(AREA):
        for first in range(0, AREA, CHUNK):
            grass = path = 0
            for y in range(first, min(first + CHUNK, AREA)):
                grass += level.materials[x, y] == GRASS
                path += level.materials[x, y] == PATH
            chunk = chunk_of(x, first)
            level.spaces[chunk, 0] += grass
            level.spaces[chunk, 1] += path


@jitable
def _see_chunk(level: Any, x: Any, y: Any) -> None:
    """Enters the chunk of a cell into the order of chunks."""
    chunk = chunk_of(x, y)
    count = level.status[NUM_CHUNKS_SEEN]
    for k in range(count):
        if level.chunks[k] == chunk:
            return
    level.chunks[count] = chunk
    level.status[NUM_CHUNKS_SEEN] = count + 1


@jitable
def add_object(level: Any, kind: Any, x: Any, y: Any, health: Any, heading: Any) -> None:
    """Puts a new object on a free cell (x, y); where there is room for no more, nothing happens."""
    slot = level.status[NUM_OBJECTS]
    if slot == MAX_OBJECTS:
        return
    level.objects[slot, KIND] = kind
    level.objects[slot, X] = x
    level.objects[slot, Y] = y
    level.objects[slot, HEALTH_OF] = health
    level.objects[slot, TIMER] = 0
    level.objects[slot, HEADING] = heading
    level.occupants[x, y] = slot + 1
    level.status[NUM_OBJECTS] = slot + 1
    _see_chunk(level, x, y)


@jitable
def remove_object(level: Any, slot: Any) -> None:
    """Takes an object out of the world; its slot stays until `free_slots`."""
    level.occupants[level.objects[slot, X], level.objects[slot, Y]] = 0
    level.objects[slot, KIND] = NOBODY


@jitable
def move_object(level: Any, slot: Any, x: Any, y: Any) -> None:
    """Moves an object to a free cell."""
    old_x, old_y = np.int64(level.objects[slot, X]), np.int64(level.objects[slot, Y])
    level.occupants[old_x, old_y] = 0
    level.occupants[x, y] = slot + 1
    level.objects[slot, X] = x
    level.objects[slot, Y] = y
    if chunk_of(old_x, old_y) != chunk_of(x, y):
        _see_chunk(level, x, y)


@jitable
def free_slots(level: Any) -> None:
    """Closes the gaps that removed objects left, the order of creation kept."""
    kept = 0
    for slot in range(level.status[NUM_OBJECTS]):
        if level.objects[slot, KIND] == NOBODY:
            continue
        if kept < slot:
            for column in range(NUM_OBJECT_COLUMNS):
                level.objects[kept, column] = level.objects[slot, column]
            level.occupants[level.objects[kept, X], level.objects[kept, Y]] = kept + 1
        kept += 1
    level.status[NUM_OBJECTS] = kept
