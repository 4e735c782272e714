"""What all controllers share: arms, and walking a way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import JUMP, NOTHING, PLACE, WALK
from palaestra_worlds.overworld.controllers.arms import DOWN, SLIGHTLY_DOWN, STRAIGHT_DOWN, Arms
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.paths import FIXED, FREE, LAVA, ROCK, SAFE_FALL, UNSEEN, WATER, Way, find_way
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import HEIGHT, STEPS

STRAIGHT = 10.0
"""Weight of the guess of what is left where the quickest way takes too long to find: through rock, nearly straight."""
_LOST_TRIES = 14
"""Ways that are begun anew when something unforeseen is met, before one gives up."""


class Hands(Arms):
    """Walking, on top of turning, digging and placing."""

    def way_to(self, goals: NDArray[np.int64], most: int = 60_000) -> Way | None:
        """The quickest way to the nearest of some cells.

        Raises:
            Failed: the action has looked at too many cells.
        """
        if not len(goals):
            return None
        seen, place = self.senses.seen, self.senses.place
        ground, has_blocks = self.ground(), self.filler() > 0
        way, looked = find_way(seen, ground, place, goals, has_blocks, most)
        self.limits.think(looked)
        if way is None and looked >= most:
            way, looked = find_way(seen, ground, place, goals, has_blocks, most, weight=STRAIGHT)
            self.limits.think(looked)
        return way

    def travel(self, goals: NDArray[np.int64], until: Callable[[], bool] | None = None, most: int = 60_000) -> bool:
        """Goes to the nearest of some cells, or until something holds; gives whether it got there.

        Args:
            goals: (G, 3) cells for the feet.
            until: looked at after each step.
            most: cells to look at in the search for a way.
        """
        wanted = {tuple(goal) for goal in goals.tolist()}
        self.rest()
        for _ in range(_LOST_TRIES):
            if self.senses.place in wanted or (until is not None and until()):
                return True
            way = self.way_to(goals, most)
            if way is None:
                return False
            for cell in way.cells:
                if not self.step_to(cell):
                    break
                if until is not None and until():
                    return True
        return self.senses.place in wanted

    def put_down(self, item: int) -> Cell:
        """As `Arms.put_down`; where there is no room, as in deep water, one goes to firm ground first."""
        try:
            return super().put_down(item)
        except Failed as failure:
            if failure.kind != "no_room" or not self.travel(self._firm_ground()):
                raise
        return super().put_down(item)

    def _firm_ground(self) -> NDArray[np.int64]:
        """(G, 3): the nearest cells to stand on, other than here."""
        self.limits.think()
        kinds = self.ground().kinds[self.senses.seen]
        dry = (kinds[:, :, :-2] == ROCK) & (kinds[:, :, 1:-1] == FREE) & (kinds[:, :, 2:] == FREE)
        cells = np.argwhere(dry) + np.array([0, 0, 1])
        far = np.abs(cells - np.array(self.senses.place)).sum(axis=1)
        fits = (far > 0) & (cells[:, 2] < HEIGHT - 2)
        return cells[fits][np.argsort(far[fits], kind="stable")[:64]].astype(np.int64)

    def step_to(self, cell: Cell) -> bool:
        """One step of a way; whether one stands there then."""
        x, z, y = self.senses.place
        a, b, c = cell
        try:
            if (a, b) == (x, z):
                if c > y:
                    self._rise()
                else:
                    self._sink()
            elif abs(a - x) + abs(b - z) == 1:
                facing = [tuple(step) for step in STEPS.tolist()].index((a - x, b - z))
                if c > y:
                    self._climb(facing, a, b, y)
                else:
                    self._advance(facing, cell)
        except Failed as failure:
            if failure.kind in FATAL:
                raise
            return False
        return self.senses.place == cell

    def _moved(self) -> None:
        self.senses.look()

    def _rise(self) -> None:
        x, z, y = self.senses.place
        if self.kind((x, z, y)) == WATER:
            self._clear((x, z, y + 2))
            self.do(JUMP)
        else:
            self._clear((x, z, y + 2))
            block = self.filler()
            if not block:
                raise Failed("missing_material", "There is nothing to pile up.")
            self.look_to(STRAIGHT_DOWN)
            self.do(PLACE, block)
            self.scaffold.append((x, z, y))
        self._moved()

    def _sink(self) -> None:
        x, z, y = self.senses.place
        if self.kind((x, z, y - 1)) == WATER:
            self.do(NOTHING)
        else:
            self.dig((x, z, y - 1))
        self._moved()

    def _climb(self, facing: int, a: int, b: int, y: int) -> None:
        x, z, _ = self.senses.place
        for cell in ((x, z, y + 2), (a, b, y + 2), (a, b, y + 1)):
            self._clear(cell)
        self.turn_to(facing)
        for _ in range(2):
            # Out of water it may take one jump to the surface and one onto the shore.
            before = self.senses.place
            self.do(JUMP)
            self._moved()
            if self.senses.place[:2] != before[:2] or self.senses.place == before:
                return

    def _advance(self, facing: int, cell: Cell) -> None:
        a, b, c = cell
        y = self.senses.place[2]
        cells = [(a, b, y + 1), (a, b, y)]
        if self.senses.pitch <= SLIGHTLY_DOWN:
            cells.reverse()
        for other in cells:
            self._clear(other)
        if c == y - 1 and self.kind((a, b, c)) in (ROCK, UNSEEN):
            self._clear((a, b, c))
        floor = self.kind((a, b, y - 1))
        if floor == UNSEEN:
            self.senses.look(every=True)
            floor = self.kind((a, b, y - 1))
        if c == y and floor in (FREE, LAVA) and self.kind((a, b, y)) != WATER:
            self._bridge(facing, (a, b, y - 1))
        elif self.resting_height((a, b, y)) < 0:
            return
        self.do(WALK, (facing - self.senses.facing) % 4)
        self._moved()
        while self.senses.place[:2] == (a, b) and self.senses.place[2] < c and self.kind(self.senses.place) == WATER:
            below = self.senses.place[2]
            self.do(JUMP)
            self._moved()
            if self.senses.place[2] <= below:
                return

    def _bridge(self, facing: int, cell: Cell) -> None:
        block = self.filler()
        if not block:
            raise Failed("missing_material", "There is nothing to bridge with.")
        self.turn_to(facing)
        self.look_to(DOWN)
        self.do(PLACE, block)
        self.scaffold.append(cell)
        self._moved()
        if self.kind(cell) not in (ROCK, FIXED):
            raise Failed("unreachable", "No bridge could be built.")

    def _clear(self, cell: Cell) -> None:
        if self.kind(cell) == LAVA:
            raise Failed("unreachable", "There is lava in the way.")
        if self.kind(cell) in (ROCK, UNSEEN, FIXED) and cell[2] < HEIGHT:
            self.dig(cell)
        if self.kind(cell) == LAVA:
            raise Failed("unreachable", "There is lava behind.")

    def resting_height(self, cell: Cell) -> int:
        """Where one who steps into a cell comes to rest; -1: harmfully, or nobody knows."""
        x, z, y = cell
        for fallen in range(24):
            below = self.kind((x, z, y - fallen - 1))
            if below in (ROCK, FIXED):
                return y - fallen if fallen <= SAFE_FALL else -1
            if below == WATER:
                return y - fallen - 1
            if below != FREE:
                return -1
        return -1
