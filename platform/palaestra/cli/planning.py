"""`palaestra plan`: language models plan, controllers act in a Minecraft-like world, games are counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import INTERRUPTED, CommandError, refusing
from palaestra.cli.specs import RUNS
from palaestra.cli.studies import find_study, names_in, show_results, write_results
from palaestra.printing import printable

if TYPE_CHECKING:
    from palaestra.plans.playing import Played
    from palaestra.plans.study import Case

EXAMPLES = (
    "palaestra plan diamond --seeds 3",
    "palaestra plan deps --tasks stick,furnace --planners deps,plan_once",
    "palaestra plan diamond --set teacher.model.backend=openai --output diamond.md",
)


def plan(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="A YAML file, or the name of a study that came with Palaestra.")
    ] = "diamond",
    tasks: Annotated[str | None, typer.Option("--tasks", help="Which, commas between. [dim]default: all[/dim]")] = None,
    planners: Annotated[
        str | None, typer.Option("--planners", help="Which, commas between. [dim]default: the study's[/dim]")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, max=10_000, help="Of each, at most.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the study. Repeatable.")
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the tables to FILE.md or FILE.json too."),
    ] = None,
    account: Annotated[
        bool, typer.Option("--account", help="Print what happened in each game that is played.")
    ] = False,
    runs: Annotated[Path, typer.Option("--runs", help="Where results are kept.")] = RUNS / "plans",
) -> None:
    """Have planners play games of a Minecraft-like world, and count what they come by.

    Every game is kept: the same command again goes on where it was stopped.
    """
    from palaestra_worlds.registry import make

    from palaestra.kept import StudyError
    from palaestra.plans.study import account_path, cases, run_study, study_folder
    from palaestra.plans.table import study_results
    from palaestra.plans.tasks import load_study, tasks_of
    from palaestra.worker import stop_on_signals

    loaded = load_study(find_study(study, "overworld"), tuple(overrides or ()))
    if seeds:
        loaded = loaded.model_copy(update={"seeds": min(seeds, loaded.seeds)})
    if planners:
        chosen = names_in(planners, loaded.planners, "planner")
        loaded = loaded.model_copy(update={"planners": {name: loaded.planners[name] for name in chosen}})
    with stop_on_signals() as stop, refusing(ValueError, StudyError, OSError):
        knowledge = make(loaded.world.id, 1, **loaded.world.settings).knowledge()
        if knowledge is None:
            raise CommandError(f"{loaded.world.id} takes no plans; worlds with structured actions do, e.g. Overworld")
        named = tasks_of(loaded, knowledge)
        if tasks:
            named = {name: named[name] for name in names_in(tasks, named, "task")}
        folder = study_folder(loaded, runs)
        wanted = list(cases(loaded, named))
        progress = _Progress(len(wanted), loaded.until_success)

        def tell(case: Case, found: Played) -> None:
            progress.tell(case, found)
            if account:
                print(account_path(folder, case).read_text(encoding="utf-8"), flush=True)

        found = run_study(loaded, folder, named, wanted, stop.is_set, tell)
        found = {case: found[case] for case in wanted if case in found}
        results = study_results(loaded, named, found, len(knowledge.items))
        show_results(results)
        write_results(results, (folder / "report.md", *(output or ())))
    if stop.is_set():
        print("Stopped; to go on, give the same command again.")
        raise typer.Exit(INTERRUPTED)


class _Progress:
    """A line for each game: which, how it went, how many there are (`are_fewer`: at most)."""

    def __init__(self, games: int, are_fewer: bool) -> None:
        self._games = f"at most {games}" if are_fewer else str(games)
        self._played = 0

    def tell(self, case: Case, found: Played) -> None:
        self._played += 1
        how = "done" if found.success else f"failed: {printable(found.why)}"
        print(
            f"{self._played}/{self._games} {case.planner}, {case.task}, world {case.seed}: {how} "
            f"({found.ticks:,} ticks, {found.plans} plans, {found.calls} calls, {found.seconds:.1f} s)",
            flush=True,
        )
