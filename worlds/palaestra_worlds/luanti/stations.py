"""Crafting and smelting by the game's own recipes, fuels and times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.luanti.game import Game
from palaestra_worlds.luanti.rules import TICKS_PER_SECOND, Crafting
from palaestra_worlds.overworld.constants import FURNACE_BLOCK
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.stations import set_up, take_along
from palaestra_worlds.overworld.paths import FREE, ROCK
from palaestra_worlds.overworld.rules import FURNACE, TABLE
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.registry import nearest
from palaestra_worlds.structured import StructuredAction, in_words

NEAR_BY = 4
"""Cells within which a furnace is used."""
MOST_PLACES = 64
"""Where there is room, how many are thought of."""


def craft(game: Game, hands: Hands, action: StructuredAction) -> str:
    """Makes `count` more of the object."""
    crafts = [one for name in _named(game, action.object) for one in game.rules.crafts.get(name, ())]
    _check_material(game, action.material)
    if not crafts:
        raise Failed("impossible", f"{action.object} can't be crafted in this game.")
    made = 0
    station: Cell | None = None
    try:
        while made < action.count:
            one = min(crafts, key=lambda one: _rank(hands, one, action.material))
            grid, lacking = _laid_out(hands, one, action.material)
            if lacking:
                why = f"To craft {one.makes}, {in_words(lacking)} more must be at hand; {made} of {action.count} made."
                raise Failed("missing_material", why, lacking)
            if one.recipe.needs_table and station is None:
                station = set_up(hands, TABLE)
            _check_time(hands)
            if error := game.craft(grid):
                raise Failed(
                    "no_room" if error == "no_room" else "impossible", f"{one.makes} could not be made: {error}."
                )
            made += one.count
    finally:
        if not hands.is_over:
            take_along(hands, station)
    return f"{made} {action.object} were made."


def smelt(game: Game, hands: Hands, action: StructuredAction) -> str:
    """Smelts `count` of the object in a furnace, which is put down where none is near."""
    smelting = game.rules.rules.smelting
    product = next((name for name in _named(game, action.object) if name in smelting), "")
    _check_material(game, action.material)
    if not product:
        raise Failed("impossible", f"{action.object} is not got by smelting in this game.")
    inputs = sorted(smelting[product], key=lambda name: name not in action.material)
    item = max(inputs, key=lambda name: (_count(hands, name) >= action.count, name in action.material))
    if _count(hands, item) < action.count:
        lacking = {item: action.count - _count(hands, item)}
        raise Failed("missing_material", f"To smelt {product}, {in_words(lacking)} more must be at hand.", lacking)
    fuel, pieces = _fuel(game, hands, item, action.count)
    station = _set_up_furnace(hands)
    try:
        _check_time(hands)
        cell = _furnace_near(hands)
        # The game puts it in place of grass or snow, and so not always where it was meant to go.
        station = cell if station else None
        made = game.smelt(cell, item, action.count, fuel, pieces)
    finally:
        if not hands.is_over:
            take_along(hands, station)
    hands.senses.look()
    if made < action.count:
        raise Failed("missing_fuel", f"The fire went out; {made} of {action.count} {product} were smelted.")
    return f"{made} {product} were smelted over {pieces} {fuel}."


def _named(game: Game, name: str) -> tuple[str, ...]:
    rules = game.rules.rules
    if name not in rules.items and name not in rules.old_names:
        hint = nearest(name, [*rules.items, *rules.old_names])
        raise Failed("unknown_item", f"No item is called '{name}'{hint}.")
    return rules.named(name)


def _check_material(game: Game, material: Mapping[str, int]) -> None:
    for name in material:
        _named(game, name)


def _check_time(hands: Hands) -> None:
    """Ends the action where its time is up, or somebody stopped it."""
    hands.limits.check()


def _count(hands: Hands, item: str) -> int:
    return hands.senses.count(numbers().item[item])


def _rank(hands: Hands, one: Crafting, material: Mapping[str, int]) -> tuple[int, int]:
    """Of recipes the one for which least is missing; of those, the one that takes what was named."""
    _, lacking = _laid_out(hands, one, material)
    strange = sum(not set(part.choices) & set(material) for part in one.recipe.ingredients) if material else 0
    return sum(lacking.values()), strange


def _laid_out(hands: Hands, one: Crafting, material: Mapping[str, int]) -> tuple[list[str], dict[str, int]]:
    """Nine cells with what is at hand, what was named first; and what is missing."""
    left: Counter[str] = Counter()
    for choices in one.cells:
        left.update({name: _count(hands, name) for name in choices if name not in left})
    grid: list[str] = []
    lacking: Counter[str] = Counter()
    for choices in one.cells:
        if not choices:
            grid.append("")
            continue
        item = max(choices, key=lambda name: (left[name] > 0, name in material, left[name]))
        if left[item] > 0:
            left[item] -= 1
        else:
            lacking[item] += 1
        grid.append(item)
    return grid, dict(lacking)


def _fuel(game: Game, hands: Hands, item: str, count: int) -> tuple[str, int]:
    """What is burnt, the least good that is enough, and how many pieces of it."""
    seconds = game.rules.smelting_seconds[item] * count
    known, rules = numbers().items, game.rules.rules
    enough: list[tuple[int, str, int]] = []
    for number, at_hand in hands.inventory().items():
        name = known[number]
        burns = rules.items[name].burns
        at_hand -= count if name == item else 0
        if burns:
            pieces = math.ceil(seconds * TICKS_PER_SECOND / burns)
            if pieces <= at_hand:
                enough.append((burns, name, pieces))
    if not enough:
        burning = ", ".join(name for name, one in rules.items.items() if one.burns)[:80]
        why = f"To smelt for {seconds:g} s, more fuel must be at hand, all of one kind, e.g. {burning}."
        raise Failed("missing_fuel", why)
    _, name, pieces = min(enough)
    return name, pieces


def _set_up_furnace(hands: Hands) -> Cell | None:
    """As `set_up`, and elsewhere where there is no room: water runs into holes here."""
    try:
        return set_up(hands, FURNACE)
    except Failed as failure:
        if failure.kind != "no_room" or not hands.travel(_roomy_places(hands)):
            raise
    return set_up(hands, FURNACE)


def _roomy_places(hands: Hands) -> NDArray[np.int64]:
    """(G, 3): cells where one can stand on dry ground next to more of it, the nearest of those that are known."""
    kinds = hands.ground().kinds[hands.senses.seen]
    stand = (kinds[:, :, :-2] >= ROCK) & (kinds[:, :, 1:-1] == FREE) & (kinds[:, :, 2:] == FREE)
    room = np.zeros_like(stand)
    room[:-1] |= stand[:-1] & stand[1:]
    room[:, :-1] |= stand[:, :-1] & stand[:, 1:]
    cells = np.argwhere(room) + np.array([0, 0, 1])
    here = np.array(hands.senses.place)
    far = np.abs(cells - here).sum(axis=1)
    return cells[far > 1][np.argsort(far[far > 1], kind="stable")][:MOST_PLACES]


def _furnace_near(hands: Hands) -> Cell:
    """The cell of one that is seen.

    Raises:
        Failed: there is none.
    """
    hands.senses.look(every=True)
    x, z, y = hands.senses.place
    reach = NEAR_BY
    for a in range(x - reach, x + reach + 1):
        for b in range(z - reach, z + reach + 1):
            for c in range(y - reach, y + reach + 1):
                if hands.block((a, b, c)) == FURNACE_BLOCK:
                    return a, b, c
    raise Failed("missing_station", "It takes a furnace, and there is none near.", {FURNACE: 1})
