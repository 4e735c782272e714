"""`palaestra motions`: instructions to a robot become programs and motions, and are measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import INTERRUPTED, refusing
from palaestra.cli.specs import RUNS
from palaestra.cli.studies import find_study, names_in, show_results, write_results
from palaestra.printing import printable

if TYPE_CHECKING:
    from palaestra.motions.driving import Attempted
    from palaestra.motions.study import Case
    from palaestra.motions.tasks import Interface, MotionStudy

EXAMPLES = (
    "palaestra motions quadruped --tasks sit_down,spin --seeds 1",
    'palaestra motions quadruped --say "Lift your front right paw." --say "Higher."',
    "palaestra motions quadruped --set teacher.model.backend=openai --output rewards.md",
)


def motions(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="A YAML file, or the name of a robot that came with Palaestra.")
    ] = "quadruped",
    tasks: Annotated[str | None, typer.Option("--tasks", help="Which, commas between. [dim]default: all[/dim]")] = None,
    interfaces: Annotated[
        str | None, typer.Option("--interfaces", help="by_hand, two, one, primitives. [dim]default: the study's[/dim]")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, max=1000, help="Of each, at most.")] = None,
    say: Annotated[
        list[str] | None, typer.Option("--say", metavar="TEXT", help="Only say this to the robot. Repeatable.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the study. Repeatable.")
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the tables to FILE.md or FILE.json too."),
    ] = None,
    films: Annotated[bool, typer.Option("--films/--no-films", help="Draw films of the motions.")] = True,
    runs: Annotated[Path, typer.Option("--runs", help="Where results are kept.")] = RUNS / "motions",
) -> None:
    """Have a teacher turn instructions into reward programs, a planner carry them out, and tests measure the motions.

    Every result is kept: the same command again goes on where it was stopped.
    """
    from palaestra.cli.talking import talk
    from palaestra.kept import StudyError
    from palaestra.motions.study import cases, run_study, study_folder
    from palaestra.motions.table import study_results
    from palaestra.motions.tasks import INTERFACES, load_study
    from palaestra.worker import stop_on_signals

    loaded = load_study(find_study(study, "rewards"), tuple(overrides or ()))
    if say:
        folder = study_folder(loaded, runs)
        folder.mkdir(parents=True, exist_ok=True)
        talk(loaded, folder / "run.sqlite", say)
        return
    loaded = _narrowed(loaded, names_in(interfaces, INTERFACES, "interface"), seeds)
    chosen = list(cases(loaded, names_in(tasks, loaded.tasks, "task")))
    folder = study_folder(loaded, runs)
    with stop_on_signals() as stop, refusing(ValueError, StudyError, OSError):
        found = run_study(loaded, folder, chosen, stop.is_set, _tell)
        found = {case: found[case] for case in chosen if case in found}
        results = study_results(loaded, found)
        show_results(results)
        write_results(results, output or ())
        _report(loaded, folder, found, films, [path for path in output or () if path.suffix == ".md"], stop.is_set)
    if stop.is_set():
        print("Stopped; to go on, give the same command again.")
        raise typer.Exit(INTERRUPTED)


def _report(
    study: MotionStudy,
    folder: Path,
    found: dict[Case, Attempted],
    films: bool,
    tables: list[Path],
    stop: Callable[[], bool],
) -> None:
    """Writes the page, with films where they can be drawn, and a picture of all motions beside each table."""
    from palaestra.motions.films import NoFilms, make_films, to_film, write_sheet
    from palaestra.motions.page import write_page

    filmed: list[Case] = []
    no_films = ""
    if films:
        try:
            filmed = make_films(study, folder, found, to_film(study, found), stop)
            for path in tables:
                write_sheet(study, folder, [case for case in filmed if found[case].success], path.with_suffix(".png"))
        except NoFilms as error:
            no_films = f"No films: {error}"
            print(no_films)
    print(f"Report: {write_page(study, folder, found, filmed, no_films)}")


def _narrowed(study: MotionStudy, interfaces: list[Interface], seeds: int | None) -> MotionStudy:
    """The study with these interfaces, and with so many seeds of each at most."""
    counts = {name: study.seeds.get(name, 1) for name in interfaces or study.seeds}
    return study.model_copy(update={"seeds": {name: min(seeds or count, count) for name, count in counts.items()}})


def _tell(case: Case, found: Attempted) -> None:
    how = "passed" if found.success else f"failed: {printable(found.why)}"
    print(f"{case.task}, {case.interface}, seed {case.seed}: {how} ({found.planning:.0f} s)", flush=True)
