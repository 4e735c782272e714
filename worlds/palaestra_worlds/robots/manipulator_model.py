"""A Franka Panda with a Robotiq 2F-85 gripper over a table: a planning and a simulation model.

Of the Menagerie's hands this one leaves planners 7 controls to search instead of the 23 of a LEAP hand. The arm is
controlled as Franka's own Cartesian impedance mode does: a spring pulls the palm to a target place and direction, and
weaker springs pull the joints to where they began. What a target changes is then what a task's cost is about, so that
few samples find their way; with targets for the seven joints most samples only turn the hand away.

Both models have the same joints, actuators and sensors. They differ in what touches what:

* planning: steps of 10 ms; of the robot only the gripper's pads touch anything. What a task is not about neither falls
  nor touches anything while it is planned (`planning_model_with`): contacts are most of what a step costs.
* simulation: steps of 2 ms, many solver iterations; the whole gripper and the arm's links touch things.
"""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from copy import copy
from functools import cache
from typing import Any

import mujoco
import numpy as np

from palaestra_worlds.robots.menagerie import PANDA, ROBOTIQ, compile_model, load_spec, robot_folder
from palaestra_worlds.robots.quadruped_model import Fidelity
from palaestra_worlds.robots.tabletop import FIXED, HAND, MOVABLE, OBJECTS, START_TURNS, add_tabletop, start_places

TIMESTEPS: dict[Fidelity, float] = {"planning": 0.01, "simulation": 0.002}
ARM_JOINTS = tuple(f"joint{k}" for k in range(1, 8))
_HAND = "hand/"
HOME = np.array([0.0, 0.1, 0.0, -2.2, 0.0, 2.3, -0.785])
"""Joint angles of the arm (7,), the gripper above the table and pointing down; its fingers open along y."""
OPEN, CLOSED = 0.0, 1.0
TURNS = ("roll", "pitch", "yaw")
HOME_PLACE = (0.543, 0.0, 0.188)
"""Where the palm is at first, metres."""
CONTROL_SCALE = np.array([0.1, 0.1, 0.1, 0.2, 0.2, 0.4, 2.0])
"""What planners vary the controls by alike: metres (3,), radians (3,), and the gripper's own unit."""
TURNING_SCALE = CONTROL_SCALE * np.array([1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 1.0])
"""The same where something is to be turned over: a wrist that must go half way round, in seconds."""
HOME_CONTROL = np.array([*HOME_PLACE, 0.0, 0.0, 0.0, OPEN])
PALM = 0.15
"""Metres from the gripper's base to the middle between its pads."""
_REACH = ((0.2, 0.8), (-0.6, 0.6), (0.0, 0.7))
"""Places that can be aimed at: x, y, z, metres."""
_TURNED = (-2.9, 2.9)
"""Turns from pointing down that can be aimed at, radians: to turn things over it must go past the horizontal."""
_STIFFNESS, _DAMPING, _FORCE = 1500.0, 150.0, 120.0
_TURN_STIFFNESS, _TURN_DAMPING, _TORQUE = 60.0, 6.0, 25.0
_JOINT_STIFFNESS, _JOINT_DAMPING = 4.0, 2.0
_JOINT_TORQUES = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
POINTS = {
    "palm": ("site", "palm"),
    **{name: ("body", name) for name in OBJECTS},
    "drawer_handle": ("site", "drawer_handle"),
    "drawer_center": ("site", "drawer_center"),
    "faucet_handle": ("site", "faucet_handle"),
    "rest_position": ("site", "rest_position"),
}
"""The names of the reward API, and what they are in the model."""


def build_manipulator(fidelity: Fidelity) -> mujoco.MjModel:
    """Compiles one of the two models; the caller may change it.

    Raises:
        RobotsMissing: MuJoCo or the Menagerie is not installed.
        ModelError: a file of the Menagerie does not load.
    """
    spec = load_spec(robot_folder(PANDA) / "panda_nohand.xml")
    gripper = load_spec(robot_folder(ROBOTIQ) / "2f85.xml")
    gripper.body("base").add_site(name="palm", pos=(0, 0, PALM), size=(0.005, 0, 0))
    # One cone for both, before they are joined: `_set_physics` says which.
    gripper.option.cone = spec.option.cone
    gripper.option.impratio = spec.option.impratio
    spec.attach(gripper, prefix=_HAND, site="attachment_site")
    _set_physics(spec, fidelity)
    _set_contacts(spec, fidelity)
    _set_control(spec)
    add_tabletop(spec)
    _set_sensors(spec)
    return compile_model(spec, f"manipulator, {fidelity}")


@cache
def manipulator_model(fidelity: Fidelity) -> mujoco.MjModel:
    """The compiled model, shared by all that only read it. Raises what `build_manipulator` raises."""
    return build_manipulator(fidelity)


@cache
def planning_model_with(things: frozenset[str]) -> mujoco.MjModel:
    """The planning model in which only these objects can be touched; the others float where they are.

    Its sizes are those of the planning model, so that one's states and data are the other's.
    """
    model = copy(manipulator_model("planning"))
    for name in set(OBJECTS) - things:
        body = model.body(name)
        model.body_gravcomp[body.id] = 1.0
        geoms = slice(int(body.geomadr[0]), int(body.geomadr[0] + body.geomnum[0]))
        model.geom_contype[geoms] = model.geom_conaffinity[geoms] = 0
    return model


def first_positions(model: mujoco.MjModel) -> np.ndarray:
    """Positions (nq,) that the robot and everything on the table begin with."""
    qpos = model.qpos0.copy()
    qpos[:7] = HOME
    for name, place in start_places().items():
        start = int(model.joint(name).qposadr[0])
        qpos[start : start + 3] = place
        half = START_TURNS.get(name, 0.0) / 2
        qpos[start + 3 : start + 7] = math.cos(half), math.sin(half), 0.0, 0.0
    return qpos


