"""Which teacher goes with which world: what makes no sense is refused before anything is built."""

from __future__ import annotations

import pytest
from palaestra.spec import RunSpec, SpecError

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
def test_nobody_trains_in_a_world_in_real_time(teacher: str) -> None:
    with pytest.raises(SpecError, match=r"^cell\.yaml:1:13: world\.id: Luanti runs in real time.*palaestra plan"):
        RunSpec.from_yaml(f"world: {{id: Luanti}}\nteacher: {teacher}\nbudget: {{steps: 4096}}\n", "cell.yaml")
