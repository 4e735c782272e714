"""What vehicles observe: lidar, their pose and velocity, the goal and the waypoint in polar form, the cells around."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.geometry import obstacle_at
from palaestra_worlds.agv.lessons import COUNT, CURRENT, HIDDEN
from palaestra_worlds.agv.lidar import aim, remember, see_blocks, see_box, see_cells, see_disc, see_floor, write_speeds
from palaestra_worlds.agv.lookup import cell_at, is_blocked
from palaestra_worlds.agv.state import CLOCK, COLUMNS, NUM_BLOCKS, NUM_OBSTACLES, RADIUS, ROWS
from palaestra_worlds.compiled import inlined, jitable
from palaestra_worlds.random_streams import STATE_HIGH, STATE_LOW, random_double

MOMENT = 1e-3
"""Seconds over which the velocity of what moves is taken."""


class Observations(NamedTuple):
    """Where observations are written, all float32; what is not observed has no columns."""

    lidar: NDArray[np.float32]
    """(N, beams): share of the range."""
    lidar_speed: NDArray[np.float32]
    """(N, beams): how fast what a beam hits moves away along it, as a share of the top speed; 0: it stands."""
    pose: NDArray[np.float32]
    """(N, 4): x and y as shares of the floor, cosine and sine of the heading."""
    velocity: NDArray[np.float32]
    """(N, 2): shares of the top speed and turn rate."""
    goal: NDArray[np.float32]
    """(N, 3): distance as a share of the floor's diagonal, cosine and sine of the direction from straight ahead."""
    subgoal: NDArray[np.float32]
    """(N, 3): likewise; zeros: none."""
    grid: NDArray[np.float32]
    """(N, side, side): 1 where a cell around the vehicle is blocked, [i, x, y], the vehicle's own in the middle."""


@jitable
def _write_polar(pose: Any, i: Any, diagonal: Any, x: Any, y: Any, out: Any) -> None:
    off_x, off_y = x - pose[i, 0], y - pose[i, 1]
    direction = math.atan2(off_y, off_x) - pose[i, 2]
    out[i, 0] = math.hypot(off_x, off_y) / diagonal
    out[i, 1], out[i, 2] = math.cos(direction), math.sin(direction)


@jitable
def _see_obstacles(levels: Any, i: Any, rules: Any, aimed: Any, out: Any, speeds: Any) -> None:
    """What moves on routes."""
    x, y, most, time = levels.pose[i, 0], levels.pose[i, 1], rules.lidar_range, levels.status[i, CLOCK] * rules.dt
    for k in range(levels.status[i, NUM_OBSTACLES]):
        at_x, at_y = obstacle_at(levels.obstacles, levels.routes, i, k, time)
        if speeds.shape[0] > 0:
            remember(aimed, out)
        see_disc(at_x, at_y, levels.obstacles[i, k, RADIUS], x, y, most, aimed, out)
        if speeds.shape[0] > 0:
            later_x, later_y = obstacle_at(levels.obstacles, levels.routes, i, k, time + MOMENT)
            per_x, per_y = (later_x - at_x) / MOMENT, (later_y - at_y) / MOMENT
            write_speeds(per_x / rules.max_speed, per_y / rules.max_speed, aimed, out, speeds)


@jitable
def _see_others(levels: Any, i: Any, rules: Any, aimed: Any, out: Any, speeds: Any, sharing: Any) -> None:
    """The floor's other vehicles."""
    if sharing is None:
        return
    pose, velocity = levels.pose, levels.velocity
    x, y, most = pose[i, 0], pose[i, 1], rules.lidar_range
    lead = i - i % rules.vehicles
    for k in range(lead, lead + rules.vehicles):
        if k == i:
            continue
        cos, sin = math.cos(pose[k, 2]), math.sin(pose[k, 2])
        if speeds.shape[0] > 0:
            remember(aimed, out)
        if rules.half_length > 0.0:
            box = (pose[k, 0], pose[k, 1], cos, sin, rules.half_length, rules.half_width)
            see_box(box, x, y, most, aimed, out)
        else:
            see_disc(pose[k, 0], pose[k, 1], rules.radius, x, y, most, aimed, out)
        if speeds.shape[0] > 0:
            share = velocity[k, 0] / rules.max_speed
            write_speeds(share * cos, share * sin, aimed, out, speeds)


