"""Random values of a JSON schema and random tasks of a task space, each drawn uniformly within its bounds."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from palaestra_worlds.base import Task

TRIES = 1000
"""Draws until one follows what no schema says (validators across fields)."""

AnyTask = TypeVar("AnyTask", bound=Task)


class CannotDraw(ValueError):
    """A schema with a part that has no bounds to draw from; the message says which."""


def draw_task(task_space: type[AnyTask], random: np.random.Generator) -> AnyTask:
    """A task without a level seed of its own, all its other fields drawn.

    Raises:
        CannotDraw: a field has no bounds, or no draw of many was valid.
    """
    schema = task_space.model_json_schema()
    schema["properties"].pop("level_seed", None)
    for _ in range(TRIES):
        try:
            return task_space.model_validate(draw_value(schema, random))
        except ValidationError:
            continue
    raise CannotDraw(f"of {TRIES} draws from {task_space.__name__} none was valid")


def draw_value(schema: dict[str, Any], random: np.random.Generator, definitions: dict[str, Any] | None = None) -> Any:
    """A value that follows a JSON schema as pydantic writes it.

    Where null is allowed it is as likely as any other alternative. Text that is free has its default.

    Raises:
        CannotDraw: a number has no bounds and no default.
    """
    known: dict[str, Any] = schema.get("$defs", definitions or {})
    if "$ref" in schema:
        return draw_value(known[schema["$ref"].rpartition("/")[2]], random, known)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][random.integers(len(schema["enum"]))]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return draw_value(schema[several][random.integers(len(schema[several]))], random, known)
    kind = schema.get("type")
    if kind == "object":
        return {name: draw_value(entry, random, known) for name, entry in schema.get("properties", {}).items()}
    if kind == "array":
        return _draw_list(schema, random, known)
    if kind == "boolean":
        return bool(random.integers(2))
    if kind == "null":
        return None
    return _draw_number(schema, random)


def _draw_list(schema: dict[str, Any], random: np.random.Generator, definitions: dict[str, Any]) -> list[Any]:
    if "prefixItems" in schema:
        return [draw_value(entry, random, definitions) for entry in schema["prefixItems"]]
    least = schema.get("minItems", 0)
    if "maxItems" not in schema:
        return schema.get("default", [])
    length = random.integers(least, schema["maxItems"], endpoint=True)
    return [draw_value(schema["items"], random, definitions) for _ in range(length)]


def _draw_number(schema: dict[str, Any], random: np.random.Generator) -> Any:
    kind = schema.get("type")
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if kind in ("integer", "number") and low is not None and high is not None:
        if kind == "number":
            return float(random.uniform(low, high))
        return int(random.integers(low + ("minimum" not in schema), high - ("maximum" not in schema), endpoint=True))
    if "default" in schema:
        return schema["default"]
    raise CannotDraw(f"'{schema.get('title', '?')}' has no bounds to draw from")
