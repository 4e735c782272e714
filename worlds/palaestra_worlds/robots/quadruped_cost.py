"""The residuals of a robot dog's task, for planners and rewards."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.costs import L2, Quadratic, SmoothAbs, Term
from palaestra_worlds.planning import Trajectories
from palaestra_worlds.robots.quadruped_model import FEET, JOINTS, STANDING
from palaestra_worlds.robots.quadruped_task import QuadrupedTask
from palaestra_worlds.robots.sensors import Sensors, wrap

Array = NDArray[np.float64]

FOOT_RADIUS = 0.0175
GRAVITY = 9.81
_STANCE = np.array([(0.21, 0.17), (-0.24, 0.17), (0.21, -0.17), (-0.24, -0.17)])
"""Where each foot is when the robot stands, x forward and y left of the torso, metres (4, 2)."""
_INWARD = np.array([-1.0, -1.0, 1.0, 1.0])


class Pose(NamedTuple):
    """What the terms are made of, for any leading dimensions (...)."""

    height: Array
    pitch: Array
    roll: Array
    location: Array
    """(..., 2) world x and y of the torso."""
    heading: Array
    velocity: Array
    """(..., 2) forward and leftward, of the torso."""
    turning_speed: Array
    feet: Array
    """(..., 4, 3): forward and leftward of the torso, and the sole's height above the floor."""
    capture: Array
    """(..., 4, 2) from each foot to the point on the floor where the robot's mass would come to rest."""


class QuadrupedSensors:
    """Reads poses from the sensors of the planning or the simulation model."""

    def __init__(self, model: mujoco.MjModel) -> None:
        at = Sensors(model)
        self._position, self._x, self._z = at["torso_position"], at["torso_x"], at["torso_z"]
        self._velocity, self._spin = at["torso_velocity"], at["torso_spin"]
        self._mass, self._mass_velocity = at["mass_position"], at["mass_velocity"]
        self._feet = at.span(f"foot_{FEET[0]}", f"foot_{FEET[-1]}")
        self.angles = at.span(f"angle_{JOINTS[0]}", f"angle_{JOINTS[-1]}")
        self.speeds = at.span(f"speed_{JOINTS[0]}", f"speed_{JOINTS[-1]}")

    def pose(self, sensors: Array, upright_pitch: float = 0.0) -> Pose:
        """The pose that sensors (..., nsensordata) see.

        Args:
            sensors: of any leading dimensions.
            upright_pitch: the pitch at which forward is where the nose points when it is 0: at pi/2 the robot
                stands on its hind legs, and forward is where its belly faces.
        """
        x, z = sensors[..., self._x], sensors[..., self._z]
        up_x, up_z = x[..., 2], z[..., 2]
        up_y = z[..., 0] * x[..., 1] - z[..., 1] * x[..., 0]  # of the third axis, z × x
        facing = np.cos(upright_pitch) * x[..., :2] - np.sin(upright_pitch) * z[..., :2]
        facing = facing / np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-6)
        position = sensors[..., self._position]
        feet = sensors[..., self._feet].reshape(*sensors.shape[:-1], len(FEET), 3)
        mass, mass_velocity = sensors[..., self._mass], sensors[..., self._mass_velocity]
        fall = np.sqrt(np.maximum(mass[..., 2:], 0.05) / GRAVITY)
        rest = mass[..., :2] + mass_velocity[..., :2] * fall
        beside = feet[..., :2] - position[..., None, :2]
        local = np.empty_like(feet)
        local[..., :2] = _turned(beside, facing[..., None, :])
        local[..., 2] = feet[..., 2] - FOOT_RADIUS
        return Pose(
            height=position[..., 2],
            pitch=np.arctan2(up_x, np.hypot(up_y, up_z)),
            roll=np.arctan2(up_y, up_z),
            location=position[..., :2],
            heading=np.arctan2(facing[..., 1], facing[..., 0]),
            velocity=_turned(sensors[..., self._velocity][..., :2], facing),
            turning_speed=sensors[..., self._spin][..., 2],
            feet=local,
            capture=rest[..., None, :] - feet[..., :2],
        )

    def observation(self, sensors: Array) -> Array:
        """What a policy sees: (N, 40) from sensors (N, nsensordata); see `Quadruped`."""
        pose = self.pose(sensors)
        x, z = sensors[:, self._x], sensors[:, self._z]
        up = np.stack([x[:, 2], z[:, 0] * x[:, 1] - z[:, 1] * x[:, 0], z[:, 2]], axis=1)
        return np.concatenate(
            [
                pose.height[:, None],
                up,
                pose.velocity,
                sensors[:, self._velocity][:, 2:],
                sensors[:, self._spin],
                np.cos(pose.heading)[:, None],
                np.sin(pose.heading)[:, None],
                pose.feet[:, :, 2],
                sensors[:, self.angles] - STANDING,
                0.1 * sensors[:, self.speeds],
            ],
            axis=1,
        )


def _turned(vector: Array, facing: Array) -> Array:
    """World vectors (..., 2) as (forward, leftward) of unit vectors `facing` (..., 2)."""
    forward = vector[..., 0] * facing[..., 0] + vector[..., 1] * facing[..., 1]
    left = vector[..., 1] * facing[..., 0] - vector[..., 0] * facing[..., 1]
    return np.stack([forward, left], axis=-1)


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
        active, target = self._feet
        beside = pose.feet[..., :2] - _STANCE
        measured = np.stack([pose.feet[..., 2], beside[..., 0], beside[..., 1] * _INWARD], axis=-2)
        if active.any():
            found[..., 9:21] = ((measured - target) * active).reshape(*found.shape[:-1], 12)
        steps = self._steps
        if steps is None:
            return
        phase = ((times[..., None] - self.began) * steps.frequency + steps.offset) % 1.0
        flying = phase < steps.air
        through = np.where(
            flying, phase / np.maximum(steps.air, 1e-6), (phase - steps.air) / np.maximum(1 - steps.air, 1e-6)
        )
        up = np.where(flying, steps.up * np.sin(np.pi * through), 0.0)
        swing = -steps.forward * np.cos(np.pi * through)
        found[..., 21:25] = (measured[..., 0, :] - up - steps.base) * steps.active
        found[..., 25:29] = (measured[..., 1, :] - np.where(flying, swing, -swing)) * steps.swings


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


class _Steps(NamedTuple):
    """Stepping targets of the four feet, each (4,)."""

    active: Array
    frequency: Array
    air: Array
    offset: Array
    up: Array
    forward: Array
    base: Array
    swings: Array
    """1 where the swing to the front is asked for."""


def _stepping_targets(task: QuadrupedTask) -> _Steps | None:
    if not task.stepping:
        return None
    rows = []
    for foot in FEET:
        step, wanted = task.stepping.get(foot), task.feet.get(foot)
        base = (wanted.lift_height or 0.0) if wanted else 0.0
        if step is None:
            rows.append((0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
        else:
            swing = step.swing_forward_back
            place = (step.swing_up_down, swing or 0.0, base, float(swing is not None))
            rows.append((1.0, step.frequency, step.air_ratio, step.phase_offset, *place))
    return _Steps(*np.array(rows).T)
