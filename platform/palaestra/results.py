"""What a run's store says, as small values: trials, curves, lessons, calls, events, times. Nothing is written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from palaestra.bank import USABLE
from palaestra.store import Store, TrialRow

Measure = Literal["success", "return_mean", "score"]


@dataclass(frozen=True)
class Point:
    """One evaluation; a number that was not finite is None, and so is the score of a world without its own measure."""

    step: int
    episodes: int
    success: float | None
    return_mean: float | None
    length_mean: float | None
    score: float | None = None


@dataclass(frozen=True)
class TrialResult:
    """A trial with its evaluations, by mode ("alone", "taught") and in the order of their steps."""

    row: TrialRow
    evaluations: dict[str, tuple[Point, ...]]

    def series(self, mode: str, measure: Measure) -> tuple[list[int], list[float]]:
        """Steps and values of what was measured."""
        found = [(point.step, getattr(point, measure)) for point in self.evaluations.get(mode, ())]
        return [step for step, value in found if value is not None], [value for _, value in found if value is not None]


def read_trials(store: Store) -> list[TrialResult]:
    """All trials of a run.

    Raises:
        StoreError: the store cannot be read (so do all functions here).
    """
    points: dict[int, dict[str, list[Point]]] = {}
    for trial, mode, *values in store.query(
        "SELECT e.trial, mode, e.step, episodes, success, return_mean, length_mean, value FROM evaluations AS e "
        "LEFT JOIN metrics AS m "
        "ON m.trial = e.trial AND m.iteration = e.iteration AND name = 'score' AND mode = 'alone' "
        "ORDER BY e.trial, e.iteration"
    ):
        points.setdefault(trial, {}).setdefault(mode, []).append(Point(*values))
    return [
        TrialResult(row, {mode: tuple(found) for mode, found in points.get(row.id, {}).items()})
        for row in store.trials()
    ]


@dataclass(frozen=True)
class Curve:
    """What the seeds of an arm measured, on common steps.

    Attributes:
        steps: int64 (points,), up to the last step that all seeds have reached.
        values: float64 (seeds, points).
        lines: each seed's own steps and values, as far as they go.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    lines: tuple[tuple[tuple[int, ...], tuple[float, ...]], ...]


def curve(trials: Sequence[TrialResult], mode: str, measure: Measure) -> Curve | None:
    """The curve of one arm's trials; None where nothing was measured.

    A trial that is done before the others (it held the success at which it may stop) keeps its last value. A trial that
    failed, or that is not done and not half as far as the farthest, has a line and no part in the values.
    """
    return on_common_steps([(trial.row, *trial.series(mode, measure)) for trial in trials])


def metric_curve(store: Store, trials: Sequence[TrialResult], name: str, points: int = 200) -> Curve | None:
    """A metric of an arm's trials over steps, of at most so many points, each a mean over those around it."""
    series = []
    for trial in trials:
        rows = store.query(
            "SELECT step, value FROM metrics WHERE trial = ? AND name = ? AND value IS NOT NULL ORDER BY iteration",
            (trial.row.id, name),
        )
        if not rows:
            continue
        parts = [part.mean(axis=0) for part in np.array_split(np.array(rows), min(len(rows), points))]
        series.append((trial.row, [int(step) for step, _ in parts], [float(value) for _, value in parts]))
    return on_common_steps(series)


def on_common_steps(series: Sequence[tuple[TrialRow, list[int], list[float]]]) -> Curve | None:
    """See `curve`: of each trial its steps and values."""
    series = [(row, steps, values) for row, steps, values in series if steps]
    if not series:
        return None
    lines = tuple((tuple(steps), tuple(values)) for _, steps, values in series)
    farthest = max(steps[-1] for _, steps, _ in series)
    whole = [entry for entry in series if _counts(entry[0], entry[1][-1], farthest)] or series
    grid = np.unique([step for _, steps, _ in whole for step in steps])
    unfinished = [steps[-1] for row, steps, _ in whole if row.status != "done"]
    grid = grid[grid <= min(unfinished, default=grid[-1])]
    values = np.stack([np.interp(grid, steps, values) for _, steps, values in whole])
    return Curve(grid.astype(np.int64), values, lines)


def _counts(row: TrialRow, step: int, farthest: int) -> bool:
    return row.status == "done" or (row.status != "failed" and 2 * step >= farthest)


# ---------------------------------------------------------------------------------------------- lessons


