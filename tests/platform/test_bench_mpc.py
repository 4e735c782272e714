"""`palaestra bench mpc` measures what it says, on a planner or two."""

from __future__ import annotations

import pytest
from palaestra.bench.mpc import ROBOTS, bench_mpc


def test_it_measures_speed_and_cost_of_each_planner() -> None:
    kinds = ("predictive_sampling", "ilqg")
    results = bench_mpc(kinds, samples=(4,), rounds=1, seconds=0.02, motion=0.1, seeds=1, threads=1)
    for robot in ROBOTS:
        assert {speed["planner"] for speed in results.figures["speed"] if speed["robot"] == robot} == set(kinds)
        apart = [one["position"] for one in results.figures["mismatch"] if one["robot"] == robot]
        assert len(apart) == 3
        assert all(0 < distance < 0.1 for distance in apart)
    speeds = {speed["planner"]: speed for speed in results.figures["speed"] if speed["robot"] == "Quadruped"}
    assert speeds["predictive_sampling"]["steps"] == 4 * 35
    assert all(0 < speed["overhead"] < 1 for speed in speeds.values())
    assert min(results.figures["rollout_steps"].values()) > 0
    reached = {entry["planner"]: entry for entry in results.figures["reached"] if entry["robot"] == "Quadruped"}
    assert set(reached) == set(kinds)
    assert all(0 < cost < 1 for entry in reached.values() for cost in entry["costs"])
    assert min(entry["iterations"] for entry in reached.values()) == 1
    assert "predictive sampling" in results.to_markdown()


def test_a_planner_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="there is no planner 'pid'; there are predictive_sampling"):
        bench_mpc(("pid",))
    with pytest.raises(ValueError, match="there is no robot 'Crafter' here; there are Quadruped, Manipulator"):
        bench_mpc(robots=("Crafter",))
