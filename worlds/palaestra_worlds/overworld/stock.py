"""An inventory without slots or places, on which plans are checked before they are carried out in a world."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from palaestra_worlds.overworld.technology import TechnologyTree
from palaestra_worlds.overworld.ways import How, Way
from palaestra_worlds.registry import nearest
from palaestra_worlds.structured import PlanStep, in_words

FaultKind = Literal["unknown", "impossible", "material", "tool", "station", "fuel"]
VERBS: dict[How, str] = {
    "mine": "mined",
    "hunt": "hunted for",
    "use": "got by use",
    "craft": "crafted",
    "smelt": "smelted",
}


class StepFault(ValueError):
    """A step that can't be carried out; the message says why.

    Attributes:
        step: which.
        kind: what is missing or wrong.
    """

    def __init__(self, step: PlanStep, kind: FaultKind, why: str) -> None:
        super().__init__(f"cannot {step}: {why}")
        self.step = step
        self.kind: FaultKind = kind


class Stock:
    """What is at hand, with how worn tools are.

    What a step mines or hunts is found, as often as it takes on average.

    Args:
        tree: of the world that plans are for.
        inventory: what is at hand at the start, tools unused.

    Raises:
        UnknownItem: the inventory holds something that is no item.
        ValueError: or less than nothing.
    """

    def __init__(self, tree: TechnologyTree, inventory: Mapping[str, int]) -> None:
        self._tree = tree
        self._counts: Counter[str] = Counter()
        self._worn: Counter[str] = Counter()
        for item, count in inventory.items():
            tree.rules.item(item)
            if count < 0:
                raise ValueError(f"an inventory can't hold {count} {item}")
            self._counts[item] += count

    def count(self, item: str) -> int:
        """How many of an item are at hand."""
        return self._counts[item]

    def uses_left(self, tool: str, aside: int = 0) -> float:
        """How often the tools of a kind can be used, `aside` unworn ones of them not counted."""
        count = self._counts[tool] - aside
        durability = self._tree.rules.item(tool).durability
        if count <= 0:
            return 0
        return count * durability - self._worn[tool] if durability else math.inf

    @property
    def inventory(self) -> dict[str, int]:
        """Everything at hand."""
        return {item: count for item, count in self._counts.items() if count > 0}

    def carry_out(self, step: PlanStep) -> None:
        """Changes what is at hand as the step would.

        Raises:
            StepFault: it can't be carried out; nothing has changed.
        """
        way, material = self._fitting(step)
        self._counts -= material
        self._counts -= Counter(step.fuel)
        if step.tool:
            self._wear(step.tool, uses(way, step.count))
        batches = times(way, step.count)
        self._counts[step.object] += batches * int(way.count) if is_exact(way) else step.count
        for item in way.leaves:
            self._counts[item] += batches

    def _fitting(self, step: PlanStep) -> tuple[Way, Counter[str]]:
        """The first way in which the step can be carried out, and what it uses up."""
        if step.object not in self._tree.rules.items:
            why = f"there is no {step.object}{nearest(step.object, self._tree.rules.items)}"
            raise StepFault(step, "unknown", why)
        ways = self._tree.all_ways.get(step.object, ())
        fitting = [way for way in ways if way.how == step.how and step.source in ("", way.source)]
        if not fitting:
            raise StepFault(step, "impossible", self._no_such_way(step, ways))
        first: StepFault | None = None
        for way in fitting:
            try:
                return way, self._checked(way, step)
            except StepFault as fault:
                first = first or fault
        assert first is not None
        raise first

    def _no_such_way(self, step: PlanStep, ways: Iterable[Way]) -> str:
        others = dict.fromkeys(VERBS[way.how] + (f" from {way.source}" if way.source else "") for way in ways)
        at = f" from {step.source}" if step.source else ""
        return f"it is not {VERBS[step.how]}{at}, but {' or '.join(others) or 'cannot be come by here at all'}"

    def _checked(self, way: Way, step: PlanStep) -> Counter[str]:
        """What the step uses up in this way.

        Raises:
            StepFault: it can't be carried out so.
        """
        if way.station and not self._counts[way.station]:
            raise StepFault(step, "station", f"it takes a {way.station}, and there is none")
        self._check_tool(way, step)
        used: Counter[str] = Counter()
        given = Counter(step.material)
        for part in way.takes:
            needed = part.count * times(way, step.count)
            for item in part.choices:
                taken = min(needed, given[item])
                given[item] -= taken
                used[item] += taken
                needed -= taken
            if needed:
                what = " or ".join(part.choices[:3]) + (" or the like" if len(part.choices) > 3 else "")
                raise StepFault(step, "material", f"it takes {part.count * times(way, step.count)} {what}")
        self._check_at_hand(step, used, Counter(step.fuel))
        if way.how == "smelt":
            self._check_fuel(way, step)
        return +used

    def _check_tool(self, way: Way, step: PlanStep) -> None:
        if not way.tools:
            return
        if step.tool not in way.tools:
            raise StepFault(step, "tool", f"it takes one of {', '.join(way.tools)}")
        if self.uses_left(step.tool) < uses(way, step.count):
            why = "there is none" if not self._counts[step.tool] else f"{self._counts[step.tool]} would break too soon"
            raise StepFault(step, "tool", f"of {step.tool} {why}")

    def _check_at_hand(self, step: PlanStep, used: Counter[str], fuel: Counter[str]) -> None:
        lacking = {item: count for item, count in (used + fuel).items() if self._counts[item] < count}
        if lacking:
            held = {item: self._counts[item] for item in lacking}
            kind = "material" if used.keys() & lacking.keys() else "fuel"
            raise StepFault(step, kind, f"it takes {in_words(lacking)}, and at hand are {in_words(held)}")

    def _check_fuel(self, way: Way, step: PlanStep) -> None:
        ticks = times(way, step.count) * self._tree.rules.smelting_ticks
        burning = sum(self._tree.rules.item(item).burns * count for item, count in step.fuel.items())
        if burning < ticks:
            raise StepFault(step, "fuel", f"it burns for {ticks / 20:g} s, and the fuel for {burning / 20:g} s")

    def _wear(self, tool: str, times_used: int) -> None:
        durability = self._tree.rules.item(tool).durability
        if durability:
            broken, self._worn[tool] = divmod(self._worn[tool] + times_used, durability)
            self._counts[tool] -= broken


def is_exact(way: Way) -> bool:
    """Whether doing it once gives a fixed number; else it depends on chance, and one stops when there are enough."""
    return way.how not in ("mine", "hunt") and way.count >= 1


def times(way: Way, count: int) -> int:
    """How often it is done to come by so many, on average."""
    return math.ceil(count / way.count)


def uses(way: Way, count: int) -> int:
    """How often the tool is used for it."""
    return times(way, count) if way.tools else 0


def check_plan(tree: TechnologyTree, plan: Iterable[PlanStep], inventory: Mapping[str, int]) -> Stock:
    """What will be at hand after a plan.

    Raises:
        StepFault: one of its steps can't be carried out.
    """
    stock = Stock(tree, inventory)
    for step in plan:
        stock.carry_out(step)
    return stock
