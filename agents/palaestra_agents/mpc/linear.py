"""The dynamics linearised, and the cost to second order, along one trajectory."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import mujoco
import numpy as np
from palaestra_worlds.costs import cost_derivatives
from palaestra_worlds.planning import Trajectories

from palaestra_agents.mpc.planner import Array
from palaestra_agents.mpc.rollouts import STATE, Rollouts


class LocalModel(NamedTuple):
    """What a backward pass works on; T steps, m controls, n = k + m numbers of state.

    The state is (change of position, change of velocity, change of activation; change of the control before). The
    last m of them have no part in the dynamics: the next state's are the control.
    """

    states: Array
    """(T, nstate) mjSTATE_FULLPHYSICS that each step begins in."""
    transition: Array
    """(T, k, k) next state by state, but for the control before."""
    control: Array
    """(T, k, m) next state by control, likewise."""
    cost_x: Array
    """(T, n)"""
    cost_u: Array
    """(T, m)"""
    cost_xx: Array
    """(T, n, n)"""
    cost_uu: Array
    """(T, m, m)"""
    cost_ux: Array
    """(T, m, n)"""


class Linearization:
    """Finite differences of a planning model along a trajectory, its steps dealt to threads."""

    def __init__(self, rollouts: Rollouts, width: float) -> None:
        model = rollouts.problem.model
        self._rollouts = rollouts
        self._width = width
        self._data = [mujoco.MjData(model) for _ in range(rollouts.threads)]
        self._pool = ThreadPoolExecutor(rollouts.threads)
        self._size = 2 * model.nv + model.na

    def along(self, state: Array, controls: Array, last_control: Array) -> LocalModel:
        """The local model along the rollout of `controls` (T, m) from `state`."""
        trajectories, _ = self._rollouts.trajectories(state, controls[None])
        states = np.concatenate([state[None], self._rollouts.last_states[0, :-1]])
        seen = Trajectories(trajectories.times[0], trajectories.sensors[0].copy(), controls)
        dynamics = self._dynamics(states, controls)
        return self._with_cost(states, seen, dynamics, last_control)

    def _dynamics(self, states: Array, controls: Array) -> tuple[Array, Array, Array, Array]:
        """Next states by states (T, n, n) and controls (T, n, m), sensors likewise (T, s, n) and (T, s, m)."""
        model, n = self._rollouts.problem.model, self._size
        steps, m, sensors = len(states), controls.shape[1], model.nsensordata
        found = (
            np.empty((steps, n, n)),
            np.empty((steps, n, m)),
            np.empty((steps, sensors, n)),
            np.empty((steps, sensors, m)),
        )

        def part(thread: int) -> None:
            data = self._data[thread]
            for t in range(thread, steps, len(self._data)):
                mujoco.mj_resetData(model, data)
                mujoco.mj_setState(model, data, states[t], STATE)
                data.ctrl[:] = controls[t]
                mujoco.mjd_transitionFD(model, data, self._width, True, *(array[t] for array in found))

        began = time.perf_counter()
        list(self._pool.map(part, range(len(self._data))))
        self._rollouts.steps_taken += steps * (1 + 2 * (n + m))  # to either side of each number, and in the middle
        self._rollouts.stepping_seconds += time.perf_counter() - began
        return found

    def _with_cost(
        self, states: Array, seen: Trajectories, dynamics: tuple[Array, Array, Array, Array], last_control: Array
    ) -> LocalModel:
        a, b, c, d = dynamics
        steps, n, m = b.shape
        residuals, by_x, by_u = self._residual_derivatives(seen, c, d)
        gradient, curvature = cost_derivatives(self._rollouts.problem.terms, residuals)
        gradient, curvature = gradient / steps, curvature / steps
        # The control before is part of the state, because changing the control costs.
        rate = self._rollouts.action_rate / self._rollouts.timestep**2 / steps
        before = np.concatenate([last_control[None], seen.controls[:-1]])
        change = rate * (seen.controls - before)
        cost_xx = np.zeros((steps, n + m, n + m))
        cost_xx[:, :n, :n] = np.swapaxes(by_x, 1, 2) @ curvature @ by_x
        cost_xx[:, n:, n:] = rate * np.eye(m)
        cost_ux = np.zeros((steps, m, n + m))
        cost_ux[:, :, :n] = np.swapaxes(by_u, 1, 2) @ curvature @ by_x
        cost_ux[:, :, n:] = -rate * np.eye(m)
        return LocalModel(
            states=states,
            transition=a,
            control=b,
            cost_x=np.concatenate([np.einsum("tri,tr->ti", by_x, gradient), -change], axis=1),
            cost_u=np.einsum("tri,tr->ti", by_u, gradient) + change,
            cost_xx=cost_xx,
            cost_uu=np.swapaxes(by_u, 1, 2) @ curvature @ by_u + rate * np.eye(m),
            cost_ux=cost_ux,
        )

    def _residual_derivatives(self, seen: Trajectories, c: Array, d: Array) -> tuple[Array, Array, Array]:
        """Residuals (T, R), and how they change with states (T, R, n) and controls (T, R, m).

        Sensors are moved along what each state and control does to them, (T, s, n) and (T, s, m): that takes fewer
        residuals than moving each sensor. Where it does much, it is moved less, so that differences stay as fine.
        """
        n, m = c.shape[2], d.shape[2]
        along = np.ascontiguousarray(np.moveaxis(np.concatenate([c, d], axis=2), 2, 0))
        scale = np.maximum(1.0, np.abs(along).max(axis=2, initial=0.0))
        times = np.broadcast_to(seen.times, (1 + n + m, len(seen.times)))
        sensors = np.concatenate([seen.sensors[None], seen.sensors + self._width / scale[..., None] * along])
        controls = np.repeat(seen.controls[None], 1 + n + m, axis=0)
        moved = np.arange(m)
        controls[1 + n + moved, :, moved] += self._width / scale[n:]
        found = self._rollouts.problem.residuals(Trajectories(times, sensors, controls))
        slopes = np.moveaxis((found[1:] - found[0]) * (scale / self._width)[..., None], 0, -1)
        return found[0], slopes[..., :n], slopes[..., n:]

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()
