"""Runs in a world with a measure of its own: scores over seeds, points beside the best untaught arm, who that is."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest
from palaestra.cli.reporting import print_comparison
from palaestra.evaluation import Evaluation
from palaestra.recorder import TrialRecorder
from palaestra.report import compare
from palaestra.report.arms import read_arms
from palaestra.report.objectives import read_scores
from palaestra.report.page import render
from palaestra.run import Run, start_run
from palaestra.spec import RunSpec
from palaestra.store import Store
from palaestra_worlds.crafter.character import ACHIEVEMENTS
from palaestra_worlds.crafter.score import crafter_score

SPEC = """
name: crafters
world: {id: Crafter, observation: symbolic, num_envs: 8}
teacher: {kind: environments, cycles: 1, steps_in_environments: 5000, steps_in_original: 5000}
budget: {steps: 10000}
evaluation: {every: 1000, episodes: 20}
arms:
  envgen: {}
  original: {teacher: null}
  random: {teacher: {source: random}}
seeds: 2
"""
EPISODES = 20
# Of each seed, in how many of the 20 episodes wood was collected at the end; nothing else ever is.
WOOD = {"envgen": (16, 20), "original": (4, 6), "random": (8, 8)}


def score_of(wood: int) -> float:
    return crafter_score([100 * wood / EPISODES] + [0.0] * (len(ACHIEVEMENTS) - 1))


def evaluation_of(wood: int) -> Evaluation:
    reached = np.zeros((EPISODES, len(ACHIEVEMENTS)), np.bool_)
    reached[:wood, ACHIEVEMENTS.index("collect_wood")] = True
    numbers = np.zeros(EPISODES), np.full(EPISODES, 100, np.int32), np.zeros(EPISODES, np.bool_)
    return Evaluation(*numbers, ACHIEVEMENTS, reached, score_of(wood))


def record(store: Store, arm: str, seed: int, wood: int) -> None:
    """Nothing is collected at first."""
    trial = store.trial(arm, seed).id
    recorder = TrialRecorder(store, trial)
    for k, found in enumerate((0, wood)):
        recorder.evaluation(k, 1000 * k, "alone", evaluation_of(found))
    recorder.metrics(1, 1000, {"training/score": score_of(wood) / 2, "training/objective/collect_wood": 0.25})
    recorder.commit(1000, 1.0)
    store.set_status(trial, "done")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = start_run(RunSpec.from_yaml(SPEC, "crafters.yaml"), tmp_path_factory.mktemp("runs"))
    with made.open_store() as store:
        for arm, woods in WOOD.items():
            for seed, wood in enumerate(woods):
                record(store, arm, seed, wood)
    return made


def words(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("</style>")[2]))).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_arms_are_set_beside_the_best_that_no_language_model_taught(run: Run) -> None:
    with run.open_store(read_only=True) as store:
        scores = {score.arm.name: score for score in read_scores(store, read_arms(run, store))}
    assert [name for name, score in scores.items() if score.baseline] == ["random"]
    final, points = scores["envgen"].final, scores["envgen"].points
    assert final is not None
    assert points is not None
    assert (final.low, final.high) == pytest.approx((score_of(16), score_of(20)))
    # Both seeds of the baseline are alike, so that only the other side has a spread.
    assert points.low == pytest.approx(score_of(16) - score_of(8))
    assert points.high == pytest.approx(score_of(20) - score_of(8))
    assert points.value == pytest.approx(final.value - score_of(8))
    training = scores["original"].training
    assert training is not None
    assert training.value == pytest.approx((score_of(4) + score_of(6)) / 4)


def test_compare_shows_scores_instead_of_steps(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    comparison = compare([run], 0.8)
    assert "Score at the end, %" in comparison.headings
    assert not [heading for heading in comparison.headings if heading.startswith("Steps")]
    cells = {row[2]: row for row in comparison.cells()}
    low, high = score_of(16), score_of(20)
    assert f"{(low + high) / 2:.1f} [{low:.1f}, {high:.1f}]" in cells["envgen"]
    assert "0 (best untaught)" in cells["random"]
    print_comparison(comparison)
    shown = capsys.readouterr().out
    assert "teacher of envgen: environments, 1 x 4, written with feedback; scripted" in shown
    assert "baseline random: environments, 1 x 4, drawn at random; no language model" in shown


def test_the_page_calls_a_baseline_what_it_is(run: Run) -> None:
    found = words(render(run))
    assert "The best arm without a language model, “random”," in found
    assert "Baseline random: environments, 1 x 4, drawn at random; no language model." in found
    assert "random baseline: environments, 1 x 4, drawn at random" in found
    assert "envgen taught" in found
    assert "random taught" not in found
    assert "Crafter score: the geometric mean" in found


def test_objectives_are_told_of_evaluations_and_of_training(run: Run) -> None:
    page = render(run)
    tables = re.findall(r'aria-label="Objectives ([^"]+)">(.*?)</table>', page, re.DOTALL)
    assert [meaning for meaning, _ in tables] == [
        "at the last evaluation, acting alone in the original",
        "over all training episodes in the original",
    ]
    assert [len(re.findall('<th scope="row">', table)) for _, table in tables] == [len(ACHIEVEMENTS), 1]
    assert "collect_wood 90 % ± 14 25 % ± 7 40 % ± 0" in words(f"</style>{tables[0][1]}")


def test_a_picture_of_the_curves_shows_scores(run: Run, tmp_path: Path) -> None:
    from palaestra.report import write_picture

    write_picture(run, tmp_path / "curves.svg")
    assert "Score in Crafter" in (tmp_path / "curves.svg").read_text(encoding="utf-8")
