"""Sweeps: which trials they are made of, what is refused, and that nothing is lost."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from palaestra.results import read_trials
from palaestra.run import RunError
from palaestra.spec import SpecError
from palaestra.store import StoreError
from palaestra.sweep.folder import FoundTrial, Sweep, start_sweep
from palaestra.sweep.local import execute_here
from palaestra.sweep.results import read_results
from palaestra.sweep.spec import SweepSpec, load_sweep

RUN = """
name: empty
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 8}
agent: {kind: ppo, rollout_length: 16, minibatch_size: 64}
teacher: {kind: subgoals, levels: 4}
levels: 8
budget: {steps: 512}
evaluation: {every: 256, episodes: 4}
checkpoint: {iterations: 1}
arms: {taught: {}, alone: {teacher: null}}
"""
SWEEP = "name: rates\nrun: run.yaml\nparameters: {agent.learning_rate: [0.001, 0.0003]}\n"


def no_other_spec(name: str) -> Path:
    raise FileNotFoundError(name)


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., SweepSpec]:
    def load(sweep: str, run: str = RUN) -> SweepSpec:
        return load_in(tmp_path, sweep, run)

    return load


def load_in(folder: Path, sweep: str, run: str) -> SweepSpec:
    (folder / "run.yaml").write_text(run)
    (folder / "sweep.yaml").write_text(sweep)
    return load_sweep(folder / "sweep.yaml", no_other_spec)


def test_every_combination_of_values_arms_and_seeds_is_a_trial(load: Callable[..., SweepSpec]) -> None:
    spec = load(
        "run: run.yaml\nseeds: 2\nparameters: {agent.learning_rate: [0.001, 0.0003], agent.epochs: [1, 2, 3]}\n"
    )
    found = {(trial.arm, trial.seed, *trial.variant.values.values()) for trial in spec.trials}
    assert found == {
        (arm, seed, rate, epochs)
        for arm in ("taught", "alone")
        for seed in (0, 1)
        for rate in (0.001, 0.0003)
        for epochs in (1, 2, 3)
    }
    for trial in spec.trials:
        config: Any = trial.spec.arm(trial.arm).agent.config
        values = trial.variant.values
        assert (config.learning_rate, config.epochs) == (values["agent.learning_rate"], values["agent.epochs"])
        assert trial.spec.arm_names == [trial.arm]
        assert trial.spec.seed_list == [trial.seed]


def test_an_arm_that_a_parameter_does_not_reach_is_done_once(load: Callable[..., SweepSpec]) -> None:
    run = RUN.replace("taught: {}", "taught: {agent: {learning_rate: 0.01}}")
    spec = load("run: run.yaml\nparameters: {agent.learning_rate: [0.001, 0.0003]}\n", run)
    assert sorted(trial.arm for trial in spec.trials) == ["alone", "alone", "taught"]


def test_ranges_are_drawn_within_their_bounds_and_the_same_each_time(load: Callable[..., SweepSpec]) -> None:
    text = (
        "run: run.yaml\ndraws: 40\nparameters:\n  agent.learning_rate: {low: 0.0001, high: 0.01, log: true}\n"
        "  agent.epochs: {low: 1, high: 3, whole: true}\n"
    )
    spec = load(text)
    rates = [trial.variant.values["agent.learning_rate"] for trial in spec.trials]
    assert all(0.0001 <= rate <= 0.01 for rate in rates)
    assert sum(rate < 0.001 for rate in rates) in range(len(rates) // 4, 3 * len(rates) // 4)
    assert {trial.variant.values["agent.epochs"] for trial in spec.trials} == {1, 2, 3}
    assert spec == load(text)
    assert spec != load(text + "draw_seed: 1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: run.yaml\nparamters: {}\n", "sweep.yaml:2:1: paramters: unknown key; did you mean 'parameters'?"),
        (
            "run: run.yaml\nparameters: {agent.learning_rat: [1]}\n",
            "sweep.yaml:2:35: agent.learning_rat: unknown key; did you mean 'learning_rate'?",
        ),
        ("run: run.yaml\nparameters: {agent.epochs: [0]}\n", "sweep.yaml:2:29: agent.epochs: "),
        ("run: run.yaml\nparameters: {agent.epochs: 3}\n", "parameters.agent.epochs: must be a list of values"),
        ("run: run.yaml\nparameters: {agent.epochs: {low: 3, high: 1}}\n", "low must be below high"),
        ("run: run.yaml\nparameters: {agent.epochs: {low: 1, high: 3}}\n", "draws: belongs to ranges"),
        ("run: run.yaml\nparameters: {arms.tought.levels: [3]}\n", "there is no arm 'tought'; did you mean 'taught'?"),
        ("run: run.yaml\nmeasure: sucess\n", "sweep.yaml:2:10: measure: "),
        ("run: run.yaml\nseeds: 1000\nparameters: {agent.epochs: [1, 2, 3, 4, 5, 6]}\n", "more than 10,000 trials"),
        ("name: a/b\nrun: run.yaml\n", "sweep.yaml:1:7: name: "),
    ],
)
def test_what_is_wrong_with_a_sweep_is_said_with_its_place(
    load: Callable[..., SweepSpec], text: str, message: str
) -> None:
    with pytest.raises(SpecError) as refused:
        load(text)
    assert message in str(refused.value)


def test_early_stopping_is_refused_without_ray(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "sweep.yaml").write_text(SWEEP + "early_stopping: {grace: 256}\n")
    assert "early_stopping needs Ray" in cli("sweep", tmp_path / "sweep.yaml", "--sweeps", tmp_path).error


def test_a_folder_that_holds_no_sweep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"name": 3')
    with pytest.raises(RunError, match=r"sweep\.json cannot be used"):
        Sweep(tmp_path)


def test_a_sweep_is_done_reported_and_not_done_again(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    arguments = "sweep", tmp_path / "sweep.yaml", "--sweeps", tmp_path / "sweeps"
    done = cli(*arguments, "--jobs", "2")
    assert done.code == 0, done
    assert "4 of 4 trials done." in done.out
    (folder,) = (tmp_path / "sweeps").iterdir()
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text()
        assert "learning_rate=0.0003" in text
        assert "learning_rate=0.001" in text
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    again = cli(*arguments)
    assert again.code == 0, again
    assert times == {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    trials = Sweep(folder).trials()
    calls = [
        trial.run.open_store(read_only=True).query("SELECT COUNT(*) FROM calls WHERE origin = 'live'")[0][0]
        for trial in trials
    ]
    assert sum(number > 0 for number in calls) == 1, "levels are asked about once, whatever the number of trials"
    results = read_results(trials, "success")
    assert len(results) == 4
    ends = [result.interval.value for result in results if result.interval]
    assert ends == sorted(ends, reverse=True)


def numbers(trial: FoundTrial) -> list[tuple[float, ...]]:
    """What a trial measured, without times."""
    with trial.run.open_store(read_only=True) as store:
        evaluations = read_trials(store)[0].evaluations["alone"]
        losses = store.query("SELECT iteration, value FROM metrics WHERE name = 'loss/policy' ORDER BY iteration")
    return [(point.step, point.success or 0, point.return_mean or 0) for point in evaluations] + losses


ONE_RATE = SWEEP.replace("0.001, 0.0003", "0.001")
LONG = (
    RUN.replace("steps: 512", "steps: 12_800")
    .replace("every: 256", "every: 6_400")
    .replace("iterations: 1", "iterations: 10")
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[float, ...]]]:
    """What the trials of LONG measure in a sweep that nothing happens to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    whole = start_sweep(load_in(folder, ONE_RATE, LONG), folder / "whole")
    execute_here(whole.trials(), 2, lambda trial, message: None, threading.Event())
    return [numbers(trial) for trial in whole.trials()]


