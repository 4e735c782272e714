"""A population in a sweep: which members it has, and what is refused.

Population-based training after Jaderberg et al. 2017 (arXiv 1711.09846), over settings of teacher and learner as in
XLand (Open-Ended Learning Team 2021, arXiv 2107.12808): members learn side by side, and at every interval the worse
ones take over the state of better ones and go on with changed settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from palaestra.spec.build import iteration_steps
from palaestra.spec.errors import fail
from palaestra.spec.loader import Node
from palaestra.spec.models import ArmSpec, RunSpec, Section
from palaestra.sweep.changes import changeable, value_of, within_arm
from palaestra.sweep.ranges import Range

MEMBER = "member"
"""Among a trial's values: its number in the population, from 1."""
Values = Mapping[str, Any]
Choices = Mapping[str, "Range | Sequence[Any]"]
"""What each parameter may be: drawn from a range, or one of a list in its order."""


class Population(Section):
    """Population-based training (arXiv 1711.09846): worse members take over better ones and change their settings."""

    members: int = Field(ge=2, le=1000, description="How many learn side by side, in each arm and for each seed.")
    interval: int = Field(
        ge=1, le=10**12, description="Environment steps between exchanges, a multiple of evaluation.every."
    )
    quantile: float = Field(
        default=0.25, gt=0, le=0.5, description="Share of the members that take over another, and that are taken over."
    )
    resample: float = Field(
        default=0.25, ge=0, le=1, description="How often a setting is drawn anew instead of changed a little."
    )
    factors: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = Field(
        default=(0.8, 1.2),
        min_length=1,
        max_length=100,
        description="One of them multiplies a setting that has a range; one from a list becomes its neighbour there.",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="Of first settings, of who takes over whom, of changes.")

    def intervals(self, budget: int) -> int:
        """How many intervals there are in a budget of steps; the last may be shorter."""
        return math.ceil(budget / self.interval)


def member_seed(seed: int, members: int, member: int) -> int:
    """The seed of a member's trial: no two members of a sweep have the same."""
    return seed * members + member - 1


def first_values(population: Population, choices: Choices, seed: int) -> list[dict[str, Any]]:
    """What each member begins with: drawn from ranges; listed values are dealt out, so that all are tried."""
    random = np.random.default_rng((population.seed, seed))
    columns: dict[str, list[Any]] = {}
    for key, choice in choices.items():
        if isinstance(choice, Range):
            columns[key] = [choice.draw(random) for _ in range(population.members)]
        else:
            order = random.permutation(population.members)
            columns[key] = [choice[place % len(choice)] for place in order]
    return [{key: column[member] for key, column in columns.items()} for member in range(population.members)]


def check_parameters(node: Node, parameters: Mapping[str, Node], spec: RunSpec) -> None:
    """Refuses parameters that a population cannot change.

    Args:
        node: of the population.
        parameters: by key; where each was written.
        spec: whose arms they are for.

    Raises:
        SpecError: there are none, or one cannot change amid a run in any arm.
    """
    if not parameters:
        raise fail(node.place, ("population",), "needs `parameters`: the settings that its members change")
    known = list(dict.fromkeys(key for arm in spec.arms.values() for key in changeable(arm)))
    for key, child in parameters.items():
        if not any(within_arm(key, arm.name) in changeable(arm) for arm in spec.arms.values()):
            raise fail(
                child.key,
                ("parameters", key),
                "cannot change amid a run, as a population's parameters do: what shapes worlds, networks, rollouts, "
                f"evaluations and the budget is fixed. These can: {', '.join(known)}",
            )
        if isinstance(child.value, list) and len(child.value) < 2:
            raise fail(child.place, ("parameters", key), "must have at least two values to change between")


def check_arm(node: Node, population: Population, arm: ArmSpec) -> None:
    """Refuses arms whose trials no population can be made of.

    Raises:
        SpecError: the interval does not fit, or members would not be at the same step together, or not repeatably.
    """
    interval = node.child("interval") or node
    steps, every = population.interval, arm.evaluation.every

    def refuse(what: str, where: Node = interval, key: str = "interval") -> Exception:
        return fail(where.place, ("population", key) if key else ("population",), f"{what} (arm '{arm.name}')")

    iteration = iteration_steps(arm.world, arm.agent)
    if steps >= arm.budget.steps:
        raise refuse(
            f"is {steps:,}, but budget.steps is {arm.budget.steps:,}: nobody would ever be taken over; make it smaller"
        )
    if steps % every:
        raise refuse(f"is {steps:,}; must be a multiple of evaluation.every, {every:,}, for members to be compared")
    if steps < iteration:
        raise refuse(f"is {steps:,}, but one iteration alone takes {iteration:,} steps; make it larger")
    if arm.budget.until_success is not None:
        raise refuse(
            "needs members that are at the same step together; remove budget.until_success, which ends some early",
            node,
            "",
        )
    if arm.teacher is not None and arm.teacher.late:
        raise refuse(
            "needs lessons that do not come in by the clock; remove teacher.wait, and let teacher.mode be ahead",
            node,
            "",
        )


def reached(arm: ArmSpec, other: ArmSpec, key: str) -> bool:
    """Whether a parameter, which differs between the two, changes anything in an arm."""
    return within_arm(key, arm.name) in changeable(arm) and value_of(arm, key) != value_of(other, key)
