"""Lets planners act in a world, in step with it or late as they would be in real time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from palaestra_worlds.planning import Plannable, PlanningModel

from palaestra_agents.mpc.planner import Plan, Planner

Array = NDArray[np.float64]
Latency = int | Literal["measured"]


@dataclass(frozen=True)
class Timing:
    """What one run of `Controller` took.

    Attributes:
        plans: plans that were made.
        planning_seconds: wall time spent on making them.
        stepping_seconds: the part of it that was spent inside MuJoCo.
    """

    plans: int
    planning_seconds: float
    stepping_seconds: float

    @property
    def overhead(self) -> float:
        """Share of the planning time spent outside MuJoCo."""
        return 1.0 - self.stepping_seconds / self.planning_seconds if self.planning_seconds else 0.0


class Controller:
    """One planner for one environment, with the plans that are in use and under way.

    With latency 0 the world waits for each plan, and the same seed gives the same motion. With a latency of L control
    periods a plan takes effect L periods after the state that it was made from, and the next is begun then: what
    happens when planning takes that long. Until its first plan is there the robot keeps its rest control. "measured"
    takes the wall time that each plan took, rounded up to whole periods, so that no two runs are alike.
    """

    def __init__(self, planner: Planner, control_period: float, latency: Latency = 0) -> None:
        if isinstance(latency, int) and latency < 0:
            raise ValueError(f"latency is {latency}; must be a number of control periods from 0 on, or 'measured'")
        self.planner = planner
        self.period = control_period
        self.latency = latency
        self.reset()

    def reset(self, seed: int = 0) -> None:
        """Begins anew; the planner's random stream is that of `seed`."""
        self.planner.reset(seed)
        self._steps = 0
        self._in_use: Plan | None = None
        self._under_way: tuple[int, Plan] | None = None
        self._last_control: Array | None = None
        self._plans, self._seconds = 0, 0.0

    @property
    def plan(self) -> Plan | None:
        """The plan in use."""
        return self._in_use

    @property
    def timing(self) -> Timing:
        """Since the last reset."""
        return Timing(self._plans, self._seconds, self.planner.rollouts.stepping_seconds)

    def control(self, state: Array) -> Array:
        """The control (nu,) for the next control period, from the state (nstate,) that it begins in.

        Raises:
            PhysicsDiverged: the state is not finite, or no plan stays finite.
        """
        self._take_over()
        if self._under_way is None:
            self._make(state)
            self._take_over()
        self._steps += 1
        if self._in_use is None:
            control = np.array(self.planner.problem.rest_control, np.float64)
        else:
            control = self._in_use.control(float(state[0]))
        self._last_control = control
        return control

    def _make(self, state: Array) -> None:
        began = time.perf_counter()
        plan = self.planner.plan(state, self._last_control)
        seconds = time.perf_counter() - began
        self._plans += 1
        self._seconds += seconds
        late = self.latency if isinstance(self.latency, int) else math.ceil(seconds / self.period)
        self._under_way = (self._steps + late, plan)

    def _take_over(self) -> None:
        """Uses the plan that was under way if it is ready."""
        if self._under_way is not None and self._under_way[0] <= self._steps:
            self._in_use = self._under_way[1]
            self._under_way = None


def make_controllers(
    world: Plannable,
    num_envs: int,
    make_planner: Callable[[PlanningModel, int], Planner],
    latency: Latency = 0,
) -> list[Controller]:
    """A controller for each environment, on the problem of its running task.

    Args:
        world: reset before.
        num_envs: its number of environments.
        make_planner: from a problem and a seed, which is the environment's number.
        latency: see `Controller`.
    """
    return [
        Controller(make_planner(world.planning_problem(i), i), world.control_period, latency) for i in range(num_envs)
    ]


def drive(
    world: Plannable, controllers: Sequence[Controller], steps: int
) -> Iterator[tuple[dict[str, Any], Array, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]]:
    """Steps the world by its controllers, one for each environment, and yields what each step returned.

    Where an episode ends, the environment's controller begins anew on the next one's problem.

    Raises:
        PhysicsDiverged: no plan from some environment's state stays finite.
    """
    for _ in range(steps):
        controls = np.stack([each.control(world.physics_state(i)) for i, each in enumerate(controllers)])
        returned = world.step(world.actions(controls))
        for i in np.flatnonzero(returned[2] | returned[3]).tolist():
            controllers[i].planner.take_problem(world.planning_problem(i))
            controllers[i].reset(i)
        yield returned