def _set_physics(spec: mujoco.MjSpec, fidelity: Fidelity) -> None:
    spec.option.timestep = TIMESTEPS[fidelity]
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10
    if fidelity == "planning":
        # With a higher one, steps of this length throw out what the fingers close on.
        spec.option.impratio = 1
        spec.option.iterations, spec.option.ls_iterations = 5, 10


def _set_contacts(spec: mujoco.MjSpec, fidelity: Fidelity) -> None:
    """Which of the robot's shapes touch the table and what is on it; the robot never touches itself."""
    for geom in spec.geoms:
        visual = geom.classname.name in ("panda/visual", f"{_HAND}visual")
        gripping = "pad" in geom.name
        touches = not visual and (gripping or fidelity == "simulation")
        geom.contype = HAND if touches else 0
        geom.conaffinity = FIXED | MOVABLE if touches else 0
        if gripping:
            geom.condim = 4
            geom.friction = (1.0, 0.01, 1e-4)
            if fidelity == "planning":
                geom.solref = (0.02, 1.0)


def _set_control(spec: mujoco.MjSpec) -> None:
    """The robot bears its own weight, as its maker's controller does; actuators pull the palm."""
    for body in spec.bodies:
        body.gravcomp = 1.0
    for joint, home, torque in zip(ARM_JOINTS, HOME, _JOINT_TORQUES, strict=True):
        found = spec.joint(joint)
        # Springs and dampers are polynomials here, of which only the first factor is used.
        found.stiffness, found.damping = (_JOINT_STIFFNESS, 0, 0), (_JOINT_DAMPING, 0, 0)
        found.springref = float(home)
        found.actfrclimited, found.actfrcrange = True, (-torque, torque)
    for k in range(1, 8):
        spec.delete(spec.actuator(f"actuator{k}"))
    # The palm's target is told beside these: one at the robot's foot, one that points down as the palm does at first.
    spec.worldbody.add_site(name="foot", size=(0.001, 0, 0), rgba=(0, 0, 0, 0))
    spec.worldbody.add_site(name="down", quat=(0, 1, -1, 0), size=(0.001, 0, 0), rgba=(0, 0, 0, 0))
    gripper = spec.actuator(f"{_HAND}fingers_actuator")
    kept: dict[str, Any] = {name: np.array(getattr(gripper, name)) for name in ("gainprm", "biasprm", "forcerange")}
    # Its own unit is 255 when closed: a change of it would cost planners as much as one of many metres.
    kept["gainprm"] = kept["gainprm"] * gripper.ctrlrange[1]
    spec.delete(gripper)
    for axis, limits in enumerate(_REACH):
        _add_spring(spec, "xyz"[axis], "foot", axis, 1.0, limits, (_STIFFNESS, _DAMPING, _FORCE))
    # About the world's axes, which are the other way round for what points down.
    for name, axis in zip(TURNS, (4, 3, 5), strict=True):
        _add_spring(spec, name, "down", axis, -1.0, _TURNED, (_TURN_STIFFNESS, _TURN_DAMPING, _TORQUE))
    spec.add_actuator(
        name="gripper",
        trntype=mujoco.mjtTrn.mjTRN_TENDON,
        target=f"{_HAND}split",
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        ctrllimited=True,
        ctrlrange=(OPEN, CLOSED),
        forcelimited=True,
        **kept,
    )


def _add_spring(
    spec: mujoco.MjSpec,
    name: str,
    beside: str,
    axis: int,
    sign: float,
    limits: tuple[float, float],
    strength: tuple[float, float, float],
) -> None:
    """An actuator that pulls the palm along or about one axis: stiffness, damping, largest force."""
    stiffness, damping, force = strength
    gear = np.zeros(6)
    gear[axis] = sign
    spec.add_actuator(
        name=name,
        trntype=mujoco.mjtTrn.mjTRN_SITE,
        target=f"{_HAND}palm",
        refsite=beside,
        gear=gear,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        gainprm=[stiffness, *[0.0] * 9],
        biasprm=[0.0, -stiffness, -damping, *[0.0] * 7],
        ctrllimited=True,
        ctrlrange=limits,
        forcelimited=True,
        forcerange=(-force, force),
    )


def _set_sensors(spec: mujoco.MjSpec) -> None:
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    kinds, objects = mujoco.mjtSensor, mujoco.mjtObj
    of = {"site": objects.mjOBJ_SITE, "body": objects.mjOBJ_XBODY}
    for name, (kind, target) in POINTS.items():
        target = f"{_HAND}{target}" if name == "palm" else target
        spec.add_sensor(name=name, type=kinds.mjSENS_FRAMEPOS, objtype=of[kind], objname=target)
    for name in OBJECTS:
        spec.add_sensor(name=f"turn_{name}", type=kinds.mjSENS_FRAMEQUAT, objtype=objects.mjOBJ_XBODY, objname=name)
    for axis, kind in (("x", kinds.mjSENS_FRAMEXAXIS), ("z", kinds.mjSENS_FRAMEZAXIS)):
        spec.add_sensor(name=f"palm_{axis}", type=kind, objtype=objects.mjOBJ_SITE, objname=f"{_HAND}palm")
    joints = ("drawer", "faucet", f"{_HAND}right_driver_joint", *ARM_JOINTS)
    for prefix, kind in (("angle", kinds.mjSENS_JOINTPOS), ("speed", kinds.mjSENS_JOINTVEL)):
        for joint in joints:
            spec.add_sensor(
                name=f"{prefix}_{joint.removeprefix(_HAND)}", type=kind, objtype=objects.mjOBJ_JOINT, objname=joint
            )
