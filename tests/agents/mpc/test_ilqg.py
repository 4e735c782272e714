"""iLQG against the Riccati recursion, and its control limits."""

from __future__ import annotations

import numpy as np
import pytest
from palaestra_agents.mpc.config import ILQGConfig
from palaestra_agents.mpc.ilqg import ILQG

from .problems import Masses, Pendulum, upright_share

STEPS, TIMESTEP = 30, 0.02


def riccati(control_weight: float) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Gains of the finite-horizon problem of `Masses`, whose forces act on 3 kg and 2 kg, and its dynamics."""
    acceleration = np.zeros((2, 4))
    acceleration[1, 1] = -3 / 2
    forces = np.diag([1 / 3, 1 / 2])
    velocity = np.hstack([np.zeros((2, 2)), np.eye(2)]) + TIMESTEP * acceleration
    a = np.vstack([np.hstack([np.eye(2), np.zeros((2, 2))]) + TIMESTEP * velocity, velocity])
    b = np.vstack([TIMESTEP**2 * forces, TIMESTEP * forces])
    state_cost, control_cost = np.diag([10.0, 10.0, 1.0, 1.0]), control_weight * np.eye(2)
    value, gains = np.zeros((4, 4)), []
    for _ in range(STEPS):
        gain = np.linalg.solve(control_cost + b.T @ value @ b, b.T @ value @ a)
        value = state_cost + a.T @ value @ (a - b @ gain)
        gains.append(gain)
    return gains[::-1], a, b


def test_a_linear_quadratic_problem_is_solved_to_the_riccati_solution() -> None:
    planner = ILQG(ILQGConfig(horizon=0.6, iterations=3, action_rate=0, threads=1, first_regularization=0), Masses())
    state = planner.problem.state([1.0, -0.5], [0.3, 0.2])
    plan = planner.plan(state)
    gains, a, b = riccati(control_weight=0.1)
    x, cost = state[1:], 0.0
    for control, gain in zip(plan.knots, gains, strict=True):
        expected = -gain @ x
        np.testing.assert_allclose(control, expected, atol=1e-5)
        cost += (0.5 * x @ np.diag([10.0, 10.0, 1.0, 1.0]) @ x + 0.05 * expected @ expected) / STEPS
        x = a @ x + b @ expected
    assert plan.cost == pytest.approx(cost, rel=1e-6)
    np.testing.assert_allclose(planner.gains.feedback[:, :, :4], -np.array(gains), atol=1e-5)


def test_changing_controls_costs_and_is_planned_for() -> None:
    rough = ILQG(ILQGConfig(horizon=0.6, iterations=5, action_rate=0, threads=1), Masses(0.001))
    smooth = ILQG(ILQGConfig(horizon=0.6, iterations=5, action_rate=1e-2, threads=1), Masses(0.001))
    state = rough.problem.state([1.0, -0.5], [0.0, 0.0])
    jerks = [np.abs(np.diff(planner.plan(state).knots, axis=0)).max() for planner in (rough, smooth)]
    assert jerks[1] < 0.1 * jerks[0]


def test_controls_stay_within_limits_and_reach_them() -> None:
    problem = Masses(control_weight=1e-6)
    problem.control_low, problem.control_high = np.array([-2.0, -1.0]), np.array([2.0, 1.0])
    planner = ILQG(ILQGConfig(horizon=0.6, iterations=10, action_rate=0, threads=1), problem)
    plan = planner.plan(problem.state([1.0, 1.0], [0.0, 0.0]))
    assert (plan.knots >= problem.control_low).all()
    assert (plan.knots <= problem.control_high).all()
    np.testing.assert_allclose(plan.knots[0], problem.control_low)


def test_a_pendulum_is_swung_up() -> None:
    planner = ILQG(ILQGConfig(horizon=0.8, iterations=1, action_rate=0, threads=1), Pendulum())
    # Straight down the gradient is zero, so that it begins beside.
    assert upright_share(planner.problem, planner, seconds=3.0, start=0.2) > 0.95
