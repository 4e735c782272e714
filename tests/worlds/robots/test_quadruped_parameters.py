"""Every parameter that a reward program of the robot dog can set changes the motion as it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from palaestra_agents.mpc.config import CrossEntropyConfig, PredictiveSamplingConfig
from palaestra_worlds.robots.quadruped_program import QuadrupedProgram

from .following import Compared, Follower, Measures, Moment, highest, late, parameters_of

PAW = "foot_height.front_left"
PERIOD, STEPS_A_SECOND = 0.04, 2.5
RAISED, FLYING = 0.04, 0.08
"""Metres above the floor: the paw that is held up, and what is counted as the flight of its steps from there."""


def torso(**values: object) -> str:
    values = {"velocity_xy": (0, 0), "turning_speed": 0, **values}
    return f"set_torso_targets({', '.join(f'{name}={value}' for name, value in values.items())})\n"


def foot(name: str = "front_left", **values: object) -> str:
    arguments = "".join(f", {key}={value}" for key, value in {"lift_height": RAISED, **values}.items())
    return f"{torso(roll=0.15)}set_feet_pos_parameters('{name}'{arguments})\n"


def steps(name: str = "front_left", **values: object) -> str:
    """Steps in the air: a paw that must bear weight in between takes longer to show what it was told."""
    values = {"frequency": STEPS_A_SECOND, "air_ratio": 0.5, "swing_up_down": 0.1, **values}
    arguments = "".join(f", {key}={value}" for key, value in values.items())
    return f"{foot()}set_feet_stepping_parameters('{name}'{arguments})\n"


def travel(measured: Sequence[Measures]) -> float:
    """How far the paw went up and down in all."""
    return float(np.abs(np.diff([one[PAW] for one in measured])).sum())


def rhythm(measured: Sequence[Measures]) -> float:
    """How much of its going up and down is at `STEPS_A_SECOND`, metres."""
    heights = np.array([one[PAW] for one in measured])
    turns = STEPS_A_SECOND * PERIOD * np.arange(len(heights))
    return float(abs(np.mean((heights - heights.mean()) * np.exp(-2j * np.pi * turns))))


def share_in_the_air(measured: Sequence[Measures]) -> float:
    return float(np.mean([one[PAW] > FLYING for one in measured]))


def swing(measured: Sequence[Measures]) -> float:
    """How far the paw goes forward in the first half of each step, and back in the second."""
    forward = np.array([one["foot_forward.front_left"] for one in measured])
    phase = STEPS_A_SECOND * PERIOD * np.arange(1, len(forward) + 1)
    return float(np.mean(forward * -np.cos(2 * np.pi * phase)))


def sooner(measured: Sequence[Measures]) -> float:
    """How much higher the paw is in the first half than in the second."""
    heights = np.array([one[PAW] for one in measured])
    return float(heights[: len(heights) // 2].mean() - heights[len(heights) // 2 :].mean())


STEPS, PLACE, TORSO = "set_feet_stepping_parameters", "set_feet_pos_parameters", "set_torso_targets"
MOTIONS = {
    f"{TORSO}.height": Compared(torso(height=0.18), torso(height=0.3), late("height"), 0.06, 0.4),
    f"{TORSO}.pitch": Compared(torso(), torso(pitch=0.4), late("pitch"), 0.2, 0.4),
    f"{TORSO}.roll": Compared(torso(), torso(roll=0.3), late("roll"), 0.15, 0.4),
    f"{TORSO}.location_xy": Compared(
        torso(velocity_xy=None, location_xy=(-0.3, 0)), torso(velocity_xy=None, location_xy=(0.3, 0)), late("x"), 0.1
    ),
    f"{TORSO}.velocity_xy": Compared(torso(velocity_xy=(-0.4, 0)), torso(velocity_xy=(0.4, 0)), late("x"), 0.1),
    f"{TORSO}.heading": Compared(
        torso(turning_speed=None, heading=-0.8), torso(turning_speed=None, heading=0.8), late("heading"), 0.3
    ),
    f"{TORSO}.turning_speed": Compared(torso(turning_speed=-2), torso(turning_speed=2), late("heading"), 0.3),
    f"{PLACE}.foot": Compared(foot("front_right", lift_height=0.16), foot(lift_height=0.16), late(PAW), 0.05, 0.32),
    f"{PLACE}.lift_height": Compared(foot(lift_height=0.04), foot(lift_height=0.16), late(PAW), 0.05, 0.32),
    f"{PLACE}.extend_forward": Compared(
        foot(extend_forward=-0.06), foot(extend_forward=0.06), late("foot_forward.front_left"), 0.05, 0.32
    ),
    f"{PLACE}.move_inward": Compared(
        foot(move_inward=0.12), foot(move_inward=-0.12), late("foot_left.front_left"), 0.03, 0.4
    ),
    f"{STEPS}.foot": Compared(steps("front_right"), steps(), travel, 0.05, 0.6),
    f"{STEPS}.frequency": Compared(
        steps(frequency=1.25, swing_up_down=0.12), steps(swing_up_down=0.12), rhythm, 0.005, 0.8
    ),
    f"{STEPS}.air_ratio": Compared(steps(air_ratio=0.3), steps(air_ratio=0.8), share_in_the_air, 0.2, 0.4),
    f"{STEPS}.phase_offset": Compared(steps(phase_offset=0.5), steps(), sooner, 0.04, 0.4),
    f"{STEPS}.swing_up_down": Compared(steps(swing_up_down=0.03), steps(swing_up_down=0.12), highest(PAW), 0.04, 0.24),
    f"{STEPS}.swing_forward_back": Compared(
        steps(swing_forward_back=-0.25), steps(swing_forward_back=0.25), swing, 0.03, 0.8
    ),
    f"{STEPS}.should_activate": Compared(steps() + steps(should_activate=False), steps(), highest(PAW), 0.04, 0.32),
    "execute_plan.duration": Compared(
        f"{foot(lift_height=0.16)}execute_plan(0.04)\n{foot()}", f"{foot(lift_height=0.16)}execute_plan(0.3)\n{foot()}",
        highest(PAW), 0.04, 0.1,
    ),
}  # fmt: skip


PLANNER = CrossEntropyConfig(samples=32, horizon=0.3, noise=0.3, least_noise=0.15, elites=0.15, iterations=2, threads=1)
QUICK = PredictiveSamplingConfig(
    samples=48, horizon=0.35, noise=0.4, finest=0.1, knots=2, interpolation="linear", threads=1
)


def followers(seed: int = 0) -> tuple[Follower, Moment]:
    """The robot, and the moment at which it has its front left paw up."""
    robot = Follower("Quadruped", PLANNER, seed, control_period=PERIOD)
    return robot, robot.follow(f"{foot(lift_height=0.1)}execute_plan(0.8)\n{foot()}", 0.4, config=QUICK)[1]


def since(parameter: str, paw_up: Moment) -> Moment | None:
    return None if parameter.startswith(TORSO) else paw_up


@pytest.fixture(scope="module")
def robot_with_its_paw_up() -> tuple[Follower, Moment]:
    return followers()


def test_every_parameter_has_a_case() -> None:
    assert set(MOTIONS) == parameters_of(QuadrupedProgram)


@pytest.mark.parametrize("parameter", MOTIONS)
def test_a_parameter_changes_the_motion_as_it_says(
    robot_with_its_paw_up: tuple[Follower, Moment], parameter: str
) -> None:
    robot, paw_up = robot_with_its_paw_up
    compared = MOTIONS[parameter]
    assert robot.difference(compared, since(parameter, paw_up)) > compared.more
