"""Controls that follow feedback gains, for several simulations side by side, compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

jit = numba.njit(cache=True, error_model="numpy")

FREE, BALL = 0, 1
"""MuJoCo's joint types that have quaternions."""


@jit
def turn_between(first: Any, second: Any, out: Any) -> None:
    """The rotation vector (3,) from one unit quaternion to another, in the frame of the first, as `mju_subQuat`."""
    w = first[0] * second[0] + first[1] * second[1] + first[2] * second[2] + first[3] * second[3]
    x = first[0] * second[1] - first[1] * second[0] - first[2] * second[3] + first[3] * second[2]
    y = first[0] * second[2] + first[1] * second[3] - first[2] * second[0] - first[3] * second[1]
    z = first[0] * second[3] - first[1] * second[2] + first[2] * second[1] - first[3] * second[0]
    sine = np.sqrt(x * x + y * y + z * z)
    angle = 2.0 * np.arctan2(sine, w)
    if angle > np.pi:
        angle -= 2.0 * np.pi
    scale = angle / sine if sine > 1e-15 else 0.0
    out[0], out[1], out[2] = x * scale, y * scale, z * scale


@jit
def position_change(joints: Any, first: Any, second: Any, out: Any) -> None:
    """How positions (nq,) differ, as velocities (nv,): `mj_differentiatePos` over one second.

    Args:
        joints: int (joints, 3): type, where its positions begin, where its velocities begin.
        first, second: (nq,).
        out: (nv,) is written.
    """
    for j in range(len(joints)):
        kind, at, to = joints[j]
        if kind == FREE:
            for k in range(3):
                out[to + k] = second[at + k] - first[at + k]
            turn_between(first[at + 3 : at + 7], second[at + 3 : at + 7], out[to + 3 : to + 6])
        elif kind == BALL:
            turn_between(first[at : at + 4], second[at : at + 4], out[to : to + 3])
        else:
            out[to] = second[at] - first[at]


@jit
def follow(
    joints: Any,
    nominal: Any,
    qpos: Any,
    qvel: Any,
    act: Any,
    control: Any,
    change: Any,
    feedback: Any,
    step_sizes: Any,
    low: Any,
    high: Any,
    before: Any,
    found: Any,
) -> None:
    """Controls of one step: control + step size * change + feedback @ (how far the state is from the nominal one).

    Args:
        joints: see `position_change`.
        nominal: (nq + nv + na,) positions, velocities and activations.
        qpos, qvel, act: (simulations, ...) of the simulations.
        control, change: (m,) of the nominal step, and of the gains.
        feedback: (m, 2 nv + na + m).
        step_sizes: (simulations,).
        low, high: (m,) limits.
        before: (simulations, m) by how much the control of the step before was changed; becomes this step's.
        found: (simulations, m) is written.
    """
    nq, nv, na, m = qpos.shape[1], qvel.shape[1], act.shape[1], len(control)
    away = np.empty(2 * nv + na + m)
    for i in range(len(qpos)):
        position_change(joints, nominal[:nq], qpos[i], away[:nv])
        for k in range(nv):
            away[nv + k] = qvel[i, k] - nominal[nq + k]
        for k in range(na):
            away[2 * nv + k] = act[i, k] - nominal[nq + nv + k]
        for k in range(m):
            away[2 * nv + na + k] = before[i, k]
        for u in range(m):
            wanted = control[u] + step_sizes[i] * change[u]
            for k in range(len(away)):
                wanted += feedback[u, k] * away[k]
            found[i, u] = min(max(wanted, low[u]), high[u])
        for u in range(m):
            before[i, u] = found[i, u] - control[u]
