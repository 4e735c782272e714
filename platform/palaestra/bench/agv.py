"""Steps per second of AGV worlds beside one vehicle in plain NumPy, and what lidar and moving obstacles cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.bench.worlds import NUM_ACTION_ROWS, Contender, Speed, measure, ratios, spread

VEHICLES = 4096
BEAMS = 32


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


def bench_agv(id: str, rounds: int, seconds: float, peers: bool = True) -> BenchResults:
    """Everything that `palaestra bench worlds --id AGV` prints."""
    own = ours(id, f"palaestra, {BEAMS} beams", lidar={"beams": BEAMS})
    speeds = measure([own, plain(id)] if peers else [own], rounds, seconds)
    more = [ours(id, f"{beams} beams", lidar={"beams": beams}) for beams in (1, 8, 128)]
    more += [ours(id, f"{BEAMS} beams, {moving} moving obstacles", moving=moving) for moving in (4, 16)]
    others = measure(more, rounds, seconds / 2)
    tables = (_table(id, speeds, "times as fast"), _table(id, [speeds[0], *others], "times as slow"))
    figures = {"world": id, "speeds": {s.name: s.rounds for s in [*speeds, *others]}}
    return BenchResults(tables, figures, ())


def _table(id: str, speeds: list[Speed], column: str) -> BenchTable:
    times = ["", *(f"{ratio.median:.2f} ({ratio.lowest:.2f} to {ratio.highest:.2f})" for ratio in ratios(speeds))]
    rows = [
        (speed.name, f"{speed.num_envs:,}", spread(speed.rounds, ",.0f"), ratio)
        for speed, ratio in zip(speeds, times, strict=True)
    ]
    return BenchTable(
        f"{id}: steps per second with observations, resets included",
        ("", "vehicles", "steps/s (median, range)", f"the first is {column}" if "fast" in column else column),
        tuple(rows),
        "Random actions, all in turns in one run; ratios are paired by round.",
    )
