"""Replies are untrusted: whatever they hold, they are a value within bounds or a refusal of a known kind."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from palaestra_teachers.base import LessonRefused
from palaestra_teachers.replies import MAX_BYTES, MAX_DEPTH, MAX_ERROR_LENGTH, parse_reply
from pydantic import BaseModel, ConfigDict, Field

KINDS = {"too_large", "empty", "not_json", "too_deep", "no_answer", "out_of_bounds", "wrong_schema"}


class Cell(BaseModel):
    model_config = ConfigDict(extra="forbid")
    form: Literal["position"] = "position"
    x: int = Field(ge=0, le=9)
    y: float = Field(ge=0, le=9, allow_inf_nan=False)
    name: str | None = None


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    subgoals: tuple[Cell, ...] = Field(min_length=1, max_length=3)


GOOD = '{"subgoals": [{"x": 1, "y": 2.5}]}'


def refusal(text: str) -> LessonRefused:
    with pytest.raises(LessonRefused) as caught:
        parse_reply(text, Reply)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n\n  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"Sure! I use braces {{x, y}} for cells.\n\n{GOOD}\n\nGood luck :-}}",
        f'<think>Maybe {{"subgoals": []}}? No.</think>\n{GOOD}',
        GOOD.replace("2.5", "25e-1"),
        "\ufeff".strip("\ufeff") + GOOD.replace(" ", "\n"),
    ],
)
def test_one_object_is_found_wherever_it_stands(text: str) -> None:
    assert parse_reply(text, Reply) == Reply(subgoals=(Cell(x=1, y=2.5),))


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("", "empty", "empty"),
        (" \n\t ", "empty", "empty"),
        ("<think>hm</think>", "empty", "empty"),
        ("I cannot do that.", "not_json", "line 1, column 1"),
        ("{", "not_json", "ends in the middle"),
        (GOOD[:-5], "not_json", "ends in the middle"),
        ('Well: {"subgoals": [{"x": 1, "y": 1}, {"x": ', "not_json", "ends in the middle"),
        ('{"subgoals": "', "not_json", "ends in the middle"),
        (f"{GOOD} or {GOOD}", "not_json", "2 JSON objects"),
        ("{'subgoals': []}", "not_json", "line 1"),
        ('{"subgoals": [{"x": NaN, "y": 1}]}', "not_json", "NaN"),
        ('{"subgoals": [{"x": 1, "y": -Infinity}]}', "not_json", "-Infinity"),
        ('{"subgoals": [{"x": 1, "y": 1e999}]}', "not_json", "too large"),
        ('{"subgoals": [{"x": 1' + "0" * 5000 + ', "y": 1}]}', "not_json", "too large"),
        ('{"subgoals": [{"x": 1, "x": 2, "y": 1}]}', "not_json", "'x' occurs twice"),
        ('Here: {"subgoals": [], "subgoals": []}', "not_json", "'subgoals' occurs twice"),
        ("[" * 5000, "too_deep", str(MAX_DEPTH)),
        ('{"a":' * 5000 + "1" + "}" * 5000, "too_deep", str(MAX_DEPTH)),
        ('[{"x": 1, "y": 1}]', "wrong_schema", "not a JSON array"),
        ('"subgoals"', "wrong_schema", "not a JSON string"),
        ("null", "wrong_schema", "one JSON object"),
        ("{}", "wrong_schema", "subgoals: Field required"),
        ('{"subgoals": [{"x": 1, "y": 1, "z": 1}]}', "wrong_schema", "subgoals.0.z"),
        ('{"subgoals": [{"x": "1", "y": 1}]}', "wrong_schema", "subgoals.0.x"),
        ('{"subgoals": [{"x": true, "y": 1}]}', "wrong_schema", "not true"),
        ('{"subgoals": [{"x": 1.5, "y": 1}]}', "wrong_schema", "subgoals.0.x"),
        ('{"subgoals": [{"x": 1, "y": 1, "form": "object"}]}', "wrong_schema", "subgoals.0.form"),
        ('{"subgoals": [{"x": 1, "y": 1, "name": "\\ud800"}]}', "wrong_schema", ""),
        ('{"subgoals": [{"x": 1, "y": 1, "\\ud800": 1}]}', "wrong_schema", ""),
        ('{"subgoals": [{"x": -1, "y": 1}]}', "out_of_bounds", "subgoals.0.x: Input should be greater"),
        ('{"subgoals": []}', "out_of_bounds", "subgoals"),
        (json.dumps({"subgoals": [{"x": 1, "y": 1}] * 4}), "out_of_bounds", "at most 3"),
        (json.dumps({"subgoals": [{"x": 99, "y": 1}] * 50}), "out_of_bounds", "subgoals"),
        ('{"no_answer": "this level cannot be solved"}', "no_answer", "cannot be solved"),
        ("x" * (MAX_BYTES + 1), "too_large", "64 kB"),
        ("é" * (MAX_BYTES // 2 + 1), "too_large", "64 kB"),
        ("{" * MAX_BYTES, "too_deep", ""),
        ("{}" * (MAX_BYTES // 2), "not_json", "JSON objects"),
    ],
)
def test_unusable_replies_are_refused_with_a_kind_and_a_reason(text: str, kind: str, told: str) -> None:
    error = refusal(text)
    assert error.kind == kind
    assert told in str(error)
    assert len(str(error)) <= MAX_ERROR_LENGTH
    str(error).encode()


def _values(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["subgoals", "form", "x", "y", "name", "no_answer"]) | st.text(max_size=3)
    return st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=4)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("position"), _values
)
SUBGOAL_LISTS = st.fixed_dictionaries(
    {"subgoals": st.lists(st.fixed_dictionaries({"x": JSON_VALUES, "y": JSON_VALUES}))}
)
PIECES = st.sampled_from(
    [GOOD, "{", "}", "[", "]", '"', ",", ":", "NaN", "1e999", "\\ud800", "```", "<think>", "é", "0"]
)
TEXTS = (
    st.text()
    | st.text(alphabet='{}[]":,0123456789eE.-\\utrfalsn x')
    | st.lists(PIECES).map("".join)
    | JSON_VALUES.map(json.dumps)
    | SUBGOAL_LISTS.map(json.dumps)
    | st.tuples(st.text(), SUBGOAL_LISTS.map(json.dumps), st.text()).map("".join)
)


def outcome(text: str) -> Reply | LessonRefused:
    """Anything else that is raised fails the test."""
    try:
        return parse_reply(text, Reply)
    except LessonRefused as error:
        return error


@given(TEXTS)
def test_any_text_is_within_bounds_or_refused(text: str) -> None:
    found = outcome(text)
    if isinstance(found, LessonRefused):
        assert found.kind in KINDS
        assert 0 < len(str(found)) <= MAX_ERROR_LENGTH
        str(found).encode()
    else:
        assert 1 <= len(found.subgoals) <= 3
        assert all(0 <= cell.x <= 9 and 0 <= cell.y <= 9 for cell in found.subgoals)
        found.model_dump_json()


@given(
    st.lists(st.builds(Cell, x=st.integers(0, 9), y=st.floats(0, 9)), min_size=1, max_size=3),
    st.text(alphabet="ab \n`."),
)
def test_a_good_reply_is_read_back_exactly(cells: list[Cell], around: str) -> None:
    reply = Reply(subgoals=tuple(cells))
    assert parse_reply(around + reply.model_dump_json() + around, Reply) == reply
