"""`palaestra selector`: trains what the planner DEPS chooses its next goal by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import INTERRUPTED, refusing
from palaestra.cli.specs import RUNS
from palaestra.cli.studies import show_results, write_results

if TYPE_CHECKING:
    from palaestra.plans.horizons import Sample

EXAMPLES = (
    "palaestra selector",
    "palaestra selector --worlds 100 --output selector.md",
    "palaestra selector --worlds 100 --held-out 30 --runs runs/selector-100",
)
WEIGHTS = "weights.safetensors"


def selector(
    worlds: Annotated[int, typer.Option("--worlds", min=1, max=100_000, help="That it learns from.")] = 40,
    held_out: Annotated[int, typer.Option("--held-out", min=1, max=100_000, help="That it is measured in.")] = 15,
    seed: Annotated[int, typer.Option("--seed", help="Of the network's first weights.")] = 0,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the table to FILE.md or FILE.json too."),
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="Where results are kept.")] = RUNS / "selector",
) -> None:
    """Train the selector of DEPS: how long goals take, from what a player knows.

    A scripted player tries goals in many worlds; each that was tried is kept: the same command again goes on where it
    was stopped. The weights lie beside the results.
    """
    from palaestra_teachers.planners.horizon import horizon_bytes

    from palaestra.checkpoint import write_atomically
    from palaestra.kept import StudyError, writing
    from palaestra.plans.horizons import FIRST_HELD_OUT, WORLD, collect, measure, train
    from palaestra.worker import stop_on_signals, torch_threads

    settings = {"rules": "vanilla", "mobs": "passive"}
    learned_from, measured_in = range(worlds), range(FIRST_HELD_OUT, FIRST_HELD_OUT + held_out)
    with stop_on_signals() as stop, refusing(ValueError, StudyError, OSError):
        learned = collect(runs, learned_from, settings, stop.is_set, _tell)
        measured = collect(runs, measured_in, settings, stop.is_set, _tell)
        if stop.is_set():
            print("Stopped; to go on, give the same command again.")
            raise typer.Exit(INTERRUPTED)
        with torch_threads(1):
            network = train(learned, seed)
            results = measure(network, learned, measured)
        with writing(runs / WEIGHTS):
            write_atomically(runs / WEIGHTS, horizon_bytes(network, WORLD))
        show_results(results)
        print(f"Written: {runs / WEIGHTS}")
        write_results(results, output or ())


def _tell(sample: Sample) -> None:
    how = f"{sample.ticks:,} ticks" if sample.success else "not done"
    print(f"world {sample.world}, {sample.step}: {how}", flush=True)
