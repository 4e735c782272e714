"""How far a robot's planning model and its simulation model come apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra.bench.results import BenchTable

SECONDS = (0.1, 0.2, 0.35)
SEQUENCES, PIECES = 64, 4
_NOISE = {"Quadruped": 0.2, "Manipulator": 0.3}
_BODY = {"Quadruped": "torso", "Manipulator": "hand/base"}


def mismatch_table(robots: tuple[str, ...]) -> tuple[BenchTable, list[dict[str, Any]]]:
    """Both models under the same random controls around the robot's rest, from where it begins.

    Args:
        robots: ids of worlds.
    """
    rows, figures = [], []
    for robot in robots:
        for seconds in SECONDS:
            found = _measured(robot, seconds)
            medians, largest = found.medians(), np.quantile(found.position, 0.9)
            figures.append({"robot": robot, "seconds": seconds, **medians, "position_90": float(largest)})
            rows.append(
                (
                    f"{robot}, {_BODY[robot]}",
                    f"{seconds:g}",
                    f"{1000 * medians['position']:.1f} ({1000 * largest:.1f})",
                    f"{np.degrees(medians['turn']):.1f}",
                    f"{np.degrees(medians['joints']):.1f}",
                )
            )
    table = BenchTable(
        "Planning model beside simulation model: how far they come apart",
        ("robot, body", "seconds", "place, mm", "turn, degrees", "joints, degrees"),
        tuple(rows),
        f"Medians over {SEQUENCES} random control sequences of {PIECES} pieces (in brackets the 90th percentile), from "
        "the robot's first state; joints: root mean square of the hinges' angles.",
    )
    return table, figures


def _measured(robot: str, seconds: float) -> Any:
    import palaestra_worlds
    from palaestra_worlds.robots.mismatch import measure_mismatch

    world: Any = palaestra_worlds.make(robot, num_envs=1, start_noise=0.0)
    world.reset(seed=0)
    problem = world.planning_problem(0)
    noise = np.random.default_rng(0).standard_normal((SEQUENCES, PIECES, len(problem.rest_control)))
    moved = problem.rest_control + _NOISE[robot] * noise * problem.control_scale
    controls = np.clip(moved, problem.control_low, problem.control_high)
    first = world.physics_state(0)[1 : 1 + world.model.nq]
    return measure_mismatch(world.planning_model, world.model, first, controls, seconds, _BODY[robot])
