"""The JSON schema of specs, for editors: with the worlds, agents, teachers and language models that are installed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from palaestra.plugins import Installed, Plugin, Worlds, installed
from palaestra.spec.models import (
    FIRST_HELD_OUT_LEVEL,
    BudgetSpec,
    CheckpointSpec,
    EvaluationSpec,
    TeacherSection,
    TopLevel,
    WorldSpec,
)

Schema = dict[str, Any]


def json_schema(found: Installed | None = None) -> Schema:
    """The schema of a spec's YAML.

    Nothing is required by it: what is missing in one place may come from a file that is extended, or from the arms.

    Args:
        found: what is installed; None: looked up now.
    """
    found = found or installed()
    collected = _Collected()
    sections = {
        "world": {"anyOf": [_world(collected, worlds) for worlds in found.worlds]},
        "agent": {"anyOf": [_kind(collected, "agent", plugin) for plugin in found.agents]},
        "teacher": _nullable(_teachers(collected, found)),
        "levels": {
            "description": "Training levels, seeds 0 to levels - 1, of arms without a teacher; null: endless ones.",
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": FIRST_HELD_OUT_LEVEL}, {"type": "null"}],
        },
        "budget": collected.model("budget", BudgetSpec),
        "evaluation": collected.model("evaluation", EvaluationSpec),
        "checkpoint": collected.model("checkpoint", CheckpointSpec),
    }
    collected.definitions |= sections
    described = {key: {"$ref": f"#/$defs/{key}"} for key in sections}
    arm = {"type": "object", "properties": {"description": _TEXT, **described}, "additionalProperties": False}
    top = collected.model("top", TopLevel)["properties"]
    arms = {
        "type": "object",
        "description": "Variants to compare; each says what it changes of the above.",
        "propertyNames": {"pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "additionalProperties": _nullable(arm),
    }
    extends = {
        "description": "Files that this one builds on, relative to its folder; what stands here goes before.",
        "anyOf": [_TEXT, {"type": "array", "items": _TEXT}],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Palaestra run",
        "type": "object",
        "properties": {
            "name": top["name"],
            "description": top["description"],
            **described,
            "arms": arms,
            "seeds": top["seeds"],
            "threads": top["threads"],
            "extends": extends,
        },
        "additionalProperties": False,
        "$defs": collected.definitions,
    }


_TEXT: Schema = {"type": "string"}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _world(collected: _Collected, worlds: Worlds) -> Schema:
    settings = collected.model(f"world.{worlds.name}", worlds.settings)
    common = collected.model("world", WorldSpec)["properties"]
    ids: list[Schema] = [{"enum": [entry.id for entry in worlds.entries]}] if worlds.entries else []
    if worlds.prefix:
        ids.append({"type": "string", "pattern": f"^{worlds.prefix}"})
    own = {"id": {"description": common["id"]["description"], "anyOf": ids}, "num_envs": common["num_envs"]}
    return {**settings, "properties": {**own, **settings["properties"]}}


def _kind(collected: _Collected, group: str, plugin: Plugin, key: str = "kind") -> Schema:
    schema = collected.model(f"{group}.{plugin.name}", plugin.config)
    named = {"const": plugin.name, "description": plugin.summary}
    return {**schema, "properties": {key: named, **{k: v for k, v in schema["properties"].items() if k != key}}}


def _teachers(collected: _Collected, found: Installed) -> Schema:
    models = [_kind(collected, "language_model", plugin, "backend") for plugin in found.models]
    for model in models:
        if "inner" in model["properties"]:
            model["properties"]["inner"] = {"$ref": "#/$defs/language_model"}
        if "models" in model["properties"]:
            model["properties"]["models"]["items"] = {"$ref": "#/$defs/language_model"}
    collected.definitions["language_model"] = {"anyOf": models}
    common = collected.model("teacher", TeacherSection)["properties"]
    common["model"] = {"$ref": "#/$defs/language_model"}
    common["prices"] = {"description": common["prices"]["description"], "anyOf": [common["prices"], _TEXT]}
    kinds = []
    for plugin in found.teachers:
        kind = _kind(collected, "teacher", plugin)
        kinds.append({**kind, "properties": {**kind["properties"], **common}})
    return {"anyOf": kinds}


class _Collected:
    """Collects the definitions of several models' schemas in one place."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def model(self, name: str, model: type[BaseModel]) -> Schema:
        """The schema of a model; what it refers to is kept under names that begin with `name`."""
        template = f"#/$defs/{name}.{{model}}"
        schema = model.model_json_schema(ref_template=template)
        written = model.model_json_schema(ref_template=template, mode="serialization")
        for part in (written, schema):
            definitions = part.pop("$defs", {})
            self.definitions |= {f"{name}.{key}": _partial(value) for key, value in definitions.items()}
        properties = schema.setdefault("properties", {})
        for key, value in properties.items():
            properties[key] = _with_shorthand(value, written.get("properties", {}).get(key, {}))
        return _partial(schema)


def _with_shorthand(given: Schema, written: Schema) -> Schema:
    """A setting that may be given by a name alone, for which pydantic knows no more than 'text or mapping'."""
    if {"type": "object", "additionalProperties": True} not in given.get("anyOf", []):
        return given
    kept = {key: value for key, value in given.items() if key != "anyOf"}
    described = {key: value for key, value in written.items() if key not in kept}
    return {**kept, "anyOf": [*(one for one in given["anyOf"] if one.get("type") != "object"), described]}


def _partial(schema: Any) -> Any:
    """A schema that requires nothing, so that several kinds of mapping may fit one that is not complete."""
    if isinstance(schema, list):
        return [_partial(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = {"discriminator"}
    if isinstance(schema.get("required"), list):
        left_out.add("required")
    if (
        "const" not in (kind := schema.get("properties", {}).get("kind", {"const": ""}))
        and kind.get("type") == "string"
    ):
        # Settings of any kind: others than these have keys of their own.
        left_out.add("additionalProperties")
    return {"anyOf" if key == "oneOf" else key: _partial(value) for key, value in schema.items() if key not in left_out}
