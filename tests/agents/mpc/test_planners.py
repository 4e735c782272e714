"""What all planners must hold: they reach known goals, within limits, and the same way each time."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from palaestra_agents.mpc.config import AnyPlannerConfig
from palaestra_agents.mpc.planners import PLANNERS, make_planner
from palaestra_worlds.planning import PhysicsDiverged
from pydantic import TypeAdapter, ValidationError

from .problems import MASSES, Masses, Pendulum, upright_share

CONFIGS = {
    "predictive_sampling": {"noise": 0.3},
    "cross_entropy": {"noise": 0.5, "least_noise": 0.05},
    "mppi": {"noise": 0.4},
    "sample_gradient": {"noise": 0.2},
    "ilqg": {},
}
SAMPLING = sorted(set(CONFIGS) - {"ilqg"})


def planner(kind: str, problem, seed: int = 0, **settings):
    given = {"kind": kind, "threads": 1} | CONFIGS[kind] | settings
    return make_planner(TypeAdapter(AnyPlannerConfig).validate_python(given), problem, seed)


@pytest.mark.parametrize("kind", SAMPLING)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sampling_planners_swing_a_pendulum_up(kind: str, seed: int) -> None:
    made = planner(kind, Pendulum(), seed, horizon=1.2, knots=6, samples=32, action_rate=0)
    assert upright_share(made.problem, made, seconds=5.0) > 0.8


@pytest.mark.parametrize("kind", sorted(PLANNERS))
def test_plans_get_better_with_iterations(kind: str) -> None:
    state = Masses().state([1.0, -0.5], [0.0, 0.0])
    quiet = {} if kind == "ilqg" else {"noise": 0.05}
    few, many = (planner(kind, Masses(), horizon=0.6, iterations=n, **quiet).plan(state).cost for n in (1, 30))
    at_rest = planner(kind, Masses()).rollouts
    rest = at_rest.costs(state, np.zeros((1, at_rest.steps, 2)), np.zeros(2))[0]
    assert many <= few < rest


@pytest.mark.parametrize("kind", sorted(PLANNERS))
def test_the_same_seed_plans_the_same_bit_by_bit_on_any_number_of_threads(kind: str) -> None:
    def plans(seed: int, threads: int) -> np.ndarray:
        made = planner(kind, Pendulum(), seed, horizon=0.5, threads=threads, iterations=2)
        states = [np.array([0.02 * k, 0.1 * k, 0.5]) for k in range(4)]
        return np.stack([made.plan(state).knots for state in states])

    first = plans(3, threads=1)
    np.testing.assert_array_equal(first, plans(3, threads=1))
    np.testing.assert_array_equal(first, plans(3, threads=3))
    assert kind == "ilqg" or (first != plans(4, threads=1)).any()


@pytest.mark.parametrize("kind", sorted(PLANNERS))
def test_controls_stay_within_limits_whatever_the_noise(kind: str) -> None:
    problem = Masses()
    problem.control_low, problem.control_high = np.array([-1.0, 0.5]), np.array([2.0, 0.6])
    settings = {} if kind == "ilqg" else {"noise": 5.0, "interpolation": "cubic", "knots": 5}
    plan = planner(kind, problem, iterations=3, **settings).plan(problem.state([3.0, -3.0], [0.0, 0.0]))
    # Between knots a cubic may go beyond them; what is applied is clipped as in the rollouts.
    for time in np.linspace(0, 0.35, 30):
        control = plan.control(time)
        assert (control >= problem.control_low).all()
        assert (control <= problem.control_high).all()


def test_a_plan_is_the_last_ones_continuation() -> None:
    """With hardly any noise, the next plan says what the last said about the same time."""
    problem = Masses()
    made = planner("predictive_sampling", problem, horizon=0.6, iterations=50, interpolation="linear", knots=13)
    state = problem.state([1.0, -0.5], [0.0, 0.0])
    before = made.plan(state)
    quiet = planner("predictive_sampling", problem, horizon=0.6, noise=1e-12, interpolation="linear", knots=13)
    quiet.last_plan = before
    moved = np.concatenate([[0.1], state[1:]])
    after = quiet.plan(moved)
    assert after.start == 0.1
    for time in np.linspace(0.1, 0.6, 7):
        np.testing.assert_allclose(after.control(time), before.control(time), atol=1e-9)


def test_changing_the_control_costs() -> None:
    problem = Masses()
    state = problem.state([0.0, 0.0], [0.0, 0.0])
    rollouts = planner("predictive_sampling", problem, action_rate=1e-2).rollouts
    free = planner("predictive_sampling", problem, action_rate=0.0).rollouts
    controls = np.zeros((1, rollouts.steps, 2))
    controls[0, 3:, 0] = 0.5
    change = rollouts.costs(state, controls, np.zeros(2)) - free.costs(state, controls, np.zeros(2))
    assert change[0] == pytest.approx(0.5 * 1e-2 * (0.5 / 0.02) ** 2 / rollouts.steps)
    assert rollouts.costs(state, controls, np.array([0.0, 1.0]))[0] > rollouts.costs(state, controls, np.zeros(2))[0]


def test_states_that_are_not_finite_are_named() -> None:
    made = planner("predictive_sampling", Pendulum())
    with pytest.raises(PhysicsDiverged, match=r"not finite, at time 1\.5"):
        made.plan(np.array([1.5, np.nan, 0.0]))


def test_rollouts_that_diverge_are_named_and_write_no_log(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    problem = Masses()
    problem.model = mujoco.MjModel.from_xml_string(
        MASSES.replace('timestep="0.02"', 'timestep="0.1"').replace('"3"', '"1e9"')
    )
    made = planner("predictive_sampling", problem, horizon=10.0)
    with pytest.raises(PhysicsDiverged, match=r"all 60 rollouts from time 0\.000 s diverge"):
        made.plan(problem.state([1.0, 1.0], [0.0, 0.0]))
    assert list(tmp_path.iterdir()) == []


class _BlowsUpBeyondOne(Masses):
    """Physics that stays finite only while the first control is less than 1."""

    def residuals(self, trajectories):
        found = super().residuals(trajectories)
        return np.where(trajectories.controls[..., :1] > 1.0, np.inf, found)


@pytest.mark.parametrize("kind", sorted(PLANNERS))
def test_a_last_plan_that_leads_to_divergence_is_given_up(kind: str) -> None:
    quiet = {} if kind == "ilqg" else {"noise": 1e-3}
    state = Masses().state([1.0, -0.5], [0.0, 0.0])
    made = planner(kind, _BlowsUpBeyondOne(), **quiet)
    good = made.plan(state)
    made.last_plan = replace(good, knots=np.full_like(good.knots, 2.0))
    after = made.plan(state, np.zeros(2))
    assert np.isfinite(after.cost)
    assert after.control(0.0)[0] < 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "mppi", "samples": 1}, "greater than or equal to 2"),
        ({"kind": "mppi", "elites": 0.1}, "Extra inputs"),
        ({"kind": "gradient"}, "does not match any of the expected tags"),
        ({"kind": "ilqg", "knots": 3}, "Extra inputs"),
        ({"kind": "cross_entropy", "horizon": float("nan")}, "less than or equal to 10"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(AnyPlannerConfig).validate_python(settings)