def test_a_killed_trial_is_named_and_done_when_the_sweep_goes_on(
    load: Callable[..., SweepSpec], tmp_path: Path, undisturbed: list[list[tuple[float, ...]]]
) -> None:
    broken = start_sweep(load(ONE_RATE, LONG), tmp_path / "broken")
    killed: set[int] = set()

    def kill(trial: FoundTrial, message: Any) -> None:
        if not killed and message is not None and message.iteration >= 15 and trial.arm == "alone":
            killed.add(holder(trial))
            os.kill(holder(trial), signal.SIGKILL)

    execute_here(broken.trials(), 2, kill, threading.Event())
    (open_trial,) = broken.unfinished()
    assert "was ended by SIGKILL" in open_trial.row.message
    execute_here(broken.unfinished(), 2, lambda trial, message: None, threading.Event())
    assert [numbers(trial) for trial in broken.trials()] == undisturbed


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_full_disk_ends_the_sweep_by_name_and_it_goes_on_as_undisturbed(
    load: Callable[..., SweepSpec], tmp_path: Path, undisturbed: list[list[tuple[float, ...]]]
) -> None:
    full = start_sweep(load(ONE_RATE, LONG), tmp_path / "full")

    def fill(trial: FoundTrial, message: Any) -> None:
        if message is not None and message.status == "running" and message.iteration >= 15 and trial.arm == "alone":
            # As on a full disk, files cannot grow beyond a size.
            resource.prlimit(holder(trial), resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))

    with pytest.raises(StoreError, match="make room on the disk"):
        execute_here(full.trials(), 2, fill, threading.Event())
    assert "failed" not in {trial.status for trial in full.trials()}
    execute_here(full.unfinished(), 2, lambda trial, message: None, threading.Event())
    assert [numbers(trial) for trial in full.trials()] == undisturbed


