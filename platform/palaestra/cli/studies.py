"""What the commands of studies do alike: find a study, read lists of names, print and write tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from palaestra.cli.errors import CommandError
from palaestra.cli.output import console, plain_table
from palaestra.cli.specs import configs_folder
from palaestra.printing import printable

if TYPE_CHECKING:
    from palaestra.bench.results import BenchResults

Name = TypeVar("Name", bound=str)


def find_study(text: str, system: str) -> Path:
    """The file of a study that is named by its path, or by its name among Palaestra's own of a system.

    Raises:
        CommandError: there is none.
    """
    path, folder = Path(text), configs_folder()
    if path.is_file():
        return path
    named = folder / system / f"_{text.lower()}.yaml" if folder else path
    if named.is_file():
        return named
    known = sorted(one.stem.removeprefix("_") for one in (folder / system).glob("_*.yaml")) if folder else []
    raise CommandError(f"there is no file {text} and no study of that name; there are {', '.join(known) or 'none'}")


def names_in(text: str | None, known: Iterable[Name], what: str) -> list[Name]:
    """Names with commas between; none where nothing is given.

    Raises:
        CommandError: one is not known.
    """
    names = {str(name): name for name in known}
    given = [name.strip() for name in (text or "").split(",") if name.strip()]
    for name in given:
        if name not in names:
            raise CommandError(f"there is no {what} '{name}'; there are {', '.join(names)}")
    return [names[name] for name in given]


def show_results(results: BenchResults) -> None:
    """Prints tables and notes."""
    from rich.text import Text

    out = console()
    for table in results.tables:
        shown = plain_table(*table.columns, right=table.columns[1:])
        for row in table.rows:
            shown.add_row(*(Text(printable(text)) for text in row))
        out.print(Text(table.title, "bold"))
        out.print(shown)
        if table.note:
            out.print(Text(printable(table.note), "dim"))
    for line in results.notes:
        out.print(Text(printable(line)))


def write_results(results: BenchResults, paths: Iterable[Path]) -> None:
    """Writes tables to .md and .json files, and says so.

    Raises:
        ValueError: a name ends otherwise.
        StoreError: a file cannot be written.
    """
    from palaestra.kept import writing

    for path in paths:
        with writing(path):
            results.save(path)
        print(f"Written: {path}")
