"""Going to something that has been seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.controllers.explore import Search
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.go_up import go_up, is_underground
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.prey import in_sight, keep_up, prey_named
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.standing import places_to_reach

FAR_ABOVE = 8
"""Cells: for what is higher one first comes up to the open sky; a way through that much rock takes long to find."""
AT_A_TIME = 48
"""Of the nearest seen, how many are thought of."""


def go_near(hands: Hands, targets: NDArray[np.int64], until: Callable[[], bool] | None = None) -> bool:
    """Goes to where one of some cells (T, 3) can be reached by hand; whether that was possible."""
    if int(targets[0, 2]) > hands.senses.place[2] + FAR_ABOVE and is_underground(hands):
        try:
            go_up(hands, None)
        except Failed as failure:
            if failure.kind in FATAL:
                raise
    goals = places_to_reach(hands.senses.seen, hands.ground(), targets)
    return hands.travel(goals, until)


def approach(hands: Hands, search: Search) -> tuple[int, int, int]:
    """Goes to the nearest of what is sought; gives the cell.

    Raises:
        Failed: none has been seen, or none can be reached.
    """
    name = search.found.name
    if not search.is_seen():
        raise Failed("not_found", f"No {name} has been seen; explore first.")
    while search.is_seen():
        targets = search.cells()[:AT_A_TIME]
        if go_near(hands, targets):
            for cell in map(tuple, targets.tolist()):
                if hands.block(cell) in search.found.blocks and hands.aims(cell):
                    return cell
        search.given_up.update(map(tuple, targets.tolist()))
    raise Failed("unreachable", f"A {name} has been seen, but no safe way leads to it.")


def approach_mob(hands: Hands, name: str) -> Cell:
    """Goes to the nearest mob of a kind that is in sight, until it can be reached by hand; gives its cell.

    Raises:
        Failed: none is in sight, or none can be reached.
    """
    prey = prey_named(name)
    found: list[Cell] = []
    vain: Counter[int] = Counter()
    while (mob := in_sight(hands, prey, vain)) is not None:
        if keep_up(hands, mob, lambda now: not found.append(now.cell)):
            return found[-1]
        vain[mob.place] += 1
    if vain:
        raise Failed("unreachable", f"A {name} has been seen, but got away.")
    raise Failed("not_found", f"No {name} is in sight; explore first.")
