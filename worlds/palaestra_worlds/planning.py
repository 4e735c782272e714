"""What a planner is told about a world: the model to roll out, and what a trajectory costs."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.costs import Term

if TYPE_CHECKING:
    import mujoco

Array = NDArray[np.float64]


class PhysicsDiverged(FloatingPointError):
    """A simulated state that is not finite, or beyond what MuJoCo calls a state; the message says where and when."""


def keep_warnings_quiet() -> None:
    """Stops MuJoCo from writing its warnings to the terminal and to a file in the working directory.

    Samples that diverge are part of planning, and we count them ourselves. A handler of the user's own stays.
    """
    import mujoco

    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_ignore)


def _ignore(message: str) -> None:
    del message


class Trajectories(NamedTuple):
    """What a cost may depend on, for any leading dimensions (...) such as (samples, steps).

    Sensors are those of the state that a step begins in, as `mj_step` leaves them.
    """

    times: Array
    """Seconds: (...), or what broadcasts to it. Rollouts from one state see the same times, and give them once."""
    sensors: Array
    """(..., nsensordata) of the planning model."""
    controls: Array
    """(..., nu)."""


class PlanningModel(Protocol):
    """A planning problem: dynamics, limits, cost. What a world's `planning_problem` returns."""

    model: mujoco.MjModel
    """What rollouts step; never changed by planners."""
    terms: Sequence[Term]
    """The terms of the cost, in the order of the residuals' columns. May change between plans."""
    control_low: Array
    """(nu,) lower control limits."""
    control_high: Array
    """(nu,) upper control limits."""
    control_scale: Array
    """(nu,) what noise of 1 is for each control; what moves the robot about as much in all of them."""
    rest_control: Array
    """(nu,) where planning starts from when there is no plan."""

    def residuals(self, trajectories: Trajectories) -> Array:
        """Residuals of all terms side by side: float64 (..., sum of the terms' sizes).

        Depends on each (...) element by itself, so that planners may evaluate any batch.
        """
        ...


@runtime_checkable
class Plannable(Protocol):
    """A world that planners can act in."""

    control_period: float
    """Seconds of one `step`, during which a control is held."""

    def planning_problem(self, index: int) -> PlanningModel:
        """The problem of environment `index`, with its running task's cost."""
        ...

    def physics_state(self, index: int) -> Array:
        """Its state as the planning model's mjSTATE_FULLPHYSICS: time, positions, velocities, activations, ..."""
        ...

    def actions(self, controls: Array) -> NDArray[Any]:
        """Controls (num_envs, nu) as the actions that `step` takes."""
        ...

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """See `palaestra_worlds.base.World.step`."""
        ...
