"""Model-predictive control: how fast planners plan, where the time goes, and what they reach in equal time.

Robots are planned for on their planning models and act in their simulation models.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from palaestra.bench.results import BenchResults, BenchTable

if TYPE_CHECKING:
    from palaestra_agents.mpc.planner import Planner
    from palaestra_worlds.planning import PlanningModel

Progress = Callable[[str], None]
SETTLING = 0.3
"""Seconds of simulated time that the robot is given to stand still before it is planned for."""


ROBOTS: dict[str, tuple[str, dict[str, Any]]] = {
    "Quadruped": (
        "robot dog at a trot",
        {
            "torso": {"velocity": (0.5, 0.0)},
            "stepping": {
                foot: {"phase_offset": ahead}
                for foot, ahead in (("front_left", 0.0), ("rear_right", 0.0), ("front_right", 0.5), ("rear_left", 0.5))
            },
        },
    ),
    "Manipulator": ("arm that reaches for an apple", {"distances": [{"first": "palm", "second": "apple"}]}),
}
"""What each world's robot does here, in words and as a task."""


class MissingRobots(RuntimeError):
    """MuJoCo or the robot models are not installed."""


@dataclass(frozen=True)
class Speed:
    """How fast one planner plans from one state again and again.

    Attributes:
        robot: the world's id.
        planner: its kind.
        samples: rollouts of one iteration.
        rounds: plans per second, one figure for each round.
        steps: physics steps of one plan.
        real_time: simulated seconds per wall second, if the robot waited for a plan in each control period.
        overhead: share of the planning time that was spent outside MuJoCo.
    """

    robot: str
    planner: str
    samples: int
    rounds: tuple[float, ...]
    steps: float
    real_time: float
    overhead: float

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


@dataclass(frozen=True)
class Reached:
    """What one planner made the robot do: the running task's mean cost, one figure for each seed.

    Attributes:
        robot: the world's id.
        planner: its kind.
        iterations: of each plan, as many as take about the same time as the other planners' plans.
        costs: mean over the motion after its first half second; infinite where no plan stayed finite.
        real_time: simulated seconds per wall second, planning and simulation.
    """

    robot: str
    planner: str
    iterations: int
    costs: tuple[float, ...]
    real_time: float


def bench_mpc(
    planners: Sequence[str] = (),
    samples: Sequence[int] = (16, 64),
    rounds: int = 5,
    seconds: float = 1.0,
    motion: float = 3.0,
    seeds: int = 3,
    threads: int | None = None,
    on_progress: Progress = lambda text: None,
    robots: Sequence[str] = (),
) -> BenchResults:
    """Measures all planners, or those given, on the walking robot dog and the reaching arm.

    Args:
        planners: kinds, as in YAML.
        samples: rollouts of one iteration, for planners that sample.
        rounds: turns of every planner.
        seconds: of one turn.
        motion: simulated seconds of one motion in the comparison of costs; 0 leaves it out.
        seeds: motions of each planner.
        threads: that rollouts run on; None: one for each processor.
        on_progress: told what is measured next.
        robots: ids of worlds out of `ROBOTS`; all where none is given.

    Raises:
        MissingRobots: MuJoCo or the robot models are not installed.
        ValueError: there is no such planner or robot.
    """
    from palaestra_agents.mpc.planners import PLANNERS

    from palaestra.bench.mismatch import mismatch_table

    unknown = [kind for kind in planners if kind not in PLANNERS]
    if unknown:
        raise ValueError(f"there is no planner '{unknown[0]}'; there are {', '.join(PLANNERS)}")
    strangers = [robot for robot in robots if robot not in ROBOTS]
    if strangers:
        raise ValueError(f"there is no robot '{strangers[0]}' here; there are {', '.join(ROBOTS)}")
    kinds, tables = tuple(planners) or tuple(PLANNERS), []
    figures: dict[str, Any] = {"speed": [], "rollout_steps": {}, "reached": [], "mismatch": []}
    for robot in robots or ROBOTS:
        speeds = _speeds(robot, kinds, samples, rounds, seconds, threads, on_progress)
        limit = _rollout_limit(robot, max(samples), seconds, threads)
        tables.append(_speed_table(robot, speeds, limit))
        figures["speed"] += [asdict(s) for s in speeds]
        figures["rollout_steps"][robot] = limit
        if motion:
            reached = _compare(robot, kinds, speeds, max(samples), motion, seeds, threads, on_progress)
            tables.append(_reached_table(robot, reached, motion))
            figures["reached"] += [asdict(r) for r in reached]
    table, figures["mismatch"] = mismatch_table(tuple(robots or ROBOTS))
    return BenchResults((*tables, table), figures)


