"""Puts the commands together. Their modules import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from palaestra.cli import (
    asking,
    bench,
    calls,
    doctor,
    evaluating,
    exam,
    exporting,
    judging,
    listing,
    motions,
    new,
    planning,
    playing,
    reporting,
    running,
    selecting,
    serving,
    sweeping,
    watching,
)
from palaestra.cli.errors import DEBUG
from palaestra.cli.output import examples

app = typer.Typer(
    name="palaestra",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "palaestra run beacons/main",
        "palaestra ask beacons/main --level 3",
        "palaestra list worlds",
        title="Begin with",
    ),
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"palaestra {version('palaestra')}")
        raise typer.Exit


@app.callback()
def palaestra(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", envvar=DEBUG, help="Show the traceback of errors.")] = False,
) -> None:
    """Trains embodied agents with language models as their teachers, and measures what the teaching is worth."""
    if debug:
        os.environ[DEBUG] = "1"


app.command("run", epilog=examples(*running.RUN_EXAMPLES))(running.run)
app.command("resume", epilog=examples(*running.RESUME_EXAMPLES))(running.resume)
app.command("sweep", epilog=examples(*sweeping.EXAMPLES))(sweeping.sweep)
app.command("ask", epilog=examples(*asking.EXAMPLES))(asking.ask)
app.command("exam", epilog=examples(*exam.EXAMPLES))(exam.exam)
app.command("eval", epilog=examples(*evaluating.EXAMPLES))(evaluating.evaluate)
app.command("watch", epilog=examples(*watching.EXAMPLES))(watching.watch)
app.command("judge", epilog=examples(*judging.EXAMPLES))(judging.judge)
app.command("play", epilog=examples(*playing.EXAMPLES))(playing.play)
app.command("calls", epilog=examples(*calls.EXAMPLES))(calls.calls)
app.command("report", epilog=examples(*reporting.REPORT_EXAMPLES))(reporting.report)
app.command("compare", epilog=examples(*reporting.COMPARE_EXAMPLES))(reporting.compare)
app.command("export", epilog=examples(*exporting.EXAMPLES))(exporting.export)
app.command("motions", epilog=examples(*motions.EXAMPLES))(motions.motions)
app.command("plan", epilog=examples(*planning.EXAMPLES))(planning.plan)
app.command("selector", epilog=examples(*selecting.EXAMPLES))(selecting.selector)
app.command("new", epilog=examples(*new.EXAMPLES))(new.new)
app.command("serve-teacher", epilog=examples(*serving.EXAMPLES))(serving.serve_teacher)
app.command("doctor", epilog=examples(*doctor.EXAMPLES))(doctor.doctor)
app.command("list", epilog=examples(*listing.EXAMPLES))(listing.list_installed)
app.add_typer(bench.app, name="bench", help="Measure speed beside the peers, and exactness.")
