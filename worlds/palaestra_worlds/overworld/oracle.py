"""The scripted teacher of an Overworld: its recipes, past what the prompt says was looked for in vain."""

from __future__ import annotations

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
        self._missing = _with_a_way_round(in_vain)

    @property
    def items(self) -> tuple[str, ...]:
        return _tree(frozenset(), self._missing).items

    def _goal(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str]
    ) -> tuple[Goal | None, TechnologyTree]:
        if not self._missing:
            return super()._goal(item, count, inventory, near)
        choices = load_rules().named(item)
        tree = _tree(frozenset(load_rules().natural.keys() & set(near)), self._missing)
        if sum(inventory.get(name, 0) for name in choices) >= count:
            return None, tree
        return decompose(tree, tree.easiest(choices), count, inventory), tree


@cache
def _with_a_way_round(in_vain: frozenset[str]) -> frozenset[str]:
    """The blocks and mobs among these, or that leave these items, without which all else can still be come by."""
    game = game_tree()
    found: set[str] = set()
    for name in in_vain:
        way = game.ways.get(name)
        source = name if name in load_rules().natural or name in load_rules().mobs else way.source if way else ""
        products = [item for item, best in game.ways.items() if source and best.source == source]
        others = _tree(frozenset(), frozenset({source})).effort if products else {}
        if products and all(others.get(one, 1e9) <= WORTH_A_WAY_ROUND * game.effort[one] for one in products):
            found.add(source)
    return frozenset(found)


@cache
def _tree(near: frozenset[str], missing: frozenset[str]) -> TechnologyTree:
    rules = load_rules()
    sources = Sources(frozenset(rules.natural.keys() - missing), frozenset(rules.mobs.keys() - missing))
    return technology_tree(rules, sources, near)


ORACLE = PlanOracle("Overworld", KnowledgeWithout)
