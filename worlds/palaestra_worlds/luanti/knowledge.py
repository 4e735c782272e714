"""What planners can know about a game's items: `structured.Knowledge` over the rules that were read from the server."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache

from palaestra_worlds.base import OracleError
from palaestra_worlds.luanti.rules import GameRules
from palaestra_worlds.overworld.goals import Goal, decompose
from palaestra_worlds.overworld.planning import OverworldKnowledge
from palaestra_worlds.overworld.rules import Rules, UnknownItem
from palaestra_worlds.overworld.technology import TechnologyTree, Unobtainable, technology_tree
from palaestra_worlds.overworld.ways import Sources
from palaestra_worlds.plan_answers import PlanOracle

_CLOSE = 0.6
"""How alike a misspelt name must be."""


class LuantiKnowledge(OverworldKnowledge):
    """See `structured.Knowledge`.

    Args:
        game: what was read from the server.
        in_vain: blocks, or items, that are not to be found.
    """

    def __init__(self, game: GameRules, in_vain: frozenset[str] = frozenset()) -> None:
        self._game = game
        self._rules = game.rules
        self._trees = lru_cache(maxsize=64)(self._tree_without)
        self._missing = frozenset(filter(None, map(self._source_of, in_vain)))

    @property
    def items(self) -> tuple[str, ...]:
        return self._trees(frozenset(), frozenset()).items

    def nearest(self, name: str) -> str:
        rules = self._rules
        found = difflib.get_close_matches(name.lower(), [*rules.items, *rules.old_names], n=1, cutoff=_CLOSE)
        return found[0] if found else ""

    def named(self, name: str) -> tuple[str, ...]:
        try:
            return self._rules.named(name)
        except UnknownItem:
            return ()

    def _whole_tree(self) -> TechnologyTree:
        return self._trees(frozenset(), frozenset())

    def _goal(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str]
    ) -> tuple[Goal | None, TechnologyTree]:
        choices = self._rules.named(item)
        enough = sum(inventory.get(name, 0) for name in choices) >= count
        trees = frozenset(block for block in near if block.endswith("_log")) - self._missing
        for tree in (self._trees(trees, self._missing), self._whole_tree()):
            try:
                return (None if enough else decompose(tree, tree.easiest(choices), count, inventory)), tree
            except Unobtainable as error:
                last = error
        raise last

    def _tree_without(self, trees: frozenset[str], missing: frozenset[str]) -> TechnologyTree:
        """What can be come by with these kinds of trees, if any are given, and without these blocks."""
        natural = self._rules.natural
        other_trees = {name for name in natural if name.endswith("_log")} - trees if trees else set()
        blocks = frozenset(natural) - missing - other_trees
        return technology_tree(self._rules, Sources(blocks, frozenset()), trees)

    def _source_of(self, name: str) -> str:
        """The block that a name, or the easiest way to an item of that name, is about; "" for none."""
        if name in self._rules.natural:
            return name
        way = self._whole_tree().ways.get(name)
        return way.source if way else ""


class _LastGame:
    """What was last read from a server in this process: a prompt says which world, and not which server."""

    rules: GameRules | None = None


def remember_game(game: GameRules) -> None:
    """From now on the scripted teacher answers from these rules."""
    _LastGame.rules = game


def rules_now() -> Rules | None:
    """Those that the scripted teacher answers from; None before any server was asked."""
    return None if _LastGame.rules is None else _LastGame.rules.rules


def _without(in_vain: frozenset[str]) -> LuantiKnowledge:
    if _LastGame.rules is None:
        raise OracleError("the recipes of a Luanti game are read from its server: make the world first")
    return LuantiKnowledge(_LastGame.rules, in_vain)


ORACLE = PlanOracle("Luanti", _without)
