"""What worlds measure besides success: how often each objective is reached, and the score made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING

from palaestra.report import text
from palaestra.report.arms import ALONE, ArmResult
from palaestra.statistics import Interval, bootstrap, difference
from palaestra.store import Store

if TYPE_CHECKING:
    from palaestra_worlds.base import World

EVALUATED, TRAINED = "objective/", "training/objective/"
"""What the metrics begin with: rates of each evaluation, and of all training episodes in the original so far."""

Rates = dict[str, list[tuple[int, float]]]
"""(step, rate) of each measurement, by objective."""


def read_rates(store: Store, trial: int, prefix: str = EVALUATED) -> Rates:
    """How often a trial's agent reached each objective in the original.

    Raises:
        StoreError: the store cannot be read.
    """
    found: Rates = {}
    rows = store.query(
        "SELECT step, name, value FROM metrics WHERE trial = ? AND name LIKE ? ORDER BY iteration",
        (trial, f"{prefix}%"),
    )
    for step, name, value in rows:
        if value is not None:
            found.setdefault(name.removeprefix(prefix), []).append((step, value))
    return found


# ---------------------------------------------------------------------------------------------- scores


@dataclass(frozen=True)
class Score:
    """An arm by its world's own measure, in percent, over seeds.

    Attributes:
        seeds: how many were measured.
        final: at the last evaluation, acting alone in the original; None where the world has no measure.
        training: over all training episodes in the original; None where there are none.
        points: `final` less that of the best untaught arm; None where there is nothing to compare.
        baseline: whether it is the best untaught arm itself.
    """

    arm: ArmResult
    seeds: int
    final: Interval | None
    training: Interval | None
    points: Interval | None = None
    baseline: bool = False


def read_scores(store: Store, arms: Sequence[ArmResult]) -> list[Score]:
    """One for each arm, compared with each other; all are of the same world.

    Raises:
        StoreError: the store cannot be read.
    """
    return compare_scores([read_score(store, arm) for arm in arms])


def read_score(store: Store, arm: ArmResult) -> Score:
    """Of one arm, compared with none.

    Raises:
        StoreError: the store cannot be read.
    """
    last = final_scores(arm)
    rows = [
        store.query(
            "SELECT value FROM metrics WHERE trial = ? AND name = 'training/score' ORDER BY iteration DESC LIMIT 1",
            (trial.row.id,),
        )
        for trial in arm.trials
    ]
    trained = [found[0][0] for found in rows if found]
    return Score(
        arm=arm,
        seeds=len(last),
        final=bootstrap(last) if last else None,
        training=bootstrap(trained) if trained else None,
    )


def final_scores(arm: ArmResult) -> list[float]:
    """At each seed's last evaluation."""
    return [values[-1] for _, values in (trial.series(ALONE, "score") for trial in arm.trials) if values]


def compare_scores(scores: Sequence[Score]) -> list[Score]:
    """The same with `points` and `baseline`: the untaught arm of the highest score."""
    untaught = {k: score.final.value for k, score in enumerate(scores) if score.final and not score.arm.taught}
    if not untaught:
        return list(scores)
    best = max(untaught, key=untaught.__getitem__)
    against = final_scores(scores[best].arm)
    return [
        Score(
            score.arm,
            score.seeds,
            score.final,
            score.training,
            difference(final_scores(score.arm), against) if score.final and k != best else None,
            k == best,
        )
        for k, score in enumerate(scores)
    ]


def score_cells(score: Score) -> tuple[str, str, str]:
    """At the end, beside the best untaught arm, over training; in words."""
    beside = "0 (best untaught)" if score.baseline else "none"
    if score.points is not None:
        beside = f"{score.points.value:+.1f}"
        if score.seeds > 1:
            beside += f" [{score.points.low:+.1f}, {score.points.high:+.1f}]"
    return text.points(score.final, score.seeds), beside, text.points(score.training, score.seeds)


# ---------------------------------------------------------------------------------------------- objectives


@dataclass(frozen=True)
class ObjectiveTable:
    """How often each objective was reached in the original, by arm; cells in words, over so many seeds."""

    arms: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    seeds: int


def read_objectives(
    store: Store, arms: Sequence[ArmResult], names: Sequence[str], prefix: str = EVALUATED
) -> ObjectiveTable | None:
    """The last rates of each trial; None where a run has none.

    Args:
        store: of the run.
        arms: the run's.
        names: of the objectives, in their order.
        prefix: EVALUATED, or TRAINED.

    Raises:
        StoreError: the store cannot be read.
    """
    by_arm = {arm.name: [read_rates(store, trial.row.id, prefix) for trial in arm.trials] for arm in arms}
    by_arm = {name: found for name, rates in by_arm.items() if (found := [entry for entry in rates if entry])}
    if not by_arm:
        return None
    measured = {name for rates in by_arm.values() for entry in rates for name in entry}
    rows = tuple(
        (name, tuple(spread([entry[name][-1][1] for entry in rates if name in entry]) for rates in by_arm.values()))
        for name in names
        if name in measured
    )
    return ObjectiveTable(tuple(by_arm), rows, max(len(rates) for rates in by_arm.values()))


def spread(values: Sequence[float]) -> str:
    """Mean of shares and, of several seeds, standard deviation."""
    if not values:
        return "not yet"
    deviation = f" ± {100 * stdev(values):.0f}" if len(values) > 1 else ""
    return f"{text.percent(mean(values))}{deviation}"


def read_worlds(store: Store, arms: Sequence[ArmResult]) -> tuple[list[str], str]:
    """The objectives of the run's worlds, in their own order, and what their score is, in words.

    Nothing where success is all that was measured.

    Raises:
        StoreError: the store cannot be read.
    """
    from palaestra.build import make_world

    if not store.query("SELECT 1 FROM metrics WHERE name LIKE ? LIMIT 1", (f"{EVALUATED}%",)):
        return [], ""
    found: dict[str, None] = {}
    measure = ""
    for spec in {json.dumps(arm.spec.world.identity()): arm.spec for arm in arms}.values():
        world: World = make_world(spec, 1)
        found |= dict.fromkeys(world.checks or world.objectives)
        measure = measure or world.measure
        world.close()
    return list(found), measure
