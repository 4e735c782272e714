"""The loop of one trial: what it measures and when, what its worlds draw from, and when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from palaestra.evaluation import FIRST_EVALUATION_LEVEL
from palaestra.progress import LessonProgress, TrialProgress
from palaestra.spec.models import FIRST_HELD_OUT_LEVEL
from palaestra.trials import default_jobs, execute

SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
budget: {steps: 1_000}
evaluation: {every: 300, episodes: 8}
"""
TEACHER = "teacher: {kind: subgoals, levels: 12}\n"


def named(metrics: list[tuple[Any, ...]], name: str) -> dict[int, float]:
    """A metric's values by iteration."""
    return {iteration: value for iteration, _, found, value in metrics if found == name}


def test_levels_of_evaluations_are_none_to_train_on() -> None:
    assert FIRST_HELD_OUT_LEVEL == FIRST_EVALUATION_LEVEL


def test_evaluations_come_at_the_beginning_when_due_and_at_the_end(runs: Any, tmp_path: Path) -> None:
    run = runs.make(SPEC, tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    # An iteration takes 128 steps; evaluations are due at 300, 600, 900, and when the budget of 1,000 is spent.
    assert [(row[0], row[1], row[2], row[3]) for row in outcome.evaluations] == [
        (0, 0, "alone", 8),
        (3, 384, "alone", 8),
        (5, 640, "alone", 8),
        (8, 1024, "alone", 8),
    ]
    assert (outcome.status, outcome.steps) == ("done", 1024)
    for _, _, _, _, success, return_mean, return_std, length in outcome.evaluations:
        assert 0 <= success <= 1
        assert 0 <= return_mean <= 1
        assert return_std >= 0
        assert 1 <= length <= 24


def test_each_iteration_is_measured(runs: Any, tmp_path: Path) -> None:
    run = runs.make(SPEC + TEACHER, tmp_path)
    assert execute(run, jobs=1).done
    metrics = runs.outcome(run).metrics
    names = {name for _, _, name, _ in metrics}
    assert {"train/success", "train/episode_return", "lessons/in_bank", "loss/policy"} <= names
    for iteration, step, name, value in metrics:
        assert step == 128 * iteration
        assert value is None or math.isfinite(value), name
    assert named(metrics, "lessons/in_bank") == dict.fromkeys(range(1, 9), 12.0)
    # Bonuses for subgoals are not in it: the task's own reward is at most 1.
    assert all(value is None or 0 <= value <= 1 for value in named(metrics, "train/episode_return").values())


def test_taught_levels_are_drawn_and_how_far_each_lesson_was_followed_is_kept(runs: Any, tmp_path: Path) -> None:
    run = runs.make(SPEC + TEACHER, tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    assert [row[0] for row in outcome.progress] == list(range(12))
    for _, episodes, successes, subgoals, reached in outcome.progress:
        counts = [int(number) for number in reached.strip("[]").split(",")]
        assert subgoals == 3
        assert counts[0] == episodes > 0
        assert counts == sorted(counts, reverse=True)
        assert len(counts) <= subgoals + 1
        assert successes <= episodes
    assert [row[2] for row in outcome.evaluations] == ["alone", "taught"] * 4


def test_an_arm_without_a_teacher_may_train_on_the_same_levels(runs: Any, tmp_path: Path) -> None:
    run = runs.make(SPEC + "levels: 5\narms: {few: {}, endless: {levels: null}}\n", tmp_path)
    assert execute(run, jobs=1).done
    assert [row[0] for row in runs.outcome(run, "few").progress] == list(range(5))
    assert runs.outcome(run, "endless").progress == []
    for arm in ("few", "endless"):
        assert {row[2] for row in runs.outcome(run, arm).evaluations} == {"alone"}


def test_seeds_differ_and_repeat(runs: Any, tmp_path: Path) -> None:
    run = runs.make(SPEC + "seeds: [4, 5]\n", tmp_path / "one")
    again = runs.make(SPEC + "seeds: [5]\n", tmp_path / "other")
    assert execute(run, jobs=1).done
    assert execute(again, jobs=1).done
    runs.assert_same(runs.outcome(run, seed=5), runs.outcome(again, seed=5))
    assert runs.outcome(run, seed=4).metrics != runs.outcome(run, seed=5).metrics


def test_a_trial_may_stop_when_it_has_succeeded_often_enough(runs: Any, tmp_path: Path) -> None:
    text = """
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 16, max_steps: 50}
agent: {network: {kind: mlp, hidden: [32]}, rollout_length: 16, minibatch_size: 256, learning_rate: 3e-3}
budget: {steps: 100_000, until_success: 0.25, held: 3}
evaluation: {every: 1_024, episodes: 16}
"""
    run = runs.make(text, tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    successes = [row[4] for row in outcome.evaluations]
    assert outcome.status == "done"
    assert outcome.steps < 100_000
    assert min(successes[-3:]) >= 0.25
    reached = [success >= 0.25 for success in successes]
    assert all(not all(reached[k : k + 3]) for k in range(len(reached) - 3))


def test_a_trial_that_fails_does_not_keep_others_from_being_done(runs: Any, tmp_path: Path) -> None:
    # What the reference refuses shows only when the world is built.
    run = runs.make(SPEC + "arms: {broken: {world: {reference: {size: 2}}}, sound: {}}\n", tmp_path)
    told: list[Any] = []
    execution = execute(run, jobs=1, progress=told.append)
    assert [(trial.arm, trial.status) for trial in execution.trials] == [("broken", "failed"), ("sound", "done")]
    assert [trial.arm for trial in execution.failed] == ["broken"]
    assert not execution.done
    assert not execution.interrupted
    assert execution.trials[0].message.startswith(
        "ValueError: the reference cannot make MiniGrid-DoorKey-5x5-v0 with max_steps=24, size=2: "
    )
    assert [message.message for message in told if message.status == "failed"] == [execution.trials[0].message]
    assert runs.events(run) == {"trial_failed": 1}
    again = execute(run, jobs=1)
    assert [trial.status for trial in again.trials] == ["failed", "done"]
    assert runs.events(run) == {"trial_failed": 2}


def test_displays_are_told_how_far_trials_are(runs: Any, tmp_path: Path) -> None:
    run = runs.make(SPEC + TEACHER, tmp_path)
    told: list[TrialProgress | LessonProgress] = []
    assert execute(run, jobs=1, progress=told.append).done
    trials = [message for message in told if isinstance(message, TrialProgress)]
    assert [message.iteration for message in trials if message.status == "running"] == [
        0,
        1,
        2,
        3,
        3,
        4,
        5,
        5,
        6,
        7,
        8,
        8,
    ]
    last = trials[-1]
    assert (last.status, last.arm, last.seed, last.steps, last.budget) == ("done", "main", 0, 1024, 1000)
    assert (last.lessons, last.remaining) == (12, 0.0)
    assert last.evaluation is not None
    assert last.steps_per_second is not None


def test_event_files_say_what_the_store_says(runs: Any, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = runs.make(SPEC, tmp_path)
    assert execute(run, jobs=1).done
    accumulator = event_accumulator.EventAccumulator(str(run.events_folder("main", 0)))
    accumulator.Reload()
    outcome = runs.outcome(run)
    written = {event.step: event.value for event in accumulator.Scalars("evaluation/alone_success")}
    assert written == pytest.approx({row[1]: row[4] for row in outcome.evaluations})
    stored = {step: value for _, step, name, value in outcome.metrics if name == "loss/policy"}
    assert {event.step: event.value for event in accumulator.Scalars("loss/policy")} == pytest.approx(stored, rel=1e-5)


def test_every_processor_that_may_be_used_gets_a_job() -> None:
    jobs: Callable[[], int] = default_jobs
    assert jobs() >= 1
