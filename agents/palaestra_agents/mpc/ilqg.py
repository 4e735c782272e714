"""iLQG: Newton-like improvement of a whole control sequence, with feedback and control limits.

After Tassa, Mansard and Todorov, "Control-limited differential dynamic programming" (ICRA 2014): dynamics and sensors
are linearised along the last trajectory by finite differences, the cost is taken to second order (Gauss-Newton: the
norms' curvature, not the residuals'), a backward pass solves for control changes within their limits and for feedback
gains, and a line search tries step sizes side by side, with feedback.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from palaestra_worlds.planning import PlanningModel

from palaestra_agents.mpc.backward import BackwardPass, Gains
from palaestra_agents.mpc.config import ILQGConfig
from palaestra_agents.mpc.feedback import FeedbackRollouts
from palaestra_agents.mpc.linear import Linearization, LocalModel
from palaestra_agents.mpc.planner import Array, Plan, Planner

_NO_GAIN = 1e-5
"""A plan that is expected to get better by less than this share of its cost is as good as it gets."""


class ILQG(Planner):
    """See `ILQGConfig`. A plan's knots are one for each physics step, held in between.

    Attributes:
        gains: of the last backward pass that led to a better plan.
    """

    Config = ILQGConfig

    def __init__(self, config: Any, problem: PlanningModel, seed: int = 0) -> None:
        super().__init__(config, problem, seed)
        self.config: ILQGConfig = config
        self._linear = Linearization(self.rollouts, self.config.finite_difference)
        self._forward = FeedbackRollouts(self.rollouts, self.config.step_sizes)
        self._backward = BackwardPass(self.config.first_regularization, self.config.most_regularization)
        self._step_sizes = np.geomspace(1.0, self.config.least_step, self.config.step_sizes)
        self.knot_times = self.rollouts.timestep * np.arange(self.rollouts.steps, dtype=np.float64)
        self.gains: Gains | None = None

    def reset(self, seed: int = 0) -> None:
        super().reset(seed)
        self.gains = None

    def _improve(self, state: Array, last_control: Array) -> Plan:
        start = float(state[0])
        low, high = self.problem.control_low, self.problem.control_high
        controls = np.clip(self._warm_start(start + self.knot_times), low, high)
        cost = float(self.rollouts.costs(state, controls[None], last_control)[0])
        self._backward.reset()
        for _ in range(self.config.iterations):
            model = self._linear.along(state, controls, last_control)
            better = self._search(state, controls, last_control, cost, model)
            if better is None:
                break
            controls, cost = better
        return self.as_plan(start, controls, "zero", cost)

    def _search(
        self, state: Array, controls: Array, last_control: Array, cost: float, model: LocalModel
    ) -> tuple[Array, float] | None:
        """Better controls and their cost; None when no regularisation leads to any."""
        low, high = self.problem.control_low, self.problem.control_high
        while True:
            gains = self._backward.solve(model, controls, low, high)
            if gains is None or gains.expected <= _NO_GAIN * cost:
                return None
            tried = self._forward.roll(state, model.states, controls, gains, self._step_sizes)
            costs = self.rollouts.costs(state, tried, last_control)
            best = int(np.argmin(costs))
            if costs[best] < cost:
                self.gains = gains
                self._backward.relax()
                return tried[best], float(costs[best])
            if not self._backward.tighten():
                return None

    def close(self) -> None:
        self._linear.close()
        super().close()
