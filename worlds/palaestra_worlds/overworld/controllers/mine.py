"""Breaking blocks until enough of what they leave is at hand."""

from __future__ import annotations

from palaestra_worlds.overworld.controllers.approach import AT_A_TIME, go_near
from palaestra_worlds.overworld.controllers.explore import Search
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import Wanted, items_named, wanted
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.tables import HARVESTS, TOOL, numbers, tables
from palaestra_worlds.structured import StructuredAction


def mine(hands: Hands, action: StructuredAction) -> str:
    """Finds and breaks blocks until `count` more of the object are at hand."""
    found = wanted(action.object)
    search = Search(hands, found)
    for item in found.items:
        hands.asked[item] = max(action.count, hands.asked.get(item, 0))
    before = at_hand(hands, found)
    while (gained := at_hand(hands, found) - before) < action.count:
        hands.kept = choose_tool(hands, found, action.tool)
        if not search.is_seen():
            try:
                search.run(action.strategy)
            except Failed as failure:
                failure.message += f" {gained} of {action.count} {found.name} were mined."
                raise
            continue
        targets = search.cells()[:AT_A_TIME]
        if not go_near(hands, targets, lambda: at_hand(hands, found) - before >= action.count):
            search.given_up.update(map(tuple, targets.tolist()))
            continue
        dug = 0
        for cell in map(tuple, targets.tolist()):
            if at_hand(hands, found) - before >= action.count:
                break
            if hands.block(cell) in found.blocks and _is_in_reach(hands, cell):
                tool = choose_tool(hands, found, action.tool)
                dug += _break(hands, cell, tool)
        if not dug:
            here = [cell for cell in map(tuple, targets.tolist()) if hands.aims(cell)]
            search.given_up.update(here or [tuple(targets[0].tolist())])
    return f"{gained} {found.name} were mined."


def at_hand(hands: Hands, found: Wanted) -> int:
    """How many items that count the player has."""
    return sum(hands.senses.count(item) for item in found.items)


def _is_in_reach(hands: Hands, cell: tuple[int, int, int]) -> bool:
    return any(len(between) <= 1 for _, _, between in hands.aims(cell)[:1])


def _break(hands: Hands, cell: tuple[int, int, int], tool: int) -> bool:
    """Clears what is before a block, and breaks it; whether it is gone."""
    was = hands.block(cell)
    try:
        for other in hands.aims(cell)[0][2]:
            hands.dig(other)
        hands.dig(cell, tool)
    except Failed as failure:
        if failure.kind in FATAL:
            raise
    return hands.block(cell) != was


def choose_tool(hands: Hands, found: Wanted, named: str) -> int:
    """The item to break these blocks with; 0: whatever is best.

    Raises:
        Failed: the tool is not at hand, or nothing would be left of the blocks.
    """
    arrays, known = tables(), numbers()
    needs = all(not arrays.breaking[block, 0, HARVESTS] for block in found.blocks)
    fitting = [
        name
        for name in load_rules().items
        if (column := int(arrays.items[known.item[name], TOOL]))
        and any(arrays.breaking[block, column, HARVESTS] for block in found.blocks)
    ]
    if named:
        chosen = next((item for item in items_named(named) if hands.senses.count(item)), 0)
        if needs and named not in fitting:
            why = f"{named} leaves nothing of {found.name}: {_one_of(fitting)}."
            raise Failed("missing_tool", why, {fitting[0]: 1})
        if not chosen:
            raise Failed("missing_tool", f"There is no {named} at hand.", {named: 1})
        return chosen if int(arrays.items[chosen, TOOL]) else 0
    if needs and not any(hands.senses.count(known.item[name]) for name in fitting):
        raise Failed("missing_tool", f"To mine {found.name}, {_one_of(fitting)}.", {fitting[0]: 1})
    return 0


def _one_of(tools: list[str]) -> str:
    return f"it takes one of {', '.join(tools)}"
