"""What the terms of a robot dog's cost are made of, read from its sensors in compiled code.

A plan asks for the poses of some hundred states, a hundred times a second: NumPy takes longer to begin its calls than
to work out the numbers.
"""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import kernel
from palaestra_worlds.robots.quadruped_model import FEET, JOINTS, STANDING
from palaestra_worlds.robots.sensors import Sensors

Array = NDArray[np.float64]

FOOT_RADIUS = 0.0175
GRAVITY = 9.81
_LEAST_HEIGHT = 0.05
"""Of the mass above the floor, metres: below it hardly any time is left to fall."""


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


# Columns of poses; feet take three each, then what is between them and the point of rest two each.
_HEIGHT, _PITCH, _ROLL, _X, _Y, _HEADING, _FORWARD, _LEFTWARD, _TURNING, _FEET = range(10)
_CAPTURE = _FEET + 3 * len(FEET)
_SIZE = _CAPTURE + 2 * len(FEET)
_NUM_FEET = len(FEET)
# Where the first number of each sensor is.
_POSITION, _AXIS_X, _AXIS_Z, _VELOCITY, _SPIN, _MASS, _MASS_VELOCITY, _FIRST_FOOT = range(8)


def _read_poses(sensors: Any, at: Any, upright_pitch: Any, poses: Any) -> None:
    cosine, sine = np.cos(upright_pitch), np.sin(upright_pitch)
    for i in range(len(sensors)):
        seen, pose = sensors[i], poses[i]
        x, z, position = at[_AXIS_X], at[_AXIS_Z], at[_POSITION]
        up_x, up_z = seen[x + 2], seen[z + 2]
        up_y = seen[z] * seen[x + 1] - seen[z + 1] * seen[x]  # of the third axis, z × x
        ahead, aside = cosine * seen[x] - sine * seen[z], cosine * seen[x + 1] - sine * seen[z + 1]
        length = max(np.sqrt(ahead * ahead + aside * aside), 1e-6)
        ahead, aside = ahead / length, aside / length
        pose[_HEIGHT] = seen[position + 2]
        pose[_PITCH] = np.arctan2(up_x, np.hypot(up_y, up_z))
        pose[_ROLL] = np.arctan2(up_y, up_z)
        pose[_X], pose[_Y] = seen[position], seen[position + 1]
        pose[_HEADING] = np.arctan2(aside, ahead)
        vx, vy = seen[at[_VELOCITY]], seen[at[_VELOCITY] + 1]
        pose[_FORWARD], pose[_LEFTWARD] = vx * ahead + vy * aside, vy * ahead - vx * aside
        pose[_TURNING] = seen[at[_SPIN] + 2]
        mass, moves = at[_MASS], at[_MASS_VELOCITY]
        fall = np.sqrt(max(seen[mass + 2], _LEAST_HEIGHT) / GRAVITY)
        rest_x, rest_y = seen[mass] + seen[moves] * fall, seen[mass + 1] + seen[moves + 1] * fall
        for k in range(_NUM_FEET):
            foot, place, capture = at[_FIRST_FOOT] + 3 * k, _FEET + 3 * k, _CAPTURE + 2 * k
            dx, dy = seen[foot] - seen[position], seen[foot + 1] - seen[position + 1]
            pose[place], pose[place + 1] = dx * ahead + dy * aside, dy * ahead - dx * aside
            pose[place + 2] = seen[foot + 2] - FOOT_RADIUS
            pose[capture], pose[capture + 1] = rest_x - seen[foot], rest_y - seen[foot + 1]


@cache
def _pose_kernel() -> Callable[..., None]:
    """`read(sensors, at, upright_pitch, poses)`, with sensors (N, nsensordata), at (8,) int64, poses (N, _SIZE)."""
    return kernel(_read_poses, "quadruped")


class QuadrupedSensors:
    """Reads poses from the sensors of the planning or the simulation model."""

    def __init__(self, model: mujoco.MjModel) -> None:
        at = Sensors(model)
        names = (
            "torso_position",
            "torso_x",
            "torso_z",
            "torso_velocity",
            "torso_spin",
            "mass_position",
            "mass_velocity",
        )
        starts = [at[name].start for name in names] + [at.span(f"foot_{FEET[0]}", f"foot_{FEET[-1]}").start]
        self._starts = np.array(starts, dtype=np.int64)
        self._x, self._z = at["torso_x"], at["torso_z"]
        self._velocity, self._spin = at["torso_velocity"], at["torso_spin"]
        self.angles = at.span(f"angle_{JOINTS[0]}", f"angle_{JOINTS[-1]}")
        self.speeds = at.span(f"speed_{JOINTS[0]}", f"speed_{JOINTS[-1]}")

    def pose(self, sensors: Array, upright_pitch: float = 0.0) -> Pose:
        """The pose that sensors (..., nsensordata) see.

        Args:
            sensors: of any leading dimensions.
            upright_pitch: the pitch at which forward is where the nose points when it is 0: at pi/2 the robot
                stands on its hind legs, and forward is where its belly faces.
        """
        leading = sensors.shape[:-1]
        flat = np.ascontiguousarray(sensors, dtype=np.float64).reshape(-1, sensors.shape[-1])
        poses = np.empty((len(flat), _SIZE))
        _pose_kernel()(flat, self._starts, float(upright_pitch), poses)
        found = poses.reshape(*leading, _SIZE)
        return Pose(
            height=found[..., _HEIGHT],
            pitch=found[..., _PITCH],
            roll=found[..., _ROLL],
            location=found[..., _X : _Y + 1],
            heading=found[..., _HEADING],
            velocity=found[..., _FORWARD : _LEFTWARD + 1],
            turning_speed=found[..., _TURNING],
            feet=found[..., _FEET:_CAPTURE].reshape(*leading, _NUM_FEET, 3),
            capture=found[..., _CAPTURE:].reshape(*leading, _NUM_FEET, 2),
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
