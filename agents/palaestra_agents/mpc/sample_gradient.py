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
        directions = np.divide(noise, self.half_range, out=np.zeros_like(noise), where=self.half_range > 0)
        gradient = np.einsum("s,ski->ki", np.where(usable, ahead - behind, 0.0), directions)
        steepest = np.abs(gradient).max()
        if steepest == 0.0:
            return self._best(state, knots[None], last_control)
        lengths = np.geomspace(1e-3, 1.0, self.config.steps - 1) * self.config.longest_step
        moves = -lengths[:, None, None] * gradient / steepest * self.half_range
        return self._best(state, np.concatenate([knots[None], self.clip(knots + moves)]), last_control)

    def _best(self, state: Array, samples: Array, last_control: Array) -> tuple[Array, float]:
        costs = self.costs(state, samples, last_control)
        best = int(np.argmin(costs))
        return samples[best], float(costs[best])
