"""The report on a teacher with a schedule: environments of each cycle, why, objectives before and after, cost."""

from __future__ import annotations

import re

import pytest
from palaestra.report.arms import read_arms
from palaestra.report.environments import Course, read_courses, settings_words
from palaestra.report.objectives import ObjectiveTable, read_objectives, read_worlds
from palaestra.report.page import render
from palaestra.run import Run, start_run
from palaestra.spec import RunSpec
from palaestra.trials import execute

SPEC = """
name: doors
world: {id: Heist, size: 7, doors: 1, num_envs: 8, max_steps: 16}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: environments, environments: 3, cycles: 2, steps_in_environments: 256, steps_in_original: 128}
budget: {steps: 896, teacher_calls: 2}
evaluation: {every: 100_000, episodes: 8}
arms:
  model: {}
  by-hand: {teacher: {source: by_hand, by_hand: [[{size: 5, doors: []}], [{doors: [red]}]]}}
  progress: {teacher: {source: progress, pool: 12, updates: 1}}
  alone: {teacher: null}
seeds: 2
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = start_run(RunSpec.from_yaml(SPEC, "doors.yaml"), tmp_path_factory.mktemp("runs"))
    assert execute(made, jobs=1).done
    return made


@pytest.fixture(scope="module")
def courses(run: Run) -> dict[str, Course]:
    with run.open_store(read_only=True) as store:
        return {course.arm: course for course in read_courses(store, read_arms(run, store))}


def test_each_cycle_shows_its_environments_with_picture_reason_and_success(courses: dict[str, Course]) -> None:
    course = courses["model"]
    assert (course.turns, course.seeds, [cycle.number for cycle in course.cycles]) == (2, 2, [1, 2])
    first = course.cycles[0]
    assert first.began == 0
    assert [shown.settings for shown in first.environments] == [
        "size 5; doors blue; keys blue",
        "size 5; doors blue; keys none; carrying blue",
        "size 7; doors blue; keys blue",
    ]
    for shown in first.environments:
        assert shown.picture.startswith("data:image/png;base64,")
        assert shown.why
        assert shown.episodes > 0
        assert shown.success is not None
    assert len({shown.picture for shown in first.environments}) == 3


def test_objectives_are_given_before_and_after_over_seeds(courses: dict[str, Course]) -> None:
    for cycle in courses["model"].cycles:
        assert [name for name, _, _ in cycle.objectives] == ["blue key", "blue door", "gem"]
        for _, before, after in cycle.objectives:
            assert re.fullmatch(r"[\d.]+ % ± \d+", before)
            assert re.fullmatch(r"[\d.]+ % ± \d+", after)


def test_what_calls_cost_and_what_failed_is_told(courses: dict[str, Course]) -> None:
    first, second = courses["model"].cycles
    # Both calls of the budget are spent by the first seed.
    assert first.cost.startswith("1 call")
    assert first.failure == second.failure == ""
    assert courses["by-hand"].cycles[0].cost == ""


def test_arms_without_a_language_model_say_so(courses: dict[str, Course]) -> None:
    assert "alone" not in courses
    assert courses["model"].description.endswith(
        "written with feedback; scripted (a heuristic that reads the same prompt; no language model)"
    )
    assert courses["by-hand"].description == "environments, 2 stages by hand; no language model"
    cycle = courses["progress"].cycles[0]
    assert (len(cycle.environments), cycle.more) == (8, 4)


def test_all_arms_are_compared_by_objective(run: Run) -> None:
    with run.open_store(read_only=True) as store:
        arms = read_arms(run, store)
        names, measure = read_worlds(store, arms)
        table = read_objectives(store, arms, names)
    assert measure == ""
    assert isinstance(table, ObjectiveTable)
    assert table.arms == ("model", "by-hand", "progress", "alone")
    assert [name for name, _ in table.rows] == ["blue key", "blue door", "gem"]
    assert table.seeds == 2


def test_the_page_holds_it(run: Run) -> None:
    page = render(run)
    assert '<section id="environments">' in page
    assert '<section id="objectives">' in page
    assert "size 5; doors blue; keys none; carrying blue" in page
    columns = re.search(r'aria-label="Objectives of model by cycle">.*?<thead>(.*?)</thead>', page, re.DOTALL)
    assert columns is not None
    assert re.findall(r">([^<>]+)</th>", columns[1]) == ["Objective", "before", "after 1", "after 2"]
    # The second seed found the budget of calls spent.
    assert '<th scope="row">budget</th>' in page
    assert '<section id="lessons">' not in page


def test_settings_are_told_in_words() -> None:
    assert settings_words({}) == "as the original"
    settings = {"start_of_day": 0.5, "inventory": {"wood": 2, "stone_pickaxe": 1}, "doors": [], "dark": True}
    assert settings_words(settings) == "start of day 0.5; inventory wood 2, stone pickaxe 1; doors none; dark yes"
