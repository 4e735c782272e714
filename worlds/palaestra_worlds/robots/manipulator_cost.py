"""The residuals of a manipulator's task, for planners and rewards."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.costs import L2, Quadratic, SmoothAbs, Term
from palaestra_worlds.planning import Trajectories
from palaestra_worlds.robots.manipulator_model import ARM_JOINTS, HOME
from palaestra_worlds.robots.manipulator_task import ManipulatorTask
from palaestra_worlds.robots.sensors import Sensors, wrap
from palaestra_worlds.robots.tabletop import DRAWER_TRAVEL, FAUCET_TURN

Array = NDArray[np.float64]
_TRAVEL = {"drawer": DRAWER_TRAVEL, "faucet": FAUCET_TURN}


def x_rotation(quaternion: Array) -> Array:
    """The part of turns (..., 4) that is about the world's x axis, radians in [-pi, pi): the twist of the rotation."""
    return wrap(2 * np.arctan2(quaternion[..., 1], quaternion[..., 0]))


class ManipulatorCost:
    """The terms and residuals of one task; part of a `PlanningModel`."""

    def __init__(self, task: ManipulatorTask, model: mujoco.MjModel) -> None:
        self.task = task
        self._at = Sensors(model)
        terms = [Term(f"{d.first} to {d.second}", 3, L2(0.02), d.weight) for d in task.distances]
        terms += [Term(f"turn of {t.thing}", 1, SmoothAbs(0.1), t.weight) for t in task.turns]
        terms += [Term(f"height of {h.thing}", 1, SmoothAbs(0.01), h.weight) for h in task.heights]
        terms += [Term(f"opening of {j.joint}", 1, SmoothAbs(0.05), j.weight) for j in task.joints]
        terms.append(Term("posture", len(ARM_JOINTS), Quadratic(), task.posture))
        self.terms: Sequence[Term] = tuple(terms)
        self._angles = self._at.span(f"angle_{ARM_JOINTS[0]}", f"angle_{ARM_JOINTS[-1]}")

    def residuals(self, trajectories: Trajectories) -> Array:
        """See `PlanningModel.residuals`."""
        seen, task = trajectories.sensors, self.task
        parts = [seen[..., self._at[d.first]] - seen[..., self._at[d.second]] for d in task.distances]
        parts += [
            wrap(x_rotation(seen[..., self._at[f"turn_{t.thing}"]]) - t.x_rotation)[..., None] for t in task.turns
        ]
        parts += [seen[..., self._at[h.thing]][..., 2:] - h.height for h in task.heights]
        parts += [seen[..., self._at[f"angle_{j.joint}"]] / _TRAVEL[j.joint] - j.fraction for j in task.joints]
        parts.append(seen[..., self._angles] - HOME)
        return np.concatenate(parts, axis=-1)
