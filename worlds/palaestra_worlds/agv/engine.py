"""The loops over environments: step or observe them, begin new episodes. Compiled for one thread or many."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.agv.geometry import (
    along_arc,
    beam,
    beam_to_disc,
    clearance,
    first_contact,
    is_blocked,
    obstacle_at,
)
from palaestra_worlds.agv.lessons import COUNT, CURRENT, HIDDEN, TASK, advance_waypoint, begin_task
from palaestra_worlds.agv.levels import SIGHT, begin_level
from palaestra_worlds.agv.motion import new_velocity
from palaestra_worlds.agv.planner import way_to_goal
from palaestra_worlds.agv.state import (
    CLEARANCE,
    COLLISIONS,
    NUM_OBSTACLES,
    POTENTIAL,
    RADIUS,
    SHORTEST,
    STEP,
    TRAVELLED,
)
from palaestra_worlds.compiled import kernel, on_threads
from palaestra_worlds.minigrid.random import random_double, random_word

ACT, LOOK, WAIT = range(3)
"""Take the action; only observe; do nothing."""

rows: Any = None
"""In loops over pieces: the kernel that steps some rows, which `on_threads` puts here."""


class Observations(NamedTuple):
    """Where observations are written, all float32; what is not observed has no columns."""

    lidar: NDArray[np.float32]
    """(N, beams): share of the range."""
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


class Outcome(NamedTuple):
    """What a step gives besides observations; (N,), and (N, objectives)."""

    rewards: NDArray[np.float64]
    lesson_reward: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    running_return: NDArray[np.float64]
    """Return of the episode so far."""
    episode_return: NDArray[np.float64]
    """This and the rest: of the episode that ended in this step, valid where `ended`."""
    episode_length: NDArray[np.int32]
    episode_task: NDArray[np.int32]
    episode_progress: NDArray[np.int32]
    reached: NDArray[np.bool_]
    collided: NDArray[np.bool_]
    tally: NDArray[np.float64]
    """(N, 3): metres travelled, of the shortest way, of the least clearance."""


def allocate_outcome(num_envs: int) -> Outcome:
    """Outcomes of zeros."""
    kinds: dict[str, Any] = {"lesson_reward": np.float32}
    kinds |= dict.fromkeys(("terminated", "truncated", "ended", "reached", "collided"), np.bool_)
    kinds |= dict.fromkeys(("episode_length", "episode_task", "episode_progress"), np.int32)
    arrays: dict[str, Any] = {
        name: np.zeros(num_envs, kinds.get(name, np.float64)) for name in Outcome._fields if name != "tally"
    }
    return Outcome(**arrays, tally=np.zeros((num_envs, 3)))


# ---------------------------------------------------------------------------------------------- seeing


@register_jitable
def _write_polar(levels: Any, i: Any, rules: Any, x: Any, y: Any, out: Any) -> None:
    off_x, off_y = x - levels.pose[i, 0], y - levels.pose[i, 1]
    direction = math.atan2(off_y, off_x) - levels.pose[i, 2]
    out[i, 0] = math.hypot(off_x, off_y) / math.hypot(rules.floor_width, rules.floor_height)
    out[i, 1], out[i, 2] = math.cos(direction), math.sin(direction)


@register_jitable
def _write_lidar(levels: Any, i: Any, rules: Any, beams: Any, out: Any) -> None:
    x, y = levels.pose[i, 0], levels.pose[i, 1]
    cos, sin = math.cos(levels.pose[i, 2]), math.sin(levels.pose[i, 2])
    time = levels.status[i, STEP] * rules.dt
    most, cells = rules.lidar_range, levels.cells[i]
    for b in range(beams.shape[0]):
        to_x, to_y = beams[b, 0] * cos - beams[b, 1] * sin, beams[b, 0] * sin + beams[b, 1] * cos
        out[i, b] = beam(cells, rules.cell, x, y, to_x, to_y, most) / most
    for k in range(levels.status[i, NUM_OBSTACLES]):
        at_x, at_y = obstacle_at(levels, i, k, time)
        radius = levels.obstacles[i, k, RADIUS]
        if math.hypot(at_x - x, at_y - y) > most + radius:
            continue
        for b in range(beams.shape[0]):
            to_x, to_y = beams[b, 0] * cos - beams[b, 1] * sin, beams[b, 0] * sin + beams[b, 1] * cos
            seen = beam_to_disc(x, y, to_x, to_y, at_x, at_y, radius) / most
            out[i, b] = min(out[i, b], seen)
    if rules.lidar_noise > 0.0:
        _add_noise(levels, i, rules.lidar_noise / most, out)


@register_jitable
def _add_noise(levels: Any, i: Any, deviation: Any, out: Any) -> None:
    """Gaussian (Box and Muller). Draws from a copy, so that looking twice sees the same; steps move the stream on."""
    stream = levels.random[i : i + 1].copy()
    for b in range(out.shape[1]):
        size = math.sqrt(-2.0 * math.log(1.0 - random_double(stream, 0)))
        noise = deviation * size * math.cos(2.0 * math.pi * random_double(stream, 0))
        out[i, b] = min(max(out[i, b] + noise, 0.0), 1.0)


@register_jitable
def _write_grid(levels: Any, i: Any, rules: Any, out: Any) -> None:
    side = out.shape[1]
    left = math.floor(levels.pose[i, 0] / rules.cell) - side // 2
    top = math.floor(levels.pose[i, 1] / rules.cell) - side // 2
    for a in range(side):
        for b in range(side):
            out[i, a, b] = 1.0 if is_blocked(levels.cells[i], left + a, top + b) else 0.0


@register_jitable
def _write(levels: Any, lessons: Any, i: Any, observations: Any, rules: Any, beams: Any) -> None:
    _write_lidar(levels, i, rules, beams, observations.lidar)
    observations.pose[i, 0] = levels.pose[i, 0] / rules.floor_width
    observations.pose[i, 1] = levels.pose[i, 1] / rules.floor_height
    observations.pose[i, 2], observations.pose[i, 3] = math.cos(levels.pose[i, 2]), math.sin(levels.pose[i, 2])
    observations.velocity[i, 0] = levels.velocity[i, 0] / rules.max_speed
    observations.velocity[i, 1] = levels.velocity[i, 1] / rules.turn_rate
    _write_polar(levels, i, rules, levels.goal[i, 0], levels.goal[i, 1], observations.goal)
    if observations.grid.shape[1] > 0:
        _write_grid(levels, i, rules, observations.grid)
    if observations.subgoal.shape[1] == 0:
        return
    current = lessons.status[i, CURRENT]
    if current >= lessons.status[i, COUNT] or lessons.status[i, HIDDEN] == 1:
        observations.subgoal[i] = 0.0
        return
    _write_polar(levels, i, rules, lessons.targets[i, current, 0], lessons.targets[i, current, 1], observations.subgoal)


@register_jitable
def _keep_final(observations: Any, final: Any, i: Any) -> None:
    """Copies what environment i sees to where last observations are kept."""
    final.lidar[i], final.pose[i], final.velocity[i] = (
        observations.lidar[i],
        observations.pose[i],
        observations.velocity[i],
    )
    final.goal[i], final.subgoal[i], final.grid[i] = observations.goal[i], observations.subgoal[i], observations.grid[i]


# ---------------------------------------------------------------------------------------------- stepping


@register_jitable
def _move(levels: Any, i: Any, rules: Any, first: Any, second: Any) -> Any:
    """Follows the action until something is touched; returns what (0 nothing, 1 wall or rack, 2 what moves)."""
    speed, turning = new_velocity(rules, levels.velocity[i, 0], levels.velocity[i, 1], first, second)
    began = levels.status[i, STEP] * rules.dt
    time, touched = first_contact(levels, i, rules, speed, turning, began)
    pose = levels.pose[i]
    pose[0], pose[1], heading = along_arc(pose[0], pose[1], pose[2], speed, turning, time)
    pose[2] = (heading + math.pi) % (2.0 * math.pi) - math.pi
    levels.velocity[i, 0], levels.velocity[i, 1] = speed, turning
    if touched != 0:
        levels.velocity[i] = 0.0
    levels.tally[i, TRAVELLED] += abs(speed) * time
    levels.status[i, STEP] += 1
    return touched


@register_jitable
def _step(levels: Any, lessons: Any, outcome: Any, rules: Any, i: Any, first: Any, second: Any) -> None:
    touched = _move(levels, i, rules, first, second)
    if touched != 0:
        levels.status[i, COLLISIONS] += 1
    near = 0.0 if touched != 0 else clearance(levels, i, rules, levels.status[i, STEP] * rules.dt, SIGHT)
    levels.tally[i, CLEARANCE] = max(min(levels.tally[i, CLEARANCE], near), 0.0)
    away = math.hypot(levels.goal[i, 0] - levels.pose[i, 0], levels.goal[i, 1] - levels.pose[i, 1])
    fatal = touched == 2 or (touched == 1 and not rules.stops_at_walls)
    reached = away <= rules.goal_radius and not fatal
    reward = 1.0 if reached else 0.0
    if touched != 0:
        reward -= rules.collision_penalty
    if rules.shaping > 0.0:
        left = way_to_goal(levels.cells[i], levels.field[i], rules.cell, levels.pose[i, 0], levels.pose[i, 1])
        if left < np.inf:
            nearer = (levels.tally[i, POTENTIAL] - left) / levels.tally[i, SHORTEST]
            reward += rules.shaping * min(max(nearer, -1.0), 1.0)
            levels.tally[i, POTENTIAL] = left
    if rules.lidar_noise > 0.0:
        random_word(levels.random, i)
    outcome.rewards[i] = reward
    outcome.running_return[i] += reward
    outcome.lesson_reward[i] = advance_waypoint(levels, lessons, i, rules)
    outcome.terminated[i] = reached or fatal
    outcome.truncated[i] = levels.status[i, STEP] >= rules.max_steps and not outcome.terminated[i]
    outcome.ended[i] = outcome.terminated[i] or outcome.truncated[i]
    if outcome.ended[i]:
        outcome.episode_return[i] = outcome.running_return[i]
        outcome.episode_length[i] = levels.status[i, STEP]
        outcome.episode_task[i] = lessons.status[i, TASK]
        outcome.episode_progress[i] = lessons.status[i, CURRENT]
        outcome.reached[i] = reached
        outcome.collided[i] = levels.status[i, COLLISIONS] > 0
        for column in (TRAVELLED, SHORTEST, CLEARANCE):
            outcome.tally[i, column] = levels.tally[i, column]


def _advance(
    first: Any,
    last: Any,
    levels: Any,
    lessons: Any,
    observations: Any,
    final: Any,
    outcome: Any,
    rules: Any,
    beams: Any,
    actions: Any,
    modes: Any,
) -> None:
    for i in range(first, last):
        if modes[i] == WAIT:
            continue
        if modes[i] == ACT:
            _step(levels, lessons, outcome, rules, i, actions[i, 0], actions[i, 1])
        _write(levels, lessons, i, observations, rules, beams)
        if modes[i] == ACT and outcome.ended[i]:
            _keep_final(observations, final, i)


def _advance_pieces(
    pieces: Any,
    levels: Any,
    lessons: Any,
    observations: Any,
    final: Any,
    outcome: Any,
    rules: Any,
    beams: Any,
    actions: Any,
    modes: Any,
) -> None:
    count = modes.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, observations, final, outcome, rules, beams, actions, modes)


@cache
def _advance_rows() -> Callable[..., None]:
    return kernel(_advance, "agv")


@cache
def advance_kernel(threads: int) -> Callable[..., None]:
    """`advance(levels, lessons, observations, final, outcome, rules, beams, actions, modes)`.

    `actions` float64 (N, 2) in [-1, 1]; `modes` int8 (N,) of ACT, LOOK, WAIT. Environments whose episode ended keep
    their last state; what they saw last is in `final`.
    """
    if threads == 1:
        return lambda *arguments: _advance_rows()(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_advance_pieces, _advance_rows(), "agv"), threads)


def _begin(
    first: Any,
    last: Any,
    levels: Any,
    lessons: Any,
    table: Any,
    rules: Any,
    drawing: Any,
    running_return: Any,
    chosen: Any,
) -> None:
    for k in range(first, last):
        i = chosen[k]
        begin_task(levels, lessons, table, i, rules.dropout)
        begin_level(levels, i, rules, drawing)
        running_return[i] = 0.0


def _begin_pieces(
    pieces: Any, levels: Any, lessons: Any, table: Any, rules: Any, drawing: Any, running_return: Any, chosen: Any
) -> None:
    count = chosen.shape[0]
    for piece in prange(pieces):
        first, last = count * piece // pieces, count * (piece + 1) // pieces
        rows(first, last, levels, lessons, table, rules, drawing, running_return, chosen)


@cache
def _begin_rows() -> Callable[..., None]:
    return kernel(_begin, "agv")


@cache
def begin_kernel(threads: int) -> Callable[..., None]:
    """`begin(levels, lessons, table, rules, drawing, running_return, chosen)`: new episodes in the environments whose
    numbers `chosen` (int64) lists."""
    if threads == 1:
        return lambda *arguments: _begin_rows()(0, len(arguments[-1]), *arguments)
    return partial(on_threads(_begin_pieces, _begin_rows(), "agv"), threads)
