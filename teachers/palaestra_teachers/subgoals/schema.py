"""The reply's schema, made out of what the world says that a teacher may set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from palaestra_worlds.base import Task
from pydantic import BaseModel, ConfigDict, Field, create_model


def reply_model(task_space: type[Task], form: str) -> type[BaseModel]:
    """A model with the one field `subgoals`: a list of at least one subgoal of this form.

    Args:
        task_space: a task with a field `subgoals`, a tuple of models that each have a constant `form`.
        form: of which kind subgoals are to be.

    Raises:
        ValueError: the world takes no subgoals, or none of this form.
    """
    field = task_space.model_fields.get("subgoals")
    if field is None:
        raise ValueError(f"a world whose task is {task_space.__name__} takes no subgoals")
    kinds = {str(kind.model_fields["form"].default): kind for kind in _models(field.annotation)}
    if form not in kinds:
        raise ValueError(f"{task_space.__name__} has no subgoals of the form '{form}', but: {', '.join(kinds)}")
    most = task_space.model_json_schema()["properties"]["subgoals"].get("maxItems")
    return create_model(
        "Subgoals",
        __config__=ConfigDict(extra="forbid", frozen=True),
        subgoals=(tuple[kinds[form], ...], Field(min_length=1, max_length=most, description=field.description)),  # type: ignore[valid-type]
    )


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models with a `form` that an annotation is made of."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel) and "form" in annotation.model_fields:
            yield annotation
        return
    parts = get_args(annotation)
    for part in parts[:1] if get_origin(annotation) is Annotated else parts:
        yield from _models(part)


def in_words(model: type[BaseModel]) -> str:
    """What a subgoal is and what its fields mean, a line each."""
    item = next(_models(model.model_fields["subgoals"].annotation))
    schema = item.model_json_schema()
    lines = [_sentence(schema.get("description", item.__name__))]
    required = schema.get("required", [])
    for name, entry in schema["properties"].items():
        if "const" in entry:
            lines.append(f'- "{name}": always "{entry["const"]}".')
            continue
        optional = "" if name in required else " May be left out."
        lines.append(f'- "{name}": {_sentence(entry.get("description", ""))} {_values(entry)}{optional}')
    return "\n".join(lines)


def shape(model: type[BaseModel]) -> str:
    """What a reply looks like, e.g. `{"subgoals": [{"form": "position", "x": ..., "y": ...}, ...]}`."""
    item = next(_models(model.model_fields["subgoals"].annotation))
    fields = item.model_json_schema()["properties"]
    parts = (
        f'"{name}": "{entry["const"]}"' if "const" in entry else f'"{name}": ...' for name, entry in fields.items()
    )
    return f'{{"subgoals": [{{{", ".join(parts)}}}, ...]}}'


def _values(entry: dict[str, Any]) -> str:
    if "anyOf" in entry:
        entry = next((part for part in entry["anyOf"] if part.get("type") != "null"), entry)
    if "enum" in entry:
        return f"One of: {', '.join(map(str, entry['enum']))}."
    kind = {"integer": "A whole number.", "number": "A number.", "string": "Text."}.get(entry.get("type", ""), "")
    if "minimum" in entry and "maximum" in entry:
        kind = f"{kind[:-1]} from {entry['minimum']} to {entry['maximum']}."
    return kind


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
