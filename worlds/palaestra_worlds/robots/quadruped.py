"""The world `Quadruped`: a robot dog that is asked for motions."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.programs import Target
from palaestra_worlds.robots.quadruped_answers import PROGRAMS
from palaestra_worlds.robots.quadruped_cost import QuadrupedCost
from palaestra_worlds.robots.quadruped_measures import measures_of, targets_of
from palaestra_worlds.robots.quadruped_model import (
    CONTROL_SCALE,
    FEET,
    STANDING,
    STANDING_HEIGHT,
    Fidelity,
    quadruped_model,
)
from palaestra_worlds.robots.quadruped_pose import Pose, QuadrupedSensors
from palaestra_worlds.robots.quadruped_task import QuadrupedTask
from palaestra_worlds.robots.quadruped_words import TEMPLATE
from palaestra_worlds.robots.settings import RobotSettings
from palaestra_worlds.robots.world import RobotWorld

Array = NDArray[np.float64]


class Quadruped(RobotWorld):
    """Google's Barkour vB on a flat floor, asked for motions of its torso and feet.

    **Observation**: `state`, float32 (40,): height of the torso; the upward direction as its axes see it (3); its
    velocity forward and leftward, and vertical (3); its spin about the world's axes (3); cosine and sine of its
    heading (2); the soles' heights (4); the joints' angles beside the standing pose (12), and a tenth of their
    speeds (12).
    **Actions**: twelve joint targets in [-1, 1] of their ranges: for each leg (front left, rear left, front right,
    rear right) abduction, hip, knee.
    **Rewards, ends, success**: see `RobotWorld`.
    """

    task_space = QuadrupedTask
    programs = PROGRAMS
    motion_template = TEMPLATE
    about = "A robot dog stands on a flat floor. Unless asked for something else it should go on standing."

    def __init__(self, id: str, num_envs: int, settings: RobotSettings) -> None:
        self._reader = QuadrupedSensors(quadruped_model("planning"))
        super().__init__(id, num_envs, settings)

    def build_model(self, fidelity: Fidelity) -> mujoco.MjModel:
        return quadruped_model(fidelity)

    def cost_of(self, task: Any, model: mujoco.MjModel) -> QuadrupedCost:
        return QuadrupedCost(task, model)

    @property
    def control_scale(self) -> Array:
        return CONTROL_SCALE

    @property
    def rest_control(self) -> Array:
        return STANDING

    def first_state(self, random: np.random.Generator) -> tuple[Array, Array]:
        angles = STANDING + random.uniform(-1, 1, len(STANDING)) * self.settings.start_noise
        return np.concatenate([[0, 0, STANDING_HEIGHT, 1, 0, 0, 0], angles]), STANDING

    def observe_robot(self, sensors: Array) -> Array:
        return self._reader.observation(sensors)

    def pose(self, index: int) -> Pose:
        """The pose of environment `index`, forward being where its running task has it face."""
        return self._reader.pose(self._sensors[index], self._tasks.running(index).torso.pitch)

    def measures(self, index: int, task: Any = None) -> dict[str, float]:
        """See `Programmable`."""
        forward = (task or self._tasks.running(index)).torso.pitch
        return measures_of(self._reader.pose(self._sensors[index], forward))

    def targets(self, task: Any) -> tuple[Target, ...]:
        """See `Programmable`."""
        return targets_of(task)

    def place(self, index: int, heading: float) -> None:
        """See `Programmable`."""
        qpos = self._qpos[index].copy()
        qpos[3:7] = np.cos(heading / 2), 0.0, 0.0, np.sin(heading / 2)
        self.set_state(index, qpos)

    def describe(self, index: int) -> str:
        pose = self.pose(index)
        degrees = np.degrees([pose.pitch, pose.roll, pose.heading])
        feet = "; ".join(
            f"{foot.replace('_', ' ')} {max(0.0, 100 * height):.0f} cm"
            for foot, height in zip(FEET, pose.feet[:, 2], strict=True)
        )
        return (
            f"A robot dog at time {self._time[index]:.2f} s. Its torso is {pose.height:.2f} m high at "
            f"x {pose.location[0]:.2f} m, y {pose.location[1]:.2f} m, facing {degrees[2]:.0f} degrees (0 east, 90 "
            f"north), its nose {degrees[0]:.0f} degrees up, its left side {degrees[1]:.0f} degrees up. It moves "
            f"{pose.velocity[0]:.2f} m/s forward and {pose.velocity[1]:.2f} m/s to its left and turns "
            f"{pose.turning_speed:.2f} rad/s counterclockwise. Soles above the floor: {feet}."
        )
