"""Norms against MuJoCo MPC's formulas, written out number by number, and their derivatives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.costs import (
    L2,
    L22,
    Cosh,
    Norm,
    PowerLoss,
    Quadratic,
    Rectify,
    SmoothAbs,
    SmoothAbs2,
    Term,
    cost_derivatives,
    term_costs,
    total_cost,
)

residuals = st.lists(st.floats(-3, 3, allow_subnormal=False), min_size=1, max_size=5)
scales = st.floats(0.05, 2.0)


def length(x: list[float]) -> float:
    return math.sqrt(sum(number * number for number in x))


@given(residuals, scales, st.floats(1.5, 4.0))
def test_norms_are_mujoco_mpcs(x: list[float], p: float, q: float) -> None:
    expected: list[tuple[Norm, float]] = [
        (Quadratic(), 0.5 * length(x) ** 2),
        (L22(p, q), (length(x) ** q + p**q) ** (1 / q) - p),
        (L2(p), math.sqrt(length(x) ** 2 + p**2) - p),
        (Cosh(p), sum(p**2 * (math.cosh(number / p) - 1) for number in x)),
        (PowerLoss(q), sum(abs(number) ** q for number in x)),
        (SmoothAbs(p), sum(math.sqrt(number**2 + p**2) - p for number in x)),
        (SmoothAbs2(p, q), sum((abs(number) ** q + p**q) ** (1 / q) - p for number in x)),
        (Rectify(p), sum(p * math.log1p(math.exp(number / p)) for number in x)),
    ]
    for norm, value in expected:
        assert norm.value(np.array(x)) == pytest.approx(value, rel=1e-9, abs=1e-9), norm


@given(
    st.lists(st.floats(0.05, 2.0) | st.floats(-2.0, -0.05), min_size=1, max_size=4),
    st.floats(0.2, 2.0),
    st.floats(2, 4),
)
@settings(max_examples=50)
def test_derivatives_are_the_values_slopes_and_curvatures(x: list[float], p: float, q: float) -> None:
    point, width = np.array(x), 1e-5
    steps = width * np.eye(len(x))
    for norm in (Quadratic(), L22(p, q), L2(p), Cosh(p), PowerLoss(q), SmoothAbs(p), SmoothAbs2(p, q), Rectify(p)):
        gradient, hessian = norm.derivatives(point)
        slope = (norm.value(point + steps) - norm.value(point - steps)) / (2 * width)
        curvature = (norm.derivatives(point + steps)[0] - norm.derivatives(point - steps)[0]) / (2 * width)
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-6, err_msg=str(norm))
        np.testing.assert_allclose(hessian, curvature, rtol=1e-4, atol=1e-4 * np.abs(hessian).max(), err_msg=str(norm))


def test_flat_and_huge_residuals_stay_finite() -> None:
    for norm in (L22(0.1, 2.0), L2(0.1), SmoothAbs(0.1), SmoothAbs2(0.1, 2.0), Rectify(0.1), PowerLoss(2.0)):
        for x in (np.zeros(3), np.full(3, 1e6), np.full(3, -1e6)):
            gradient, hessian = norm.derivatives(x)
            assert np.isfinite(norm.value(x))
            assert np.isfinite(gradient).all()
            assert np.isfinite(hessian).all()


def test_a_cost_is_the_weighted_sum_of_its_terms_for_any_batch() -> None:
    terms = (Term("a", 2, L2(0.1), 3.0), Term("off", 1, Quadratic(), 0.0), Term("b", 3, SmoothAbs(0.2), 0.5))
    x = np.random.default_rng(0).normal(size=(4, 7, 6))
    by_term = term_costs(terms, x)
    assert by_term.shape == (4, 7, 3)
    np.testing.assert_allclose(by_term[..., 0], 3.0 * (np.sqrt(x[..., 0] ** 2 + x[..., 1] ** 2 + 0.01) - 0.1))
    np.testing.assert_array_equal(by_term[..., 1], 0.0)
    np.testing.assert_allclose(total_cost(terms, x), by_term.sum(axis=-1))
    gradient, hessian = cost_derivatives(terms, x[0, 0])
    np.testing.assert_array_equal(hessian[:2, 2:], 0.0)
    assert gradient[2] == 0.0
