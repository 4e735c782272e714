"""What all planners have in common, and the plans that they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from palaestra_worlds.planning import PhysicsDiverged, PlanningModel

from palaestra_agents.mpc.config import PlannerConfig, SamplingConfig
from palaestra_agents.mpc.rollouts import Rollouts
from palaestra_agents.mpc.spline import Interpolation, knot_times, spline_matrix

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Controls from one time on.

    Attributes:
        start: when it begins, seconds of simulated time.
        knots: (knots, nu) controls at the knots.
        times: (knots,) seconds from the start to each knot.
        interpolation: how controls go from knot to knot.
        low, high: (nu,) control limits; a cubic may overshoot its knots, and is clipped as it was when planned.
        cost: mean cost over the horizon that the planner expects.
    """

    start: float
    knots: Array
    times: Array
    interpolation: Interpolation
    low: Array
    high: Array
    cost: float

    def control(self, time: float) -> Array:
        """The control (nu,) at a simulated time; before the plan's start and after its end the nearest knot's."""
        return self.at(np.array([time]))[0]

    def at(self, times: Array) -> Array:
        """Controls (times, nu)."""
        controls = spline_matrix(self.interpolation, self.times, times - self.start) @ self.knots
        return np.clip(controls, self.low, self.high)


class Planner(ABC):
    """Improves a plan each time it is asked, beginning with what the last one says from the present time on.

    The same seed and the same states give the same plans, bit by bit, whatever the number of threads.
    """

    knot_times: Array
    """(knots,) seconds from a plan's start to each of its knots."""
    Config: ClassVar[type[Any]]
    """Model of its settings, a `PlannerConfig`."""

    def __init__(self, config: PlannerConfig, problem: PlanningModel, seed: int = 0) -> None:
        self.problem = problem
        self.rollouts = Rollouts(problem, config.horizon, config.action_rate, config.threads)
        self.horizon = self.rollouts.steps * self.rollouts.timestep
        self.reset(seed)

    def reset(self, seed: int = 0) -> None:
        """Forgets the last plan and begins the random stream of `seed`."""
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.last_plan: Plan | None = None

    def take_problem(self, problem: PlanningModel) -> None:
        """Goes on with another cost, from the next plan on; the last plan stays as its warm start.

        The model may be another one with the same sizes, say one in which other things touch each other.

        Raises:
            ValueError: the problem is about a model of other sizes.
        """
        if _sizes(problem.model) != _sizes(self.problem.model):
            raise ValueError("a planner stays with models of one size; make another planner for another model")
        self.problem = self.rollouts.problem = problem

    def plan(self, state: Array, last_control: Array | None = None) -> Plan:
        """Plans from a state on. Where all that is near the last plan diverges, begins anew from the rest control.

        Args:
            state: mjSTATE_FULLPHYSICS of the planning model, (nstate,).
            last_control: (nu,) what was applied before; None: what the last plan says.

        Raises:
            PhysicsDiverged: the state is not finite, or nothing that was tried stays finite.
        """
        if not np.isfinite(state).all():
            raise PhysicsDiverged(f"cannot plan from a state that is not finite, at time {state[0]}")
        if last_control is None:
            last_control = self._warm_start(float(state[0]) - self.rollouts.timestep)
        state = np.ascontiguousarray(state, dtype=np.float64)
        try:
            self.last_plan = self._improve(state, last_control)
        except PhysicsDiverged:
            if self.last_plan is None:
                raise
            self.last_plan = None
            self.last_plan = self._improve(state, last_control)
        return self.last_plan

    def _warm_start(self, times: float | Array) -> Array:
        """What the last plan says at these times, (nu,) or (times, nu); without one the problem's rest control."""
        if self.last_plan is None:
            return np.broadcast_to(self.problem.rest_control, (*np.shape(times), len(self.problem.rest_control)))
        return self.last_plan.at(times) if isinstance(times, np.ndarray) else self.last_plan.control(times)

    def as_plan(self, start: float, knots: Array, interpolation: Interpolation, cost: float) -> Plan:
        """A plan within the problem's limits."""
        return Plan(
            start, knots, self.knot_times, interpolation, self.problem.control_low, self.problem.control_high, cost
        )

    @abstractmethod
    def _improve(self, state: Array, last_control: Array) -> Plan:
        """A new plan from `state` on."""

    def close(self) -> None:
        """Ends the planner's threads."""
        self.rollouts.close()


def _sizes(model: Any) -> tuple[int, ...]:
    """What must be the same for states, controls and a `MjData` of one model to be those of another."""
    return (model.nq, model.nv, model.nu, model.na, model.nbody, model.ngeom, model.nsensordata, int(model.narena))


class SamplingPlanner(Planner):
    """A planner that rolls out samples of control splines and learns from their costs."""

    def __init__(self, config: Any, problem: PlanningModel, seed: int = 0) -> None:
        super().__init__(config, problem, seed)
        sampling: SamplingConfig = config
        self.config = config
        self.knot_times = knot_times(sampling.knots, self.horizon)
        steps = self.rollouts.timestep * np.arange(self.rollouts.steps, dtype=np.float64)
        self._matrix = spline_matrix(sampling.interpolation, self.knot_times, steps)

    @property
    def control_scale(self) -> Array:
        return self.problem.control_scale

    def _improve(self, state: Array, last_control: Array) -> Plan:
        start = float(state[0])
        knots = self.clip(np.array(self._warm_start(start + self.knot_times)))
        cost = np.inf
        for _ in range(self.config.iterations):
            knots, cost = self.iterate(state, knots, last_control)
        return self.as_plan(start, knots, self.config.interpolation, cost)

    @abstractmethod
    def iterate(self, state: Array, knots: Array, last_control: Array) -> tuple[Array, float]:
        """Better knots (knots, nu) than `knots`, and the cost that is expected of them."""

    def costs(self, state: Array, samples: Array, last_control: Array) -> Array:
        """Costs (samples,) of knots (samples, knots, nu)."""
        controls = self.clip(np.matmul(self._matrix, samples))
        return self.rollouts.costs(state, controls, last_control)

    def noise(self, count: int, deviation: float | Array) -> Array:
        """Normal noise (count, knots, nu); `deviation` is in control scales."""
        shape = (count, len(self.knot_times), len(self.control_scale))
        noise = self.random.standard_normal(shape) * deviation * self.control_scale
        if self.config.finest < 1.0:
            noise *= np.geomspace(1.0, self.config.finest, count)[:, None, None]
        return noise

    def clip(self, controls: Array) -> Array:
        """Controls within the limits."""
        return np.clip(controls, self.problem.control_low, self.problem.control_high)
