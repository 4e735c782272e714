"""Recursive decomposition of a goal, one question for each item, after Ghost in the Minecraft (arXiv 2305.17144)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from palaestra_worlds.structured import PlanStep

from palaestra_teachers.base import Frozen
from palaestra_teachers.planners.replies import Needs
from palaestra_teachers.replies import refuse

MOST_SUBGOALS = 200
Ask = Callable[[str, int], Awaitable[Needs]]
"""What so many of an item take."""


class SubGoal(Frozen):
    """A node of the tree: its step is (object, count, material, tool)."""

    step: PlanStep
    info: str = ""
    depth: int = 0
    """0: what was asked for; 1: what that takes; and so on."""


class Decomposition:
    """Finds out what a goal takes, item by item, down to what the world has by itself.

    What is at hand is counted: nothing is asked about that there is enough of, and nothing is used up twice.

    Args:
        ask: what so many of an item take.
        inventory: what is at hand.
        depth: of the tree, at most.

    Attributes:
        order: the sub-goals in the order in which they are to be reached.
    """

    def __init__(self, ask: Ask, inventory: Mapping[str, int], depth: int) -> None:
        self._ask = ask
        self._depth = depth
        self._stock = Counter(inventory)
        self._reserved: Counter[str] = Counter()
        """What sub-goals under way are to use up."""
        self._shared: Counter[str] = Counter()
        """How many sub-goals under way count on there being one of these; they share it."""
        self.order: list[SubGoal] = []

    async def get(self, item: str, count: int, path: tuple[str, ...] = ()) -> None:
        """Adds the sub-goals that lead to `count` more of an item, itself last.

        Raises:
            LessonRefused: "plan_loops": an item takes itself, or the tree is deeper or larger than allowed.
            LessonRefused, TeacherUnavailable: what `ask` raises.
        """
        chain = " <- ".join((*path, item))
        if item in path:
            raise refuse("plan_loops", f"the decomposition goes in a circle: {chain}")
        if len(path) >= self._depth or len(self.order) >= MOST_SUBGOALS:
            raise refuse("plan_loops", f"the decomposition does not end: {chain}")
        needs = await self._ask(item, count)
        reserved = self._reserved.copy()
        below = (*path, item)
        if needs.tool:
            if self._stock[needs.tool] - self._reserved[needs.tool] < 1:
                await self.get(needs.tool, 1, below)
            self._shared[needs.tool] += 1
        used = Counter(needs.material) + Counter(needs.fuel)
        for material, amount in used.items():
            await self._have(material, amount, below)
        self._reserved = reserved
        self._shared[needs.tool] -= 1
        self._stock -= used
        self._stock[item] += max(count, needs.count)
        self.order.append(SubGoal(step=as_step(needs, item, count), info=needs.info, depth=len(path)))

    async def _have(self, item: str, count: int, path: tuple[str, ...]) -> None:
        """Reserves so many of an item, got before where they are not at hand."""
        free = max(0, self._stock[item] - self._reserved[item] - (self._shared[item] > 0))
        lacking = count - min(free, count)
        if lacking:
            await self.get(item, lacking, path)
        self._reserved[item] += count


def with_fewer_trips(order: Sequence[SubGoal]) -> list[SubGoal]:
    """The same sub-goals, but what is mined or hunted again later in the same way is brought the first time."""
    merged: list[SubGoal] = []
    for goal in order:
        step = goal.step
        trip = step.model_copy(update={"count": 1})
        earlier = next((n for n, one in enumerate(merged) if one.step.model_copy(update={"count": 1}) == trip), None)
        if earlier is None or step.how not in ("mine", "hunt"):
            merged.append(goal)
            continue
        first = merged[earlier]
        more = first.step.model_copy(update={"count": first.step.count + step.count})
        merged[earlier] = first.model_copy(update={"step": more})
    return merged


def as_step(needs: Needs, item: str, count: int) -> PlanStep:
    """What is to be done for an item; tables and furnaces are put up, not held."""
    is_made = needs.how in ("craft", "smelt")
    changed = {"object": item, "count": max(count, needs.count), **({"tool": ""} if is_made else {})}
    return needs.step.model_copy(update=changed)
