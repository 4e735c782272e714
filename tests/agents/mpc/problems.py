"""Small planning problems whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray
from palaestra_worlds.costs import Quadratic, SmoothAbs, Term
from palaestra_worlds.planning import Trajectories

MASSES = """
<mujoco>
  <option timestep="0.02" gravity="0 0 0"><flag eulerdamp="disable"/></option>
  <worldbody>
    <body><joint name="x" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/>
      <body><joint name="y" type="slide" axis="0 1 0" stiffness="3"/><geom size="0.1" mass="2"/></body></body>
  </worldbody>
  <actuator>
    <motor joint="x" ctrllimited="true" ctrlrange="-50 50"/><motor joint="y" ctrllimited="true" ctrlrange="-50 50"/>
  </actuator>
  <sensor><jointpos joint="x"/><jointpos joint="y"/><jointvel joint="x"/><jointvel joint="y"/></sensor>
</mujoco>
"""

PENDULUM = """
<mujoco>
  <option timestep="0.02" integrator="implicitfast"/>
  <worldbody>
    <body pos="0 0 1"><joint name="hinge" axis="0 1 0" damping="0.05"/>
      <geom type="capsule" fromto="0 0 0 0 0 -0.5" size="0.02" mass="0.1"/>
      <geom size="0.05" pos="0 0 -0.5" mass="1"/></body>
  </worldbody>
  <actuator><motor joint="hinge" ctrllimited="true" ctrlrange="-2.5 2.5"/></actuator>
  <sensor><jointpos joint="hinge"/><jointvel joint="hinge"/></sensor>
</mujoco>
"""
"""Its motor is too weak to lift it without swinging: gravity's torque is up to 5.2 N m."""


@dataclass
class SmallProblem:
    """A `PlanningModel` around an MJCF text."""

    model: mujoco.MjModel
    terms: Sequence[Term]
    rest_control: NDArray[np.float64]
    control_low: NDArray[np.float64] = field(init=False)
    control_high: NDArray[np.float64] = field(init=False)
    control_scale: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.control_low, self.control_high = self.model.actuator_ctrlrange.T.copy()
        self.control_scale = self.control_high.copy()

    def residuals(self, trajectories: Trajectories) -> NDArray[np.float64]:
        raise NotImplementedError

    def state(self, qpos: Sequence[float], qvel: Sequence[float]) -> NDArray[np.float64]:
        """mjSTATE_FULLPHYSICS at time 0."""
        return np.array([0.0, *qpos, *qvel])


class Masses(SmallProblem):
    """Two masses on springless and sprung slides, to be brought to rest: a linear-quadratic problem."""

    def __init__(self, control_weight: float = 0.1) -> None:
        terms = (
            Term("q", 2, Quadratic(), 10.0),
            Term("v", 2, Quadratic(), 1.0),
            Term("u", 2, Quadratic(), control_weight),
        )
        super().__init__(mujoco.MjModel.from_xml_string(MASSES), terms, np.zeros(2))

    def residuals(self, trajectories: Trajectories) -> NDArray[np.float64]:
        return np.concatenate([trajectories.sensors, trajectories.controls], axis=-1)


class Pendulum(SmallProblem):
    """A pendulum that hangs and should stand."""

    def __init__(self) -> None:
        terms = (Term("upright", 1, SmoothAbs(0.1), 1.0), Term("speed", 1, Quadratic(), 0.01))
        super().__init__(mujoco.MjModel.from_xml_string(PENDULUM), terms, np.zeros(1))

    def residuals(self, trajectories: Trajectories) -> NDArray[np.float64]:
        angle, speed = np.moveaxis(trajectories.sensors, -1, 0)
        return np.stack([1 + np.cos(angle), speed], axis=-1)


def upright_share(problem: Pendulum, planner, seconds: float, start: float = 0.0) -> float:
    """Share of the last second that the pendulum, swung up from hanging, is within 20 degrees of the top."""
    data = mujoco.MjData(problem.model)
    steps = round(seconds / problem.model.opt.timestep)
    angles = np.empty(steps)
    data.qpos[0] = start
    for k in range(steps):
        state = problem.state(data.qpos, data.qvel)
        state[0] = data.time
        data.ctrl[:] = planner.plan(state).control(data.time)
        mujoco.mj_step(problem.model, data)
        angles[k] = data.qpos[0]
    return float(np.mean(np.cos(angles[-round(1 / problem.model.opt.timestep) :]) < -np.cos(np.radians(20))))
