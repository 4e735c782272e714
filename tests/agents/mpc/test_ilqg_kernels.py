"""The compiled parts of iLQG do what MuJoCo's functions do."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from palaestra_agents.mpc.backward_kernel import within_limits
from palaestra_agents.mpc.feedback_kernel import position_change
from palaestra_agents.mpc.linear import Linearization
from palaestra_agents.mpc.rollouts import Rollouts
from palaestra_worlds.planning import Trajectories

from .problems import Pendulum

JOINTS = """
<mujoco><worldbody>
  <body><freejoint/><geom size=".1"/>
    <body pos="0 0 1"><joint type="ball"/><geom size=".1"/>
      <body pos="0 0 1"><joint type="hinge"/><joint type="slide"/><geom size=".1"/></body></body></body>
</worldbody></mujoco>"""


def test_positions_differ_as_mujoco_says() -> None:
    model = mujoco.MjModel.from_xml_string(JOINTS)
    joints = np.stack([model.jnt_type, model.jnt_qposadr, model.jnt_dofadr], axis=1).astype(np.int64)
    random = np.random.default_rng(0)
    for near in (1.0, 1e-9, 0.0):
        for _ in range(20):
            first, second = random.standard_normal((2, model.nq))
            second = first + near * second
            for qpos in (first, second):
                mujoco.mj_normalizeQuat(model, qpos)
            expected, found = np.zeros(model.nv), np.zeros(model.nv)
            mujoco.mj_differentiatePos(model, expected, 1.0, first, second)
            position_change(joints, first, second, found)
            np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_changes_within_limits_are_mujocos(seed: int) -> None:
    random = np.random.default_rng(seed)
    m = int(random.integers(1, 13))
    root = random.standard_normal((m, m))
    curvature, slope = root @ root.T + 0.01 * np.eye(m), 3 * random.standard_normal(m)
    low, high = -random.random(m), random.random(m)
    expected, factor, index = np.zeros(m), np.zeros((m, m + 7)), np.zeros(m, np.int32)
    rank = mujoco.mju_boxQP(expected, factor, index, curvature, slope, low, high)
    change, free = np.zeros(m), np.zeros(m, np.int64)
    count = within_limits(curvature, slope, low, high, change, free, np.zeros((m, m)))
    np.testing.assert_allclose(change, expected, atol=1e-6)
    assert set(free[:count]) == set(index[:rank])


def test_what_is_not_convex_is_said_so() -> None:
    curvature, ones = np.diag([1.0, -1.0]), np.ones(2)
    assert within_limits(curvature, ones, -ones, ones, np.zeros(2), np.zeros(2, np.int64), np.zeros((2, 2))) == -1


def test_residuals_change_along_states_and_controls_as_they_are_seen_to() -> None:
    problem = Pendulum()
    rollouts = Rollouts(problem, 0.2, 0.0, 1)
    linear = Linearization(rollouts, 1e-6)
    controls = np.full((rollouts.steps, 1), 0.3)
    seen, _ = rollouts.trajectories(np.concatenate([[0.0], [0.4], [0.1], np.zeros(0)]), controls[None])
    seen = Trajectories(seen.times[0], seen.sensors[0].copy(), controls)
    random = np.random.default_rng(0)
    steps, sensors = seen.sensors.shape
    c, d = random.standard_normal((steps, sensors, 2)), 1e4 * random.standard_normal((steps, sensors, 1))
    residuals, by_state, by_control = linear._residual_derivatives(seen, c, d)
    np.testing.assert_array_equal(residuals, problem.residuals(seen))
    width = 1e-7
    for j in range(2):
        ahead = problem.residuals(seen._replace(sensors=seen.sensors + width * c[..., j]))
        behind = problem.residuals(seen._replace(sensors=seen.sensors - width * c[..., j]))
        np.testing.assert_allclose(by_state[..., j], (ahead - behind) / (2 * width), rtol=1e-4, atol=1e-5)
    width = 1e-10
    moved = seen._replace(sensors=seen.sensors + width * d[..., 0], controls=controls + width)
    np.testing.assert_allclose(by_control[..., 0], (problem.residuals(moved) - residuals) / width, rtol=1e-3, atol=1e-2)
