"""The residuals of a robot dog's task, for planners and rewards."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.costs import L2, Quadratic, SmoothAbs, Term
from palaestra_worlds.planning import Trajectories
from palaestra_worlds.robots.quadruped_model import FEET, STANDING
from palaestra_worlds.robots.quadruped_pose import Pose, QuadrupedSensors
from palaestra_worlds.robots.quadruped_task import QuadrupedTask
from palaestra_worlds.robots.sensors import wrap

Array = NDArray[np.float64]

_STANCE = np.array([(0.21, 0.17), (-0.24, 0.17), (0.21, -0.17), (-0.24, -0.17)])
"""Where each foot is when the robot stands, x forward and y left of the torso, metres (4, 2)."""
_INWARD = np.array([-1.0, -1.0, 1.0, 1.0])
_NUM_FEET = len(FEET)
_FEET = 9
"""The first residual of the feet."""


class QuadrupedCost:
    """The terms and residuals of one task; part of a `PlanningModel`."""

    def __init__(self, task: QuadrupedTask, model: mujoco.MjModel, began: float = 0.0) -> None:
        """
        Args:
            task: what to do.
            model: whose sensors are read.
            began: the time at which steps are in phase 0, seconds.
        """
        self.task = task
        self.began = began
        self._sensors = QuadrupedSensors(model)
        torso, weights = task.torso, task.weights
        self._feet = _foot_targets(task)
        self._steps = _stepping_targets(task)
        standing = np.array([not (task.feet.get(foot) and task.feet[foot].lift_height) for foot in FEET], float)
        self._standing = standing / max(standing.sum(), 1.0)
        self.terms: Sequence[Term] = (
            Term("height", 1, SmoothAbs(0.04), weights.height),
            Term("pitch", 1, SmoothAbs(0.1), weights.pitch),
            Term("roll", 1, SmoothAbs(0.1), weights.roll),
            Term("location", 2, L2(0.1), weights.location if torso.location else 0.0),
            Term("velocity", 2, SmoothAbs(0.1), weights.velocity if torso.velocity else 0.0),
            Term("heading", 1, SmoothAbs(0.1), 0.0 if torso.heading is None else weights.heading),
            Term("turning_speed", 1, SmoothAbs(3.0), 0.0 if torso.turning_speed is None else weights.turning_speed),
            Term("foot_height", 4, SmoothAbs(0.03), weights.foot_height),
            Term("foot_forward", 4, SmoothAbs(0.03), weights.foot_forward),
            Term("foot_inward", 4, SmoothAbs(0.03), weights.foot_inward),
            Term("step_height", 4, SmoothAbs(0.03), weights.step_height),
            Term("step_forward", 4, SmoothAbs(0.03), weights.step_forward),
            Term("balance", 2, L2(0.1), weights.balance),
            Term("posture", 12, Quadratic(), weights.posture),
        )
        self._size = sum(term.size for term in self.terms)

    def residuals(self, trajectories: Trajectories) -> Array:
        """See `PlanningModel.residuals`."""
        sensors, torso = trajectories.sensors, self.task.torso
        pose = self._sensors.pose(sensors, torso.pitch)
        found = np.zeros((*sensors.shape[:-1], self._size))
        found[..., 0] = pose.height - torso.height
        found[..., 1] = pose.pitch - torso.pitch
        # Roll means nothing when the nose points up: it fades out with the cosine of the pitch.
        found[..., 2] = wrap(pose.roll - torso.roll) * np.cos(pose.pitch)
        if torso.location is not None:
            found[..., 3:5] = pose.location - np.array(torso.location)
        if torso.velocity is not None:
            found[..., 5:7] = pose.velocity - np.array(torso.velocity)
        if torso.heading is not None:
            found[..., 7] = wrap(pose.heading - torso.heading)
        if torso.turning_speed is not None:
            found[..., 8] = pose.turning_speed - torso.turning_speed
        self._write_feet(found, pose, trajectories.times)
        found[..., 29:31] = np.einsum("...fi,f->...i", pose.capture, self._standing)
        found[..., 31:43] = sensors[..., self._sensors.angles] - STANDING
        return found

    def _write_feet(self, found: Array, pose: Pose, times: Array) -> None:
        feet = np.ascontiguousarray(pose.feet).reshape(-1, len(FEET), 3)
        times = np.array(times, dtype=np.float64).reshape(-1)
        _feet_kernel()(feet, times - self.began, *self._feet, self._steps, found.reshape(len(feet), -1))


def _foot_targets(task: QuadrupedTask) -> tuple[Array, Array]:
    """Which targets there are (3, 4), and the targets: height, forward, inward of each foot."""
    active, target = np.zeros((3, len(FEET))), np.zeros((3, len(FEET)))
    for column, foot in enumerate(FEET):
        wanted = task.feet.get(foot)
        for row, value in enumerate((wanted.lift_height, wanted.extend_forward, wanted.move_inward) if wanted else ()):
            # A stepping foot's height belongs to its steps.
            if value is not None and not (row == 0 and foot in task.stepping):
                active[row, column], target[row, column] = 1.0, value
    return active, target


_FREQUENCY, _AIR, _OFFSET, _UP, _FORWARD, _BASE, _STEPS, _SWINGS = range(8)


def _stepping_targets(task: QuadrupedTask) -> Array:
    """Stepping targets (8, 4) of the feet; the last two rows are 1 where a foot steps, and where its swing to the front
    is asked for."""
    found = np.zeros((8, len(FEET)))
    found[_FREQUENCY] = 1.0
    for column, foot in enumerate(FEET):
        step, wanted = task.stepping.get(foot), task.feet.get(foot)
        if step is not None:
            swing = step.swing_forward_back
            base = (wanted.lift_height or 0.0) if wanted else 0.0
            place = (step.swing_up_down, swing or 0.0, base, 1.0, float(swing is not None))
            found[:, column] = (step.frequency, step.air_ratio, step.phase_offset, *place)
    return found


def _read_feet(feet: Any, times: Any, active: Any, target: Any, steps: Any, found: Any) -> None:
    # How high and how far to the front each foot is to be at each time, once for all rollouts.
    wanted = np.zeros((len(times), _NUM_FEET, 2))
    for t in range(len(times)):
        for k in range(_NUM_FEET):
            if steps[_STEPS, k] == 0.0:
                continue
            air = steps[_AIR, k]
            phase = (times[t] * steps[_FREQUENCY, k] + steps[_OFFSET, k]) % 1.0
            flying = phase < air
            through = np.pi * (phase / max(air, 1e-6) if flying else (phase - air) / max(1 - air, 1e-6))
            wanted[t, k, 0] = steps[_BASE, k] + (steps[_UP, k] * np.sin(through) if flying else 0.0)
            wanted[t, k, 1] = steps[_FORWARD, k] * np.cos(through) * (-1.0 if flying else 1.0)
    for i in range(len(feet)):
        residuals, t = found[i], i % len(times)
        for k in range(_NUM_FEET):
            forward = feet[i, k, 0] - _STANCE[k, 0]
            inward = (feet[i, k, 1] - _STANCE[k, 1]) * _INWARD[k]
            height = feet[i, k, 2]
            residuals[_FEET + k] = (height - target[0, k]) * active[0, k]
            residuals[_FEET + 4 + k] = (forward - target[1, k]) * active[1, k]
            residuals[_FEET + 8 + k] = (inward - target[2, k]) * active[2, k]
            residuals[_FEET + 12 + k] = (height - wanted[t, k, 0]) * steps[_STEPS, k]
            residuals[_FEET + 16 + k] = (forward - wanted[t, k, 1]) * steps[_SWINGS, k]


@cache
def _feet_kernel() -> Callable[..., None]:
    """`read(feet, times, active, target, steps, residuals)`: writes five residuals for each foot.

    Args:
        feet: (N, 4, 3), state after state of rollout after rollout.
        times: (N,), or (steps,) where all rollouts see the same times: seconds since the steps' phase 0.
        active, target: of `_foot_targets`.
        steps: of `_stepping_targets`.
        residuals: (N, residuals).
    """
    return kernel(_read_feet, "quadruped", allocates=True)
