"""pydantic's errors in words, at the place where the value was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, get_args

from palaestra_worlds.registry import nearest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from palaestra.spec.errors import Path, SpecError, fail
from palaestra.spec.loader import Node

Model = TypeVar("Model", bound=BaseModel)

_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "string": "a text",
    "path": "the path of a file or folder",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping of settings",
    "model": "a mapping of settings",
    "mapping": "a mapping of settings",
}
_SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)


def unknown_key(node: Node, path: Path, known: Iterable[str]) -> SpecError:
    """The error to raise about a key that does not exist."""
    known = list(known)
    hint = nearest(str(path[-1]), known) or f"; known here: {', '.join(known) or 'none'}"
    return fail(node.key, path, f"unknown key{hint}")


def validated(model: type[Model], node: Node, path: Path, also_known: Iterable[str] = ()) -> Model:
    """The model of a mapping.

    Args:
        model: what it should be.
        node: the mapping.
        path: of the mapping, for messages.
        also_known: keys that the mapping may have besides, handled elsewhere.

    Raises:
        SpecError: it does not fit.
    """
    try:
        value = model.model_validate(node.plain())
    except ValidationError as error:
        raise _first(model, error, node, path, also_known) from error
    _refuse_conversions(value, node, path)
    return value


@contextmanager
def named(owner: str, node: Node, path: Path) -> Iterator[None]:
    """Inside, whatever a plug-in raises by mistake becomes an error that names it.

    Raises:
        SpecError: as raised inside, or about the plug-in.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        what = f"{owner} is broken: {type(error).__name__}: {error}; update or uninstall its package"
        raise fail(node.place, path, what) from error


# ---------------------------------------------------------------------------------------------- which error, where


def _first(
    model: type[BaseModel], error: ValidationError, node: Node, path: Path, also_known: Iterable[str]
) -> SpecError:
    """The one to show: an unknown key before what may only be missing because of it, then in the document's order."""
    found = [(details, *_follow(node, details["loc"])) for details in error.errors(include_url=False)]
    # Of a list whose entries are wrong, pydantic also says that it is too short.
    found = [item for item in found if not any(_inside(other[2], item[2]) for other in found)]
    details, place, keys = min(
        found, key=lambda item: (item[0]["type"] != "extra_forbidden", item[1].place.line, item[1].place.column)
    )
    if details["type"] == "extra_forbidden":
        keys = (*keys, details["loc"][-1]) if not keys or keys[-1] != details["loc"][-1] else keys
        known = _known(model, node, keys[:-1]) + (list(also_known) if len(keys) == 1 else [])
        return unknown_key(place, (*path, *keys), known)
    if details["type"] == "missing":
        return fail(place.place, (*path, *keys, details["loc"][-1]), "is missing; it has no default, so give it")
    return fail(place.place, (*path, *keys), _sentence(details, place, keys, _field(model, node, keys)))


def _inside(keys: Path, others: Path) -> bool:
    return len(keys) > len(others) and keys[: len(others)] == others


def _follow(node: Node, location: tuple[str | int, ...]) -> tuple[Node, Path]:
    """The node that pydantic speaks of, and its path, without pydantic's names for members of unions."""
    keys: list[str | int] = []
    for part in location:
        child = node.child(part)
        if child is not None:
            node = child
            keys.append(part)
    return node, tuple(keys)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type is made of, and theirs that specialise them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation, *(model for child in annotation.__subclasses__() for model in _models(child))]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _at(model: type[BaseModel], node: Node, keys: Path) -> tuple[list[type[BaseModel]], FieldInfo | None]:
    """The models that may stand at a path, and the field that the path ends in."""
    models: list[type[BaseModel]] = [model]
    field: FieldInfo | None = None
    for key in keys:
        node = node.child(key) or node
        if isinstance(key, int):
            field = None
            continue
        field = next((found.model_fields[key] for found in models if key in found.model_fields), None)
        models = _models(field.annotation) if field else []
        kind = node.children().get("kind")
        if kind is not None:
            models = [found for found in models if _kind_of(found) == kind.value] or models
    return models, field


