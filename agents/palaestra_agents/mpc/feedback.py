"""Rollouts whose controls follow feedback gains, for several step sizes side by side."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import time

import mujoco
import mujoco.batch
import numpy as np

from palaestra_agents.mpc.backward import Gains
from palaestra_agents.mpc.feedback_kernel import follow
from palaestra_agents.mpc.planner import Array
from palaestra_agents.mpc.rollouts import STATE, Rollouts


class FeedbackRollouts:
    """A batch with one simulation for each step size."""

    def __init__(self, rollouts: Rollouts, simulations: int) -> None:
        model = rollouts.problem.model
        self._rollouts = rollouts
        self._model = model
        self._batch = mujoco.batch.Batch(model, nsim=simulations, nthread=min(simulations, rollouts.threads))
        self._fields = {name: self._batch.bind(name) for name in ("time", "qpos", "qvel", "act")}
        self._ctrl = self._batch.bind("ctrl")
        self._first = mujoco.MjData(model)
        self._joints = np.stack([model.jnt_type, model.jnt_qposadr, model.jnt_dofadr], axis=1).astype(np.int64)
        self._physics = slice(1, 1 + model.nq + model.nv + model.na)

    def roll(self, state: Array, states: Array, controls: Array, gains: Gains, step_sizes: Array) -> Array:
        """Controls (step sizes, T, m) that each step size comes to, within the limits.

        Args:
            state: (nstate,) where all begin.
            states: (T, nstate) of the trajectory that the gains are about, and
            controls: (T, m) its controls.
            gains: of a backward pass.
            step_sizes: (step sizes,) factors of the control changes, from 0 to 1.
        """
        problem = self._rollouts.problem
        found = np.empty((len(step_sizes), *controls.shape))
        mujoco.mj_setState(self._model, self._first, state, STATE)
        self._batch.reset(stage=int(mujoco.mjtStage.mjSTAGE_NONE))
        for name, field in self._fields.items():
            field[...] = getattr(self._first, name)
        before = np.zeros((len(step_sizes), controls.shape[1]))
        positions, velocities, activations = (self._fields[name] for name in ("qpos", "qvel", "act"))
        physics = states[:, self._physics]
        for t in range(len(controls)):
            follow(
                self._joints,
                physics[t],
                positions,
                velocities,
                activations,
                controls[t],
                gains.change[t],
                gains.feedback[t],
                step_sizes,
                problem.control_low,
                problem.control_high,
                before,
                self._ctrl,
            )
            found[:, t] = self._ctrl
            began = time.perf_counter()
            self._batch.step()
            self._rollouts.stepping_seconds += time.perf_counter() - began
        self._rollouts.steps_taken += found[..., 0].size
        return found
