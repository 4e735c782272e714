"""Specs that build on others: `extends`, arms over the top level, and `--set`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from palaestra_worlds.registry import nearest

from palaestra.spec.errors import SpecError, fail
from palaestra.spec.loader import Node, parse, parse_value, read_file

MAX_EXTENDS = 20
KINDS = ("kind", "backend")
"""A mapping that names another kind than the one below it replaces it: the settings of one kind are not another's."""


def overlay(below: Node, above: Node) -> Node:
    """What `above` makes of `below`: mappings are merged key by key, anything else (null too) replaces."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    for key in KINDS:
        if key in below.value and key in above.value and below.value[key].value != above.value[key].value:
            return above
    merged = dict(below.value)
    for key, child in above.value.items():
        merged[key] = overlay(merged[key], child) if key in merged else child
    return Node(merged, above.place, above.key)


def extended(text: str, source: str, above: tuple[Path, ...] = ()) -> Node:
    """A document with everything that it extends.

    Args:
        text: of the document.
        source: path of its file; `extends` is relative to its folder.
        above: the files that extend it.

    Raises:
        SpecError: one of the documents is malformed, cannot be read, or extends itself.
    """
    node = parse(text, source)
    if not isinstance(node.value, dict):
        raise fail(node.place, (), "a spec is a mapping of keys such as `world`, `agent` and `budget`")
    own = dict(node.value)
    named = own.pop("extends", None)
    node = Node(own, node.place, node.key)
    if named is None:
        return node
    files = named.value if isinstance(named.value, list) else [named]
    below: Node | None = None
    chain = (*above, Path(source).resolve())
    for file in files:
        base = _read_base(file, Path(source).parent, chain)
        below = base if below is None else overlay(below, base)
    return node if below is None else overlay(below, node)


def _read_base(file: Node, folder: Path, chain: tuple[Path, ...]) -> Node:
    if not isinstance(file.value, str) or not file.value:
        raise fail(file.place, ("extends",), "must be the path of a YAML file, or a list of such paths")
    path = folder / Path(file.value).expanduser()
    if path.resolve() in chain:
        raise fail(file.place, ("extends",), f"{file.value} extends itself by way of this file; remove one of the two")
    if len(chain) >= MAX_EXTENDS:
        raise fail(file.place, ("extends",), f"more than {MAX_EXTENDS} files extend one another")
    try:
        text = read_file(path)
    except SpecError as error:
        raise fail(file.place, ("extends",), str(error)) from error
    return extended(text, str(path), chain)


def with_overrides(node: Node, overrides: Sequence[str]) -> Node:
    """What `--set key.path=value` makes of a spec: as if a last file that extends it said so.

    Raises:
        SpecError: one of them is malformed, or changes an arm that there is not.
    """
    for override in overrides:
        source = f"--set {override}"
        path, equals, text = override.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise SpecError(f"{source}: must have the form key=value or key.key=value, e.g. budget.steps=100_000")
        node = _with_value(node, keys, parse_value(text, source), source)
    return node


def with_values(node: Node, values: Mapping[str, Node]) -> Node:
    """The same for values that stand in another file: by key, dots leading into the spec.

    Raises:
        SpecError: one of them changes an arm that there is not.
    """
    for path, value in values.items():
        node = _with_value(node, path.split("."), value, f"{value.place}: {path}")
    return node


def _with_value(node: Node, keys: Sequence[str], value: Node, source: str) -> Node:
    _check_arm(node, keys, source)
    for key in reversed(keys):
        value = Node({key: value}, value.place, value.place)
    return overlay(node, value)


def _check_arm(node: Node, keys: Sequence[str], source: str) -> None:
    """A mistyped arm would be one more arm; `--set arms.new={}` still makes one."""
    arms = node.child("arms")
    known = arms.children() if arms else {}
    if keys[0] != "arms" or len(keys) < 3 or not known or keys[1] in known:
        return
    hint = nearest(keys[1], known) or f"; the arms are: {', '.join(known)}"
    raise SpecError(f"{source}: there is no arm '{keys[1]}'{hint}")
