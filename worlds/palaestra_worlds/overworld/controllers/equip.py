"""Taking an item in hand."""

from __future__ import annotations

from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import items_named
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.structured import StructuredAction


def item_at_hand(hands: Hands, name: str) -> int:
    """The item of that name of which one is at hand.

    Raises:
        Failed: there is none.
    """
    items = items_named(name)
    found = next((item for item in items if hands.senses.count(item)), 0)
    if not found:
        raise Failed("missing_material", f"There is no {name} at hand.", {numbers().items[items[0]]: 1})
    return found


def equip(hands: Hands, action: StructuredAction) -> str:
    """Takes the object in hand."""
    item = item_at_hand(hands, action.object)
    hands.hold(item)
    return f"{numbers().items[item]} is in hand."