@jitable
def _add_noise(random: Any, i: Any, deviation: Any, out: Any) -> None:
    """Gaussian (Box and Muller). Puts the stream back, so that looking twice sees the same; steps move it on."""
    # Doubles move the state only, and leave the half of a word that may be kept.
    high, low = random[i, STATE_HIGH], random[i, STATE_LOW]
    for b in range(out.shape[1]):
        size = math.sqrt(-2.0 * math.log(1.0 - random_double(random, i)))
        noise = deviation * size * math.cos(2.0 * math.pi * random_double(random, i))
        out[i, b] = min(max(np.float64(out[i, b]) + noise, 0.0), 1.0)
    random[i, STATE_HIGH], random[i, STATE_LOW] = high, low


@jitable
def _write_grid(cells: Any, pose: Any, i: Any, cell: Any, out: Any) -> None:
    side = out.shape[1]
    left, top = cell_at(pose[i, 0], cell) - side // 2, cell_at(pose[i, 1], cell) - side // 2
    for a in range(side):
        for b in range(side):
            out[i, a, b] = 1.0 if is_blocked(cells, left + a, top + b) else 0.0


@inlined
def write_observations(
    levels: Any, lessons: Any, i: Any, observations: Any, rules: Any, beams: Any, aimed: Any
) -> None:
    """Writes what environment i sees; `aimed`, float32 (5, beams), is for the beams in between."""
    x, y, most, out = levels.pose[i, 0], levels.pose[i, 1], rules.lidar_range, observations.lidar[i]
    aim(beams, levels.pose[i, 2], most, aimed)
    if levels.status[i, NUM_BLOCKS] > 0:
        width, height = levels.status[i, COLUMNS] * rules.cell, levels.status[i, ROWS] * rules.cell
        see_floor(width, height, x, y, aimed, out)
        see_blocks(levels.blocks[i], levels.status[i, NUM_BLOCKS], x, y, most, aimed, out)
    else:
        see_cells(levels.cells[i], rules.cell, x, y, most, aimed, out)
    speeds = observations.lidar_speed[i]
    for b in range(speeds.shape[0]):
        speeds[b] = 0.0
    _see_obstacles(levels, i, rules, aimed, out, speeds)
    _see_others(levels, i, rules, aimed, out, speeds, rules.sharing)
    if rules.lidar_noise > 0.0:
        _add_noise(levels.random, i, rules.lidar_noise / most, observations.lidar)
    pose, diagonal = levels.pose, math.hypot(rules.floor_width, rules.floor_height)
    observations.pose[i, 0] = pose[i, 0] / rules.floor_width
    observations.pose[i, 1] = pose[i, 1] / rules.floor_height
    observations.pose[i, 2], observations.pose[i, 3] = math.cos(pose[i, 2]), math.sin(pose[i, 2])
    observations.velocity[i, 0] = levels.velocity[i, 0] / rules.max_speed
    observations.velocity[i, 1] = levels.velocity[i, 1] / rules.turn_rate
    _write_polar(pose, i, diagonal, levels.goal[i, 0], levels.goal[i, 1], observations.goal)
    if observations.grid.shape[1] > 0:
        _write_grid(levels.cells[i], pose, i, rules.cell, observations.grid)
    if observations.subgoal.shape[1] == 0:
        return
    current = lessons.status[i, CURRENT]
    if current >= lessons.status[i, COUNT] or lessons.status[i, HIDDEN] == 1:
        for axis in range(observations.subgoal.shape[1]):
            observations.subgoal[i, axis] = 0.0
        return
    x, y = lessons.targets[i, current, 0], lessons.targets[i, current, 1]
    _write_polar(pose, i, diagonal, x, y, observations.subgoal)
