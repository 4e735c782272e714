"""`palaestra sweep`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import FAILED, INTERRUPTED, CommandError
from palaestra.cli.output import console, plain_table
from palaestra.cli.specs import find_spec

if TYPE_CHECKING:
    from palaestra.progress import TrialProgress
    from palaestra.sweep.folder import FoundTrial, Sweep

SWEEPS = Path("sweeps")
SECONDS_BETWEEN_LINES = 10.0
MOST_ROWS = 20
"""Of the table in the terminal; the report has them all."""

EXAMPLES = (
    "palaestra sweep configs/sweeps/_learning-rate.yaml",
    "palaestra sweep my-sweep.yaml --jobs 4 --resume",
    "palaestra sweep my-sweep.yaml --ray auto --gpus 0.25",
    "palaestra sweep my-population.yaml --ray local --resume",
)


def sweep(
    spec: Annotated[Path, typer.Argument(metavar="SWEEP", help="A YAML file: a spec, and values for its keys.")],
    arms: Annotated[str | None, typer.Option("--arms", help="Which, commas between. [dim]default: all[/dim]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep if it was begun before.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Trials at a time, without Ray. [dim]default: processors[/dim]"),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="ADDRESS", help="Run on a Ray cluster: auto, local, or its head's address."),
    ] = None,
    gpus: Annotated[float, typer.Option("--gpus", min=0.0, help="GPUs of each trial, with Ray; fractions share.")] = 0,
    sweeps: Annotated[Path, typer.Option("--sweeps", help="Where sweep folders lie.")] = SWEEPS,
    dry: Annotated[bool, typer.Option("--dry", help="Only list the trials.")] = False,
) -> None:
    """Run a spec with several values of its keys: every variant, arm and seed an ordinary run folder.

    On one machine in processes, or on a cluster through Ray, whose nodes share the sweeps' folder. A population
    exchanges settings while it learns; it needs Ray.
    """
    from palaestra.sweep.folder import start_sweep
    from palaestra.sweep.page import summary, write_report
    from palaestra.sweep.spec import chosen_arms, load_sweep

    if not spec.is_file():
        raise CommandError(f"there is no file {spec}; a sweep is a YAML file with `run` and `parameters`")
    loaded = load_sweep(spec, find_spec)
    if arms is not None:
        loaded = chosen_arms(loaded, [arm.strip() for arm in arms.split(",")])
    if loaded.early_stopping is not None and ray is None:
        raise CommandError("early_stopping needs Ray's scheduler: add --ray local, or remove it")
    if dry:
        for trial in loaded.trials:
            print(f"{trial.arm}, seed {trial.seed}: {trial.variant.name}")
        return
    if loaded.population is not None and ray is None:
        where = f"{loaded.population_place}: " if loaded.population_place else ""
        raise CommandError(f"{where}population: needs Ray's scheduler: add --ray local, or --ray auto on a cluster")
    started = start_sweep(loaded, sweeps)
    print(f"Sweep folder: {started.folder}", flush=True)
    trials = started.unfinished()
    if trials and not resume and any(trial.status != "waiting" for trial in started.trials()):
        raise CommandError(f"{started.folder} was already begun: add --resume to go on")
    interrupted = bool(trials) and _execute(started, trials, jobs, ray, gpus)
    report = write_report(started)
    _print_results(started)
    print(summary(started.trials()))
    print(f"Report: {report}")
    if interrupted:
        print("Stopped; everything up to here is saved. To go on: the same command with --resume")
        raise typer.Exit(INTERRUPTED)
    if any(trial.status == "failed" for trial in started.trials()):
        typer.echo("palaestra: some trials failed; the report says why, --resume tries them again", err=True)
        raise typer.Exit(FAILED)


def _execute(started: Sweep, trials: list[FoundTrial], jobs: int | None, ray: str | None, gpus: float) -> bool:
    """Does the trials; gives whether it was stopped before all were done."""
    from palaestra.sweep.folder import ask_teachers
    from palaestra.sweep.local import execute_here
    from palaestra.trials import default_jobs
    from palaestra.worker import stop_on_signals

    with started.lock(), stop_on_signals() as stop, _progress(started, trials) as (tell, ended):
        ask_teachers(trials, lambda message: None, stop)
        if ray is not None and not stop.is_set():
            from palaestra.sweep.ray_tune import execute_on_ray

            execute_on_ray(started, trials, ray, gpus, ended)
        else:
            threads = max(trial.run.spec.threads for trial in trials)
            execute_here(trials, jobs or max(default_jobs() // threads, 1), tell, stop)
        # Of a Ctrl-C during a sweep on Ray only Ray knows.
        return any(trial.status != "failed" for trial in started.unfinished())


Told = Callable[["FoundTrial", "TrialProgress | None"], None]


@contextmanager
def _progress(started: Sweep, trials: list[FoundTrial]) -> Iterator[tuple[Told, Callable[[FoundTrial], None]]]:
    """A bar of trials in a terminal, now and then a line anywhere else."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    total = len(started.trials())
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bar = Progress(*columns, TimeRemainingColumn(), console=console(), disable=not console().is_terminal)
    task = bar.add_task("trials", total=total, completed=total - len(trials))
    shown = 0.0

    def ended(trial: FoundTrial) -> None:
        bar.advance(task)
        if bar.disable:
            print(f"{trial.name}: {trial.run.trials()[0].status}", flush=True)

    def tell(trial: FoundTrial, message: TrialProgress | None) -> None:
        nonlocal shown
        if message is None:
            ended(trial)
            return
        share = f"{100 * message.steps / message.budget:.0f} %" if message.budget else "starting"
        bar.update(task, description=f"{trial.name}: {share}")
        if bar.disable and time.monotonic() - shown >= SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            print(f"{trial.name}: {share}", flush=True)

    with bar:
        yield tell, ended


def _print_results(started: Sweep) -> None:
    from palaestra.sweep.results import columns, read_results

    results = read_results(started.trials(), started.measure)
    table = plain_table(*(heading.lower() for heading in columns(started.measure)))
    for result in results[:MOST_ROWS]:
        table.add_row(*result.cells())
    console().print(table)
    if len(results) > MOST_ROWS:
        print(f"and {len(results) - MOST_ROWS} more in the report")
