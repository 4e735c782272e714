"""How far a planning model and a simulation model come apart under the same controls from the same state."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.rollout import Rollout
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mismatch:
    """Differences after `seconds`, one number for each control sequence; medians are what to quote.

    Attributes:
        seconds: for how long both models were rolled out.
        position: distance between where the two models have the body, metres.
        turn: angle between its orientations, radians.
        joints: root mean square difference of the hinges' angles, radians.
    """

    seconds: float
    position: Array
    turn: Array
    joints: Array

    def medians(self) -> dict[str, float]:
        """The median of each difference."""
        parts = {"position": self.position, "turn": self.turn, "joints": self.joints}
        return {name: float(np.median(values)) for name, values in parts.items()}


def measure_mismatch(
    planning: mujoco.MjModel,
    simulation: mujoco.MjModel,
    qpos: Array,
    controls: Array,
    seconds: float,
    body: str,
) -> Mismatch:
    """Rolls both models out and compares them.

    Args:
        planning, simulation: two models with the same joints and actuators.
        qpos: (nq,) where both begin, at rest.
        controls: (sequences, pieces, nu), each piece held for the same share of the time.
        seconds: for how long.
        body: name of the body that is compared, such as "torso".
    """
    ends = [_rolled_out(model, qpos, controls, seconds) for model in (planning, simulation)]
    (places, turns), (other_places, other_turns) = (_poses(planning, end, body) for end in ends)
    alike = np.abs(np.einsum("ni,ni->n", turns, other_turns))
    hinges = planning.jnt_qposadr[planning.jnt_type == mujoco.mjtJoint.mjJNT_HINGE]
    return Mismatch(
        seconds=seconds,
        position=np.linalg.norm(places - other_places, axis=1),
        turn=2 * np.arccos(np.minimum(alike, 1.0)),
        joints=np.sqrt(np.mean((ends[0][:, hinges] - ends[1][:, hinges]) ** 2, axis=1)),
    )


def _poses(model: mujoco.MjModel, positions: Array, body: str) -> tuple[Array, Array]:
    """Places (n, 3) and quaternions (n, 4) of a body at positions (n, nq)."""
    data = mujoco.MjData(model)
    places, turns = np.empty((len(positions), 3)), np.empty((len(positions), 4))
    for row, qpos in enumerate(positions):
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        places[row], turns[row] = data.body(body).xpos, data.body(body).xquat
    return places, turns


def _rolled_out(model: mujoco.MjModel, qpos: Array, controls: Array, seconds: float) -> Array:
    """Positions (sequences, nq) after so many seconds."""
    steps = round(seconds / model.opt.timestep)
    pieces = np.arange(steps) * controls.shape[1] // steps
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    state = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    states = np.empty((len(controls), steps, len(state)))
    with Rollout(nthread=0) as pool:
        pool.rollout(model, data, state[None], np.ascontiguousarray(controls[:, pieces]), state=states)
    return states[:, -1, 1 : 1 + model.nq]
