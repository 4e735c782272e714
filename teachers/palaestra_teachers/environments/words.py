"""What a teacher may set, in words for a prompt: the fields of a world's task space with their bounds."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def in_words(model: type[BaseModel]) -> str:
    """A line for each field of a model: what it is, its values, and what it is if it is left out."""
    schema = model.model_json_schema()
    known = schema.get("$defs", {})
    required = schema.get("required", [])
    return "\n".join(
        line for name, entry in schema["properties"].items() for line in _lines(name, entry, name in required, known, 0)
    )


def _lines(name: str, entry: dict[str, Any], required: bool, known: dict[str, Any], depth: int) -> list[str]:
    description = _sentence(entry.get("description", ""))
    default = "" if required or entry.get("default") is None else f" If left out: {entry['default']}."
    line = f'{"  " * depth}- "{name}": {_values(entry, known)}. {description}{default}'
    inner = _resolved(entry, known)
    lines = [" ".join(line.split("  ")) if not depth else line]
    for field, part in inner.get("properties", {}).items():
        lines += _lines(field, part, field in inner.get("required", []), known, depth + 1)
    return lines


def _resolved(entry: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    return known[entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry


def _values(entry: dict[str, Any], known: dict[str, Any]) -> str:
    """e.g. `a whole number from 0 to 9`, `a list of up to 3 of: blue, green, red`."""
    entry = _resolved(entry, known)
    if "anyOf" in entry:
        parts = sorted(entry["anyOf"], key=lambda part: part.get("type") != "null")
        return " or ".join(_values(part, known) for part in parts)
    if "const" in entry:
        return f'always "{entry["const"]}"'
    if "enum" in entry:
        return f"one of: {', '.join(map(str, entry['enum']))}"
    kind = entry.get("type", "")
    if kind == "array":
        most = f"up to {entry['maxItems']}" if "maxItems" in entry else "any number"
        return f"a list of {most}, each {_values(entry.get('items', {}), known)}"
    names = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
        "object": "an object",
        "string": "text",
    }
    low, high = entry.get("minimum"), entry.get("maximum")
    bounds = f" from {low:g} to {high:g}" if low is not None and high is not None else ""
    return names.get(kind, "a value") + bounds


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