def _acting_world(robot: str, num_envs: int = 1) -> Any:
    """A world in which the robot is asked for its task out of `ROBOTS`."""
    import palaestra_worlds
    from palaestra_worlds.registry import world_entries

    missing = next((entry.missing for entry in world_entries() if entry.id == robot), "")
    if missing:
        raise MissingRobots(f"the robots are not installed: {missing}")
    world = palaestra_worlds.make(robot, num_envs=num_envs, max_steps=100_000)
    world.draw_from([world.task_space.model_validate(ROBOTS[robot][1])])
    return world


def _planner(kind: str, problem: PlanningModel, seed: int, threads: int | None, **settings: Any) -> Planner:
    from palaestra_agents.mpc.planners import PLANNERS

    known = PLANNERS[kind].Config.model_fields
    fitting = {name: value for name, value in settings.items() if name in known}
    return PLANNERS[kind](PLANNERS[kind].Config(threads=threads, **fitting), problem, seed)


def _start(world: Any) -> tuple[PlanningModel, NDArray[np.float64]]:
    """The problem, and the state that the robot stands in."""
    world.reset(seed=0)
    problem = world.planning_problem(0)
    for _ in range(round(SETTLING / world.control_period)):
        world.step(world.actions(problem.rest_control[None]))
    return problem, world.physics_state(0)


def _speeds(
    robot: str,
    kinds: Sequence[str],
    samples: Sequence[int],
    rounds: int,
    seconds: float,
    threads: int | None,
    on_progress: Progress,
) -> list[Speed]:
    world = _acting_world(robot)
    problem, state = _start(world)
    contenders = [
        (kind, count, _planner(kind, problem, 0, threads, samples=count))
        for kind in kinds
        for count in (samples if kind != "ilqg" else (0,))
    ]
    found: list[list[float]] = [[] for _ in contenders]
    spent, plans = np.zeros(len(contenders)), np.zeros(len(contenders))
    for turn in range(rounds + 1):
        on_progress(f"{robot}, speed, round {turn} of {rounds}")
        for number, (_, _, planner) in enumerate(contenders):
            made, elapsed = _plan_for(planner, state, seconds if turn else 0.0)
            if turn == 0:
                planner.rollouts.stepping_seconds, planner.rollouts.steps_taken = 0.0, 0
                continue
            found[number].append(made / elapsed)
            spent[number] += elapsed
            plans[number] += made
    speeds = []
    for number, (kind, count, planner) in enumerate(contenders):
        rollouts = planner.rollouts
        overhead = 1 - rollouts.stepping_seconds / spent[number]
        real_time = statistics.median(found[number]) * world.control_period
        steps = rollouts.steps_taken / plans[number]
        speeds.append(Speed(robot, kind, count, tuple(found[number]), float(steps), real_time, float(overhead)))
        planner.close()
    return speeds


def _plan_for(planner: Planner, state: NDArray[np.float64], seconds: float) -> tuple[int, float]:
    """Plans from one state for so long, at least once; returns plans and seconds."""
    made, began = 0, time.perf_counter()
    while True:
        planner.plan(state)
        made += 1
        elapsed = time.perf_counter() - began
        if elapsed >= seconds:
            return made, elapsed


