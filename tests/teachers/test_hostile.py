"""Whatever an endpoint does, a lesson comes of it or a failure that is counted in the run's own store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from palaestra.ledger import StoreLedger, StoreMeter
from palaestra.store import Store
from palaestra.testing.around import request_for
from palaestra_teachers.base import LessonRefused, TeacherUnavailable
from palaestra_teachers.llm.budget import BudgetModel, Limits
from palaestra_teachers.llm.openai import OpenAIModel
from palaestra_teachers.subgoals.teacher import SubgoalTeacher
from palaestra_worlds.base import World

from .conftest import KEY
from .server import Play, completion, cut, fail, flood, hang, raw, say, unused_url

Connect = Callable[..., OpenAIModel]

GOOD = '{"subgoals": [{"x": 1, "y": 1}]}'
ACTS: dict[str, tuple[Play, str]] = {
    "empty": (say(""), "empty"),
    "no content": (say(None), "empty"),
    "not JSON": (say("Go to the key, then to the door."), "not_json"),
    "cut off by the token limit": (say(GOOD[:-6]), "not_json"),
    "two answers": (say(f"{GOOD}\n{GOOD}"), "not_json"),
    "NaN": (say(GOOD.replace("1", "NaN")), "not_json"),
    "the same key twice": (say('{"subgoals": [{"x": 1, "x": 2, "y": 1}]}'), "not_json"),
    "wrong schema": (say('{"goals": []}'), "wrong_schema"),
    "half a character": (raw(b'{"choices": [{"message": {"content": "{\\"a\\": \\"\\ud800\\"}"}}]}'), "wrong_schema"),
    "out of bounds": (say('{"subgoals": [{"x": -1, "y": 1}]}'), "out_of_bounds"),
    "too many": (say(json.dumps({"subgoals": [{"x": 1, "y": 1}] * 1000})), "out_of_bounds"),
    "in a wall": (say('{"subgoals": [{"x": 0, "y": 0}]}'), "impossible_task"),
    "huge reply": (say("x" * 200_000), "too_large"),
    "deep reply": (say("[" * 50_000), "too_deep"),
    "huge body": (flood, "too_large"),
    "hangs": (hang, "timeout"),
    "rate limit": (fail(429, headers={"retry-after": "3600"}), "http_429"),
    "server error": (fail(500), "http_5xx"),
    "wrong key": (fail(401, f"wrong key {KEY}"), "http_4xx"),
    "cuts the connection": (cut, "bad_response"),
    "no completion": (raw(b"{}"), "bad_response"),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "run.sqlite") as store:
        yield store


def teach(model: OpenAIModel, world: World, store: Store, retries: int = 1, timeout: float = 20.0) -> str:
    """Kind of failure; "" when a lesson came of it."""
    config = SubgoalTeacher.Config.model_validate({"retries": retries, "sampling": {"timeout": timeout}})
    limited = BudgetModel(Limits(calls=10), model, StoreMeter(store, "teacher"))
    teacher = SubgoalTeacher(config, limited, world, StoreLedger(store, "teacher"))
    try:
        asyncio.run(teacher.propose(request_for(world, 0)))
    except (LessonRefused, TeacherUnavailable) as error:
        return error.kind
    return ""


def kinds(store: Store) -> list[str | None]:
    return [row[0] for row in store.query("SELECT error_kind FROM calls ORDER BY id")]


@pytest.mark.parametrize("name", ACTS)
def test_every_failure_is_counted_and_the_next_reply_is_used(
    connect: Connect, world: World, store: Store, name: str
) -> None:
    act, kind = ACTS[name]
    patience = 0.3 if act is hang else 20.0
    assert teach(connect(act, attempts=2), world, store, timeout=patience) == kind
    assert set(kinds(store)) == {kind}
    assert KEY not in str(store.query("SELECT * FROM calls"))
    assert teach(connect(say(GOOD)), world, store) == ""
    assert kinds(store)[-1] is None


def test_nobody_listens(connect: Connect, world: World, store: Store) -> None:
    assert teach(connect(say("unheard"), base_url=unused_url()), world, store) == "refused"
    assert kinds(store) == ["refused"]


def test_a_reply_is_corrected_after_the_error_was_told(connect: Connect, world: World, store: Store) -> None:
    assert teach(connect(say("hm"), fail(500), say(GOOD)), world, store) == ""
    assert kinds(store) == ["not_json", None]


def test_the_budget_ends_it(connect: Connect, world: World, store: Store) -> None:
    assert teach(connect(say("hm")), world, store, retries=10) == "budget"
    assert kinds(store) == [*["not_json"] * 10, "budget"]


def test_an_answer_in_the_store_is_not_asked_again(connect: Connect, world: World, store: Store) -> None:
    assert teach(connect(raw(completion(GOOD))), world, store) == ""
    assert teach(connect(fail(500)), world, store) == ""
    origins = store.query("SELECT origin, parsed IS NOT NULL FROM calls ORDER BY id")
    assert [tuple(row) for row in origins] == [("live", 1), ("cache", 1)]
