"""Policies that drive both sides of a comparison of Crafter into what a random player hardly ever meets.

Each is a function of the reference and a random generator that gives an action. The scripted player, which gets as far
as a diamond, is a class of its own: `palaestra_worlds.crafter.player`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from palaestra_worlds.crafter.character import ACTIONS, DO, MOVE, PLACE, SLEEP
from palaestra_worlds.crafter.state import AREA

from palaestra.bench.crafter_reference import Reference

Policy = Callable[[Reference, np.random.Generator], int]


def at_random(reference: Reference, random: np.random.Generator) -> int:
    return int(random.integers(len(ACTIONS)))


def fighter(reference: Reference, random: np.random.Generator) -> int:
    """Walks up to the nearest creature and hits it."""
    player: Any = reference._player
    objects: list[Any] = reference._world.objects
    others = [found for found in objects if found is not player]
    if not others or random.random() < 0.1:
        return at_random(reference, random)
    dx, dy = min((found.pos - player.pos for found in others), key=lambda offset: abs(offset).sum()).tolist()
    if tuple(player.facing) == (dx, dy):
        return DO
    along_x = abs(dx) > abs(dy)
    return MOVE + ((0 if dx < 0 else 1) if along_x else (2 if dy < 0 else 3))


def sleeper(reference: Reference, random: np.random.Generator) -> int:
    """Sleeps wherever it is, day and night."""
    return SLEEP if random.random() < 0.9 else DO if random.random() < 0.5 else at_random(reference, random)


def wanderer_of_borders(reference: Reference, random: np.random.Generator) -> int:
    """Keeps to the left and upper border, then to the right and lower one, and works there."""
    player: Any = reference._player
    toward = (0, 2) if int(reference._step or 0) % 600 < 300 else (1, 3)
    if random.random() < 0.3:
        return int(random.choice([DO, *range(PLACE, len(ACTIONS))]))
    if not 0 < player.pos[0] < AREA - 1 and random.random() < 0.7:
        return MOVE + int(random.integers(2, 4))
    return MOVE + int(random.choice([*toward, *toward, 0, 1, 2, 3]))


def builder(reference: Reference, random: np.random.Generator) -> int:
    """Digs, places and makes whatever can be."""
    kind = random.random()
    if kind < 0.45:
        return int(random.integers(MOVE, DO))
    if kind < 0.7:
        return DO
    return int(random.integers(PLACE, len(ACTIONS)))
