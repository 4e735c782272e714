"""Using items where nature is whole: on blocks that one puts down oneself, at the water, on bees' nests, on hens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import BEE_NEST, NOTHING, PLACE, USE
from palaestra_worlds.overworld.constants import WATER as WATER_BLOCK
from palaestra_worlds.overworld.controllers.approach import approach
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.explore import Search
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.lower_ground import look_down_at, places_before
from palaestra_worlds.overworld.controllers.mine import mine
from palaestra_worlds.overworld.controllers.names import blocks_to_see
from palaestra_worlds.overworld.paths import WATER
from palaestra_worlds.overworld.rules import Use, load_rules
from palaestra_worlds.overworld.tables import TOOL, numbers, tables
from palaestra_worlds.structured import StructuredAction

MOST_USES = 4
"""Of an item on the same block before it counts as vain."""
MOST_NESTS = 12


def use_of(action: StructuredAction) -> Use | None:
    """What is meant to come of using the tool on the object; None: nothing does."""
    for use in load_rules().uses:
        is_tool = action.tool in (use.takes, *use.tools)
        takes = not action.material or use.takes in ("", action.tool, *action.material)
        if is_tool and action.object in (use.at, use.takes) and takes:
            return use
    return None


def use(hands: Hands, action: StructuredAction, use: Use) -> str:
    """Uses the tool `count` times, as the rules' data say.

    Raises:
        Failed: something is missing, or nothing comes of it.
    """
    before = _count(hands, use.makes)
    for _ in range(action.count):
        hands.rest()
        if use.tools:
            item_at_hand(hands, action.tool)
        if use.takes:
            item_at_hand(hands, use.takes)
        if use.at == "water" and use.takes.endswith("_concrete_powder"):
            _harden(hands, action, use)
        elif use.at == "water":
            go_to_shore(hands)
            _use(hands, action.tool)
        elif use.at == "bee_nest":
            _empty_nest(hands, action, use)
        elif use.at:
            raise Failed("impossible", f"Nothing comes of using {action.tool} on {action.object} here.")
        elif use.tools:
            _use_on_own(hands, action, use)
        else:
            _use(hands, action.tool)
        if use.count >= 1 and _count(hands, use.makes) <= before:
            raise Failed("impossible", f"Nothing comes of using {action.tool} on {action.object} here.")
    return f"{_count(hands, use.makes) - before} {use.makes} were got."


def _count(hands: Hands, name: str) -> int:
    return hands.senses.count(numbers().item[name])


def _use(hands: Hands, tool: str) -> None:
    hands.hold(item_at_hand(hands, tool))
    hands.do(USE)
    hands.senses.look()


def _use_on_own(hands: Hands, action: StructuredAction, use: Use) -> None:
    """Puts the block down, uses the tool on it, and takes it up again."""
    block = numbers().block
    cell = hands.put_down(numbers().item[use.takes])
    hit = hands.senses.crosshair()
    if hit is None or hit[0] != cell:
        aims = hands.aims(cell)
        if aims:
            hands.turn_to(aims[0][0])
            hands.look_to(aims[0][1])
    before = _count(hands, use.makes)
    _use(hands, action.tool)
    hit = hands.senses.crosshair()
    tool = numbers().item[action.tool]
    if hit is not None and hit[0] == cell and hit[1] == block.get(use.makes):
        hands.dig(cell, tool if int(tables().items[tool, TOOL]) and hands.senses.count(tool) else 0)
    elif _count(hands, use.makes) <= before:
        hands.dig(cell)


def _harden(hands: Hands, action: StructuredAction, use: Use) -> None:
    """Puts powder into the water, and breaks what it has become."""
    go_to_shore(hands)
    powder = numbers().item[use.takes]
    before = hands.senses.count(powder)
    hands.do(PLACE, powder)
    hands.senses.look(every=True)
    if hands.senses.count(powder) == before:
        raise Failed("no_room", f"No {use.takes} could be put into the water.")
    mine(hands, StructuredAction(name="mine", object=use.makes, tool=action.tool))


def _empty_nest(hands: Hands, action: StructuredAction, use: Use) -> None:
    """Takes honey or combs from a nest; goes on to others where there is none, and waits when there was none in any."""
    found = blocks_to_see("bee_nest")
    before = _count(hands, use.makes)
    search = Search(hands, found)
    search.run(None)
    for _ in range(MOST_NESTS):
        cell = approach(hands, search)
        for facing, pitch, between in hands.aims(cell)[:1]:
            for other in between:
                hands.dig(other)
            hands.turn_to(facing)
            hands.look_to(pitch)
            hit = hands.senses.crosshair()
            while hit is not None and hit[0] != cell and hit[1] != BEE_NEST:
                hands.dig(hit[0])
                hands.turn_to(facing)
                hands.look_to(pitch)
                hit = hands.senses.crosshair()
            _use(hands, action.tool)
        if _count(hands, use.makes) > before:
            return
        search.given_up.add(cell)
        if not search.is_seen():
            search.given_up.clear()
            for _ in range(600):
                hands.do(NOTHING)


# ---------------------------------------------------------------------------------------------- at the water


def go_to_shore(hands: Hands) -> None:
    """Stands on firm ground with water before the feet and a cell lower, and looks down at it.

    Raises:
        Failed: there is no such place that can be reached.
    """
    if _look_at_water(hands):
        return
    search = Search(hands, blocks_to_see("water"))
    search.run(None)
    for _ in range(4):
        goals = _shores(hands)
        if len(goals) and hands.travel(goals) and _look_at_water(hands):
            return
        search.hands.senses.look(every=True)
        if not len(goals):
            break
    raise Failed("unreachable", "Water has been seen, but no shore of it could be reached.")


def _look_at_water(hands: Hands) -> bool:
    """Turns to the water before the feet, if there is any; whether there is."""
    return look_down_at(hands, (WATER_BLOCK,), (0,)) is not None


def _shores(hands: Hands) -> NDArray[np.int64]:
    """(G, 3): the nearest cells to stand on, with water before and below."""
    hands.limits.think()
    kinds = hands.ground().kinds[hands.senses.seen]
    return places_before(hands, kinds, (kinds[:, :, :-2] == WATER) & (hands.senses.seen[:, :, 1:-1] == 1))
