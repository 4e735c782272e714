"""examples/oni: its curricula run in MiniGrid and Crafter, resume exactly, and bad replies never stop learning."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from palaestra.progress import TrialProgress
from palaestra.replay import with_replay
from palaestra.run import Run, open_run, start_run
from palaestra.spec import RunSpec, load_spec
from palaestra.store import Store
from palaestra.trials import execute

from ..platform.loop.conftest import Runs
from ..teachers.server import ScriptedServer, fail, say, serving
from .conftest import ONI

SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 32, epochs: 1, minibatch_size: 128}
teacher:
  kind: oni
  captions: {lines: ["- ", "Agent:"], ignore: ["Agent", "facing .*", "carrying nothing"]}
  CHANGES
budget: {steps: 2_560}
evaluation: {every: 100_000, episodes: 8}
checkpoint: {iterations: 1}
"""
RUNS = Runs()


@pytest.fixture
def installed(oni_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process too."""
    monkeypatch.syspath_prepend(oni_site)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        yield server


def run_with(site: Path, folder: Path, *words: object) -> str:
    """Runs Python where the package is installed; what it printed."""
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(changes: str, folder: Path) -> Run:
    return start_run(RunSpec.from_yaml(SPEC.replace("CHANGES", changes), "spec.yaml"), folder)


def series(store: Store, arm: str, name: str) -> list[float]:
    """A metric of an arm's first seed in the order of iterations."""
    rows = store.query(
        "SELECT value FROM metrics JOIN trials ON trials.id = trial WHERE arm = ? AND seed = 0 AND name = ? "
        "ORDER BY iteration",
        (arm, name),
    )
    return [value for (value,) in rows]


def check(folder: Path, arms: tuple[str, ...]) -> None:
    """The model was asked, at no price, and what it called helpful was paid for."""
    with Store(folder / "run.sqlite", read_only=True) as store:
        assert {trial.status for trial in store.trials()} == {"done"}
        assert store.query("SELECT kind FROM events") == []
        calls = store.query("SELECT model, parsed, price FROM calls WHERE origin = 'live'")
        assert {(model, price) for model, _, price in calls} == {("scripted", 0.0)}
        assert all(json.loads(parsed)["why"] == "a rule about words" for _, parsed, _ in calls)
        for arm in arms:
            assert series(store, arm, "oni/answers")[-1] > 2
            assert max(series(store, arm, "oni/intrinsic_reward")) > 0
            assert max(series(store, arm, "train/lesson_reward")) > 0


def test_its_curriculum_for_minigrid_runs_from_the_command_line(oni_site: Path, tmp_path: Path) -> None:
    changes = ("budget.steps=4_096", "evaluation.every=4_096", "evaluation.episodes=4")
    words = ("run", ONI / "minigrid.yaml", "--quiet", "--jobs=1", "--seeds=1", *(f"--set={one}" for one in changes))
    run_with(oni_site, tmp_path, "-m", "palaestra", *words)
    (folder,) = (tmp_path / "runs").iterdir()
    check(folder, ("hash", "classifier", "ranking"))
    page = (folder / "report.html").read_text()
    assert "feedback on captions as reward (hash)" in page
    assert "questions while agents learned" in page


@pytest.mark.usefixtures("installed")
def test_its_curriculum_for_crafter_runs(tmp_path: Path) -> None:
    changes = (
        "budget.steps=8_192",
        "evaluation.every=8_192",
        "evaluation.episodes=2",
        "world.max_steps=100",
        "seeds=1",
    )
    spec = load_spec(ONI / "crafter.yaml", changes)
    run = start_run(spec.model_copy(update={"arms": {"hash": spec.arm("hash")}}), tmp_path)
    assert execute(run, jobs=1).done
    check(run.folder, ("hash",))


@pytest.mark.usefixtures("installed")
def test_its_other_curricula_are_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    assert list(load_spec(ONI / "keycorridor.yaml").arms) == ["hash", "classifier", "ranking", "alone"]
    (shown,) = re.findall(r"^```yaml \S+\n(.*?)^```$", (ONI / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "minigrid.yaml").write_text((ONI / "minigrid.yaml").read_text())
    (tmp_path / "with-a-model.yaml").write_text(shown)
    spec = load_spec(tmp_path / "with-a-model.yaml")
    assert [spec.arm(name).teacher is None for name in spec.arms] == [False, False, False, True]
    assert spec.arm("hash").budget.teacher_cost == 1.0


def test_it_keeps_the_contracts_of_teachers(oni_site: Path, tmp_path: Path) -> None:
    told = run_with(oni_site, tmp_path, "-m", "palaestra.testing", "--teacher", "oni", "-n", "0")
    assert " passed" in told
    assert "skipped" not in told


@pytest.mark.parametrize("reward", ["hash", "classifier", "ranking"])
@pytest.mark.usefixtures("installed")
def test_a_trial_that_is_interrupted_goes_on_to_the_same_result(tmp_path: Path, reward: str) -> None:
    whole = make(f"reward: {reward}", tmp_path / "whole")
    assert execute(whole, jobs=1).done
    run = make(f"reward: {reward}", tmp_path / "interrupted")
    for iteration in (2, 3, 7):
        pending = [iteration]

        def press(message: object, pending: list[int] = pending) -> None:
            if isinstance(message, TrialProgress) and [message.iteration] == pending:
                pending.clear()
                signal.raise_signal(signal.SIGINT)

        assert execute(open_run(run.folder), jobs=1, progress=press).interrupted
    assert execute(open_run(run.folder), jobs=1).done
    one, other = RUNS.outcome(whole), RUNS.outcome(run)
    assert max(value for _, _, name, value in one.metrics if name == "oni/intrinsic_reward") > 0
    RUNS.assert_same(one, other)
    RUNS.assert_same_state(RUNS.newest(whole)["supply"], RUNS.newest(run)["supply"])
    assert RUNS.lessons(whole) == RUNS.lessons(run)


@pytest.mark.usefixtures("installed")
def test_a_run_whose_answers_came_in_by_the_clock_is_replayed(tmp_path: Path) -> None:
    run = make("reward: ranking\n  lag: null", tmp_path / "live")
    assert execute(run, jobs=1).done
    again = start_run(with_replay(run.spec, run.folder), tmp_path / "again")
    assert execute(again, jobs=1).done
    RUNS.assert_same(RUNS.outcome(run), RUNS.outcome(again))


@pytest.mark.usefixtures("installed")
def test_a_trial_killed_at_random_moments_comes_to_the_same_result(oni_site: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("CHANGES", "reward: ranking"))
    script = Path(__file__).parents[1] / "platform" / "loop" / "killed_runs.py"
    told = run_with(oni_site, tmp_path, script, tmp_path, 3, tmp_path / "spec.yaml")
    found = json.loads(told.splitlines()[-1])
    whole = open_run(Path(found["whole"]))
    for folder in found["killed"]:
        killed = open_run(Path(folder))
        RUNS.assert_same(RUNS.outcome(killed), RUNS.outcome(whole))
        assert RUNS.lessons(killed) == RUNS.lessons(whole)


@pytest.mark.usefixtures("installed")
def test_bad_replies_are_counted_and_learning_goes_on(tmp_path: Path, server: ScriptedServer) -> None:
    server.acts = [
        say("It helps, I think."), say('{"helpful": "yes"}'), fail(500), say('{"why": "a key", "helpful": true}'),
        say('{"helpful": true, "helpful": false}'), say('{"why": "%s", "helpful": true}' % ("x" * 500)),
        say('{"helpful": false}'),
    ]  # fmt: skip
    server_settings = "api_key_env: null, attempts: 1, price: {input: 1, output: 1}"
    model = f"{{backend: openai, base_url: '{server.url}', model: m, {server_settings}}}"
    run = make(f"retries: 0\n  concurrency: 1\n  model: {model}", tmp_path)
    assert execute(run, jobs=1).done
    events = RUNS.events(run)
    assert events["not_json"] == 2
    assert events["wrong_schema"] == 1
    assert events["out_of_bounds"] == 1
    assert events["http_5xx"] == 1
    with run.open_store(read_only=True) as store:
        states = dict(store.query("SELECT state, count(*) FROM lessons GROUP BY state"))
        priced = store.query("SELECT count(*) FROM calls WHERE price > 0 AND backend = 'openai'")
        answered = series(store, "main", "oni/answers")[-1]
    # Every caption is asked about twice at most, and in the end has an answer.
    assert states["dropped"] == 5
    assert states["kept"] >= answered > 0
    assert priced[0][0] == sum(states.values()) - 1
