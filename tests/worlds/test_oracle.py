"""The oracle's answers mean what the solver found, in every form; its mistakes are as frequent as asked for."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.base import Mistakes, OracleError
from palaestra_worlds.minigrid import PROVIDER
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.solver import solve
from palaestra_worlds.minigrid.state import WALL, cell_type
from palaestra_worlds.minigrid.subgoals import resolve_subgoals
from palaestra_worlds.minigrid.tasks import (
    LanguageSubgoal,
    MiniGridTask,
    ObjectSubgoal,
    PositionSubgoal,
    Subgoal,
    SubgoalForm,
)
from palaestra_worlds.registry import world_entries
from pydantic import BaseModel

FORMS: dict[SubgoalForm, type[BaseModel]] = {
    "position": PositionSubgoal,
    "object": ObjectSubgoal,
    "language": LanguageSubgoal,
}
PAPER = [
    "MiniGrid-MultiRoom-N2-S4-v0",
    "MiniGrid-MultiRoom-N4-S5-v1",
    "MiniGrid-KeyCorridorS3R3-v0",
    "MiniGrid-KeyCorridorS6R3-v0",
    "MiniGrid-ObstructedMaze-1Dlh-v0",
    "MiniGrid-ObstructedMaze-1Dlhb-v0",
]
SOLVABLE = {
    entry.summary: entry.id
    for entry in world_entries()
    if entry.id.startswith("MiniGrid-") and not entry.missing and "Playground" not in entry.id
}
"""One id of each of the reference's classes."""


def schema_of(form: SubgoalForm) -> dict[str, Any]:
    """The schema of an answer with subgoals of one form, as a teacher makes it."""
    kind = FORMS[form]

    class Answer(BaseModel):
        subgoals: list[kind]  # pyright: ignore[reportInvalidTypeForm]

    return Answer.model_json_schema()


def make(id: str, seeds: int) -> Any:
    world = palaestra_worlds.make(id, num_envs=seeds)
    world.reset(seed=0)
    return world


def ask(world: Any, index: int, form: SubgoalForm) -> dict[str, Any]:
    prompt = f"You help an agent.\n\n{world.describe(index)}\n\nAnswer in JSON."
    answer = PROVIDER.oracle(prompt, schema_of(form))
    assert answer is not None
    return answer


def parse(answer: dict[str, Any]) -> tuple[Subgoal, ...]:
    return MiniGridTask.model_validate({"subgoals": answer["subgoals"]}).subgoals


def cells_meant(state: GridState, answer: dict[str, Any]) -> list[tuple[int, int]]:
    return [cell for cell, _ in resolve_subgoals(state, parse(answer))]


# ---------------------------------------------------------------------------------------------- right answers


def share_of_milestones_meant(id: str, form: SubgoalForm, seeds: int) -> float:
    """Every subgoal must mean the cell of a milestone, in their order; milestones may lack a subgoal."""
    world = make(id, seeds)
    meant = wanted = 0
    for i in range(seeds):
        state = world.grid_state(i)
        milestones = [(m.x, m.y) for m in solve(state).milestones]
        cells = cells_meant(state, ask(world, i, form))
        remaining = iter(milestones)
        assert all(cell in remaining for cell in cells), f"seed {i}: {cells} instead of {milestones}"
        meant += len(cells)
        wanted += len(milestones)
    return meant / wanted


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("id", PAPER)
def test_subgoals_mean_the_milestones_cells_in_the_papers_tasks(id: str, form: SubgoalForm) -> None:
    """In MultiRoom the farther one of two doors of the same colour has no name of its own."""
    share = share_of_milestones_meant(id, form, 20)
    assert share == 1.0 or (id == "MiniGrid-MultiRoom-N4-S5-v1" and form != "position" and share > 0.85)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("id", PAPER)
def test_subgoals_mean_the_milestones_cells_in_a_thousand_levels(id: str, form: SubgoalForm) -> None:
    share = share_of_milestones_meant(id, form, 1000)
    print(f"{id} {form}: {share:.2%}")
    assert share > 0.85


@pytest.mark.parametrize("id", SOLVABLE.values())
def test_worlds_take_the_answers(id: str) -> None:
    seeds = 5
    world = make(id, seeds)
    for form in FORMS:
        tasks = []
        for seed in range(seeds):
            try:
                tasks.append(MiniGridTask(level_seed=seed, subgoals=parse(ask(world, seed, form))))
            except OracleError:
                continue
        assert len(tasks) >= seeds // 2
        world.draw_from(tasks)
        assert all(subgoal.form == form for task in tasks for subgoal in task.subgoals)


def test_without_a_schema_subgoals_are_positions_and_of_several_forms_the_first_counts() -> None:
    world = make("MiniGrid-DoorKey-5x5-v0", 1)
    for schema in (None, MiniGridTask.model_json_schema(), {"type": "object"}):
        answer = PROVIDER.oracle(world.describe(0), schema)
        assert answer is not None
        assert [entry["form"] for entry in answer["subgoals"]] == ["position"] * 3


def test_a_key_in_one_of_two_boxes_alike_is_named_itself() -> None:
    world = make("MiniGrid-ObstructedMaze-2Dlh-v0", 30)
    named = [ask(world, i, "language")["subgoals"][0]["instruction"] for i in range(30)]
    assert "open the grey box" in named
    assert any(name.endswith("key") for name in named)


