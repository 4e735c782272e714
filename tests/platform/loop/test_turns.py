"""A teacher with a schedule: lessons and original in turns, feedback into the next question, exact resumes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from palaestra.asking import TeacherSettingsError
from palaestra.lessons import Preparation
from palaestra.progress import TrialProgress
from palaestra.spec import RunSpec, SpecError
from palaestra.store import StoreError
from palaestra.trials import execute
from palaestra.worker import run_trial

# An iteration takes 128 steps, so a stage has two, and each episode ends within the next iteration.
SPEC = """
world: {id: Heist, size: 7, doors: 2, num_envs: 8, max_steps: 16}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: environments, environments: 3, cycles: 2, steps_in_environments: 256, steps_in_original: 256, CHANGES}
budget: {steps: 1_280}
evaluation: {every: 100_000, episodes: 8}
checkpoint: {iterations: 1}
"""
OBJECTIVES = ("blue key", "blue door", "green key", "green door", "gem")


def spec(changes: str = "model: {backend: scripted}") -> str:
    return SPEC.replace("CHANGES", changes)


def series(outcome: Any, name: str) -> list[float]:
    """A metric's values in the order of iterations."""
    return [value for _, _, found, value in outcome.metrics if found == name]


def calls(run: Any) -> list[tuple[str, str]]:
    """(what it was for, the user's message) of each call."""
    with run.open_store(read_only=True) as store:
        rows = store.query("SELECT lesson_key, messages FROM calls ORDER BY id")
    return [(key, json.loads(messages)[-1]["content"]) for key, messages in rows]


def tasks(run: Any) -> list[list[dict[str, Any]]]:
    """What each turn's lesson was made of; [] where there was none."""
    return [json.loads(lesson[3])["tasks"] if lesson[3] else [] for lesson in runs_lessons(run)]


def runs_lessons(run: Any) -> list[tuple[Any, ...]]:
    with run.open_store(read_only=True) as store:
        return store.query("SELECT teacher, level_seed, kind, lesson, state, reason FROM lessons ORDER BY 1, 2")


