"""Every way to come by an item: mine, hunt, use, craft, smelt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from palaestra_worlds.overworld.rules import FURNACE, TABLE, Drop, Ingredient, Rules
from palaestra_worlds.structured import How


@dataclass(frozen=True, slots=True)
class Sources:
    """What a world has by itself, and what lives there; names."""

    blocks: frozenset[str]
    mobs: frozenset[str]

    @classmethod
    def of_game(cls, rules: Rules) -> Sources:
        """Everything in the game's Overworld outside structures, but for what takes silk touch."""
        return cls(frozenset(rules.natural), frozenset(rules.mobs))


@dataclass(frozen=True, slots=True)
class Way:
    """One way to come by an item.

    Attributes:
        how: what is done.
        makes: the item.
        count: how many come of doing it once; of chance, on average.
        source: block or mob that it is done to; "" for none.
        takes: what is used up.
        tools: one of them is needed, and wears; empty: none is.
        station: "crafting_table", "furnace" or "": what must be at hand, and stays.
        leaves: what comes back besides.
        note: the rest, in words.
    """

    how: How
    makes: str
    count: float
    source: str = ""
    takes: tuple[Ingredient, ...] = ()
    tools: tuple[str, ...] = ()
    station: str = ""
    leaves: tuple[str, ...] = ()
    note: str = ""


def all_ways(rules: Rules, sources: Sources) -> dict[str, tuple[Way, ...]]:
    """The ways to each item, in a world that has these sources; those of a missing ingredient included."""
    found: dict[str, list[Way]] = defaultdict(list)
    for way in (
        *_by_mining(rules, sources),
        *_by_hunting(rules, sources),
        *_by_use(rules, sources),
        *_by_crafting(rules),
        *_by_smelting(rules),
    ):
        found[way.makes].append(way)
    return {item: tuple(ways) for item, ways in found.items()}


def fuel_choices(rules: Rules) -> tuple[str, ...]:
    """All that burns."""
    return tuple(item.name for item in rules.items.values() if item.burns)


def _by_mining(rules: Rules, sources: Sources) -> Iterator[Way]:
    for name in sorted(sources.blocks):
        block = rules.block(name)
        if block.hardness is None:
            continue
        for drop in block.drops:
            tools = (drop.tool,) if drop.tool else tuple(sorted(block.harvest))
            yield Way("mine", drop.item, drop.mean, name, tools=tools, note=_odds(drop))


def _by_hunting(rules: Rules, sources: Sources) -> Iterator[Way]:
    for name in sorted(sources.mobs):
        for drop in rules.mobs[name].drops:
            yield Way("hunt", drop.item, drop.mean, name, note=_odds(drop))


def _odds(drop: Drop) -> str:
    return f"{100 * drop.chance:.3g} % of the time" if drop.chance < 1 else ""


def _by_use(rules: Rules, sources: Sources) -> Iterator[Way]:
    for use in rules.uses:
        if not use.at or use.at in sources.blocks | sources.mobs:
            takes = (Ingredient((use.takes,), 1),) if use.takes else ()
            yield Way("use", use.makes, use.count, use.at, (*takes, *use.besides), use.tools, note=use.note)


def _by_crafting(rules: Rules) -> Iterator[Way]:
    for recipe in rules.recipes:
        station = TABLE if recipe.needs_table else ""
        yield Way("craft", recipe.makes, recipe.count, takes=recipe.ingredients, station=station, leaves=recipe.leaves)


def _by_smelting(rules: Rules) -> Iterator[Way]:
    """Fuel is not among what they take: how much depends on which."""
    for product, inputs in rules.smelting.items():
        yield Way("smelt", product, 1, takes=(Ingredient(inputs, 1),), station=FURNACE)
