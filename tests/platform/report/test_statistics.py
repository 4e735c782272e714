"""Statistics of a few seeds, against values worked out by hand and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from palaestra.statistics import (
    bootstrap,
    bootstrap_band,
    difference,
    mean,
    median,
    ratio,
    steps_to,
    to_threshold,
    trimmed_mean,
)
from scipy import stats

INFINITE = math.inf


def test_the_median_counts_what_was_not_reached_as_latest() -> None:
    assert median(np.array([3.0, 1.0, INFINITE])) == 3.0
    assert median(np.array([3.0, 1.0])) == 2.0
    assert median(np.array([3.0, INFINITE])) == INFINITE
    assert median(np.array([[1.0, INFINITE, INFINITE], [5.0, 4.0, 9.0]])).tolist() == [INFINITE, 5.0]


def test_the_trimmed_mean_leaves_out_a_quarter_at_each_end() -> None:
    assert trimmed_mean([0.0, 1.0, 2.0, 100.0]) == 1.5
    assert trimmed_mean([4.0, 1.0, 1.0]) == 2.0


def test_two_seeds_span_their_own_interval() -> None:
    """Resamples of (0, 1) have means 0, 0.5, 0.5, 1: a quarter of them lies at each end."""
    interval = bootstrap([0.0, 1.0])
    assert (interval.value, interval.low, interval.high) == (0.5, 0.0, 1.0)


def test_one_seed_has_no_spread() -> None:
    interval = bootstrap([0.7])
    assert (interval.value, interval.low, interval.high) == (0.7, 0.7, 0.7)


def test_intervals_are_those_of_scipy() -> None:
    samples = np.random.default_rng(5).normal(2.0, 1.0, 30)
    found = bootstrap(samples)
    other = stats.bootstrap(
        (samples,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.value == pytest.approx(samples.mean())
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=0.05)


def test_a_difference_spans_what_both_sides_do() -> None:
    """Resamples of (1, 3) have means 1, 2, 3, those of (0, 1) 0, 0.5, 1."""
    interval = difference([1.0, 3.0], [0.0, 1.0])
    assert (interval.value, interval.low, interval.high) == (1.5, 0.0, 3.0)
    alone = difference([2.0], [0.5])
    assert (alone.value, alone.low, alone.high) == (1.5, 1.5, 1.5)


def test_a_band_resamples_whole_seeds() -> None:
    """The second point is the first plus one, in every seed and so in every resample."""
    samples = np.random.default_rng(2).random((5, 1))
    low, high = bootstrap_band(np.concatenate([samples, samples + 1], axis=1), mean)
    assert low[1] == pytest.approx(low[0] + 1)
    assert high[1] == pytest.approx(high[0] + 1)


def test_the_same_data_give_the_same_interval() -> None:
    assert bootstrap([1.0, 2.0, 5.0]) == bootstrap([1.0, 2.0, 5.0])


def test_the_threshold_is_reached_at_the_first_evaluation_that_has_it() -> None:
    assert steps_to([0, 100, 200, 300], [0.0, 0.5, 0.8, 0.7], 0.8) == 200
    assert steps_to([0, 100], [0.0, 0.79], 0.8) == INFINITE
    assert steps_to([], [], 0.8) == INFINITE


def test_an_arm_that_did_not_reach_it_says_how_far_it_was_searched() -> None:
    result = to_threshold(0.8, [200.0, INFINITE, INFINITE], [1000.0, 400.0, 500.0])
    assert (result.reached, result.seeds, result.known, result.searched) == (1, 3, False, 400.0)
    assert result.median.value == INFINITE
    assert result.median.low == 200.0


def test_one_late_seed_leaves_the_median_but_not_the_end_of_its_interval() -> None:
    result = to_threshold(0.8, [100.0, 300.0, INFINITE], [900.0] * 3)
    assert (result.median.value, result.median.low, result.median.high) == (300.0, 100.0, INFINITE)


def test_the_ratio_of_arms_that_both_reached_it() -> None:
    found = ratio(to_threshold(0.8, [100.0] * 3, [900.0] * 3), to_threshold(0.8, [300.0] * 3, [900.0] * 3))
    assert found is not None
    assert (found.relation, found.interval.value, found.interval.low, found.interval.high) == ("=", 3.0, 3.0, 3.0)


def test_the_ratio_s_interval_holds_the_spread_of_both_arms() -> None:
    arm, baseline = to_threshold(0.8, [100.0, 200.0], [900.0] * 2), to_threshold(0.8, [400.0, 800.0], [900.0] * 2)
    found = ratio(arm, baseline)
    assert found is not None
    # Medians are drawn from (100, 150, 200) and (400, 600, 800): the ends are 400 / 200 and 800 / 100, each with
    # probability 1/16, more than what an interval of 95 % leaves out at its ends.
    assert (found.interval.value, found.interval.low, found.interval.high) == (4.0, 2.0, 8.0)


def test_a_ratio_to_what_was_not_reached_is_a_bound() -> None:
    reached, not_reached = to_threshold(0.8, [100.0] * 3, [900.0] * 3), to_threshold(0.8, [INFINITE] * 3, [500.0] * 3)
    more, less = ratio(reached, not_reached), ratio(not_reached, reached)
    assert more is not None
    assert less is not None
    assert (more.relation, more.interval.value) == (">", 5.0)
    assert (less.relation, less.interval.value) == ("<", 0.2)
    assert ratio(not_reached, not_reached) is None


def test_reaching_it_before_the_first_step_makes_no_infinite_ratio() -> None:
    found = ratio(to_threshold(0.8, [0.0], [900.0]), to_threshold(0.8, [300.0], [900.0]))
    assert found is not None
    assert found.interval.value == 300.0
