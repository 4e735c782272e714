"""What exams found, as tables, as figures, and as error rates for studies that cost nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.exam import NO_ANSWER, UNPARSEABLE, Examined
from palaestra.statistics import Interval, bootstrap, wilson

UNKNOWN = "unknown"
NOTHING = "–"

_LESSONS = (
    "teacher", "model", "levels", "parse %", "valid %", "useful %", "calls", "seconds", "tokens",
    "$ per 1,000 levels",
)  # fmt: skip
_MISTAKES = (
    "teacher", "entries", "right %", "wrong", "off by", "missing %", "superfluous %", "swapped %",
    "in place %", "error",
)  # fmt: skip
_REPLIES = (
    "teacher", "calls", "remembered", "usable", "unparseable", "invalid", "no answer", "no reply",
    "levels without a lesson",
)  # fmt: skip


class NotMeasured(ValueError):
    """Error rates that an exam could not measure; the message says why."""


def exam_results(world_id: str, exams: Sequence[Examined], notes: Sequence[str] = ()) -> BenchResults:
    """Tables of what the lessons are worth and cost, of the mistakes in them, and of what became of the calls.

    Args:
        world_id: in which they were examined.
        exams: at least one.
        notes: further sentences.
    """
    return BenchResults(
        tables=(
            _lessons(world_id, exams),
            *([_mistakes(exams)] if any(exam.judgements for exam in exams) else []),
            _replies(exams),
        ),
        figures={"world": world_id, "exams": [_figures(exam) for exam in exams]},
        notes=tuple(notes),
    )


# ---------------------------------------------------------------------------------------------- tables


def _lessons(world_id: str, exams: Sequence[Examined]) -> BenchTable:
    rows = []
    for exam in exams:
        calls, levels = exam.calls, max(exam.levels, 1)
        rows.append(
            (
                exam.arm,
                exam.model,
                f"{exam.levels:,}",
                _share(exam.parsed, exam.levels),
                _share(exam.valid, exam.levels),
                _share(exam.useful, exam.levels) if exam.judged else "cannot be judged",
                f"{calls.made / levels:.2f}",
                f"{calls.seconds / levels:.2g}",
                UNKNOWN if calls.tokens is None else f"{calls.tokens / levels:,.0f}",
                UNKNOWN if calls.price is None else f"{1000 * calls.price / levels:,.2f}",
            )
        )
    return BenchTable(
        title=f"Lessons in {world_id}",
        columns=_LESSONS,
        rows=tuple(rows),
        note="Of all levels, after retries, with 95 % Wilson intervals. Useful: the world's solver finds a way to the "
        "goal that leads through the whole lesson in order, without a detour. Calls, seconds and tokens are per level.",
    )


def _mistakes(exams: Sequence[Examined]) -> BenchTable:
    rows = []
    for exam in exams:
        right, wrong = exam.total("right"), exam.distances("wrong")
        expected, neighbours = exam.total("expected"), exam.total("neighbours")
        rows.append(
            (
                exam.arm,
                f"{expected:,}",
                _share(right, right + len(wrong)),
                ", ".join(f"{count} {kind}" for kind, count in _wrong_kinds(exam).items()) or "0",
                _mean_and_sd(wrong),
                _share(exam.total("missing"), expected),
                _share(exam.total("superfluous"), expected),
                _share(exam.total("swapped"), neighbours),
                _share(exam.total("in_place"), expected),
                _mean_and_sd(exam.distances("errors")),
            )
        )
    return BenchTable(
        title="Mistakes in the lessons, entry by entry",
        columns=_MISTAKES,
        rows=tuple(rows),
        note="Beside the solver's own list. Right: of those that are not missing. Off by: distance of the wrong ones, "
        "mean ± sd. Swapped: of neighbours. In place and error (mean ± sd, 0 where right) compare the lists place by "
        "place, the accuracy and error of Words as Beacons.",
    )


def _replies(exams: Sequence[Examined]) -> BenchTable:
    rows = []
    for exam in exams:
        bad = Counter({kind: count for kind, count in exam.calls.replies.items() if kind})
        invalid = Counter({kind: n for kind, n in bad.items() if kind not in UNPARSEABLE and kind != NO_ANSWER})
        unparseable = Counter({kind: n for kind, n in bad.items() if kind in UNPARSEABLE})
        rows.append(
            (
                exam.arm,
                f"{exam.calls.made:,}",
                f"{exam.calls.remembered:,}",
                f"{exam.calls.replies['']:,}",
                _kinds(unparseable),
                _kinds(invalid),
                f"{bad[NO_ANSWER]:,}",
                _kinds(exam.calls.unavailable),
                f"{exam.levels - exam.valid:,}",
            )
        )
    return BenchTable(
        title="Calls, by what came of them",
        columns=_REPLIES,
        rows=tuple(rows),
        note="Remembered: answered before, from a cache or for a level that is alike; no call was made.",
    )


def _wrong_kinds(exam: Examined) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for one in exam.judgements.values():
        if one.wrong:
            kinds[one.wrong_kind] += len(one.wrong)
    return kinds


def _share(count: int, of: int) -> str:
    """In per cent, with its interval."""
    if not of:
        return NOTHING
    interval = wilson(count, of)
    return f"{_percent(interval.value)} ({_percent(interval.low)} to {_percent(interval.high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def _mean_and_sd(distances: Sequence[float]) -> str:
    return f"{np.mean(distances):.2f} ± {np.std(distances):.2f}" if distances else NOTHING


def _kinds(counts: Counter[str]) -> str:
    if not counts:
        return "0"
    parts = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())
    return f"{counts.total():,}: {parts}"


# ---------------------------------------------------------------------------------------------- figures


def _figures(exam: Examined) -> dict[str, Any]:
    """Unrounded, JSON-able."""
    right, wrong, errors = exam.total("right"), exam.distances("wrong"), exam.distances("errors")
    counts = {name: exam.total(name) for name in ("expected", "in_place", "missing", "superfluous", "swapped",
                                                  "neighbours")}  # fmt: skip
    return {
        "arm": exam.arm,
        "teacher": exam.teacher,
        "model": exam.model,
        "ended": exam.ended,
        "levels": exam.levels,
        "parsed": _interval(exam.parsed, exam.levels),
        "valid": _interval(exam.valid, exam.levels),
        "useful": _interval(exam.useful, exam.levels) if exam.judged else None,
        "unanswered": exam.unanswered,
        "entries": {
            **counts,
            "right": right,
            "wrong": dict(_wrong_kinds(exam)),
            "accuracy": _interval(right, right + len(wrong)),
            "accuracy_in_place": _interval(counts["in_place"], counts["expected"]),
            "wrong_distance": _spread(wrong),
            "error": _spread(errors),
        },
        "calls": {
            "made": exam.calls.made,
            "remembered": exam.calls.remembered,
            "replies": {kind or "usable": count for kind, count in exam.calls.replies.items()},
            "unavailable": dict(exam.calls.unavailable),
            "seconds": exam.calls.seconds,
            "tokens": exam.calls.tokens,
            "price": exam.calls.price,
        },
    }


def _interval(count: int, of: int) -> dict[str, float] | None:
    return asdict(wilson(count, of)) if of else None


def _spread(distances: Sequence[float]) -> dict[str, float] | None:
    """Mean with its bootstrap interval, and standard deviation."""
    if not distances:
        return None
    mean: Interval = bootstrap(distances)
    return {**asdict(mean), "sd": float(np.std(distances))}


# ---------------------------------------------------------------------------------------------- error rates


def noisy_settings(exam: Examined) -> dict[str, Any]:
    """The backend `noisy` with the error rates that an exam found, as `teacher.model` in a spec.

    Raises:
        NotMeasured: the world could not judge the lessons, or there were none.
    """
    if not exam.judgements:
        reason = "no level got a lesson" if not exam.valid else "the world cannot judge its lessons"
        raise NotMeasured(f"the error rates of '{exam.arm}' are not known: {reason}")
    right, wrong = exam.total("right"), exam.distances("wrong")
    present, expected, neighbours = right + len(wrong), exam.total("expected"), exam.total("neighbours")
    rates = {
        "accuracy": right / present if present else 1.0,
        "distance_mean": float(np.mean(wrong)) if wrong else 0.0,
        "distance_std": float(np.std(wrong)) if wrong else 0.0,
        "missing": exam.total("missing") / expected if expected else 0.0,
        "swapped": exam.total("swapped") / neighbours if neighbours else 0.0,
    }
    rounded = {name: round(rate, 4) for name, rate in rates.items()}
    return {"backend": "noisy", **rounded, "inner": {"backend": "scripted"}}


def noisy_yaml(world_id: str, exams: Sequence[Examined], command: str) -> str:
    """Arms of a spec whose teachers make mistakes as often as the examined ones, and cost nothing.

    Raises:
        NotMeasured: those of one of them are not known.
    """
    import yaml

    arms = {exam.arm: {"teacher": {"model": noisy_settings(exam)}} for exam in exams}
    measured = "\n".join(f"# {exam.arm}: {exam.model}, {exam.levels} levels of {world_id}" for exam in exams)
    text = yaml.safe_dump({"arms": arms}, sort_keys=False, default_flow_style=None, width=110)
    return f"# Error rates measured by `{command}`:\n{measured}\n{text}"
