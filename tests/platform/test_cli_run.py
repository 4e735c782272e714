"""The command line around a run: running, stopping, resuming, and looking at what came of it."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ..installing import install

Cli = Callable[..., Any]

TINY = """\
name: tiny
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 8, max_steps: 30}
agent: {rollout_length: 32}
teacher: {kind: subgoals, levels: 4}
budget: {steps: 1024}
evaluation: {every: 512, episodes: 8}
arms:
  taught: {}
  ppo: {teacher: null}
seeds: 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A current directory with a spec in it, for all tests here."""
    folder, before = tmp_path_factory.mktemp("cli"), Path.cwd()
    (folder / "tiny.yaml").write_text(TINY)
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def finished(folder: Path, cli: Cli) -> Any:
    """What `palaestra run` printed of a run that it finished."""
    return cli("run", "tiny.yaml", "--jobs", 1)


@pytest.fixture(scope="module")
def run(finished: Any) -> str:
    """The name of the finished run's folder."""
    return re.search(r"^Run folder: runs/(\S+)", finished.out)[1]  # pyright: ignore[reportOptionalSubscript]


def test_a_run_tells_folder_progress_result_and_report(finished: Any, run: str) -> None:
    assert finished.code == 0, finished
    lines = finished.out.splitlines()
    assert lines[0] == f"Run folder: runs/{run}"
    assert re.fullmatch(r"\[\d+:\d\d\] 4 trials \(arms taught, ppo\), up to 1 at a time", lines[1])
    assert sum("teacher of taught: 4 of 4 levels asked, 4 lessons" in line for line in lines) == 1
    for arm, lessons in (("taught", "4 lessons"), ("ppo", "alone")):
        for seed in (0, 1):
            ended = [line for line in lines if f"{arm} seed {seed} done: 1,024 of 1,024 steps (100%)" in line]
            assert len(ended) == 1
            assert re.search(r"steps/s, return \d\.\d\d, success \d\.\d\d, alone \d\.\d\d", ended[0])
            assert lessons in ended[0]
    assert "steps to 80 %" in finished.out
    assert lines[-1] == f"Report: runs/{run}/report.html"
    assert Path("runs", run, "report.html").stat().st_size > 10_000
    assert finished.err == ""


def test_a_finished_run_is_not_done_again(cli: Cli, run: str) -> None:
    written = Path("runs", run, "report.html").stat().st_mtime_ns
    for arguments in (["run", "tiny.yaml"], ["run", "tiny.yaml", "--resume"], ["resume", run]):
        again = cli(*arguments)
        assert again.code == 0
        assert "complete" in again.out
        assert again.out.endswith(f"Report: runs/{run}/report.html\n")
    assert Path("runs", run, "report.html").stat().st_mtime_ns == written


def test_a_run_that_was_begun_is_refused_without_resume(cli: Cli, run: str) -> None:
    from palaestra.run import open_run

    with open_run(Path("runs", run)).open_store() as store:
        store.set_status(store.trial("ppo", 1).id, "interrupted")
    refused = cli("run", "tiny.yaml", "--quiet")
    assert refused.code == 2
    assert "--resume" in refused.error
    assert "--fresh" in refused.error
    resumed = cli("run", "tiny.yaml", "--resume", "--jobs", 1)
    assert resumed.code == 0
    assert "4 trials, 3 of them done before" in resumed.out


def test_fresh_keeps_the_earlier_run(cli: Cli, folder: Path) -> None:
    (folder / "short.yaml").write_text(
        "extends: tiny.yaml\nname: short\nseeds: 1\nbudget: {steps: 512}\narms: {ppo: {}}"
    )
    for expected in (0, 1, 2):
        done = cli("run", "short.yaml", "--jobs", 1, "--quiet", *(["--fresh"] if expected else []))
        assert done.code == 0, done
        assert len(list(Path("runs").glob("short-*.old*"))) == expected
    assert "is now runs/short-" in done.out
    assert "seed 0" not in done.out
    assert cli("list", "runs").out.count("runs/short-") == 3


