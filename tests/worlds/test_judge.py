"""Judgements of subgoals: what leads to the goal is useful; mistakes are told apart and counted as they were made."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.base import Judgement, Mistakes, World
from palaestra_worlds.minigrid import PROVIDER
from palaestra_worlds.minigrid.tasks import SubgoalForm

from .test_oracle import FORMS, PAPER, SOLVABLE, schema_of

EMPTY = "MiniGrid-Empty-6x6-v0"
"""The agent stands at (1, 1) and faces right, the goal is at (4, 4): seven actions."""
CORRIDOR = "MiniGrid-KeyCorridorS3R3-v0"


def judged(world: World, seed: int, answer: dict[str, Any]) -> Judgement:
    found = world.judge(world.task_space.model_validate({"level_seed": seed, "subgoals": answer["subgoals"]}))
    assert found is not None
    return found


def cells(*places: tuple[int, int]) -> dict[str, Any]:
    return {"subgoals": [{"form": "position", "x": x, "y": y} for x, y in places]}


def described(world: World, seed: int) -> str:
    world.reset(seed=[seed])
    return world.describe(0)


def oracle(world: World, seed: int, form: SubgoalForm = "position", also: str = "") -> dict[str, Any]:
    answer = PROVIDER.oracle(f"{described(world, seed)}\n\n{also}", schema_of(form))
    assert answer is not None
    return answer


@pytest.mark.parametrize("also", ["", "List every doorway."])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("id", PAPER)
def test_the_oracles_answers_are_perfect_with_and_without_doorways(id: str, form: SubgoalForm, also: str) -> None:
    world = palaestra_worlds.make(id)
    for seed in range(5):
        answer = oracle(world, seed, form, also)
        found = judged(world, seed, answer)
        assert found.useful, found.why
        assert found.right == found.in_place == found.expected == len(answer["subgoals"])
        assert found.errors == (0.0,) * found.expected
        assert (found.wrong, found.missing, found.superfluous, found.swapped) == ((), 0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SOLVABLE))
def test_the_oracles_answers_are_useful_in_every_family(name: str) -> None:
    world = palaestra_worlds.make(SOLVABLE[name])
    for seed in range(5):
        found = judged(world, seed, oracle(world, seed))
        assert found.useful, found.why


@pytest.mark.parametrize(
    ("places", "why"),
    [
        ([(4, 4)], ""),
        ([(4, 1), (4, 4)], ""),
        ([(1, 4), (4, 4)], ""),
        ([(2, 3), (4, 4)], ""),
        ([(4, 1)], ""),
        ([(2, 1), (3, 1), (4, 1), (4, 2), (4, 3), (4, 4)], ""),
        ([], "there are no subgoals"),
        ([(4, 1), (2, 1), (4, 4)], "subgoal 2 of 3, (2, 1), is a detour of"),
        ([(4, 4), (4, 1)], "subgoal 2 of 2, (4, 1), is a detour of"),
        ([(4, 4), (3, 4)], "subgoal 2 of 2, (3, 4), is a detour of"),
    ],
)
def test_useful_is_what_lies_on_a_way_in_order(places: list[tuple[int, int]], why: str) -> None:
    found = judged(palaestra_worlds.make(EMPTY), 0, cells(*places))
    assert found.useful == (why == "")
    assert found.why.startswith(why)


def test_lava_is_no_way() -> None:
    world = palaestra_worlds.make("MiniGrid-LavaGapS5-v0")
    world.reset(seed=[0])
    lines = world.describe(0).splitlines()
    first_row = next(k for k, line in enumerate(lines) if line.startswith("0 ")) + 1
    y = next(row for row in range(1, 4) if "~" in lines[first_row + row - 1])
    x = lines[first_row + y - 1].index("~") - 2
    assert "lava" in judged(world, 0, cells((x, y))).why


def test_mistakes_are_told_apart() -> None:
    world = palaestra_worlds.make(CORRIDOR)
    key, door, ball = ((s["x"], s["y"]) for s in oracle(world, 0)["subgoals"])
    agent = next(line for line in described(world, 0).splitlines() if line.startswith("Agent"))
    floor = tuple(int(number) for number in agent[len("Agent: at (") : agent.index(")")].split(", "))
    away = float(np.hypot(floor[0] - door[0], floor[1] - door[1]))

    def mistakes(*places: tuple[int, ...]) -> tuple[int, tuple[float, ...], int, int, int]:
        found = judged(world, 0, cells(*places))  # type: ignore[arg-type]
        assert found.expected == 3
        return found.right, found.wrong, found.missing, found.superfluous, found.swapped

    assert mistakes(key, door, ball) == (3, (), 0, 0, 0)
    assert mistakes(key, floor, ball) == (2, (away,), 0, 0, 0)
    assert mistakes(key, ball) == (2, (), 1, 0, 0)
    assert mistakes(key, floor, door, ball) == (3, (), 0, 1, 0)
    assert mistakes(door, key, ball) == (3, (), 0, 0, 1)
    assert not judged(world, 0, cells(door, key, ball)).useful
    in_place = judged(world, 0, cells(door, key, ball))
    assert (in_place.in_place, len(in_place.errors)) == (1, 3)


def test_wrong_and_missing_positions_are_counted_as_often_as_they_were_made() -> None:
    mistakes = Mistakes(accuracy=0.8, missing=0.1, distance_mean=6.0, distance_std=1.0)
    found = judgements("MiniGrid-MultiRoom-N4-S5-v1", "position", mistakes)
    right = sum(one.right for one in found)
    away = [distance for one in found for distance in one.wrong]
    expected = sum(one.expected for one in found)
    assert near(right, right + len(away), 0.8)
    assert near(sum(one.missing for one in found), expected, 0.1)
    assert sum(one.superfluous for one in found) < 0.02 * expected
    assert np.mean(away) == pytest.approx(6.0, abs=0.6)


def test_wrong_objects_are_counted_as_often_as_they_were_made() -> None:
    """A wrong object is often another one of the list, so a few are read as entries left out or in another order."""
    found = judgements(CORRIDOR, "object", Mistakes(accuracy=0.9))
    right, wrong = sum(one.right for one in found), sum(len(one.wrong) for one in found)
    assert {one.wrong_kind for one in found} == {"object"}
    assert near(right, right + wrong, 0.9)
    assert sum(one.missing + one.superfluous + one.swapped for one in found) < 0.03 * (right + wrong)


def test_swapped_neighbours_are_counted_as_often_as_they_were_made() -> None:
    found = judgements("MiniGrid-MultiRoom-N4-S5-v1", "position", Mistakes(swapped=0.3))
    assert near(sum(one.swapped for one in found), sum(one.neighbours for one in found), 0.3)
    assert {(one.wrong, one.missing, one.superfluous) for one in found} == {((), 0, 0)}


def judgements(id: str, form: SubgoalForm, mistakes: Mistakes, levels: int = 200) -> list[Judgement]:
    """Of the oracle's answers with mistakes."""
    world = palaestra_worlds.make(id)
    found = []
    for seed in range(levels):
        answer = oracle(world, seed, form)
        wrong = PROVIDER.misread(described(world, seed), answer, mistakes, np.random.default_rng(seed))
        assert wrong is not None
        found.append(judged(world, seed, wrong))
    return found


def near(count: float, of: float, rate: float) -> bool:
    """Within three standard errors."""
    return bool(abs(count / of - rate) < 3 * np.sqrt(rate * (1 - rate) / of))


def test_a_world_without_a_planner_judges_nothing() -> None:
    world = palaestra_worlds.make(EMPTY)
    assert World.judge(world, world.task_space(level_seed=0)) is None
