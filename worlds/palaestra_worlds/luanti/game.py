"""A game in a server, kept as an Overworld's arrays: what an Overworld's player senses and does then goes for it too.

Cells of the arrays are those of a box of the game's map around the place where one begins. They hold the truth as it
was when it was last read: the whole box at first, and what is near the body after each action.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.luanti.bridge import Bridge, Result
from palaestra_worlds.luanti.errors import LuantiError
from palaestra_worlds.luanti.names import name_table
from palaestra_worlds.luanti.rules import LOWEST, TICKS_PER_SECOND, GameRules
from palaestra_worlds.overworld.constants import (
    ATTACK,
    DROP,
    EAT,
    EQUIP,
    JUMP,
    JUMPING_TICKS,
    LOOK_BY,
    NOTHING,
    PLACE,
    TURN,
    USE,
    WALK,
    WALKING_TICKS,
    Rules,
)
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.objectives import GOAL_BIT
from palaestra_worlds.overworld.player import NOTHING_HIT, first_hit, seen_cell
from palaestra_worlds.overworld.rules import FURNACE
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import (
    AHEAD,
    CLOCK,
    COUNT,
    DAWN,
    FACING,
    FOOD,
    FULL,
    HEALTH,
    HEIGHT,
    HELD,
    ITEM,
    PITCH,
    PITCHES,
    SIDE,
    SLOTS,
    STEPS,
    TICKS_PER_DAY,
    UNLOCKED,
    WORN,
    X,
    Y,
    Z,
    allocate,
)
from palaestra_worlds.overworld.tables import DURABILITY, SOLID, numbers, tables

NEAR = (17, 18, 17)
"""Nodes around the body that are read after each action: along x, y, z."""
SLAB = 16
"""Layers that are read at a time, so that the server's clock is not held up."""
WEAR = 65_536
"""Of a tool that breaks, in the engine."""


