"""`palaestra new`: writes the beginning of a plug-in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from palaestra.cli.errors import refusing

EXAMPLES = (
    "palaestra new teacher my-teacher",
    "palaestra new world my-world --folder plugins",
    "palaestra new language-model my-model",
)


class Kind(StrEnum):
    teacher = "teacher"
    world = "world"
    agent = "agent"
    language_model = "language-model"


def new(
    kind: Annotated[Kind, typer.Argument(help="What to write.")],
    name: Annotated[str, typer.Argument(help="What it is called, in YAML too: lower-case words with hyphens.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to write it. [dim]default: ./NAME[/dim]", file_okay=False)
    ] = None,
) -> None:
    """Write a small package with a teacher, a world, an agent or a language model of your own."""
    from palaestra.scaffold import Package, ScaffoldError

    folder = folder or Path(name)
    with refusing(ScaffoldError):
        package = Package(kind.value, name)
        package.write(folder)
    print(
        f"{folder}/ is a package with the {kind.value.replace('-', ' ')} '{name}'; begin in {package.module}.py. Next:"
    )
    print(f"  pip install -e {folder}\n  pytest {folder}\n  palaestra run {folder / f'{name}.yaml'}")
