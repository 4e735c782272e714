"""Rolls many control sequences out from one state, in parallel, and gives their costs."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import os
import time

import mujoco
import numpy as np
from mujoco.rollout import Rollout
from numpy.typing import NDArray
from palaestra_worlds.costs import total_cost
from palaestra_worlds.planning import PhysicsDiverged, PlanningModel, Trajectories, keep_warnings_quiet

Array = NDArray[np.float64]
STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Rollouts:
    """A pool of threads with what they need, kept for all plans of one problem.

    Attributes:
        steps: physics steps of one rollout.
        threads: that rollouts run on.
        stepping_seconds: wall time that was spent inside MuJoCo so far.
        steps_taken: physics steps that were taken so far.
    """

    def __init__(self, problem: PlanningModel, horizon: float, action_rate: float, threads: int | None) -> None:
        keep_warnings_quiet()
        model = problem.model
        self.problem = problem
        self.timestep = float(model.opt.timestep)
        self.steps = max(1, round(horizon / self.timestep))
        self.action_rate = action_rate
        self.stepping_seconds = 0.0
        self.steps_taken = 0
        # An empty pool runs on the calling thread, which saves one thread its hand-over.
        self.threads = threads or _processors()
        self._pool = Rollout(nthread=0 if self.threads == 1 else self.threads)
        self._data = [mujoco.MjData(model) for _ in range(self.threads)]
        self._offsets = self.timestep * np.arange(self.steps)
        self._states = np.empty((0, self.steps, mujoco.mj_stateSize(model, STATE)))
        self._sensors = np.empty((0, self.steps, model.nsensordata))

    def costs(self, state: Array, controls: Array, last_control: Array) -> Array:
        """The mean cost over the horizon of each control sequence: float64 (samples,), infinite where it diverges.

        Args:
            state: mjSTATE_FULLPHYSICS that all start from, (nstate,).
            controls: (samples, steps, nu), within the limits.
            last_control: (nu,) what was applied before, for the cost of changing it.

        Raises:
            PhysicsDiverged: every one of them diverges.
        """
        trajectories, stopped = self.trajectories(state, controls)
        with np.errstate(all="ignore"):  # diverged samples overflow, and are counted as infinitely bad below
            cost = total_cost(self.problem.terms, self.problem.residuals(trajectories)).mean(axis=-1)
            cost += self.rate_cost(controls, last_control)
        cost[stopped | ~np.isfinite(cost)] = np.inf
        if np.isinf(cost).all():
            raise PhysicsDiverged(
                f"all {len(cost)} rollouts from time {state[0]:.3f} s diverge; a smaller time step, less noise or "
                "weaker actuators keep them finite"
            )
        return cost

    def trajectories(self, state: Array, controls: Array) -> tuple[Trajectories, NDArray[np.bool_]]:
        """What the rollouts see, valid until the next call, and which of them MuJoCo stopped before their end."""
        samples = len(controls)
        if len(self._states) != samples:
            self._states = np.empty((samples, *self._states.shape[1:]))
            self._sensors = np.empty((samples, *self._sensors.shape[1:]))
        began = time.perf_counter()
        self._pool.rollout(
            self.problem.model, self._data, state[None], controls, state=self._states, sensordata=self._sensors
        )
        self.stepping_seconds += time.perf_counter() - began
        self.steps_taken += samples * self.steps
        # A rollout that MuJoCo warns about repeats its last state from there on, time included.
        stopped = self._states[:, -1, 0] < state[0] + (self.steps - 0.5) * self.timestep
        return Trajectories((state[0] + self._offsets)[None], self._sensors, controls), stopped

    @property
    def last_states(self) -> Array:
        """States (samples, steps, nstate) after each step of the last rollouts, valid until the next."""
        return self._states

    def rate_cost(self, controls: Array, last_control: Array) -> Array:
        """What changing the controls costs, averaged over the horizon: (samples,)."""
        if not self.action_rate:
            return np.zeros(len(controls))
        changes = np.diff(controls, axis=1)
        first = controls[:, 0] - last_control
        squares = np.einsum("sti,sti->s", changes, changes) + np.einsum("si,si->s", first, first)
        return 0.5 * self.action_rate / self.timestep**2 / self.steps * squares

    def close(self) -> None:
        """Ends the threads."""
        self._pool.close()
