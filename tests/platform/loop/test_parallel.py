"""A run in two processes measures and becomes what it does in one, also when it was stopped and killed on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from palaestra.checkpoint import CheckpointError
from palaestra.curriculum import Trial
from palaestra.parallel import Leader, pack, unpack
from palaestra.spec import RunSpec, SpecError
from palaestra.trials import execute
from palaestra_agents.groups import Group

SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 64, intrinsic: rnd}
budget: {steps: 1_024}
evaluation: {every: 512, episodes: 8}
checkpoint: {iterations: 2}
arms:
  taught: {teacher: {kind: subgoals, levels: 12, model: {backend: scripted}}}
  memory: {agent: {memory: {kind: gru, size: 8, steps: 8}}}
"""
CLOSE = 1e-4
"""Sums over two halves are rounded otherwise than sums over the whole."""


def torchrun(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run in one process."""
    from palaestra.run import start_run

    run = start_run(RunSpec.from_yaml(SPEC, "spec.yaml"), tmp_path_factory.mktemp("alone"))
    assert execute(run, jobs=1).done
    return run.folder


def test_two_processes_do_what_one_does_also_after_a_stop_and_a_kill(runs: Any, tmp_path: Path, alone: Path) -> None:
    run = runs.make(SPEC, tmp_path)
    done = torchrun(str(Path(__file__).with_name("together.py")), str(run.folder))
    said = [line.removeprefix("said: ") for line in done.stdout.splitlines() if line.startswith("said: ")]
    assert len(said) == 2, done.stdout + done.stderr
    assert said[0] == "interrupted True"
    assert said[1].startswith("process 0 of 2 has lost another one")
    assert "start all again with --resume" in said[1]
    assert [trial.status for trial in run.trials()] == ["interrupted", "waiting"]
    # Saved when it was stopped, an iteration after it was told to; killed before the next checkpoint.
    assert runs.newest(run, "taught")["position"]["iteration"] == 4

    with run.open_store() as store, pytest.raises(CheckpointError, match="resume it in 2 processes"):
        Trial(run, "taught", 0, store)

    done = torchrun("-m", "palaestra", "resume", str(run.folder), "--quiet")
    assert done.returncode == 0, done.stderr
    assert [trial.status for trial in run.trials()] == ["done", "done"]
    for arm in ("taught", "memory"):
        assert_close(runs.outcome(run, arm), runs.outcome(runs.open(alone), arm))


def assert_close(one: Any, other: Any) -> None:
    assert one.steps == other.steps
    assert one.progress == other.progress
    assert [row[:3] for row in one.metrics] == [row[:3] for row in other.metrics]
    np.testing.assert_allclose(values(one.metrics), values(other.metrics), atol=CLOSE)
    assert len(one.evaluations) == len(other.evaluations)
    for evaluations in zip(one.evaluations, other.evaluations, strict=True):
        assert evaluations[0] == pytest.approx(evaluations[1])
    for part in ("agent", "lesson_counts", "original"):
        assert_close_state(one.state[part], other.state[part], part)


def values(metrics: list[tuple[Any, ...]]) -> list[float]:
    return [np.nan if value is None else value for *_, value in metrics]


def assert_close_state(one: Any, other: Any, where: str) -> None:
    if isinstance(one, dict | list):
        pairs = zip(one, other, strict=True) if isinstance(one, list) else ((one[key], other[key]) for key in other)
        for index, (left, right) in enumerate(pairs):
            assert_close_state(left, right, f"{where}.{index}")
    elif isinstance(one, torch.Tensor | np.ndarray):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=CLOSE, err_msg=where)
    else:
        assert one == other, where


def check(text: str, processes: int) -> None:
    Leader(Group(0, processes)).check(RunSpec.from_yaml(text, "spec.yaml"))


def test_what_processes_cannot_share_is_refused() -> None:
    check(SPEC, 4)
    with pytest.raises(SpecError, match=r"^arm 'taught': world.num_envs is 8, which 3 processes cannot share evenly"):
        check(SPEC, 3)
    compiled = SPEC.replace("epochs: 1", "epochs: 1, compile: true")
    with pytest.raises(SpecError, match=r"^arm 'taught' cannot learn in 2 processes: agent.compile .* torchrun$"):
        check(compiled, 2)


def test_what_processes_tell_one_another_is_plain_data() -> None:
    told = {"do": "draw", "tasks": [{"level_seed": 3}], "weights": np.array([0.5]), "none": None, "bytes": b"\0\1"}
    found = unpack(pack(told))
    np.testing.assert_array_equal(found.pop("weights"), told.pop("weights"))
    assert found == told
    with pytest.raises(TypeError, match="it cannot be kept"):
        pack({"do": object()})
