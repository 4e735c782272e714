"""What a handful of seeds can say: means and medians with bootstrap intervals, steps to a threshold, ratios.

Seeds that never reached a threshold count as infinitely late, so a median may be "not reached", and a ratio to such a
median is a bound. Every random draw comes from a generator of its own with a fixed seed: the same data, the same text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Share of resamples that an interval covers."""
RESAMPLES = 2_000
_GENERATOR_SEED = 241_008_632

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From (..., samples) to (...)."""


@dataclass(frozen=True)
class Interval:
    """A value with its interval; a bootstrapped one's ends equal the value where there is one seed only."""

    value: float
    low: float
    high: float


def mean(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis."""
    return np.mean(samples, axis=-1)


def median(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis; infinite samples are later than all others."""
    ordered = np.sort(samples, axis=-1)
    middle = samples.shape[-1] // 2
    if samples.shape[-1] % 2:
        return ordered[..., middle]
    return (ordered[..., middle - 1] + ordered[..., middle]) / 2


def trimmed_means(samples: NDArray[np.float64], share: float = 0.25) -> NDArray[np.float64]:
    """Means over the last axis without the lowest and the highest `share` (0.25: interquartile means)."""
    from scipy.stats import trim_mean

    return np.asarray(trim_mean(samples, share, axis=-1))


def trimmed_mean(samples: Sequence[float], share: float = 0.25) -> float:
    """The same of one row of samples."""
    return float(trimmed_means(np.asarray(samples, dtype=np.float64), share))


def bootstrap(samples: Sequence[float] | NDArray[np.float64], statistic: Statistic = mean) -> Interval:
    """A statistic of one number per seed, with its interval.

    Args:
        samples: (seeds,), at least one; infinite where something was not reached.
        statistic: over the last axis.
    """
    values = np.asarray(samples, dtype=np.float64)
    low, high = bootstrap_band(values[:, None], statistic)
    return Interval(float(statistic(values)), float(low[0]), float(high[0]))


def wilson(successes: float, trials: float) -> Interval:
    """A share with Wilson's score interval at `LEVEL`; it does not shrink to a point at 0 or 1.

    Args:
        successes: from 0 to `trials`.
        trials: independent of each other, at least one.
    """
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))


def bootstrap_band(
    samples: NDArray[np.float64], statistic: Statistic = mean
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends, each (points,), of a statistic's interval over seeds.

    Args:
        samples: (seeds, points); a resample draws whole seeds.
        statistic: over the last axis.
    """
    return _percentiles(statistic(_resample(samples)))


def _resample(samples: NDArray[np.float64], stream: int = 0) -> NDArray[np.float64]:
    """(points, resamples, seeds) of (seeds, points); another stream draws other seeds."""
    seeds = len(samples)
    generator = np.random.default_rng((_GENERATOR_SEED, stream))
    drawn = generator.integers(0, seeds, size=(RESAMPLES, seeds))
    return np.moveaxis(samples[drawn], -1, 0)


def _percentiles(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the last axis; by counting, so that infinite values stay what they are."""
    tail = (1 - LEVEL) / 2
    ordered = np.sort(values, axis=-1)
    count = values.shape[-1]
    return ordered[..., math.floor(tail * (count - 1))], ordered[..., math.ceil((1 - tail) * (count - 1))]


# ---------------------------------------------------------------------------------------------- steps to a threshold


def steps_to(steps: Sequence[int], success: Sequence[float], threshold: float) -> float:
    """Environment steps at the first evaluation that reached the threshold; infinity where none did."""
    for step, value in zip(steps, success, strict=True):
        if value >= threshold:
            return float(step)
    return math.inf


@dataclass(frozen=True)
class ToThreshold:
    """When the seeds of one arm reached a threshold.

    Attributes:
        threshold: share of successful episodes.
        reached_at: steps by seed; infinite where it was not reached.
        searched: steps up to which the seeds were evaluated; the fewest among those that did not reach it, or, where
            all did, among all.
        median: over seeds; infinite where half of the seeds or more did not reach it.
    """

    threshold: float
    reached_at: tuple[float, ...]
    searched: float
    median: Interval

    @property
    def seeds(self) -> int:
        return len(self.reached_at)

    @property
    def reached(self) -> int:
        """Seeds that reached it."""
        return sum(math.isfinite(step) for step in self.reached_at)

    @property
    def known(self) -> bool:
        """Whether there is a finite median."""
        return math.isfinite(self.median.value)


def to_threshold(threshold: float, reached_at: Sequence[float], searched: Sequence[float]) -> ToThreshold:
    """Sums up the seeds of an arm.

    Args:
        threshold: share of successful episodes.
        reached_at: steps by seed from `steps_to`, at least one.
        searched: steps by seed up to which it was evaluated.
    """
    unreached = [limit for limit, step in zip(searched, reached_at, strict=True) if math.isinf(step)]
    return ToThreshold(
        threshold, tuple(reached_at), float(min(unreached or searched)), bootstrap(reached_at, statistic=median)
    )


@dataclass(frozen=True)
class Ratio:
    """How many times fewer steps one arm takes than another.

    Attributes:
        relation: "=", or ">" where the slower arm's median was not reached, "<" where the faster one's was not;
            then `value` is a bound and the interval's ends are bounds likewise.
    """

    relation: Literal["=", ">", "<"]
    interval: Interval


def ratio(arm: ToThreshold, baseline: ToThreshold) -> Ratio | None:
    """Median steps of the baseline over those of the arm; None where neither reached the threshold.

    A median that was not reached is replaced by the steps that were searched, which makes the ratio a bound.
    """
    if not arm.known and not baseline.known:
        return None
    relation = "=" if arm.known and baseline.known else ">" if arm.known else "<"
    value = _bounded(baseline, baseline.median.value) / max(float(_bounded(arm, arm.median.value)), 1.0)
    above = median(_resample(np.asarray(baseline.reached_at)[:, None], stream=1))
    below = median(_resample(np.asarray(arm.reached_at)[:, None], stream=2))
    low, high = _percentiles(_bounded(baseline, above) / np.maximum(_bounded(arm, below), 1.0))
    return Ratio(relation, Interval(float(value), float(low[0]), float(high[0])))


def _bounded(arm: ToThreshold, steps: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isinf(steps), arm.searched, steps)


# ---------------------------------------------------------------------------------------------- differences


def difference(samples: Sequence[float], baseline: Sequence[float]) -> Interval:
    """Mean of one number per seed less that of others, with its interval; seeds are resampled on both sides.

    Args:
        samples, baseline: at least one each.
    """
    above, below = np.asarray(samples, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    resampled = mean(_resample(above[:, None], stream=1)) - mean(_resample(below[:, None], stream=2))
    low, high = _percentiles(resampled)
    return Interval(float(above.mean() - below.mean()), float(low[0]), float(high[0]))
