"""Predictive sampling: the best of noisy copies of the last plan."""

from __future__ import annotations

import numpy as np

from palaestra_agents.mpc.config import PredictiveSamplingConfig
from palaestra_agents.mpc.planner import Array, SamplingPlanner


class PredictiveSampling(SamplingPlanner):
    """See `PredictiveSamplingConfig`."""

    Config = PredictiveSamplingConfig
    config: PredictiveSamplingConfig

    def iterate(self, state: Array, knots: Array, last_control: Array) -> tuple[Array, float]:
        samples = knots + self.noise(self.config.samples, self.config.noise)
        samples[0] = knots
        samples = self.clip(samples)
        costs = self.costs(state, samples, last_control)
        best = int(np.argmin(costs))
        return samples[best], float(costs[best])
