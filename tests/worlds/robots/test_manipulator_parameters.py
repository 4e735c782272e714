"""Every parameter that a reward program of the manipulator can set changes the motion as it says."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from palaestra_agents.mpc.config import PredictiveSamplingConfig
from palaestra_worlds.robots.manipulator_program import ManipulatorProgram

from .following import Compared, Follower, Moment, late, parameters_of

PLANNER = PredictiveSamplingConfig(
    samples=16, horizon=0.35, knots=2, interpolation="linear", noise=0.7, finest=0.05, action_rate=3e-6, threads=1
)
QUARTER = math.pi / 2
DISTANCE, TURN = "set_l2_distance_reward", "set_obj_orientation_reward"
HEIGHT, OPENING = "set_obj_z_position_reward", "set_joint_fraction_reward"


def near(first: str, second: str) -> str:
    return f"{DISTANCE}('{first}', '{second}')\n"


def high(thing: str, height: float) -> str:
    return f"{HEIGHT}('{thing}', {height})\n"


def turned(thing: str, x_rotation: float) -> str:
    return f"{near('palm', 'box')}{high('box', 0.2)}{TURN}('{thing}', {x_rotation})\n"


def opened(joint: str, fraction: float) -> str:
    return f"{near('palm', 'drawer_handle')}{OPENING}('{joint}', {fraction})\n"


MOTIONS = {
    f"{DISTANCE}.first": Compared(
        near("palm", "banana"), near("box", "banana"), late("distance.palm.banana"), 0.06, 0.8
    ),
    f"{DISTANCE}.second": Compared(
        near("palm", "banana"), near("palm", "faucet_handle"), late("distance.palm.banana"), 0.15
    ),
    # The box is held as it lay, on its side.
    f"{TURN}.thing": Compared(turned("box", 0.9), turned("bowl", 0.0), late("turn.box"), 0.1, 0.8),
    f"{TURN}.x_rotation": Compared(turned("box", 0.9), turned("box", 2.3), late("turn.box"), 0.2, 0.8),
    f"{HEIGHT}.thing": Compared(
        near("palm", "box") + high("banana", 0.6), near("palm", "box") + high("box", 0.6), late("height.box"), 0.1
    ),
    f"{HEIGHT}.height": Compared(
        near("palm", "box") + high("box", 0.1), near("palm", "box") + high("box", 0.4), late("height.box"), 0.1
    ),
    f"{OPENING}.joint": Compared(opened("faucet", 0.9), opened("drawer", 0.9), late("opening.drawer"), 0.3, 0.75),
    f"{OPENING}.fraction": Compared(opened("drawer", 0.1), opened("drawer", 0.9), late("opening.drawer"), 0.3, 0.75),
    "execute_plan.duration": Compared(
        f"{near('palm', 'banana')}execute_plan(0.1)\nreset_reward()\n{near('palm', 'faucet_handle')}",
        f"{near('palm', 'banana')}execute_plan(0.5)\nreset_reward()\n{near('palm', 'faucet_handle')}",
        late("distance.palm.faucet_handle"),
        0.05,
        0.15,
    ),
}


class Moments(NamedTuple):
    """What some motions begin with."""

    box_in_the_hand: Moment
    hand_at_the_drawer: Moment


def followers(seed: int = 0) -> tuple[Follower, Moments]:
    """The robot, and what some motions begin with."""
    robot = Follower("Manipulator", PLANNER, seed, control_period=0.05)
    taken = robot.drive(
        (hand(0.45, -0.18, 0.15, turned=QUARTER), 1.0),
        (hand(0.45, -0.18, 0.03, turned=QUARTER), 0.6),
        (hand(0.45, -0.18, 0.03, turned=QUARTER, closed=1.0), 0.4),
        (hand(0.45, -0.18, 0.2, turned=QUARTER, closed=1.0), 0.6),
    )
    at_the_drawer = robot.drive(
        (hand(0.55, 0.38, 0.3), 1.0), (hand(0.55, 0.38, 0.15), 0.6), (hand(0.55, 0.38, 0.15, closed=1.0), 0.4)
    )
    return robot, Moments(taken, at_the_drawer)


def hand(x: float, y: float, z: float, turned: float = 0.0, closed: float = 0.0) -> tuple[float, ...]:
    """A control: the palm there, turned about the vertical, open or closed."""
    return (x, y, z, 0.0, 0.0, turned, closed)


def since(parameter: str, moments: Moments) -> Moment | None:
    if parameter.startswith((HEIGHT, TURN)):
        return moments.box_in_the_hand
    return moments.hand_at_the_drawer if parameter.startswith(OPENING) else None


@pytest.fixture(scope="module")
def begun() -> tuple[Follower, Moments]:
    return followers()


def test_every_parameter_has_a_case() -> None:
    assert set(MOTIONS) == parameters_of(ManipulatorProgram)


@pytest.mark.parametrize("parameter", MOTIONS)
def test_a_parameter_changes_the_motion_as_it_says(begun: tuple[Follower, Moments], parameter: str) -> None:
    robot, moments = begun
    compared = MOTIONS[parameter]
    assert robot.difference(compared, since(parameter, moments)) > compared.more
