"""The backward pass of iLQG: control changes within limits, and feedback gains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from palaestra_agents.mpc.backward_kernel import backward_pass
from palaestra_agents.mpc.linear import LocalModel
from palaestra_agents.mpc.planner import Array

_FACTOR = 4.0
_LEAST = 1e-6


class Gains(NamedTuple):
    """How controls change: change + feedback @ (change of the state), for T steps."""

    change: Array
    """(T, m)"""
    feedback: Array
    """(T, m, n)"""
    expected: float
    """How much less the full step should cost."""


class BackwardPass:
    """Solves for gains; adds to the controls' curvature what makes it positive, and more where steps fail.

    What is added grows and shrinks ever faster while it has to (Tassa, Erez and Todorov 2012, section II-F).
    """

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self.reset()

    def reset(self) -> None:
        """Begins with the first regularisation again."""
        self.regularization = self._first
        self._change = 1.0

    def relax(self) -> None:
        """After a success."""
        self._change = min(1.0, self._change) / _FACTOR
        self.regularization *= self._change

    def tighten(self) -> bool:
        """After a failure; False when there is nothing left to try."""
        self._change = max(1.0, self._change) * _FACTOR
        self.regularization = max(self.regularization * self._change, _LEAST)
        return self.regularization <= self._most

    def solve(self, model: LocalModel, controls: Array, low: Array, high: Array) -> Gains | None:
        """The gains along `controls` (T, m); None when no regularisation makes the problem convex."""
        while True:
            gains = self._solve_once(model, controls, low, high)
            if gains is not None or not self.tighten():
                return gains

    def _solve_once(self, model: LocalModel, controls: Array, low: Array, high: Array) -> Gains | None:
        changes, feedbacks = np.empty_like(controls), np.empty_like(model.cost_ux)
        expected = backward_pass(*model[1:], low - controls, high - controls, self.regularization, changes, feedbacks)
        return None if expected == -np.inf else Gains(changes, feedbacks, expected)
