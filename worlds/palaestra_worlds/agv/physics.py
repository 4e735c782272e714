"""A vehicle with two driven wheels in MuJoCo, on a drawn floor, to check the kinematics of the AGV worlds with."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.geometry import obstacle_at
from palaestra_worlds.agv.settings import AGVSettings
from palaestra_worlds.agv.state import CLOCK, NUM_OBSTACLES, RADIUS, Drawing, Levels

TIMESTEP = 0.005
"""Seconds, at most."""
MASS, WHEEL_MASS = 20.0, 1.0
"""kg, of the body and of each wheel."""
HEIGHT, CLEARANCE = 0.2, 0.03
"""Of the body, and from the floor to it; m."""
STIFFNESS = 20.0
"""Nm per rad/s that a wheel is away from the speed it should have."""
GRIP = 0.6
"""Share of the wheels' weight that motors push with at most, so that wheels do not spin: friction is 1."""
GROUND, BODY = 1, 2
"""Contact bits: wheels and floor; the body and what it must not touch."""
AWAY = -100.0
"""Height at which obstacles wait that a level does not have."""

_GEOM = mujoco.mjtGeom
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


def build_model(settings: AGVSettings, drawing: Drawing) -> mujoco.MjModel:
    """The floor, the vehicle, and a body for each obstacle. The y axis points the other way than the engine's."""
    spec = mujoco.MjSpec()
    spec.option.timestep = settings.dt / math.ceil(settings.dt / TIMESTEP)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    world = spec.worldbody
    world.add_geom(type=_GEOM.mjGEOM_PLANE, size=(0, 0, 1), contype=GROUND, conaffinity=GROUND)
    for left, top, right, bottom in drawing.blocks.astype(float):
        world.add_geom(
            type=_GEOM.mjGEOM_BOX,
            pos=((left + right) / 2, -(top + bottom) / 2, HEIGHT),
            size=((right - left) / 2, (bottom - top) / 2, HEIGHT),
            contype=BODY,
            conaffinity=BODY,
        )
    drawn = [float(radius) for radius in drawing.obstacles[:, RADIUS]]
    radii = drawn if settings.moving is None else [settings.moving_radius] * settings.moving
    for k, radius in enumerate(radii):
        body = world.add_body(name=f"obstacle {k}", mocap=True, pos=(0, 0, AWAY))
        size = (radius, HEIGHT, 0)
        body.add_geom(type=_GEOM.mjGEOM_CYLINDER, size=size, contype=BODY, conaffinity=BODY)
    _add_vehicle(spec, settings)
    return spec.compile()


def _add_vehicle(spec: mujoco.MjSpec, settings: AGVSettings) -> None:
    vehicle, wheel = settings.vehicle, wheel_radius(settings)
    body = spec.worldbody.add_body(name="vehicle", pos=(0, 0, wheel))
    body.add_freejoint()
    middle = (0, 0, CLEARANCE - wheel + HEIGHT / 2)
    if vehicle.box is None:
        shape, size = _GEOM.mjGEOM_CYLINDER, (vehicle.radius, HEIGHT / 2, 0)
    else:
        shape, size = _GEOM.mjGEOM_BOX, (vehicle.box[0] / 2, vehicle.box[1] / 2, HEIGHT / 2)
    body.add_geom(name="body", type=shape, size=size, pos=middle, mass=MASS, contype=BODY, conaffinity=BODY)
    reach = vehicle.radius if vehicle.box is None else vehicle.box[0] / 2
    for side in (-1, 1):
        # Castors, as balls that slide without friction.
        body.add_geom(
            type=_GEOM.mjGEOM_SPHERE,
            size=(CLEARANCE / 2, 0, 0),
            pos=(side * 0.8 * reach, 0, CLEARANCE / 2 - wheel),
            mass=0.1,
            condim=1,
            priority=1,
            contype=GROUND,
            conaffinity=GROUND,
        )
    for name, side in (("left", 1), ("right", -1)):
        part = body.add_body(name=name, pos=(0, side * vehicle.track / 2, 0))
        part.add_joint(name=name, axis=(0, 1, 0))
        part.add_geom(
            type=_GEOM.mjGEOM_CYLINDER,
            size=(wheel, 0.015, 0),
            quat=(math.sqrt(0.5), math.sqrt(0.5), 0, 0),
            mass=WHEEL_MASS,
            friction=(1.0, 0.005, 0.0001),
            contype=GROUND,
            conaffinity=GROUND,
        )
        motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.set_to_velocity(kv=STIFFNESS)
        most = GRIP * 9.81 * (MASS / 2 + WHEEL_MASS) * wheel
        motor.forcelimited, motor.forcerange = 1, (-most, most)


