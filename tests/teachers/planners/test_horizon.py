"""The trained selector: it learns what goals take, its weights are checked, and plans are ordered by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
import safetensors.torch
from palaestra_teachers.planners.config import DepsConfig
from palaestra_teachers.planners.horizon import (
    HorizonError,
    features,
    horizon_bytes,
    load_horizon,
    rank_correlation,
    train_horizon,
)
from palaestra_teachers.planners.selector import choose, estimate_of
from palaestra_worlds.structured import PlanStep, PlayerStatus
from pydantic import ValidationError

LOG = PlanStep(how="mine", object="oak_log", source="oak_log", count=2)
SAND = PlanStep(how="mine", object="sand", source="sand")


def status(**seen: int) -> PlayerStatus:
    return PlayerStatus(
        inventory={}, biome="plains", height=40, is_underground=False, health=20, food=20, ticks_left=3000, seen=seen
    )


def taught(log_ticks: float, sand_ticks: float) -> Any:
    """A network that has learned that logs take so long and sand so long, whatever the distance."""
    pairs = [
        (step, status(oak_log=far, sand=1 + far // 2), ticks)
        for far in range(2, 30)
        for step, ticks in ((LOG, log_ticks), (SAND, sand_ticks))
    ]
    rows = np.stack([features(step, now) for step, now, _ in pairs])
    return train_horizon(rows, np.array([ticks for *_, ticks in pairs]), epochs=120)


@pytest.fixture(scope="module")
def quick_logs() -> bytes:
    return horizon_bytes(taught(log_ticks=40.0, sand_ticks=900.0), "Overworld")


@pytest.fixture
def weights(tmp_path: Path, quick_logs: bytes) -> Path:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(quick_logs)
    return path


def test_it_foretells_what_it_was_taught_in_ticks(weights: Path) -> None:
    network = load_horizon(weights, "Overworld")
    assert network.ticks(LOG, status(oak_log=11, sand=6)) == pytest.approx(40, rel=0.3)
    assert network.ticks(SAND, status(oak_log=11, sand=6)) == pytest.approx(900, rel=0.3)


def test_the_same_data_and_seed_give_the_same_weights() -> None:
    assert horizon_bytes(taught(9.0, 90.0), "Overworld") == horizon_bytes(taught(9.0, 90.0), "Overworld")


def test_the_planner_chooses_by_it_where_distance_says_otherwise(weights: Path) -> None:
    knowledge = palaestra_worlds.make("Overworld").knowledge()
    assert knowledge is not None
    seen = status(oak_log=20, sand=2)
    trained = estimate_of(DepsConfig(select="trained", weights=weights), "Overworld")
    by_distance = estimate_of(DepsConfig(select="nearest"), "Overworld")
    assert choose([SAND, LOG], seen, knowledge, trained) == 1
    assert choose([SAND, LOG], seen, knowledge, by_distance) == 0
    assert estimate_of(DepsConfig(select="in_order"), "Overworld") is None


def test_a_trained_selector_without_weights_is_refused() -> None:
    with pytest.raises(ValidationError, match="select: trained needs `weights`"):
        DepsConfig(select="trained")


def _other_version(data: bytes) -> bytes:
    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    metadata["horizon"] = json.dumps({"version": 99, "world": "Overworld"})
    return safetensors.torch.save(safetensors.torch.load(data), metadata=metadata)


def _changed(data: bytes) -> bytes:
    return data[:-3] + bytes(255 - byte for byte in data[-3:])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "is damaged, or holds no weights of a selector"),
        (lambda data: data[:-40], "is damaged"),
        (_changed, "its checksum does not match"),
        (_other_version, "is of version 99 of the selector, not 1"),
        (lambda data: horizon_bytes(taught(1, 2), "Luanti"), "is of Luanti, not Overworld"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_by_name(weights: Path, damage: Any, message: str) -> None:
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(HorizonError, match=message) as refused:
        load_horizon(weights, "Overworld")
    assert str(weights) in str(refused.value)
    assert "train it: palaestra selector" in str(refused.value)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(HorizonError, match=r"none.safetensors: the selector's weights cannot be read"):
        load_horizon(tmp_path / "none.safetensors", "Overworld")


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert rank_correlation([3, 2, 1], [10, 20, 30]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 1], [10, 20, 30]) is None
