"""`report.html` of a study of motions: rates, films, programs and failures in one file that opens anywhere, offline."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from palaestra.checkpoint import write_atomically
from palaestra.motions.driving import Attempted
from palaestra.motions.films import film_path
from palaestra.motions.study import Case
from palaestra.motions.table import study_results, success_rate
from palaestra.motions.tasks import INTERFACES, Check, MotionStudy, MotionTask

FILE = "report.html"
GOOD = 0.9
"""A rate of successes from which on a task counts as done."""


def write_page(
    study: MotionStudy, folder: Path, found: Mapping[Case, Attempted], filmed: Sequence[Case], no_films: str = ""
) -> Path:
    """Writes the page into the study's folder, however far it is, and returns its path.

    Args:
        study: what is shown.
        folder: of its results and films.
        found: attempts that were made.
        filmed: which of them there are films of.
        no_films: why there are none; "" where there are.

    Raises:
        OSError: the file cannot be written.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("palaestra.motions"), jinja2.PackageLoader("palaestra.report")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    results = study_results(study, found)
    html = environment.get_template("motions.html.j2").render(
        name=study.name,
        description=study.description,
        summary=summary(study, found),
        teacher=" ".join(results.notes),
        planner=f"Planner: {study.planner.kind.replace('_', ' ')}.",
        no_films=no_films,
        tables=results.tables,
        tasks=[_task(study.tasks[name], name, folder, found, filmed) for name in study.tasks],
        made=f"Made by {results.surroundings['command']} on {results.machine_line()}.",
    )
    path = folder / FILE
    write_atomically(path, html.encode())
    return path


def summary(study: MotionStudy, found: Mapping[Case, Attempted]) -> str:
    """How many tasks each interface does, in words."""
    parts = []
    for interface, words in INTERFACES.items():
        rates = [rate for task in study.tasks if (rate := success_rate(found, task, interface)) is not None]
        if rates:
            done = sum(rate >= GOOD for rate in rates)
            parts.append(f"{words}: {done} of {len(rates)} tasks in {GOOD:.0%} of attempts or more")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else "Nothing has been tried yet."


def _task(
    task: MotionTask, name: str, folder: Path, found: Mapping[Case, Attempted], filmed: Sequence[Case]
) -> dict[str, Any]:
    """What the page shows of one task."""
    films = [
        {
            "url": f"data:video/mp4;base64,{b64encode(film_path(folder, case).read_bytes()).decode('ascii')}",
            "success": found[case].success,
            "why": found[case].why,
            "by": INTERFACES[case.interface],
            "seed": case.seed,
        }
        for case in filmed
        if case.task == name
    ]
    shown = next((one for case, one in found.items() if case.task == name and one.programs), None)
    return {
        "name": name.replace("_", " "),
        "said": [turn.say for turn in task.turns],
        "hold": f"{task.success.hold:g}",
        "checks": "; ".join(_check(check) for check in task.success.checks),
        "films": films,
        "program": "\n\n".join(shown.programs) if shown else "",
        "reached": shown.reached if shown else [],
    }


def _check(check: Check) -> str:
    within = "" if check.within is None else f" within {check.within:g}"
    return f"{check.measure}{' on average' if check.mean else ''} {check.bounds_in_words()}{within}"
