"""Recursive decomposition of a goal, after Ghost in the Minecraft: an item, down to what the world has by itself.

A goal is (object, count, material, tool, info). What it needs and isn't at hand are goals before it: the tree's
post-order is a plan.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from palaestra_worlds.overworld.knowledge import where_to_find
from palaestra_worlds.overworld.stock import StepFault, Stock, check_plan, is_exact, times, uses
from palaestra_worlds.overworld.technology import TechnologyTree
from palaestra_worlds.overworld.ways import Way, fuel_choices
from palaestra_worlds.structured import PlanStep


@dataclass(frozen=True)
class Goal:
    """To come by more of an item.

    Attributes:
        step: what is to be done once the goals before it are reached.
        info: where and how, in words.
        before: goals that are to be reached first, in order.
    """

    step: PlanStep
    info: str = ""
    before: tuple[Goal, ...] = ()

    def __iter__(self) -> Iterator[Goal]:
        """All goals of the tree in the order in which they are to be reached, this one last."""
        for goal in self.before:
            yield from goal
        yield self

    @property
    def plan(self) -> tuple[PlanStep, ...]:
        """The steps that reach it, in order."""
        return tuple(goal.step for goal in self)


def decompose(tree: TechnologyTree, item: str, count: int, inventory: Mapping[str, int]) -> Goal | None:
    """The goals that lead to having `count` of an item, by the easiest way to everything.

    Args:
        tree: what can be come by, and how.
        item: its name.
        count: at least 1.
        inventory: what is at hand, tools unused.

    Returns:
        The tree of goals; None if enough is at hand.

    Raises:
        UnknownItem: there is no such item, or the inventory holds something that is none.
        Unobtainable: it can't be come by.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    tree.rules.item(item)
    goals, _ = _Planning(tree, Stock(tree, inventory)).have((item,), count)
    return goals[-1] if goals else None


def decompose_all(
    tree: TechnologyTree, wanted: Sequence[tuple[str, int]], inventory: Mapping[str, int]
) -> tuple[Goal, ...]:
    """The goals that lead to having all of some items at once, each as `decompose`."""
    planning = _Planning(tree, Stock(tree, inventory))
    return tuple(goal for item, count in wanted for goal in planning.have((item,), count)[0])


def merge_trips(tree: TechnologyTree, plan: Sequence[PlanStep], inventory: Mapping[str, int]) -> tuple[PlanStep, ...]:
    """The same plan with fewer trips: what is mined or hunted again later is brought the first time.

    Args:
        tree: of the world.
        plan: one that can be carried out.
        inventory: what is at hand before it.

    Raises:
        StepFault: the plan can't be carried out.
    """
    check_plan(tree, plan, inventory)
    merged = list(plan)
    last = len(merged) - 1
    while last > 0:
        step = merged[last]
        first = next(number for number, other in enumerate(merged) if _is_same_trip(step, other))
        if first < last and step.how in ("mine", "hunt"):
            trip = merged[first].model_copy(update={"count": merged[first].count + step.count})
            shorter = [*merged[:first], trip, *merged[first + 1 : last], *merged[last + 1 :]]
            if _can_be_carried_out(tree, shorter, inventory):
                merged = shorter
        last -= 1
    return tuple(merged)


def _is_same_trip(step: PlanStep, other: PlanStep) -> bool:
    return step.model_copy(update={"count": 1}) == other.model_copy(update={"count": 1})


def _can_be_carried_out(tree: TechnologyTree, plan: Sequence[PlanStep], inventory: Mapping[str, int]) -> bool:
    try:
        check_plan(tree, plan, inventory)
    except StepFault:
        # A tool that is made later for the rest would break too soon.
        return False
    return True


class _Planning:
    """Plans on a stock that changes as the plan will change it.

    Args:
        tree: what can be come by.
        stock: what is at hand.
    """

    def __init__(self, tree: TechnologyTree, stock: Stock) -> None:
        self._tree = tree
        self._stock = stock
        self._reserved: Counter[str] = Counter()
        """What goals under way count on, stations aside."""
        self._stations: Counter[str] = Counter()
        """How many goals under way count on there being one of these; they share it."""

    def have(self, choices: tuple[str, ...], count: int) -> tuple[list[Goal], Counter[str]]:
        """Goals after which `count` of any mix of these items are at hand, and that mix, which is reserved."""
        mix: Counter[str] = Counter()
        for item in choices:
            mix[item] = max(0, min(count - mix.total(), self._free(item)))
        self._reserved += mix
        lacking = count - mix.total()
        if not lacking:
            return [], +mix
        item = self._tree.easiest(choices)
        goal = self._goal(item, lacking)
        self._reserved[item] += lacking
        mix[item] += lacking
        return [goal], +mix

    def _free(self, item: str) -> int:
        return self._stock.count(item) - self._reserved[item] - (self._stations[item] > 0)

    def _goal(self, item: str, count: int) -> Goal:
        """How to come by so many more of an item; done to the stock when it returns."""
        way = self._tree.way(item)
        batches = times(way, count)
        made = batches * int(way.count) if is_exact(way) else count
        reserved = self._reserved.copy()
        before = self._station(way)
        material: Counter[str] = Counter()
        for part in way.takes:
            goals, mix = self.have(part.choices, part.count * batches)
            before += goals
            material += mix
        fuel: Counter[str] = Counter()
        if way.how == "smelt":
            goals, fuel = self._fuel(batches * self._tree.rules.smelting_ticks)
            before += goals
        tool, goals = self._tool(way, uses(way, count))
        before += goals
        step = PlanStep(
            how=way.how, object=item, count=made, material=material, fuel=fuel, tool=tool, source=way.source
        )
        self._stock.carry_out(step)
        self._reserved = reserved
        if way.station:
            self._stations[way.station] -= 1
        return Goal(step, where_to_find(self._tree.rules, way), tuple(before))

    def _station(self, way: Way) -> list[Goal]:
        if not way.station:
            return []
        lacking = self._stock.count(way.station) - self._reserved[way.station] < 1
        goals = [self._goal(way.station, 1)] if lacking else []
        self._stations[way.station] += 1
        return goals

    def _fuel(self, ticks: int) -> tuple[list[Goal], Counter[str]]:
        burns = {item: self._tree.rules.item(item).burns for item in fuel_choices(self._tree.rules)}
        at_hand = [item for item in burns if self._free(item) * burns[item] >= ticks]
        pieces = {item: math.ceil(ticks / burns[item]) for item in burns}
        if at_hand:
            item = min(at_hand, key=lambda item: burns[item])
        else:
            item = min(burns, key=lambda item: pieces[item] * self._tree.effort.get(item, math.inf))
        return self.have((item,), pieces[item])

    def _tool(self, way: Way, times_used: int) -> tuple[str, list[Goal]]:
        if not way.tools:
            return "", []
        for tool in sorted(way.tools, key=lambda tool: self._tree.effort.get(tool, math.inf)):
            if self._stock.uses_left(tool, self._reserved[tool]) >= times_used:
                return tool, []
        tool = self._tree.easiest(way.tools)
        durability = self._tree.rules.item(tool).durability
        lacking = math.ceil((times_used - self._stock.uses_left(tool, self._reserved[tool])) / durability)
        return tool, [self._goal(tool, lacking)]
