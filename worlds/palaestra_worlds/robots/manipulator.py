"""The world `Manipulator`: an arm with a gripper over a table with things on it, asked for deeds."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.programs import Target
from palaestra_worlds.robots.manipulator_answers import PROGRAMS
from palaestra_worlds.robots.manipulator_cost import ManipulatorCost
from palaestra_worlds.robots.manipulator_measures import measures_of, targets_of
from palaestra_worlds.robots.manipulator_model import (
    CONTROL_SCALE,
    HOME_CONTROL,
    POINTS,
    TURNING_SCALE,
    first_positions,
    manipulator_model,
    planning_model_with,
)
from palaestra_worlds.robots.manipulator_task import ManipulatorTask
from palaestra_worlds.robots.manipulator_words import TEMPLATE
from palaestra_worlds.robots.quadruped_model import Fidelity
from palaestra_worlds.robots.sensors import Sensors
from palaestra_worlds.robots.settings import RobotSettings
from palaestra_worlds.robots.tabletop import OBJECTS
from palaestra_worlds.robots.world import RobotWorld

Array = NDArray[np.float64]
LARGEST_SHIFT = 0.02
"""How far an object is moved to each side at most when an episode begins, metres."""


class Manipulator(RobotWorld):
    """A Franka Panda with a Robotiq 2F-85 gripper over a table: apple, banana, box, bowl, drawer, faucet.

    The box lies on its side at first; everything else stands.

    **Observation**: `state`, float32 (69,): places of palm, apple, banana, box, bowl, drawer handle, drawer centre,
    faucet handle and rest position (27); turns of the four objects as quaternions (16); where the fingers open to and
    where the palm points (6); angles of drawer, faucet, gripper and the arm's joints (10), and a tenth of their speeds
    (10).
    **Actions**: the palm's target place (3) and its turns about x, y and z from pointing down (3), and the gripper's
    closing, in [-1, 1] of their ranges.
    **Rewards, ends, success**: see `RobotWorld`.
    """

    task_space = ManipulatorTask
    programs = PROGRAMS
    motion_template = TEMPLATE
    about = (
        "A robot arm with a gripper for a hand stands before a table with an apple, a banana, a bowl, a box that lies "
        "on its side, a cabinet with a drawer, and a faucet. x is away from the robot, y to its left, z up."
    )

    def __init__(self, id: str, num_envs: int, settings: RobotSettings) -> None:
        self._reader = Sensors(manipulator_model("planning"))
        super().__init__(id, num_envs, settings)
        self._picture.look_at((0.4, 0.0, 0.15), distance=1.5, azimuth=60.0)

    def build_model(self, fidelity: Fidelity) -> mujoco.MjModel:
        return manipulator_model(fidelity)

    def cost_of(self, task: Any, model: mujoco.MjModel) -> ManipulatorCost:
        return ManipulatorCost(task, model)

    def planning_model_of(self, task: Any) -> mujoco.MjModel:
        return planning_model_with(task.things)

    @property
    def control_scale(self) -> Array:
        return CONTROL_SCALE

    def control_scale_of(self, task: Any) -> Array:
        return TURNING_SCALE if any(turn.over for turn in task.turns) else CONTROL_SCALE

    @property
    def rest_control(self) -> Array:
        return HOME_CONTROL

    def first_state(self, random: np.random.Generator) -> tuple[Array, Array]:
        qpos = first_positions(self.model)
        qpos[:7] += random.uniform(-1, 1, 7) * self.settings.start_noise
        for name in OBJECTS:
            start = int(self.model.joint(name).qposadr[0])
            qpos[start : start + 2] += random.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, 2)
        return qpos, HOME_CONTROL

    def observe_robot(self, sensors: Array) -> Array:
        seen = sensors.copy()
        seen[:, self._reader.span("speed_drawer", "speed_joint7")] *= 0.1
        return seen

    def measures(self, index: int, task: Any = None) -> dict[str, float]:
        """See `Programmable`."""
        del task
        return measures_of(self._sensors[index], self._reader)

    def targets(self, task: Any) -> tuple[Target, ...]:
        """See `Programmable`."""
        return targets_of(task)

    def place(self, index: int, heading: float) -> None:
        """See `Programmable`. Raises ValueError for a heading that is not 0: the arm is bolted to its table."""
        del index
        if heading:
            raise ValueError(f"the manipulator cannot begin with heading {heading:g}: its arm stands still; leave it 0")

    def where(self, index: int, name: str) -> Array:
        """Where a point of the reward API is in environment `index`: (3,) metres."""
        return self._sensors[index, self._reader[name]].copy()

    def describe(self, index: int) -> str:
        seen = self.measures(index)
        places = "; ".join(
            f"{name.replace('_', ' ')} at ({', '.join(f'{100 * number:.0f}' for number in self.where(index, name))}) cm"
            for name in POINTS
        )
        turns = "; ".join(f"{name} {np.degrees(seen[f'turn.{name}']):.0f}" for name in OBJECTS)
        return (
            f"A robot arm over a table at time {self._time[index]:.2f} s; x is away from the robot, y to its left, z "
            f"up. Places: {places}. Degrees turned about x: {turns}. The drawer is {seen['opening.drawer']:.0%} "
            f"open, the faucet {seen['opening.faucet']:.0%}."
        )
