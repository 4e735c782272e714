"""The cross-entropy method: mean and deviation of the knots are fitted to the best samples."""

from __future__ import annotations

import numpy as np

from palaestra_agents.mpc.config import CrossEntropyConfig
from palaestra_agents.mpc.planner import Array, SamplingPlanner


class CrossEntropy(SamplingPlanner):
    """See `CrossEntropyConfig`. Deviations are carried on from plan to plan."""

    Config = CrossEntropyConfig
    config: CrossEntropyConfig

    def reset(self, seed: int = 0) -> None:
        super().reset(seed)
        self._deviation: float | Array | None = None

    def iterate(self, state: Array, knots: Array, last_control: Array) -> tuple[Array, float]:
        settings = self.config
        deviation = settings.noise if self._deviation is None else self._deviation
        samples = knots + self.noise(settings.samples, deviation)
        samples[0] = knots
        samples = self.clip(samples)
        costs = self.costs(state, samples, last_control)
        wanted = max(2, round(settings.elites * settings.samples))
        finite = int(np.isfinite(costs).sum())
        elites = samples[np.argsort(costs, kind="stable")[: min(wanted, finite)]]
        spread = elites.std(axis=0) / self.control_scale
        self._deviation = np.maximum(spread, settings.least_noise)
        return elites.mean(axis=0), float(costs.min())
