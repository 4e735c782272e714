"""Steps, resets and memory of Overworlds beside what is reported of Minecraft itself."""

from __future__ import annotations

import statistics
from typing import Any

import palaestra_worlds

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.bench.worlds import Contender, Speed, measure, ours, spread

NUM_ENVS, RESETTING = 256, 16
SETTINGS: dict[str, dict[str, Any]] = {
    "blocks only": {},
    "with animals": {"mobs": "passive"},
    "with animals and monsters": {"mobs": "all"},
    "with 512 rays": {"lidar": 512},
}
"""What is stepped, all with observations."""
REPORTED = (
    ("MineRL 1.0, with the actor of Video PreTraining", 26.0, "https://github.com/openai/Video-Pre-Training/pull/14"),
)
"""Steps per second of one simulator: the fastest of those reported there, over 1,500 episodes."""
SLOWEST_RESET = 20.0
"""Milliseconds that a reset may take."""


def bench_overworld(rounds: int, seconds: float) -> BenchResults:
    """Everything that `palaestra bench worlds --id Overworld` prints."""
    contenders = [ours("Overworld", NUM_ENVS, name=name, **settings) for name, settings in SETTINGS.items()]
    speeds = measure(contenders, rounds, seconds)
    resets = measure([_resets(name, settings) for name, settings in SETTINGS.items()], rounds, seconds / 2)
    figures = {
        "world": "Overworld",
        "rounds": rounds,
        "seconds": seconds,
        "steps": {speed.name: speed.rounds for speed in speeds},
        "resets": {speed.name: speed.rounds for speed in resets},
        "bytes": {name: memory_of(settings) for name, settings in SETTINGS.items()},
    }
    return BenchResults((_step_table(speeds), _reset_table(resets)), figures, ())


def memory_of(settings: dict[str, Any]) -> int:
    """Bytes that one environment's state takes."""
    world: Any = palaestra_worlds.make("Overworld", num_envs=1, **settings)
    return sum(array.nbytes for array in world.state())


def _resets(name: str, settings: dict[str, Any]) -> Contender:
    """New worlds only, on one thread."""
    world = palaestra_worlds.make("Overworld", num_envs=RESETTING, threads=1, copy_observations=False, **settings)
    world.reset(seed=0)

    def step_once(_: int) -> None:
        world.reset()

    return Contender(name, RESETTING, step_once)


def _step_table(speeds: list[Speed]) -> BenchTable:
    name, fastest, source = REPORTED[0]
    rows = [
        (
            speed.name,
            spread(speed.rounds, ",.0f"),
            f"{statistics.median(speed.rounds) / fastest:,.0f}",
            f"{memory_of(SETTINGS[speed.name]) / 1e6:.2f}",
        )
        for speed in speeds
    ]
    return BenchTable(
        f"Overworld: steps per second of {NUM_ENVS} environments, with observations, resets included",
        ("", "per second (median, range)", f"times {fastest:.0f}", "MB per environment"),
        tuple(rows),
        f"Random actions, all in turns in one run. {fastest:.0f} steps per second is the most that was reported of one "
        f"simulator of {name} ({source}).",
    )


def _reset_table(resets: list[Speed]) -> BenchTable:
    rows = [(speed.name, spread([1e3 / rate for rate in speed.rounds], ".1f")) for speed in resets]
    return BenchTable(
        "Overworld: milliseconds for a new world",
        ("", "of one environment, on one thread (median, range)"),
        tuple(rows),
        f"Land, caves, ores, trees and herds are made anew; no more than {SLOWEST_RESET:.0f} are wanted.",
    )