def wheel_radius(settings: AGVSettings) -> float:
    """m; wheels are smaller than the vehicle is wide."""
    return min(0.08, 0.4 * settings.vehicle.circumscribed)


class Physics:
    """The states of N vehicles in one model; `states` and nothing else is what a snapshot has to keep."""

    def __init__(self, settings: AGVSettings, drawing: Drawing, num_envs: int) -> None:
        self._model = build_model(settings, drawing)
        self._data = mujoco.MjData(self._model)
        self._steps = math.ceil(settings.dt / TIMESTEP)
        self._wheel, self._track = wheel_radius(settings), settings.vehicle.track
        self._body = self._model.geom("body").id
        self.states = np.zeros((num_envs, mujoco.mj_stateSize(self._model, _STATE)))

    def place(self, levels: Levels, i: int) -> None:
        """Stands vehicle i where the engine has it, at rest."""
        model, data = self._model, self._data
        mujoco.mj_resetData(model, data)
        x, y, heading = levels.pose[i]
        data.qpos[:2] = x, -y
        data.qpos[3:7] = math.cos(heading / 2), 0.0, 0.0, -math.sin(heading / 2)
        mujoco.mj_getState(model, data, self.states[i], _STATE)

    def drive(self, levels: Levels, i: int, wanted: NDArray[np.float64]) -> tuple[Any, Any, float, int]:
        """Goes on for one step of the world.

        Args:
            levels: for the clock and what moves.
            i: the vehicle.
            wanted: (2,) speed, m/s, and turning, rad/s, in the engine's sense.

        Returns:
            Pose (3,), velocity (2,), metres travelled, and what was touched: 0 nothing, 1 a wall or rack, 2 what moves.
        """
        model, data = self._model, self._data
        mujoco.mj_setState(model, data, self.states[i], _STATE)
        # The engine turns towards its y axis, to the right: the left wheel is the faster one then.
        apart = 0.5 * self._track * wanted[1]
        data.ctrl[:] = (wanted[0] + apart) / self._wheel, (wanted[0] - apart) / self._wheel
        began = float(levels.status[i, CLOCK]) * self._steps * model.opt.timestep
        travelled, touched, before = 0.0, 0, data.qpos[:2].copy()
        for step in range(self._steps):
            self._move_obstacles(levels, i, began + step * model.opt.timestep)
            mujoco.mj_step(model, data)
            travelled += math.dist(before, data.qpos[:2])
            before = data.qpos[:2].copy()
            touched = max(touched, self._touches())
        mujoco.mj_getState(model, data, self.states[i], _STATE)
        w, _, _, z = data.qpos[3:7]
        heading = -2.0 * math.atan2(z, w)
        heading = (heading + math.pi) % (2.0 * math.pi) - math.pi
        speed = math.cos(heading) * data.qvel[0] - math.sin(heading) * data.qvel[1]
        return (data.qpos[0], -data.qpos[1], heading), (speed, -data.qvel[5]), travelled, touched

    def _move_obstacles(self, levels: Levels, i: int, time: float) -> None:
        for k in range(min(self._model.nmocap, int(levels.status[i, NUM_OBSTACLES]))):
            x, y = obstacle_at(levels.obstacles, levels.routes, i, k, time)
            self._data.mocap_pos[k] = x, -y, HEIGHT

    def _touches(self) -> int:
        found = 0
        for one, other in self._data.contact.geom[: self._data.ncon]:
            if self._body in (one, other):
                owner = self._model.geom_bodyid[one if other == self._body else other]
                found = max(found, 1 if owner == 0 else 2)
        return found