def _kind_of(model: type[BaseModel]) -> Any:
    return model.model_fields["kind"].default if "kind" in model.model_fields else None


def _known(model: type[BaseModel], node: Node, keys: Path) -> list[str]:
    return list(dict.fromkeys(name for found in _at(model, node, keys)[0] for name in found.model_fields))


def _field(model: type[BaseModel], node: Node, keys: Path) -> FieldInfo | None:
    return _at(model, node, keys)[1]


# ---------------------------------------------------------------------------------------------- what is wrong


def _sentence(details: Any, node: Node, keys: Path, field: FieldInfo | None) -> str:
    kind, context = details["type"], details.get("ctx", {})
    given = _given(node, keys)
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return f"is {given}; must be {_bounds(context, field)}"
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"])
        return f"is {given}; must be {context['expected']}{nearest(str(node.value), allowed)}"
    if kind == "union_tag_invalid":
        allowed = context["expected_tags"]
        hint = nearest(str(context["tag"]), re.findall(r"'([^']*)'", allowed))
        return f"is of unknown kind '{context['tag']}'; must be one of {allowed}{hint}"
    if kind == "union_tag_not_found":
        return f"needs the key {context['discriminator']}"
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        bound = context.get("min_length", context.get("max_length"))
        return f"must have at {'least' if 'short' in kind else 'most'} {bound:,} {_entries(kind, bound)}"
    if kind == "int_from_float":
        return f"is {given}; must be a whole number"
    if kind == "value_error":
        return str(context["error"])
    wanted = kind if kind in _WANTED else re.sub(r"_(type|parsing|parsing_size|attributes_type|unicode)$", "", kind)
    if wanted in _WANTED:
        return f"is {given}; must be {_WANTED[wanted]}"
    return f"is {given}; {details['msg'][:1].lower()}{details['msg'][1:]}"


def _entries(kind: str, number: int) -> str:
    return ("character" if kind.startswith("string") else "entry" if number == 1 else "entrie") + "s" * (number != 1)


def _bounds(context: dict[str, Any], field: FieldInfo | None) -> str:
    """What is allowed: all bounds of the field where they are known, otherwise the one that was broken."""
    found = dict(context)
    for bound in field.metadata if field else ():
        found |= {name: getattr(bound, name) for name in ("gt", "ge", "lt", "le") if hasattr(bound, name)}
    low = [f"{word} {found[name]:,}" for name, word in (("gt", "greater than"), ("ge", "at least")) if name in found]
    high = [f"{word} {found[name]:,}" for name, word in (("lt", "less than"), ("le", "at most")) if name in found]
    if "ge" in found and "le" in found:
        return f"from {found['ge']:,} to {found['le']:,}"
    return " and ".join(low + high)


def _given(node: Node, keys: Path) -> str:
    """A value as messages show it; what may be a secret is not shown."""
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:,}" if abs(value) < 1e15 else f"{value}"
    if any(isinstance(key, str) and _SECRET.search(key) for key in keys):
        return "a text (not shown)"
    return f"the text '{value if len(value) <= 60 else value[:57] + '...'}'"


def _refuse_conversions(value: Any, node: Node, path: Path) -> None:
    """pydantic takes '64' for 64 and true for 1; a spec that says so is a mistake.

    Raises:
        SpecError: it does.
    """
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name in node.children():
                _refuse_conversions(getattr(value, name), node.children()[name], (*path, name))
    elif isinstance(value, (list, tuple)) and isinstance(node.value, list):
        for index, (one, child) in enumerate(zip(value, node.value, strict=False)):
            _refuse_conversions(one, child, (*path, index))
    elif isinstance(value, (bool, int, float)) and isinstance(node.value, (str, bool, int, float)):
        wanted = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float"
        same = isinstance(node.value, bool) == isinstance(value, bool)
        if isinstance(node.value, str) or not same:
            raise fail(node.place, path, f"is {_given(node, path)}; must be {_WANTED[wanted]}")
