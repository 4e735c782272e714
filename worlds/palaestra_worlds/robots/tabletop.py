"""What stands on the manipulator's table: apple, banana, box, bowl, a cabinet with a drawer, a faucet with a handle.

All shapes are primitives of our own, in metres and kilograms; the table's top is at height 0.
"""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import mujoco

from palaestra_worlds.robots.scenery import add_sky

FIXED, MOVABLE, HAND = 1, 2, 4
"""Contact bits: what stands still, what can be moved, what moves it."""
OBJECTS = ("apple", "banana", "box", "bowl")
"""Free objects, in the order of their joints."""
PLACES = {"apple": (0.50, 0.0), "banana": (0.42, 0.18), "box": (0.45, -0.18), "bowl": (0.60, 0.14)}
"""Where they are at first, x and y."""
HEIGHTS = {"apple": 0.03, "banana": 0.018, "box": 0.025, "bowl": 0.006}
"""Heights of their middles at first."""
START_TURNS = {"box": math.pi / 2}
"""Which of them lie on their side at first, and how far they are turned about x."""
RIM_RADIUS, RIM_HEIGHT = 0.064, 0.031
"""Of the bowl: where it is taken hold of, from its middle; its rim ends 15 mm higher."""
RIM_LEAN = 0.25
"""How far its sides lean outwards, radians."""
CABINET_FRONT, CABINET_RIGHT = 0.6, 0.22
"""Where the cabinet begins, on the robot's side (x) and on its right (y), metres."""
DRAWER_TRAVEL = 0.18
FAUCET_TURN = math.pi / 2
TRAVEL = {"drawer": DRAWER_TRAVEL, "faucet": FAUCET_TURN}
"""How far each opens: metres, radians."""

_GEOM = mujoco.mjtGeom
_MOVABLE: dict[str, Any] = {"contype": MOVABLE, "conaffinity": FIXED | MOVABLE | HAND}
_FIXED: dict[str, Any] = {"contype": FIXED, "conaffinity": MOVABLE | HAND}
_HANDLED: dict[str, Any] = {"contype": MOVABLE, "conaffinity": HAND}
"""Of drawer and faucet: only hands touch them, so that they never jam."""


def start_places() -> dict[str, tuple[float, float, float]]:
    """Where the objects' middles are at first."""
    return {name: (*PLACES[name], HEIGHTS[name]) for name in OBJECTS}


def add_tabletop(spec: mujoco.MjSpec) -> None:
    """Adds the table and everything on it to a spec."""
    world = spec.worldbody
    world.add_geom(
        name="table",
        type=_GEOM.mjGEOM_PLANE,
        size=(1.2, 1.2, 0.05),
        rgba=(0.82, 0.79, 0.74, 1),
        friction=(1, 0.005, 1e-4),
        **_FIXED,
    )
    add_sky(spec)
    world.add_site(name="rest_position", pos=(0.35, 0.0, 0.35), size=(0.01, 0, 0), rgba=(0, 0.6, 0, 0.3))
    for name in OBJECTS:
        body = world.add_body(name=name, pos=(*PLACES[name], HEIGHTS[name]))
        body.add_freejoint(name=name)
        _SHAPES[name](body)
    _add_cabinet(world)
    _add_faucet(world)


def _apple(body: Any) -> None:
    body.add_geom(
        type=_GEOM.mjGEOM_SPHERE,
        size=(0.03, 0, 0),
        mass=0.1,
        condim=6,
        friction=(1, 0.01, 0.005),
        rgba=(0.8, 0.15, 0.1, 1),
        **_MOVABLE,
    )


def _banana(body: Any) -> None:
    bend = ((-0.07, 0.025), (-0.03, 0.0), (0.03, 0.0), (0.07, 0.025))
    for (x0, y0), (x1, y1) in pairwise(bend):
        body.add_geom(
            type=_GEOM.mjGEOM_CAPSULE,
            fromto=(x0, y0, 0, x1, y1, 0),
            size=(0.018, 0, 0),
            mass=0.04,
            friction=(1, 0.01, 0.005),
            rgba=(0.95, 0.8, 0.2, 1),
            **_MOVABLE,
        )


def _box(body: Any) -> None:
    body.add_geom(
        type=_GEOM.mjGEOM_BOX,
        size=(0.025, 0.025, 0.04),
        mass=0.1,
        friction=(1, 0.005, 1e-4),
        rgba=(0.2, 0.45, 0.75, 1),
        **_MOVABLE,
    )


def _bowl(body: Any) -> None:
    look = {"rgba": (0.9, 0.9, 0.92, 1), "friction": (1, 0.005, 1e-4)}
    body.add_geom(type=_GEOM.mjGEOM_CYLINDER, size=(0.05, 0.006, 0), mass=0.06, **look, **_MOVABLE)
    sides = 8
    for k in range(sides):
        angle = 2 * math.pi * k / sides
        turned = (math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2))
        tilted = (math.cos(RIM_LEAN / 2), 0.0, math.sin(RIM_LEAN / 2), 0.0)
        radius = 0.06
        body.add_geom(
            type=_GEOM.mjGEOM_BOX,
            size=(0.004, 0.029, 0.025),
            pos=(radius * math.cos(angle), radius * math.sin(angle), 0.022),
            quat=_times(turned, tilted),
            mass=0.005,
            **look,
            **_MOVABLE,
        )


