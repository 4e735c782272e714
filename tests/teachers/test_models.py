"""Scripted and noisy models, and how models are built from settings."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from palaestra.testing.around import request_for
from palaestra_teachers.base import LanguageModel, LessonRequest, Message, Sampling
from palaestra_teachers.llm.build import ModelSettingsError, build_model
from palaestra_teachers.llm.noisy import NoisyConfig, NoisyModel
from palaestra_teachers.subgoals.schema import reply_model
from palaestra_worlds.base import World

from .conftest import ModelThatSays

SCRIPTED = {"backend": "scripted"}


def complete(model: LanguageModel, *texts: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [Message(role=roles[i % 2], content=text) for i, text in enumerate(texts)]
    return json.loads(asyncio.run(model.complete(messages, schema, Sampling())).text)


def noisy(inner: LanguageModel | None = None, **settings: Any) -> NoisyModel:
    return NoisyModel(NoisyConfig(**settings), inner or build_model(SCRIPTED))


@pytest.fixture(scope="module")
def requests(world: World) -> list[LessonRequest]:
    return [request_for(world, level_seed) for level_seed in range(60)]


# ---------------------------------------------------------------------------------------------- scripted


@pytest.mark.parametrize("form", ["position", "object", "language"])
def test_scripted_answers_in_the_form_that_the_schema_asks_for(
    world: World, requests: list[LessonRequest], form: str
) -> None:
    schema = reply_model(world.task_space, form).model_json_schema()
    answer = complete(build_model(SCRIPTED), requests[0].description, schema=schema)
    assert {subgoal["form"] for subgoal in answer["subgoals"]} == {form}


def test_scripted_says_when_it_has_no_answer() -> None:
    assert "no installed world" in complete(build_model(SCRIPTED), "What is the weather?")["no_answer"]


def test_scripted_says_when_a_level_has_no_solution(requests: list[LessonRequest]) -> None:
    lines = requests[0].description.splitlines()
    key = next(line for line in lines if " key at " in line)
    without_key = "\n".join(line.replace("K", ".") if "#" in line else line for line in lines if line != key)
    assert "no_answer" in complete(build_model(SCRIPTED), without_key)


def test_scripted_still_finds_the_level_after_a_refused_reply(requests: list[LessonRequest]) -> None:
    model = build_model(SCRIPTED)
    text = requests[0].description
    assert complete(model, text, "{}", "This reply cannot be used.") == complete(model, text)


# ---------------------------------------------------------------------------------------------- noisy


def test_noisy_without_mistakes_is_the_inner_model(requests: list[LessonRequest]) -> None:
    exact = noisy(accuracy=1.0)
    for request in requests[:5]:
        assert complete(exact, request.description) == complete(build_model(SCRIPTED), request.description)


def wrong_entries(requests: list[LessonRequest], accuracy: float, seed: int = 0) -> set[tuple[int, int]]:
    right, model = build_model(SCRIPTED), noisy(accuracy=accuracy, seed=seed)
    found = set()
    for level, request in enumerate(requests):
        pairs = zip(
            complete(model, request.description)["subgoals"],
            complete(right, request.description)["subgoals"],
            strict=True,
        )
        found |= {(level, k) for k, (given, wanted) in enumerate(pairs) if given != wanted}
    return found


def test_noisy_is_wrong_as_often_as_it_is_told(requests: list[LessonRequest]) -> None:
    entries = 3 * len(requests)
    # 180 draws with probability 0.4 are within 4 standard deviations of 72.
    assert abs(len(wrong_entries(requests, accuracy=0.6)) - 0.4 * entries) < 4 * (0.24 * entries) ** 0.5


def test_the_less_accurate_model_is_wrong_where_the_other_is(requests: list[LessonRequest]) -> None:
    assert wrong_entries(requests, accuracy=0.8) < wrong_entries(requests, accuracy=0.4)
    assert wrong_entries(requests, accuracy=0.4) != wrong_entries(requests, accuracy=0.4, seed=1)


def test_noisy_leaves_out_and_swaps(requests: list[LessonRequest]) -> None:
    right = [complete(build_model(SCRIPTED), request.description)["subgoals"] for request in requests[:30]]
    missing = [complete(noisy(missing=0.3), request.description)["subgoals"] for request in requests[:30]]
    swapped = [complete(noisy(swapped=1.0), request.description)["subgoals"] for request in requests[:30]]
    assert 30 < sum(map(len, missing)) < 90 == sum(map(len, right))
    assert all(sorted(map(str, a)) == sorted(map(str, b)) and a != b for a, b in zip(right, swapped, strict=True))


def test_mistakes_are_the_same_for_the_same_request_in_any_order(requests: list[LessonRequest]) -> None:
    texts = [request.description for request in requests[:10]]
    one, other = noisy(accuracy=0.3), noisy(accuracy=0.3)
    there = [complete(one, text) for text in texts]
    back = [complete(other, text) for text in reversed(texts)]
    assert there == back[::-1]
    assert complete(one, texts[0], "{}", "This reply cannot be used.") == there[0]
    assert there != [complete(noisy(accuracy=0.3, seed=1), text) for text in texts]


@pytest.mark.parametrize(
    "reply", ["", "no idea", '{"no_answer": "why"}', '{"subgoals": 5}', '{"subgoals": [5, {"x": "a"}]}']
)
def test_noisy_passes_on_what_is_no_answer(requests: list[LessonRequest], reply: str) -> None:
    model = noisy(ModelThatSays(reply), accuracy=0.0)
    completion = asyncio.run(model.complete([Message(role="user", content=requests[0].description)], None, Sampling()))
    assert completion.text == reply


def test_noisy_is_named_by_what_it_does() -> None:
    assert noisy(accuracy=0.9).name == "noisy(scripted, accuracy 0.9)"
    assert noisy(missing=0.25, swapped=0.5).name == "noisy(scripted, accuracy 1, missing 0.25, swapped 0.5)"
    models = [
        noisy(accuracy=0.9),
        noisy(accuracy=0.8),
        noisy(accuracy=0.9, seed=1),
        noisy(accuracy=0.9, distance_std=0),
    ]
    assert len({model.identity for model in models}) == 4


# ---------------------------------------------------------------------------------------------- build


def test_models_nest() -> None:
    settings = {"backend": "noisy", "accuracy": 0.5, "inner": {"backend": "noisy", "missing": 0.1, "inner": SCRIPTED}}
    assert build_model(settings).name == "noisy(noisy(scripted, accuracy 1, missing 0.1), accuracy 0.5)"


@pytest.mark.parametrize(
    ("settings", "path", "told"),
    [
        ({}, (), "'backend' is missing; installed: budget, cache"),
        ({"backend": 5}, (), "'backend' is missing"),
        ("scripted", (), "should be a mapping"),
        ({"backend": "scriptd"}, ("backend",), "did you mean 'scripted'"),
        ({"backend": "scripted", "speed": 1}, ("speed",), "no such setting"),
        ({"backend": "noisy", "accuracy": 1.5}, ("accuracy",), "less than or equal to 1"),
        ({"backend": "noisy", "inner": {"backend": "noisi"}}, ("inner", "backend"), "did you mean 'noisy'"),
        ({"backend": "noisy", "inner": {"backend": "openai", "base_url": "x"}}, ("inner", "base_url"), "an address"),
        ({"backend": "openai", "price": {"input": 1}}, ("price", "output"), "missing"),
        ({"backend": "route", "models": []}, ("models",), "at least 1"),
        (
            {"backend": "route", "models": [{"backend": "scripted"}, {"backend": "noisy", "seed": -1}]},
            ("models", 1, "seed"),
            "greater than or equal to 0",
        ),
        ({"backend": "vote"}, ("inner",), "missing"),
    ],
)
def test_wrong_settings_are_said_with_their_place(settings: Any, path: tuple[str | int, ...], told: str) -> None:
    with pytest.raises(ModelSettingsError) as caught:
        build_model(settings)
    assert caught.value.path == path
    assert told in str(caught.value)
    assert str(caught.value).startswith(".".join(("model", *map(str, path))))


def test_models_that_wrap_each_other_without_end_are_refused() -> None:
    settings: dict[str, Any] = SCRIPTED
    for _ in range(20):
        settings = {"backend": "noisy", "inner": settings}
    with pytest.raises(ModelSettingsError, match="wrap each other"):
        build_model(settings)
