"""What is wrong with a plan by what is known about a world's items, before it is carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from palaestra_worlds.structured import Knowledge, PlanFault, PlanStep


def first_fault(
    knowledge: Knowledge,
    steps: Sequence[PlanStep],
    inventory: Mapping[str, int],
    goal: Mapping[str, int] | None = None,
) -> PlanFault | None:
    """As `Knowledge.check_plan`, for plans of which nothing is known: names that nothing has are faults too.

    Args:
        knowledge: of the world.
        steps: the plan.
        inventory: what is at hand before it.
        goal: what must be at hand after it; None: anything.
    """
    imaginary = next((number for number, step in enumerate(steps) if _unknown(knowledge, step)), len(steps))
    fault = knowledge.check_plan(steps[:imaginary], inventory, goal if imaginary == len(steps) else None)
    if fault is not None or imaginary == len(steps):
        return fault
    step = steps[imaginary]
    name = _unknown(knowledge, step)
    hint = knowledge.nearest(name)
    why = f"cannot {step}: there is no {name}" + (f"; did you mean '{hint}'?" if hint else "")
    return PlanFault(step=imaginary, kind="unknown_item", why=why)


def _unknown(knowledge: Knowledge, step: PlanStep) -> str:
    """The first name of a step that no item has; "" if there is none."""
    names = (step.object, *step.material, *step.fuel, *([step.tool] if step.tool else []))
    return next((name for name in names if not knowledge.named(name)), "")
