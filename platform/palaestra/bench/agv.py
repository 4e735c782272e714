"""Steps per second of AGV worlds beside one vehicle in plain NumPy, and what lidar and moving obstacles cost."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.bench.worlds import NUM_ACTION_ROWS, Contender, spread

VEHICLES = 4096
BEAMS = 32
RACKS = (0, 16, 64, 256)
"""On floors that show how the time of a step grows."""


class PlainVehicle:
    """One vehicle as one would write it in NumPy: arrays over racks and beams, no compiled code.

    It has the same floor, kinematics and observations. A step is looked at in ten pieces for contacts, which is less
    exact than the engine.

    Args:
        id: of the world whose floor it takes.
        beams: of its lidar.
    """

    def __init__(self, id: str, beams: int = BEAMS) -> None:
        world: Any = palaestra_worlds.make(id, num_envs=1, lidar={"beams": beams})
        world.reset(seed=0)
        levels, self.rules = world.state()
        self.corners = np.argwhere(levels.cells[0] & 3) * self.rules.cell
        self.first, self.goal = levels.pose[0].copy(), levels.goal[0].copy()
        self.angles = np.arange(beams) * (2 * np.pi / max(beams, 1))
        self.reset()

    def reset(self) -> None:
        self.pose, self.velocity, self.steps = self.first.copy(), np.zeros(2), 0

    def step(self, action: NDArray[np.float64]) -> tuple[dict[str, Any], float, bool]:
        """Observation, reward, whether the episode ended; then it begins again."""
        rules = self.rules
        limits = np.array([rules.acceleration, rules.turn_acceleration]) * rules.dt
        wanted = action * (rules.max_speed if action[0] > 0 else rules.reverse_speed, rules.turn_rate)
        self.velocity += np.clip(wanted - self.velocity, -limits, limits)
        touched = False
        for _ in range(10):
            speed, turning = self.velocity
            heading = self.pose[2]
            ahead = speed * rules.dt / 10
            change = ahead * math.cos(heading), ahead * math.sin(heading), turning * rules.dt / 10
            moved = self.pose + np.array(change)
            off = np.maximum(np.maximum(self.corners - moved[:2], moved[:2] - self.corners - rules.cell), 0.0)
            if np.hypot(off[:, 0], off[:, 1]).min() < rules.radius:
                touched = True
                break
            self.pose = moved
        self.steps += 1
        reached = bool(np.hypot(*(self.goal - self.pose[:2])) < rules.goal_radius)
        ended = touched or reached or self.steps >= rules.max_steps
        if ended:
            self.reset()
        return self.observe(), float(reached), ended

    def observe(self) -> dict[str, Any]:
        x, y, heading = self.pose
        towards = np.column_stack([np.cos(heading + self.angles), np.sin(heading + self.angles)])
        with np.errstate(divide="ignore", invalid="ignore"):
            near = (self.corners[None] - (x, y)) / towards[:, None]
            far = (self.corners[None] + self.rules.cell - (x, y)) / towards[:, None]
        enter, leave = np.minimum(near, far).max(axis=2), np.maximum(near, far).min(axis=2)
        hit = np.where((enter <= leave) & (leave > 0), np.maximum(enter, 0.0), np.inf)
        off = self.goal - (x, y)
        direction = math.atan2(off[1], off[0]) - heading
        return {
            "lidar": np.minimum(hit.min(axis=1, initial=np.inf), self.rules.lidar_range) / self.rules.lidar_range,
            "pose": np.array([x, y, math.cos(heading), math.sin(heading)]),
            "velocity": self.velocity.copy(),
            "goal": np.array([np.hypot(*off), math.cos(direction), math.sin(direction)]),
        }


def _actions(num_envs: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (NUM_ACTION_ROWS, num_envs, 2)).astype(np.float32)


def ours(id: str, name: str, **settings: Any) -> Contender:
    """Our world, with reused observation arrays as learners use it."""
    world = palaestra_worlds.make(id, num_envs=VEHICLES, copy_observations=False, **settings)
    world.reset(seed=0)
    actions = _actions(VEHICLES)

    def step_once(call: int) -> None:
        world.step(actions[call % NUM_ACTION_ROWS])

    return Contender(name, VEHICLES, step_once)


def plain(id: str) -> Contender:
    """One vehicle in NumPy."""
    vehicle, actions = PlainVehicle(id), _actions(1).astype(np.float64)

    def step_once(call: int) -> None:
        vehicle.step(actions[call % NUM_ACTION_ROWS, 0])

    return Contender("one vehicle in NumPy", 1, step_once)


@dataclass(frozen=True)
class Pace:
    """One contender's steps per second and per second of processor time, a figure of each for every round.

    The second counts all threads, and hardly depends on what else the machine does.
    """

    name: str
    vehicles: int
    per_second: tuple[float, ...]
    per_processor_second: tuple[float, ...]


def in_turns(contenders: Sequence[Contender], rounds: int, seconds: float) -> list[Pace]:
    """Lets contenders step in turns; the first round, which compiles, is not counted."""
    found: list[list[tuple[float, float]]] = [[] for _ in contenders]
    for turn in range(rounds + 1):
        for contender, figures in zip(contenders, found, strict=True):
            calls, began, worked = 0, time.perf_counter(), time.process_time()
            while (elapsed := time.perf_counter() - began) < (seconds if turn else seconds / 4) or not calls:
                contender.step_once(calls)
                calls += 1
            steps = calls * contender.num_envs
            if turn:
                figures.append((steps / elapsed, steps / (time.process_time() - worked)))
    paces = zip(contenders, found, strict=True)
    return [Pace(one.name, one.num_envs, *map(tuple, zip(*figures, strict=True))) for one, figures in paces]


def studded(racks: int, columns: int = 48, rows: int = 32) -> str:
    """A drawn hall of `columns` x `rows` cells with so many racks of one cell each, evenly spread."""
    cells = [[".#"[x in (0, columns - 1) or y in (0, rows - 1)] for x in range(columns)] for y in range(rows)]
    free = [(x, y) for y in range(3, rows - 3, 2) for x in range(3, columns - 3, 2)]
    for x, y in (free[k * len(free) // max(racks, 1)] for k in range(racks)):
        cells[y][x] = "R"
    cells[1][1], cells[rows - 2][columns - 2] = "S", "G"
    return "\n".join(map("".join, cells))


def bench_agv(id: str, rounds: int, seconds: float, peers: bool = True) -> BenchResults:
    """Everything that `palaestra bench worlds --id AGV` prints."""
    own = ours(id, f"palaestra, {BEAMS} beams", lidar={"beams": BEAMS})
    paces = in_turns([own, plain(id)] if peers else [own], rounds, seconds)
    beams = [ours(id, _count(beams, "beam"), lidar={"beams": beams}) for beams in (1, 8, 32, 128)]
    moving = [ours(id, f"{count} moving", moving=count) for count in (0, 4, 16)]
    racks = [ours("AGV", _count(count, "rack"), layout=studded(count), collision="stop") for count in RACKS]
    growing = {
        f"{id}: what lidar costs": in_turns(beams, rounds, seconds / 2),
        f"{id}, {BEAMS} beams: growth with obstacles that move": in_turns(moving, rounds, seconds / 2),
        f"AGV, 24 x 16 m, {BEAMS} beams: growth with racks": in_turns(racks, rounds, seconds / 2),
    }
    title = f"{id}: steps per second with observations, resets included"
    tables = [_table(title, paces, "palaestra is times as fast")]
    tables += [_table(name, found, "the first is times as fast") for name, found in growing.items()]
    figures = {name: {pace.name: vars(pace) for pace in found} for name, found in [(title, paces), *growing.items()]}
    return BenchResults(tuple(tables), {"world": id, "paces": figures}, ())


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _table(title: str, paces: Sequence[Pace], column: str) -> BenchTable:
    first = paces[0]
    rows = []
    for pace in paces:
        pairs = (
            (first.per_second, pace.per_second),
            (first.per_processor_second, pace.per_processor_second),
        )
        times = [spread([a / b for a, b in zip(*pair, strict=True)], ".2f") for pair in pairs]
        rates = spread(pace.per_second, ",.0f"), spread(pace.per_processor_second, ",.0f")
        rows.append((pace.name, f"{pace.vehicles:,}", *rates, *(times if pace is not first else ("", ""))))
    columns = ("", "vehicles", "steps/s (median, range)", "per processor second", column, "by processor time")
    return BenchTable(
        title,
        columns,
        tuple(rows),
        "Random actions, all in turns in one run; ratios are paired by round. Processor time is that of all threads.",
    )
