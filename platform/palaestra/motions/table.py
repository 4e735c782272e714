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
    means = [_mean([success_rate(found, task, name) for task in tasks]) for name in used]
    table = BenchTable(
        f"{study.name}: share of attempts that pass the task's test",
        ("task", *(INTERFACES[name] for name in used)),
        (*rows, ("mean of tasks", *means)),
        "Successes of attempts; in brackets what Language to Rewards reports (arXiv 2306.08647), with another robot, "
        f"another planner and another model. {_speed(found)}".strip(),
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


def success_rate(found: Mapping[Case, Attempted], task: str, interface: Interface) -> float | None:
    """Share of the attempts that passed; None where there are none."""
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
    """How fast it went; by the clock that depends on what else ran, by processor time it does not."""
    timed = [one for one in found.values() if one.seconds and one.processor]
    seconds = sum(one.seconds for one in timed)
    if not seconds:
        return ""
    processor, wall = sum(one.processor for one in timed) / seconds, sum(one.planning for one in timed) / seconds
    return (
        f"A second of motion took {processor:.1f} s of processor time, and {wall:.1f} s by the clock with all else "
        "that ran."
    )
