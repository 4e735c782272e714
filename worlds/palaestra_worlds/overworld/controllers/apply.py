"""Using an item on something, and eating."""

from __future__ import annotations

import numpy as np

from palaestra_worlds.overworld.constants import BUCKET, EAT, LAVA, USE, WATER
from palaestra_worlds.overworld.controllers.approach import AT_A_TIME, go_near
from palaestra_worlds.overworld.controllers.attack import gather, use_on_mob
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.explore import Search
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.farm import farm
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import blocks_to_see
from palaestra_worlds.overworld.controllers.using import use, use_of
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.state import FULL
from palaestra_worlds.overworld.tables import FOOD_POINTS, numbers, tables
from palaestra_worlds.structured import StructuredAction


def apply(hands: Hands, action: StructuredAction) -> str:
    """Eats the object, or uses the tool on it."""
    if action.object in load_rules().mobs:
        return use_on_mob(hands, action) if action.tool else gather(hands, action)
    if not action.tool:
        return _eat(hands, action)
    rule = use_of(action)
    if rule is not None and rule.makes == "wheat":
        return farm(hands, action)
    if rule is not None and hands.senses.is_whole and rule.takes != "bucket":
        return use(hands, action, rule)
    item = item_at_hand(hands, action.tool)
    name = numbers().items[item]
    found = blocks_to_see(action.object)
    liquid = found.blocks & {WATER, LAVA}
    if item != BUCKET or not liquid:
        raise Failed("impossible", f"Nothing comes of using {name} on {action.object} here.")
    for _ in range(action.count):
        item_at_hand(hands, action.tool)
        _fill(hands, Search(hands, found))
    return f"{action.count} {action.object}_bucket filled."


def _eat(hands: Hands, action: StructuredAction) -> str:
    eaten = 0
    for _ in range(action.count):
        item = item_at_hand(hands, action.object)
        if not tables().items[item, FOOD_POINTS]:
            raise Failed("impossible", f"{action.object} can't be eaten; to use something on it, name the tool.")
        if hands.senses.food >= FULL:
            break
        hands.do(EAT, item)
        eaten += 1
    return f"{eaten} {action.object} were eaten; food is {hands.senses.food} of {FULL}."


def _fill(hands: Hands, search: Search) -> None:
    """Fills a bucket at the nearest liquid that can be reached."""
    name = search.found.name
    search.run(None)
    full = numbers().item[f"{name}_bucket"]
    for _ in range(8):
        cells = search.cells()[: 4 * AT_A_TIME]
        if not len(cells):
            break
        # Liquids are seen from above: only surfaces, and the nearest first.
        open_above = [hands.block((x, z, y + 1)) == 0 for x, z, y in cells.tolist()]
        targets = cells[np.array(open_above)][:AT_A_TIME] if any(open_above) else cells[:AT_A_TIME]
        if go_near(hands, targets):
            for cell in map(tuple, targets.tolist()):
                before = hands.senses.count(full)
                for facing, pitch, between in hands.aims(cell)[:1]:
                    if between:
                        continue
                    hands.hold(BUCKET)
                    hands.turn_to(facing)
                    hands.look_to(pitch)
                    hands.do(USE)
                    hands.senses.look()
                if hands.senses.count(full) > before:
                    return
        search.given_up.update(map(tuple, targets.tolist()))
    raise Failed("unreachable", f"{name} has been seen, but could not be reached.")
