"""A run that was stopped, killed, or ran out of disk goes on as if nothing had happened."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from palaestra.checkpoint import list_checkpoints
from palaestra.progress import TrialProgress
from palaestra.run import RunError
from palaestra.store import StoreError
from palaestra.trials import execute

from ...read_only import read_only

SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: subgoals, levels: 12, model: {backend: scripted}}
budget: {steps: 1_536}
evaluation: {every: 512, episodes: 8}
checkpoint: {iterations: 2}
arms: {taught: {}, memory: {teacher: null, agent: {memory: {kind: gru, size: 8, steps: 8}}}}
"""
ARMS = ("taught", "memory")


def at_iteration(number: int, act: Any, arm: str = "taught") -> Any:
    """A listener that acts once, when a trial has done so many iterations."""
    pending = [act]

    def listen(message: object) -> None:
        if isinstance(message, TrialProgress) and (message.arm, message.iteration) == (arm, number) and pending:
            pending.pop()()

    return listen


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was left alone."""
    from palaestra.run import start_run
    from palaestra.spec import RunSpec

    run = start_run(RunSpec.from_yaml(SPEC, "spec.yaml"), tmp_path_factory.mktemp("undisturbed"))
    assert execute(run, jobs=1).done
    return run.folder


def assert_as_undisturbed(runs: Any, run: Any, undisturbed: Path) -> None:
    whole = runs.open(undisturbed)
    for arm in ARMS:
        runs.assert_same(runs.outcome(run, arm), runs.outcome(whole, arm))


def test_an_interrupted_run_finishes_its_iteration_and_resumes(runs: Any, tmp_path: Path, undisturbed: Path) -> None:
    run = runs.make(SPEC, tmp_path)
    execution = execute(run, jobs=1, progress=at_iteration(3, lambda: signal.raise_signal(signal.SIGINT)))
    assert execution.interrupted
    assert not execution.done
    assert [(trial.name, trial.status, trial.steps) for trial in execution.trials] == [
        ("taught-seed0", "interrupted", 3 * 128),
        ("memory-seed0", "waiting", 0),
    ]
    assert runs.newest(run, "taught")["position"]["iteration"] == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    execution = execute(runs.open(run.folder), jobs=1)
    assert (execution.done, execution.interrupted) == (True, False)
    assert_as_undisturbed(runs, run, undisturbed)
    assert execute(run, jobs=1).done


def test_workers_measure_the_same_and_stop_when_told_to(runs: Any, tmp_path: Path, undisturbed: Path) -> None:
    run = runs.make(SPEC, tmp_path)
    execution = execute(run, jobs=2, progress=at_iteration(1, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert execution.done or execution.interrupted
    assert {trial.status for trial in execution.trials} <= {"interrupted", "waiting", "done"}
    assert execute(run, jobs=2).done
    assert_as_undisturbed(runs, run, undisturbed)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_second_interrupt_ends_everything_at_once(runs: Any, tmp_path: Path, undisturbed: Path, jobs: int) -> None:
    run = runs.make(SPEC, tmp_path)

    def press_twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        execute(run, jobs=jobs, progress=at_iteration(0, press_twice))
    assert [child.name for child in multiprocessing.active_children()] == []
    assert execute(run, jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)


def test_a_worker_that_is_killed_is_named_and_its_trial_resumes(runs: Any, tmp_path: Path, undisturbed: Path) -> None:
    run = runs.make(SPEC, tmp_path)

    def kill() -> None:
        worker = next(child for child in multiprocessing.active_children() if child.name == "taught-seed0")
        worker.kill()

    execution = execute(run, jobs=2, progress=at_iteration(0, kill))
    taught, memory = execution.trials
    assert (taught.status, memory.status) == ("failed", "done")
    assert "worker process of trial taught-seed0 was ended by SIGKILL" in taught.message
    assert "resume the run" in taught.message
    assert runs.events(run) == {"worker_died": 1}
    assert execute(run, jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)


def test_killed_at_twenty_random_moments(runs: Any, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_runs.py")), str(tmp_path), "20"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] == 20
    whole = runs.open(Path(found["whole"]))
    assert len(runs.outcome(whole).evaluations) == 14
    for folder in found["killed"]:
        killed = runs.open(Path(folder))
        runs.assert_same(runs.outcome(killed), runs.outcome(whole))
        assert runs.lessons(killed) == runs.lessons(whole)
        assert runs.events(killed) == {}


@pytest.fixture
def file_size() -> Iterator[Any]:
    """Limits the size of files that this process, or another one, may write, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # What exceeds the limit shall fail, not end the process.
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size, process=0: resource.prlimit(process, resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
@pytest.mark.parametrize("size", [1 << 10, 150 << 10], ids=["nothing fits", "checkpoints do not fit"])
def test_a_full_disk_ends_the_run_by_name(
    runs: Any, tmp_path: Path, undisturbed: Path, file_size: Any, size: int
) -> None:
    run = runs.make(SPEC, tmp_path)
    with pytest.raises(StoreError, match=r"make room on the disk .* then resume the run"):
        execute(run, jobs=1, progress=at_iteration(5, lambda: file_size(size)))
    file_size(resource.RLIM_INFINITY)
    assert not any(run.folder.rglob("*.partial"))
    assert execute(run, jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_full_disk_in_a_worker_ends_the_run_by_name(
    runs: Any, tmp_path: Path, undisturbed: Path, file_size: Any
) -> None:
    run = runs.make(SPEC, tmp_path)

    def fill() -> None:
        for child in multiprocessing.active_children():
            file_size(1 << 10, child.pid)

    with pytest.raises(StoreError, match=r"make room on the disk .* then resume the run"):
        execute(run, jobs=2, progress=at_iteration(0, fill))
    assert execute(run, jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)


@pytest.mark.parametrize("part", [".", "checkpoints"])
def test_a_folder_that_becomes_read_only_ends_the_run_by_name(
    runs: Any, tmp_path: Path, undisturbed: Path, part: str
) -> None:
    run = runs.make(SPEC, tmp_path)
    with ExitStack() as stack:
        lock = at_iteration(5, lambda: stack.enter_context(read_only(run.folder / part)))
        with pytest.raises(StoreError, match=r"nothing is lost|goes on from the checkpoint before"):
            execute(run, jobs=1, progress=lock)
    assert execute(run, jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)


def test_a_clock_that_is_set_back_changes_nothing(
    runs: Any, tmp_path: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = runs.make(SPEC, tmp_path)
    now, now_ns = time.time, time.time_ns

    def set_back() -> None:
        monkeypatch.setattr(time, "time", lambda: now() - 86_400)
        monkeypatch.setattr(time, "time_ns", lambda: now_ns() - 86_400 * 10**9)

    def set_back_and_stop() -> None:
        set_back()
        signal.raise_signal(signal.SIGINT)

    assert execute(run, jobs=1, progress=at_iteration(3, set_back_and_stop)).interrupted
    assert execute(runs.open(run.folder), jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)
    accumulator = event_accumulator.EventAccumulator(str(run.events_folder("taught", 0)))
    accumulator.Reload()
    assert [event.step for event in accumulator.Scalars("loss/policy")] == [128 * k for k in range(1, 13)]


def interrupted(runs: Any, folder: Path, iterations: int = 6) -> Any:
    run = runs.make(SPEC, folder)
    execute(run, jobs=1, progress=at_iteration(iterations, lambda: signal.raise_signal(signal.SIGINT)))
    return run


def test_a_damaged_checkpoint_is_counted_and_passed_over(runs: Any, tmp_path: Path, undisturbed: Path) -> None:
    run = interrupted(runs, tmp_path)
    newest, before = list_checkpoints(run.checkpoint_folder("taught", 0))
    newest.write_bytes(newest.read_bytes()[:-100])
    assert execute(run, jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)
    with run.open_store(read_only=True) as store:
        kinds = store.query("SELECT kind, message FROM events")
    assert [kind for kind, _ in kinds] == ["checkpoint_damaged"]
    assert newest.name in kinds[0][1]
    assert before.name != newest.name


def test_a_trial_without_any_sound_checkpoint_begins_anew(runs: Any, tmp_path: Path, undisturbed: Path) -> None:
    run = interrupted(runs, tmp_path)
    for path in list_checkpoints(run.checkpoint_folder("taught", 0)):
        path.write_bytes(b"no checkpoint")
    assert execute(run, jobs=1).done
    assert_as_undisturbed(runs, run, undisturbed)
    assert runs.events(run) == {"checkpoint_damaged": 2}


@pytest.mark.parametrize("changed", ["another arm", "other settings"])
def test_a_foreign_checkpoint_is_refused_by_name(runs: Any, tmp_path: Path, undisturbed: Path, changed: str) -> None:
    text = SPEC if changed == "another arm" else SPEC.replace("epochs: 1", "epochs: 2")
    run = runs.make(text, tmp_path)
    theirs = runs.open(undisturbed).checkpoint_folder("memory" if changed == "another arm" else "taught", 0)
    shutil.copytree(theirs, run.checkpoint_folder("taught", 0))
    execution = execute(run, jobs=1)
    taught, memory = execution.trials
    assert (taught.status, memory.status) == ("failed", "done")
    assert taught.message.startswith("CheckpointError: ")
    assert str(list_checkpoints(run.checkpoint_folder("taught", 0))[0]) in taught.message
    assert runs.events(run) == {"trial_failed": 1}


def test_a_run_that_somebody_works_on_is_left_alone(runs: Any, tmp_path: Path) -> None:
    run = runs.make(SPEC, tmp_path)
    with run.lock(), pytest.raises(RunError, match=f"is being worked on by process {os.getpid()}; wait for it or end"):
        execute(run, jobs=1)
