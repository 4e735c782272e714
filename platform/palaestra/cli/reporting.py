"""`palaestra report` and `palaestra compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import CommandError, refusing
from palaestra.cli.output import console, plain_table
from palaestra.cli.specs import find_run

if TYPE_CHECKING:
    from palaestra.report import Comparison

REPORT_EXAMPLES = (
    "palaestra report runs/beacons-main-1a2b3c4d",
    "palaestra report beacons-main-1a2b3c4d --picture curves.svg",
)
COMPARE_EXAMPLES = (
    "palaestra compare runs/beacons-main-1a2b3c4d",
    "palaestra compare runs/first-1a2b3c4d runs/second-5e6f7a8b --threshold 0.9 --output comparison.md",
)
THRESHOLD = 0.8
"""Success that counts as solved, as in the literature's tables."""


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run folder, or its name in runs/.")],
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", help="Write the learning curves as a picture too.")
    ] = None,
) -> None:
    """Write a run's report: one HTML file that opens offline.

    It can be written at any time, also while the run goes on.
    """
    from palaestra.report import write_picture, write_report

    run = find_run(folder)
    print(f"Report: {write_report(run)}")
    if picture is not None:
        write_picture(run, picture)
        print(f"Picture: {picture}")


def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Run folders, or their names in runs/.")],
    threshold: Annotated[
        float, typer.Option("--threshold", min=0.0, max=1.0, help="Success of evaluations that counts as solved.")
    ] = THRESHOLD,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the table as Markdown too.")
    ] = None,
    differing: Annotated[
        bool, typer.Option("--differing", help="Compare runs of other worlds, budgets or evaluations too.")
    ] = False,
) -> None:
    """Compare arms and runs: steps to a threshold, with ratios."""
    from palaestra.report import compare as compare_runs

    runs = [find_run(folder) for folder in folders]
    with refusing(ValueError):
        comparison = compare_runs(runs, threshold, differing)
    print_comparison(comparison)
    if output is None:
        return
    try:
        output.write_text(f"{comparison.to_markdown()}\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror or error}") from error
    print(f"Written: {output}")


def print_comparison(comparison: Comparison) -> None:
    """The table of a comparison, as wide as a terminal: what all rows share, and who teaches, is said under it."""

    names = [name for name, _ in comparison.columns]
    rows = [dict(zip(names, cells, strict=True)) for cells in comparison.cells()]
    shared = {column: rows[0][column] for column in ("run", "world") if len({row[column] for row in rows}) == 1}
    shown = [name for name in names if name != "teacher" and name not in shared]
    table = plain_table(*shown)
    for row in rows:
        table.add_row(*(row[column] for column in shown))
    out = console()
    out.print(table)
    for column, value in shared.items():
        out.print(f"{column}: {value}", markup=False)
    for row, compared in zip(rows, comparison.rows, strict=True):
        if row["teacher"] != "none":
            kind = "teacher of" if compared.standing.arm.taught else "baseline"
            out.print(f"{kind} {row['arm']}: {row['teacher']}", markup=False)
    for difference in comparison.differences:
        out.print(f"note: {difference}", markup=False)
    out.print(_SCORED if comparison.scored else _THRESHOLD, style="dim")


_THRESHOLD = "success alone, on held-out levels; times fewer: steps of the best untaught arm over the arm's"
_SCORED = (
    "score: the world's own measure, in percent; at the last evaluation, alone in the original, and over all training "
    "episodes in the original"
)
