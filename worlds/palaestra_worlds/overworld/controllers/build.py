"""Building a blueprint on level ground nearby."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import PLACE
from palaestra_worlds.overworld.controllers.arms import DOWN
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import items_named
from palaestra_worlds.overworld.paths import FIXED, FREE, GATE, ROCK, TALL, WATER
from palaestra_worlds.overworld.player import SIGHT
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.standing import places_to_reach
from palaestra_worlds.overworld.state import AHEAD, HEIGHT, PITCHES, SIDE, STEPS
from palaestra_worlds.overworld.tables import BLOCK, tables
from palaestra_worlds.structured import Blueprint, StructuredAction, in_words

SITES = 12
"""Cells around the player within which level ground is looked for."""
CLEARINGS = 3
"""Times that one goes round to take down what was piled up."""


def build(hands: Hands, action: StructuredAction) -> str:
    """Puts up the blueprint's blocks, layer by layer, each against what stands already.

    Raises:
        Failed: an item is missing, there is no level ground nearby, or a block can't be put where it belongs.
    """
    assert action.blueprint is not None
    blocks = [(right, ahead, up, item) for right, ahead, up, item in action.blueprint.cells()]
    _check_items(hands, [item for *_, item in blocks])
    origin = _site(hands, action.blueprint)
    waiting = [((origin[0] + right, origin[1] - ahead, origin[2] + up), item) for right, ahead, up, item in blocks]
    total = len(waiting)
    site = {cell for cell, _ in waiting}
    materials = {int(tables().items[item, BLOCK]) for *_, name in blocks for item in items_named(name)}
    hands.spare(materials, _ground_under(hands, site))
    hands.scaffold.clear()
    try:
        _clear_plants(hands, site)
        waiting = _put_all(hands, waiting, site)
        if waiting:
            # Who is walled in has to dig a way out.
            hands.spare(materials)
            waiting = _put_all(hands, waiting, site)
        if waiting:
            (x, z, y), item = waiting[0]
            why = f"{total - len(waiting)} of {total} blocks stand; no {item} could be put at x {x}, z {z}, height {y}."
            raise Failed("unreachable", why)
        _clear_away(hands, site)
    finally:
        hands.spare(())
    x, z, y = origin
    return f"{total} blocks stand from x {x}, z {z}, height {y} to the east and north."


def _ground_under(hands: Hands, site: set[Cell]) -> set[int]:
    """The blocks that a site stands on, which are not to be dug up on the way."""
    return {hands.block((x, z, min(y for *_, y in site) - 1)) for x, z, _ in site}


def _put_all(hands: Hands, waiting: list[tuple[Cell, str]], site: set[Cell]) -> list[tuple[Cell, str]]:
    """Puts all blocks, one after the other, for as long as there is one that can be put; gives what is left."""
    while waiting:
        left = [(cell, item) for cell, item in waiting if not _put(hands, cell, item, site)]
        if len(left) == len(waiting):
            break
        waiting = left
    return waiting


def _clear_plants(hands: Hands, site: set[Cell]) -> None:
    """Breaks what grows where something is to stand, or beside it: nothing can be put past it."""
    for x, z, y in sorted(cell for cell in site if (cell[0], cell[1], cell[2] - 1) not in site):
        for cell in [(x + a, z + b, y) for a in (-1, 0, 1) for b in (-1, 0, 1)]:
            if hands.kind(cell) != FREE or hands.block(cell) <= 0:
                continue
            goals = places_to_reach(hands.senses.seen, hands.ground(), np.array([cell], np.int64))
            if hands.travel(goals) and hands.aims(cell):
                hands.dig(cell)


def _clear_away(hands: Hands, site: set[Cell]) -> None:
    """Takes down what was piled up to reach higher, the highest first, and what was piled up in doing so."""
    for _ in range(CLEARINGS):
        standing = {cell for cell in hands.scaffold if hands.kind(cell) in (ROCK, FIXED)} - site
        for cell in sorted(standing, key=lambda cell: (-cell[2], cell)):
            goals = places_to_reach(hands.senses.seen, hands.ground(), np.array([cell], np.int64))
            if hands.travel(goals) and hands.aims(cell):
                hands.dig(cell)


def _check_items(hands: Hands, items: list[str]) -> None:
    lacking: dict[str, int] = {}
    for name, count in Counter(items).items():
        numbered = items_named(name)
        if not all(tables().items[item, BLOCK] for item in numbered):
            raise Failed("impossible", f"{name} is no block that can be put down.")
        missing = count - sum(hands.senses.count(item) for item in numbered)
        if missing > 0:
            lacking[name] = missing
    if lacking:
        raise Failed("missing_material", f"To build it, {in_words(lacking)} more must be at hand.", lacking)


def _site(hands: Hands, blueprint: Blueprint) -> Cell:
    """The south-west corner of level, open ground, known to be so, the nearest that is large enough."""
    wide = max(right for right, *_ in blueprint.cells()) + 1
    deep = max(len(layer) for layer in blueprint.layers)
    high = len(blueprint.layers)
    kinds = hands.ground().kinds[hands.senses.seen]
    x, z, y = hands.senses.place
    sites: list[tuple[int, Cell]] = []
    for a in range(max(1, x - SITES), min(SIDE - wide - 1, x + SITES)):
        for b in range(max(deep + 1, z - SITES), min(SIDE - 2, z + SITES)):
            for c in range(max(1, y - 4), min(HEIGHT - high - 3, y + 5)):
                ground = kinds[a - 1 : a + wide + 1, b - deep - 1 : b + 1, c - 1]
                room = kinds[a - 1 : a + wide + 1, b - deep - 1 : b + 1, c : c + high + 1]
                if (ground >= ROCK).all() and (room == FREE).all():
                    sites.append((abs(a - x) + abs(b - z) + 2 * abs(c - y), (a, b, c)))
    if not sites:
        why = f"No level, open ground of {wide + 2} by {deep + 2} cells was seen within {SITES} cells."
        raise Failed("no_room", why)
    return min(sites)[1]


def _put(hands: Hands, cell: Cell, name: str, site: set[Cell]) -> bool:
    """Puts one block where it belongs, if there is something to put it against; whether it stands."""
    wanted = {int(tables().items[item, BLOCK]) for item in items_named(name)}
    if hands.block(cell) in wanted:
        return True
    if hands.kind(cell) not in (FREE, WATER):
        return False
    stands = _stands(hands, cell, site)
    if not len(stands) or not hands.travel(stands):
        return False
    for facing, pitch in _views(hands, cell):
        item = item_at_hand(hands, name)
        hands.turn_to(facing)
        hands.look_to(pitch)
        hands.do(PLACE, item)
        hands.senses.look()
        if hands.block(cell) in wanted:
            hands.look_to(AHEAD)
            return True
    return False


def _lines(cell: Cell) -> list[tuple[Cell, int, int, list[Cell]]]:
    """(feet, facing, pitch, cells that must be open and a last one that must not) of all places to put it from."""
    x, z, y = cell
    found: list[tuple[Cell, int, int, list[Cell]]] = []
    for facing in range(4):
        along_x, along_z = int(STEPS[facing, 0]), int(STEPS[facing, 1])
        for pitch in range(1, len(PITCHES) - 1):
            sight = SIGHT[pitch].tolist()
            # Looking down past the ground's end builds a bridge instead.
            for k, (forward, up) in enumerate(sight[: 2 if pitch == DOWN else -1]):
                feet = (x - along_x * forward, z - along_z * forward, y - 1 - up)
                line = [
                    (feet[0] + along_x * far, feet[1] + along_z * far, feet[2] + 1 + above)
                    for far, above in sight[: k + 2]
                ]
                found.append((feet, facing, pitch, line))
        above = (x - along_x, z - along_z, y + 1)
        # From what stands beside it: a bridge.
        found.append((above, facing, DOWN, [(x, z, y + 1), cell, (above[0], above[1], y)]))
    return found


def _is_placed_at(hands: Hands, line: list[Cell]) -> bool:
    """Whether what is put down along a line of cells is held by the last of them, and nothing else is in the way."""
    return hands.kind(line[-1]) in (ROCK, FIXED, TALL, GATE) and all(hands.block(cell) == 0 for cell in line[:-1])


def _stands(hands: Hands, cell: Cell, site: set[Cell]) -> NDArray[np.int64]:
    """(G, 3): cells for the feet from which a block can be put into a cell; not where something is to stand."""
    found = [feet for feet, _, _, line in _lines(cell) if feet not in site and _is_placed_at(hands, line)]
    return np.array(sorted(set(found)), np.int64).reshape(-1, 3)


def _views(hands: Hands, cell: Cell) -> list[tuple[int, int]]:
    """Facings and pitches from here with which a block comes to be in a cell."""
    here = hands.senses.place
    return [
        (facing, pitch) for feet, facing, pitch, line in _lines(cell) if feet == here and _is_placed_at(hands, line)
    ]