def test_other_text_is_not_answered_and_levels_without_a_way_are_refused() -> None:
    assert PROVIDER.oracle("What is the capital of France?", None) is None
    with pytest.raises(OracleError, match="there is no mission"):
        PROVIDER.oracle(make("MiniGrid-Playground-v0", 1).describe(0), None)


# ---------------------------------------------------------------------------------------------- mistakes


WORLD = make("MiniGrid-ObstructedMaze-1Dlhb-v0", 200)


@cache
def ask_once(index: int, form: SubgoalForm) -> dict[str, Any]:
    return ask(WORLD, index, form)


def misread(index: int, form: SubgoalForm, mistakes: Mistakes, seed: int) -> tuple[list, list]:
    """Cells meant by the oracle's answer, and by the same with mistakes."""
    answer = ask_once(index, form)
    wrong = PROVIDER.misread(WORLD.describe(index), answer, mistakes, np.random.default_rng((seed, index)))
    assert wrong is not None
    state = WORLD.grid_state(index)
    return cells_meant(state, answer), cells_meant(state, wrong)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("accuracy", [0.0, 0.4, 0.9, 1.0])
def test_the_share_of_wrong_subgoals_is_the_one_asked_for(form: SubgoalForm, accuracy: float) -> None:
    """Four entries in each of 200 levels, within four standard deviations."""
    same = []
    for i in range(WORLD.num_envs):
        right, wrong = misread(i, form, Mistakes(accuracy=accuracy), seed=1)
        assert len(right) == len(wrong)
        same += [one == other for one, other in zip(right, wrong, strict=True)]
    assert abs(np.mean(same) - accuracy) <= 4 * np.sqrt(accuracy * (1 - accuracy) / len(same))


def test_wrong_positions_lie_at_the_asked_distance_in_every_direction() -> None:
    """In a large empty room, where walls hardly matter."""
    world = make("MiniGrid-Empty-16x16-v0", 1)
    answer = {"subgoals": [{"form": "position", "x": 7, "y": 7}] * 16}
    away = []
    for seed in range(100):
        mistakes = Mistakes(accuracy=0.0, distance_mean=3.0, distance_std=0.5)
        wrong = PROVIDER.misread(world.describe(0), answer, mistakes, np.random.default_rng(seed))
        assert wrong is not None
        away += [(x - 7, y - 7) for x, y in cells_meant(world.grid_state(0), wrong)]
    offsets = np.array(away)
    assert abs(np.hypot(*offsets.T).mean() - 3.0) < 0.1
    assert np.abs(offsets.mean(axis=0)).max() < 0.25
    for axis in range(2):
        assert min((offsets[:, axis] > 0).mean(), (offsets[:, axis] < 0).mean()) > 0.3


def test_missing_and_swapped_entries_are_as_frequent_as_asked_for() -> None:
    missing = [len(misread(i, "position", Mistakes(missing=0.3), seed=2)[1]) for i in range(WORLD.num_envs)]
    assert abs(np.mean(missing) / 4 - 0.7) < 0.06
    pairs = [misread(i, "position", Mistakes(swapped=1.0), seed=3) for i in range(20)]
    assert all(wrong == [right[1], right[0], right[3], right[2]] for right, wrong in pairs)


def test_a_less_accurate_teacher_makes_the_mistakes_of_a_more_accurate_one_and_others() -> None:
    for i in range(30):
        right, good = misread(i, "position", Mistakes(accuracy=0.7), seed=4)
        _, poor = misread(i, "position", Mistakes(accuracy=0.3), seed=4)
        assert all(bad == fair for one, fair, bad in zip(right, good, poor, strict=True) if fair != one)


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(sorted(FORMS)),
    index=st.integers(0, 199),
    mistakes=st.builds(
        Mistakes,
        accuracy=st.floats(0, 1),
        distance_mean=st.floats(0, 1000),
        distance_std=st.floats(0, 1000),
        missing=st.floats(0, 1),
        swapped=st.floats(0, 1),
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_mistake_makes_an_answer_that_the_world_refuses(
    form: SubgoalForm, index: int, mistakes: Mistakes, seed: int
) -> None:
    right, wrong = misread(index, form, mistakes, seed)
    assert len(wrong) <= len(right)
    assert (right, wrong) == misread(index, form, mistakes, seed)
    assert all(cell_type(WORLD.grid_state(index).at(*cell)) != WALL for cell in wrong)


def test_what_cannot_be_made_wrong_comes_back_as_it_is() -> None:
    random = np.random.default_rng(0)
    always = Mistakes(accuracy=0.0)
    assert PROVIDER.misread("no level here", {"subgoals": []}, always, random) is None
    level = make("MiniGrid-Empty-5x5-v0", 1).describe(0)
    only_object = {"subgoals": [{"form": "object", "type": "goal", "color": "green"}]}
    refused = {"subgoals": [{"form": "position", "x": 90, "y": 90}]}
    for answer in ({}, {"subgoals": "none"}, {"subgoals": [{"x": -1}]}, only_object, refused):
        assert PROVIDER.misread(level, answer, always, random) == answer
