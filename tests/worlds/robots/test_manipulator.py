"""The manipulator: its table, what its task's numbers mean, and that it does what it is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
import palaestra_worlds
import pytest
from palaestra_agents.mpc.config import PredictiveSamplingConfig
from palaestra_agents.mpc.control import Controller, drive
from palaestra_agents.mpc.predictive_sampling import PredictiveSampling
from palaestra_worlds.planning import Trajectories
from palaestra_worlds.robots.manipulator_cost import ManipulatorCost
from palaestra_worlds.robots.manipulator_grip import CLOSED_ANGLE, turned, upwards
from palaestra_worlds.robots.manipulator_measures import x_turn
from palaestra_worlds.robots.manipulator_model import (
    CLOSED,
    CONTROL_SCALE,
    HOME_CONTROL,
    HOME_PLACE,
    OPEN,
    POINTS,
    first_positions,
    manipulator_model,
    planning_model_with,
)
from palaestra_worlds.robots.manipulator_task import ManipulatorTask
from palaestra_worlds.robots.mismatch import measure_mismatch
from palaestra_worlds.robots.sensors import Sensors
from palaestra_worlds.robots.tabletop import DRAWER_TRAVEL, OBJECTS, RIM_HEIGHT, RIM_LEAN, RIM_RADIUS, start_places
from pydantic import ValidationError

FIDELITIES = ["planning", "simulation"]


def started(fidelity: str, **positions: float) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """The first state, with joints moved to other positions."""
    model = manipulator_model(fidelity)
    data = mujoco.MjData(model)
    data.qpos[:] = first_positions(model)
    for joint, position in positions.items():
        data.qpos[model.joint(joint).qposadr[0]] = position
    data.ctrl[:] = HOME_CONTROL
    mujoco.mj_forward(model, data)
    return model, data


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_nothing_moves_by_itself(fidelity: str) -> None:
    model, data = started(fidelity)
    for _ in range(round(1 / model.opt.timestep)):
        mujoco.mj_step(model, data)
    sensors = Sensors(model)
    for name in OBJECTS:
        np.testing.assert_allclose(data.sensordata[sensors[name]], start_places()[name], atol=0.005)
    assert abs(data.sensordata[sensors["angle_drawer"]][0]) < 1e-3
    assert abs(data.sensordata[sensors["angle_faucet"]][0]) < 1e-3
    np.testing.assert_allclose(data.qvel, 0.0, atol=0.02)
    np.testing.assert_allclose(data.sensordata[sensors["palm"]], HOME_PLACE, atol=0.005)


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_the_palm_goes_where_it_is_aimed_and_turns_as_it_is_told(fidelity: str) -> None:
    model, data = started(fidelity)
    data.ctrl[:6] = 0.45, 0.15, 0.3, 0.0, 0.0, 0.8
    for _ in range(round(2 / model.opt.timestep)):
        mujoco.mj_step(model, data)
    sensors = Sensors(model)
    np.testing.assert_allclose(data.sensordata[sensors["palm"]], (0.45, 0.15, 0.3), atol=0.02)
    # The fingers open along y at first.
    np.testing.assert_allclose(data.sensordata[sensors["palm_x"]], (math.sin(0.8), -math.cos(0.8), 0.0), atol=0.12)
    data.ctrl[3:6] = 0.8, 0.0, 0.0
    for _ in range(round(2 / model.opt.timestep)):
        mujoco.mj_step(model, data)
    np.testing.assert_allclose(data.sensordata[sensors["palm_z"]], (0.0, math.sin(0.8), -math.cos(0.8)), atol=0.12)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_hand_turns_over_near_the_robot(side: int) -> None:
    model, data = started("planning")
    for step in range(round(5 / model.opt.timestep)):
        # Not at once: half a turn would go the other way round.
        data.ctrl[:6] = 0.45, 0.05, 0.3, side * 2.9 * min(1.0, step * model.opt.timestep / 2), 0.0, 0.0
        mujoco.mj_step(model, data)
    assert data.sensordata[Sensors(model)["palm_z"]][2] > 0.9


def test_both_models_have_one_state_one_control_and_one_list_of_sensors() -> None:
    planning, simulation = (manipulator_model(fidelity) for fidelity in FIDELITIES)
    names = [[model.sensor(i).name for i in range(model.nsensor)] for model in (planning, simulation)]
    assert names[0] == names[1]
    assert set(POINTS) <= set(names[0])
    np.testing.assert_array_equal(planning.jnt_type, simulation.jnt_type)
    np.testing.assert_array_equal(planning.actuator_ctrlrange, simulation.actuator_ctrlrange)
    assert planning.opt.jacobian == simulation.opt.jacobian == mujoco.mjtJacobian.mjJAC_DENSE
    touching = [int(np.sum(model.geom_contype != 0)) for model in (planning, simulation)]
    assert touching[0] < touching[1]


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_the_gripper_holds_a_box_that_it_closes_on(fidelity: str) -> None:
    model, data = started(fidelity)
    palm = data.sensordata[Sensors(model)["palm"]].copy()
    start = int(model.joint("box").qposadr[0])
    # Turned as the gripper is, in mid-air between its pads, without weight until they are closed.
    matrix = data.site("hand/palm").xmat
    mujoco.mju_mat2Quat(data.qpos[start + 3 : start + 7], matrix)
    data.qpos[start : start + 3] = palm
    gravity = model.opt.gravity.copy()
    model = type(model).__copy__(model)
    model.opt.gravity[:] = 0
    data.ctrl[-1] = CLOSED
    for step in range(round(1.5 / model.opt.timestep)):
        if step == round(0.5 / model.opt.timestep):
            model.opt.gravity[:] = gravity
        mujoco.mj_step(model, data)
    assert np.linalg.norm(data.body("box").xpos - data.site("hand/palm").xpos) < 0.05


def test_the_models_come_apart_slowly_when_the_arm_moves() -> None:
    planning, simulation = (manipulator_model(fidelity) for fidelity in FIDELITIES)
    noise = np.random.default_rng(0).standard_normal((8, 2, 7))
    moving = np.clip(HOME_CONTROL + 0.3 * noise * CONTROL_SCALE, *planning.actuator_ctrlrange.T)
    found = measure_mismatch(planning, simulation, first_positions(planning), moving, 0.4, "hand/base").medians()
    assert 0 < found["position"] < 0.01
    assert 0 < found["joints"] < 0.02


START = start_places()
TASKS = [
    ({"distances": [{"first": "box", "second": "rest_position"}]}, math.dist(START["box"], (0.35, 0.0, 0.35))),
    ({"turns": [{"thing": "banana", "x_rotation": -1.0}]}, 1.0),
    ({"heights": [{"thing": "apple", "height": 0.23}]}, 0.2),
    ({"joints": [{"joint": "drawer", "fraction": 1.0}]}, 0.5),
    ({"joints": [{"joint": "faucet", "fraction": 0.25}]}, 0.25),
]


@pytest.mark.parametrize(("task", "residual"), TASKS)
def test_each_target_is_one_terms_residual(task: dict, residual: float) -> None:
    model, data = started("planning", drawer=DRAWER_TRAVEL / 2)
    cost = ManipulatorCost(ManipulatorTask.model_validate(task), model)
    found = cost.residuals(Trajectories(np.zeros(()), data.sensordata, data.ctrl))
    assert [term.size for term in cost.terms][1:] == [3]
    assert np.linalg.norm(found[:-3]) == pytest.approx(residual, abs=1e-6)
    np.testing.assert_allclose(found[-3:], 0.0, atol=1e-12)


def test_a_hand_goes_away_upwards() -> None:
    low, higher, aside = (upwards(np.array(apart)) for apart in ([0.2, 0, -0.3], [0.2, 0, -0.29], [0.19, 0, -0.3]))
    saved = [float(np.linalg.norm(low) - np.linalg.norm(other)) for other in (higher, aside)]
    assert saved[0] > saved[1] > 0
    np.testing.assert_allclose(upwards(np.array([0.2, 0.1, 0.0])), [0.2, 0.1, 0.0])


def test_things_are_turned_over_to_the_left() -> None:
    cost = {}
    model, data = started("planning")
    at = Sensors(model)
    task = {"distances": [{"first": "palm", "second": "bowl"}], "turns": [{"thing": "bowl", "x_rotation": math.pi}]}
    held = ManipulatorCost(ManipulatorTask.model_validate(task), model)
    number = [term.name for term in held.terms].index("turn of bowl") + 4  # after two terms of three numbers each
    for angle in (-math.pi / 2, math.pi / 2):
        sensors = data.sensordata.copy()
        mujoco.mju_axisAngle2Quat(turn := np.empty(4), np.array([1.0, 0, 0]), angle)
        sensors[at["turn_bowl"]] = turn
        cost[angle] = held.residuals(Trajectories(np.zeros(()), sensors, HOME_CONTROL.copy()))[number]
    assert cost[-math.pi / 2] == pytest.approx(math.pi / 2)
    assert cost[math.pi / 2] > cost[-math.pi / 2] + 0.5


@pytest.mark.parametrize(("told", "off"), [(CLOSED, 0.0), (OPEN, 1.0)])
def test_fingers_that_are_told_to_close_are_done_whatever_they_hold(told: float, off: float) -> None:
    model, data = started("planning", **{"hand/right_driver_joint": 0.3})
    data.ctrl[-1] = told
    cost = ManipulatorCost(ManipulatorTask(fingers="closed"), model)
    found = cost.residuals(Trajectories(np.zeros(()), data.sensordata, data.ctrl))
    assert abs(found[0]) == off


def test_a_plan_touches_only_what_its_task_is_about() -> None:
    task = ManipulatorTask.model_validate({"distances": [{"first": "palm", "second": "apple"}]})
    assert task.things == {"apple"}
    # Whoever lets go may hold anything.
    away = ManipulatorTask.model_validate({"distances": [{"first": "palm", "second": "rest_position"}]})
    assert away.things == set(OBJECTS)
    model = planning_model_with(task.things)
    data = mujoco.MjData(model)
    data.qpos[:], data.ctrl[:] = first_positions(model), HOME_CONTROL
    # Both begin to fall from above the table; only what can be touched does.
    for name in ("apple", "box"):
        data.qpos[model.joint(name).qposadr[0] + 2] = 0.3
    for _ in range(100):
        mujoco.mj_step(model, data)
    assert data.body("apple").xpos[2] < 0.05
    assert data.body("box").xpos[2] == pytest.approx(0.3)


@pytest.mark.parametrize("held", [0.0, 0.5])
def test_a_hand_that_holds_something_opens_before_it_goes_away(held: float) -> None:
    model, data = started("planning")
    at = Sensors(model)
    task = ManipulatorTask.model_validate({"distances": [{"first": "palm", "second": "rest_position"}]})
    cost = ManipulatorCost(task, model)

    def way(closed: float, apart: float) -> float:
        seen = data.sensordata.copy()
        seen[at["palm"]] = seen[at["rest_position"]] + np.array([0.0, 0.0, -apart])
        seen[at["angle_right_driver_joint"]] = closed * CLOSED_ANGLE
        return float(np.linalg.norm(cost.residuals(Trajectories(np.zeros(()), seen, data.ctrl))[:3]))

    # The way there shrinks with the hand open, and only then.
    assert (way(held, 0.1) < way(held, 0.3) - 0.01) == (held == 0.0)
    assert way(held, 0.3) >= way(0.0, 0.3)


@pytest.mark.parametrize(("height", "costs"), [(0.3, True), (0.03, False)])
def test_letting_go_costs_more_in_the_air_than_on_the_table(height: float, costs: bool) -> None:
    model, data = started("planning")
    at = Sensors(model)
    task = ManipulatorTask.model_validate({"distances": [{"first": "palm", "second": "apple"}]})
    cost = ManipulatorCost(task, model)
    hold = [term.name for term in cost.terms].index("hold") + 4  # after two terms of three numbers each

    def holding(slipped: float, told: float) -> float:
        seen, controls = data.sensordata.copy(), data.ctrl.copy()
        seen[at["apple"]] = (0.5, 0.0, height)
        seen[at["palm"]] = (0.5, 0.0, height + slipped)
        seen[at["angle_right_driver_joint"]] = 0.5 * CLOSED_ANGLE
        controls[-1] = told
        return float(cost.residuals(Trajectories(np.zeros(()), seen, controls))[hold])

    assert (holding(0.1, CLOSED) > holding(0.0, CLOSED) + 5.0) == costs
    assert (holding(0.0, OPEN) > holding(0.0, CLOSED) + 1.0) == costs


def test_only_what_is_turned_over_is_turned_by_leaps() -> None:
    world = palaestra_worlds.make("Manipulator", 1)
    turned = {"distances": [{"first": "palm", "second": "box"}], "turns": [{"thing": "box", "x_rotation": math.pi}]}
    over = ManipulatorTask.model_validate(turned)
    upright = ManipulatorTask.model_validate({**turned, "turns": [{"thing": "box", "x_rotation": 0.0}]})
    planner = PredictiveSampling(PredictiveSamplingConfig(), world.problem_of(upright))
    gentle = np.abs(planner.noise(500, 1.0)).mean(axis=(0, 1))
    planner.take_problem(world.problem_of(over))
    bold = np.abs(planner.noise(500, 1.0)).mean(axis=(0, 1))
    assert (bold[3:6] > 2 * gentle[3:6]).all()
    assert bold[:3] == pytest.approx(gentle[:3], rel=0.2)
    planner.close()
    world.close()


def test_turns_about_x_are_told_whichever_way_a_thing_faces() -> None:
    for angle in (-2.0, 0.3, 3.0):
        about_x, about_z, both = np.empty(4), np.empty(4), np.empty(4)
        mujoco.mju_axisAngle2Quat(about_x, np.array([1.0, 0, 0]), angle)
        mujoco.mju_axisAngle2Quat(about_z, np.array([0, 0, 1.0]), 0.4)
        mujoco.mju_mulQuat(both, about_x, about_z)
        for quaternion in (about_x, -about_x, both):
            assert x_turn(turned(quaternion, (0.0, 0.0, 1.0))) == pytest.approx(angle)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"distances": [{"first": "palm", "second": "palm"}]}, "the distance of palm from itself"),
        ({"distances": [{"first": "palm", "second": "pear"}]}, "Input should be 'palm', 'apple'"),
        ({"heights": [{"thing": "apple", "height": math.nan}]}, "less than or equal to 1"),
        ({"joints": [{"joint": "drawer", "fraction": 1.5}]}, "less than or equal to 1"),
    ],
)
def test_targets_that_cannot_be_are_refused(task: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ManipulatorTask.model_validate(task)


def test_it_reaches_for_an_apple_and_its_description_says_so() -> None:
    world: Any = palaestra_worlds.make("Manipulator", num_envs=1, start_noise=0.0)
    world.draw_from([ManipulatorTask.model_validate({"distances": [{"first": "palm", "second": "apple"}]})])
    world.reset(seed=0)
    apart = math.dist(world.where(0, "palm"), world.where(0, "apple"))
    config = PredictiveSamplingConfig(
        horizon=0.3, knots=2, interpolation="linear", samples=16, noise=0.7, finest=0.05, action_rate=3e-6, threads=1
    )
    controller = Controller(PredictiveSampling(config, world.planning_problem(0)), world.control_period)
    rewards = [step[1][0] for step in drive(world, [controller], 25)]
    assert math.dist(world.where(0, "palm"), world.where(0, "apple")) < 0.3 * apart
    assert rewards[-1] > rewards[0]
    assert "palm at (" in world.describe(0)


def bowl_terms(
    palm: Sequence[float],
    opens: Sequence[float],
    apple: Sequence[float] = (0.0, 0.0, 0.03),
    place: Sequence[float] | None = None,
) -> np.ndarray:
    """Residuals of taking hold of the bowl, in whose own axes the arguments are: way (3), fingers across (3).

    `place` is where the bowl stands; None: where it does at first, beside the cabinet.
    """
    model, data = started("planning")
    sensors, seen = Sensors(model), data.sensordata.copy()
    if place is not None:
        seen[sensors["bowl"]] = place
    bowl = seen[sensors["bowl"]]
    seen[sensors["palm"]], seen[sensors["apple"]] = bowl + np.array(palm), bowl + np.array(apple)
    seen[sensors["palm_x"]] = opens
    task = ManipulatorTask.model_validate({"distances": [{"first": "palm", "second": "bowl"}]})
    return ManipulatorCost(task, model).residuals(Trajectories(np.zeros(()), seen, data.ctrl))[:6]


@pytest.mark.parametrize("side", [-1, 1])
def test_fingers_lie_along_the_leaning_side_of_the_bowl(side: int) -> None:
    # Both sides of the rim, and the hand either way round.
    for turned_round in (-1, 1):
        opens = turned_round * np.array((math.cos(RIM_LEAN), 0.0, -side * math.sin(RIM_LEAN)))
        found = bowl_terms((side * RIM_RADIUS, 0.0, RIM_HEIGHT), opens, apple=(1.0, 0.0, 0.0))
        np.testing.assert_allclose(found, 0.0, atol=1e-9)
    upright = bowl_terms((side * RIM_RADIUS, 0.0, RIM_HEIGHT), (1.0, 0.0, 0.0), apple=(1.0, 0.0, 0.0))
    assert np.linalg.norm(upright[3:]) == pytest.approx(2 * math.sin(RIM_LEAN / 2), abs=1e-6)


def test_the_bowl_is_taken_where_nothing_lies_in_it() -> None:
    palm, opens = (RIM_RADIUS, 0.0, RIM_HEIGHT), (math.cos(RIM_LEAN), 0.0, -math.sin(RIM_LEAN))
    np.testing.assert_allclose(bowl_terms(palm, opens, apple=(-0.02, 0.0, 0.03)), 0.0, atol=1e-9)
    way = bowl_terms(palm, opens, apple=(0.02, 0.0, 0.03))[:3]
    assert way[0] == pytest.approx(2 * RIM_RADIUS)


@pytest.mark.parametrize(("place", "side"), [((0.62, 0.0, 0.006), 1.0), ((0.62, 0.15, 0.006), -1.0)])
def test_a_bowl_is_held_at_the_side_of_the_palm_unless_the_cabinet_is_there(place: Any, side: float) -> None:
    # Where the palm is nearer to the cabinet's side than to the other it still goes to the other.
    way = bowl_terms((0.0, 0.03, RIM_HEIGHT), (0.0, 1.0, 0.0), apple=(-0.32, -0.3, 0.024), place=place)[:3]
    assert np.sign(-way[1]) == side


def test_a_bowl_between_an_apple_and_the_cabinet_is_held_from_the_front() -> None:
    palm, apple = (0.0, 0.0, RIM_HEIGHT), (0.0, -0.02, 0.034)
    way = bowl_terms(palm, (0.0, 1.0, 0.0), apple=apple, place=(0.62, 0.15, 0.006))[:3]
    assert way[0] > 0.05
    assert abs(way[1]) < 0.01


def carried(beside: float, height: float) -> float:
    """What it costs that a box is so far beside the middle of the bowl, and so high above it."""
    model, data = started("planning")
    sensors, seen = Sensors(model), data.sensordata.copy()
    seen[sensors["box"]] = seen[sensors["bowl"]] + np.array((beside, 0.0, height))
    task = ManipulatorTask.model_validate({"distances": [{"first": "box", "second": "bowl"}]})
    found = ManipulatorCost(task, model).residuals(Trajectories(np.zeros(()), seen, data.ctrl))
    return float(np.linalg.norm(found[:3]))


def test_who_carries_high_enough_comes_nearer_and_then_down() -> None:
    far_to_near = [carried(beside, 0.16) for beside in np.linspace(0.3, 0.0, 31)]
    assert all(np.diff(far_to_near) < 0)
    high_to_low = [carried(0.0, height) for height in np.linspace(0.16, 0.0, 17)]
    assert all(np.diff(high_to_low) < 0)
    assert carried(0.0, 0.0) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("beside", [0.08, 0.1, 0.15])
def test_who_carries_too_low_beside_the_bowl_rises_before_coming_nearer(beside: float) -> None:
    low = carried(beside, 0.0)
    assert carried(beside, 0.05) < low
    assert carried(beside - 0.01, 0.0) > low - 0.01
    assert carried(beside + 0.01, 0.0) < low + 0.01
