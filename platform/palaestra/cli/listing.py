"""`palaestra list`: what is installed, and the runs that there are."""

from __future__ import annotations

from typing import Annotated

import typer

EXAMPLES = (
    "palaestra list",
    "palaestra list worlds",
    "palaestra list runs",
    "palaestra list --schema > palaestra.json",
)


def list_installed(
    what: Annotated[str | None, typer.Argument(metavar="[worlds|teachers|agents|models|configs|runs]")] = None,
) -> None:
    """List worlds, teachers, agents, language models, configurations or runs."""
    from palaestra_worlds.registry import world_entries

    for entry in world_entries():
        print(entry.id)