def test_seeds_and_values_on_the_command_line_make_another_run(cli: Cli, folder: Path) -> None:
    changes = ["--seed", 7, "--set", "budget.steps=256", "--runs", "elsewhere"]
    done = cli("run", "tiny.yaml", "--jobs", 1, *changes)
    assert done.code == 0, done
    assert "ppo seed 7 done: 256 of 256 steps" in done.out
    assert len(list(Path("elsewhere").iterdir())) == 1
    listed = cli("list", "runs", "--runs", "elsewhere").out
    assert re.search(r"elsewhere/tiny-\w{8} +2 +2 done +512 +report.html", listed)


def test_a_teacher_that_is_asked_while_training_goes_on_is_told_of_too(cli: Cli, folder: Path) -> None:
    changes = ["--seeds", 1, "--set", "teacher.mode=live", "--set", "budget.steps=256"]
    done = cli("run", "tiny.yaml", "--jobs", 1, *changes)
    assert done.code == 0, done
    assert re.search(
        r"teacher of taught: [1-4] of 4 levels asked, [1-4] lessons?, [1-4] calls?$", done.out, re.MULTILINE
    )


# ---------------------------------------------------------------------------------------------- stopping


def test_ctrl_c_saves_and_the_command_that_it_names_goes_on(cli: Cli, folder: Path) -> None:
    changes = ["--set", "budget.steps=12_800", "--set", "evaluation.every=6_400"]
    arguments = ["run", "tiny.yaml", "--seeds", "1", *changes, "--jobs", "2"]
    started = subprocess.Popen(
        [sys.executable, "-m", "palaestra", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None
    with started:
        lines: list[str] = []
        for line in started.stdout:
            first = not any(" steps (0%)" in earlier for earlier in lines)
            lines.append(line)
            if first and " steps (0%)" in line:
                # As a terminal does: to all processes of the command.
                os.killpg(started.pid, signal.SIGINT)
    assert started.returncode == 130, lines
    assert "Stopped; everything up to here is saved" in lines[-1]
    assert any("stopping" in line for line in lines)
    resume = lines[-1].split("To go on: palaestra ")[1].split()
    resumed = cli(*resume, "--jobs", 1)
    assert resumed.code == 0, resumed
    assert len(re.findall(r"seed 0 done\b", resumed.out)) == 2
    assert resumed.out.rstrip().endswith("report.html")


def test_a_trial_that_fails_is_told_and_gives_exit_code_1(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = (
        "from palaestra_agents.ppo import PPO\n\n\nclass Faulty(PPO):\n"
        "    def train_iteration(self, *arguments):\n        raise FloatingPointError('learning diverged')\n"
    )
    install(tmp_path, "faulty", "[palaestra.agents]\nfaulty = diverging_agent:Faulty\n", {"diverging_agent.py": agent})
    monkeypatch.syspath_prepend(tmp_path)
    change = ["--seeds", 1, "--set", "budget.steps=256", "--set", "arms.ppo.agent.kind=faulty"]
    failed = cli("run", "tiny.yaml", "--jobs", 1, *change)
    assert failed.code == 1
    assert "palaestra: trial ppo-seed0 failed: FloatingPointError: learning diverged" in failed.err
    assert "palaestra resume runs/tiny-" in failed.err
    assert "taught seed 0 done" in failed.out
    assert "Report: runs/tiny-" in failed.out


# ---------------------------------------------------------------------------------------------- afterwards


def test_eval_plays_the_newest_checkpoints(cli: Cli, run: str) -> None:
    played = cli("eval", run, "--episodes", 40)
    assert played.code == 0, played
    rows = re.findall(
        r"(taught|ppo) +(\d) +1,024 +(\d\.\d+) +(\d\.\d+) to (\d\.\d+) .* 40 *$", played.out, re.MULTILINE
    )
    assert [(arm, seed) for arm, seed, *_ in rows] == [("taught", "0"), ("taught", "1"), ("ppo", "0"), ("ppo", "1")]
    for _, _, success, low, high in rows:
        assert 0 <= float(low) <= float(success) <= float(high) <= 1
        assert float(low) < float(high)
    assert "over 2 seeds" in played.out


def test_eval_gives_what_the_run_measured(cli: Cli, run: str) -> None:
    from palaestra.run import open_run

    with open_run(Path("runs", run)).open_store(read_only=True) as store:
        measured = store.query(
            "SELECT success, return_mean FROM evaluations WHERE trial = ? AND mode = 'alone' AND step = 1024",
            (store.trial("ppo", 1).id,),
        )
    played = cli("eval", run, "--arm", "ppo", "--seed", 1).out
    assert f" {measured[0][0]:.3f} " in played
    assert f" {measured[0][1]:.3f} " in played


def test_eval_on_the_levels_of_training(cli: Cli, run: str) -> None:
    played = cli("eval", run, "--arm", "taught", "--seed", 0, "--training-levels", "--episodes", 12)
    assert played.code == 0, played
    assert "Levels of training" in played.out
    assert "'ppo' has no levels of training" in cli("eval", run, "--arm", "ppo", "--training-levels").error


def test_eval_of_one_checkpoint_and_in_another_world(cli: Cli, run: str) -> None:
    path = next(Path("runs", run, "checkpoints", "ppo-seed1").glob("*.safetensors"))
    played = cli("eval", path, "--world", "MiniGrid-Empty-6x6-v0", "--episodes", 4)
    assert played.code == 0, played
    assert "World: MiniGrid-Empty-6x6-v0" in played.out
    assert len(re.findall(r"^ ppo +1 ", played.out, re.MULTILINE)) == 1
    assert "MiniGrid-Empty-6x6-v0" in cli("eval", path, "--world", "MiniGrid-Empt-6x6-v0").error
    assert "can do" in cli("eval", path, "--world", "MiniGrid-Dynamic-Obstacles-5x5-v0").error


def test_eval_of_what_is_no_checkpoint(cli: Cli, run: str, tmp_path: Path) -> None:
    good = next(Path("runs", run, "checkpoints", "ppo-seed0").glob("*.safetensors"))
    damaged = Path("runs", run, "damaged.safetensors")
    damaged.write_bytes(good.read_bytes()[:-9])
    wrong = cli("eval", damaged)
    assert (wrong.code, "damaged" in wrong.error) == (2, True)
    damaged.unlink()
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(good.read_bytes())
    assert "lies in no run folder" in cli("eval", foreign).error
    assert "of one arm and one seed" in cli("eval", good, "--seed", 0).error
    assert "no seed 5" in cli("eval", run, "--seed", 5).error


def test_watch_writes_a_film(cli: Cli, run: str) -> None:
    watched = cli("watch", run, "--arm", "ppo", "--seed", 1, "--episodes", 2, "--output", "film.gif")
    assert watched.code == 0, watched
    assert "Arm ppo, seed 1, after 1,024 steps" in watched.out
    assert watched.out.count("level 100000") == 2
    with Image.open("film.gif") as film:
        assert getattr(film, "n_frames", 1) > 1
    assert "must end with one of" in cli("watch", run, "--output", "film.avi").error


def test_report_compare_and_export(cli: Cli, run: str) -> None:
    assert cli("report", run).out == f"Report: runs/{run}/report.html\n"
    compared = cli("compare", run, "--threshold", 0.5, "--output", "compared.md")
    assert compared.code == 0, compared
    assert "steps to 50 %" in compared.out
    assert Path("compared.md").read_text().count(f"| {run} |") == 2
    exported = cli("export", run, "--output", "tables")
    assert exported.code == 0, exported
    with Path("tables", "evaluations.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["arm"], row["seed"]) for row in rows} == {("taught", "0"), ("taught", "1"), ("ppo", "0"), ("ppo", "1")}
    assert {int(row["step"]) for row in rows if row["mode"] == "alone"} == {0, 512, 1024}
    with Path("tables", "lessons.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4


def test_export_to_parquet_names_the_extra_that_it_needs(cli: Cli, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    assert "palaestra[export]" in cli("export", run, "--format", "parquet", "--output", "tables").error
