"""Fighting."""

from __future__ import annotations

from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import items_named
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.structured import StructuredAction


def attack(hands: Hands, action: StructuredAction) -> str:
    """There is nothing to fight yet."""
    if action.object not in load_rules().mobs:
        items_named(action.object)
    raise Failed("not_found", f"This world has no animals or monsters: {action.object} is not to be had by fighting.")
