"""Digging a way down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.paths import DEEP, FIXED, LAVA, ROCK, UNSEEN, WATER
from palaestra_worlds.overworld.state import SIDE


def dig_to(hands: Hands, level: int, until: Callable[[], bool] | None = None) -> None:
    """Digs down to a height, straight where nothing can happen, else by stairs.

    Raises:
        Failed: no way down was found.
    """
    for _ in range(60):
        place = hands.senses.place
        if place[2] <= level or (until is not None and until()):
            return
        under = hands.kind((place[0], place[1], place[2] - 1))
        below = hands.kind((place[0], place[1], place[2] - 2))
        is_solid = under in (ROCK, UNSEEN) and below not in (LAVA, WATER)
        straight = is_solid and place[2] > DEEP and hands.senses.health > 8
        if straight and below != UNSEEN and below not in (ROCK, FIXED):
            straight = hands.resting_height((place[0], place[1], place[2] - 1)) > 0
        if straight and hands.step_to((place[0], place[1], place[2] - 1)):
            continue
        if hands.senses.place[2] < place[2]:
            continue
        if not _by_way(hands, level, until):
            raise Failed("unreachable", f"No safe way down to height {level} was found.")


def _by_way(hands: Hands, level: int, until: Callable[[], bool] | None) -> bool:
    x, z, y = hands.senses.place
    goal = max(level, y - 8)
    reach = np.arange(-6, 7)
    a, b = np.meshgrid(np.clip(x + reach, 0, SIDE - 1), np.clip(z + reach, 0, SIDE - 1))
    goals = np.column_stack([a.ravel(), b.ravel(), np.full(a.size, goal)]).astype(np.int64)
    return hands.travel(goals, until)
