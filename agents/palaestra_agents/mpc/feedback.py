"""Rollouts whose controls follow feedback gains, for several step sizes side by side."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import time

import mujoco
import mujoco.batch
import numpy as np

from palaestra_agents.mpc.backward import Gains
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
        self._first, self._nominal = mujoco.MjData(model), mujoco.MjData(model)
        self._moved = np.zeros((simulations, model.nv))

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
        for t in range(len(controls)):
            away = np.concatenate([self._away(states[t]), before], axis=1)
            wanted = controls[t] + step_sizes[:, None] * gains.change[t] + away @ gains.feedback[t].T
            found[:, t] = np.clip(wanted, problem.control_low, problem.control_high)
            before = found[:, t] - controls[t]
            self._ctrl[...] = found[:, t]
            began = time.perf_counter()
            self._batch.step()
            self._rollouts.stepping_seconds += time.perf_counter() - began
        self._rollouts.steps_taken += found[..., 0].size
        return found

    def _away(self, state: Array) -> Array:
        """How far each simulation is from a nominal state: (simulations, 2 nv + na)."""
        mujoco.mj_setState(self._model, self._nominal, state, STATE)
        nominal = self._nominal
        for row, qpos in zip(self._moved, self._fields["qpos"], strict=True):
            mujoco.mj_differentiatePos(self._model, row, 1.0, nominal.qpos, qpos)
        return np.concatenate(
            [self._moved, self._fields["qvel"] - nominal.qvel, self._fields["act"] - nominal.act], axis=1
        )
