"""What the robots' worlds have in common: batched MuJoCo simulations that follow a task's cost."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import mujoco
import mujoco.batch
import numpy as np
from gymnasium.spaces import Box, Dict
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from palaestra_worlds.base import Task, World
from palaestra_worlds.batches import checked_mask
from palaestra_worlds.costs import Term, total_cost
from palaestra_worlds.planning import PlanningModel, Trajectories
from palaestra_worlds.programs import Program
from palaestra_worlds.robots.rendering import Picture
from palaestra_worlds.robots.settings import RobotSettings
from palaestra_worlds.task_rows import TaskRows

Array = NDArray[np.float64]
_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
LARGEST = 1e6
"""A position or velocity beyond this is no robot's."""


class Cost(Protocol):
    """The terms and residuals of a task, read from one model's sensors."""

    terms: Sequence[Term]

    def residuals(self, trajectories: Trajectories) -> Array: ...


class Problem:
    """A `PlanningModel`: a robot's planning model with one task's cost."""

    def __init__(self, model: mujoco.MjModel, cost: Cost, control_scale: Array, rest_control: Array) -> None:
        self.model = model
        self.terms = cost.terms
        self.residuals = cost.residuals
        self.control_low, self.control_high = model.actuator_ctrlrange.T.copy()
        self.control_scale = control_scale
        self.rest_control = rest_control


