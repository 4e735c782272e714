"""Putting a block down nearby."""

from __future__ import annotations

from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.hands import Failed, Hands
from palaestra_worlds.overworld.tables import BLOCK, numbers, tables
from palaestra_worlds.structured import StructuredAction


def place(hands: Hands, action: StructuredAction) -> str:
    """Puts the object down, `count` times."""
    for _ in range(action.count):
        item = item_at_hand(hands, action.object)
        name = numbers().items[item]
        if not tables().items[item, BLOCK]:
            raise Failed("impossible", f"{name} is no block that can be put down.")
        x, z, y = hands.put_down(item)
    return f"{name} was put down at x {x}, z {z}, height {y}."
