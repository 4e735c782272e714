"""When plans take effect, and what late ones do."""

from __future__ import annotations

import numpy as np
import palaestra_worlds
import pytest
from palaestra_agents.mpc.config import CrossEntropyConfig, PredictiveSamplingConfig
from palaestra_agents.mpc.control import Controller, drive, make_controllers
from palaestra_agents.mpc.cross_entropy import CrossEntropy
from palaestra_agents.mpc.predictive_sampling import PredictiveSampling

from .problems import Masses, Pendulum

PERIOD = 0.02


def controller(latency, seed: int = 0) -> Controller:
    config = PredictiveSamplingConfig(horizon=0.4, samples=16, noise=0.2, threads=1)
    made = Controller(PredictiveSampling(config, Masses(), seed), PERIOD, latency)
    made.reset(seed)
    return made


def states(count: int) -> list[np.ndarray]:
    """The masses at rest in one place, at the beginnings of control periods."""
    return [np.array([PERIOD * k, 1.0, -0.5, 0.0, 0.0]) for k in range(count)]


@pytest.mark.parametrize("latency", [1, 2, 3])
def test_a_plan_takes_effect_so_many_periods_after_the_state_that_it_was_made_from(latency: int) -> None:
    made = controller(latency)
    starts = []
    for state in states(10):
        control = made.control(state)
        starts.append(None if made.plan is None else round(made.plan.start / PERIOD))
        expected = made.planner.problem.rest_control if made.plan is None else made.plan.control(float(state[0]))
        np.testing.assert_array_equal(control, expected)
    assert starts == [None if k < latency else (k // latency - 1) * latency for k in range(10)]


def test_without_latency_the_world_waits_for_each_plan() -> None:
    made = controller(0)
    for k, state in enumerate(states(5)):
        control = made.control(state)
        assert made.plan is not None
        assert made.plan.start == state[0]
        np.testing.assert_array_equal(control, made.plan.knots[0])
        assert made.timing.plans == k + 1
    assert 0 < made.timing.overhead < 1


def test_measured_latency_is_at_least_one_period() -> None:
    made = controller("measured")
    np.testing.assert_array_equal(made.control(states(1)[0]), made.planner.problem.rest_control)
    for state in states(2000):
        if made.control(state).any():
            break
    assert made.plan is not None


def test_a_reset_begins_the_same_controls_again() -> None:
    made = controller(2)
    first = [made.control(state) for state in states(8)]
    made.reset(0)
    np.testing.assert_array_equal(first, [made.control(state) for state in states(8)])


def test_a_negative_latency_and_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="latency is -1"):
        controller(-1)
    with pytest.raises(ValueError, match="make another planner"):
        controller(0).planner.take_problem(Pendulum())


def test_several_robots_are_driven_each_by_its_own_task_through_ends_of_episodes() -> None:
    world = palaestra_worlds.make("Quadruped", num_envs=2, max_steps=4, fidelity="planning")
    low, high = (world.task_space(torso={"height": height}) for height in (0.2, 0.27))
    world.assign([low, high])
    world.reset(seed=0)
    config = CrossEntropyConfig(horizon=0.1, samples=4, threads=1)
    controllers = make_controllers(world, 2, lambda problem, i: CrossEntropy(config, problem, i))
    terms = [each.planner.problem for each in controllers]
    ends = 0
    for _, rewards, _, truncated, infos in drive(world, controllers, 6):
        assert ((rewards > 0) & (rewards <= 1)).all()
        ends += int(truncated.sum())
        assert not infos["diverged"].any()
    assert ends == 2
    # The next episodes' tasks are the world's own, and so are the problems.
    assert all(each.planner.problem is not before for each, before in zip(controllers, terms, strict=True))
    assert all(each.timing.plans == 2 for each in controllers)
