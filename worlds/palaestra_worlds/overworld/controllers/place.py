"""Putting a block down nearby."""

from __future__ import annotations

from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.tables import BLOCK, numbers, tables
from palaestra_worlds.structured import StructuredAction


def place(hands: Hands, action: StructuredAction) -> str:
    """Puts the object down, `count` times."""
    where: list[str] = []
    for _ in range(action.count):
        item = item_at_hand(hands, action.object)
        name = numbers().items[item]
        if not tables().items[item, BLOCK]:
            raise Failed("impossible", f"{name} is no block that can be put down.")
        x, z, y = hands.put_down(item)
        where.append(f"x {x}, z {z}, height {y}")
    return f"{action.object} was put down at {'; '.join(where[-3:])}."