def _rollout_limit(robot: str, samples: int, seconds: float, threads: int | None) -> float:
    """Physics steps per second of `mujoco.rollout` alone, on the same model from the same state."""
    problem, state = _start(_acting_world(robot))
    planner = _planner("predictive_sampling", problem, 0, threads, samples=samples)
    rollouts = planner.rollouts
    noise = np.random.default_rng(0).standard_normal((samples, 1, len(problem.rest_control)))
    moved = problem.rest_control + 0.1 * noise * problem.control_scale
    controls = np.repeat(np.clip(moved, problem.control_low, problem.control_high), rollouts.steps, axis=1)
    rollouts.trajectories(state, controls)
    rollouts.stepping_seconds, rollouts.steps_taken = 0.0, 0
    while rollouts.stepping_seconds < seconds:
        rollouts.trajectories(state, controls)
    planner.close()
    return rollouts.steps_taken / rollouts.stepping_seconds


def _compare(
    robot: str,
    kinds: Sequence[str],
    speeds: Sequence[Speed],
    samples: int,
    motion: float,
    seeds: int,
    threads: int | None,
    on_progress: Progress,
) -> list[Reached]:
    """Lets planners drive the robot, each with as many iterations as the slowest's one takes."""
    own = {kind: next(s for s in reversed(speeds) if s.planner == kind).median for kind in kinds}
    slowest = min(own.values())
    found = []
    for kind in kinds:
        iterations = max(1, round(own[kind] / slowest))
        costs, wall = [], 0.0
        for seed in range(seeds):
            on_progress(f"{robot}, costs, {kind}, seed {seed}")
            cost, seconds = _drive(robot, kind, seed, motion, threads, samples=samples, iterations=iterations)
            costs.append(cost)
            wall += seconds
        found.append(Reached(robot, kind, iterations, tuple(costs), motion * seeds / wall))
    return found


def _drive(
    robot: str, kind: str, seed: int, motion: float, threads: int | None, **settings: Any
) -> tuple[float, float]:
    """The mean cost of one motion after its first half second, and the wall seconds that it took."""
    from palaestra_agents.mpc.control import Controller, drive
    from palaestra_worlds.planning import PhysicsDiverged

    world = _acting_world(robot)
    world.reset(seed=seed)
    planner = _planner(kind, world.planning_problem(0), seed, threads, **settings)
    controller = Controller(planner, world.control_period)
    began = time.perf_counter()
    steps = round(motion / world.control_period)
    try:
        rewards = np.array([step[1][0] for step in drive(world, [controller], steps)])
    except PhysicsDiverged:
        rewards = np.zeros(steps)
    seconds = time.perf_counter() - began
    planner.close()
    if not rewards.all():
        return float("inf"), seconds
    late = rewards[min(round(0.5 / world.control_period), steps - 1) :]
    return float(-np.log(np.maximum(late, 1e-12)).mean()), seconds


def _speed_table(robot: str, speeds: Sequence[Speed], limit: float) -> BenchTable:
    rows = tuple(
        (
            s.planner.replace("_", " "),
            str(s.samples) if s.samples else "",
            f"{s.median:.1f} ({min(s.rounds):.1f} to {max(s.rounds):.1f})",
            f"{s.steps:,.0f}",
            f"{s.real_time:.2f}",
            f"{s.overhead:.0%}",
        )
        for s in speeds
    )
    return BenchTable(
        f"Plans per second, {ROBOTS[robot][0]}, 0.35 s ahead",
        ("planner", "samples", "plans/s", "steps/plan", "x real time", "outside MuJoCo"),
        rows,
        "Medians (lowest to highest round). x real time: simulated seconds per wall second at 50 plans each, the "
        f"simulation itself not counted. mujoco.rollout alone steps this model {limit:,.0f} times a second here.",
    )


def _reached_table(robot: str, reached: Sequence[Reached], motion: float) -> BenchTable:
    rows = tuple(
        (
            r.planner.replace("_", " "),
            str(r.iterations),
            f"{statistics.median(r.costs):.3f}",
            ", ".join(f"{cost:.3f}" for cost in r.costs),
            f"{r.real_time:.2f}",
        )
        for r in sorted(reached, key=lambda r: statistics.median(r.costs))
    )
    return BenchTable(
        f"Cost in {motion:g} s at equal planning time, {ROBOTS[robot][0]}, best first",
        ("planner", "iterations", "median cost", "each seed", "x real time"),
        rows,
        "Every planner has as many iterations as take the slowest planner's one. Costs are the task's, in the "
        "simulation model, after the first half second; inf: no plan stayed finite.",
    )
