"""Studies of motions: tests measure what they say, every result is kept, and what is wrong is named."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from palaestra.cli.specs import configs_folder
from palaestra.kept import RESULTS, StudyError, working_in
from palaestra.motions.driving import failure, feedback_in_words, reached
from palaestra.motions.study import Case, cases, read_results, run_study, study_folder
from palaestra.motions.table import study_results
from palaestra.motions.tasks import Check, Success, load_study
from palaestra.spec.errors import SpecError
from pydantic import ValidationError

from .conftest import Result

Cli = Callable[..., Result]
PERIOD = 0.1

STUDY = """
name: small
teacher: {model: {backend: scripted}}
planner: {kind: predictive_sampling, samples: 2, horizon: 0.02, threads: 1}
seeds: {by_hand: 1, two: 2, primitives: 1}
tasks:
  stand:
    heading: 1.0
    turns: [{say: Stand still., seconds: 0.1}]
    success: {hold: 0.06, checks: [{measure: heading, near: 1.0, within: 0.2}]}
    paper: {two: 0.75}
  fly:
    turns: [{say: Stand still., seconds: 0.1}]
    success: {hold: 0.06, checks: [{measure: height, least: 2.0}, {measure: up, least: 0.5}]}
  sing:
    turns: [{say: Sing., seconds: 0.1}]
    success: {checks: [{measure: up, least: 0.5}]}
  roll: # which no primitive does
    turns: [{say: Roll over., seconds: 0.1}]
    success: {hold: 0.06, checks: [{measure: up, least: 0.5}]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def heights(*values: float) -> list[dict[str, float]]:
    return [{"height": value, "heading": value} for value in values]


def why(measured: list[dict[str, float]], hold: float, before: list[dict[str, float]] = [], **check: object) -> str:  # noqa: B006
    success = Success.model_validate({"hold": hold, "checks": [{"measure": "height", **check}]})
    return failure(success, measured, before, PERIOD)


# ------------------------------------------------------------------------------------------------ success tests


def test_a_check_must_hold_without_a_break() -> None:
    assert why(heights(0, 1, 1, 1, 0), 0.3, least=1) == ""
    assert why(heights(1, 1, 0, 1, 1), 0.3, least=1).startswith("height was 0.00 to 1.00 (least 1)")
    assert why(heights(1, 1), 0.3, least=1) == "the motion is shorter than the 0.3 s that are to be held"


def test_a_mean_may_have_breaks() -> None:
    assert why(heights(0, 2, 0, 2), 0.4, least=1, mean=True) == ""
    assert why(heights(0, 2, 0, 2), 0.4, least=1) != ""


def test_what_must_hold_throughout_is_not_made_up_for_later() -> None:
    assert why(heights(1, 1, 1), 0.2, least=1, throughout=True) == ""
    told = why(heights(0, 1, 1, 1), 0.2, least=1, throughout=True)
    assert told == "height was 0.00 to 1.00 (least 1)"
    with pytest.raises(ValidationError, match="give one of them"):
        Check(measure="height", least=1, mean=True, throughout=True)


def test_checks_must_hold_at_the_same_time() -> None:
    both = Success.model_validate(
        {"hold": 0.2, "checks": [{"measure": "height", "most": 1}, {"measure": "heading", "least": 2}]}
    )
    measured = [{"height": 1.0, "heading": 1.0}] * 3 + [{"height": 2.0, "heading": 2.0}] * 3
    assert failure(both, measured, [], PERIOD) != ""
    assert failure(both, [*measured, *[{"height": 0.5, "heading": 3.0}] * 2], [], PERIOD) == ""


def test_whole_turns_of_an_angle_do_not_count() -> None:
    west = Success.model_validate({"hold": 0.2, "checks": [{"measure": "heading", "near": math.pi, "within": 0.3}]})
    assert failure(west, heights(3.1, -3.1), [], PERIOD) == ""
    assert failure(west, heights(2.7, -3.1), [], PERIOD) != ""


def test_a_correction_is_measured_against_the_turn_before() -> None:
    higher = {"least": 0.1, "above_before": 0.05}
    assert why(heights(0.2, 0.2), 0.2, heights(0.5, 0.1, 0.1), **higher) == ""
    assert why(heights(0.2, 0.2), 0.2, heights(0.1, 0.18, 0.18), **higher) != ""
    assert why(heights(0.2, 0.2), 0.2, **higher) != ""


def test_a_measure_that_there_is_not_is_named() -> None:
    success = Success.model_validate({"checks": [{"measure": "hight", "least": 1}], "hold": 0.1})
    assert failure(success, heights(1.0), [], PERIOD) == "there is no measure hight; there are height, heading"


# ------------------------------------------------------------------------------------------------ feedback


def test_feedback_tells_target_achieved_and_residual_of_each_term() -> None:
    import palaestra_worlds
    from palaestra_worlds.programs import Programmable

    world = palaestra_worlds.make("Quadruped", num_envs=1, start_noise=0.0)
    assert isinstance(world, Programmable)
    world.reset(seed=0)
    world.place(0, math.pi)
    text = (
        "set_torso_targets(0.3, velocity_xy=(0, 0), heading=-3)\n"
        "set_feet_pos_parameters('rear_left', lift_height=0.1)\n"
        "set_feet_stepping_parameters('front_left', swing_up_down=0.2)"
    )
    task = world.programs["rewards"].from_text(text).motions()[0].task
    found = {one.measure: one for one in reached(world, task, [world.measures(0, task)])}
    assert found["height"].target == 0.3
    assert found["height"].residual == pytest.approx(-0.02, abs=0.001)
    assert found["heading"].residual == pytest.approx(3 - math.pi, abs=1e-6)
    assert found["foot_height.rear_left"].residual == pytest.approx(-0.1, abs=0.01)
    assert found["foot_height.front_left"].target == 0.2
    assert "height: wanted 0.30, reached 0.28 (-0.02)" in feedback_in_words(list(found.values()))


# ------------------------------------------------------------------------------------------------ studies


def test_every_attempt_is_made_once_and_kept(file: Path, tmp_path: Path) -> None:
    study = load_study(file)
    folder = study_folder(study, tmp_path)
    wanted = list(cases(study))
    assert len(wanted) == 16
    told: list[Case] = []
    run_study(study, folder, wanted, lambda: len(told) == 5, lambda case, found: told.append(case))
    assert len(told) == len(read_results(folder, study)) == 5
    # As if it had been cut off amid a line.
    with (folder / RESULTS).open("a", encoding="utf-8") as results:
        results.write('{"task": "st')
    found = run_study(study, folder, wanted, tell=lambda case, found: told.append(case))
    assert sorted(told, key=str) == sorted(wanted, key=str)
    assert read_results(folder, study) == found

    passed = {case for case, one in found.items() if one.success}
    assert {case.task for case in passed} == {"stand", "roll"}
    assert found[Case("fly", "two", 0)].why.startswith("height was 0.2")
    assert "up was" not in found[Case("fly", "two", 0)].why
    assert found[Case("sing", "two", 1)].why.startswith("no program: no_answer: the scripted teacher knows no phrase")
    assert found[Case("roll", "primitives", 0)].why.startswith("no program: no_answer: no primitive motion")
    assert found[Case("stand", "two", 0)].programs[0].startswith("reset_reward()")
    assert found[Case("stand", "two", 0)].seconds == pytest.approx(0.1)

    markdown = study_results(study, found).to_markdown()
    assert "| stand | 1/1 | 2/2 [0.75] | 1/1 |" in markdown
    assert "| mean of tasks | 0.50 | 0.50 | 0.25 |" in markdown


def test_two_processes_do_not_work_in_one_folder(file: Path, tmp_path: Path) -> None:
    with (
        working_in(tmp_path),
        pytest.raises(StudyError, match=f"worked on by process {os.getpid()}; wait for it or end"),
    ):
        run_study(load_study(file), tmp_path, [Case("stand", "two", 0)])


def test_a_study_keeps_its_folder_while_what_matters_is_the_same(file: Path, tmp_path: Path) -> None:
    folder = study_folder(load_study(file), tmp_path)
    assert study_folder(load_study(file, ("seeds={one: 5}", "planner.samples=3")), tmp_path) == folder
    assert study_folder(load_study(file, ("teacher.form=calls",)), tmp_path) != folder


def test_results_count_while_their_task_and_planner_are_the_same(file: Path, tmp_path: Path) -> None:
    cases = [Case("stand", "two", 0), Case("sing", "two", 0)]
    run_study(load_study(file), tmp_path, cases)

    def kept(*overrides: str) -> set[str]:
        return {case.task for case in read_results(tmp_path, load_study(file, overrides))}

    assert kept("planner.threads=2", "tasks.sing.paper={two: 1}", "seeds={one: 5}") == {"stand", "sing"}
    assert kept("tasks.stand.heading=0.5") == {"sing"}
    assert kept("planner.samples=3") == set()


def test_a_study_without_tasks_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: empty\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"tasks: is missing; name at least one"):
        load_study(tmp_path / "empty.yaml")


