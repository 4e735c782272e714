"""The loops over environments: step or observe them, begin new episodes. Compiled for one thread or many."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.generators import GENERATORS
from palaestra_worlds.agv.geometry import along_arc, first_contact
from palaestra_worlds.agv.lessons import BEGAN, COUNT, CURRENT, HIDDEN, Lessons, TaskTable, advance_waypoint
from palaestra_worlds.agv.levels import (
    SIGHT,
    TRIES,
    begin_floors,
    begin_measures,
    generating,
    place_vehicles,
    send_others,
    send_own,
)
from palaestra_worlds.agv.meetings import clearance, meet
from palaestra_worlds.agv.motion import new_velocity
from palaestra_worlds.agv.planner import way_to_goal
from palaestra_worlds.agv.sensors import Observations, write_observations
from palaestra_worlds.agv.state import (
    CLEARANCE,
    CLOCK,
    COLLISIONS,
    DRAWN,
    KIND,
    MAX_OBSTACLES,
    MOVING,
    PLACED,
    POTENTIAL,
    SHORTEST,
    STEP,
    TRAVELLED,
    Drawing,
    Levels,
    Rules,
)
from palaestra_worlds.compiled import in_pieces, inlined, kernel
from palaestra_worlds.random_streams import random_word
from palaestra_worlds.task_tables import TASK

ACT, LOOK, WAIT, MOVED = range(4)
"""Take the action; only observe; do nothing; judge where others have moved the vehicle to."""


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
    seconds: NDArray[np.float64]
    """How long the vehicle moved in this step."""
    touched: NDArray[np.int8]
    """What it touched then: 0 nothing, 1 a wall or rack, 2 what moves."""
    tally: NDArray[np.float64]
    """(N, 3): metres travelled, of the shortest way, of the least clearance."""


def allocate_outcome(num_envs: int) -> Outcome:
    """Outcomes of zeros."""
    kinds: dict[str, Any] = {"lesson_reward": np.float32}
    kinds |= dict.fromkeys(("terminated", "truncated", "ended", "reached", "collided"), np.bool_)
    kinds |= dict.fromkeys(("episode_length", "episode_task", "episode_progress"), np.int32)
    kinds["touched"] = np.int8
    arrays: dict[str, Any] = {
        name: np.zeros(num_envs, kinds.get(name, np.float64)) for name in Outcome._fields if name != "tally"
    }
    return Outcome(**arrays, tally=np.zeros((num_envs, 3)))


# ---------------------------------------------------------------------------------------------- stepping


@inlined
def _set_off(levels: Any, outcome: Any, rules: Any, i: Any, first: Any, second: Any) -> None:
    """The velocity that the action gives, and how long walls, racks and what moves on routes let it be followed."""
    speed, turning = new_velocity(rules, levels.velocity[i, 0], levels.velocity[i, 1], first, second)
    levels.velocity[i, 0], levels.velocity[i, 1] = speed, turning
    began = levels.status[i, CLOCK] * rules.dt
    outcome.seconds[i], outcome.touched[i] = first_contact(levels, i, rules, speed, turning, began)


@inlined
def _move(levels: Any, outcome: Any, i: Any) -> None:
    """Follows the velocity for as long as it can be; who touched something stands still."""
    pose, speed, turning, seconds = levels.pose, levels.velocity[i, 0], levels.velocity[i, 1], outcome.seconds[i]
    pose[i, 0], pose[i, 1], heading = along_arc(pose[i, 0], pose[i, 1], pose[i, 2], speed, turning, seconds)
    pose[i, 2] = (heading + math.pi) % (2.0 * math.pi) - math.pi
    if outcome.touched[i] != 0:
        levels.velocity[i, 0] = levels.velocity[i, 1] = 0.0
        levels.status[i, COLLISIONS] += 1
    levels.tally[i, TRAVELLED] += abs(speed) * seconds
    levels.status[i, STEP] += 1
    levels.status[i, CLOCK] += 1


@inlined
def _judge(levels: Any, lessons: Any, outcome: Any, rules: Any, i: Any) -> None:
    """What the step earns, and whether it ends the episode."""
    touched = outcome.touched[i]
    near = levels.tally[i, CLEARANCE]
    near = 0.0 if touched != 0 else clearance(levels, i, rules, levels.status[i, CLOCK] * rules.dt, min(near, SIGHT))
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
    outcome: Any,
    rules: Any,
    beams: Any,
    aimed: Any,
    actions: Any,
    modes: Any,
) -> None:
    for lead in range(first, last, rules.vehicles):
        for i in range(lead, lead + rules.vehicles):
            if modes[i] == ACT:
                _set_off(levels, outcome, rules, i, actions[i, 0], actions[i, 1])
        if modes[lead] == ACT:
            meet(levels.pose, levels.velocity, outcome.seconds, outcome.touched, rules, lead, rules.sharing)
        for i in range(lead, lead + rules.vehicles):
            if modes[i] == ACT:
                _move(levels, outcome, i)
        for i in range(lead, lead + rules.vehicles):
            if modes[i] == WAIT:
                continue
            if modes[i] != LOOK:
                _judge(levels, lessons, outcome, rules, i)
            write_observations(levels, lessons, i, observations, rules, beams, aimed)


@cache
def _advance_rows() -> Callable[..., None]:
    return kernel(_advance, "agv")


def advance(
    levels: Levels,
    lessons: Lessons,
    observations: Observations,
    outcome: Outcome,
    rules: Rules,
    beams: NDArray[np.float32],
    actions: NDArray[np.float64],
    modes: NDArray[np.int8],
    threads: int,
) -> None:
    """Steps or observes environments; those whose episode ended keep their last state.

    Args:
        levels, lessons, observations, outcome: of all N environments.
        rules, beams: see `setup`.
        actions: (N, 2) in [-1, 1].
        modes: (N,) of ACT, LOOK, WAIT, MOVED, the same for all vehicles of a floor.
        threads: among which the floors are divided.
    """
    run, floors = _advance_rows(), len(modes) // rules.vehicles

    def advance_some(first: int, last: int) -> None:
        rows = first * rules.vehicles, last * rules.vehicles
        aimed = np.empty((5, beams.shape[1]), np.float32)
        run(*rows, levels, lessons, observations, outcome, rules, beams, aimed, actions, modes)

    in_pieces(advance_some, floors, threads)


# ---------------------------------------------------------------------------------------------- beginning


class _Beginning(NamedTuple):
    """Several kernels, because Numba goes over all that a function calls once more for each level of calls, so deep
    ones take long to compile; and because what a world does not use is then not compiled."""

    floors: Callable[..., None]
    generators: dict[int, Callable[..., None]]
    """By kind of floor."""
    vehicles: Callable[..., None]
    own: Callable[..., None]
    others: Callable[..., None]
    measures: Callable[..., None]


@cache
def _begin_kernels() -> _Beginning:
    generators = {kind: kernel(generating(furnish), f"agv.{kind}") for kind, furnish in GENERATORS.items()}
    return _Beginning(
        kernel(begin_floors, "agv"),
        generators,
        kernel(place_vehicles, "agv"),
        kernel(send_own, "agv"),
        kernel(send_others, "agv"),
        kernel(begin_measures, "agv", allocates=True),
    )


def begin_episodes(
    levels: Levels,
    lessons: Lessons,
    table: TaskTable,
    rules: Rules,
    drawing: Drawing,
    chosen: NDArray[np.intp],
    threads: int = 1,
) -> None:
    """New floors in the environments whose numbers `chosen` lists, each with its (first) vehicle placed on it.

    Args:
        levels, lessons, table, rules, drawing: of the world; each environment's rows are its own.
        chosen: int64.
        threads: among which `chosen` is divided; one while not all of a drawn floor's goals are planned.
    """
    kernels = _begin_kernels()

    def begin_some(first: int, last: int) -> None:
        _begin(kernels, levels, lessons, table, rules, drawing, chosen[first:last])

    in_pieces(begin_some, len(chosen), threads if drawing.planned.all() else 1)


def _begin(
    kernels: _Beginning,
    levels: Levels,
    lessons: Lessons,
    table: TaskTable,
    rules: Rules,
    drawing: Drawing,
    chosen: NDArray[np.intp],
) -> None:
    kernels.floors(levels, lessons, table, rules, drawing, chosen)
    waiting = chosen
    for attempt in range(TRIES + 1):
        kinds = levels.parameters[waiting, KIND].astype(int)
        for kind in np.unique(kinds[kinds != DRAWN]).tolist():
            kernels.generators[kind](levels, rules, attempt < TRIES, waiting[kinds == kind])
        placed = np.zeros(len(waiting), np.bool_)
        kernels.vehicles(levels, rules, drawing, False, waiting, placed)
        waiting = waiting[~placed]
        if not len(waiting):
            break
    if len(drawing.obstacles):
        kernels.own(levels, rules, drawing, chosen)
    own = np.where(levels.parameters[chosen, KIND] == DRAWN, len(drawing.obstacles), 0)
    wanted = np.minimum(levels.parameters[chosen, MOVING].astype(int), MAX_OBSTACLES)
    more = wanted > own
    if more.any():
        kernels.others(levels, rules, (wanted - own)[more], chosen[more])
    kernels.measures(levels, rules, chosen)


def join_floors(
    levels: Levels, lessons: Lessons, rules: Rules, drawing: Drawing, fresh: bool, chosen: NDArray[np.intp]
) -> None:
    """New episodes of vehicles on floors that are there.

    Args:
        fresh: the floors are new: the vehicles, not the first on any of them, get copies of their rows.
        chosen: int64, numbers of the vehicles in order.
    """
    first = chosen - chosen % rules.vehicles
    if fresh:
        for array in (levels.cells, levels.blocks, levels.obstacles, levels.routes, levels.parameters, levels.status):
            array[chosen] = array[first]
        levels.status[chosen, PLACED] = 0
        lessons.status[chosen, TASK] = lessons.status[first, TASK]
    for column in (CURRENT, BEGAN, HIDDEN, COUNT):
        lessons.status[chosen, column] = 0
    kernels = _begin_kernels()
    kernels.vehicles(levels, rules, drawing, True, chosen, np.zeros(len(chosen), np.bool_))
    kernels.measures(levels, rules, chosen)
