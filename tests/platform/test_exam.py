"""Exams: what they measure is what there is, nothing is asked twice, and the rates that they give out are the rates."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from palaestra.exam import Examined, exam_run, examine
from palaestra.exam_table import NotMeasured, exam_results, noisy_settings
from palaestra.spec import RunSpec, load_spec
from palaestra.statistics import wilson

from .conftest import Result

Cli = Callable[..., Result]

SPEC = """
name: quality
world: {id: MiniGrid-MultiRoom-N4-S5-v1}
teacher: {kind: subgoals, retries: 0, model: {backend: noisy}}
budget: {steps: 1_000_000}
arms:
  oracle: {teacher: {model: {backend: scripted}}}
  noisy: {teacher: {model: {accuracy: 0.8, missing: 0.05, swapped: 0.1, distance_mean: 5, distance_std: 1, seed: 3}}}
  same: {teacher: {model: {backend: scripted}}}
  untaught: {teacher: null}
"""


@pytest.fixture
def spec() -> RunSpec:
    return RunSpec.from_yaml(SPEC, "quality.yaml")


def test_a_perfect_teacher_passes(spec: RunSpec, tmp_path: Path) -> None:
    exam = examine(exam_run(spec, "oracle", tmp_path), 20, lambda: False)
    assert (exam.levels, exam.parsed, exam.valid, exam.useful, exam.ended) == (20, 20, 20, 20, "")
    assert exam.total("right") == exam.total("expected") == exam.total("in_place")
    assert exam.calls.replies == {"": 20}
    assert exam.calls.price == 0.0
    assert exam.calls.tokens is None


def test_known_rates_of_mistakes_are_found_again(spec: RunSpec, tmp_path: Path) -> None:
    exam = examine(exam_run(spec, "noisy", tmp_path), 150, lambda: False)
    figures = exam_results("w", [exam]).figures["exams"][0]["entries"]
    missing = wilson(figures["missing"], figures["expected"])
    swapped = wilson(figures["swapped"], figures["neighbours"])
    assert figures["accuracy"]["low"] < 0.8 < figures["accuracy"]["high"]
    assert missing.low < 0.05 < missing.high
    assert swapped.low < 0.1 < swapped.high
    assert figures["wrong_distance"]["value"] == pytest.approx(5, abs=0.5)
    settings = noisy_settings(exam)
    assert settings["accuracy"] == pytest.approx(figures["accuracy"]["value"], abs=1e-4)
    assert exam.useful < 130


def test_the_rates_it_gives_out_make_a_teacher_as_good(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "quality.yaml").write_text(SPEC)
    done = run_exam(
        cli, tmp_path, "quality.yaml", "--levels", 150, "--arms", "noisy", "--noisy", tmp_path / "found.yaml"
    )
    assert "found.yaml" in done.out
    found = yaml.safe_load((tmp_path / "found.yaml").read_text())
    assert set(found["arms"]) == {"noisy"}
    path = tmp_path / "again.yaml"
    path.write_text(SPEC.split("arms:")[0] + yaml.safe_dump(found))
    one, other = (
        examine(exam_run(spec, "noisy", tmp_path / "both"), 150, lambda: False)
        for spec in (load_spec(tmp_path / "quality.yaml"), load_spec(path))
    )
    for count, of in (("right", "expected"), ("in_place", "expected"), ("missing", "expected")):
        first, second = wilson(one.total(count), one.total(of)), wilson(other.total(count), other.total(of))
        assert first.low < second.high
        assert second.low < first.high


def test_nothing_is_asked_twice_and_more_levels_go_on(spec: RunSpec, tmp_path: Path) -> None:
    def ask(levels: int) -> Examined:
        return examine(exam_run(spec, "oracle", tmp_path), levels, lambda: False)

    assert ask(5).calls.made == 5
    assert ask(5).calls.made == 5
    assert ask(8).calls.made == 8
    shorter = ask(3)
    assert (shorter.levels, shorter.calls.made) == (3, 3)


def test_a_stopped_exam_keeps_its_answers_and_goes_on(spec: RunSpec, tmp_path: Path) -> None:
    looks = iter([False] * 5)
    half = examine(exam_run(spec, "oracle", tmp_path), 40, lambda: next(looks, True))
    assert half.ended == "stopped"
    assert 0 < half.levels < 40
    whole = examine(exam_run(spec, "oracle", tmp_path), 40, lambda: False)
    assert (whole.levels, whole.calls.made, whole.ended) == (40, 40, "")


def test_a_budget_is_kept(tmp_path: Path) -> None:
    spec = RunSpec.from_yaml(SPEC.replace("steps: 1_000_000", "steps: 1_000_000, teacher_calls: 6"), "quality.yaml")
    exam = examine(exam_run(spec, "oracle", tmp_path), 20, lambda: False)
    assert exam.ended == "budget"
    assert exam.calls.made == exam.valid == 6


def test_arms_do_not_answer_for_each_other(spec: RunSpec, tmp_path: Path) -> None:
    exams = [examine(exam_run(spec, arm, tmp_path), 4, lambda: False) for arm in ("oracle", "same")]
    assert [exam.calls.made for exam in exams] == [4, 4]


def test_of_lessons_that_nobody_can_judge_it_says_so(spec: RunSpec, tmp_path: Path) -> None:
    exam = examine(exam_run(spec, "oracle", tmp_path), 4, lambda: False)
    unjudged = Examined(**{**vars(exam), "judgements": {}})
    results = exam_results("w", [unjudged])
    assert "cannot be judged" in results.tables[0].rows[0]
    assert results.figures["exams"][0]["useful"] is None
    with pytest.raises(NotMeasured, match="cannot judge"):
        noisy_settings(unjudged)


# ---------------------------------------------------------------------------------------------- the command


def run_exam(cli: Cli, folder: Path, spec: object, *words: object) -> Result:
    source = folder / str(spec) if str(spec).endswith(".yaml") else spec
    return cli("exam", source, *words, "--runs", folder / "exams")


def test_the_command_compares_arms_and_writes_tables(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "quality.yaml").write_text(SPEC)
    files = ("-o", tmp_path / "t.md", "-o", tmp_path / "t.json")
    done = run_exam(cli, tmp_path, "quality.yaml", "--levels", 5, *files)
    assert done.code == 0
    rows = [line.split()[0] for line in done.out.splitlines() if line.strip()]
    assert rows.count("oracle") == rows.count("noisy") == 3
    assert "same" not in rows, "the same teacher as another arm's"
    assert "untaught" not in rows
    assert "| oracle | scripted | 5 | 100 (" in (tmp_path / "t.md").read_text()
    figures: dict[str, Any] = json.loads((tmp_path / "t.json").read_text())["figures"]
    assert [exam["arm"] for exam in figures["exams"]] == ["oracle", "noisy"]


def test_the_command_takes_the_id_of_a_world(cli: Cli, tmp_path: Path) -> None:
    done = run_exam(cli, tmp_path, "MiniGrid-DoorKey-5x5-v0", "--levels", 3, "--set", "teacher.form=object")
    assert done.code == 0
    assert "scripted" in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["quality.yaml", "--arms", "untaught"], "'untaught' has no teacher"),
        (["quality.yaml", "--arms", "oracel"], "no arm 'oracel'"),
        (["quality.yaml", "-o", "t.txt"], ".md or .json"),
        (["quality.yaml", "-o", "nowhere/t.md"], "there is no folder"),
        (["MiniGrid-DoorKey-5x6-v0"], "there is no file"),
    ],
)
def test_mistakes_are_told_in_one_line(cli: Cli, tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "quality.yaml").write_text(SPEC)
    done = run_exam(cli, tmp_path, *words)
    assert done.code == 2
    assert told in done.error


def test_a_model_that_does_not_answer_is_asked_again_the_next_time(cli: Cli, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        unused = f"http://127.0.0.1:{probe.getsockname()[1]}"
    model = {"backend": "openai", "base_url": unused, "model": "m", "api_key_env": None, "attempts": 1}
    (tmp_path / "dead.yaml").write_text(SPEC.split("arms:")[0].replace("{backend: noisy}", json.dumps(model)))
    refused = 0
    for _ in range(2):
        done = run_exam(cli, tmp_path, "dead.yaml", "--levels", 20)
        assert done.code == 1
        assert "the model does not answer" in done.out
        found = re.search(r"refused (\d+)", done.out)
        # Those under way when it is given up are counted too.
        assert found is not None
        assert refused + 16 <= int(found[1]) <= refused + 20
        refused = int(found[1])
