"""How the engine lays out a batch of warehouse floors and vehicles: one row of plain arrays per environment.

Lengths are in metres, times in seconds, angles in radians. The origin is the floor's upper left corner; x grows to the
right, y downwards as in a drawing, and headings turn from the x axis towards the y axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.random_streams import NUM_RANDOM

# A cell: what stands in it, bits for the regions it belongs to, and above them how many cells away the nearest wall or
# rack is (see `geometry.measure_room`).
FREE, WALL, RACK = range(3)
BLOCKED_BITS = 3
START_BIT, GOAL_BIT = 4, 8
ROOM_SHIFT, MOST_ROOM = 4, 15

# Columns of `Levels.status`. CLOCK counts the steps since the floor began, STEP those of the vehicle's episode; PLACED
# is 1 once the vehicle stands on the floor; NUM_BLOCKS is 0 where there are too many to be kept.
STEP, COLUMNS, ROWS, NUM_OBSTACLES, COLLISIONS, CLOCK, PLACED, NUM_BLOCKS = range(8)
NUM_STATUS = 8

# Columns of `Levels.tally`.
TRAVELLED, SHORTEST, CLEARANCE, POTENTIAL = range(4)
NUM_TALLY = 4

# Columns of `Levels.obstacles`; POINTS is how many points its route has, LOOP whether it goes round.
RADIUS, SPEED, PHASE, LENGTH, LOOP, POINTS = range(6)
NUM_OBSTACLE = 6

# Columns of `Levels.parameters`: what the level is to be. MOVING is -1 for the layout's own obstacles; NEAR is how far
# from the goal an episode may begin, 0 for the layout's own start region.
KIND, WIDTH, HEIGHT, DENSITY, MOVING, NEAR = range(6)
NUM_PARAMETERS = 6
DRAWN, AISLES, ROOMS, MAZE, CLUTTER = range(5)

MAX_BLOCKS = 128
"""Rectangles that a floor may have for its beams to be measured against them."""
MAX_OBSTACLES = 16
MAX_POINTS = 8


class Levels(NamedTuple):
    """The floors and vehicles of N environments; a compiled function for environment i touches row i only.

    Where several vehicles share a floor they are neighbouring rows; each has a copy of the floor, and of what moves.
    """

    cells: NDArray[np.uint8]
    """(N, columns, rows), indexed [i, x, y]."""
    blocks: NDArray[np.float32]
    """(N, MAX_BLOCKS, 4): walls and racks as rectangles, left, upper, right and lower edges."""
    field: NDArray[np.float32]
    """(N, columns, rows): the planner's way from each cell's middle to the goal; infinite where there is none."""
    pose: NDArray[np.float64]
    """(N, 3): x, y, heading."""
    velocity: NDArray[np.float64]
    """(N, 2): linear in m/s, angular in rad/s."""
    goal: NDArray[np.float64]
    """(N, 2)."""
    start: NDArray[np.float64]
    """(N, 2)."""
    obstacles: NDArray[np.float64]
    """(N, MAX_OBSTACLES, NUM_OBSTACLE)."""
    routes: NDArray[np.float64]
    """(N, MAX_OBSTACLES, MAX_POINTS, 2)."""
    parameters: NDArray[np.float64]
    """(N, NUM_PARAMETERS)."""
    status: NDArray[np.int32]
    """(N, NUM_STATUS)."""
    tally: NDArray[np.float64]
    """(N, NUM_TALLY): of the running episode."""
    random: NDArray[np.uint64]
    """(N, NUM_RANDOM): each environment's own stream."""


class Rules(NamedTuple):
    """What is the same in all environments of a world."""

    vehicles: int
    """That share a floor."""
    sharing: bool | None
    """True, or None where every vehicle is alone: Numba compiles no branch that an argument of None rules out."""
    cell: float
    dt: float
    radius: float
    """Of the footprint's circumscribed circle, with which ways are planned."""
    half_length: float
    """Of a box; 0: the footprint is a disc."""
    half_width: float
    max_speed: float
    reverse_speed: float
    turn_rate: float
    acceleration: float
    turn_acceleration: float
    track: float
    """Between the wheels of a differential drive; 0: a unicycle."""
    by_acceleration: bool
    """Actions are accelerations, not velocities."""
    lidar_range: float
    lidar_noise: float
    goal_radius: float
    subgoal_radius: float
    collision_penalty: float
    shaping: float
    stops_at_walls: bool
    max_steps: int
    obstacle_radius: float
    obstacle_speed: float
    dropout: float
    floor_width: float
    floor_height: float


class Drawing(NamedTuple):
    """The layout that levels of the kind DRAWN are copies of."""

    cells: NDArray[np.uint8]
    """(columns, rows)."""
    blocks: NDArray[np.float32]
    """(blocks, 4): see `Levels.blocks`; none if there are too many."""
    obstacles: NDArray[np.float64]
    """(obstacles, NUM_OBSTACLE)."""
    routes: NDArray[np.float64]
    """(obstacles, MAX_POINTS, 2)."""
    fields: NDArray[np.float32]
    """(goals, columns, rows): see `Levels.field`, of each goal cell, once it was planned."""
    number: NDArray[np.int32]
    """(columns, rows): which of `fields` is a goal cell's; -1: none is kept."""
    planned: NDArray[np.bool_]
    """(goals,)."""


def allocate(num_envs: int, columns: int, rows: int) -> Levels:
    """Floors without anything on them."""
    return Levels(
        cells=np.zeros((num_envs, columns, rows), np.uint8),
        blocks=np.zeros((num_envs, MAX_BLOCKS, 4), np.float32),
        field=np.zeros((num_envs, columns, rows), np.float32),
        pose=np.zeros((num_envs, 3)),
        velocity=np.zeros((num_envs, 2)),
        goal=np.zeros((num_envs, 2)),
        start=np.zeros((num_envs, 2)),
        obstacles=np.zeros((num_envs, MAX_OBSTACLES, NUM_OBSTACLE)),
        routes=np.zeros((num_envs, MAX_OBSTACLES, MAX_POINTS, 2)),
        parameters=np.zeros((num_envs, NUM_PARAMETERS)),
        status=np.zeros((num_envs, NUM_STATUS), np.int32),
        tally=np.zeros((num_envs, NUM_TALLY)),
        random=np.zeros((num_envs, NUM_RANDOM), np.uint64),
    )
