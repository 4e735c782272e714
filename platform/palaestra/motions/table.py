"""The table of a study of motions, beside the figures of Language to Rewards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.motions.driving import Attempted
from palaestra.motions.study import Case
from palaestra.motions.tasks import INTERFACES, Interface, MotionStudy


def study_results(study: MotionStudy, found: Mapping[Case, Attempted]) -> BenchResults:
    """Success rates by task and interface, the paper's in parentheses, and why attempts failed."""
    used: list[Interface] = [name for name in INTERFACES if any(case.interface == name for case in found)]
    tasks = [name for name in study.tasks if any(case.task == name for case in found)]
    rows = [(task, *(_cell(study, found, task, name) for name in used)) for task in tasks]
    means = [_mean([_rate(found, task, name) for task in tasks]) for name in used]
    table = BenchTable(
        f"{study.name}: share of attempts that pass the task's test",
        ("task", *(INTERFACES[name] for name in used)),
        (*rows, ("mean of tasks", *means)),
        "Successes of attempts; in brackets what Language to Rewards reports (arXiv 2306.08647), with another robot, "
        "another planner and another model. " + _speed(found),
    )
    failures = [
        (case.task, INTERFACES[case.interface], str(case.seed), one.why) for case, one in found.items() if one.why
    ]
    tables = (table, BenchTable("Attempts that failed", ("task", "programs by", "seed", "why"), tuple(failures)))
    model = str(study.teacher.model.get("backend"))
    figures = {
        "model": study.teacher.model.get("model", model),
        "attempts": [asdict(case) | asdict(one) for case, one in found.items()],
    }
    return BenchResults(tables if failures else tables[:1], figures, (f"Programs by the language model '{model}'.",))


def _attempts(found: Mapping[Case, Attempted], task: str, interface: Interface) -> list[Attempted]:
    return [one for case, one in found.items() if (case.task, case.interface) == (task, interface)]


def _rate(found: Mapping[Case, Attempted], task: str, interface: Interface) -> float | None:
    tried = _attempts(found, task, interface)
    return sum(one.success for one in tried) / len(tried) if tried else None


def _cell(study: MotionStudy, found: Mapping[Case, Attempted], task: str, interface: Interface) -> str:
    tried = _attempts(found, task, interface)
    reported = next((rate for name, rate in study.tasks[task].paper.items() if name == interface), None)
    paper = "" if reported is None else f" [{reported:.2f}]"
    return f"{sum(one.success for one in tried)}/{len(tried)}{paper}" if tried else f"-{paper}"


def _mean(rates: list[float | None]) -> str:
    known = [rate for rate in rates if rate is not None]
    return f"{sum(known) / len(known):.2f}" if known else "-"


def _speed(found: Mapping[Case, Attempted]) -> str:
    seconds, wall = (sum(getattr(one, name) for one in found.values()) for name in ("seconds", "planning"))
    return f"Planning and simulation took {wall / seconds:.1f} times real time." if seconds else ""
