"""The score is the reference's, on episodes that its own recorder wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import crafter
import numpy as np
import pytest
from palaestra_worlds.crafter.character import ACHIEVEMENTS
from palaestra_worlds.crafter.score import crafter_score, success_rates, unlocked_bits


class _ShortEpisodes:
    """Stands for an environment: episodes of one step with drawn achievements, as crafter reports them."""

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = iter(counts)

    def reset(self) -> None:
        return None

    def step(self, action: int) -> tuple[None, float, bool, dict[str, Any]]:
        counts = dict(zip(ACHIEVEMENTS, next(self._counts).tolist(), strict=True))
        return None, 1.0, True, {"reward": 1.0, "achievements": counts}


def test_score_of_episodes_that_the_reference_recorded(tmp_path: Path) -> None:
    """The mean over episodes of each recorded count above zero, as crafter's paper aggregates `stats.jsonl`."""
    drawn = np.random.default_rng(0).integers(0, 5, (40, len(ACHIEVEMENTS))) - np.arange(len(ACHIEVEMENTS)) % 5
    env = crafter.Recorder(
        _ShortEpisodes(np.maximum(drawn, 0)), tmp_path, save_stats=True, save_video=False, save_episode=False
    )
    for _ in range(40):
        env.reset()
        env.step(0)
    episodes = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    recorded = np.array([[episode[f"achievement_{name}"] for name in ACHIEVEMENTS] for episode in episodes])
    percentages = [100 * np.mean([count >= 1 for count in column]) for column in recorded.T]
    np.testing.assert_allclose(success_rates(recorded), percentages)
    by_product = np.prod([1 + rate for rate in percentages]) ** (1 / len(ACHIEVEMENTS)) - 1
    assert crafter_score(success_rates(recorded)) == pytest.approx(by_product)


@pytest.mark.parametrize(("rates", "score"), [([0] * 22, 0.0), ([100] * 22, 100.0), ([3, 8, 8, 3], 5.0)])
def test_geometric_mean(rates: list[float], score: float) -> None:
    assert crafter_score(rates) == pytest.approx(score)


def test_bits_of_the_engine() -> None:
    bits = [0b101, 1 << 21]
    assert [np.flatnonzero(row).tolist() for row in unlocked_bits(bits)] == [[0, 2], [21]]


@pytest.mark.parametrize("unlocked", [np.zeros((0, 22)), np.zeros((3, 21)), np.zeros(22)])
def test_rates_need_episodes_of_22(unlocked: np.ndarray) -> None:
    with pytest.raises(ValueError, match="22"):
        success_rates(unlocked)


@pytest.mark.parametrize("rates", [[101.0], [-1.0], [float("nan")], []])
def test_a_score_needs_percentages(rates: list[float]) -> None:
    with pytest.raises(ValueError, match="percent"):
        crafter_score(rates)
