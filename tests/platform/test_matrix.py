"""Which teacher goes with which world: what makes no sense is refused before anything is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from palaestra.lessons import Preparation
from palaestra.motions.tasks import load_study as load_motions
from palaestra.plans.tasks import load_study as load_plans
from palaestra.run import start_run
from palaestra.spec import RunSpec, SpecError
from palaestra.worker import Ended, run_trial

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))
import matrix  # noqa: E402  # pyright: ignore  (a script of the documentation, which lists the cells)

WORLDS = (
    "MiniGrid-DoorKey-5x5-v0",
    "Crafter",
    "AGV",
    "Overworld",
    "Quadruped",
    "Manipulator",
    "envpool:CartPole-v1",
    "gymnasium:CartPole-v1",
)
LEARNERS = (
    "{}",
    "{intrinsic: {kind: rnd}}",
    "{intrinsic: {kind: counts}}",
    "{memory: gru}",
)
TEACHERS = {
    "subgoals": "{kind: subgoals, levels: 2}",
    "environments": "{kind: environments, cycles: 1, steps_in_environments: 1024, steps_in_original: 1024}",
    "rewards": "{kind: rewards}",
    "deps": "{kind: deps}",
    "ghost": "{kind: ghost}",
}


def spec(world: str, teacher: str = "null", agent: str = "{}") -> RunSpec:
    text = f"world: {{id: '{world}', num_envs: 4}}\nagent: {agent}\nteacher: {teacher}\nbudget: {{steps: 4096}}\n"
    return RunSpec.from_yaml(text, "cell.yaml")


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("agent", LEARNERS)
def test_every_learner_goes_with_every_world(world: str, agent: str) -> None:
    assert spec(world, agent=agent).arm("main").world.id == world


@pytest.mark.parametrize("world", ["MiniGrid-DoorKey-5x5-v0", "AGV"])
def test_worlds_with_places_to_go_to_are_taught_by_subgoals(world: str) -> None:
    assert spec(world, TEACHERS["subgoals"]).arm("main").teacher


@pytest.mark.parametrize("world", ["Crafter", "Overworld", "Quadruped", "gymnasium:CartPole-v1"])
def test_worlds_without_are_not_and_the_message_says_what_they_lack(world: str) -> None:
    with pytest.raises(SpecError, match=r"cannot be taught by 'subgoals': it has no setting 'subgoals'"):
        spec(world, TEACHERS["subgoals"])


def test_a_setting_that_a_world_has_and_refuses_is_refused_before_anything_is_built() -> None:
    with pytest.raises(SpecError, match=r"Heist cannot be taught by 'subgoals': .* takes no subgoals"):
        spec("Heist", TEACHERS["subgoals"])


@pytest.mark.parametrize("world", ["MiniGrid-DoorKey-5x5-v0", "Crafter", "AGV", "Overworld"])
def test_worlds_that_a_teacher_can_set_are_taught_by_environments(world: str) -> None:
    teacher = spec(world, TEACHERS["environments"]).arm("main").teacher
    assert teacher
    assert teacher.schedule


@pytest.mark.parametrize(("kind", "command"), [("rewards", "motions"), ("deps", "plan"), ("ghost", "plan")])
@pytest.mark.parametrize("world", WORLDS)
def test_lessons_for_nobody_who_learns_are_refused_with_the_command_that_is_meant(
    world: str, kind: str, command: str
) -> None:
    with pytest.raises(SpecError, match=rf"^cell\.yaml:3:17: teacher\.kind: .*palaestra {command}"):
        spec(world, TEACHERS[kind])


@pytest.mark.parametrize("teacher", ["null", TEACHERS["environments"]])
def test_nobody_trains_in_a_world_in_real_time_installed_or_not(teacher: str) -> None:
    with pytest.raises(SpecError, match=r"^cell\.yaml:1:13: world\.id: Luanti runs in real time.*palaestra plan"):
        RunSpec.from_yaml(f"world: {{id: Luanti}}\nteacher: {teacher}\nbudget: {{steps: 4096}}\n", "cell.yaml")


@pytest.mark.parametrize("world", ["envpool:CartPole-v1", "gymnasium:CartPole-v1"])
def test_levels_that_cannot_be_set_are_no_environments(world: str) -> None:
    with pytest.raises(SpecError, match=r"cannot be taught by 'environments': nothing about its levels can be set"):
        spec(world, TEACHERS["environments"])


@pytest.mark.parametrize(("agent", "command"), [("mpc", "palaestra motions"), ("controllers", "palaestra plan")])
def test_who_looks_for_planners_among_learners_is_told_where_they_are(agent: str, command: str) -> None:
    with pytest.raises(SpecError, match=rf"^cell\.yaml:2:15: agent\.kind: is {agent}, but .*{command}"):
        spec("MiniGrid-DoorKey-5x5-v0", agent=f"{{kind: {agent}}}")


@pytest.mark.parametrize("kind", ["[mpc]", "{mpc: 1}", "3"])
def test_a_kind_that_is_no_name_is_said_to_be_none(kind: str) -> None:
    with pytest.raises(SpecError, match=r"^cell\.yaml:2:\d+: agent\.kind: must be a name"):
        spec("MiniGrid-DoorKey-5x5-v0", agent=f"{{kind: {kind}}}")


def test_reward_programs_are_for_robots_and_plans_for_worlds_with_items(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(matrix.MOTION % "Crafter")
    with pytest.raises(SpecError, match=r"study\.yaml:2:13: world\.id: Crafter takes no reward programs"):
        load_motions(path)
    # Also where a setting is written that only worlds with items have.
    path.write_text((matrix.PLAN % "Crafter").replace('"}', '", rules: easy}'))
    with pytest.raises(SpecError, match=r"study\.yaml:2:13: world\.id: Crafter has no items to plan for"):
        load_plans(path)


def test_refusals_compile_nothing() -> None:
    engines = "[name for name in sys.modules if name.startswith('palaestra_worlds.') and name.endswith('.engine')]"
    code = f"import sys, matrix; matrix.page(); assert not {engines}, {engines}"
    done = subprocess.run([sys.executable, "-c", code], cwd=DOCS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def said_to_run() -> dict[str, list[str]]:
    """By world the lessons that the page says run; asking the checks anew takes long, and is another test's part."""
    lines = [line.strip("| ").split(" | ") for line in matrix.PAGE.read_text().splitlines() if line.startswith("| ")]
    (_, *lessons), _, *rows = lines
    return {
        world: [lesson for lesson, cell in zip(lessons, cells, strict=True) if cell == "run"] for world, *cells in rows
    }


QUICK = ("MiniGrid", "gymnasium")
"""Worlds that other tests compile anyway, or that need no compiling."""
CELLS = [
    pytest.param(world, lesson, agent, id=f"{world}-{lesson}-{agent}", marks=() if world in QUICK else pytest.mark.slow)
    for world, lessons in said_to_run().items()
    for lesson in lessons
    for agent in (matrix.AGENTS if lesson == "none" else ["PPO"])
]


@pytest.mark.parametrize(("world", "lesson", "agent"), CELLS)
def test_each_cell_that_is_said_to_run_runs(world: str, lesson: str, agent: str, tmp_path: Path) -> None:
    run = start_run(RunSpec.from_yaml(matrix.spec_text(world, lesson, agent), "cell.yaml"), tmp_path)
    with Preparation(run, ["main"], Event()) as preparation:
        preparation.finish(lambda told: None)
    assert run_trial(run, "main", 0, lambda told: None) == Ended("done")
    assert run.trials()[0].steps == 256
