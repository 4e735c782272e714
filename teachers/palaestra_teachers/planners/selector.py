"""The selector of DEPS: of the steps that could be done now, the one that is nearest to done.

The simple rule goes by distance. The paper trains a predictor of steps to go, from what the player sees: `horizon`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from palaestra_worlds.plan_faults import first_fault
from palaestra_worlds.structured import Knowledge, PlanStep, PlayerStatus

from palaestra_teachers.planners.config import DepsConfig

Estimate = Callable[[PlanStep, PlayerStatus], float]
"""How far a step is from done: the less, the nearer; infinite: nobody knows."""


def estimate_of(config: DepsConfig, world_id: str) -> Estimate | None:
    """By what a planner selects; None: it takes steps in order.

    Raises:
        HorizonError: it goes by trained weights, and they cannot be used.
    """
    if config.select == "in_order":
        return None
    if config.select == "nearest":
        return distance
    from palaestra_teachers.planners.horizon import estimator

    assert config.weights is not None
    return estimator(config.weights, world_id)


def choose(
    steps: Sequence[PlanStep], status: PlayerStatus, knowledge: Knowledge, estimate: Estimate | None = None
) -> int:
    """Which of the steps that are left is to be done next: an index.

    A step can be done before those that stand before it if it neither needs what they get nor uses up what they need,
    and if all that it needs is at hand. Of equals, and where nothing is seen, the first.

    Args:
        steps: what is left of a plan, in order; at least one.
        status: how the player is.
        knowledge: of the world.
        estimate: how far each is from done; None: by distance.
    """
    best, nearest = 0, math.inf
    for index, step in enumerate(steps):
        if not _may_come_first(step, steps[:index], status, knowledge):
            continue
        far = (estimate or distance)(step, status)
        if far < nearest:
            best, nearest = index, far
    return best


def _may_come_first(step: PlanStep, before: Sequence[PlanStep], status: PlayerStatus, knowledge: Knowledge) -> bool:
    if not before:
        return True
    if step.how in ("craft", "smelt") or (step.tool and not status.inventory.get(step.tool)):
        # Crafting takes no way to go: it is done in its turn, and what it uses up may be counted on before.
        return False
    needed = Counter(step.material) + Counter(step.fuel)
    if any(status.inventory.get(item, 0) < count for item, count in needed.items()) or needed:
        return False
    if any(other.object in (step.tool, step.object) for other in before):
        return False
    return first_fault(knowledge, [step], status.inventory) is None


def distance(step: PlanStep, status: PlayerStatus) -> float:
    """Cells to the nearest that has been seen; infinite for none, nothing for what is made by hand."""
    if step.how in ("craft", "smelt"):
        return 0.0
    return float(status.seen.get(step.source or step.object, math.inf))
