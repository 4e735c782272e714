"""Crafting, smelting, and the table and furnace that they take."""

from __future__ import annotations

from collections.abc import Mapping

from palaestra_worlds.overworld.constants import CRAFT, FURNACE_BLOCK, FURNACE_ITEM, SMELT, TABLE_BLOCK, TABLE_ITEM
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import items_named
from palaestra_worlds.overworld.crafting import STATION_REACH
from palaestra_worlds.overworld.rules import FURNACE, TABLE, Recipe, load_rules
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.ways import fuel_choices
from palaestra_worlds.structured import StructuredAction, in_words

_STATIONS = {TABLE: (TABLE_BLOCK, TABLE_ITEM), FURNACE: (FURNACE_BLOCK, FURNACE_ITEM)}


def craft(hands: Hands, action: StructuredAction) -> str:
    """Makes `count` more of the object, at a table where one is needed."""
    names = [numbers().items[item] for item in items_named(action.object)]
    _check_material(action.material)
    recipes = [recipe for name in names for recipe in load_rules().recipes_for(name)]
    if not recipes:
        raise Failed("impossible", f"{action.object} can't be crafted.")
    made = 0
    station: Cell | None = None
    try:
        while made < action.count:
            recipe = _best(hands, recipes, action.material)
            lacking = _lacking(hands, recipe)
            if lacking:
                why = (
                    f"To craft {recipe.makes}, {in_words(lacking)} more must be at hand; {made} of {action.count} made."
                )
                raise Failed("missing_material", why, lacking)
            if recipe.needs_table and station is None:
                station = set_up(hands, TABLE)
            item = numbers().item[recipe.makes]
            before = hands.senses.count(item)
            hands.do(CRAFT, item)
            if hands.senses.count(item) <= before:
                raise Failed("no_room", f"There was no room for {recipe.makes}, or it could not be made.")
            made += hands.senses.count(item) - before
    finally:
        if not hands.is_over:
            take_along(hands, station)
    return f"{made} {action.object} were made."


def smelt(hands: Hands, action: StructuredAction) -> str:
    """Smelts `count` of the object in a furnace."""
    rules, known = load_rules(), numbers()
    item = next((item for item in items_named(action.object) if known.items[item] in rules.smelting), 0)
    if not item:
        raise Failed("impossible", f"{action.object} is not got by smelting.")
    _check_material(action.material)
    name = known.items[item]
    done = 0
    station: Cell | None = None
    try:
        while done < action.count:
            inputs = rules.smelting[name]
            if not any(hands.senses.count(known.item[one]) for one in inputs):
                needed = " or ".join(inputs[:4])
                why = f"To smelt {name}, {needed} must be at hand; {done} of {action.count} smelted."
                raise Failed("missing_material", why, {inputs[0]: action.count - done})
            if station is None:
                station = set_up(hands, FURNACE)
            before = hands.senses.count(item)
            hands.do(SMELT, item)
            if hands.senses.count(item) <= before:
                burning = ", ".join(fuel for fuel in fuel_choices(rules)[:4])
                why = f"There is too little fuel, e.g. {burning}; {done} of {action.count} were smelted."
                raise Failed("missing_fuel", why)
            done += 1
    finally:
        if not hands.is_over:
            take_along(hands, station)
    return f"{done} {name} were smelted."


def _check_material(material: Mapping[str, int]) -> None:
    for name in material:
        items_named(name)


def _best(hands: Hands, recipes: list[Recipe], material: Mapping[str, int]) -> Recipe:
    """The recipe for which least is missing; of those, the one that takes what was named."""

    def rank(recipe: Recipe) -> tuple[int, int]:
        strange = sum(not set(part.choices) & set(material) for part in recipe.ingredients) if material else 0
        return sum(_lacking(hands, recipe).values()), strange

    return min(recipes, key=rank)


def _lacking(hands: Hands, recipe: Recipe) -> dict[str, int]:
    """What is missing to make it once; of choices, the one of which most is at hand."""
    found: dict[str, int] = {}
    for part in recipe.ingredients:
        held = {name: hands.senses.count(numbers().item[name]) for name in part.choices}
        if sum(held.values()) < part.count:
            found[max(held, key=lambda name: held[name])] = part.count - sum(held.values())
    return found


def set_up(hands: Hands, station: str) -> Cell | None:
    """Sees to it that a table or furnace is at hand; gives the cell if one was put down for it.

    Raises:
        Failed: there is none.
    """
    block, item = _STATIONS[station]
    if hands.senses.is_easy and hands.senses.count(item):
        return None
    x, z, y = hands.senses.place
    reach = STATION_REACH
    near = hands.senses.seen[max(0, x - reach) : x + reach + 1, max(0, z - reach) : z + reach + 1]
    if (near[:, :, max(0, y - reach) : y + reach + 1] == block + 1).any():
        return None
    if not hands.senses.count(item):
        raise Failed("missing_station", f"It takes a {station}, and there is none at hand.", {station: 1})
    return hands.put_down(item)


def take_along(hands: Hands, cell: Cell | None) -> None:
    """Takes up again what was put down."""
    if cell is None:
        return
    try:
        hands.dig(cell)
    except Failed as failure:
        if failure.kind in FATAL:
            raise
