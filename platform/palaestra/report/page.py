"""`report.html`: everything that a run found, in one file that opens anywhere, offline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from palaestra.checkpoint import write_atomically
from palaestra.report import text
from palaestra.report.arms import TAUGHT, ArmResult, Standing, read_arms, standings
from palaestra.report.calls import COLUMNS
from palaestra.report.environments import read_courses
from palaestra.report.objectives import TRAINED, Score, read_objectives, read_scores, read_worlds, score_cells
from palaestra.report.pictures import arms_to_film, film
from palaestra.report.places import NOVELTY, read_places
from palaestra.report.plots import THRESHOLDS, learning_curves, legend_key, metric_curves, style_of
from palaestra.report.teaching import calls_cells, read_teachings
from palaestra.report.words import describe_teacher, role, state_of, summary, summary_of_scores, untaught
from palaestra.results import TrialTimes, metric_curve, read_events, read_take_overs, read_times
from palaestra.run import Run, RunError
from palaestra.statistics import trimmed_mean

FILE = "report.html"
_PARTS = ("step", "act", "learn", "evaluation")
"""Where a trial's time goes, in the order of the page."""


def write_report(run: Run) -> Path:
    """Writes `report.html` into the run folder, however far the run is, and returns its path.

    Raises:
        RunError: the file cannot be written.
        StoreError: the run's store cannot be read.
    """
    path = run.folder / FILE
    try:
        write_atomically(path, render(run).encode())
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}; make room or check the folder") from error
    return path


