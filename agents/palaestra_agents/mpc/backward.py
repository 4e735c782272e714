"""The backward pass of iLQG: control changes within limits, and feedback gains."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_agents.mpc.linear import LocalModel
from palaestra_agents.mpc.planner import Array

_FACTOR = 10.0


class Gains(NamedTuple):
    """How controls change: change + feedback @ (change of the state), for T steps."""

    change: Array
    """(T, m)"""
    feedback: Array
    """(T, m, n)"""
    expected: float
    """How much less the full step should cost."""


class BackwardPass:
    """Solves for gains; adds to the controls' curvature what makes it positive, and more where steps fail."""

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self.reset()

    def reset(self) -> None:
        """Begins with the first regularisation again."""
        self.regularization = self._first

    def relax(self) -> None:
        """After a success."""
        self.regularization /= _FACTOR

    def tighten(self) -> bool:
        """After a failure; False when there is nothing left to try."""
        self.regularization = max(self.regularization * _FACTOR, 1e-6)
        return self.regularization <= self._most

    def solve(self, model: LocalModel, controls: Array, low: Array, high: Array) -> Gains | None:
        """The gains along `controls` (T, m); None when no regularisation makes the problem convex."""
        while True:
            gains = self._solve_once(model, controls, low, high)
            if gains is not None or not self.tighten():
                return gains

    def _solve_once(self, model: LocalModel, controls: Array, low: Array, high: Array) -> Gains | None:
        steps, n, m = model.control.shape
        changes, feedbacks, expected = np.zeros((steps, m)), np.zeros((steps, m, n)), 0.0
        value_x, value_xx = np.zeros(n), np.zeros((n, n))
        for t in range(steps - 1, -1, -1):
            a, b = model.transition[t], model.control[t]
            q_x = model.cost_x[t] + a.T @ value_x
            q_u = model.cost_u[t] + b.T @ value_x
            q_xx = model.cost_xx[t] + a.T @ value_xx @ a
            q_ux = model.cost_ux[t] + b.T @ value_xx @ a
            q_uu = model.cost_uu[t] + b.T @ value_xx @ b
            solved = _within(q_uu + self.regularization * np.eye(m), q_u, low - controls[t], high - controls[t])
            if solved is None:
                return None
            change, free = solved
            feedback = np.zeros((m, n))
            if len(free):
                curvature = (q_uu + self.regularization * np.eye(m))[np.ix_(free, free)]
                feedback[free] = -np.linalg.solve(curvature, q_ux[free])
            value_x = q_x + feedback.T @ (q_uu @ change + q_u) + q_ux.T @ change
            value_xx = q_xx + feedback.T @ q_uu @ feedback + feedback.T @ q_ux + q_ux.T @ feedback
            value_xx = 0.5 * (value_xx + value_xx.T)
            changes[t], feedbacks[t] = change, feedback
            expected -= float(q_u @ change + 0.5 * change @ q_uu @ change)
        return Gains(changes, feedbacks, expected)


def _within(curvature: Array, slope: Array, low: Array, high: Array) -> tuple[Array, NDArray[np.int32]] | None:
    """The change within limits that minimises a quadratic, and the controls at no limit; None if it is not convex."""
    size = len(slope)
    change, free = np.zeros(size), np.zeros(size, np.int32)
    factor = np.zeros((size, size + 7))
    curvature, low, high = (np.ascontiguousarray(array) for array in (curvature, low, high))
    rank = mujoco.mju_boxQP(
        change, factor, free, curvature, slope, np.ascontiguousarray(low), np.ascontiguousarray(high)
    )
    return None if rank < 0 else (change, free[:rank])