class RobotWorld(World):
    """A batch of robots. Observations are {"state": float32}, actions the controls scaled to [-1, 1] (float32).

    **Rewards**: exp(-cost) of the running task at the state that a step ends in, from 0 to 1.
    **Termination**: physics that diverged (`infos["diverged"]`, reward 0, no success); otherwise truncation at
    `max_steps`.
    **Success**: the mean reward of the episode's last second is at least the task's `success_reward`.
    """

    reward_range = (0.0, 1.0)

    def __init__(self, id: str, num_envs: int, settings: RobotSettings) -> None:
        """
        Raises:
            ValueError: num_envs is no number from 1 on, or the control period is no multiple of the physics step.
            RobotsMissing, ModelError: see `menagerie`.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}; must be at least 1")
        self.id = id
        self.num_envs = num_envs
        self.settings = settings
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": ["rgb_array"]}
        self.render_mode = "rgb_array"
        self.model = self.build_model("simulation" if settings.fidelity == "simulation" else "planning")
        self.planning_model = self.build_model("planning")
        self.control_period = settings.control_period
        self._substeps = round(self.control_period / self.model.opt.timestep)
        if abs(self._substeps * self.model.opt.timestep - self.control_period) > 1e-9 or self._substeps < 1:
            raise ValueError(
                f"control_period is {self.control_period} s; must be a multiple of the {settings.fidelity} model's "
                f"step of {self.model.opt.timestep} s"
            )
        self._batch = mujoco.batch.Batch(self.model, nsim=num_envs, nthread=min(num_envs, settings.threads or 0))
        self._qpos, self._qvel = self._batch.bind("qpos"), self._batch.bind("qvel")
        self._ctrl, self._sensors = self._batch.bind("ctrl"), self._batch.bind("sensordata")
        self._time = self._batch.bind("time").reshape(num_envs)
        self._low, self._high = self.model.actuator_ctrlrange.T.copy()
        self._tasks = TaskRows(num_envs, self.task_space, self._own_task())
        self._costs: dict[int, Cost] = {}
        self._steps = np.zeros(num_envs, np.int32)
        self._return = np.zeros(num_envs)
        self._recent = np.zeros((num_envs, max(1, round(1.0 / self.control_period))))
        self._observation = np.zeros((num_envs, self.observe_robot(self._sensors[:1]).shape[1]), np.float32)
        size = self._observation.shape[1]
        self.single_observation_space = Dict({"state": Box(-np.inf, np.inf, (size,), np.float32)})
        self.single_action_space = Box(-1.0, 1.0, (self.model.nu,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._data = mujoco.MjData(self.model)
        self._picture = Picture(self.model)
        self._seeded = False

    # ------------------------------------------------------------------------------------------ a robot says

    @abstractmethod
    def build_model(self, fidelity: Any) -> mujoco.MjModel:
        """The robot's model; both fidelities have the same joints, actuators and sensors."""

    @abstractmethod
    def cost_of(self, task: Any, model: mujoco.MjModel) -> Cost:
        """A task's terms and residuals, read from `model`'s sensors."""

    @abstractmethod
    def observe_robot(self, sensors: Array) -> Array:
        """What the robot sees of itself: (N, size) from sensors (N, nsensordata)."""

    @abstractmethod
    def first_state(self, random: np.random.Generator) -> tuple[Array, Array]:
        """Positions (nq,) and controls (nu,) that an episode begins with."""

    @property
    @abstractmethod
    def control_scale(self) -> Array:
        """See `PlanningModel`."""

    @property
    @abstractmethod
    def rest_control(self) -> Array:
        """Controls (nu,) that hold the robot where it begins."""

    # ------------------------------------------------------------------------------------------ gymnasium

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        chosen = checked_mask(options, self.num_envs)
        self._tasks.seed(seed, chosen)
        self._seeded = True
        self._begin(chosen)
        return self.observe(), {}

    def step(
        self, actions: Any
    ) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Holds the actions (num_envs, nu) in [-1, 1] for one control period; values outside are clipped.

        Raises:
            ValueError: actions of another shape, or not finite; or `reset` was not called yet.
        """
        self._ctrl[...] = self.controls(self._checked(actions))
        self._batch.step(nstep=self._substeps, stage=int(mujoco.mjtStage.mjSTAGE_VEL))
        self._steps += 1
        diverged = self._diverged()
        rewards = np.where(diverged, 0.0, np.exp(-self.task_cost()))
        self._return += rewards
        self._recent[np.arange(self.num_envs), self._steps % self._recent.shape[1]] = rewards
        truncated = (self._steps >= self.settings.max_steps) & ~diverged
        infos: dict[str, Any] = {"lesson_reward": np.zeros(self.num_envs, np.float32), "diverged": diverged}
        self._look(~diverged)
        ended = diverged | truncated
        if ended.any():
            infos |= self._ended(ended, diverged)
            self._begin(ended)
        return self._returned(), rewards, diverged, truncated, infos

    def controls(self, actions: Array) -> Array:
        """Actions (..., nu) in [-1, 1] as controls of the model's actuators; values outside are clipped."""
        return self._low + 0.5 * (np.clip(actions, -1.0, 1.0) + 1.0) * (self._high - self._low)

    def actions(self, controls: Array) -> NDArray[np.float32]:
        """Controls (..., nu) as actions in [-1, 1]."""
        return (2.0 * (controls - self._low) / (self._high - self._low) - 1.0).astype(np.float32)

    def observe(self) -> dict[str, Any]:
        self._look(np.ones(self.num_envs, np.bool_))
        return self._returned()

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        return tuple(self.render_frame(i) for i in range(self.num_envs))

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        """See `World.render_frame`. Raises `RenderingUnavailable` where there is no way to draw without a screen."""
        return self._picture.draw(self._batch.get_data(index, self._data))

    def draw(self, state: Array) -> NDArray[np.uint8]:
        """A picture of any state (nstate,) that `physics_state` gave; raises what `render_frame` raises."""
        mujoco.mj_setState(self.model, self._data, np.asarray(state, np.float64), _STATE)
        return self._picture.draw(self._data)

    def close_extras(self, **kwargs: Any) -> None:
        self._picture.close()

    # ------------------------------------------------------------------------------------------ planning

    def planning_problem(self, index: int) -> PlanningModel:
        """See `Plannable`."""
        return self.problem_of(self._tasks.running(index))

    def problem_of(self, task: Any) -> PlanningModel:
        """The problem of any task, for planners that are to change what a robot does amid an episode."""
        model = self.planning_model_of(task)
        return Problem(model, self.cost_of(task, model), self.control_scale_of(task), self.rest_control)

    def control_scale_of(self, task: Any) -> Array:
        """What planners vary the controls by for a task: `control_scale`, or one that suits it better."""
        del task
        return self.control_scale

    def planning_model_of(self, task: Any) -> mujoco.MjModel:
        """The model that a task is planned in: `planning_model`, or one of the same sizes that is cheaper for it."""
        del task
        return self.planning_model

    def physics_state(self, index: int) -> Array:
        """See `Plannable`."""
        state = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self._batch.get_data(index, self._data), state, _STATE)
        return state

    def set_state(self, index: int, qpos: Array | None = None, qvel: Array | None = None) -> None:
        """Puts one robot into a state: positions (nq,), velocities (nv,); None leaves them."""
        if qpos is not None:
            self._qpos[index] = qpos
        if qvel is not None:
            self._qvel[index] = qvel
        self._batch.forward([index], stage=int(mujoco.mjtStage.mjSTAGE_VEL))

    def task_cost(self) -> Array:
        """The running tasks' costs at the present states: float64 (num_envs,)."""
        cost = np.empty(self.num_envs)
        for row in np.unique(self._tasks.rows):
            at = self._tasks.rows == row
            found = self._cost(int(row))
            with np.errstate(all="ignore"):  # of diverged robots; `step` gives them no reward
                seen = Trajectories(self._time[at], self._sensors[at], self._ctrl[at])
                cost[at] = total_cost(found.terms, found.residuals(seen))
        return cost

    # ------------------------------------------------------------------------------------------ tasks and state

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        self._tasks.draw_from(tasks, weights)

    def assign(self, tasks: Sequence[Task | None]) -> None:
        self._tasks.assign(tasks)

    def snapshot(self) -> bytes:
        return self._tasks.pack(self._identity(), self._arrays())

    def restore(self, data: bytes) -> None:
        arrays = self._tasks.unpack(data, self._identity())
        for name, array in self._arrays().items():
            array[...] = arrays[name]
        self._costs.clear()
        self._batch.forward(stage=int(mujoco.mjtStage.mjSTAGE_VEL))
        self._seeded = True

    # ------------------------------------------------------------------------------------------ internals

    def _identity(self) -> dict[str, Any]:
        return {"world": self.id, "num_envs": self.num_envs, "fidelity": self.settings.fidelity}

    def _arrays(self) -> dict[str, NDArray[Any]]:
        names = ("time", "qpos", "qvel", "ctrl", "qacc_warmstart")
        counts = {"steps": self._steps, "return": self._return, "recent": self._recent}
        return {name: self._batch.bind(name) for name in names} | counts

    def _own_task(self) -> Task:
        """What the settings ask for. Raises ValueError for a program that is none."""
        given, kinds = self.settings.program, dict[str, type[Program]](getattr(self, "programs", {}))
        task = self.task_space()
        if given is not None:
            if "rewards" not in kinds:
                raise ValueError(f"setting program of {self.id}: this robot has no reward programs")
            try:
                task = kinds["rewards"].read(given).motions()[-1].task
            except ValueError as error:
                raise ValueError(f"setting program of {self.id}: {error}") from error
        wanted = self.settings.success_reward
        return task if wanted is None else task.model_copy(update={"success_reward": wanted})

    def _cost(self, row: int) -> Cost:
        if row not in self._costs:
            self._costs[row] = self.cost_of(self._tasks.task(row), self.model)
        return self._costs[row]

    def _checked(self, actions: Any) -> Array:
        checked = np.asarray(actions, np.float64)
        if checked.shape != self.action_space.shape or not np.isfinite(checked).all():
            raise ValueError(f"actions must be finite numbers of shape {self.action_space.shape}, not {checked.shape}")
        if not self._seeded:
            raise ValueError("call reset before step")
        return checked

    def _diverged(self) -> NDArray[np.bool_]:
        """Robots whose state is not finite or absurd; NaN is below no limit."""
        within = (np.abs(self._qpos) < LARGEST).all(axis=1) & (np.abs(self._qvel) < LARGEST).all(axis=1)
        return np.asarray(~(within & np.isfinite(self._sensors).all(axis=1)), np.bool_)

    def _begin(self, chosen: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(chosen)
        self._tasks.begin(rows)
        self._costs = {row: cost for row, cost in self._costs.items() if row in self._tasks.rows}
        self._batch.reset(rows, stage=int(mujoco.mjtStage.mjSTAGE_NONE))
        for i in rows:
            self._qpos[i], self._ctrl[i] = self.first_state(self._tasks.level_random(int(i)))
        self._batch.forward(rows, stage=int(mujoco.mjtStage.mjSTAGE_VEL))
        self._steps[rows], self._return[rows], self._recent[rows] = 0, 0.0, 0.0
        self._look(chosen)

    def _look(self, chosen: NDArray[np.bool_]) -> None:
        if chosen.any():
            self._observation[chosen] = self.observe_robot(self._sensors[chosen])

    def _returned(self) -> dict[str, Any]:
        return {"state": self._observation.copy() if self.settings.copy_observations else self._observation}

    def _ended(self, ended: NDArray[np.bool_], diverged: NDArray[np.bool_]) -> dict[str, Any]:
        last = np.minimum(np.maximum(self._steps, 1), self._recent.shape[1])
        wanted = np.array([self._tasks.running(i).success_reward for i in range(self.num_envs)])
        final = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(ended):
            final[i] = {"state": self._observation[i].copy()}
        episode = {
            "return": self._return.copy(),
            "length": self._steps.copy(),
            "success": (self._recent.sum(axis=1) / last >= wanted) & ~diverged,
            "task": self._tasks.shown_rows(),
            "lesson_progress": np.zeros(self.num_envs, np.int32),
        }
        return {"final_obs": final, "_final_obs": ended, "episode": episode, "_episode": ended}
