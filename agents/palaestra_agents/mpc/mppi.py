"""Model-predictive path integral control: the mean of all samples, weighted by how little they cost."""

from __future__ import annotations

import numpy as np

from palaestra_agents.mpc.config import MPPIConfig
from palaestra_agents.mpc.planner import Array, SamplingPlanner


class MPPI(SamplingPlanner):
    """See `MPPIConfig`."""

    Config = MPPIConfig
    config: MPPIConfig

    def iterate(self, state: Array, knots: Array, last_control: Array) -> tuple[Array, float]:
        samples = knots + self.noise(self.config.samples, self.config.noise)
        samples[0] = knots
        samples = self.clip(samples)
        costs = self.costs(state, samples, last_control)
        above = costs - costs.min()
        # Measured in the costs' own spread, a temperature means the same in every task.
        scale = max(float(np.std(costs[np.isfinite(costs)])), 1e-12)
        weights = np.exp(-above / (self.config.temperature * scale))
        return np.einsum("s,ski->ki", weights / weights.sum(), samples), float(costs.min())
