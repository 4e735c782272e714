"""The Barkour robot dog twice: a planning model that is cheap, and a simulation model that is accurate.

Both have the same joints, actuators (position servos) and sensors, so that a state or a control of one is one of the
other's. They differ in what touches what:

* planning: steps of 10 ms; spheres, a box and a capsule that touch the floor and nothing else; no dry friction in the
  joints. What sitting, lying and rolling over touch the floor with is there, in few contacts.
* simulation: steps of 2 ms, elliptic friction cones, dry friction; the convex hulls of the robot's meshes touch the
  floor and one another.
"""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from functools import cache
from typing import Literal

import mujoco
import numpy as np

from palaestra_worlds.robots.menagerie import BARKOUR, compile_model, load_spec, robot_folder
from palaestra_worlds.robots.scenery import add_sky

Fidelity = Literal["planning", "simulation"]
TIMESTEPS: dict[Fidelity, float] = {"planning": 0.01, "simulation": 0.002}
"""Seconds of one physics step."""

FEET = ("front_left", "rear_left", "front_right", "rear_right")
"""Names of the feet, in the order of the model's legs."""
_LEGS = dict(zip(FEET, ("front_left", "hind_left", "front_right", "hind_right"), strict=True))
_JOINTS = ("abduction", "hip", "knee")
JOINTS = tuple(f"{joint}_{_LEGS[foot]}" for foot in FEET for joint in _JOINTS)
"""The model's joints; its actuators have the same names and order."""

STANDING = np.tile([0.0, 0.5, 1.0], 4)
"""Joint angles of the Menagerie's `home` pose, radians (12,)."""
CONTROL_SCALE = np.tile([0.5, 1.0, 1.0], 4)
"""Radians (12,) by which planners vary joint targets alike, whatever the joints' ranges."""
STANDING_HEIGHT = 0.28
"""Height of the torso in this pose, metres."""


def build_quadruped(fidelity: Fidelity) -> mujoco.MjModel:
    """Compiles one of the two models; the caller may change it.

    Raises:
        RobotsMissing: MuJoCo or the Menagerie is not installed.
        ModelError: the Menagerie's file does not load.
    """
    file = "barkour_vb_mjx.xml" if fidelity == "planning" else "barkour_vb.xml"
    spec = load_spec(robot_folder(BARKOUR) / file)
    spec.option.timestep = TIMESTEPS[fidelity]
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    if fidelity == "planning":
        spec.option.iterations = 2
        spec.option.ls_iterations = 6
        spec.option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
        _add_planning_contacts(spec)
    else:
        spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    _add_surroundings(spec)
    _set_sensors(spec)
    spec.add_key(
        name="standing",
        qpos=np.concatenate([[0, 0, STANDING_HEIGHT, 1, 0, 0, 0], STANDING]),
        ctrl=STANDING,
    )
    return compile_model(spec, f"quadruped, {fidelity}")


@cache
def quadruped_model(fidelity: Fidelity) -> mujoco.MjModel:
    """The compiled model, shared by all that only read it. Raises what `build_quadruped` raises."""
    return build_quadruped(fidelity)


def _add_planning_contacts(spec: mujoco.MjSpec) -> None:
    """What else than feet can touch the floor, sized after the meshes' bounding boxes (metres)."""
    touch = {"contype": 0, "conaffinity": 1, "group": 3, "friction": (0.8, 0.02, 0.01), "mass": 0.0}
    box, sphere = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_SPHERE
    capsule, cylinder = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER
    torso = spec.body("torso")
    torso.add_geom(name="touch_torso", type=box, size=(0.178, 0.11, 0.075), pos=(0, 0, 0), **touch)
    torso.add_geom(
        name="touch_handle", type=capsule, fromto=(-0.10, 0, 0.105, 0.10, 0, 0.105), size=(0.035, 0, 0), **touch
    )
    torso.add_geom(name="touch_head", type=sphere, size=(0.05, 0, 0), pos=(0.28, 0, 0.06), **touch)
    for leg in _LEGS.values():
        # Joint anchors are their bodies' origins: the upper leg turns about the hip, the lower leg about the knee.
        # The z axis of an upper leg, its hip's axle, points to the robot's right.
        outward = -0.046 if leg.endswith("left") else 0.046
        spec.body(f"upper_leg_{leg}").add_geom(
            name=f"touch_hip_{leg}", type=cylinder, size=(0.055, 0.046, 0), pos=(0, 0, outward), **touch
        )
        spec.body(f"lower_leg_{leg}").add_geom(name=f"touch_knee_{leg}", type=sphere, size=(0.025, 0, 0), **touch)


def _add_surroundings(spec: mujoco.MjSpec) -> None:
    """Floor and sky."""
    spec.add_texture(
        name="floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=(0.86, 0.87, 0.88),
        rgb2=(0.78, 0.79, 0.81),
        width=256,
        height=256,
    )
    material = spec.add_material(name="floor", texrepeat=(4, 4), texuniform=True, reflectance=0.1)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "floor"
    spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0, 0, 0.05), material="floor", contype=1, conaffinity=1
    )
    add_sky(spec)


def _set_sensors(spec: mujoco.MjSpec) -> None:
    """Replaces the robot's own sensors by what costs and observations read; `quadruped_sensors` describes them."""
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    kinds = mujoco.mjtSensor
    site, body, joint = mujoco.mjtObj.mjOBJ_SITE, mujoco.mjtObj.mjOBJ_BODY, mujoco.mjtObj.mjOBJ_JOINT
    of_torso = {
        "torso_position": kinds.mjSENS_FRAMEPOS,
        "torso_x": kinds.mjSENS_FRAMEXAXIS,
        "torso_z": kinds.mjSENS_FRAMEZAXIS,
        "torso_velocity": kinds.mjSENS_FRAMELINVEL,
        "torso_spin": kinds.mjSENS_FRAMEANGVEL,
    }
    for name, kind in of_torso.items():
        spec.add_sensor(name=name, type=kind, objtype=site, objname="base_frame")
    spec.add_sensor(name="mass_position", type=kinds.mjSENS_SUBTREECOM, objtype=body, objname="torso")
    spec.add_sensor(name="mass_velocity", type=kinds.mjSENS_SUBTREELINVEL, objtype=body, objname="torso")
    for foot in FEET:
        spec.add_sensor(name=f"foot_{foot}", type=kinds.mjSENS_FRAMEPOS, objtype=site, objname=f"foot_{_LEGS[foot]}")
    for name in JOINTS:
        spec.add_sensor(name=f"angle_{name}", type=kinds.mjSENS_JOINTPOS, objtype=joint, objname=name)
    for name in JOINTS:
        spec.add_sensor(name=f"speed_{name}", type=kinds.mjSENS_JOINTVEL, objtype=joint, objname=name)
