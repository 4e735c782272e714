"""Gradient descent on the knots, with a gradient estimated from samples and a line search by rollouts."""

from __future__ import annotations

import numpy as np

from palaestra_agents.mpc.config import SampleGradientConfig
from palaestra_agents.mpc.planner import Array, SamplingPlanner


class SampleGradient(SamplingPlanner):
    """See `SampleGradientConfig`.

    The gradient is the slope of the costs along random directions, from pairs of opposite samples, averaged over the
    directions (the gradient of the cost smoothed by the noise; see Salimans et al., arXiv 1703.03864).
    """

    Config = SampleGradientConfig
    config: SampleGradientConfig

    def iterate(self, state: Array, knots: Array, last_control: Array) -> tuple[Array, float]:
        noise = self.noise(max(1, self.config.samples // 2), self.config.noise)
        pairs = self.clip(np.concatenate([knots + noise, knots - noise]))
        costs = self.costs(state, pairs, last_control)
        ahead, behind = np.split(costs, 2)
        usable = np.isfinite(ahead) & np.isfinite(behind)
        directions = noise / self.control_scale
        gradient = np.einsum("s,ski->ki", np.where(usable, ahead - behind, 0.0), directions)
        steepest = np.abs(gradient).max()
        best = int(np.argmin(costs))
        if steepest == 0.0:
            return pairs[best], float(costs[best])
        lengths = np.geomspace(1e-3, 1.0, self.config.steps) * self.config.longest_step
        moves = -lengths[:, None, None] * gradient / steepest * self.control_scale
        tried = np.concatenate([knots[None], self.clip(knots + moves), pairs[best : best + 1]])
        costs = self.costs(state, tried, last_control)
        best = int(np.argmin(costs))
        return tried[best], float(costs[best])
