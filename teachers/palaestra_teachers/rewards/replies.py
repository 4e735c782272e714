"""What is made of untrusted replies: descriptions and programs."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeVar

from palaestra_worlds.programs import Call, Program, ProgramError
from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.replies import MAX_BYTES, parse_reply, refuse

MAX_DESCRIPTION = 4000
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)

Programs = TypeVar("Programs", bound=Program)


class Description(BaseModel):
    """A motion in words."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    description: str = Field(min_length=1, max_length=MAX_DESCRIPTION)


class _Code(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str


def read_description(text: str) -> Description:
    """The description in a reply: all of it, or JSON with the key `description`.

    Raises:
        LessonRefused: there is none, or it is too long.
    """
    text = _without_thought(text)
    if text.startswith("{"):
        return parse_reply(text, Description)
    if len(text) > MAX_DESCRIPTION:
        raise refuse("too_large", f"the description has more than {MAX_DESCRIPTION:,} characters")
    return Description(description=text)


def read_program(text: str, kind: type[Programs], form: Literal["code", "calls"]) -> Programs:
    """The program in a reply.

    Of the form code that is Python-looking text, alone or in the only code fence, or JSON with the key `code`.

    Raises:
        LessonRefused: there is none that can be used.
    """
    if form == "calls":
        return parse_reply(text, kind)
    text = _without_thought(text)
    if text.startswith("{"):
        text = parse_reply(text, _Code).code
    try:
        return kind.from_text(text)
    except ProgramError as error:
        raise refuse(error.kind, str(error)) from error


def program_schema(kind: type[Program]) -> dict[str, Any]:
    """JSON schema of a program's calls; with `anyOf`, which servers of language models take, and not `oneOf`."""
    return _any_of(kind.model_json_schema())


def calls_in_words(kind: type[Program]) -> list[dict[str, Any]]:
    """The calls that a program can hold, for a prompt: `signature`, `about`, and a line for each of `arguments`."""
    return [
        {
            "signature": f"{call.name()}({', '.join(_argument(call, name) for name in call.arguments())})",
            "about": " ".join(str(call.__doc__).split()),
            "arguments": _arguments(call),
        }
        for call in kind.Calls
    ]


def _arguments(call: type[Call]) -> list[str]:
    properties = call.model_json_schema()["properties"]
    return [f"{name}: {'; '.join(part for part in _values(properties[name]) if part)}" for name in call.arguments()]


def _argument(call: type[Call], name: str) -> str:
    field = call.model_fields[name]
    return name if field.is_required() else f"{name}={field.default!r}"


def _values(entry: dict[str, Any]) -> tuple[str, str]:
    """What an argument is, and its values, e.g. `from 0 to 0.6 or None`."""
    parts = entry.get("anyOf", [entry])
    return entry.get("description", ""), " or ".join(_value(part) for part in parts)


def _value(part: dict[str, Any]) -> str:
    if "enum" in part:
        return "one of " + ", ".join(f'"{value}"' for value in part["enum"])
    if part.get("type") == "array":
        return f"(x, y), each {_value(part['items'])}"
    if part.get("type") in ("null", "boolean"):
        return {"null": "None", "boolean": "True or False"}[part["type"]]
    low = part.get("minimum", part.get("exclusiveMinimum"))
    return f"from {low:g} to {part['maximum']:g}"


def _any_of(node: Any) -> Any:
    if isinstance(node, list):
        return [_any_of(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        ("anyOf" if key == "oneOf" else key): _any_of(value) for key, value in node.items() if key != "discriminator"
    }


def _without_thought(text: str) -> str:
    if len(text) > MAX_BYTES:
        raise refuse("too_large", f"the reply is longer than {MAX_BYTES // 1024} kB")
    text = _THOUGHT.sub("", text).strip()
    if not text:
        raise refuse("empty", "the reply is empty")
    return text
