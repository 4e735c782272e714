"""Heat maps show where agents were, by arm; the reward for novelty is drawn over steps."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO

import numpy as np
from palaestra import checkpoint
from palaestra.checkpoint import CheckpointHeader
from palaestra.recorder import TrialRecorder
from palaestra.report.arms import read_arms
from palaestra.report.page import content, render
from palaestra.report.places import NOVELTY, heat_map, read_places
from palaestra.results import metric_curve, read_trials
from palaestra.run import Run
from palaestra.visits import Visits
from PIL import Image


def keep_visits(run: Run, arm: str, seed: int, early: tuple[float, float], late: tuple[float, float]) -> None:
    visits = Visits()
    visits.add(np.array([early]), progress=0.0)
    visits.add(np.array([late]), progress=0.5)
    header = CheckpointHeader(
        world_id="MiniGrid-DoorKey-5x5-v0",
        agent_kind="ppo",
        arm=arm,
        seed=seed,
        iteration=1,
        step=1,
        config_hash="",
    )
    checkpoint.save(run.checkpoint_folder(arm, seed), header, {"visits": visits.state_dict()})


def picture(url: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def test_arms_are_shown_with_the_share_of_all_places_that_they_were_in(empty_run: Run) -> None:
    keep_visits(empty_run, "ppo", 0, (0.1, 0.1), (0.1, 0.1))
    keep_visits(empty_run, "rnd", 0, (0.1, 0.1), (0.9, 0.9))
    keep_visits(empty_run, "rnd", 1, (0.1, 0.1), (0.5, 0.1))
    with empty_run.open_store(read_only=True) as store:
        shown = read_places(empty_run, read_arms(empty_run, store))
    assert [(arm.arm, arm.seeds, arm.seen) for arm in shown] == [("ppo", 1, (1 / 3, 1 / 3)), ("rnd", 2, (1 / 3, 1.0))]
    early, whole = picture(shown[1].early), picture(shown[1].all)
    height, width = early.shape[:2]
    differ = (early != whole).any(axis=2)
    assert differ[int(0.9 * height), int(0.9 * width)]
    assert differ[int(0.1 * height), int(0.5 * width)]
    assert "First tenth of the step budget" in render(empty_run)


def test_runs_without_places_have_no_heat_maps(whole_run: Run) -> None:
    assert content(whole_run)["places"] == []


def test_more_visits_are_brighter() -> None:
    counts = np.array([[0, 1], [10, 100]])
    shown = picture(heat_map(np.full((20, 20, 3), 200, np.uint8), counts)).astype(int).sum(axis=2)
    assert shown[5, 15] < shown[15, 5] < shown[15, 15]
    assert shown[5, 5] == 600


def test_a_metric_is_drawn_as_means_over_pieces_of_training(empty_run: Run, record: Callable[..., None]) -> None:
    with empty_run.open_store() as store:
        record(store, "rnd", 0, (0.0, 0.1))
        recorder = TrialRecorder(store, store.trial("rnd", 0).id)
        for k in range(6):
            recorder.metrics(k, 100 * k, {NOVELTY: 1.0 + k})
        recorder.commit(600, 1.0)
        trials = [trial for trial in read_trials(store) if (trial.row.arm, trial.row.seed) == ("rnd", 0)]
        found = metric_curve(store, trials, NOVELTY, points=3)
        assert metric_curve(store, trials, "nothing") is None
    assert found is not None
    assert (found.steps.tolist(), found.values.tolist()) == ([50, 250, 450], [[1.5, 3.5, 5.5]])
    assert "Reward for novelty" in render(empty_run)
