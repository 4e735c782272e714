"""Values at the edges of a JSON schema: what a language model may answer at most and at least."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

FAR = 2**31
"""Stands for a bound where the schema has none."""


def edges(schema: dict[str, Any], definitions: dict[str, Any] | None = None) -> Iterator[Any]:
    """The least and the greatest value, for each alternative that the schema leaves.

    Args:
        schema: as pydantic writes it.
        definitions: its `$defs`.
    """
    known = schema.get("$defs", definitions or {})
    if "$ref" in schema:
        yield from edges(known[schema["$ref"].rpartition("/")[2]], known)
    elif "const" in schema:
        yield schema["const"]
    elif "enum" in schema:
        yield from dict.fromkeys((schema["enum"][0], schema["enum"][-1]))
    elif alternatives := (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        for alternative in alternatives:
            yield from edges(alternative, known)
    else:
        yield from _plain(schema, known)


def _plain(schema: dict[str, Any], known: dict[str, Any]) -> Iterator[Any]:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        step = 1 if kind == "integer" else 1e-9
        yield schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else -FAR)
        yield schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else FAR)
    elif kind == "boolean":
        yield from (False, True)
    elif kind == "string":
        yield "x" * schema.get("minLength", 0)
        yield "x" * min(schema.get("maxLength", 100), 10_000)
    elif kind == "array":
        for entry in edges(schema["items"], known) if "items" in schema else ():
            yield [entry] * max(schema.get("minItems", 0), 1)
            yield [entry] * min(schema.get("maxItems", 100), 100)
    elif kind == "object":
        yield from _objects(schema, known)
    else:
        yield None


def _objects(schema: dict[str, Any], known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each field at each of its edges, the others at their first; then all at their last."""
    fields = {name: list(edges(entry, known)) for name, entry in schema.get("properties", {}).items()}
    first = {name: values[0] for name, values in fields.items() if values and name in schema.get("required", ())}
    yield first
    for name, values in fields.items():
        for value in values:
            yield {**first, name: value}
    yield {name: values[-1] for name, values in fields.items() if values}
