from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from palaestra_agents.mpc.spline import knot_times, spline_matrix


@pytest.mark.parametrize("interpolation", ["zero", "linear", "cubic"])
@given(count=st.integers(1, 8), horizon=st.floats(0.1, 2.0), seed=st.integers(0, 99))
def test_splines_pass_through_their_knots_and_stay_at_the_ends(interpolation, count, horizon, seed) -> None:
    knots = knot_times(count, horizon)
    values = np.random.default_rng(seed).normal(size=(count, 3))
    np.testing.assert_allclose(spline_matrix(interpolation, knots, knots) @ values, values, atol=1e-12)
    outside = spline_matrix(interpolation, knots, np.array([-1.0, horizon + 1.0])) @ values
    np.testing.assert_allclose(outside, values[[0, -1]], atol=1e-12)


def test_zero_holds_and_linear_goes_straight() -> None:
    knots = np.array([0.0, 1.0, 2.0])
    values = np.array([1.0, 3.0, -1.0])
    times = np.array([0.25, 0.999, 1.5])
    np.testing.assert_allclose(spline_matrix("zero", knots, times) @ values, [1.0, 1.0, 3.0])
    np.testing.assert_allclose(spline_matrix("linear", knots, times) @ values, [1.5, 2.998, 1.0])


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_cubic_is_exact_for_parabolas_between_inner_knots_and_has_no_kinks(a: float, b: float, c: float) -> None:
    knots = np.linspace(0.0, 1.0, 5)
    inner = np.linspace(0.25, 0.75, 21)
    parabola = a * knots**2 + b * knots + c
    found = spline_matrix("cubic", knots, inner) @ parabola
    np.testing.assert_allclose(found, a * inner**2 + b * inner + c, atol=1e-9)
    zigzag = np.array([0.0, 1.0, -1.0, 1.0, 0.0])
    width = 1e-7
    for knot in knots[1:-1]:
        before, at, after = spline_matrix("cubic", knots, np.array([knot - width, knot, knot + width])) @ zigzag
        assert (after - at) / width == pytest.approx((at - before) / width, abs=1e-4)