class Game:
    """A body in a game.

    Args:
        bridge: to the server.
        rules: that were read from it.
        start: x, y, z of the game where the feet are to be at first.
        wanted: items, any mix of which counts for the goal, and how many are wanted.
        inventory: items at the start.
        dawn: share of the day that has passed.

    Raises:
        LuantiError: the game cannot begin there, or the server has ended.
        ValueError: the game has no such item.
    """

    def __init__(
        self,
        bridge: Bridge,
        rules: GameRules,
        start: tuple[int, int, int],
        wanted: tuple[tuple[str, ...], int],
        inventory: dict[str, int],
        dawn: float,
    ) -> None:
        self._bridge, self._rules = bridge, rules
        self._wanted, self._least = wanted
        self.levels = allocate(1)
        self._corner = start[0] - SIDE // 2, start[2] - SIDE // 2
        self.status[[FACING, PITCH, FOOD]] = 0, AHEAD, FULL
        self.status[DAWN] = round(dawn * TICKS_PER_DAY)
        self._load()
        stacks = [f"{self._name(item)} {count}" for item, count in inventory.items()]
        # The engine's day begins at midnight, a quarter of it before sunrise.
        result = self._call("begin", x=start[0], y=start[1], z=start[2], inventory=stacks, time=(dawn + 0.25) % 1)
        if result.get("error"):
            raise LuantiError(f"the game cannot begin at {start}: {result.get('why')}")

    @property
    def status(self) -> NDArray[np.int32]:
        """The row of `Levels.status`."""
        return self.levels.status[0]

    @property
    def rules(self) -> GameRules:
        return self._rules

    def place(self) -> Cell:
        """Of the feet: x, z, y of this world."""
        return int(self.status[X]), int(self.status[Z]), int(self.status[Y])

    # ------------------------------------------------------------------------------------------ doing

    def act(self, index: int, action: int, rules: Rules) -> None:
        """Carries out a primitive action; see `senses.Steps`.

        Raises:
            Failed: it takes a tool that is not in hand, or is out of reach.
            LuantiError: the server has ended.
        """
        del index
        kind, argument = (int(n) for n in rules.actions[action])
        ticks = max(1, round(self._carry_out(kind, argument)))
        self.status[CLOCK] += ticks

    def _carry_out(self, kind: int, argument: int) -> float:
        """Gives the ticks that it takes."""
        status = self.status
        if kind == TURN:
            status[FACING] = (status[FACING] + argument) % 4
        elif kind == LOOK_BY:
            status[PITCH] = np.clip(status[PITCH] + argument, 0, len(PITCHES) - 1)
        elif kind == WALK:
            return self._move("walk", (int(status[FACING]) + argument) % 4, WALKING_TICKS)
        elif kind == JUMP:
            return self._move("jump", int(status[FACING]), JUMPING_TICKS)
        elif kind == NOTHING:
            self._call("wait")
        elif kind == ATTACK:
            return self._dig()
        elif kind == PLACE:
            self._put(argument)
        elif kind == EQUIP:
            self._call("hold", item=self._name(numbers().items[argument]))
        elif kind == EAT:
            self._call("use", item=self._name(numbers().items[argument]))
        elif kind == DROP:
            self._call("drop", item=self._name(numbers().items[argument]))
        elif kind == USE:
            self._use()
        else:
            raise Failed("impossible", "This world has no such action.")
        return 1

    def craft(self, grid: list[str]) -> str:
        """Crafts once; `grid` has nine items, "" for an empty cell. Gives what went wrong, "" for nothing."""
        result = self._call("craft", grid=[self._name(item) if item else "" for item in grid])
        self.status[CLOCK] += 1
        return str(result.get("error") or "")

    def smelt(self, cell: Cell, item: str, count: int, fuel: str, fuel_count: int) -> int:
        """Smelts in the furnace in a cell; gives how many came out.

        Raises:
            Failed: there is no furnace.
        """
        x, y, z = self._there(cell)
        seconds = self._rules.smelting_seconds[item] * count
        result = self._call(
            "smelt",
            x=x,
            y=y,
            z=z,
            item=self._name(item),
            count=count,
            fuel=self._name(fuel),
            fuel_count=fuel_count,
            seconds=seconds * 4 + 60,
        )
        self.status[CLOCK] += max(1, round(TICKS_PER_SECOND * float(result.get("seconds") or 0)))
        if result.get("error"):
            raise Failed(
                "missing_station",
                f"The furnace could not be used: {result['error']} {result.get('why')}.",
                {FURNACE: 1},
            )
        return int(result.get("made") or 0)

    def _move(self, how: str, facing: int, ticks: int) -> float:
        step = STEPS[facing]
        result = self._call(how, x=int(step[0]), z=int(step[1]))
        return ticks if result.get("moved") else 1

    def _hit(self, liquids: bool) -> tuple[Cell, Cell | None] | None:
        """The first cell in view with something in it, and the one before it."""
        k = int(first_hit(self.levels, 0, liquids))
        if k == NOTHING_HIT:
            return None
        return self._view(k), self._view(k - 1) if k else None

    def _view(self, k: int) -> Cell:
        x, z, y = seen_cell(self.levels, 0, k)
        return int(x), int(z), int(y)

    def _dig(self) -> float:
        hit = self._hit(False)
        if hit is None:
            return 1
        x, y, z = self._there(hit[0])
        block = numbers().blocks[int(self.levels.blocks[(0, *hit[0])])]
        result = self._call("dig", x=x, y=y, z=z)
        if result.get("error") == "undiggable" and (tool := self._tool_at_hand(block)):
            # An Overworld's player may break by hand what takes a tool here.
            self._call("hold", item=self._name(tool))
            result = self._call("dig", x=x, y=y, z=z)
        if result.get("error") == "undiggable":
            raise Failed("missing_tool", f"What is in hand does not break {block}.")
        if result.get("error") == "unreachable":
            raise Failed("unreachable", "It is out of reach.")
        return TICKS_PER_SECOND * float(result.get("seconds") or 0)

    def _tool_at_hand(self, block: str) -> str:
        """A tool of the inventory that breaks a block by the game's rules; "" if there is none."""
        harvest = self._rules.rules.blocks[block].harvest
        held = {numbers().items[int(item)] for item in self.levels.slots[0, :, ITEM]}
        return min(held & harvest, default="")

    def _put(self, item: int) -> None:
        """As an Overworld's player places: see `player.place`."""
        name = self._name(numbers().items[item])
        x, z, y = self.place()
        blocks, flags = self.levels.blocks[0], tables().blocks
        hit = self._hit(False)
        pitch = int(self.status[PITCH])
        if pitch == 0:
            self._call("pile", item=name)
            return
        if pitch == 1 and (hit is None or hit[0] not in (self._view(0), self._view(1))):
            # A bridge: against the side of the block that the player stands on.
            above, under = self._view(1), (x, z, y - 1)
        elif hit is None:
            return
        elif not flags[blocks[hit[0]], SOLID]:
            a, b, c = hit[0]
            above, under = hit[0], (a, b, c - 1)
        elif hit[1] is None:
            return
        else:
            above, under = hit[1], hit[0]
        place = dict(zip("xyz", self._there(above), strict=True))
        self._call("place", item=name, under=dict(zip("xyz", self._there(under), strict=True)), **place)

    def _use(self) -> None:
        held = int(self.levels.slots[0, 0, ITEM])
        hit = self._hit(True)
        if held and hit is not None:
            self._call(
                "use",
                item=self._name(numbers().items[held]),
                **dict(zip("xyz", self._there(hit[0]), strict=True)),
            )

    # ------------------------------------------------------------------------------------------ mirroring

    def _name(self, item: str) -> str:
        """The game's name of an item.

        Raises:
            ValueError: it has none.
        """
        if item not in self._rules.items:
            raise ValueError(f"the game in the server has no {item}")
        return self._rules.items[item]

    def _there(self, cell: Cell) -> tuple[int, int, int]:
        """x, y, z of the game."""
        x, z, y = cell
        return x + self._corner[0], y + LOWEST, z + self._corner[1]

    def _call(self, do: str, seconds: float = 60.0, **arguments: Any) -> Result:
        """A command, and what is known afterwards."""
        result = self._bridge.call(do, seconds, **arguments)
        state = result.get("state")
        if state:
            self._take(state)
        return result

    def _load(self) -> None:
        """Has the box generated, and reads all of it."""
        x, z = self._corner
        low, high = (x, LOWEST, z), (x + SIDE - 1, LOWEST + HEIGHT - 1, z + SIDE - 1)
        result = self._bridge.call("load", 180.0, low=low, high=high)
        if result.get("error"):
            raise LuantiError(f"the server did not generate the map around {low}: {result['error']}")
        for first in range(0, SIDE, SLAB):
            top = (high[0], high[1], z + first + SLAB - 1)
            nodes = self._bridge.call("read", low=(x, LOWEST, z + first), high=top)["nodes"]
            # Nodes come x first, then y, then z.
            cells = self._blocks(nodes).reshape(SLAB, HEIGHT, SIDE).transpose(2, 0, 1)
            self.levels.blocks[0, :, first : first + SLAB] = cells
        self._read_biomes()

    def _read_biomes(self) -> None:
        middle = self._there((SIDE // 2, SIDE // 2, -LOWEST + 1))
        name = str(self._bridge.call("biome", **dict(zip("xyz", middle, strict=True))).get("biome") or "")
        self.levels.biomes[0] = name_table().biome(name)

    def _blocks(self, packed: str) -> NDArray[np.uint16]:
        # The engine writes base64 without its padding.
        numbers_of_nodes = np.frombuffer(zlib.decompress(base64.b64decode(packed + "==")), "<u2")
        return self._rules.blocks[np.minimum(numbers_of_nodes, len(self._rules.blocks) - 1)]

    def _take(self, state: Result) -> None:
        status, known = self.status, numbers().item
        x, y, z = (int(state[axis]) for axis in "xyz")
        status[X], status[Z], status[Y] = x - self._corner[0], z - self._corner[1], y - LOWEST
        status[HEALTH], status[HELD] = max(0, int(state["health"])), 0
        self._take_near(state["near"])
        slots = self.levels.slots[0]
        slots[...] = 0
        for number, (game, count, wear) in enumerate(state["slots"][:SLOTS]):
            item = known.get(self._rules.named.get(game, ""), 0)
            if item:
                slots[number, [ITEM, COUNT]] = item, int(count)
                slots[number, WORN] = int(wear) * int(tables().items[item, DURABILITY]) // WEAR
        counted = sum(int(slots[slots[:, ITEM] == known[name], COUNT].sum()) for name in self._wanted)
        if counted >= self._least:
            status[UNLOCKED] |= 1 << GOAL_BIT

    def _take_near(self, packed: str) -> None:
        x, z, y = self.place()
        width, height, depth = NEAR
        cells = self._blocks(packed).reshape(depth, height, width).transpose(2, 0, 1)
        first = np.array([x - width // 2, z - depth // 2, y - 8])
        size = np.array([width, depth, height])
        low = np.maximum(first, 0)
        high = np.minimum(first + size, (SIDE, SIDE, HEIGHT))
        if (low >= high).any():
            return
        a, b = low - first, high - first
        self.levels.blocks[0, low[0] : high[0], low[1] : high[1], low[2] : high[2]] = cells[
            a[0] : b[0], a[1] : b[1], a[2] : b[2]
        ]
