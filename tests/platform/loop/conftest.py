"""Tiny runs, and what of them must be the same however they came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from palaestra import checkpoint
from palaestra.run import Run, open_run, start_run
from palaestra.spec import RunSpec

from ...teachers.server import ScriptedServer, serving

MACHINE = ("time/", "speed/")
"""Metrics that depend on the machine."""


@dataclass(frozen=True)
class Outcome:
    """All that a trial measured and became, times left out."""

    status: str
    steps: int
    metrics: list[tuple[Any, ...]]
    evaluations: list[tuple[Any, ...]]
    progress: list[tuple[Any, ...]]
    state: dict[str, Any]


def make_run(text: str, folder: Path) -> Run:
    return start_run(RunSpec.from_yaml(text, "spec.yaml"), folder)


def outcome(run: Run, arm: str = "main", seed: int = 0) -> Outcome:
    with run.open_store(read_only=True) as store:
        row = store.trial(arm, seed)
        metrics = store.query(
            "SELECT iteration, step, name, value FROM metrics WHERE trial = ? ORDER BY 1, 3", (row.id,)
        )
        evaluations = store.query("SELECT * FROM evaluations WHERE trial = ? ORDER BY iteration, mode", (row.id,))
        progress = store.query("SELECT * FROM lesson_progress WHERE trial = ? ORDER BY level_seed", (row.id,))
    found = newest(run, arm, seed)
    state = {key: value for key, value in found.items() if key not in ("newest_lesson", "seen", "supply")}
    state["position"] = {key: value for key, value in state["position"].items() if key != "seconds"}
    return Outcome(
        status=row.status,
        steps=row.steps,
        metrics=[metric for metric in metrics if not metric[2].startswith(MACHINE)],
        evaluations=[found[1:] for found in evaluations],
        progress=[found[1:] for found in progress],
        state=state,
    )


def newest(run: Run, arm: str = "main", seed: int = 0) -> dict[str, Any]:
    """The state in the newest checkpoint."""
    folder = run.checkpoint_folder(arm, seed)
    _, state = checkpoint.load(checkpoint.list_checkpoints(folder)[0])
    return state


def assert_same(one: Outcome, other: Outcome) -> None:
    assert (one.status, one.steps) == (other.status, other.steps)
    assert one.evaluations == other.evaluations
    assert one.metrics == other.metrics
    assert one.progress == other.progress
    assert_same_state(one.state, other.state, "state")


def assert_same_state(one: Any, other: Any, where: str = "state") -> None:
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same_state(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same_state(left, right, f"{where}[{index}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, where)
    else:
        assert one == other, where


def events(run: Run) -> dict[str, int]:
    """How often each kind of event happened."""
    with run.open_store(read_only=True) as store:
        return dict(store.query("SELECT kind, count(*) FROM events GROUP BY kind"))


def lessons(run: Run) -> list[tuple[Any, ...]]:
    """What became of each level, in their order."""
    with run.open_store(read_only=True) as store:
        return store.query("SELECT teacher, level_seed, kind, lesson, state, reason FROM lessons ORDER BY 1, 2")


@dataclass(frozen=True)
class Runs:
    """What the tests of the loop work with."""

    make: Callable[[str, Path], Run] = make_run
    open: Callable[[Path], Run] = open_run
    outcome: Callable[..., Outcome] = outcome
    newest: Callable[..., dict[str, Any]] = newest
    assert_same: Callable[[Outcome, Outcome], None] = assert_same
    assert_same_state: Callable[..., None] = assert_same_state
    events: Callable[[Run], dict[str, int]] = events
    lessons: Callable[[Run], list[tuple[Any, ...]]] = lessons


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """An endpoint on a real socket, which plays the acts that a test gives it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        yield server
