"""The scripted teacher of an Overworld: its recipes, past what the prompt says was looked for in vain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache

from palaestra_worlds.overworld.goals import Goal, decompose
from palaestra_worlds.overworld.planning import OverworldKnowledge
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.technology import TechnologyTree, game_tree, technology_tree
from palaestra_worlds.overworld.ways import Sources
from palaestra_worlds.plan_answers import PlanOracle

WORTH_A_WAY_ROUND = 4.0
"""So much more effort another way may take; beyond that it is better to look again."""


class KnowledgeWithout(OverworldKnowledge):
    """What is known about an Overworld in which something is not to be found, as far as there is a way round it.

    Args:
        in_vain: blocks, mobs, or items that these leave.
    """

    def __init__(self, in_vain: frozenset[str]) -> None:
        self._sources = frozenset(filter(None, map(_source_of, in_vain)))

    def _goal(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str]
    ) -> tuple[Goal | None, TechnologyTree]:
        choices = load_rules().named(item)
        missing = _with_a_way_round(choices, self._sources)
        if not missing:
            return super()._goal(item, count, inventory, near)
        # Of what has been seen only the trees count: each set of names is a technology tree of its own to be made.
        tree = _tree(frozenset(block for block in near if block.endswith("_log")) - missing, missing)
        if sum(inventory.get(name, 0) for name in choices) >= count:
            return None, tree
        return decompose(tree, tree.easiest(choices), count, inventory), tree


def _source_of(name: str) -> str:
    """The block or mob that a name, or the easiest way to an item of that name, is about; "" for none."""
    rules = load_rules()
    if name in rules.natural or name in rules.mobs:
        return name
    way = game_tree().ways.get(name)
    return way.source if way else ""


@cache
def _with_a_way_round(items: tuple[str, ...], sources: frozenset[str]) -> frozenset[str]:
    """The blocks and mobs among these without which one of these items can still be come by."""

    def effort(missing: frozenset[str]) -> float:
        efforts = _tree(frozenset(), missing).effort
        return min((efforts.get(item, math.inf) for item in items), default=math.inf)

    worth = WORTH_A_WAY_ROUND * effort(frozenset())
    found: frozenset[str] = frozenset()
    for source in sorted(sources):
        if effort(found | {source}) <= worth:
            found |= {source}
    return found


@cache
def _tree(near: frozenset[str], missing: frozenset[str]) -> TechnologyTree:
    rules = load_rules()
    other_trees = {name for name in rules.natural if name.endswith("_log")} - near if near else set()
    blocks = rules.natural.keys() - missing - other_trees
    return technology_tree(rules, Sources(frozenset(blocks), frozenset(rules.mobs.keys() - missing)), near)


ORACLE = PlanOracle("Overworld", KnowledgeWithout)
