"""What a measurement found, with the machine that it was taken on: printed, and written as JSON or Markdown."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from palaestra.checkpoint import write_atomically
from palaestra.run import surroundings


@dataclass(frozen=True)
class BenchTable:
    """One table; every row has as many texts as there are columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class BenchResults:
    """The tables of one measurement.

    Attributes:
        figures: the same unrounded, JSON-able.
        notes: sentences such as what could not be measured and how to get it.
        surroundings: machine, versions, commit and command; see `palaestra.run.surroundings`.
    """

    tables: tuple[BenchTable, ...]
    figures: dict[str, Any]
    notes: tuple[str, ...] = ()
    surroundings: dict[str, Any] = field(default_factory=surroundings)
    date: str = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date().isoformat())

    def machine_line(self) -> str:
        """One line: processor, cores, versions, commit and date."""
        machine = self.surroundings["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in self.surroundings["versions"].items())
        commit = f"; commit {self.surroundings['commit']}" if self.surroundings["commit"] else ""
        return f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; {versions}{commit}; {self.date}"

    def to_markdown(self) -> str:
        """The tables, then notes and how they were made."""
        parts = []
        for table in self.tables:
            lines = [f"### {table.title}", "", _markdown_row(table.columns)]
            lines.append(_markdown_row(["---"] + ["---:"] * (len(table.columns) - 1)))
            lines += [_markdown_row(row) for row in table.rows]
            parts.append("\n".join(lines) + (f"\n\n{table.note}" if table.note else ""))
        parts += [*self.notes, f"Made by `{self.surroundings['command']}` on {self.machine_line()}."]
        return "\n\n".join(parts) + "\n"

    def to_json(self) -> str:
        found = {"date": self.date, **self.surroundings, "figures": self.figures, "notes": self.notes}
        return json.dumps(found | {"tables": [asdict(table) for table in self.tables]}, indent=2) + "\n"

    def save(self, path: Path) -> None:
        """Writes to a .json or .md file.

        Raises:
            ValueError: another suffix.
        """
        formats = {".json": self.to_json, ".md": self.to_markdown}
        if path.suffix not in formats:
            raise ValueError(f"{path}: results are written as .json or .md")
        write_atomically(path, formats[path.suffix]().encode())


def _markdown_row(texts: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"
