"""A player's body: what it can do, and all that it can perceive. Controllers are given this and nothing else.

They know the status, the inventory, what is at the crosshair, and the map of what has been seen. The true world stays
in here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import (
    CRAFT,
    DROP,
    EAT,
    EQUIP,
    MOVES,
    PLACE,
    SMELT,
    STORE,
    TAKE,
    Rules,
)
from palaestra_worlds.overworld.mob_sight import SeenMob, mobs_in_sight
from palaestra_worlds.overworld.player import NOTHING_HIT, first_hit, seen_cell
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.sight import RAYS, SETS, directions, look_kernel, new_map
from palaestra_worlds.overworld.state import (
    CLOCK,
    COUNT,
    DAWN,
    FACING,
    FOOD,
    HEALTH,
    HEIGHT,
    HELD,
    ITEM,
    KILLS,
    MOST_ANIMALS,
    PITCH,
    UNLOCKED,
    WORN,
    Levels,
    X,
    Y,
    Z,
    animals_end,
)
from palaestra_worlds.overworld.tables import BLOCK, numbers, tables

if TYPE_CHECKING:
    from palaestra_worlds.overworld.skills.attempt import Attempt
    from palaestra_worlds.overworld.skills.goals import Skill

Cell = tuple[int, int, int]
"""x, z, y."""


class Steps(Protocol):
    """What moves one environment by a primitive action."""

    def act(self, index: int, action: int, rules: Rules) -> None: ...


@cache
def all_actions() -> tuple[dict[tuple[int, int], int], NDArray[np.int32]]:
    """Every primitive action by kind and argument, and the array of them."""
    rules, arrays, known = load_rules(), tables(), numbers()
    pairs = list(MOVES.values())
    every = range(1, len(known.items))
    pairs += [(PLACE, item) for item in every if arrays.items[item, BLOCK]]
    pairs += [(EAT, known.item[name]) for name, item in rules.items.items() if item.food]
    pairs += [(kind, item) for kind in (EQUIP, DROP) for item in every]
    pairs += [(CRAFT, known.item[name]) for name in dict.fromkeys(recipe.makes for recipe in rules.recipes)]
    pairs += [(SMELT, known.item[name]) for name in rules.smelting]
    pairs += [(kind, item) for kind in (STORE, TAKE) for item in (0, *every)]
    return {pair: number for number, pair in enumerate(pairs)}, np.array(pairs, np.int32)


class Senses:
    """One environment as its player has it.

    Args:
        steps: carries out primitive actions.
        levels: the true state; only what a player perceives of it leaves this object.
        index: the environment.
        max_ticks: of an episode.
        is_easy: whether the easier rules hold.
    """

    def __init__(self, steps: Steps, levels: Levels, index: int, max_ticks: int, is_easy: bool) -> None:
        self._steps, self._levels, self._index = steps, levels, index
        self._actions, pairs = all_actions()
        self._rules = Rules(max_ticks, is_easy, pairs)
        self.is_easy = is_easy
        self.max_ticks = max_ticks
        self.seen = new_map()
        """(SIDE, SIDE, HEIGHT), indexed [x, z, y]: block + 1, or 0 where nothing has been seen."""
        self.counts = np.zeros(len(numbers().blocks) + 1, np.int64)
        """How many cells of the map have each value."""
        self.counts[0] = self.seen.size
        self.looks = 0
        self.look(every=True)

    # ------------------------------------------------------------------------------------------ doing

    def act(self, kind: int, argument: int = 0) -> None:
        """A primitive action; what it is called is in `constants`."""
        self._steps.act(self._index, self._actions[kind, argument], self._rules)

    # ------------------------------------------------------------------------------------------ perceiving

    def look(self, every: bool = False) -> None:
        """Looks around: writes to the map what the rays meet; along half of them, or every one."""
        flags, rays = tables().blocks, directions(RAYS)
        first, stride = (0, 1) if every else (self.looks % SETS, SETS)
        x, z, y = self.place
        if y + 1 < HEIGHT:
            blocks = self._levels.blocks[self._index]
            look_kernel()(blocks, x, z, y, flags, rays, first, stride, self.seen, self.counts)
            # One feels what one stands in and on.
            for height in (y, y - 1):
                if height >= 0:
                    self.note((x, z, height), int(blocks[x, z, height]))
        self.looks += 1

    def note(self, cell: Cell, block: int) -> None:
        """Writes to the map what is known of a cell."""
        self.counts[self.seen[cell]] -= 1
        self.counts[block + 1] += 1
        self.seen[cell] = block + 1

    def remember(self, seen: NDArray[np.uint16], looks: int) -> None:
        """Puts another map in place of this one."""
        self.seen[...] = seen
        self.counts[:] = np.bincount(self.seen.ravel(), minlength=len(self.counts))
        self.looks = looks

    def attempt(self, skill: Skill, goal: int, blocks: frozenset[int]) -> Attempt:
        """What a learned controller perceives from now on, while it tries to do something; see `Attempt`."""
        from palaestra_worlds.overworld.skills.attempt import Attempt

        return Attempt(self._levels, self._index, skill, goal, blocks)

    def crosshair(self) -> tuple[Cell, int] | None:
        """The cell that is attacked or used, and its block; liquids don't count."""
        k = first_hit(self._levels, self._index, False)
        if k == NOTHING_HIT:
            return None
        x, z, y = seen_cell(self._levels, self._index, k)
        cell = int(x), int(z), int(y)
        return cell, int(self._levels.blocks[self._index][cell])

    @property
    def has_mobs(self) -> bool:
        """Whether this world has mobs at all."""
        return self._levels.mobs.shape[1] > 0

    @property
    def has_monsters(self) -> bool:
        """Whether some of these mobs are monsters."""
        return animals_end(self._levels) > MOST_ANIMALS

    @property
    def is_whole(self) -> bool:
        """Whether items do here what they do in the game when they are used."""
        return self._levels.nests.shape[1] > 0

    @property
    def has_fields(self) -> bool:
        """Whether anything can be sown."""
        return self._levels.plots.shape[1] > 0

    @property
    def kills(self) -> int:
        """How many mobs died by the player's hand."""
        return int(self._levels.status[self._index, KILLS])

    def mobs(self) -> list[SeenMob]:
        """The mobs in sight, the nearest first."""
        return mobs_in_sight(self._levels, self._index)

    @property
    def place(self) -> Cell:
        """Of the feet."""
        status = self._levels.status[self._index]
        return int(status[X]), int(status[Z]), int(status[Y])

    @property
    def facing(self) -> int:
        return int(self._levels.status[self._index, FACING])

    @property
    def pitch(self) -> int:
        return int(self._levels.status[self._index, PITCH])

    @property
    def clock(self) -> int:
        return int(self._levels.status[self._index, CLOCK])

    @property
    def time(self) -> int:
        """Ticks since a sunrise."""
        return self.clock + int(self._levels.status[self._index, DAWN])

    @property
    def health(self) -> int:
        return int(self._levels.status[self._index, HEALTH])

    @property
    def food(self) -> int:
        return int(self._levels.status[self._index, FOOD])

    @property
    def unlocked(self) -> int:
        """Bits of the objectives that are reached."""
        return int(self._levels.status[self._index, UNLOCKED])

    @property
    def held(self) -> int:
        """The item in hand, 0 for none."""
        return int(self._levels.slots[self._index, self._levels.status[self._index, HELD], ITEM])

    @property
    def biome(self) -> int:
        x, z, _ = self.place
        return int(self._levels.biomes[self._index, x, z])

    @property
    def slots(self) -> list[tuple[int, int, int]]:
        """Item, how many, uses, of each slot that has something."""
        rows = self._levels.slots[self._index]
        return [(int(row[ITEM]), int(row[COUNT]), int(row[WORN])) for row in rows if row[ITEM]]

    def count(self, item: int) -> int:
        """How many of an item are at hand."""
        rows = self._levels.slots[self._index]
        return int(rows[rows[:, ITEM] == item, COUNT].sum())