def _times(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float, float]:
    """The product of two quaternions."""
    return (
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    )


_SHAPES = {"apple": _apple, "banana": _banana, "box": _box, "bowl": _bowl}


def _add_cabinet(world: Any) -> None:
    """A cabinet to the robot's left whose drawer opens towards the robot."""
    wood = {"rgba": (0.55, 0.4, 0.28, 1)}
    cabinet = world.add_body(name="cabinet", pos=(CABINET_FRONT + 0.12, CABINET_RIGHT + 0.16, 0.0))
    for name, size, pos in (
        ("top", (0.12, 0.15, 0.01), (0, 0, 0.22)),
        ("left", (0.12, 0.01, 0.115), (0, 0.15, 0.115)),
        ("right", (0.12, 0.01, 0.115), (0, -0.15, 0.115)),
        ("back", (0.01, 0.15, 0.115), (0.12, 0, 0.115)),
    ):
        cabinet.add_geom(name=f"cabinet_{name}", type=_GEOM.mjGEOM_BOX, size=size, pos=pos, **wood, **_FIXED)
    drawer = cabinet.add_body(name="drawer", pos=(-0.01, 0, 0.12))
    drawer.add_joint(
        name="drawer",
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=(-1, 0, 0),
        range=(0, DRAWER_TRAVEL),
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        damping=2.0,
        frictionloss=0.5,
    )
    lighter = {"rgba": (0.7, 0.55, 0.4, 1), "mass": 0.1}
    drawer.add_geom(
        name="drawer_front", type=_GEOM.mjGEOM_BOX, size=(0.008, 0.135, 0.085), pos=(-0.11, 0, 0), **lighter, **_HANDLED
    )
    drawer.add_geom(
        name="drawer_floor", type=_GEOM.mjGEOM_BOX, size=(0.1, 0.13, 0.004), pos=(0, 0, -0.08), **lighter, **_MOVABLE
    )
    drawer.add_site(name="drawer_center", pos=(0, 0, -0.06), size=(0.01, 0, 0), rgba=(0, 0, 0, 0))
    steel = {"rgba": (0.6, 0.62, 0.65, 1), "mass": 0.03}
    for end in (-0.045, 0.045):
        drawer.add_geom(
            type=_GEOM.mjGEOM_CAPSULE, fromto=(-0.11, 0, end, -0.16, 0, end), size=(0.007, 0, 0), **steel, **_HANDLED
        )
    drawer.add_geom(
        name="drawer_handle",
        type=_GEOM.mjGEOM_CAPSULE,
        fromto=(-0.16, 0, -0.045, -0.16, 0, 0.045),
        size=(0.008, 0, 0),
        **steel,
        **_HANDLED,
    )
    drawer.add_site(name="drawer_handle", pos=(-0.16, 0, 0), size=(0.01, 0, 0), rgba=(0, 0, 0, 0))


def _add_faucet(world: Any) -> None:
    """A faucet to the robot's right whose handle turns about the vertical."""
    steel = {"rgba": (0.6, 0.62, 0.65, 1)}
    faucet = world.add_body(name="faucet", pos=(0.55, -0.38, 0.0))
    faucet.add_geom(
        name="faucet_base", type=_GEOM.mjGEOM_CYLINDER, size=(0.03, 0.06, 0), pos=(0, 0, 0.06), **steel, **_FIXED
    )
    faucet.add_geom(
        name="faucet_spout",
        type=_GEOM.mjGEOM_CAPSULE,
        fromto=(0, 0, 0.11, 0.1, 0, 0.11),
        size=(0.012, 0, 0),
        **steel,
        **_FIXED,
    )
    handle = faucet.add_body(name="faucet_handle", pos=(0, 0, 0.14))
    handle.add_joint(
        name="faucet",
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=(0, 0, 1),
        range=(0, FAUCET_TURN),
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        damping=0.1,
        frictionloss=0.05,
    )
    handle.add_geom(type=_GEOM.mjGEOM_CYLINDER, size=(0.02, 0.015, 0), mass=0.05, **steel, **_HANDLED)
    handle.add_geom(
        name="faucet_handle",
        type=_GEOM.mjGEOM_CAPSULE,
        fromto=(-0.01, 0, 0.01, -0.1, 0, 0.03),
        size=(0.01, 0, 0),
        mass=0.05,
        rgba=(0.75, 0.2, 0.2, 1),
        **_HANDLED,
    )
    handle.add_site(name="faucet_handle", pos=(-0.085, 0, 0.028), size=(0.01, 0, 0), rgba=(0, 0, 0, 0))
