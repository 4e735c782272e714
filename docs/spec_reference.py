"""Writes spec.md, the reference of every key of a spec, from the JSON schema that `palaestra list --schema` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from palaestra.spec import json_schema
from palaestra_agents.intrinsic import BUILT_IN, intrinsic_kind

PAGE = Path(__file__).with_name("spec.md")
INTRODUCTION = """# Every key of a spec

Written by `make docs` from the JSON schema of what is installed: do not edit. Your editor completes and checks specs
if you give it that schema (`palaestra list --schema > palaestra.schema.json`). How specs are put together:
[yaml.md](yaml.md).
"""
MOST_NAMES = 12
"""A list of allowed values that is longer than this is not printed."""

Schema = dict[str, Any]


def reference() -> str:
    """The whole page."""
    schema = json_schema()
    definitions: dict[str, Schema] = schema["$defs"]
    top = schema["properties"]
    parts = [INTRODUCTION, "## The file\n", table(top)]
    for name in (key for key in top if key in definitions):
        variants = [s for s in objects(definitions[name], definitions) if "properties" in s]
        for variant in variants:
            parts.append(f"## {title(name, variant)}\n")
            parts += [f"{variant['description']}\n"] if "description" in variant else []
            parts.append(table(variant["properties"]))
    for name, definition in definitions.items():
        if name not in top and not name.endswith("IntrinsicConfig"):
            for variant in objects(definition, definitions):
                parts.append(f"## {heading(name)}{kind_of(variant)}\n")
                parts += [f"{variant['description']}\n"] if "description" in variant else []
                parts.append(table(variant["properties"]))
    for kind in sorted(BUILT_IN):
        config = intrinsic_kind(kind).Config
        variant = config.model_json_schema()
        parts += [f"## agent ppo: intrinsic: {kind}\n", f"{variant['description']}\n", table(variant["properties"])]
    return "\n".join(parts)


def title(section: str, variant: Schema) -> str:
    """Of one form of a section, e.g. "agent: ppo"."""
    return f"{section}{kind_of(variant)}"


def heading(name: str) -> str:
    """Of a definition, e.g. "agent.ppo.GRUConfig" -> "agent ppo: GRUConfig"."""
    owner, _, last = name.rpartition(".")
    return f"{owner.replace('.', ' ')}: {last}" if owner else last.replace("_", " ")


def kind_of(variant: Schema) -> str:
    """ ": ppo" where the schema is that of one kind."""
    for key in ("kind", "backend"):
        const = variant["properties"].get(key, {}).get("const")
        if const is not None:
            return f": {const}"
    return ""


def objects(schema: Schema, definitions: dict[str, Schema]) -> Iterator[Schema]:
    """The object schemas among a schema's alternatives."""
    if "$ref" in schema:
        yield from objects(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "properties" in schema:
        yield schema
    else:
        for alternative in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from objects(alternative, definitions)


def table(properties: dict[str, Schema]) -> str:
    """Key, type, default and meaning of each property."""
    rows = ["| Key | Value | Default | Meaning |", "| --- | --- | --- | --- |"]
    for key, schema in properties.items():
        default = f"`{json.dumps(schema['default'])}`" if "default" in schema else ""
        meaning = " ".join(schema.get("description", "").split())
        rows.append(f"| `{key}` | {cell(kinds(schema))} | {cell(default)} | {cell(meaning)} |")
    return "\n".join(rows) + "\n"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def kinds(schema: Schema) -> str:
    """What a value may be, in words."""
    if "$ref" in schema:
        name = heading(schema["$ref"].rpartition("/")[2]).replace("IntrinsicConfig", "intrinsic")
        return f"see *{name}*"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        if len(schema["enum"]) > MOST_NAMES:
            return f"one of {len(schema['enum'])} names"
        return ", ".join(f"`{value}`" for value in schema["enum"])
    alternatives = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    if alternatives:
        return " or ".join(dict.fromkeys(kinds(alternative) for alternative in alternatives))
    if schema.get("type") == "array":
        return f"list of {kinds(schema['items'])}" if "items" in schema else "list"
    return f"{schema.get('type', 'any')}{bounds(schema)}"


def bounds(schema: Schema) -> str:
    """The bounds of a number, e.g. " from 0 to 1"."""
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {schema[key]:,}" for key, word in words.items() if key in schema)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"Written: {PAGE}")
