"""Growing wheat: tilling, sowing, helping it on with bone meal, reaping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import (
    ATTACK,
    BONE_MEAL,
    DIRT,
    FARMLAND,
    GRASS_BLOCK,
    PLACE,
    SEEDS,
    USE,
    WHEAT_BLOCK,
    WHEAT_ITEM,
)
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.go_up import go_up, is_underground
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.lower_ground import look_down_at, places_before
from palaestra_worlds.structured import StructuredAction

SOIL = (FARMLAND, DIRT, GRASS_BLOCK)


def farm(hands: Hands, action: StructuredAction) -> str:
    """Grows `count` wheat, a plant after the other on the same plot.

    Raises:
        Failed: seeds or bone meal are missing, or there is no soil.
    """
    if not hands.senses.has_fields:
        raise Failed("impossible", f"Nothing comes of using {action.tool} on {action.object} here.")
    before = hands.senses.count(WHEAT_ITEM)
    while hands.senses.count(WHEAT_ITEM) < before + action.count:
        item_at_hand(hands, "wheat_seeds")
        _go_to_soil(hands)
        hit = hands.senses.crosshair()
        if hit is not None and hit[1] in (DIRT, GRASS_BLOCK):
            hands.hold(item_at_hand(hands, action.tool))
            hands.do(USE)
        hands.do(PLACE, SEEDS)
        hit = hands.senses.crosshair()
        if hit is None or hit[1] != WHEAT_BLOCK:
            raise Failed("impossible", "Nothing could be sown here.")
        _help_on(hands)
        hands.do(ATTACK)
        hands.senses.look()
    return f"{hands.senses.count(WHEAT_ITEM) - before} wheat were reaped."


def _help_on(hands: Hands) -> None:
    """Bone meal, until no more is taken up: the wheat is ripe."""
    while True:
        hands.hold(item_at_hand(hands, "bone_meal"))
        before = hands.senses.count(BONE_MEAL)
        hands.do(USE)
        left = hands.senses.count(BONE_MEAL)
        # Once there is none left nobody knows whether it was enough.
        if left in (before, 0):
            return


def _go_to_soil(hands: Hands) -> None:
    if is_underground(hands):
        go_up(hands, None)
    for _ in range(4):
        if _look_at_soil(hands):
            return
        goals = _beside_soil(hands)
        if not len(goals) or not hands.travel(goals):
            break
    raise Failed("unreachable", "There is no soil nearby that could be tilled.")


def _look_at_soil(hands: Hands) -> bool:
    over = look_down_at(hands, SOIL, (0, WHEAT_BLOCK))
    if over is None:
        return False
    if hands.block(over) == WHEAT_BLOCK:
        hands.do(ATTACK)
    return True


def _beside_soil(hands: Hands) -> NDArray[np.int64]:
    """(G, 3): the nearest cells to stand on, beside soil at the same height."""
    hands.limits.think()
    seen = hands.senses.seen
    soil = np.isin(seen[:, :, :-2], np.array(SOIL) + 1) & (seen[:, :, 1:-1] == 1)
    return places_before(hands, hands.ground().kinds[seen], soil)
