"""pydantic's errors in words, at the place where the value was written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from palaestra_worlds.registry import nearest
from pydantic import BaseModel, ValidationError

from palaestra.spec.errors import SpecError, fail
from palaestra.spec.loader import Node

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


def unknown_key(node: Node, path: Path, known: Iterable[str]) -> SpecError:
    """The error to raise about a key that does not exist."""
    known = list(known)
    hint = nearest(str(path[-1]), known) or f"; known: {', '.join(known)}"
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
        return model.model_validate(node.plain())
    except ValidationError as error:
        first = error.errors()[0]
        raise fail(node.place, (*path, *first["loc"]), first["msg"]) from error
