"""Settings → what the engine is compiled and run with: rules, beams, floors, spaces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete
from numpy.typing import NDArray

from palaestra_worlds.agv.layouts import draw, finished
from palaestra_worlds.agv.sensors import Observations
from palaestra_worlds.agv.settings import GENERATORS, HALL, AGVSettings, Rectangles
from palaestra_worlds.agv.state import (
    DENSITY,
    DRAWN,
    HEIGHT,
    KIND,
    MAX_POINTS,
    MOVING,
    NUM_OBSTACLE,
    NUM_PARAMETERS,
    WIDTH,
    Drawing,
    Rules,
)

KINDS = {name: number for number, name in enumerate(GENERATORS, start=1)}
DISCRETE = np.array(
    [(0.0, 0.0), (1.0, 0.0), (1.0, -0.5), (1.0, 0.5), (0.0, -1.0), (0.0, 1.0), (-1.0, 0.0)], dtype=np.float64
)
"""(7, 2): stay, ahead, ahead to the left and right, turn left and right, back: of speed and turning."""


def layout_of(settings: AGVSettings, id: str) -> str | Rectangles:
    """What the settings or else the id say."""
    if settings.layout is None:
        name = id.partition("-")[2].lower()
        return name if name in GENERATORS else HALL
    return settings.layout.strip() if isinstance(settings.layout, str) else settings.layout


def drawing_of(settings: AGVSettings, layout: str | Rectangles) -> Drawing:
    """The drawn floor; an empty one for layouts that are generated. Raises LayoutError."""
    if isinstance(layout, str) and layout in GENERATORS:
        nothing = np.zeros((settings.columns, settings.rows), np.uint8)
        return finished(nothing, settings.cell, np.zeros((0, NUM_OBSTACLE)), np.zeros((0, MAX_POINTS, 2)))
    return draw(settings, layout)


def original_parameters(settings: AGVSettings, layout: str | Rectangles, drawn: Drawing) -> NDArray[np.float64]:
    """Of levels without a task."""
    parameters = np.zeros(NUM_PARAMETERS)
    parameters[KIND] = KINDS.get(layout, DRAWN) if isinstance(layout, str) else DRAWN
    parameters[WIDTH], parameters[HEIGHT] = drawn.cells.shape
    parameters[DENSITY] = settings.density
    parameters[MOVING] = -1 if settings.moving is None else settings.moving
    return parameters


def rules_of(settings: AGVSettings, drawn: Drawing) -> Rules:
    """What is the same in all environments."""
    vehicle, lidar = settings.vehicle, settings.lidar
    length, width = vehicle.box or (0.0, 0.0)
    columns, rows = drawn.cells.shape
    return Rules(
        vehicles=settings.vehicles,
        sharing=True if settings.vehicles > 1 else None,
        cell=settings.cell,
        dt=settings.dt,
        radius=vehicle.circumscribed,
        half_length=length / 2,
        half_width=width / 2,
        max_speed=vehicle.max_speed,
        reverse_speed=vehicle.reverse_speed,
        turn_rate=math.radians(vehicle.turn_rate),
        acceleration=vehicle.acceleration,
        turn_acceleration=math.radians(vehicle.turn_acceleration),
        track=vehicle.track if vehicle.drive == "differential" else 0.0,
        by_acceleration=settings.actions == "acceleration",
        lidar_range=lidar.range,
        lidar_noise=lidar.noise,
        goal_radius=settings.goal_radius,
        subgoal_radius=settings.subgoal_radius,
        collision_penalty=settings.collision_penalty,
        shaping=1.0 if settings.reward == "shaped" else 0.0,
        stops_at_walls=settings.collision == "stop",
        max_steps=settings.max_steps,
        obstacle_radius=settings.moving_radius,
        obstacle_speed=settings.moving_speed,
        dropout=settings.subgoal_dropout,
        floor_width=columns * settings.cell,
        floor_height=rows * settings.cell,
    )


def beams_of(settings: AGVSettings) -> NDArray[np.float32]:
    """Unit vectors (2, beams) relative to the heading."""
    count, field = settings.lidar.beams, math.radians(settings.lidar.field)
    if settings.lidar.field >= 360.0:
        angles = np.arange(count) * (2 * np.pi / count)
    else:
        angles = np.linspace(-field / 2, field / 2, count) if count > 1 else np.zeros(1)
    return np.array([np.cos(angles), np.sin(angles)], np.float32)


def observation_space(settings: AGVSettings) -> Dict:
    """Of one environment; all float32."""
    shown = 3 if settings.subgoals else 0
    parts: dict[str, Any] = {
        "lidar": Box(0.0, 1.0, (settings.lidar.beams,), np.float32),
        "pose": Box(-1.0, 1.0, (4,), np.float32),
        "velocity": Box(-np.inf, np.inf, (2,), np.float32),
        "goal": Box(-1.0, 1.0, (3,), np.float32),
    }
    if settings.lidar.speeds:
        parts["lidar_speed"] = Box(-np.inf, np.inf, (settings.lidar.beams,), np.float32)
    if settings.grid:
        parts["grid"] = Box(0.0, 1.0, (settings.grid, settings.grid), np.float32)
    if shown:
        parts["subgoal"] = Box(-np.inf, np.inf, (shown,), np.float32)
    return Dict(parts)


def action_space(settings: AGVSettings) -> Box | Discrete:
    return Discrete(len(DISCRETE)) if settings.actions == "discrete" else Box(-1.0, 1.0, (2,), np.float32)


def allocate_observations(settings: AGVSettings, num_envs: int) -> Observations:
    """Arrays that `observation_space`'s parts are written into."""
    sizes = {"lidar": settings.lidar.beams, "pose": 4, "velocity": 2, "goal": 3}
    arrays = {name: np.zeros((num_envs, size), np.float32) for name, size in sizes.items()}
    return Observations(
        **arrays,
        lidar_speed=np.zeros((num_envs, settings.lidar.beams if settings.lidar.speeds else 0), np.float32),
        subgoal=np.zeros((num_envs, 3 if settings.subgoals else 0), np.float32),
        grid=np.zeros((num_envs, settings.grid, settings.grid), np.float32),
    )


def as_dict(observations: Observations, copy: bool) -> dict[str, Any]:
    """What a step returns."""
    parts = {name: array for name, array in observations._asdict().items() if array.shape[1] > 0}
    return {name: array.copy() for name, array in parts.items()} if copy else parts
