"""JSON schemas in the form that servers of language models take."""

from __future__ import annotations

from typing import Any


def inline_refs(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema without `$defs`; a schema that contains itself is returned as it is."""
    definitions = schema.get("$defs", {})

    def inline(node: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [inline(item, inside) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref", "")
        name = reference.removeprefix("#/$defs/")
        if name != reference:
            if name in inside:
                raise RecursionError
            siblings = {key: value for key, value in node.items() if key != "$ref"}
            return inline({**definitions[name], **siblings}, (*inside, name))
        return {key: inline(value, inside) for key, value in node.items() if key != "$defs"}

    try:
        return inline(schema, ())
    except RecursionError:
        return schema


def strict_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema as constrained decoding wants it: every property required, no others, no defaults."""
    return _strict(inline_refs(schema))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _strict(value) for key, value in node.items() if key not in ("default", "title", "discriminator")}
    if isinstance(node.get("properties"), dict):
        found["properties"] = {name: _strict(value) for name, value in node["properties"].items()}
        found["required"] = list(node["properties"])
        found["additionalProperties"] = False
    return found