def test_a_motion_is_the_same_each_time(file: Path, tmp_path: Path) -> None:
    study = load_study(file)
    found = [run_study(study, tmp_path / name, [Case("stand", "two", 3)]) for name in ("a", "b")]
    first, second = (one[Case("stand", "two", 3)].reached for one in found)
    assert first == second


def test_revisions_ask_again_while_the_test_is_not_passed(file: Path, tmp_path: Path) -> None:
    study = load_study(file, ("teacher.revisions=2",))
    found = run_study(study, tmp_path, [Case("fly", "two", 0), Case("stand", "two", 0), Case("fly", "by_hand", 0)])
    assert [len(one.programs) for one in found.values()] == [3, 1, 1]


def test_attempts_without_a_reply_are_made_again(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    local = '{backend: openai, model: x, base_url: "http://127.0.0.1:9/v1", attempts: 1, api_key_env: null}'
    study = load_study(file, (f"teacher.model={local}",))
    case = Case("stand", "one", 0)
    for _ in range(2):
        found = run_study(study, tmp_path, [case])
        assert found[case].why.startswith("no reply: ")
        assert read_results(tmp_path, study) == {}


def test_results_that_are_none_are_named(file: Path, tmp_path: Path) -> None:
    (tmp_path / RESULTS).write_text("{}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"results\.jsonl, line 1: is no result"):
        read_results(tmp_path, load_study(file))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tasks.fly.succes={}", "tasks.fly.succes: unknown key; did you mean 'success'"),
        ("tasks.fly.success.checks=[{measure: up}]", "give a bound: least, most, near"),
        ("tasks.fly.success.checks=[{measure: up, near: 1}]", "near and within belong together"),
        ("teacher.kind=subgoals", "teacher.kind: must be rewards"),
        ("planner.samples=0", "planner.samples: is 0; must be from 2 to 100,000"),
        ("seeds.three=1", "'by_hand', 'two', 'one' or 'primitives'"),
        ("world.id=Quadrupet", "did you mean 'Quadruped'"),
        ("agent.kind=ppo", "agent: unknown key"),
    ],
)
def test_a_study_that_cannot_be_used_is_refused_by_name(file: Path, override: str, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        load_study(file, (override,))
    assert message in str(refused.value)


def test_studies_that_come_with_palaestra_can_be_read_and_know_their_measures() -> None:
    import palaestra_worlds
    from palaestra_worlds.robots.quadruped_instructions import understood

    folder = configs_folder()
    assert folder is not None
    study = load_study(folder / "rewards" / "_quadruped.yaml")
    world = palaestra_worlds.make(study.world.id, num_envs=1)
    world.reset(seed=0)
    assert sum(bool(task.paper) for task in study.tasks.values()) == 9
    assert sum(not task.paper for task in study.tasks.values()) >= 5
    for name, task in study.tasks.items():
        understood([turn.say for turn in task.turns])
        world.place(0, task.heading)  # type: ignore[attr-defined]
        measures = world.measures(0)  # type: ignore[attr-defined]
        assert failure(task.success, [measures] * 500, [measures], 0.02), f"{name} is passed by standing still"


def test_the_page_on_motions_shows_a_study_and_programs_that_can_be_read(tmp_path: Path) -> None:
    from palaestra_worlds.robots.manipulator_program import ManipulatorProgram
    from palaestra_worlds.robots.quadruped_program import QuadrupedProgram

    page = (Path(__file__).parents[2] / "docs" / "motions.md").read_text(encoding="utf-8")
    dog, arm = re.findall(r"^```text\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert QuadrupedProgram.from_text(dog).motions()
    assert ManipulatorProgram.from_text(arm).motions()
    (study,) = re.findall(r"^```yml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
    assert load_study(tmp_path / "study.yaml").tasks["higher"].success.hold == 0.5


def test_the_command_runs_shows_and_writes(cli: Cli, file: Path, tmp_path: Path) -> None:
    arguments = ("motions", file, "--runs", tmp_path / "runs", "--seeds", 1, "--interfaces", "two,primitives")
    first = cli(*arguments, "--no-films", "--tasks", "stand", "--output", tmp_path / "table.json")
    assert first.code == 0, first.error
    assert "stand, two, seed 0: passed" in first.out
    assert len(json.loads((tmp_path / "table.json").read_text())["figures"]["attempts"]) == 2
    again = cli(*arguments, "--no-films", "--tasks", "stand")
    assert "seed 0: passed" not in again.out
    said = cli("motions", file, "--runs", tmp_path / "runs", "--say", "Stand still.")
    assert "execute_plan()" in said.out
    assert "height" in said.out
    unknown = cli("motions", file, "--tasks", "jump")
    assert "there is no task 'jump'; there are stand" in unknown.error
