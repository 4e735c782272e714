"""Numbers and lists that exceed the bounds of a JSON schema, brought back to the nearest bound."""

from __future__ import annotations

from typing import Any


def clamp(
    value: Any, schema: dict[str, Any], definitions: dict[str, Any] | None = None, where: str = ""
) -> tuple[Any, list[str]]:
    """The value within its bounds, and what was changed, e.g. `size: 99 -> 11`.

    Only numbers and the lengths of lists are changed; whatever else is wrong with the value stays so.

    Args:
        value: what a JSON reply holds.
        schema: as pydantic writes it.
        definitions: its `$defs`.
        where: path of the value, for the notes.
    """
    known: dict[str, Any] = schema.get("$defs", definitions or {})
    if "$ref" in schema:
        return clamp(value, known[schema["$ref"].rpartition("/")[2]], known, where)
    for variant in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if variant.get("type") != "null" and value is not None:
            return clamp(value, variant, known, where)
    if isinstance(value, dict):
        return _clamp_fields(value, schema.get("properties", {}), known, where)
    if isinstance(value, list):
        return _clamp_list(value, schema, known, where)
    if isinstance(value, bool) or not isinstance(value, int | float) or schema.get("type") not in ("integer", "number"):
        return value, []
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    nearest = min(max(value, least), most)
    return nearest, [] if nearest == value else [f"{where}: {value} -> {nearest}"]


def _clamp_fields(
    value: dict[str, Any], properties: dict[str, Any], known: dict[str, Any], where: str
) -> tuple[dict[str, Any], list[str]]:
    changed, notes = {}, []
    for name, entry in value.items():
        changed[name], found = clamp(entry, properties.get(name, {}), known, f"{where}.{name}" if where else name)
        notes += found
    return changed, notes


def _clamp_list(
    value: list[Any], schema: dict[str, Any], known: dict[str, Any], where: str
) -> tuple[list[Any], list[str]]:
    notes = []
    most = schema.get("maxItems", len(value))
    if len(value) > most:
        notes.append(f"{where}: {len(value)} entries -> {most}")
        value = value[:most]
    changed = []
    for number, entry in enumerate(value):
        kept, found = clamp(entry, schema.get("items", {}), known, f"{where}.{number}")
        changed.append(kept)
        notes += found
    return changed, notes
