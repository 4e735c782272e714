"""`palaestra report` and `palaestra compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palaestra.cli.errors import CommandError
from palaestra.cli.specs import find_run

REPORT_EXAMPLES = ("palaestra report runs/beacons-main-1a2b3c4d", "palaestra report beacons-main-1a2b3c4d")
COMPARE_EXAMPLES = (
    "palaestra compare runs/beacons-main-1a2b3c4d",
    "palaestra compare runs/first-1a2b3c4d runs/second-5e6f7a8b --threshold 0.9 --output comparison.md",
)
THRESHOLD = 0.8
"""Success that counts as solved, as in the literature's tables."""


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run folder, or its name in runs/.")],
) -> None:
    """Write a run's report: one HTML file that opens offline.

    It can be written at any time, also while the run goes on.
    """
    from palaestra.report import write_report

    print(f"Report: {write_report(find_run(folder))}")


def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Run folders, or their names in runs/.")],
    threshold: Annotated[
        float, typer.Option("--threshold", min=0.0, max=1.0, help="Success of evaluations that counts as solved.")
    ] = THRESHOLD,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the tables as Markdown.")
    ] = None,
) -> None:
    """Compare arms and runs: steps to a threshold, with ratios."""
    from palaestra.report import compare as compare_runs

    comparison = compare_runs([find_run(folder) for folder in folders], threshold)
    print(comparison.to_text())
    if output is None:
        return
    try:
        output.write_text(comparison.to_markdown(), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror or error}") from error
    print(f"Written: {output}")
