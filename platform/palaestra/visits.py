"""Where agents were while they learned: counts over the picture of a level, for heat maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 96, 64
PARTS = 10
"""Tenths of the step budget, counted apart."""


class Visits:
    """Counts the places that a world tells.

    Attributes:
        counts: int64 (PARTS, ROWS, COLUMNS), after how many steps of each tenth of the budget an agent was there.
    """

    def __init__(self) -> None:
        self.counts = np.zeros((PARTS, ROWS, COLUMNS), np.int64)

    def add(self, places: NDArray[np.float64], progress: float) -> None:
        """Counts places (N, 2), x and y as shares of the picture; what is outside of it counts for its edge.

        Args:
            places: as `World.places` gives them.
            progress: share of the step budget spent, in [0, 1].
        """
        x = np.clip(places[:, 0] * COLUMNS, 0, COLUMNS - 1).astype(np.intp)
        y = np.clip(places[:, 1] * ROWS, 0, ROWS - 1).astype(np.intp)
        np.add.at(self.counts[min(int(progress * PARTS), PARTS - 1)], (y, x), 1)

    def state_dict(self) -> dict[str, Any]:
        return {"counts": self.counts.copy()}

    @staticmethod
    def of(state: dict[str, Any]) -> Visits:
        """What `state_dict` gave."""
        visits = Visits()
        visits.counts = np.array(state["counts"], dtype=np.int64)
        return visits
