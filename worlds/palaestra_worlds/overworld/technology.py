"""The technology tree: which items can be come by in a world, and the easiest way to each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from palaestra_worlds.overworld.rules import EVERYWHERE, Rules, load_rules
from palaestra_worlds.overworld.ways import Sources, Way, all_ways, fuel_choices
from palaestra_worlds.registry import nearest

# What doing something once is thought to cost, in seconds of an experienced player; only their order matters.
SECONDS = {"craft": 1.0, "smelt": 10.0, "use": 60.0, "mine": 20.0, "hunt": 40.0}
SECONDS_IN_SOME_BIOMES, SECONDS_IN_THE_DARK = 200.0, 90.0
SECONDS_BY_SHARE = 1e5
"""Of an ore, divided by its blocks in a million."""


class Unobtainable(ValueError):
    """An item that can't be come by in a world; the message says so and names what can."""


@dataclass(frozen=True)
class TechnologyTree:
    """What can be come by.

    Attributes:
        rules: the data it was made from.
        effort: of each item that can be come by: an additive estimate in seconds. Always more than that of anything
            that its way needs, so that following ways down always ends.
        ways: the easiest way to each.
        all_ways: all ways to each item, those of a missing ingredient included.
    """

    rules: Rules
    effort: dict[str, float]
    ways: dict[str, Way]
    all_ways: dict[str, tuple[Way, ...]]

    @property
    def items(self) -> tuple[str, ...]:
        """All of them, the easiest first."""
        return tuple(sorted(self.effort, key=lambda item: (self.effort[item], item)))

    @property
    def old_names(self) -> tuple[str, ...]:
        """The names of before version 1.13 that these items had: Ghost in the Minecraft counts by them."""
        return tuple(old for old, items in self.rules.old_names.items() if any(item in self.effort for item in items))

    def easiest(self, choices: tuple[str, ...]) -> str:
        """The one of some items that is easiest to come by.

        Raises:
            Unobtainable: none can be come by.
        """
        possible = [item for item in choices if item in self.effort]
        if not possible:
            named = " or ".join(choices[:3])
            raise Unobtainable(f"there is no way to come by {named} here{nearest(choices[0], self.effort)}")
        return min(possible, key=lambda item: self.effort[item])

    def way(self, item: str) -> Way:
        """The easiest way to an item.

        Raises:
            UnknownItem: there is no such item.
            Unobtainable: it can't be come by.
        """
        self.rules.item(item)
        return self.ways[self.easiest((item,))]

    def is_possible(self, way: Way) -> bool:
        """Whether all that a way needs can be come by."""
        return math.isfinite(_needed_effort(way, self.effort, fuel_choices(self.rules)))


def technology_tree(rules: Rules, sources: Sources, near: frozenset[str] = frozenset()) -> TechnologyTree:
    """What can be come by in a world that has these sources, some of which are known to be near."""
    every = all_ways(rules, sources)
    ways = [way for choices in every.values() for way in choices]
    own = {way: _own_effort(rules, way, way.source in near) for way in ways}
    fuels = fuel_choices(rules)
    effort: dict[str, float] = {}
    best: dict[str, Way] = {}
    changed = True
    while changed:
        changed = False
        for way in ways:
            seconds = own[way] + _needed_effort(way, effort, fuels)
            if seconds < effort.get(way.makes, math.inf):
                effort[way.makes], best[way.makes] = seconds, way
                changed = True
    return TechnologyTree(rules, effort, best, every)


@cache
def game_tree() -> TechnologyTree:
    """Of the game's whole Overworld: no trading, chests, structures, silk touch or other dimensions."""
    rules = load_rules()
    return technology_tree(rules, Sources.of_game(rules))


NOT_HERE = {
    "phantom": "comes to who has not slept for three nights, which this world does not count",
}
"""What the game has outside structures and the richest of our worlds (`nature: whole`, with all mobs and a homestead)
has not, and why."""


@cache
def world_tree() -> TechnologyTree:
    """Of the richest of our worlds."""
    rules = load_rules()
    whole = Sources.of_game(rules)
    return technology_tree(rules, Sources(whole.blocks - NOT_HERE.keys(), whole.mobs - NOT_HERE.keys()))


def _needed_effort(way: Way, effort: dict[str, float], fuels: tuple[str, ...]) -> float:
    """Of all that a way needs, once each; infinite if something can't be come by yet."""
    needed = [part.choices for part in way.takes]
    if way.tools:
        needed.append(way.tools)
    if way.station:
        needed.append((way.station,))
    if way.how == "smelt":
        needed.append(fuels)
    return sum(min((effort.get(item, math.inf) for item in choices), default=math.inf) for choices in needed)


def _own_effort(rules: Rules, way: Way, is_near: bool) -> float:
    seconds = SECONDS[way.how]
    if way.how in ("craft", "smelt"):
        return seconds
    if is_near:
        return seconds / min(1.0, way.count)
    places: tuple[str, ...] = ()
    if way.source in rules.mobs:
        mob = rules.mobs[way.source]
        places = mob.places
        if mob.dark:
            seconds += SECONDS_IN_THE_DARK * 100 / mob.weight
    elif way.source in rules.natural:
        natural = rules.natural[way.source]
        places = natural.places
        if natural.share:
            seconds += SECONDS_BY_SHARE / natural.share
    if places and EVERYWHERE not in places:
        seconds += SECONDS_IN_SOME_BIOMES / len(places)
    return seconds / min(1.0, way.count)
