"""`report.html` and `report.md` of a sweep: all variants in one table and one picture, in files that open offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from palaestra.checkpoint import write_atomically
from palaestra.report.plots import intervals_picture
from palaestra.run import RunError
from palaestra.sweep.folder import STOPPED_EARLY, FoundTrial, Sweep
from palaestra.sweep.history import History, histories_as_markdown, read_histories, sections
from palaestra.sweep.results import WORDS, VariantResult, as_markdown, columns, read_results

MOST_DRAWN = 24


def write_report(sweep: Sweep) -> Path:
    """Writes the reports into the sweep's folder, however far it is, and returns the page's path.

    Raises:
        RunError: a file cannot be written.
        StoreError: a trial's store cannot be read.
    """
    trials = sweep.trials()
    results = read_results(trials, sweep.measure)
    histories = read_histories(sweep, trials)
    made = _made(trials)
    path = sweep.folder / "report.html"
    tables = as_markdown(results, sweep.measure) + histories_as_markdown(histories)
    text = f"# {sweep.name}\n\n{summary(trials)}\n\n{tables}\n{made}\n"
    try:
        write_atomically(sweep.folder / "report.md", text.encode())
        write_atomically(path, _page(sweep, trials, results, histories, made).encode())
    except OSError as error:
        raise RunError(f"{sweep.folder} cannot be written: {error.strerror or error}") from error
    return path


def _page(
    sweep: Sweep,
    trials: Sequence[FoundTrial],
    results: Sequence[VariantResult],
    histories: Sequence[History],
    made: str,
) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader("palaestra.sweep"), jinja2.PackageLoader("palaestra.report")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = [result for result in results if result.interval is not None][:MOST_DRAWN]
    return environment.get_template("sweep.html.j2").render(
        name=sweep.name,
        description=sweep.description,
        summary=summary(trials),
        measure=WORDS[sweep.measure],
        picture=_picture(sweep, drawn),
        shown=len(drawn),
        columns=columns(sweep.measure),
        results=[result.cells() for result in results],
        populations=[{"name": history.name, "sections": sections(history)} for history in histories],
        failures=[_failure(trial) for trial in trials if trial.status == "failed"],
        made=made,
    )


def _picture(sweep: Sweep, drawn: Sequence[VariantResult]) -> str:
    several = len({result.arm for result in drawn}) > 1
    rows = [
        (f"{result.arm}: {result.variant.name}" if several else result.variant.name, result.interval, result.last)
        for result in drawn
    ]
    return intervals_picture(
        [(name, interval, values) for name, interval, values in rows if interval is not None],
        f"{WORDS[sweep.measure]} at the end, by variant",
        share=sweep.measure == "success",
    )


def _failure(trial: FoundTrial) -> dict[str, Any]:
    return {"name": trial.name, "message": trial.row.message}


def summary(trials: Sequence[FoundTrial]) -> str:
    """How far a sweep is, in words."""
    counts = {status: sum(trial.status == status for trial in trials) for status in ("done", STOPPED_EARLY, "failed")}
    parts = [f"{counts['done']} of {len(trials)} trials done"]
    parts += [f"{counts[status]} {status}" for status in (STOPPED_EARLY, "failed") if counts[status]]
    return ", ".join(parts) + "."


def _made(trials: Sequence[FoundTrial]) -> str:
    with trials[0].run.open_store(read_only=True) as store:
        info = store.info()
    machine = info["machine"]
    return (
        f"Made by `{info['command']}`, commit {info['commit'] or 'unknown'}, {machine['processor']}, "
        f"{machine['cores']} cores."
    )
