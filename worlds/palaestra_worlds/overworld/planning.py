"""What planners can know about an Overworld's items: `structured.Knowledge` over recipes, sources and goals."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from palaestra_worlds.overworld.goals import Goal, decompose, decompose_all, merge_trips
from palaestra_worlds.overworld.knowledge import explain_item
from palaestra_worlds.overworld.rules import UnknownItem, load_rules
from palaestra_worlds.overworld.settings import Nature
from palaestra_worlds.overworld.stock import FaultKind, StepFault, Stock
from palaestra_worlds.overworld.technology import TechnologyTree, Unobtainable, game_tree, technology_tree, world_tree
from palaestra_worlds.overworld.ways import Sources
from palaestra_worlds.structured import FailureKind, PlanFault, PlanStep, PlayerStatus, StructuredAction, SubGoal

MOST_STEPS = 256
FAILURE_OF: dict[FaultKind, FailureKind] = {
    "unknown": "unknown_item",
    "impossible": "impossible",
    "material": "missing_material",
    "tool": "missing_tool",
    "station": "missing_station",
    "fuel": "missing_fuel",
}
SPARES = (("stone_pickaxe", 1), ("stick", 8))
"""What one takes along to look for ore, or for rare stone: the way there wears out tools."""
FOR_A_MOUNTAIN = (("stone_pickaxe", 8), ("stick", 16))
"""What one takes along to dig through all that lies under one."""
FOR_A_NIGHT = (
    ("stone_pickaxe", 2),
    ("stick", 8),
    ("iron_sword", 1),
    ("iron_chestplate", 1),
    ("iron_leggings", 1),
    ("iron_helmet", 1),
    ("iron_boots", 1),
    ("cooked_beef", 8),
)
"""What one takes along to fight monsters with, and to get well again."""
LONG_HUNT = 4
"""So many of what animals leave are worth the time that a sword takes: by hand each takes ten blows, and flees."""
_ARMS = frozenset(f"{material}_sword" for material in ("wooden", "stone", "golden", "iron", "diamond", "netherite"))
DEEP_ORES = frozenset(
    (
        "iron_ore",
        "gold_ore",
        "redstone_ore",
        "lapis_ore",
        "diamond_ore",
        "emerald_ore",
        "granite",
        "diorite",
        "andesite",
    )
)
_CLOSE = 0.6
"""How alike a misspelt name must be."""


class OverworldKnowledge:
    """See `structured.Knowledge`.

    Args:
        nature: as the world's setting.
    """

    nature: Nature = "core"

    def __init__(self, nature: Nature = "core") -> None:
        self.nature = nature

    @property
    def items(self) -> tuple[str, ...]:
        return world_tree().items if self.nature == "whole" else game_tree().items

    def nearest(self, name: str) -> str:
        rules = load_rules()
        found = difflib.get_close_matches(name.lower(), [*rules.items, *rules.old_names], n=1, cutoff=_CLOSE)
        return found[0] if found else ""

    def named(self, name: str) -> tuple[str, ...]:
        try:
            return load_rules().named(name)
        except UnknownItem:
            return ()

    def recipe_text(self, item: str, budget: int = 200) -> str:
        lines: list[str] = []
        left = budget
        tree = self._whole_tree()
        for name in tree.rules.named(item):
            for line in explain_item(tree, name):
                left -= len(line.split())
                if left < 0:
                    return "\n".join(lines)
                lines.append(line)
        return "\n".join(lines)

    def decompose(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str] = ()
    ) -> SubGoal | None:
        goal, _ = self._goal(item, count, inventory, near)
        return None if goal is None else _as_sub_goal(goal)

    def plan(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str] = ()
    ) -> tuple[PlanStep, ...]:
        near = tuple(near)
        goal, tree = self._goal(item, count, inventory, near)
        if goal is None:
            return ()
        goals: tuple[Goal, ...] = (goal,)
        unseen_coal = {"coal_ore"} - set(near)
        spares = SPARES if any(step.source in DEEP_ORES | unseen_coal for step in goal.plan) else ()
        if any(step.count > 1 and _is_local_ore(step) for step in goal.plan):
            spares = FOR_A_MOUNTAIN
        if any(map(_is_in_the_dark, goal.plan)):
            spares = FOR_A_NIGHT
        elif any(step.how == "hunt" and step.count >= LONG_HUNT for step in goal.plan) and not _ARMS & set(inventory):
            spares = (*spares, ("wooden_sword", 1))
        if spares:
            last = goal.step.object
            goals = decompose_all(tree, [*spares, (last, inventory.get(last, 0) + goal.step.count)], inventory)
        first = [step for one in goals[:-1] for step in one.plan]
        # Whatever else is fetched may take the night, which a game has few of.
        steps = sorted(goals[-1].plan, key=lambda step: not _is_in_the_dark(step))
        return merge_trips(tree, [*first, *steps], inventory)

    def check_plan(
        self, steps: Sequence[PlanStep], inventory: Mapping[str, int], goal: Mapping[str, int] | None = None
    ) -> PlanFault | None:
        stock = Stock(self._whole_tree(), inventory)
        for number, step in enumerate(steps[:MOST_STEPS]):
            try:
                stock.carry_out(step)
            except StepFault as fault:
                return PlanFault(step=number, kind=FAILURE_OF[fault.kind], why=str(fault))
        for item, count in (goal or {}).items():
            found = sum(stock.count(name) for name in self.named(item))
            if found < count:
                why = f"after all steps there are {found} {item}, and {count} are wanted"
                return PlanFault(step=len(steps), kind="missing_material", why=why)
        return None

    def actions(self, step: PlanStep, status: PlayerStatus) -> tuple[StructuredAction, ...]:
        if step.how == "craft":
            return (StructuredAction(name="craft", object=step.object, count=step.count, material=step.material),)
        if step.how == "smelt":
            return (StructuredAction(name="smelt", object=step.object, count=step.count, material=step.material),)
        if step.how == "mine":
            return (StructuredAction(name="mine", object=step.object, count=step.count, tool=step.tool),)
        if step.how == "hunt":
            return (StructuredAction(name="attack", object=step.object, count=step.count, tool=step.tool),)
        return _by_use(step)

    def _whole_tree(self) -> TechnologyTree:
        """All that can be come by in the game."""
        return game_tree()

    def _goal(
        self, item: str, count: int, inventory: Mapping[str, int], near: Iterable[str]
    ) -> tuple[Goal | None, TechnologyTree]:
        """The goal, and the tree that it follows."""
        choices = load_rules().named(item)
        enough = sum(inventory.get(name, 0) for name in choices) >= count
        for tree in (_tree_near(frozenset(block for block in near if block.endswith("_log"))), game_tree()):
            try:
                return (None if enough else decompose(tree, tree.easiest(choices), count, inventory)), tree
            except Unobtainable:
                if tree is game_tree():
                    raise
        raise AssertionError("the game's own tree was tried")


def _is_in_the_dark(step: PlanStep) -> bool:
    """Whether it is a hunt for what comes by night."""
    return step.how == "hunt" and load_rules().mobs[step.source].dark


def _is_local_ore(step: PlanStep) -> bool:
    """Whether it mines an ore that lies under some biomes alone."""
    natural = load_rules().natural.get(step.source)
    return natural is not None and natural.is_local_ore


@cache
def _tree_near(near: frozenset[str]) -> TechnologyTree:
    """The game's tree for somebody who has seen these kinds of trees, and makes do with them if there are any."""
    if not near:
        return game_tree()
    rules = load_rules()
    blocks = {name for name in rules.natural if not name.endswith("_log")} | near
    return technology_tree(rules, Sources(frozenset(blocks), frozenset(rules.mobs)), near)


def _by_use(step: PlanStep) -> tuple[StructuredAction, ...]:
    """What is used up is in hand, or else the tool."""
    tool = step.tool or next(iter(step.material), "")
    target = step.source or next(iter(step.material), "")
    yields = next((use.count for use in load_rules().uses if use.makes == step.object), 1)
    count = math.ceil(step.count / yields)
    material = {name: 1 for name in step.material if name != tool}
    return (StructuredAction(name="apply", object=target or step.object, tool=tool, material=material, count=count),)


def _as_sub_goal(goal: Goal) -> SubGoal:
    return SubGoal(step=goal.step, info=goal.info, before=tuple(map(_as_sub_goal, goal.before)))
