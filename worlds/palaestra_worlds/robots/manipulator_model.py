"""A Franka Panda with a Robotiq 2F-85 gripper over a table: a planning and a simulation model.

Of the Menagerie's hands this one leaves planners 8 controls to search, the arm's seven and its own, instead of the 23
of a LEAP hand. Whether pinching, pushing and hooking are enough for the eight tasks of Language to Rewards was not
measured.

Both models have the same joints, actuators and sensors. They differ in what touches what:

* planning: steps of 10 ms, pyramidal cones; of the robot only the gripper's pads and finger tips touch anything.
* simulation: steps of 2 ms, elliptic cones; the whole gripper and the arm's links touch things.
"""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from functools import cache

import mujoco
import numpy as np

from palaestra_worlds.robots.menagerie import PANDA, ROBOTIQ, compile_model, load_spec, robot_folder
from palaestra_worlds.robots.quadruped_model import Fidelity
from palaestra_worlds.robots.tabletop import FIXED, HAND, HEIGHTS, MOVABLE, OBJECTS, PLACES, add_tabletop

TIMESTEPS: dict[Fidelity, float] = {"planning": 0.01, "simulation": 0.002}
ARM_JOINTS = tuple(f"joint{k}" for k in range(1, 8))
_HAND = "hand/"
HOME = np.array([0.0, 0.1, 0.0, -2.2, 0.0, 2.3, 0.785])
"""Joint angles of the arm (7,), the gripper above the table and pointing down."""
OPEN, CLOSED = 0.0, 255.0
CONTROL_SCALE = np.array([*[0.3] * 7, 100.0])
"""What planners vary the controls by alike: radians (7,), and the gripper's own unit."""
HOME_CONTROL = np.array([*HOME, OPEN])
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
    gripper.body("base").add_site(name="palm", pos=(0, 0, 0.145), size=(0.005, 0, 0))
    # One cone for both, before they are joined: `_set_physics` says which.
    gripper.option.cone = spec.option.cone
    gripper.option.impratio = spec.option.impratio
    spec.attach(gripper, prefix=_HAND, site="attachment_site")
    _set_physics(spec, fidelity)
    _set_contacts(spec, fidelity)
    add_tabletop(spec)
    _set_sensors(spec)
    return compile_model(spec, f"manipulator, {fidelity}")


@cache
def manipulator_model(fidelity: Fidelity) -> mujoco.MjModel:
    """The compiled model, shared by all that only read it. Raises what `build_manipulator` raises."""
    return build_manipulator(fidelity)


def first_positions(model: mujoco.MjModel) -> np.ndarray:
    """Positions (nq,) that the robot and everything on the table begin with."""
    qpos = model.qpos0.copy()
    qpos[:7] = HOME
    for name in OBJECTS:
        start = int(model.joint(name).qposadr[0])
        qpos[start : start + 3] = (*PLACES[name], HEIGHTS[name])
    return qpos


def _set_physics(spec: mujoco.MjSpec, fidelity: Fidelity) -> None:
    spec.option.timestep = TIMESTEPS[fidelity]
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    if fidelity == "planning":
        spec.option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
        spec.option.impratio = 1
        spec.option.iterations, spec.option.ls_iterations = 5, 10
    else:
        spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        spec.option.impratio = 10


def _set_contacts(spec: mujoco.MjSpec, fidelity: Fidelity) -> None:
    """Which of the robot's shapes touch the table and what is on it; the robot never touches itself."""
    for geom in spec.geoms:
        visual = geom.classname.name in ("panda/visual", f"{_HAND}visual")
        gripping = "pad" in geom.name
        touches = not visual and (gripping or fidelity == "simulation")
        geom.contype = HAND if touches else 0
        geom.conaffinity = FIXED | MOVABLE if touches else 0


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
    spec.add_sensor(name="palm_z", type=kinds.mjSENS_FRAMEZAXIS, objtype=objects.mjOBJ_SITE, objname=f"{_HAND}palm")
    joints = ("drawer", "faucet", f"{_HAND}right_driver_joint", *ARM_JOINTS)
    for prefix, kind in (("angle", kinds.mjSENS_JOINTPOS), ("speed", kinds.mjSENS_JOINTVEL)):
        for joint in joints:
            spec.add_sensor(
                name=f"{prefix}_{joint.removeprefix(_HAND)}", type=kind, objtype=objects.mjOBJ_JOINT, objname=joint
            )
