"""Where two runs, or two studies, differ in what they have come to; times and other figures of the machine left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from palaestra import checkpoint
from palaestra.run import open_run
from palaestra.store import Store

MACHINE = ("time/", "speed/", "memory/")
"""How metrics begin that depend on the machine."""
MACHINE_FIELDS = ("seconds", "processor", "planning", "remembered")
"""Of a study's results. An answer that was in the ledger already is counted as remembered."""
TABLES = {
    "trials": "SELECT arm, seed, status, steps, message FROM trials",
    "metrics": "SELECT trial, iteration, step, name, value FROM metrics",
    "evaluations": "SELECT * FROM evaluations",
    "lessons": "SELECT teacher, level_seed, kind, lesson, request_hash, model, attempts, state, reason FROM lessons",
    "lesson_progress": "SELECT * FROM lesson_progress",
    "calls": "SELECT teacher, lesson_key, request_hash, reply, parsed, error_kind, retry, part, chosen FROM calls "
    "WHERE origin != 'cache'",
    "events": "SELECT kind, message FROM events",
}
"""What has to be in both stores alike, in whatever order. Answers that come from the ledger again are no calls."""
UNORDERED_STATE = ("newest_lesson", "seen", "supply")
"""Parts of a checkpoint that number rows of the store."""


def differences(one: Path, other: Path) -> list[str]:
    """Where two folders of the same run or study differ, a line each.

    Raises:
        StoreError: a store cannot be read.
    """
    found = list(_stores(one / "run.sqlite", other / "run.sqlite"))
    if (one / "spec.yaml").exists():
        found += _checkpoints(one, other)
    else:
        found += _files(one, other)
    return found


def _stores(one: Path, other: Path) -> Iterator[str]:
    with Store(one, read_only=True) as first, Store(other, read_only=True) as second:
        for table, query in TABLES.items():
            rows, others = (Counter(_row(table, row) for row in store.query(query)) for store in (first, second))
            del rows[None], others[None]
            for row in (rows - others) | (others - rows):
                yield f"{table}: {str(row)[:300]}: {rows[row]} times and {others[row]} times"


def _row(table: str, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return None if table == "metrics" and row[3].startswith(MACHINE) else tuple(row)


def _checkpoints(one: Path, other: Path) -> Iterator[str]:
    run, second = open_run(one), open_run(other)
    for trial in run.trials():
        states = [
            checkpoint.load_newest(each.checkpoint_folder(trial.arm, trial.seed)).state or {} for each in (run, second)
        ]
        for state in states:
            for key in UNORDERED_STATE:
                state.pop(key, None)
            state["position"].pop("seconds", None)
        yield from _state(*states, where=f"checkpoint of {trial.name}")


def _state(one: Any, other: Any, where: str) -> Iterator[str]:
    if type(one) is not type(other):
        yield f"{where}: {type(one).__name__} and {type(other).__name__}"
    elif isinstance(one, dict):
        for key in sorted(one.keys() ^ other.keys()):
            yield f"{where}.{key}: in one only"
        for key in one.keys() & other.keys():
            yield from _state(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        if len(one) != len(other):
            yield f"{where}: {len(one)} and {len(other)} elements"
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from _state(left, right, f"{where}[{index}]")
    elif isinstance(one, torch.Tensor):
        if not torch.equal(one, other):
            yield f"{where}: tensors differ"
    elif isinstance(one, np.ndarray):
        if not np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
            yield f"{where}: arrays differ"
    elif one != other and not (one != one and other != other):
        yield f"{where}: {str(one)[:100]} and {str(other)[:100]}"


def _files(one: Path, other: Path) -> Iterator[str]:
    """Results line by line, all other files byte by byte."""
    names = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    for name in sorted(names):
        first, second = one / name, other / name
        if name.name.startswith("run.sqlite") or name.name in ("report.html", "report.md", ".study.lock"):
            continue
        if not first.is_file() or not second.is_file():
            yield f"{name}: in one folder only"
        elif name.name == "results.jsonl":
            for number, pair in enumerate(zip(_results(first), _results(second), strict=False), start=1):
                if pair[0] != pair[1]:
                    yield f"{name}, line {number}: {pair[0]} and {pair[1]}"
            if len(_results(first)) != len(_results(second)):
                yield f"{name}: {len(_results(first))} and {len(_results(second))} lines"
        elif first.read_bytes() != second.read_bytes():
            yield f"{name}: bytes differ"


def _results(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in MACHINE_FIELDS} for row in rows]
