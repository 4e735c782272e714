"""Crafter's own score: of every evaluation, and of all training episodes in the original."""

from __future__ import annotations

from typing import Any

import pytest
from palaestra.run import Run
from palaestra.trials import execute
from palaestra_worlds.crafter.score import crafter_score

from .conftest import Runs

# Episodes are cut short, so that some end in each stage; a stage takes two iterations of 128 steps.
SPEC = """
world: {id: Crafter, observation: symbolic, num_envs: 8, max_steps: 20}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
budget: {steps: 768}
evaluation: {every: 100_000, episodes: 8}
checkpoint: {iterations: 1}
arms:
  alone: {}
  taught:
    teacher: {kind: environments, environments: 2, cycles: 1, steps_in_environments: 256, steps_in_original: 256}
"""


def named(outcome: Any, prefix: str) -> dict[str, list[float]]:
    """Values of the metrics that begin so, in the order of iterations, by the rest of their names."""
    found: dict[str, list[float]] = {}
    for _, _, name, value in outcome.metrics:
        if name.startswith(prefix):
            found.setdefault(name.removeprefix(prefix), []).append(value)
    return found


@pytest.fixture(scope="module")
def runs() -> Runs:
    return Runs()


@pytest.fixture(scope="module")
def run(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = runs.make(SPEC, tmp_path_factory.mktemp("score"))
    assert execute(made, jobs=1).done
    return made


def test_each_evaluation_has_a_score(runs: Runs, run: Run) -> None:
    outcome = runs.outcome(run, "alone")
    rates, scores = named(outcome, "objective/"), named(outcome, "score")[""]
    assert len(scores) == len(outcome.evaluations)
    for k, score in enumerate(scores):
        assert score == pytest.approx(crafter_score([100 * rate[k] for rate in rates.values()]))


def test_all_training_episodes_count(runs: Runs, run: Run) -> None:
    outcome = runs.outcome(run, "alone")
    ended, rates = named(outcome, "train/episodes")[""], named(outcome, "train/objective/")
    total = named(outcome, "training/objective/")
    assert named(outcome, "training/episodes")[""][-1] == sum(ended) > 0
    seen = [k for k, episodes in enumerate(ended) if episodes]
    for name, shares in rates.items():
        reached = sum(share * ended[k] for share, k in zip(shares, seen, strict=True))
        assert total[name][-1] == pytest.approx(reached / sum(ended))
    percents = [100 * values[-1] for values in total.values()]
    assert named(outcome, "training/score")[""][-1] == pytest.approx(crafter_score(percents))


def test_episodes_in_a_teachers_environments_do_not_count(runs: Runs, run: Run) -> None:
    outcome = runs.outcome(run, "taught")
    ended, taught = named(outcome, "train/episodes")[""], named(outcome, "train/taught_episodes")[""]
    seen = [episodes for episodes in ended if episodes]
    in_original = sum(episodes * (1 - share) for episodes, share in zip(seen, taught, strict=True))
    counted = named(outcome, "training/episodes")[""][-1]
    assert counted == round(in_original)
    assert 0 < counted < sum(ended)
