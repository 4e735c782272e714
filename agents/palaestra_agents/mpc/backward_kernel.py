"""The backward pass's arithmetic, compiled: a Riccati recursion whose steps are quadratic programs with limits."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

jit = numba.njit(cache=True, error_model="numpy")

_ROUNDS = 100
_SMALLEST_SLOPE = 1e-16
_LEAST_GAIN = 0.1
_SHORTEST = 1e-22


@jit
def factorize(matrix: Any, at: Any, count: int, factor: Any) -> bool:
    """The lower Cholesky factor of the rows and columns `at[:count]` of a matrix; False where it is not positive."""
    for i in range(count):
        for j in range(i + 1):
            rest = matrix[at[i], at[j]]
            for k in range(j):
                rest -= factor[i, k] * factor[j, k]
            if i > j:
                factor[i, j] = rest / factor[j, j]
            elif rest > 1e-14:
                factor[i, i] = np.sqrt(rest)
            else:
                return False
    return True


@jit
def solve_factorized(factor: Any, count: int, right: Any) -> None:
    """Replaces `right` (count,) by the solution of factor @ factor.T @ x = right."""
    for i in range(count):
        for k in range(i):
            right[i] -= factor[i, k] * right[k]
        right[i] /= factor[i, i]
    for i in range(count - 1, -1, -1):
        for k in range(i + 1, count):
            right[i] -= factor[k, i] * right[k]
        right[i] /= factor[i, i]


@jit
def within_limits(curvature: Any, slope: Any, low: Any, high: Any, change: Any, free: Any, factor: Any) -> int:
    """Minimises 0.5 x·H x + g·x for low <= x <= high by projected Newton steps (Tassa et al. 2014).

    Args:
        curvature: H (m, m), symmetric.
        slope: g (m,).
        low, high: (m,) with 0 between them.
        change: (m,) becomes the minimum.
        free: int64 (m,) its first numbers become the rows that are at no limit.
        factor: (m, m) becomes the Cholesky factor of their part of H.

    Returns:
        How many rows are free; -1 where H is not positive on them.
    """
    m = len(slope)
    change[:] = np.minimum(np.maximum(0.0, low), high)
    value = 0.5 * change @ (curvature @ change) + slope @ change
    count, fresh = 0, True
    held = np.zeros(m, np.bool_)
    step, tried = np.zeros(m), np.zeros(m)
    for _ in range(_ROUNDS):
        gradient = slope + curvature @ change
        changed = fresh
        fresh = False
        for i in range(m):
            now = (change[i] <= low[i] and gradient[i] > 0) or (change[i] >= high[i] and gradient[i] < 0)
            changed = changed or now != held[i]
            held[i] = now
        if changed:
            count = 0
            for i in range(m):
                if not held[i]:
                    free[count] = i
                    count += 1
            if not factorize(curvature, free, count, factor):
                return -1
        squares = 0.0
        for k in range(count):
            step[k] = -gradient[free[k]]
            squares += step[k] ** 2
        if squares < _SMALLEST_SLOPE:
            break
        solve_factorized(factor, count, step)
        promised = 0.0
        for k in range(count):
            promised += step[k] * gradient[free[k]]
        if promised >= 0.0:
            break
        length = 1.0
        while True:
            tried[:] = change
            for k in range(count):
                i = free[k]
                tried[i] = min(max(change[i] + length * step[k], low[i]), high[i])
            found = 0.5 * tried @ (curvature @ tried) + slope @ tried
            if found - value <= _LEAST_GAIN * length * promised or length < _SHORTEST:
                break
            length *= 0.5
        if length < _SHORTEST:
            break
        change[:] = tried
        value = found
    return count


@jit
def backward_pass(
    transition: Any,
    control: Any,
    cost_x: Any,
    cost_u: Any,
    cost_xx: Any,
    cost_uu: Any,
    cost_ux: Any,
    low: Any,
    high: Any,
    regularization: float,
    changes: Any,
    feedbacks: Any,
) -> float:
    """Writes changes (T, m) and feedbacks (T, m, n); arguments are a `LocalModel`'s, limits (T, m) of the changes.

    The last m numbers of a state are the control before: nothing that follows depends on them, and the control becomes
    them. So only the other k = n - m rows of `transition` (T, k, k) and `control` (T, k, m) are given.

    Returns:
        How much less the full step should cost; -inf where the problem is not convex.
    """
    steps, k, m = control.shape
    n = k + m
    value_x, value_xx = np.zeros(n), np.zeros((n, n))
    free, factor, right = np.zeros(m, np.int64), np.zeros((m, m)), np.zeros(m)
    expected = 0.0
    for t in range(steps - 1, -1, -1):
        a, b = transition[t], control[t]
        inner = np.ascontiguousarray(value_xx[:k, :k])
        across = np.ascontiguousarray(value_xx[k:, :k])
        q_x, q_xx, q_ux = cost_x[t].copy(), cost_xx[t].copy(), cost_ux[t].copy()
        by_control = b.T @ inner + across
        q_x[:k] += a.T @ value_x[:k]
        q_u = cost_u[t] + b.T @ value_x[:k] + value_x[k:]
        q_xx[:k, :k] += a.T @ (inner @ a)
        q_ux[:, :k] += by_control @ a
        crossing = across @ b
        q_uu = cost_uu[t] + (by_control - across) @ b + crossing + crossing.T + value_xx[k:, k:]
        curvature = q_uu + regularization * np.eye(m)
        change, feedback = changes[t], feedbacks[t]
        count = within_limits(curvature, q_u, low[t], high[t], change, free, factor)
        if count < 0:
            return -np.inf
        feedback[:] = 0.0
        for column in range(n):
            for i in range(count):
                right[i] = -q_ux[free[i], column]
            solve_factorized(factor, count, right)
            for i in range(count):
                feedback[free[i], column] = right[i]
        quadratic = q_uu @ feedback
        value_x = q_x + feedback.T @ (q_uu @ change + q_u) + q_ux.T @ change
        crossed = feedback.T @ (q_ux + 0.5 * quadratic)
        value_xx = q_xx + crossed + crossed.T
        value_xx = 0.5 * (value_xx + value_xx.T)
        expected -= q_u @ change + 0.5 * change @ (q_uu @ change)
    return expected
