"""`palaestra exam`: how good a teacher's lessons are, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import FAILED, INTERRUPTED, CommandError, refusing
from palaestra.cli.output import console, plain_table
from palaestra.cli.specs import RUNS, find_spec

if TYPE_CHECKING:
    from palaestra.bench.results import BenchResults
    from palaestra.exam import Examined
    from palaestra.progress import LessonProgress
    from palaestra.spec import RunSpec

EXAMPLES = (
    "palaestra exam beacons/main --levels 50",
    "palaestra exam MiniGrid-KeyCorridorS3R3-v0 --set teacher.model.backend=noisy --set teacher.model.accuracy=0.9",
    "palaestra exam my.yaml --arms cheap,routed,voted --output teachers.md --noisy measured.yaml",
)
EXAMS = RUNS / "exams"


def exam(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC|WORLD", help="A YAML file, the name of one from `list configs`, or the id of a world."
        ),
    ],
    levels: Annotated[int, typer.Option("--levels", "-n", min=1, max=1_000_000, help="Levels 0 to N - 1.")] = 100,
    arms: Annotated[
        str | None, typer.Option("--arms", help="Whose teachers, commas between. [dim]default: all that have one[/dim]")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the spec. Repeatable.")
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the tables to FILE.md or FILE.json too. Repeatable."
        ),
    ] = None,
    noisy: Annotated[
        Path | None,
        typer.Option("--noisy", metavar="FILE.yaml", help="Write arms whose teachers err as often, and cost nothing."),
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="Where the answers are kept.")] = EXAMS,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only what came of it.")] = False,
) -> None:
    """Ask teachers about levels and judge their lessons; nothing is trained.

    Every answer is kept: the same command again goes on where it was stopped, or with more levels, and asks nothing
    twice.
    """
    from palaestra.exam_table import exam_results
    from palaestra.worker import stop_on_signals

    _check_files(output or (), noisy)
    loaded = _load(spec, overrides or ())
    chosen = _taught(loaded, arms)
    worlds = {loaded.arm(name).world.id for name in chosen}
    if len(worlds) > 1:
        raise CommandError(f"these arms have different worlds ({', '.join(sorted(worlds))}): choose with --arms")
    with stop_on_signals() as stop:
        exams = _examine(loaded, chosen, levels, runs, stop.is_set, quiet)
    results = exam_results(worlds.pop(), exams, [_note(one, levels) for one in exams if one.ended])
    _show(results)
    for path in output or ():
        results.save(path)
        print(f"Written: {path}")
    if stop.is_set():
        print(f"Stopped; the answers up to here are kept in {runs}. To go on, give the same command again.")
        raise typer.Exit(INTERRUPTED)
    if noisy is not None:
        _write_noisy(noisy, results.figures["world"], exams)
    if any(one.ended == "unavailable" for one in exams):
        raise typer.Exit(FAILED)


def _check_files(tables: Sequence[Path], noisy: Path | None) -> None:
    """Refuses what cannot be written, before anybody is asked."""
    for path in tables:
        if path.suffix not in (".json", ".md"):
            raise CommandError(f"--output {path}: tables are written as .md or .json")
    for path in (*tables, *([noisy] if noisy else ())):
        if not path.absolute().parent.is_dir():
            raise CommandError(f"{path}: there is no folder {path.absolute().parent}")


def _examine(
    spec: RunSpec, arms: Sequence[str], levels: int, runs: Path, stop: Callable[[], bool], quiet: bool
) -> list[Examined]:
    """Asks the teacher of one arm after the other, until `stop` says so."""
    from palaestra.exam import exam_run, examine

    exams: list[Examined] = []
    for arm in arms:
        run = exam_run(spec, arm, runs)
        with _progress(arm, levels, quiet) as tell, refusing(ValueError):
            exams.append(examine(run, levels, stop, tell))
        if stop():
            break
    return exams


def _write_noisy(path: Path, world: str, exams: Sequence[Examined]) -> None:
    """Writes arms whose teachers err as often as those that were examined."""
    from palaestra.exam_table import NotMeasured, noisy_yaml
    from palaestra.run import surroundings

    with refusing(NotMeasured):
        text = noisy_yaml(world, exams, surroundings()["command"])
    path.write_text(text, encoding="utf-8")
    print(f"Written: {path}")


def _load(text: str, overrides: Sequence[str]) -> RunSpec:
    from palaestra_worlds.registry import world_entries

    from palaestra.spec import load_spec

    if not any(entry.id == text for entry in world_entries()) and ":" not in text:
        return load_spec(find_spec(text), overrides)
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="palaestra-exam-") as folder:
        path = Path(folder) / "exam.yaml"
        path.write_text(
            f"world: {{id: '{text}'}}\nteacher: {{kind: subgoals}}\nbudget: {{steps: 1_000_000}}\n", "utf-8"
        )
        return load_spec(path, overrides)


def _taught(spec: RunSpec, arms: str | None) -> list[str]:
    """Arms whose teachers are examined; of several with the same one only the first, unless they are named."""
    from palaestra.asking import teacher_hash

    names = spec.arm_names if arms is None else [name.strip() for name in arms.split(",")]
    found: dict[str, str] = {}
    for name in names:
        arm = spec.arm(name)
        if arm.teacher is not None:
            found.setdefault(name if arms is not None else teacher_hash(arm), name)
        elif arms is not None:
            raise CommandError(f"arm '{name}' has no teacher to examine")
    if not found:
        raise CommandError("no arm of this spec has a teacher to examine")
    return list(found.values())


def _note(exam: Examined, levels: int) -> str:
    why = {"stopped": "it was stopped", "budget": "the budget is spent", "unavailable": "the model does not answer"}
    return f"{exam.arm} was asked about {exam.levels:,} of {levels:,} levels: {why[exam.ended]}."


@contextmanager
def _progress(arm: str, levels: int, quiet: bool) -> Iterator[Callable[[LessonProgress], None] | None]:
    """A line that says how far an exam is, in a terminal only."""
    from rich.progress import Progress

    out = console()
    if quiet or not out.is_terminal:
        yield None
        return
    with Progress(console=out, transient=True) as progress:
        bar = progress.add_task(arm, total=levels)

        def tell(message: LessonProgress) -> None:
            failed = f", {message.dropped} without a lesson" if message.dropped else ""
            progress.update(
                bar, completed=message.kept + message.dropped, description=f"{arm}: {message.calls} calls{failed}"
            )

        yield tell


def _show(results: BenchResults) -> None:
    """Prints the tables; names of models come from outside, and are printed as text."""
    from rich.text import Text

    out = console()
    for table in results.tables:
        shown = plain_table(*table.columns, right=table.columns[2:])
        for row in table.rows:
            shown.add_row(*(Text(text) for text in row))
        out.print(Text(table.title, "bold"))
        out.print(shown)
        out.print(Text(table.note, "dim"))
        out.print()
    for line in results.notes:
        out.print(Text(line))