@dataclass(frozen=True)
class LessonRow:
    """What became of asking a teacher about one level.

    Attributes:
        state: "kept", "replaced" or "dropped".
        tasks: what the world was given; empty where the lesson was dropped.
        failure: kind of failure; empty where it was kept.
    """

    level_seed: int | None
    state: str
    tasks: tuple[dict[str, Any], ...]
    model: str
    attempts: int
    failure: str
    reason: str

    @property
    def kept(self) -> bool:
        return self.state in USABLE


def read_lessons(store: Store, teacher: str) -> list[LessonRow]:
    """A teacher's lessons, by level; `teacher` is the hash of its settings."""
    rows = store.query(
        "SELECT level_seed, state, lesson, model, attempts, reason FROM lessons WHERE teacher = ? "
        "ORDER BY level_seed, id",
        (teacher,),
    )
    return [
        LessonRow(
            level_seed,
            state,
            tuple(json.loads(lesson)["tasks"]) if lesson else (),
            model or "",
            attempts,
            "" if state in USABLE else reason.removeprefix("unavailable: ").partition(":")[0],
            reason,
        )
        for level_seed, state, lesson, model, attempts, reason in rows
    ]


@dataclass(frozen=True)
class Reached:
    """How far agents got in one level while they learned.

    Attributes:
        subgoals: how many the level's lesson has.
        at_least: episodes in which at least 0, 1, ..., `subgoals` of them were reached, in their order.
    """

    level_seed: int
    episodes: int
    successes: int
    subgoals: int
    at_least: tuple[int, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the episodes in which subgoal 1, 2, ... was reached."""
        return tuple(count / self.episodes for count in self.at_least[1:])


def read_reached(store: Store, trials: Sequence[int]) -> dict[int, Reached]:
    """By level seed, summed over trials (their row ids); only levels whose lesson has subgoals."""
    found: dict[int, Reached] = {}
    marks = ", ".join("?" * len(trials))
    for seed, episodes, successes, subgoals, text in store.query(
        "SELECT level_seed, episodes, successes, subgoals, reached FROM lesson_progress "
        f"WHERE trial IN ({marks}) AND subgoals > 0 ORDER BY level_seed, trial",
        tuple(trials),
    ):
        counts = (json.loads(text) + [0] * (subgoals + 1))[: subgoals + 1]
        if before := found.get(seed):
            width = max(subgoals, before.subgoals) + 1
            counts = [sum(pair) for pair in zip(_pad(counts, width), _pad(before.at_least, width), strict=True)]
            episodes, successes, subgoals = episodes + before.episodes, successes + before.successes, width - 1
        found[seed] = Reached(seed, episodes, successes, subgoals, tuple(counts))
    return found


def _pad(counts: Sequence[int], width: int) -> list[int]:
    return [*counts, *[0] * (width - len(counts))]


@dataclass(frozen=True)
class SubgoalShare:
    """Over all levels whose lesson has a k-th subgoal: in how many of their episodes it was reached."""

    number: int
    levels: int
    episodes: int
    reached: int

    @property
    def share(self) -> float:
        return self.reached / self.episodes if self.episodes else 0.0


def subgoal_shares(levels: Sequence[Reached]) -> list[SubgoalShare]:
    """One entry for the first, second, ... subgoal, over all levels."""
    shares = []
    for number in range(1, max((level.subgoals for level in levels), default=0) + 1):
        having = [level for level in levels if level.subgoals >= number]
        episodes, reached = sum(level.episodes for level in having), sum(level.at_least[number] for level in having)
        shares.append(SubgoalShare(number, len(having), episodes, reached))
    return shares


# ---------------------------------------------------------------------------------------------- calls


@dataclass(frozen=True)
class CallTotals:
    """Sums over calls.

    Attributes:
        calls: of the model itself, as budgets count them; answers that were there already are none.
        reused: answers taken from the run's own ledger, a cache or a recorded run, by where from ("cache", "replay").
        retries: calls that repeated a request with the error told.
        failures: calls by kind of failure, "budget" too, of which none was made.
        tokens_in, tokens_out: sums over calls; None where a live reply's are unknown.
        seconds: waited for replies, summed over calls that may have run side by side.
        price: US dollars; None where a live reply's is unknown.
        priced: US dollars, of those whose price is known.
        unpriced: live replies whose price is unknown.
    """

    calls: int
    reused: dict[str, int]
    retries: int
    failures: dict[str, int]
    tokens_in: int | None
    tokens_out: int | None
    seconds: float
    price: float | None
    priced: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True)
class CallSummary(CallTotals):
    """Calls of a teacher's language models.

    Attributes:
        models: names of the models.
        by_model: the same for each of them.
    """

    models: tuple[str, ...] = ()
    by_model: tuple[tuple[str, CallTotals], ...] = ()


_OF_CALLS = "origin, retry, error_kind, tokens_in, tokens_out, seconds, price, model, reply IS NULL"


def read_calls(store: Store, teacher: str) -> CallSummary:
    """The calls made for a teacher; `teacher` is the hash of its settings."""
    return summarize_calls(store, "teacher = ?", (teacher,))


def summarize_calls(store: Store, where: str = "1", parameters: Sequence[Any] = ()) -> CallSummary:
    """Calls of the ledger, chosen by SQL with question marks for the parameters."""
    rows = store.query(f"SELECT {_OF_CALLS} FROM calls WHERE {where}", tuple(parameters))
    models = tuple(sorted({row[7] for row in rows}))
    by_model = tuple((model, CallTotals(**_totals([row for row in rows if row[7] == model]))) for model in models)
    return CallSummary(**_totals(rows), models=models, by_model=by_model)


def _totals(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    live = [row for row in rows if row[0] == "live"]
    # What a call cost that got no reply is not known either, but nobody charges for most of them.
    answered = [row for row in live if not (row[8] and row[2])]

    def total(column: int) -> Any:
        values = [row[column] for row in answered]
        return None if None in values or not rows else sum(values)

    prices = [row[6] for row in answered]
    return {
        "calls": len(live),
        "reused": dict(Counter(row[0] for row in rows if row[0] in ("cache", "replay"))),
        "retries": sum(row[1] > 0 for row in rows),
        "failures": dict(Counter(row[2] for row in rows if row[2]).most_common()),
        "tokens_in": total(3),
        "tokens_out": total(4),
        "seconds": sum(row[5] for row in live),
        "price": total(6),
        "priced": sum(price for price in prices if price is not None),
        "unpriced": prices.count(None),
    }


# ---------------------------------------------------------------------------------------------- events, times


TOOK_OVER = "took_over"
"""Kind of the event in the run of a population's member that took over another: no failure."""


@dataclass(frozen=True)
class EventCount:
    """Failures and fallbacks of one kind, with the message of the last."""

    kind: str
    count: int
    last: str


def read_events(store: Store) -> list[EventCount]:
    """By kind, the most frequent first; without take-overs."""
    rows = store.query(
        "SELECT kind, count(*), (SELECT message FROM events AS e WHERE e.kind = events.kind ORDER BY id DESC LIMIT 1) "
        "FROM events WHERE kind != ? GROUP BY kind ORDER BY count(*) DESC, kind",
        (TOOK_OVER,),
    )
    return [EventCount(*row) for row in rows]


def read_take_overs(store: Store) -> list[str]:
    """What each take-over of a population's member says, in their order."""
    return [
        message for (message,) in store.query("SELECT message FROM events WHERE kind = ? ORDER BY id", (TOOK_OVER,))
    ]


@dataclass(frozen=True)
class TrialTimes:
    """Where a trial's time went: seconds by part ("step", "act", "learn", "evaluation", "iteration")."""

    seconds: dict[str, float]
    steps_per_second: float | None
    """Median over iterations, evaluations left out."""


def read_times(store: Store) -> dict[int, TrialTimes]:
    """By row id of the trial."""
    sums: dict[int, dict[str, float]] = {}
    for trial, name, seconds in store.query(
        "SELECT trial, name, sum(value) FROM metrics WHERE name LIKE 'time/%' AND value IS NOT NULL "
        "GROUP BY trial, name"
    ):
        sums.setdefault(trial, {})[name.removeprefix("time/")] = seconds
    speeds: dict[int, list[float]] = {}
    for trial, value in store.query(
        "SELECT trial, value FROM metrics WHERE name = 'speed/steps_per_second' AND value IS NOT NULL"
    ):
        speeds.setdefault(trial, []).append(value)
    return {
        trial: TrialTimes(sums.get(trial, {}), float(np.median(speeds[trial])) if speeds.get(trial) else None)
        for trial in sums.keys() | speeds.keys()
    }
