"""How the engine lays out a batch of Overworlds: one row of plain arrays per environment.

Cells are numbered x to the east, z to the south, y up; arrays hold columns, indexed [i, x, z, y].
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import inlined, jitable
from palaestra_worlds.overworld.mob_kinds import MORE_PASSIVE, PASSIVE
from palaestra_worlds.overworld.tables import SOLID
from palaestra_worlds.random_streams import NUM_RANDOM

SIDE, HEIGHT = 96, 64
SEA_LEVEL = 38
"""The highest cell of water; ores lie at the game's own heights, 25 cells below its sea level of 63."""
SLOTS = 36
TICKS_PER_DAY = 24_000

# Columns of `Levels.status`.
(
    STEP,
    CLOCK,
    DAWN,
    X,
    Z,
    Y,
    FACING,
    PITCH,
    HELD,
    HEALTH,
    FOOD,
    AIR,
    SINCE_HEALED,
    SINCE_HURT,
    FURNACE_LEFT,
    TARGET,
    UNLOCKED,
    REWARDED,
    DIED_OF,
    IS_SEEDED,
    NUM_CHANGES,
    READY,
    LIVED,
    KILLS,
    HIT,
    DIFFICULTY,
) = range(26)
NUM_STATUS = 26
MOST_CHANGES = 16
"""Changes of the inventory in one step: a recipe's parts, or a block's drops, and a few more."""
# Columns of `Levels.body`.
SATURATION, EXHAUSTION, PROGRESS = range(3)
# Columns of `Levels.slots`.
ITEM, COUNT, WORN = range(3)
# Columns of `Levels.mobs`.
KIND, MOB_X, MOB_Z, MOB_Y, MOB_HEALTH, NEXT, HEADING, STRIDES, FLEES, SHORN = range(10)
NUM_MOB = 10
SIZE = SHORN
"""Of a slime, which has no wool; see `slimes`."""
HERDS, HERD = 2, 4
"""Of each kind of animals, and animals of a herd, as a world begins."""
CHESTS, CHEST_SLOTS, PLOTS = 8, 27, 64
"""What a world has room for, where chests and farming work."""
MONSTERS = 10
"""At most, at a time."""
PIECES = 8
"""What slimes split into beyond that, where nature is whole."""
MOST_ANIMALS = len(PASSIVE) * HERDS * HERD
MORE_OF_A_KIND = 4
MOST_MORE = len(MORE_PASSIVE) * MORE_OF_A_KIND
"""Rabbits and what swims, where nature is whole; their places come last."""
FLOW, FALLING, AWAKE = 15, 8, 128
"""Of `Levels.flow`: the bits of how full a cell is; that of what falls; the bit of one that will be looked at again."""
WAKING = 4096
"""Cells of water, and of lava, that can wait to be looked at; what comes on top stays as it is."""
MARK_SIDE, MARK_UP = 9, 18
"""Cells around the player that are watched for changes, across and up."""
NESTS = 16
"""Of bees, that are remembered as emptied, where nature is whole."""

FULL = 20
"""Health in half hearts, and hunger."""
FULL_AIR = 300
"""Ticks under water."""
NO_TARGET = -1

FACINGS = ("north", "east", "south", "west")
STEPS = np.array([(0, -1), (1, 0), (0, 1), (-1, 0)], np.int64)
"""(facing, 2): along x and z."""
PITCHES = ("straight down", "down", "slightly down", "ahead", "up", "straight up")
AHEAD = PITCHES.index("ahead")

Difficulty = Literal["peaceful", "easy", "normal", "hard"]
DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)
PEACEFUL, EASY, NORMAL, HARD = range(4)

UNHURT, FALL, DROWNING, LAVA, HUNGER, MONSTER = range(6)
CAUSES = ("", "a fall", "drowning", "lava", "hunger", "a monster")


