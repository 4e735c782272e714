"""`palaestra export`: the tables of a run as files for other tools."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palaestra.cli.errors import CommandError
from palaestra.cli.specs import find_run

if TYPE_CHECKING:
    from palaestra.store import Store

EXAMPLES = (
    "palaestra export runs/beacons-main-1a2b3c4d --output tables",
    "palaestra export beacons-main-1a2b3c4d --format parquet --output tables",
)

_OF_TRIALS = ("metrics", "evaluations", "lesson_progress", "events")
"""Tables whose rows name a trial by its number; exported with its arm and seed instead."""
_TABLES = ("trials", *_OF_TRIALS, "lessons", "calls")


class Format(StrEnum):
    csv = "csv"
    parquet = "parquet"


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run folder, or its name in runs/.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the files go.")],
    format: Annotated[Format, typer.Option("--format", help="Parquet needs the extra 'export'.")] = Format.csv,
) -> None:
    """Write a run's tables as CSV or Parquet files.

    These are: trials, metrics, evaluations, lesson_progress, events, lessons and calls.
    """
    run = find_run(folder)
    write = _parquet_writer() if format is Format.parquet else _write_csv
    with run.open_store(read_only=True) as store:
        try:
            output.mkdir(parents=True, exist_ok=True)
            for table in _TABLES:
                columns, rows = _read(store, table)
                path = output / f"{table}.{format}"
                write(path, columns, rows)
                print(f"{path}: {len(rows):,} rows")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror or error}") from error


def _read(store: Store, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    columns = [row[1] for row in store.query(f"PRAGMA table_info({table})")]
    if table not in _OF_TRIALS:
        return columns, store.query(f"SELECT * FROM {table} ORDER BY id")
    columns.remove("trial")
    names = ", ".join(f"t.{column}" for column in columns)
    order = "t.id" if "id" in columns else f"t.trial, t.{columns[0]}"
    rows = store.query(
        f"SELECT trials.arm, trials.seed, {names} FROM {table} AS t LEFT JOIN trials ON trials.id = t.trial "
        f"ORDER BY {order}"
    )
    return ["arm", "seed", *columns], rows


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _parquet_writer() -> Any:
    try:
        import polars  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise CommandError(
            "Parquet files need polars, which is not installed: pip install 'palaestra[export]', or use --format csv"
        ) from error

    def write(path: Path, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        polars.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None).write_parquet(path)

    return write
