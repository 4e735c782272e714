"""Untrusted text -> JSON -> a pydantic model, or a refusal that a language model can act on."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from palaestra_teachers.base import LessonRefused

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
MAX_ERROR_LENGTH = 600
_MAX_STARTS = 64
"""Places in a reply that are tried as the beginning of an object."""
_ERRORS_TOLD = 3

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_BOUNDS = {
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_long", "too_short",
    "string_too_long", "string_too_short", "finite_number",
}  # fmt: skip

Model = TypeVar("Model", bound=BaseModel)


def parse_reply(text: str, model: type[Model]) -> Model:
    """The one JSON object in a reply, as `model`.

    Prose, a code fence and a leading `<think>` block around the object are accepted. `{"no_answer": <why>}` is what
    scripted models say when they have none.

    Raises:
        LessonRefused: of the kind too_large, empty, not_json, too_deep, no_answer, out_of_bounds or wrong_schema.
    """
    value = find_object(text)
    if set(value) == {"no_answer"}:
        raise refuse("no_answer", str(value["no_answer"]))
    try:
        # Strict JSON mode: no numbers in quotes, no true for 1, no 1.5 for an integer.
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise _explain(error) from error


def find_object(text: str) -> dict[str, Any]:
    """The one JSON object in a reply; see `parse_reply`."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise refuse("too_large", f"the reply is longer than {MAX_BYTES // 1024} kB")
    text = _THOUGHT.sub("", text).strip()
    if not text:
        raise refuse("empty", "the reply is empty")
    if _depth(text) > MAX_DEPTH:
        raise refuse("too_deep", f"the reply nests brackets more than {MAX_DEPTH} deep")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return _only_object(text, error)
    except _BadValue as error:
        raise refuse("not_json", str(error)) from error
    if not isinstance(value, dict):
        raise refuse("wrong_schema", f"the reply must be one JSON object in braces, not a JSON {_json_type(value)}")
    return value


# ---------------------------------------------------------------------------------------------- JSON


class _BadValue(ValueError):
    """JSON that Python would take and we do not."""


def _only_object(text: str, error: json.JSONDecodeError) -> dict[str, Any]:
    """The object in a text that is more than one JSON value."""
    found: list[dict[str, Any]] = []
    position = 0
    for _ in range(_MAX_STARTS):
        position = text.find("{", position)
        if position < 0:
            break
        try:
            value, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as broken:
            if broken.pos >= len(text) or broken.msg.startswith("Unterminated"):
                raise refuse("not_json", "the reply ends in the middle of a JSON object") from broken
            position += 1
        except _BadValue as bad:
            raise refuse("not_json", str(bad)) from bad
        else:
            found.append(value)
    if len(found) == 1:
        return found[0]
    if found:
        raise refuse("not_json", f"the reply holds {len(found)} JSON objects; give exactly one")
    raise refuse("not_json", f"the reply is not a JSON object: {error.msg} (line {error.lineno}, column {error.colno})")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _BadValue(f"the key {twice[:80]!r} occurs twice in one object")
    return found


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _BadValue(f"{text[:40]} is too large a number")
    return number


def _int(text: str) -> int:
    if len(text) > 40:
        raise _BadValue(f"{text[:20]}... is too large a number")
    return int(text)


def _constant(text: str) -> NoReturn:
    raise _BadValue(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant)


def _depth(text: str) -> int:
    """How deep brackets nest; those in strings count too, which replies that mean well do not have."""
    depth = deepest = 0
    for character in text:
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth = max(0, depth - 1)
    return deepest


def _json_type(value: Any) -> str:
    if isinstance(value, list):
        return "array"
    if isinstance(value, str):
        return "string"
    return "value"


# ---------------------------------------------------------------------------------------------- refusals


def _explain(error: ValidationError) -> LessonRefused:
    details = error.errors(include_url=False, include_context=False)
    told = "; ".join(_detail(detail) for detail in details[:_ERRORS_TOLD])
    more = f"; and {len(details) - _ERRORS_TOLD} more" if len(details) > _ERRORS_TOLD else ""
    bounds = all(detail["type"] in _BOUNDS for detail in details)
    return refuse("out_of_bounds" if bounds else "wrong_schema", told + more)


def _detail(detail: Any) -> str:
    where = ".".join(str(part)[:40] for part in detail["loc"]) or "the reply"
    given = "" if isinstance(detail["input"], dict | list) else f", not {json.dumps(detail['input'])[:60]}"
    return f"{where}: {detail['msg']}{given}"


def refuse(kind: str, message: str) -> LessonRefused:
    """A refusal whose message comes in part from the reply: it is cut, and made storable (no lone surrogates)."""
    return LessonRefused(kind, message.encode("utf-8", "replace").decode()[:MAX_ERROR_LENGTH])