class Levels(NamedTuple):
    """The worlds of N environments; a compiled function for environment i touches row i only."""

    blocks: NDArray[np.uint16]
    """(N, SIDE, SIDE, HEIGHT), indexed [i, x, z, y]."""
    biomes: NDArray[np.uint8]
    """(N, SIDE, SIDE)."""
    surface: NDArray[np.uint8]
    """(N, SIDE, SIDE): height of the ground as it was made, water and plants aside."""
    status: NDArray[np.int32]
    """(N, NUM_STATUS). X, Z, Y are of the feet. UNLOCKED and REWARDED have a bit for each objective. TARGET is the
    cell under attack, as a number, or NO_TARGET. READY is the tick from which the next blow is as strong, LIVED the one
    up to which mobs have moved, KILLS how many of them the player has killed, HIT when one
    last hit the player."""
    body: NDArray[np.float64]
    """(N, 3): saturation, exhaustion, share of the target that is broken."""
    slots: NDArray[np.int32]
    """(N, SLOTS, 3): item, how many, uses of a tool."""
    changes: NDArray[np.int32]
    """(N, MOST_CHANGES, 2): working space of a step: items that come in, or with a negative count go; valid up to
    status[i, NUM_CHANGES]."""
    random: NDArray[np.uint64]
    """(N, NUM_RANDOM): the stream that the running world and its drops are made with."""
    mobs: NDArray[np.int32]
    """(N, places, NUM_MOB): kind, see `mob_kinds`, 0 for none; cell of its feet; health in tenths of a point; tick of
    the clock at which it does something next; heading of its stroll and cells that are left of it; ticks of the clock
    until which it flees, and until which a sheep is without wool (of a slime: its SIZE). No places where there are no
    mobs."""
    chest_cells: NDArray[np.int32]
    """(N, chests): the cell of each chest with something in it, as a number + 1; 0 for none. No chests where they don't
    work."""
    chests: NDArray[np.int32]
    """(N, chests, CHEST_SLOTS, 3): what is in them, as in `slots`."""
    plots: NDArray[np.int32]
    """(N, plots, 3): cell of what was sown, as a number + 1, 0 for none; stage of its growth; tick of the clock at
    which it grows next."""
    nests: NDArray[np.int32]
    """(N, nests, 2): the cell of a bee nest without honey, as a number + 1, 0 for none; tick of the clock from which it
    has some again. No nests where nature is not whole."""
    flow: NDArray[np.uint8]
    """(N, SIDE, SIDE, HEIGHT): of a cell of water or lava: 0 for a source, 1 to 7 how full it is, FALLING for what
    falls; and AWAKE. No cells where nothing flows, and none of the arrays that follow."""
    queue: NDArray[np.int32]
    """(N, 2, WAKING, 2): of water and of lava: cells to look at again, as numbers, and when; a ring."""
    waiting: NDArray[np.int32]
    """(N, 2, 2): where in `queue` the first is, and how many there are."""
    marks: NDArray[np.int32]
    """(N, 4): whether the step may change something around the player, and where it stood: x, z, y."""
    before: NDArray[np.int32]
    """(N, MARK_SIDE ** 2 * MARK_UP): what was there: block + 4096 * flow."""
    mob_random: NDArray[np.uint64]
    """(N,): what mobs draw from, so that land and drops are the same with them and without."""
    own: NDArray[np.uint64]
    """(N, NUM_RANDOM): where the environment's own stream stands while the level is one of a task's own seed, which
    IS_SEEDED says."""


class Core(NamedTuple):
    """The arrays of `Levels` that new worlds and a player's steps take, whatever lives there.

    What calls pass on from one to the next is most of what there is to compile in them, so they are not given the rest.
    """

    blocks: NDArray[np.uint16]
    biomes: NDArray[np.uint8]
    surface: NDArray[np.uint8]
    status: NDArray[np.int32]
    body: NDArray[np.float64]
    slots: NDArray[np.int32]
    changes: NDArray[np.int32]
    random: NDArray[np.uint64]
    mobs: NDArray[np.int32]
    flow: NDArray[np.uint8]
    own: NDArray[np.uint64]


def core_of(levels: Levels) -> Core:
    """The same arrays, not copies."""
    return Core(*(getattr(levels, name) for name in Core._fields))


def allocate(
    num_envs: int, places: int = 0, chests: int = 0, plots: int = 0, nests: int = 0, flows: bool = False
) -> Levels:
    """Worlds of air, with so many places for mobs, chests, sown plots and emptied nests; `flows`: fluids do."""
    waking, marked = (WAKING, MARK_SIDE * MARK_SIDE * MARK_UP) if flows else (0, 0)
    return Levels(
        blocks=np.zeros((num_envs, SIDE, SIDE, HEIGHT), np.uint16),
        biomes=np.zeros((num_envs, SIDE, SIDE), np.uint8),
        surface=np.zeros((num_envs, SIDE, SIDE), np.uint8),
        status=np.zeros((num_envs, NUM_STATUS), np.int32),
        body=np.zeros((num_envs, 3), np.float64),
        slots=np.zeros((num_envs, SLOTS, 3), np.int32),
        changes=np.zeros((num_envs, MOST_CHANGES, 2), np.int32),
        random=np.zeros((num_envs, NUM_RANDOM), np.uint64),
        mobs=np.zeros((num_envs, places, NUM_MOB), np.int32),
        chest_cells=np.zeros((num_envs, chests), np.int32),
        chests=np.zeros((num_envs, chests, CHEST_SLOTS, 3), np.int32),
        plots=np.zeros((num_envs, plots, 3), np.int32),
        nests=np.zeros((num_envs, nests, 2), np.int32),
        flow=np.zeros((num_envs, SIDE, SIDE, HEIGHT) if flows else (num_envs, 0, 0, 0), np.uint8),
        queue=np.zeros((num_envs, 2, waking, 2), np.int32),
        waiting=np.zeros((num_envs, 2, 2), np.int32),
        marks=np.zeros((num_envs, 4), np.int32),
        before=np.zeros((num_envs, marked), np.int32),
        mob_random=np.zeros(num_envs, np.uint64),
        own=np.zeros((num_envs, NUM_RANDOM), np.uint64),
    )


@inlined
def animals_end(levels: Any) -> Any:
    """Place after those of monsters; where nature is whole, rabbits and what swims come then."""
    count = levels.mobs.shape[1]
    return count - MOST_MORE if levels.nests.shape[1] > 0 and count > 0 else count


@inlined
def is_inside(x: Any, z: Any, y: Any) -> Any:
    return 0 <= x < SIDE and 0 <= z < SIDE and 0 <= y < HEIGHT


@inlined
def cell_number(x: Any, z: Any, y: Any) -> Any:
    return (x * SIDE + z) * HEIGHT + y


@jitable
def is_free(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> Any:
    """Whether a body can be there. Above the world is air; its sides and bottom are walls."""
    if not (0 <= x < SIDE and 0 <= z < SIDE and y >= 0):
        return False
    return y >= HEIGHT or not tables.blocks[levels.blocks[i, x, z, y], SOLID]