def render(run: Run) -> str:
    """The page's HTML.

    Raises:
        StoreError: the run's store cannot be read.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("palaestra.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "steps": lambda number: text.unbroken(text.steps(number)),
        "seconds": lambda length: text.unbroken(text.seconds(length)),
        "percent": lambda share: text.unbroken(text.percent(share)),
        "count": lambda number: text.unbroken(text.count(number)),
        "unbroken": text.unbroken,
        "names": lambda words: text.names(list(words)),
    }
    return environment.get_template("report.html.j2").render(content(run))


def content(run: Run) -> dict[str, Any]:
    """What the template shows, by name."""
    with run.open_store(read_only=True) as store:
        arms = read_arms(run, store)
        teachings = read_teachings(store, arms)
        courses, scores = read_courses(store, arms), read_scores(store, arms)
        names, measure = read_worlds(store, arms)
        objectives = [read_objectives(store, arms, names), read_objectives(store, arms, names, TRAINED)]
        events, take_overs = read_events(store), read_take_overs(store)
        times = read_times(store)
        novelty = [metric_curve(store, arm.trials, NOVELTY) for arm in arms]
        info = store.info()
    tables = {threshold: standings(arms, threshold) for threshold in THRESHOLDS}
    first = tables[THRESHOLDS[0]]
    scored = any(score.final for score in scores)
    baselines = scores if scored else first
    baseline = next((standing.arm for standing in baselines if standing.baseline), None)
    measures = (("score", "Score, %"),) if scored else (("success", "Success"),)
    return {
        "name": run.spec.name,
        "description": run.spec.description,
        "written": time.strftime("%Y-%m-%d %H:%M"),
        "state": state_of(arms),
        "finished": all(arm.finished for arm in arms),
        "summary": summary_of_scores(scores, measure) if scored else summary(first, THRESHOLDS[0]),
        "figures": _score_figures(scores) if scored else _figures(first, teachings),
        "teachers": _teachers(arms),
        "untaught": untaught(arms),
        "measure": measure,
        "scores": [(score.arm.name, role(score.arm), *score_cells(score)) for score in scores] if scored else [],
        "worlds": sorted({arm.spec.world.id for arm in arms}),
        "legend": [(arm.name, legend_key(style_of(k))) for k, arm in enumerate(arms)],
        "plots": [
            plot
            for name, title in (*measures, ("return_mean", "Return"))
            if (plot := (title, learning_curves(arms, name, f"{title} over environment steps")))[1]  # pyright: ignore[reportArgumentType]
        ],
        "novelty": metric_curves(arms, novelty, "Reward for novelty over environment steps"),
        "places": read_places(run, arms),
        "taught_measured": any(trial.evaluations.get(TAUGHT) for arm in arms for trial in arm.trials),
        "episodes": sorted({arm.spec.evaluation.episodes for arm in arms}),
        "every": sorted({arm.spec.evaluation.every for arm in arms}),
        "stop_early": any(arm.spec.budget.until_success is not None for arm in arms),
        "failed": [f"{arm.name} ({arm.failed} of {len(arm.trials)} seeds)" for arm in arms if arm.failed],
        "thresholds": THRESHOLDS,
        "standings": [
            _arm_cells(arm, [tables[threshold][k] for threshold in THRESHOLDS]) for k, arm in enumerate(arms)
        ],
        "films": film(run, arms_to_film(arms, baseline)),
        "teachings": [(teaching, calls_cells(teaching.calls)) for teaching in teachings],
        "call_columns": COLUMNS,
        "courses": courses,
        "objectives": objectives,
        "events": events,
        "take_overs": take_overs,
        "times": _times(arms, times),
        "trials": _trials(arms, times),
        "spec": run.spec.to_yaml(),
        "surroundings": _surroundings(info),
        "folder": run.folder.name,
    }


def _figures(found: Sequence[Standing], teachings: Sequence[Any]) -> list[tuple[str, str]]:
    """The few numbers that the page begins with, and what each is."""
    goal = text.percent(THRESHOLDS[0])
    without = untaught([standing.arm for standing in found])
    figures = []
    taught = [standing for standing in found if standing.arm.taught and standing.result]
    baseline = next((standing for standing in found if standing.baseline), None)
    if taught:
        fastest = min(taught, key=lambda standing: standing.result.median.value if standing.result else 0.0)
        figures.append((_short(fastest), f"steps to {goal} success, {fastest.arm.name} (taught, acting alone)"))
        if fastest.ratio is not None:
            value = f"{fastest.ratio.relation.replace('=', '')} {text.times(fastest.ratio.interval.value)} ×"
            figures.append((value.strip(), f"fewer steps than the best arm {without}"))
    if baseline is not None:
        figures.append((_short(baseline), f"steps to {goal} success, {baseline.arm.name} (best {without})"))
    if teachings:
        lessons, calls = sum(teaching.kept for teaching in teachings), [teaching.calls for teaching in teachings]
        prices = [summary.price for summary in calls]
        price = None if None in prices else sum(value for value in prices if value is not None)
        total = text.count(sum(summary.calls for summary in calls))
        figures.append((text.count(lessons), f"lessons kept, of {total} calls; price {text.price(price)}"))
    return figures


def _score_figures(scores: Sequence[Score]) -> list[tuple[str, str]]:
    """The same of a run whose world has a measure of its own."""
    measured = [score for score in scores if score.final is not None]
    best = max(measured, key=lambda score: score.final.value if score.final else 0.0)
    taught = [score for score in measured if score.arm.taught]
    shown = max(taught, key=lambda score: score.final.value if score.final else 0.0) if taught else best
    figures = [(text.points(shown.final, 1), f"score, {shown.arm.name}{' (taught)' * bool(taught)}")]
    for score in measured:
        if taught and score.baseline:
            figures.append((text.points(score.final, 1), f"score, {score.arm.name} (best untaught)"))
            if shown.points is not None:
                figures.append((f"{shown.points.value:+.1f}", f"points, {shown.arm.name} beside {score.arm.name}"))
    return figures


def _short(standing: Standing) -> str:
    result = standing.result
    assert result is not None
    return text.steps(result.median.value) if result.known else f"> {text.steps(result.searched)}"


def _teachers(arms: Sequence[ArmResult]) -> list[tuple[str, str, list[str]]]:
    """What it is ("Teacher" or "Baseline"), its description, and its arms."""
    found: dict[tuple[str, str], list[str]] = {}
    for arm in arms:
        if arm.spec.teacher is not None:
            kind = "Teacher of" if arm.taught else "Baseline"
            found.setdefault((kind, describe_teacher(arm.spec.teacher)), []).append(arm.name)
    return [(kind, description, names) for (kind, description), names in found.items()]


def _arm_cells(arm: ArmResult, found: Sequence[Standing]) -> dict[str, Any]:
    """One row of the table of results."""
    final, taught = arm.final(), arm.final(TAUGHT)
    last = [trial.series("alone", "success")[1][-1] for trial in arm.measured]
    return {
        "name": arm.name,
        "role": role(arm),
        "thresholds": [_cell(arm, standing) for standing in found],
        "final": text.percents(final, len(last)),
        "trimmed": text.percent(trimmed_mean(last)) if len(last) >= 4 else "",
        "with_lessons": text.percent(taught.value) if taught else "",
    }


def _cell(arm: ArmResult, standing: Standing) -> dict[str, str]:
    result = standing.result
    if result is None:
        return {"steps": "not measured", "reached": "", "ratio": ""}
    found = standing.ratio
    if standing.baseline:
        compared = "the best untaught arm"
    elif found is None:
        compared = ""
    else:
        compared = f"{text.ratio(found, result.seeds)} × fewer steps"
    return {
        "steps": text.to_threshold(result, arm.finished),
        "reached": f"{result.reached} of {result.seeds} seeds reached it",
        "ratio": compared,
    }


def _times(arms: Sequence[ArmResult], times: dict[int, TrialTimes]) -> list[dict[str, Any]]:
    """Where the time of each arm went: shares of what its trials took together."""
    rows = []
    for arm in arms:
        found = [times[trial.row.id] for trial in arm.trials if trial.row.id in times]
        seconds = {part: sum(time.seconds.get(part, 0.0) for time in found) for part in _PARTS}
        total = sum(time.seconds.get("iteration", 0.0) for time in found) + seconds["evaluation"]
        if total <= 0:
            continue
        seconds["other"] = max(total - sum(seconds.values()), 0.0)
        speeds = [time.steps_per_second for time in found if time.steps_per_second is not None]
        rows.append(
            {
                "arm": arm.name,
                "speed": sum(speeds) / len(speeds) if speeds else 0.0,
                "total": total,
                "parts": [(part, spent, spent / total) for part, spent in seconds.items()],
            }
        )
    return rows


def _trials(arms: Sequence[ArmResult], times: dict[int, TrialTimes]) -> list[dict[str, Any]]:
    """One row for each trial."""
    return [
        {
            "name": trial.row.name,
            "status": trial.row.status,
            "message": trial.row.message,
            "steps": trial.row.steps,
            "budget": arm.spec.budget.steps,
            "seconds": trial.row.seconds,
            "speed": times[trial.row.id].steps_per_second if trial.row.id in times else None,
            "final": text.percent(alone[-1]) if (alone := trial.series("alone", "success")[1]) else "",
        }
        for arm in arms
        for trial in arm.trials
    ]


def _surroundings(info: dict[str, Any]) -> list[tuple[str, str]]:
    """Machine, versions, command, commit: what a result depends on besides the spec."""
    machine, versions = info.get("machine", {}), info.get("versions", {})
    created = info.get("created")
    rows = [
        (
            "Machine",
            f"{machine.get('processor', '')}, {machine.get('cores', text.UNKNOWN)} cores, {machine.get('system', '')}",
        ),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("Command", info.get("command", "")),
        ("Commit", info.get("commit", "")),
        ("Begun", time.strftime("%Y-%m-%d %H:%M", time.localtime(created)) if created else ""),
    ]
    return [(name, value or text.UNKNOWN) for name, value in rows]