def test_training_goes_to_the_environments_and_back_to_the_original(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec(), tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    # The agent is measured at the beginning, after each cycle, and at the end.
    assert [row[1] for row in outcome.evaluations] == [0, 512, 1024, 1280]
    taught = series(outcome, "train/taught_episodes")
    # Two iterations in environments, two in the original; running episodes are played to their end.
    assert [taught[k] for k in (0, 1, 3, 5, 7, 8, 9)] == [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert [lesson[1] for lesson in runs.lessons(run)] == [0, 1]
    assert [len(lesson) for lesson in tasks(run)] == [3, 3]
    assert all(episodes > 0 for key, episodes, *_ in outcome.progress)
    assert [row[0] for row in outcome.progress] == sorted(range(-len(outcome.progress), 0))


def test_every_objective_is_measured_in_the_original(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec(), tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    for objective in OBJECTIVES:
        rates = series(outcome, f"objective/{objective}")
        assert len(rates) == len(outcome.evaluations)
        assert all(0 <= rate <= 1 for rate in rates)
        assert len(series(outcome, f"train/objective/{objective}")) == 10
    # To reach the gem is to succeed.
    assert series(outcome, "objective/gem") == [row[4] for row in outcome.evaluations]


def test_the_next_question_tells_how_the_agent_does_and_what_became_of_the_last_environments(
    runs: Any, tmp_path: Path
) -> None:
    run = runs.make(spec(), tmp_path)
    assert execute(run, jobs=1).done
    (first_key, first), (second_key, second) = calls(run)
    assert (first_key, second_key) == ("Heist/trial seed 0/cycle 1", "Heist/trial seed 0/cycle 2")
    assert "±" not in first
    assert "Cycle 1" not in first
    outcome = runs.outcome(run)
    for objective in OBJECTIVES:
        rate = series(outcome, f"objective/{objective}")[1]
        assert f"- {objective}: {rate:.3f} ± {(rate * (1 - rate)) ** 0.5:.3f}" in second.splitlines()
    told = second[second.index("Cycle 1:") :].splitlines()[1:4]
    assert [json.loads(line[2 : line.index("}") + 1]) for line in told] == [
        {name: value for name, value in task.items() if name in line}
        for task, line in zip(tasks(run)[0], told, strict=True)
    ]
    counted = [int(re.search(r": (\d+) episodes, success", line)[1]) for line in told]  # pyright: ignore
    ended, taught = series(outcome, "train/episodes"), series(outcome, "train/taught_episodes")
    assert sum(counted) == round(sum(ended[k] * taught[k] for k in range(4)))


def test_a_trial_resumes_in_the_middle_of_its_schedule(runs: Any, tmp_path: Path) -> None:
    whole = runs.make(spec(), tmp_path / "whole")
    assert execute(whole, jobs=1).done
    run = runs.make(spec(), tmp_path / "interrupted")
    for iteration in range(1, 10):
        pending = [iteration]

        def press(message: object, pending: list[int] = pending) -> None:
            if isinstance(message, TrialProgress) and [message.iteration] == pending:
                pending.clear()
                signal.raise_signal(signal.SIGINT)

        assert execute(runs.open(run.folder), jobs=1, progress=press).interrupted
        assert runs.newest(run)["position"]["iteration"] == iteration
    assert execute(runs.open(run.folder), jobs=1).done
    runs.assert_same(runs.outcome(run), runs.outcome(whole))
    assert runs.lessons(run) == runs.lessons(whole)
    assert calls(run) == calls(whole)


def test_a_trial_killed_at_random_moments_measures_the_same(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(spec("retries: 1"))
    script = Path(__file__).with_name("killed_runs.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "6", str(tmp_path / "spec.yaml")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    whole = runs.open(Path(found["whole"]))
    for folder in found["killed"]:
        killed = runs.open(Path(folder))
        runs.assert_same(runs.outcome(killed), runs.outcome(whole))
        assert runs.lessons(killed) == runs.lessons(whole)
        assert runs.events(killed) == {}


def test_seeds_ask_on_their_own(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("source: random") + "seeds: 2\n", tmp_path / "one")
    again = runs.make(spec("source: random") + "seeds: [1]\n", tmp_path / "other")
    assert execute(run, jobs=1).done
    assert execute(again, jobs=1).done
    first, second, third, fourth = tasks(run)
    assert len({json.dumps(found) for found in (first, second, third, fourth)}) == 4
    assert [third, fourth] == tasks(again)
    runs.assert_same(runs.outcome(run, seed=1), runs.outcome(again, seed=1))


def test_a_model_that_does_not_answer_leaves_training_in_the_original(runs: Any, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    model = (
        f"model: {{backend: openai, base_url: 'http://127.0.0.1:{port}/v1', model: m, api_key_env: null, attempts: 1}}"
    )
    run = runs.make(spec(model), tmp_path / "silent")
    alone = runs.make(spec().replace("teacher: {", "teacher: null\n#"), tmp_path / "alone")
    assert execute(run, jobs=1).done
    assert execute(alone, jobs=1).done
    assert runs.events(run) == {"refused": 2}
    assert [(lesson[4], lesson[5].partition(":")[0]) for lesson in runs.lessons(run)] == [("dropped", "refused")] * 2
    assert [row for row in runs.outcome(run).metrics if row[2].startswith("loss/")] == [
        row for row in runs.outcome(alone).metrics if row[2].startswith("loss/")
    ]


def test_what_was_counted_right_before_a_stop_is_counted_once(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec().replace("steps: 1_280", "steps: 1_280, teacher_calls: 0"), tmp_path)

    for turn in (0, 1):
        assert run_trial(run, "main", 0, print, lambda turn=turn: len(runs_lessons(run)) > turn).status == "interrupted"
    assert runs.newest(run)["position"]["iteration"] == 4
    assert execute(runs.open(run.folder), jobs=1).done
    assert runs.events(run) == {"budget": 2}
    with run.open_store(read_only=True) as store:
        assert store.query("SELECT iteration FROM events ORDER BY id") == [(1,), (5,)]


def test_out_of_budget_the_last_environments_stay_in_use(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec().replace("steps: 1_280", "steps: 1_280, teacher_calls: 1"), tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    assert runs.events(run) == {"budget": 1}
    assert [lesson[4] for lesson in runs.lessons(run)] == ["kept", "dropped"]
    assert len(outcome.progress) == 3
    assert series(outcome, "train/taught_episodes")[5] == 1.0


def test_fixed_environments_are_written_once(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("source: fixed"), tmp_path)
    assert execute(run, jobs=1).done
    first, second = tasks(run)
    assert first == second
    with run.open_store(read_only=True) as store:
        assert store.query("SELECT origin FROM calls ORDER BY id") == [("live",), ("cache",)]


def test_a_curriculum_by_hand_follows_its_list(runs: Any, tmp_path: Path) -> None:
    run = runs.make(
        spec("source: by_hand, by_hand: [[{doors: []}], [{doors: [blue]}, {size: 5, doors: [red]}]]"), tmp_path
    )
    assert execute(run, jobs=1).done
    assert [[task["doors"] for task in lesson] for lesson in tasks(run)] == [[[]], [["blue"], ["red"]]]
    assert calls(run) == []


def test_learning_progress_weighs_a_pool_anew(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("source: progress, pool: 5, updates: 2"), tmp_path)
    assert execute(run, jobs=1).done
    found = [json.loads(lesson[3]) for lesson in runs.lessons(run)]
    assert len(found) == 4
    assert all(lesson["tasks"] == found[0]["tasks"] for lesson in found)
    assert found[0]["weights"] == [0.2] * 5
    assert all(sum(lesson["weights"]) == pytest.approx(1.0) for lesson in found)
    # It needs no feedback from the original.
    assert [row[1] for row in runs.outcome(run).evaluations] == [0, 1280]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cycles: 2", "cycles: 3", "teacher: takes 1,536 steps in its 3 rounds, but budget.steps is 1,280; allow more"),
        ("original: 256", "original: 64", "teacher: has stages of 64 steps, but one iteration alone takes 128"),
        ("cycles: 2", "cycles: 2, mode: live", "teacher.mode: is 'live', but teacher 'environments' has a schedule"),
        ("cycles: 2", "cycles: 2, levels: 5", "teacher.levels: has no meaning for teacher 'environments'"),
        ("cycles: 2", "cycles: 2, source: by_hand", "`by_hand` and `source: by_hand` belong together"),
        ("environments: 3", "environments: 1_000", "teacher.environments: is 1,000; must be from 1 to 64"),
    ],
)
def test_schedules_that_do_not_fit_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        RunSpec.from_yaml(spec().replace(old, new, 1), "spec.yaml")
    assert message in str(error.value)


def test_an_environment_by_hand_that_is_none_ends_the_run_before_it_begins(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("source: by_hand, by_hand: [[{size: 6, dors: []}]]"), tmp_path)
    with pytest.raises(TeacherSettingsError, match=r"arm 'main' cannot be built: by_hand.0: dors: Extra inputs"):
        execute(run, jobs=1)
    assert runs.events(run) == {}


def test_a_lesson_that_is_damaged_in_the_store_is_named(runs: Any, tmp_path: Path) -> None:
    text = "\n".join(line for line in spec().splitlines() if not line.startswith(("world:", "teacher:")))
    world = "world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 16}\n"
    run = runs.make(f"{text}\n{world}teacher: {{kind: subgoals, levels: 2}}\n", tmp_path)
    with Preparation(run, ["main"], threading.Event()) as preparation:
        preparation.finish(lambda message: None)
    with run.open_store() as store, store.transaction() as connection:
        connection.execute('UPDATE lessons SET lesson = \'{"tasks": [{"level_seed": -1}]}\' WHERE level_seed = 1')
    with pytest.raises(StoreError, match=r"run.sqlite: lesson 2 is damaged: .*level_seed"):
        execute(run, jobs=1)
