"""The heuristic for Crafter environments: what it asks for exists, and follows what the agent can do."""

from __future__ import annotations

import numpy as np
import pytest
from palaestra_worlds.base import Mistakes
from palaestra_worlds.crafter import PROVIDER
from palaestra_worlds.crafter.character import ACHIEVEMENTS
from palaestra_worlds.crafter.heuristic import GIVEN, NEEDS
from palaestra_worlds.crafter.tasks import CrafterTask
from palaestra_worlds.crafter.world import CrafterWorld

SCHEMA = {"properties": {"environments": {"maxItems": 4, "items": {}}}}


@pytest.fixture(scope="module")
def world() -> CrafterWorld:
    return PROVIDER.make("Crafter", 1, observation="symbolic")


def prompt(**rates: float) -> str:
    lines = (f"- {name}: {rate:.3f} ± {(rate * (1 - rate)) ** 0.5:.3f}" for name, rate in rates.items())
    return "\n".join(["World: Crafter", *lines])


def reasons(text: str) -> list[str]:
    answer = PROVIDER.oracle(text, SCHEMA)
    assert answer is not None
    return [environment["why"] for environment in answer["environments"]]


def test_every_achievement_has_an_environment_and_none_needs_itself() -> None:
    assert set(NEEDS) == set(GIVEN) == set(ACHIEVEMENTS)
    learned: set[str] = set()
    while len(learned) < len(NEEDS):
        ready = {name for name, needed in NEEDS.items() if learned >= set(needed)}
        assert ready > learned
        learned = ready


@pytest.mark.parametrize("name", sorted({str(given): name for name, given in GIVEN.items()}.values()))
def test_environments_hold_what_they_promise(world: CrafterWorld, name: str) -> None:
    assert world.examine(CrafterTask.model_validate(GIVEN[name])) == ()


def test_it_begins_with_what_needs_nothing() -> None:
    assert [why.split(":")[0] for why in reasons(prompt())] == [
        "To collect wood",
        "To collect sapling",
        "To collect drink",
        "To eat cow",
    ]


def test_it_turns_to_what_is_one_step_away() -> None:
    easy = ("collect_wood", "collect_sapling", "collect_drink", "eat_cow", "wake_up", "place_plant", "place_table")
    rates = dict.fromkeys(ACHIEVEMENTS, 0.0) | dict.fromkeys(easy, 0.9) | {"defeat_zombie": 0.6, "eat_plant": 0.01}
    found = reasons(prompt(**rates))
    assert [why.split(",")[0] for why in found] == [
        "To make wood pickaxe and make wood sword",
        "To eat plant",
        "To collect stone",
        "To collect coal",
    ]
    assert "reached in 1% of episodes" in found[1]


def test_of_an_agent_that_can_do_all_it_asks_the_hardest() -> None:
    assert reasons(prompt(**dict.fromkeys(ACHIEVEMENTS, 1.0)))[0].startswith("To collect diamond")


def test_other_prompts_are_not_its_own() -> None:
    assert PROVIDER.oracle("World: Heist", SCHEMA) is None
    assert PROVIDER.oracle("World: Crafter", {"properties": {"subgoals": {}}}) is None


def test_mistakes_are_other_environments() -> None:
    answer = PROVIDER.oracle(prompt(), SCHEMA)
    assert answer is not None
    same = PROVIDER.misread(prompt(), answer, Mistakes(accuracy=1.0), np.random.default_rng(0))
    assert same == answer
    wrong = PROVIDER.misread(prompt(), answer, Mistakes(accuracy=0.0), np.random.default_rng(0))
    assert wrong is not None
    for before, after in zip(answer["environments"], wrong["environments"], strict=True):
        assert after["why"] == before["why"]
        settings = {key: value for key, value in after.items() if key != "why"}
        CrafterTask.model_validate(settings)
        assert settings != {key: value for key, value in before.items() if key != "why"}
