"""`palaestra run` and `palaestra resume`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import FAILED, INTERRUPTED, CommandError, refusing
from palaestra.cli.output import console
from palaestra.cli.reporting import THRESHOLD, print_comparison
from palaestra.cli.specs import RUNS, find_run, find_spec

if TYPE_CHECKING:
    from palaestra.parallel import Leader
    from palaestra.run import Run
    from palaestra.spec import RunSpec
    from palaestra.trials import Execution

RUN_EXAMPLES = (
    "palaestra run beacons/main",
    "palaestra run my.yaml --seeds 5 --jobs 2",
    "palaestra run my.yaml --set budget.steps=200000 --set arms.taught.teacher.form=language",
    "palaestra run my.yaml --resume",
    "palaestra run my.yaml --replay runs/my-1a2b3c4d",
    "torchrun --nproc-per-node 4 -m palaestra run my.yaml",
)
RESUME_EXAMPLES = ("palaestra resume runs/beacons-main-1a2b3c4d", "palaestra resume beacons-main-1a2b3c4d --jobs 1")

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        help="Trials done at the same time. [dim]default: as many as there are processors for[/dim]",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only what came of it.")]


def run(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or the name of one from `list configs`.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the spec; dots lead into it. Repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Only this seed.")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Seeds 0 to N - 1.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run if it was begun before.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew; an earlier run's folder is renamed.")] = False,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="RUN", help="Teachers answer as they did in this run: no key, no network."),
    ] = None,
    jobs: Jobs = None,
    runs: Annotated[Path, typer.Option("--runs", help="Where run folders lie.")] = RUNS,
    quiet: Quiet = False,
) -> None:
    """Train and evaluate every arm and seed of a spec, and write a report."""
    from palaestra.replay import ReplayError, with_replay
    from palaestra.run import run_folder, start_run
    from palaestra.spec import load_spec

    if seed is not None and seeds is not None:
        raise CommandError("--seed and --seeds exclude each other: one seed, or the seeds 0 to N - 1")
    if resume and fresh:
        raise CommandError("--resume and --fresh exclude each other: go on with a run, or begin it anew")
    chosen = [seed] if seed is not None else list(range(seeds)) if seeds is not None else None
    with leading(jobs) as leader:
        loaded = load_spec(find_spec(spec), overrides or (), seeds=chosen)
        if replay is not None:
            with refusing(ReplayError):
                loaded = with_replay(loaded, find_run(replay).folder)
        check_sharing(loaded, leader)
        folder = run_folder(loaded, runs)
        if fresh and folder.exists():
            print(f"The earlier run is now {_set_aside(folder)}")
        started = start_run(loaded, runs)
        print(f"Run folder: {folder}", flush=True)
        if _finished(started):
            print("This run is complete; `--fresh` does it again.")
            _conclude(started)
            return
        if not resume and _begun(started):
            raise CommandError(f"{folder} was already begun: add --resume to go on, or --fresh to begin anew")
        _execute(started, jobs, quiet, leader)


def resume(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run folder, or its name in runs/.")],
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Go on with a run that was stopped, from its last checkpoints."""
    with leading(jobs) as leader:
        opened = find_run(folder)
        check_sharing(opened.spec, leader)
        print(f"Run folder: {opened.folder}", flush=True)
        if _finished(opened):
            print("This run is complete.")
            _conclude(opened)
        else:
            _execute(opened, jobs, quiet, leader)


@contextmanager
def leading(jobs: int | None) -> Iterator[Leader | None]:
    """Inside, this process leads those that `torchrun` has started with it; None where there are none.

    One that is not the first does in here what the first tells it, and ends.

    Raises:
        GroupError: the processes do not find one another, or one is gone.
    """
    if "RANK" not in os.environ:
        yield None
        return
    from palaestra_agents.groups import end_process, started_group

    from palaestra.parallel import Leader, follow

    group = started_group()
    if group.size == 1:
        yield None
        return
    if group.rank > 0:
        try:
            follow(group)
        finally:
            group.leave()
        end_process()
    if jobs not in (None, 1):
        raise CommandError(f"--jobs {jobs}: processes started by torchrun do one trial at a time; leave it out")
    leader, code = Leader(group), 0
    try:
        yield leader
        # Who ends well must not leave the others waiting; after an error torchrun ends them.
        group.join()
    except typer.Exit as ended:
        code = ended.exit_code
    finally:
        leader.end()
        group.leave()
    end_process(code)


def check_sharing(spec: RunSpec, leader: Leader | None) -> None:
    """Raises SpecError when the processes that `torchrun` started cannot share what the spec says."""
    if leader is not None:
        leader.check(spec)


def _begun(run: Run) -> bool:
    with run.open_store(read_only=True) as store:
        lessons = store.query("SELECT 1 FROM lessons LIMIT 1")
        return bool(lessons) or any(trial.status != "waiting" for trial in store.trials())


def _finished(run: Run) -> bool:
    return all(trial.status == "done" for trial in run.trials())


def _set_aside(folder: Path) -> Path:
    """Renames a run folder, so that nothing in it is lost.

    Raises:
        RunError: a process is working on it.
    """
    run = find_run(folder)
    number = next(k for k in range(1, 10_000) if not folder.with_name(f"{folder.name}.old{k}").exists())
    with run.lock():
        return folder.rename(folder.with_name(f"{folder.name}.old{number}"))


def _execute(run: Run, jobs: int | None, quiet: bool, leader: Leader | None) -> None:
    from palaestra.cli.live_teachers import LiveTeachers
    from palaestra.display import shown, status_of
    from palaestra.trials import default_jobs, execute

    if leader:
        leader.group.join()
    jobs = 1 if leader else jobs or max(default_jobs() // run.spec.threads, 1)
    try:
        if quiet:
            execution = execute(run, jobs, leader=leader)
        else:
            status = status_of(run, jobs)
            with shown(status, console()) as tell:
                teachers = LiveTeachers(run, tell)
                execution = execute(run, jobs, teachers.update, status.stop, leader)
                teachers.look()
    except KeyboardInterrupt:
        print(f"\nEnded at once. To go on from the last checkpoints: palaestra resume {run.folder}")
        raise typer.Exit(INTERRUPTED) from None
    _conclude(run, execution)


def _conclude(run: Run, execution: Execution | None = None) -> None:
    """Says what came of a run, and where its report is."""
    from palaestra.report import compare, write_report

    if execution is not None and execution.interrupted:
        print(f"Stopped; everything up to here is saved. To go on: palaestra resume {run.folder}")
        raise typer.Exit(INTERRUPTED)
    path = run.folder / "report.html"
    if execution is not None or not path.exists():
        path = write_report(run)
    print_comparison(compare([run], THRESHOLD))
    print(f"Report: {path}")
    if execution is not None and execution.failed:
        for trial in execution.failed:
            typer.echo(f"palaestra: trial {trial.name} failed: {trial.message}", err=True)
        typer.echo(f"palaestra: to try again from the last checkpoints: palaestra resume {run.folder}", err=True)
        raise typer.Exit(FAILED)
