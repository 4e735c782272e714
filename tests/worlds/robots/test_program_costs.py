"""Each parameter of the reward API moves the cost's minimum to where it says, and with it the motion."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import mujoco
import numpy as np
import palaestra_worlds
import pytest
from palaestra_agents.mpc.config import CrossEntropyConfig
from palaestra_agents.mpc.control import Controller
from palaestra_agents.mpc.cross_entropy import CrossEntropy
from palaestra_worlds.costs import total_cost
from palaestra_worlds.planning import Trajectories
from palaestra_worlds.robots.quadruped_cost import QuadrupedCost
from palaestra_worlds.robots.quadruped_model import STANDING, quadruped_model
from palaestra_worlds.robots.quadruped_pose import QuadrupedSensors
from palaestra_worlds.robots.quadruped_program import QuadrupedProgram

STILL = "velocity_xy=(0, 0)"
LEGS = {"front_left": slice(7, 10), "front_right": slice(13, 16)}
"""Of qpos: abduction, hip, knee."""


class State(NamedTuple):
    """A hand-made state of the robot."""

    height: float = 0.28
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    angle: float = 0.0
    place: tuple[float, float] = (0.0, 0.0)
    velocity: tuple[float, float] = (0.0, 0.0)
    turning: float = 0.0
    leg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Beside standing."""
    leg_of: str = "front_left"


def seen(state: State) -> np.ndarray:
    """Sensors (nsensordata,) in a state."""
    model = quadruped_model("planning")
    data = mujoco.MjData(model)
    data.qpos[:3], data.qpos[7:] = (*state.place, state.height), STANDING
    quaternion = np.empty(4)
    mujoco.mju_axisAngle2Quat(quaternion, np.array(state.axis), state.angle)
    data.qpos[3:7] = quaternion
    data.qpos[LEGS[state.leg_of]] += state.leg
    data.qvel[:2], data.qvel[5] = state.velocity, state.turning
    mujoco.mj_forward(model, data)
    return data.sensordata.copy()


def cost(program: str, state: State, time: float) -> float:
    cost = QuadrupedCost(QuadrupedProgram.from_text(program).motions()[0].task, quadruped_model("planning"))
    found = cost.residuals(Trajectories(np.array(time), seen(state), STANDING))
    return float(total_cost(cost.terms, found))


def torso(**values: Any) -> str:
    values = {"velocity_xy": (0, 0), "turning_speed": 0, **values}
    return f"set_torso_targets({', '.join(f'{name}={value}' for name, value in values.items())})"


LIFTED = State(leg=(0.0, -0.2, -0.5))
FORWARD = State(leg=(0.0, 0.4, 0.0))
INWARD = State(leg=(0.3, 0.0, 0.0))


def place(state: State) -> np.ndarray:
    """Of the front left foot: forward, leftward, above the floor."""
    return QuadrupedSensors(quadruped_model("planning")).pose(seen(state)).feet[0]


HEIGHT = float(place(LIFTED)[2])


def steps(**values: Any) -> str:
    values = {"frequency": 2.0, "air_ratio": 0.5, "phase_offset": 0.0, "swing_up_down": HEIGHT, **values}
    return f"set_feet_stepping_parameters('front_left', {', '.join(f'{k}={v}' for k, v in values.items())})"


def foot(**values: Any) -> str:
    return f"set_feet_pos_parameters('front_left', {', '.join(f'{name}={value}' for name, value in values.items())})"


