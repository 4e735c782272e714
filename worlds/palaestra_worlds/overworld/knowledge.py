"""What can be known about items, in words: for prompts, and as the `info` of a goal."""

from __future__ import annotations

from palaestra_worlds.overworld.rules import EVERYWHERE, Ingredient, Rules
from palaestra_worlds.overworld.technology import TechnologyTree
from palaestra_worlds.overworld.ways import Way

MOST_CHOICES = 3
"""Of equally good items, how many are named."""


def where_to_find(rules: Rules, way: Way) -> str:
    """Where that is which a way starts from; "" for what is made of items."""
    if way.source in rules.mobs:
        mob = rules.mobs[way.source]
        when = ", at night or in the dark" if mob.dark else ""
        return f"{way.source}: {_places(mob.places)}{when}"
    if way.source in rules.natural:
        natural = rules.natural[way.source]
        depth = f", between heights {natural.heights[0]} and {natural.heights[1]}" if natural.heights else ""
        return f"{way.source}: {_places(natural.places)}{depth}"
    return ""


def explain_way(rules: Rules, way: Way) -> str:
    """A way in one sentence, e.g. "craft 4 stick: 2 oak_planks or spruce_planks or ... ."."""
    needs = [_ingredient(part) for part in way.takes]
    if way.tools:
        needs.append(f"in hand {_choice(way.tools)}")
    if way.station:
        needs.append(f"a {way.station}")
    if way.how == "smelt":
        needs.append("fuel")
    count = f"{way.count:g} " if way.count > 1 else ""
    words = f"{way.how} {count}{way.makes}"
    if where := where_to_find(rules, way):
        words += f" ({where})"
    if needs:
        words += f": takes {', '.join(needs)}"
    return words + (f" ({way.note})" if way.note else "")


def explain_item(tree: TechnologyTree, item: str) -> tuple[str, ...]:
    """Every way to an item in words, the easiest first; of an item that can't be come by, that it can't.

    Raises:
        UnknownItem: there is no such item.
    """
    tree.rules.item(item)
    if item not in tree.effort:
        return (f"{item} can't be come by here",)
    best = tree.ways[item]
    others = [way for way in tree.all_ways[item] if way != best and tree.is_possible(way)]
    return tuple(explain_way(tree.rules, way) for way in (best, *others))


def _places(places: tuple[str, ...]) -> str:
    return "everywhere" if EVERYWHERE in places else "in " + ", ".join(places)


def _ingredient(part: Ingredient) -> str:
    return f"{part.count} {_choice(part.choices)}"


def _choice(items: tuple[str, ...]) -> str:
    return " or ".join(items[:MOST_CHOICES]) + (" or the like" if len(items) > MOST_CHOICES else "")
