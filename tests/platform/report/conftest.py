"""Runs with known numbers: a real store, real lessons and real checkpoints, without the training."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from palaestra import checkpoint
from palaestra.build import make_agent, make_world
from palaestra.checkpoint import CheckpointHeader
from palaestra.evaluation import Evaluation
from palaestra.lessons import Preparation
from palaestra.measured import LessonCounts
from palaestra.recorder import TrialRecorder
from palaestra.run import Run, start_run
from palaestra.spec import RunSpec
from palaestra.store import Store

from .chromium import Browser

EVERY, EPISODES = 10_000, 20
SPEC = """
name: doors
description: Does a teacher <b>help</b> with doors & keys?
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 4}
agent: {kind: ppo}
budget: {steps: 40000}
evaluation: {every: 10000, episodes: 20}
arms:
  taught: {teacher: {kind: subgoals, levels: 8, model: {backend: scripted}}}
  ppo: {}
  rnd: {agent: {intrinsic: {kind: rnd}}}
seeds: 3
"""
TAUGHT = ((0.0, 0.5, 0.8, 1.0, 1.0), (0.0, 0.8, 0.95, 1.0, 1.0), (0.0, 0.6, 0.7, 0.9, 1.0))
PPO = ((0.0, 0.1, 0.0, 0.1, 0.2), (0.0, 0.0, 0.0, 0.1, 0.1), (0.0, 0.1, 0.1, 0.1, 0.3))
RND = ((0.0, 0.1, 0.2, 0.5, 0.7), (0.0, 0.0, 0.1, 0.4, 0.5), (0.0, 0.2, 0.3, 0.6, 0.75))


def evaluation_of(success: float) -> Evaluation:
    """A result with this share of successes, whose returns are 0.9 where it succeeded."""
    successes = np.arange(EPISODES) < round(success * EPISODES)
    return Evaluation(np.where(successes, 0.9, 0.0), np.full(EPISODES, 30, np.int32), successes)


def record_trial(
    store: Store,
    arm: str,
    seed: int,
    curve: Sequence[float],
    status: str = "done",
    mode: str = "alone",
    message: str = "",
) -> None:
    """Fills a trial as its worker would: an evaluation at 0, EVERY, 2 EVERY, ... steps, an iteration before each."""
    trial = store.trial(arm, seed).id
    recorder = TrialRecorder(store, trial)
    for k, success in enumerate(curve):
        times = {"time/step": 1.0, "time/act": 2.0, "time/learn": 5.0, "time/iteration": 8.5}
        if mode == "alone":
            recorder.metrics(k, k * EVERY, {**times, "speed/steps_per_second": 1000.0 + k, "time/evaluation": 1.5})
        recorder.evaluation(k, k * EVERY, mode, evaluation_of(success))
    recorder.commit((len(curve) - 1) * EVERY, 10.0 * len(curve))
    store.set_status(trial, status, message)


def record_progress(store: Store, arm: str, seed: int, episodes: int = 10) -> None:
    """In every level of the first half of the bank, 3 subgoals each: 1 episode reached none, the others two."""
    counts = LessonCounts.empty(4)
    for row in range(4):
        counts.add(np.full(episodes, row), np.arange(episodes) > 4, np.where(np.arange(episodes) > 0, 2, 0))
    recorder = TrialRecorder(store, store.trial(arm, seed).id)
    recorder.lesson_progress(list(range(4)), [3] * 4, counts)
    recorder.commit(4 * EVERY, 50.0)


def ask_teachers(run: Run) -> None:
    """The real teacher is asked about all levels."""
    with Preparation(run, run.spec.arm_names, threading.Event()) as preparation:
        preparation.finish(lambda message: None)


def save_agent(run: Run, arm: str, seed: int) -> Path:
    """A checkpoint of an agent that has not learned anything."""
    spec = run.spec.arm(arm)
    world = make_world(spec, 1)
    agent = make_agent(spec, world, seed)
    world.close()
    header = CheckpointHeader(
        world_id=spec.world.id,
        agent_kind=spec.agent.kind,
        arm=arm,
        seed=seed,
        iteration=4,
        step=4 * EVERY,
        config_hash="x",
    )
    return checkpoint.save(run.checkpoint_folder(arm, seed), header, {"agent": agent.state_dict()})


@pytest.fixture
def empty_run(tmp_path: Path) -> Run:
    """Nothing has been done yet."""
    return start_run(RunSpec.from_yaml(SPEC, "doors.yaml"), tmp_path)


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every trial is done: taught solves it, ppo and rnd do not; one lesson was dropped."""
    run = start_run(RunSpec.from_yaml(SPEC, "doors.yaml"), tmp_path_factory.mktemp("runs"))
    ask_teachers(run)
    with run.open_store() as store:
        for arm, curves in (("taught", TAUGHT), ("ppo", PPO), ("rnd", RND)):
            for seed, curve in enumerate(curves):
                record_trial(store, arm, seed, curve)
        for seed in range(3):
            record_trial(store, "taught", seed, (0.0, 0.9, 1.0, 1.0, 1.0), mode="taught")
            record_progress(store, "taught", seed)
        with store.transaction() as connection:
            connection.execute(
                "UPDATE lessons SET state = 'dropped', lesson = NULL, reason = ? WHERE level_seed = 7",
                ("unavailable: timeout: no reply within 60 s",),
            )
        store.event("timeout", "level 7: no reply <script>alert(1)</script> within 60 s")
    for arm in ("taught", "rnd"):
        for seed in range(3):
            save_agent(run, arm, seed)
    return run


@pytest.fixture(scope="session")
def record() -> Callable[..., None]:
    """`record_trial`, for tests that fill a run of their own."""
    return record_trial


@pytest.fixture(scope="session")
def save() -> Callable[..., Path]:
    """`save_agent`, likewise."""
    return save_agent


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        reason = "there is no chromium to look at the report with; on Debian: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
