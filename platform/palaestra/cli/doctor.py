"""`palaestra doctor`: what works on this machine, and how to get what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palaestra.cli.errors import FAILED
from palaestra.cli.output import console
from palaestra.cli.specs import RUNS

EXAMPLES = ("palaestra doctor", "palaestra doctor --runs /data/runs")
COLOURS = {"works": "green", "missing": "yellow", "broken": "red"}


def doctor(runs: Annotated[Path, typer.Option("--runs", help="Where run folders shall lie.")] = RUNS) -> None:
    """Say what works on this machine, what does not, and how to get it.

    Exit code 1: something is broken that every run needs. What is only missing costs one feature.
    """
    from rich.markup import escape

    from palaestra.doctor import State, examine

    out = console()
    broken = False
    for found in examine(runs):
        broken |= found.state is State.broken
        colour = COLOURS[found.state]
        out.print(f"[{colour}]{found.state:8}[/{colour}] [bold]{escape(found.subject)}[/bold]: {escape(found.detail)}")
        if found.remedy:
            out.print(f"{'':8} [dim]{escape(found.remedy)}[/dim]")
    if broken:
        raise typer.Exit(FAILED)
