"""Whatever a model would write, its reply follows the schema and ends: tried with tokens drawn blindly."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import palaestra_worlds
import pytest
import xgrammar
from palaestra_teachers.environments.replies import environment_model
from palaestra_teachers.llm.grammar import Grammar, SchemaError, as_text, bounded_schema, finish
from palaestra_teachers.replies import parse_reply
from palaestra_teachers.subgoals.schema import reply_model
from palaestra_worlds.base import Task
from palaestra_worlds.crafter.tasks import CrafterTask
from palaestra_worlds.minigrid.heist.tasks import HeistTask
from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """One of each thing that a lesson's schema may hold, most of them without a bound."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["part"] = "part"
    type: Annotated[str, Field(min_length=3)]
    number: float
    share: Annotated[float, Field(ge=0, le=1)]
    above: Annotated[float, Field(gt=0, lt=1)]
    count: int
    word: Annotated[str, Field(max_length=5)]
    text: Annotated[str, Field(min_length=120, max_length=250)]
    even: Annotated[int, Field(ge=-3)] | None = None
    code: Annotated[str, Field(pattern=r"^(ab)+c$")]
    sure: bool
    names: list[str]
    by_name: dict[str, Annotated[int, Field(ge=0)]]


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str
    parts: Annotated[list[Part], Field(min_length=2)]


class Tokens:
    """The tokens of no model in particular: every byte, and some pieces of text that go across JSON's own signs."""

    def __init__(self) -> None:
        pieces = [b'{"', b'": ', b'"}', b"}, ", b"]}", b"true", b"12", b"ab", b" ", b'", "', "€é".encode()]
        self.texts = [*(bytes([byte]) for byte in range(256)), *pieces, b"<end>"]
        info = xgrammar.TokenizerInfo(
            self.texts, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[len(self.texts) - 1]
        )
        self.compiler = xgrammar.GrammarCompiler(info)
        self._mask = xgrammar.allocate_token_bitmask(1, len(self.texts))

    def allowed(self, matcher: xgrammar.GrammarMatcher) -> list[int]:
        xgrammar.reset_token_bitmask(self._mask)
        matcher.fill_next_token_bitmask(self._mask)
        words = self._mask[0].tolist()
        return [id for id in range(len(self.texts)) if words[id // 32] >> (id % 32) & 1]

    def write(self, grammar: Grammar, limit: int, seed: int) -> bytes:
        """A reply by somebody who knows nothing, and stops only when he must."""
        draw, matcher, written = random.Random(seed), grammar.matcher(), []
        while not matcher.is_terminated() and len(written) < limit:
            written.append(draw.choice(self.allowed(matcher)))
            assert matcher.accept_token(written[-1])
        kept, ending = len(written), b""
        if not matcher.is_terminated():
            kept, ending = finish(matcher, written, limit, len)
        assert kept + len(ending) <= limit
        return b"".join(self.texts[id] for id in written[:kept]) + ending


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens()


def lesson_replies() -> Iterator[type[BaseModel]]:
    task_space = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0").task_space
    for form in ("position", "object", "language"):
        yield reply_model(task_space, form)


@pytest.mark.parametrize("model", list(lesson_replies()), ids=["position", "object", "language"])
@pytest.mark.parametrize("limit", [150, 1500])
def test_every_blind_reply_parses_and_ends_within_its_tokens(tokens: Tokens, model: Any, limit: int) -> None:
    check(tokens, model, limit, seeds=30)


@pytest.mark.parametrize("task_space", [CrafterTask, HeistTask])
def test_so_do_environments(tokens: Tokens, task_space: type[Task]) -> None:
    check(tokens, environment_model(task_space), limit=1000, seeds=6)


@pytest.mark.parametrize("limit", [800, 1500])
def test_so_do_replies_to_a_schema_with_all_that_there_is(tokens: Tokens, limit: int) -> None:
    check(tokens, Everything, limit, seeds=6)


def check(tokens: Tokens, model: type[BaseModel], limit: int, seeds: int) -> None:
    grammar = Grammar(tokens.compiler, model.model_json_schema())
    replies = {tokens.write(grammar, limit, seed) for seed in range(seeds)}
    for reply in replies:
        parse_reply(as_text(reply), model)
    assert len(replies) > seeds / 2


def test_a_reply_keeps_what_there_is_room_for(tokens: Tokens) -> None:
    schema = {"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}}}
    grammar = Grammar(tokens.compiler, schema)
    matcher, begun = grammar.matcher(), b'{"words": ["one", "two", "thr'
    for byte in begun:
        assert matcher.accept_token(byte)
    assert finish(matcher, list(begun), 32, len) == (29, b'"]}')


@pytest.mark.parametrize("room", [31, 30, 29])
def test_with_too_little_room_the_end_is_taken_back(tokens: Tokens, room: int) -> None:
    schema = {"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}}}
    grammar = Grammar(tokens.compiler, schema)
    matcher, begun = grammar.matcher(), b'{"words": ["one", "two", "thr'
    for byte in begun:
        assert matcher.accept_token(byte)
    kept, ending = finish(matcher, list(begun), room, len)
    words = json.loads(begun[:kept] + ending)["words"]
    assert kept + len(ending) <= room
    assert words[:2] == ["one", "two"]


def test_characters_that_there_are_not_stay_one_character() -> None:
    assert as_text('"a€'.encode() + b'\xf0\x80\x80\x80\xed\xa0\x80"') == '"a€??"'
    assert as_text(b'{"\\ud800": 1}') == '{"?": 1}'


def test_a_key_that_occurs_twice_is_kept_once() -> None:
    assert as_text(b'{"a": 1, "b": 0.5, "a": 2}') == '{"a": 2, "b": 0.5}'


def test_a_limit_below_the_shortest_reply_is_said(tokens: Tokens) -> None:
    model = next(lesson_replies())
    grammar = Grammar(tokens.compiler, model.model_json_schema())
    with pytest.raises(SchemaError, match="within 20 tokens"):
        tokens.write(grammar, 20, seed=0)


def test_a_schema_that_cannot_be_done_is_said(tokens: Tokens) -> None:
    with pytest.raises(SchemaError, match="cannot be constrained"):
        Grammar(tokens.compiler, {"type": "object", "properties": {"a": {"type": "nonsense"}}})


def test_bounds_of_a_schema_are_kept_and_missing_ones_are_set() -> None:
    found = bounded_schema(
        {
            "type": "object",
            "properties": {
                "type": {"type": "string", "minLength": 2, "maxLength": 7},
                "long": {"type": "string", "minLength": 120, "maxLength": 250},
                "endless": {"type": "string"},
                "list": {"type": "array", "items": {"enum": ["a"], "type": "string"}, "maxItems": 3},
                "number": {"type": "number", "exclusiveMinimum": 0},
            },
        }
    )["properties"]
    assert found["type"] == {"type": "string", "pattern": r"^[\s\S]{2,7}$"}
    assert found["long"]["pattern"] == r"^[\s\S]{100,100}[\s\S]{20,100}[\s\S]{0,50}$"
    assert found["endless"]["pattern"] == r"^[\s\S]{0,}$"
    assert found["list"] == {"type": "array", "items": {"enum": ["a"], "type": "string"}, "maxItems": 3}
    assert found["number"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 10**12}
