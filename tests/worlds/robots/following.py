"""Has a robot follow reward programs, for tests of what its motion is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import palaestra_worlds
from palaestra_agents.mpc.config import AnyPlannerConfig
from palaestra_agents.mpc.control import Controller
from palaestra_agents.mpc.planner import Plan
from palaestra_agents.mpc.planners import make_planner
from palaestra_worlds.programs import Program

Measures = dict[str, float]
Look = Callable[[Sequence[Measures]], float]


class Moment(NamedTuple):
    """Where a motion can be gone on from."""

    world: bytes
    plan: Plan | None


class Compared(NamedTuple):
    """Two programs that differ in one parameter, and what of their motions differs by it.

    Attributes:
        one, other: the programs.
        look: what is looked at, of the measures at each step.
        more: by how much it is more in the other's motion, at least.
        seconds: for which the last motion of each is followed.
    """

    one: str
    other: str
    look: Look
    more: float
    seconds: float = 0.5


class Follower:
    """One robot and one planner, always with the same random numbers, on one thread."""

    def __init__(self, world_id: str, config: AnyPlannerConfig, seed: int = 0, **settings: Any) -> None:
        self.world: Any = palaestra_worlds.make(world_id, num_envs=1, start_noise=0.0, threads=1, **settings)
        self.config, self.seed = config, seed
        self.world.reset(seed=0)
        self.beginning = Moment(self.world.snapshot(), None)

    def follow(
        self, program: str, seconds: float, since: Moment | None = None, config: AnyPlannerConfig | None = None
    ) -> tuple[list[Measures], Moment]:
        """What is measured at each step of a program's motions, and the moment at the end.

        Args:
            program: as Python-looking text.
            seconds: of the last of its motions; those before it last as long as they say.
            since: what goes before; None: the robot has just begun.
            config: of another planner than the usual one.
        """
        world, since = self.world, since or self.beginning
        kind: type[Program] = world.programs["rewards"]
        motions = kind.from_text(program).motions()
        world.restore(since.world)
        planner = make_planner(config or self.config, world.problem_of(motions[0].task), self.seed)
        controller = Controller(planner, world.control_period)
        controller.reset(self.seed)
        planner.last_plan = since.plan
        measured: list[Measures] = []
        for number, (task, lasts) in enumerate(motions, start=1):
            planner.take_problem(world.problem_of(task))
            for _ in range(round((seconds if number == len(motions) else lasts) / world.control_period)):
                world.step(world.actions(controller.control(world.physics_state(0))[None]))
                measured.append(world.measures(0, task))
        last = planner.last_plan
        planner.close()
        return measured, Moment(world.snapshot(), last)

    def drive(self, *controls: tuple[Sequence[float], float]) -> Moment:
        """The moment after controls, each held for some seconds from the beginning on, and kept by the next plan."""
        world = self.world
        world.restore(self.beginning.world)
        problem = world.problem_of(world.task_space())
        for control, seconds in controls:
            for _ in range(round(seconds / world.control_period)):
                world.step(world.actions(np.array([control])))
        knots, times = np.array([controls[-1][0]] * 2), np.array([0.0, 1.0])
        start = float(world.physics_state(0)[0])
        plan = Plan(start, knots, times, "linear", problem.control_low, problem.control_high, 0.0)
        return Moment(world.snapshot(), plan)

    def difference(self, compared: Compared, since: Moment | None = None) -> float:
        """By how much what is looked at is more in the other program's motion."""
        values = [
            compared.look(self.follow(text, compared.seconds, since)[0]) for text in (compared.one, compared.other)
        ]
        return values[1] - values[0]


def parameters_of(kind: type[Program]) -> set[str]:
    """All that a program can set: `call.argument`."""
    return {f"{call.name()}.{argument}" for call in kind.Calls for argument in call.arguments()}


def late(measure: str, steps: int = 5) -> Look:
    """Its mean at the end."""
    return lambda measured: float(np.mean([one[measure] for one in measured[-steps:]]))


def highest(measure: str) -> Look:
    """Its largest value."""
    return lambda measured: max(one[measure] for one in measured)