def test_a_trial_that_cannot_go_on_says_why_and_the_others_are_done(
    load: Callable[..., SweepSpec], tmp_path: Path
) -> None:
    sweep = start_sweep(load(ONE_RATE), tmp_path / "sweeps")
    first, *others = sweep.trials()
    with first.run.lock():
        execute_here(sweep.trials(), 2, lambda trial, message: None, threading.Event())
    (open_trial,) = sweep.unfinished()
    assert open_trial.run.folder == first.run.folder
    assert f"is being worked on by process {os.getpid()}" in open_trial.row.message
    assert len(others) == 1


def holder(trial: FoundTrial) -> int:
    """The process that did, or does, a trial."""
    return int((trial.run.folder / ".run.lock").read_text())


def parent(process: int) -> int:
    """The process that started another; 0 where that is gone."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return 0


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A Ray cluster of two nodes with one processor each."""
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'palaestra[ray]'")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.timeout(400)
def test_a_sweep_on_ray_outlives_one_of_its_two_nodes(
    load: Callable[..., SweepSpec], tmp_path: Path, cluster: Any, undisturbed: list[list[tuple[float, ...]]]
) -> None:
    from palaestra.sweep.ray_tune import execute_on_ray

    second = cluster.add_node(num_cpus=1)
    sweep = start_sweep(load(ONE_RATE, LONG), tmp_path / "sweep")
    raylet = second.all_processes["raylet"][0].process.pid
    ended = threading.Event()
    lost: list[int] = []

    def lose_a_node() -> None:
        while not ended.wait(0.05):
            for trial in sweep.trials():
                if trial.status == "running" and trial.row.steps > 0 and parent(holder(trial)) == raylet:
                    lost.append(holder(trial))
                    cluster.remove_node(second, allow_graceful=False)
                    return

    losing = threading.Thread(target=lose_a_node, daemon=True)
    losing.start()
    execute_on_ray(sweep, sweep.unfinished(), cluster.address, gpus=0)
    ended.set()
    losing.join()
    assert lost, "the second node was never given a trial"
    assert [trial.status for trial in sweep.trials()] == ["done", "done"]
    assert lost[0] not in map(holder, sweep.trials()), "its trial had to begin again elsewhere"
    assert [numbers(trial) for trial in sweep.trials()] == undisturbed


def test_the_sweep_that_comes_with_palaestra_can_be_read() -> None:
    assert load_sweep(Path(__file__).parents[2] / "configs" / "sweeps" / "_learning-rate.yaml", no_other_spec).trials
