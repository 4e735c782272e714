"""How long an action may go on: ticks of the clock, cells thought about, and until somebody stops it."""

from __future__ import annotations

from collections.abc import Callable

from palaestra_worlds.overworld.controllers.failures import Failed, Stopped
from palaestra_worlds.overworld.senses import Senses

BASE_CELLS, CELLS_PER_TICK = 300_000, 100
"""Cells that an action may look at in its searches for ways, and how many more for each tick that it takes. What
leads somewhere looks at 10 to 50 for a tick; 300,000 take about two seconds."""
PASS_CELLS = 2_000
"""As much as going through the map of all that was seen counts for."""


def never() -> bool:
    """Nobody stops it."""
    return False


class Limits:
    """Of the running action.

    Args:
        senses: of the player.
    """

    def __init__(self, senses: Senses) -> None:
        self._senses = senses
        self.begin(None, never)

    def begin(self, ticks: int | None, stop: Callable[[], bool]) -> None:
        """A new action; see `StructuredPlayer.perform`."""
        senses = self._senses
        self._began, self._cells, self._stop = senses.clock, 0, stop
        self._deadline = senses.max_ticks if ticks is None else min(senses.max_ticks, senses.clock + ticks)

    def check(self) -> None:
        """Before a primitive action.

        Raises:
            Failed: the action's time is up.
            Stopped: somebody stopped it.
        """
        if self._stop():
            raise Stopped
        if self._senses.clock >= self._deadline:
            raise Failed("out_of_time", "The time for this action ran out.")

    def think(self, cells: int = PASS_CELLS) -> None:
        """Notes that so many cells were looked at.

        Raises:
            Failed: it were too many for what came of it.
            Stopped: somebody stopped it.
        """
        if self._stop():
            raise Stopped
        self._cells += cells
        ticks = self._senses.clock - self._began
        if self._cells > BASE_CELLS + CELLS_PER_TICK * ticks:
            why = f"The search for a way was given up after {self._cells:,} cells in {ticks:,} ticks"
            raise Failed("gave_up", f"{why}; go elsewhere, or for something else.")
