"""The oracle's driver: follows the planner's way and sees everything that moves; an upper bound for learners."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.geometry import obstacle_at
from palaestra_worlds.agv.planner import shortest_way
from palaestra_worlds.agv.state import CLOCK, NUM_OBSTACLES, RADIUS, Rules
from palaestra_worlds.agv.world import AGVWorld
from palaestra_worlds.compiled import kernel

HORIZON = 1.6
"""Seconds that the driver looks ahead at whatever moves."""
_ROOM = 0.25
"""Metres that it keeps from that."""
_MARGIN = 0.03
"""Metres that it keeps from corners, where it can."""


def _drive(levels: Any, rules: Any, wanted: Any) -> None:
    way = np.empty((levels.field.shape[1] * levels.field.shape[2] + 2, 2))
    for i in range(wanted.shape[0]):
        x, y, heading = levels.pose[i, 0], levels.pose[i, 1], levels.pose[i, 2]
        wanted[i] = 0.0
        cells, field, goal = levels.cells[i], levels.field[i], levels.goal[i]
        count, _ = shortest_way(cells, field, goal, rules.cell, rules.radius + _MARGIN, x, y, way)
        if count < 2:
            count, _ = shortest_way(cells, field, goal, rules.cell, rules.radius, x, y, way)
        if count < 2:
            continue
        to_x, to_y = way[1, 0] - x, way[1, 1] - y
        away = math.hypot(to_x, to_y)
        error = (math.atan2(to_y, to_x) - heading + math.pi) % (2.0 * math.pi) - math.pi
        wanted[i, 1] = min(max(error / rules.dt, -rules.turn_rate), rules.turn_rate)
        # Ahead only where it faces, and so slow that it can stop at the turning point.
        speed = rules.max_speed * max(0.0, 1.0 - abs(error) / 0.25)
        wanted[i, 0] = min(speed, math.sqrt(2.0 * rules.acceleration * away) * 0.7, away / rules.dt)
        began = levels.status[i, CLOCK] * rules.dt
        for share in range(1, 9):
            ahead = HORIZON * share / 8
            at_x = x + wanted[i, 0] * ahead * math.cos(heading)
            at_y = y + wanted[i, 0] * ahead * math.sin(heading)
            for k in range(levels.status[i, NUM_OBSTACLES]):
                there_x, there_y = obstacle_at(levels.obstacles, levels.routes, i, k, began + ahead)
                near = math.hypot(there_x - at_x, there_y - at_y) - rules.radius - levels.obstacles[i, k, RADIUS]
                if near < _ROOM:
                    wanted[i, 0] = 0.0


@cache
def _drive_kernel() -> Callable[..., None]:
    return kernel(_drive, "agv", allocates=True)


def refuse_other_actions(world: AGVWorld) -> None:
    """Raises ValueError where the world's actions are accelerations or discrete."""
    if world.settings.actions != "velocity":
        raise ValueError(f"the driver sets velocities, and this world's actions are '{world.settings.actions}'")


def as_actions(rules: Rules, wanted: NDArray[np.float64]) -> NDArray[np.float32]:
    """Actions, float32 (N, 2), for these speeds (m/s) and turn rates (rad/s), (N, 2)."""
    speed, turning = wanted.T
    if rules.track > 0.0:
        wheels = np.column_stack([speed + 0.5 * rules.track * turning, speed - 0.5 * rules.track * turning])
        return (wheels / rules.max_speed).clip(-1, 1).astype(np.float32)
    return np.column_stack([speed / rules.max_speed, turning / rules.turn_rate]).clip(-1, 1).astype(np.float32)


class Driver:
    """Gives the actions of an AGV world whose actions are velocities; it needs no memory."""

    def __init__(self, world: AGVWorld) -> None:
        """
        Raises:
            ValueError: the world's actions are accelerations or discrete.
        """
        refuse_other_actions(world)
        self._world = world
        self._wanted = np.zeros((world.num_envs, 2))

    def actions(self) -> NDArray[np.float32]:
        """float32 (num_envs, 2), for the world's next step."""
        levels, rules = self._world.state()
        _drive_kernel()(levels, rules, self._wanted)
        return as_actions(rules, self._wanted)