PARAMETERS = {
    # Two programs that differ in one parameter, the states that each should prefer, and the time.
    "height": (torso(height=0.28), torso(height=0.4), State(), State(height=0.4), 0.0),
    "pitch": (torso(), torso(pitch=0.5), State(), State(axis=(0, -1, 0), angle=0.5), 0.0),
    "pitch down": (torso(), torso(pitch=-0.5), State(), State(axis=(0, -1, 0), angle=-0.5), 0.0),
    "roll": (torso(), torso(roll=0.5), State(), State(axis=(1, 0, 0), angle=0.5), 0.0),
    "on its back": (torso(roll=-0.5), torso(roll=3.14), State(), State(axis=(1, 0, 0), angle=3.1), 0.0),
    "location": (
        torso(velocity_xy=None, location_xy=(0, 0)),
        torso(velocity_xy=None, location_xy=(1, -2)),
        State(),
        State(place=(1, -2)),
        0.0,
    ),
    "velocity forward": (torso(), torso(velocity_xy=(0.5, 0)), State(), State(velocity=(0.5, 0)), 0.0),
    "velocity left": (torso(), torso(velocity_xy=(0, 0.3)), State(), State(velocity=(0, 0.3)), 0.0),
    "heading": (
        torso(turning_speed=None, heading=0),
        torso(turning_speed=None, heading="np.deg2rad(270)"),
        State(),
        State(angle=-math.pi / 2),
        0.0,
    ),
    "turning speed": (torso(), torso(turning_speed=2), State(), State(turning=2.0), 0.0),
    "lift_height": (foot(lift_height=0), foot(lift_height=HEIGHT), State(), LIFTED, 0.0),
    "extend_forward": (
        foot(extend_forward=0),
        foot(extend_forward=float(place(FORWARD)[0] - place(State())[0])),
        State(),
        FORWARD,
        0.0,
    ),
    "move_inward": (
        foot(move_inward=0),
        foot(move_inward=float(place(State())[1] - place(INWARD)[1])),
        State(),
        INWARD,
        0.0,
    ),
    "foot": (
        foot(lift_height=HEIGHT).replace("front_left", "front_right"),
        foot(lift_height=HEIGHT),
        LIFTED._replace(leg_of="front_right"),
        LIFTED,
        0.0,
    ),
    # An eighth of a second is a quarter of a step of 2 Hz: the middle of its flight.
    "frequency": (steps(frequency=6), steps(), State(), LIFTED, 0.125),
    "air_ratio": (steps(), steps(air_ratio=0.95), State(), LIFTED, 0.25),
    "phase_offset": (steps(phase_offset=0.5), steps(), State(), LIFTED, 0.125),
    "swing_up_down": (steps(swing_up_down=0), steps(), State(), LIFTED, 0.125),
    "swing_forward_back": (
        steps(swing_forward_back=-0.2, swing_up_down=0),
        steps(swing_forward_back=0.2, swing_up_down=0),
        State(),
        FORWARD,
        0.24,
    ),
    "should_activate": (f"{steps()}\n{steps(should_activate=False)}", steps(), State(), LIFTED, 0.125),
    "reset_reward": (f"{foot(lift_height=HEIGHT)}\nreset_reward()", foot(lift_height=HEIGHT), State(), LIFTED, 0.0),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_moves_the_costs_minimum_to_where_it_says(name: str) -> None:
    one, other, of_one, of_other, time = PARAMETERS[name]
    assert cost(one, of_one, time) < cost(one, of_other, time) - 1e-3
    assert cost(other, of_other, time) < cost(other, of_one, time) - 1e-3


# ------------------------------------------------------------------------------------------------ motions


def after(program: str, seconds: float = 0.6) -> dict[str, float]:
    """What is measured of the robot when it has followed a program."""
    world = palaestra_worlds.make("Quadruped", num_envs=1, start_noise=0.0, threads=1)
    world.reset(seed=0)
    task = QuadrupedProgram.from_text(program).motions()[0].task
    config = CrossEntropyConfig(threads=1, samples=64, noise=0.3, least_noise=0.1)
    controller = Controller(CrossEntropy(config, world.problem_of(task), 0), world.control_period)
    for _ in range(round(seconds / world.control_period)):
        world.step(world.actions(controller.control(world.physics_state(0))[None]))
    return world.measures(0, task)


def test_torso_higher_is_higher() -> None:
    low, high = (after(torso(height=height))["height"] for height in (0.18, 0.3))
    assert low == pytest.approx(0.18, abs=0.04)
    assert high == pytest.approx(0.3, abs=0.04)


def test_a_pitched_torso_sits_with_its_nose_up() -> None:
    assert after(torso(height=0.22, pitch=0.5))["pitch"] == pytest.approx(0.5, abs=0.2)


def test_a_lifted_paw_is_up_and_the_others_are_not() -> None:
    found = after(f"{torso()}\nset_feet_pos_parameters('front_right', lift_height=0.12)")
    assert found["foot_height.front_right"] == pytest.approx(0.12, abs=0.04)
    others = [found[f"foot_height.{name}"] for name in ("front_left", "rear_left", "rear_right")]
    assert max(others) < 0.03
