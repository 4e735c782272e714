"""The residuals of a manipulator's task, for planners and rewards.

A palm that is to be where a thing is takes hold of it (`manipulator_grip`): that is what this world makes of the
paper's distance between palm and object. All other terms are the paper's.
"""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.costs import L2, Quadratic, SmoothAbs, Term
from palaestra_worlds.planning import Trajectories
from palaestra_worlds.robots.manipulator_grip import Grip, turned
from palaestra_worlds.robots.manipulator_model import CLOSED, OPEN
from palaestra_worlds.robots.manipulator_task import DistanceTarget, ManipulatorTask, TurnTarget
from palaestra_worlds.robots.sensors import Sensors
from palaestra_worlds.robots.tabletop import OBJECTS, TRAVEL

Array = NDArray[np.float64]
_CARRIED, _BESIDE = 0.14, 0.03
"""How far above its goal something is carried there, and how near it comes down, metres."""

_STEEP = 4.0
"""How much higher it is carried a metre farther from there: over the rim of a bowl, not through its side."""
_CLEAR = 0.2
"""Metres beside its goal within which it is lifted before it comes nearer: fingers are wide, and so are bowls."""
_TOO_LOW = 2.0
"""How many times as much a metre too low counts as a metre too high."""
_ACROSS, _RIM_ACROSS = 0.2, 0.6
"""Weights of how fingers lie across a thing, and across the side of a bowl, which they must not hold askew."""
_OVER = 4.0
"""How many times its weight a turn has that goes over: a hand must turn far for it, against all else that it does."""

_TO_THE_LEFT = 1.0
"""What it costs, in radians, when the top of something that is turned over points elsewhere than up, left or down.

Half a turn is the same either way, but to the right, forwards or backwards this arm's wrist does not follow.
"""


class ManipulatorCost:
    """The terms and residuals of one task; part of a `PlanningModel`."""

    def __init__(self, task: ManipulatorTask, model: mujoco.MjModel) -> None:
        self.task = task
        self._at = Sensors(model)
        reached = {d.palm_at: d.weight for d in task.distances if d.palm_at is not None}
        self._apart = [d for d in task.distances if d.palm_at is None]
        self._grip = Grip(tuple(reached), self._at) if reached else None
        weight = sum(reached.values())
        terms = []
        if self._grip is not None:
            terms = [
                Term("palm to " + " and ".join(self._grip.things), 3, L2(0.01), weight),
                Term("fingers across", 3, L2(0.1), (_RIM_ACROSS if "bowl" in reached else _ACROSS) * weight),
                Term("hold", 1, SmoothAbs(0.1), 0.1 * weight),
            ]
        if task.aim is not None:
            terms.append(Term("palm's aim", 3, L2(0.01), task.aim.weight))
        if task.fingers is not None:
            terms.append(Term(f"fingers {task.fingers}", 1, SmoothAbs(0.1), 1.0))
        terms += [Term(f"{d.first} to {d.second}", 3, L2(0.01), d.weight) for d in self._apart]
        terms += [
            Term(f"turn of {t.thing}", 1, SmoothAbs(0.1), t.weight * (_OVER if t.over else 1.0)) for t in task.turns
        ]
        terms += [Term(f"height of {h.thing}", 1, SmoothAbs(0.01), h.weight) for h in task.heights]
        terms += [Term(f"opening of {j.joint}", 1, SmoothAbs(0.02), j.weight) for j in task.joints]
        # Plain last, so that there is a term when nothing is asked for.
        terms.append(Term("posture", 3, Quadratic(), task.posture))
        self.terms: Sequence[Term] = tuple(terms)

    def residuals(self, trajectories: Trajectories) -> Array:
        """See `PlanningModel.residuals`."""
        seen, task = trajectories.sensors, self.task
        told = trajectories.controls[..., 6:7]
        parts = [] if self._grip is None else self._grip.residuals(seen, told)
        if task.aim is not None:
            base = 0.0 if task.aim.beside is None else seen[..., self._at[task.aim.beside]]
            parts.append(seen[..., self._at["palm"]] - base - np.array([task.aim.x, task.aim.y, task.aim.z]))
        if task.fingers is not None:
            # What they are told, not where they are: round a thing they never close, and would drop it to do so.
            parts.append(told - (CLOSED if task.fingers == "closed" else OPEN))
        parts += [self._between(seen, d) for d in self._apart]
        parts += [self._off(seen, turn) for turn in task.turns]
        parts += [seen[..., self._at[h.thing]][..., 2:] - h.height for h in task.heights]
        parts += [seen[..., self._at[f"angle_{j.joint}"]] / TRAVEL[j.joint] - j.fraction for j in task.joints]
        parts.append(trajectories.controls[..., 3:6])
        return np.concatenate(parts, axis=-1)

    def _off(self, seen: Array, target: TurnTarget) -> Array:
        """The angle (..., 1) between a thing's upward direction and where that should point."""
        up = turned(seen[..., self._at[f"turn_{target.thing}"]], (0.0, 0.0, 1.0))
        wanted = np.array([0.0, -np.sin(target.x_rotation), np.cos(target.x_rotation)])
        off = np.arccos(np.clip(up @ wanted, -1.0, 1.0))[..., None]
        if target.over:
            off += _TO_THE_LEFT * (np.abs(up[..., :1]) + np.maximum(-up[..., 1:2], 0.0))
        return off

    def _between(self, seen: Array, target: DistanceTarget) -> Array:
        """From the second to the first; things are carried from above to where they are put down."""
        apart = seen[..., self._at[target.first]] - seen[..., self._at[target.second]]
        return carried(apart) if target.first in OBJECTS and target.second != "rest_position" else apart


def carried(apart: Array) -> Array:
    """Differences (..., 3) between a thing and its goal, as residuals of a thing that is carried there from above.

    It is to be the higher, the farther it is beside its goal. Who is higher than that only pays for the height: so
    coming nearer is worth something without coming down at the same time.
    """
    beside = np.hypot(apart[..., :1], apart[..., 1:2])
    height = np.clip(_STEEP * (beside - _BESIDE), 0.0, _CARRIED)
    low = np.maximum(height - apart[..., 2:], 0.0)
    # Who comes too low does not come nearer: it would run into what it is carried to.
    kept_off = np.minimum(low / _CARRIED, 1.0) * (beside > _BESIDE)
    aside = apart[..., :2] * (1.0 + kept_off * (np.maximum(_CLEAR / np.maximum(beside, 1e-6), 1.0) - 1.0))
    return np.concatenate([aside, np.where(low > 0.0, height + _TOO_LOW * low, apart[..., 2:])], axis=-1)
