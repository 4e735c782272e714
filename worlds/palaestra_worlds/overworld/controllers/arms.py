"""Turning, digging, placing. Every primitive action of a controller passes through here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import (
    ATTACK,
    DROP,
    EQUIP,
    FURNACE_BLOCK,
    LOOK_BY,
    PLACE,
    TABLE_BLOCK,
    TURN,
)
from palaestra_worlds.overworld.constants import LAVA as LAVA_BLOCK
from palaestra_worlds.overworld.constants import WATER as WATER_BLOCK
from palaestra_worlds.overworld.controllers.failures import EpisodeOver, Failed
from palaestra_worlds.overworld.controllers.limits import Limits
from palaestra_worlds.overworld.objectives import GOAL_BIT
from palaestra_worlds.overworld.paths import FIXED, FREE, GATE, LAVA, ROCK, TALL, UNSEEN, WATER, Ground
from palaestra_worlds.overworld.player import REACH, SIGHT
from palaestra_worlds.overworld.senses import Cell, Senses
from palaestra_worlds.overworld.state import HEIGHT, PITCHES, SIDE, SLOTS, STEPS
from palaestra_worlds.overworld.tables import (
    DURABILITY,
    HARVESTS,
    IS_GATE,
    IS_TALL,
    LEFT_ALONE,
    SOLID,
    TICKS,
    TOOL,
    numbers,
    tables,
)

STRAIGHT_DOWN, DOWN, SLIGHTLY_DOWN = (PITCHES.index(name) for name in ("straight down", "down", "slightly down"))
FILLERS = ("dirt", "granite", "diorite", "andesite", "cobblestone", "netherrack", "sandstone", "stone")
"""What bridges and pillars are made of, the least useful first."""
WASTE = (*FILLERS[:4], "gravel", "sand", "flint", "wheat_seeds", "rotten_flesh", "cobblestone")
"""What is dropped when there is no room, the least useful first."""
_WORTH = {"wooden": 0.0, "stone": 1.0, "golden": 3.0, "iron": 2.0, "diamond": 60.0, "netherite": 90.0}
"""Ticks that sparing a tool of that material is worth."""
KEPT_USES = 20
"""Of a tool that is kept for something: the last ones are."""
MOST_BARE = 100
"""Ticks: what takes longer by hand is not dug without a tool."""


@cache
def _kinds() -> NDArray[np.uint8]:
    """What each value of the map is on a way."""
    blocks, breaking = tables().blocks, tables().breaking
    found = np.full(len(blocks) + 1, UNSEEN, np.uint8)
    for number in range(len(blocks)):
        kind = ROCK if blocks[number, SOLID] else FREE
        if kind == ROCK and breaking[number, :, TICKS].max() == LEFT_ALONE:
            kind = FIXED
        found[number + 1] = kind
    found[1:][blocks[:, IS_TALL] > 0] = TALL
    found[1:][blocks[:, IS_GATE] > 0] = GATE
    found[[TABLE_BLOCK + 1, FURNACE_BLOCK + 1]] = FIXED
    found[WATER_BLOCK + 1], found[LAVA_BLOCK + 1] = WATER, LAVA
    return found


@cache
def _ores() -> NDArray[np.bool_]:
    """(blocks,): what is not dug where nothing would be left of it."""
    return np.array([name.endswith("_ore") for name in numbers().blocks])


def _nothing() -> None:
    """Where there are no monsters."""


class Arms:
    """Turning, digging and placing on top of primitive actions.

    Args:
        senses: of the player.
    """

    def __init__(self, senses: Senses) -> None:
        self.senses = senses
        self.limits = Limits(senses)
        self.by_hand = False
        """Whether what takes long by hand is dug so where there is no tool."""
        self.kept = 0
        """A tool whose last uses are kept for what is being mined."""
        self.asked: dict[int, int] = {}
        """Items that one was told to mine, and how many: so many are not waste."""
        self.scaffold: list[Cell] = []
        """Where bridges and pillars were put, since this was emptied."""
        self.guard: Callable[[], None] = _nothing
        """Called after each primitive action: a reflex."""
        self.rest: Callable[[], None] = _nothing
        """Called before each way."""
        self.stays_out = False
        """Whether one is out by night on purpose."""
        self._kept: tuple[int, ...] = ()
        self._spared: tuple[int, ...] = ()
        self._ground: Ground | None = None
        self._tools: tuple[int, ...] = ()

    # ------------------------------------------------------------------------------------------ one action

    @property
    def is_over(self) -> bool:
        senses = self.senses
        return senses.health <= 0 or self.has_succeeded or senses.clock >= senses.max_ticks

    @property
    def has_succeeded(self) -> bool:
        return bool(self.senses.unlocked >> GOAL_BIT & 1)

    def do(self, kind: int, argument: int = 0) -> None:
        """A primitive action."""
        if self.is_over:
            raise EpisodeOver
        self.limits.check()
        self.senses.act(kind, argument)
        self.guard()

    def turn_to(self, facing: int) -> None:
        turn = (facing - self.senses.facing) % 4
        if turn == 2:
            self.do(TURN, 1)
        if turn:
            self.do(TURN, 1 if turn == 2 else turn)

    def look_to(self, pitch: int) -> None:
        while self.senses.pitch != pitch:
            self.do(LOOK_BY, 1 if pitch > self.senses.pitch else -1)

    def hold(self, item: int) -> None:
        if self.senses.held != item:
            self.do(EQUIP, item)

    # ------------------------------------------------------------------------------------------ what is known

    def kind(self, cell: Cell) -> int:
        """What a cell is on a way, see `paths`."""
        x, z, y = cell
        if not (0 <= x < SIDE and 0 <= z < SIDE and y >= 0):
            return FIXED
        return int(self.ground().kinds[self.senses.seen[cell]]) if y < HEIGHT else FREE

    def block(self, cell: Cell) -> int:
        """The block that was seen there, -1 for none."""
        x, z, y = cell
        inside = 0 <= x < SIDE and 0 <= z < SIDE and 0 <= y < HEIGHT
        return int(self.senses.seen[cell]) - 1 if inside else -1

    def inventory(self) -> dict[int, int]:
        """Items and how many."""
        found: dict[int, int] = {}
        for item, count, _ in self.senses.slots:
            found[item] = found.get(item, 0) + count
        return found

    def ground(self) -> Ground:
        """What cells are on a way, with the tools at hand."""
        columns = tuple(sorted({0} | {int(tables().items[item, TOOL]) for item, _, _ in self.senses.slots}))
        if self._ground is None or columns != self._tools:
            ticks = tables().breaking[:, list(columns), TICKS].astype(np.float32)
            best = np.where(ticks == LEFT_ALONE, np.float32(1e9), ticks).min(axis=1)
            if self.senses.is_easy:
                best = np.minimum(best, np.maximum(1.0, best / 100))
            guess = best[numbers().block["stone"]] * 1.1 + 1.0
            kinds = _kinds().copy()
            spoilt = ~(tables().breaking[:, list(columns), HARVESTS] > 0).any(axis=1) & _ores()
            kinds[1:][spoilt] = FIXED
            for block in self._spared:
                kinds[block + 1] = max(kinds[block + 1], FIXED)
            self._ground = Ground(kinds, np.concatenate([[guess], best]).astype(np.float32))
            self._tools = columns
        return self._ground

    def spare(self, blocks: Iterable[int], ground: Iterable[int] = ()) -> None:
        """From now on no way leads through these blocks, nor are they used on the way; no way is dug through those of
        `ground` either."""
        self._kept = tuple(blocks)
        self._spared = (*self._kept, *ground)
        self._ground = None

    def filler(self) -> int:
        """An item to bridge and pile up with, 0 if there is none."""
        held, known = self.inventory(), numbers().item
        spared = {numbers().blocks[block] for block in self._kept}
        return next((known[name] for name in FILLERS if held.get(known[name]) and name not in spared), 0)

    # ------------------------------------------------------------------------------------------ digging, placing

    def aims(self, cell: Cell) -> list[tuple[int, int, list[Cell]]]:
        """Facings and pitches with a cell in view if what is between, the rest of the tuple, is cleared; the quickest
        to look to first."""
        x, z, y = self.senses.place
        found: list[tuple[float, int, int, list[Cell]]] = []
        for facing in range(4):
            for pitch in range(len(PITCHES)):
                between: list[Cell] = []
                for forward, up in SIGHT[pitch].tolist():
                    at = x + int(STEPS[facing, 0]) * forward, z + int(STEPS[facing, 1]) * forward, y + 1 + up
                    if at == cell:
                        turn = min((facing - self.senses.facing) % 4, (self.senses.facing - facing) % 4)
                        if forward == 0:
                            facing, turn = self.senses.facing, 0
                        rocks = [other for other in between if self.kind(other) not in (FREE, WATER, LAVA)]
                        found.append((turn + abs(pitch - self.senses.pitch) + 20 * len(rocks), facing, pitch, rocks))
                        break
                    between.append(at)
        found.sort(key=lambda entry: entry[0])
        return [entry[1:] for entry in found]

    def dig(self, cell: Cell, tool: int = 0) -> None:
        """Breaks what is in a cell, and what comes down into it.

        Raises:
            Failed: it is out of reach, or won't break.
        """
        for _ in range(16):
            if self.kind(cell) in (FREE, WATER, LAVA) and self._is_clear(cell):
                return
            aims = self.aims(cell)
            if not aims:
                raise Failed("unreachable", "It is out of reach.")
            facing, pitch, _ = aims[0]
            self.turn_to(facing)
            self.look_to(pitch)
            hit = self.senses.crosshair()
            if hit is None:
                self.senses.look(every=True)
                return
            if self.kind(hit[0]) == FIXED and hit[0] != cell:
                raise Failed("unreachable", "Something that can't be broken is in the way.")
            self._break(*hit, tool if hit[0] == cell else 0)

    def _is_clear(self, cell: Cell) -> bool:
        """Whether nothing is there that gets in the way, plants included."""
        return self.block(cell) in (0, WATER_BLOCK, LAVA_BLOCK)

    def _break(self, cell: Cell, block: int, tool: int) -> None:
        """Breaks the block at the crosshair."""
        senses = self.senses
        senses.note(cell, block)
        self.hold_for(block, tool)
        for _ in range(2000):
            self.do(ATTACK)
            hit = senses.crosshair()
            if hit is None or hit[0] != cell or hit[1] != block:
                break
        else:
            raise Failed("impossible", f"{numbers().blocks[block]} does not break.")
        senses.note(cell, hit[1] if hit is not None and hit[0] == cell else 0)
        senses.look()
        self._make_room()

    def hold_for(self, block: int, tool: int = 0) -> None:
        """Takes the tool in hand that suits a block; of equally quick ones the least precious."""
        senses = self.senses
        if tool:
            self.hold(tool)
            return
        best, plain = self._tool_for(block)
        bare = int(tables().breaking[block, 0, TICKS])
        if best:
            self.hold(best)
        elif bare > MOST_BARE and not senses.is_easy and not self.by_hand:
            raise Failed("missing_tool", f"There is no tool left to dig {numbers().blocks[block]} with.")
        elif tables().items[senses.held, DURABILITY] and plain and bare > 1:
            self.hold(plain)

    def _tool_for(self, block: int) -> tuple[int, int]:
        """The tool that suits a block, and an item that is none; 0: there is no such thing.

        What leaves something of the block comes first, then what is quick and not too precious.
        """
        arrays, names = tables(), numbers().items
        best, plain = 0, 0
        least = (False, float(arrays.breaking[block, 0, TICKS]))
        for item, _, worn in self.senses.slots:
            column, uses = int(arrays.items[item, TOOL]), int(arrays.items[item, DURABILITY])
            if not uses:
                plain = plain or item
                continue
            if item == self.kept and uses - worn <= KEPT_USES and self.senses.count(item) == 1:
                continue
            ticks, harvests = (int(n) for n in arrays.breaking[block, column])
            worth = not harvests, ticks + _WORTH.get(names[item].split("_")[0], 10.0)
            if 0 < ticks < arrays.breaking[block, 0, TICKS] and (worth < least or not best):
                best, least = item, worth
        return best, plain

    def _make_room(self) -> None:
        """Drops waste while no slot is free, what one was told to mine last of all."""
        while len(self.senses.slots) == SLOTS:
            stacks = self._wasted_stacks()
            if not stacks:
                return
            _, waste, count = min(stacks)
            for _ in range(count):
                self.do(DROP, waste)

    def _wasted_stacks(self) -> list[tuple[int, int, int]]:
        """How much it would be missed, item and count of stacks that could be dropped; the lowest goes first."""
        known, held = numbers().item, self.inventory()
        found: list[tuple[int, int, int]] = []
        for worth, item in enumerate(known[name] for name in WASTE):
            if item in held:
                stack = held[item] % 64 or 64
                is_short = held[item] - stack < self.asked.get(item, 0)
                # Seeds are hard to come by again, cobblestone is everywhere.
                found.append((2 * len(WASTE) - worth if is_short else worth, item, stack))
        return found

    def spots(self) -> list[tuple[float, int, int, Cell]]:
        """Where something can be put down from here: cost of looking there, facing, pitch, cell."""
        x, z, y = self.senses.place
        found: list[tuple[float, int, int, Cell]] = []
        for facing in range(4):
            for pitch in range(1, len(PITCHES)):
                last: Cell | None = None
                for k in range(REACH):
                    forward, up = SIGHT[pitch, k].tolist()
                    at = x + int(STEPS[facing, 0]) * forward, z + int(STEPS[facing, 1]) * forward, y + 1 + up
                    block = self.block(at)
                    if block < 0:
                        break
                    if block in (0, WATER_BLOCK, LAVA_BLOCK):
                        last = at if block == 0 else None
                        continue
                    if last is not None and not tables().blocks[block, SOLID]:
                        break
                    if last is not None and (pitch < len(PITCHES) - 1):
                        turn = min((facing - self.senses.facing) % 4, (self.senses.facing - facing) % 4)
                        found.append((turn + abs(pitch - self.senses.pitch) + 2 * k, facing, pitch, last))
                    break
        return sorted(found)

    def put_down(self, item: int) -> Cell:
        """Puts a block down nearby; gives where.

        Raises:
            Failed: there is no place, or none of it at hand.
        """
        name = numbers().items[item]
        if not self.senses.count(item):
            raise Failed("missing_material", f"There is no {name} at hand.", {name: 1})
        for attempt in range(3):
            for _, facing, pitch, cell in self.spots()[:3]:
                before = self.senses.count(item)
                self.turn_to(facing)
                self.look_to(pitch)
                self.do(PLACE, item)
                self.senses.look()
                if self.senses.count(item) < before:
                    return cell
            self._dig_niche(attempt)
        raise Failed("no_room", f"There is no room nearby for a {name}.")

    def _dig_niche(self, attempt: int) -> None:
        x, z, y = self.senses.place
        for turn in range(4):
            facing = (self.senses.facing + turn + attempt) % 4
            a, b = x + int(STEPS[facing, 0]), z + int(STEPS[facing, 1])
            if self.kind((a, b, y + 1)) == ROCK:
                self.by_hand = True
                try:
                    self.dig((a, b, y + 1))
                finally:
                    self.by_hand = False
                return
