"""YAML text to values that know where they were written.

YAML 1.2's core schema, with underscores allowed in whole numbers: `3e-4` is a number, `no` and `on` are texts, and
`2020-01-01` is one too. Keys must be texts and may appear once; anchors, aliases and `<<` work, tags do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.reader import ReaderError

from palaestra.spec.errors import Path as Keys
from palaestra.spec.errors import Place, SpecError, fail

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
"""Values in one file once its aliases are written out."""
MAX_DEPTH = 40


@dataclass(frozen=True)
class Node:
    """A value and where it stands.

    Attributes:
        value: a mapping of nodes, a list of nodes, or a scalar.
        place: of the value.
        key: place of the key that it belongs to; the value's own where there is none.
    """

    value: dict[str, Node] | list[Node] | str | int | float | bool | None
    place: Place
    key: Place

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, key: str | int) -> Node | None:
        """What stands behind a key of a mapping, or at an index of a list; None where nothing does."""
        if isinstance(self.value, dict) and isinstance(key, str):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None

    def children(self) -> dict[str, Node]:
        """Of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}


def read_file(path: Path) -> str:
    """The text of a YAML file.

    Raises:
        SpecError: it cannot be read, is too long, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}; check the path") from error
    if len(data) > MAX_BYTES:
        raise SpecError(f"{path}: is longer than {MAX_BYTES:,} bytes, the most that is read of a spec")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise fail(Place(str(path), line, column), (), "is no UTF-8 text; save the file as UTF-8") from error


def parse(text: str, source: str) -> Node:
    """A YAML document.

    Args:
        text: of the document.
        source: what messages call it.

    Raises:
        SpecError: it is no YAML, or uses what is not supported.
    """
    if len(text) > MAX_BYTES:
        raise SpecError(f"{source}: is longer than {MAX_BYTES:,} characters, the most that is read of a spec")
    try:
        loader = CoreSchemaLoader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except ReaderError as error:
        what = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML; remove it"
        raise fail(_place_of(text, error.position, source), (), what) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark, source) if mark else Place(source)
        raise fail(place, (), _explain(error)) from error
    if root is None:
        raise SpecError(f"{source}:1:1: holds nothing; a spec has at least `world`, `agent` and `budget`")
    return _Builder(source).build(root, (), None)


def parse_value(text: str, source: str) -> Node:
    """What stands behind `--set key=`: any YAML value; nothing is null.

    Raises:
        SpecError: it is no YAML.
    """
    place = Place(source)
    try:
        node = parse(text, source) if text.strip() else Node(None, place, place)
    except SpecError as error:
        what = str(error).partition(": ")[2].removeprefix("is no YAML: ")
        raise SpecError(f"{source}: the value is no YAML: {what}") from error
    return _at(node, place)


def _at(node: Node, place: Place) -> Node:
    if isinstance(node.value, dict):
        return Node({key: _at(child, place) for key, child in node.value.items()}, place, place)
    if isinstance(node.value, list):
        return Node([_at(child, place) for child in node.value], place, place)
    return Node(node.value, place, place)


def _place(mark: Any, source: str) -> Place:
    return Place(source, mark.line + 1, mark.column + 1)


def _place_of(text: str, position: int, source: str) -> Place:
    return Place(source, text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def _explain(error: yaml.MarkedYAMLError) -> str:
    what = f"{error.problem or error.context}"
    if "'\\t'" in what:
        return "a tab indents nothing in YAML; use spaces"
    if "expected a single document" in f"{error.context}":
        return "a second document begins here; a spec is one document"
    if "mapping values are not allowed" in what:
        return "a second `key: value` on one line; begin a new line, or quote a text that holds ': '"
    if "nested deeper" in what:
        return what
    return f"is no YAML: {what}"


# ---------------------------------------------------------------------------------------------- YAML 1.2


class CoreSchemaLoader(yaml.SafeLoader):
    """Resolves plain scalars as YAML 1.2's core schema does; refuses documents nested too deep."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # pyright: ignore
            raise ComposerError(None, None, f"values are nested deeper than {MAX_DEPTH} levels", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7_]+|0x[0-9a-fA-F_]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_RESOLVERS = {
    "null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    "int": (_INTEGER, list("-+0123456789")),
    "float": (_FLOAT, list("-+.0123456789")),
    "merge": (re.compile(r"<<"), ["<"]),
}
CoreSchemaLoader.yaml_implicit_resolvers = {}
for _name, (_pattern, _first) in _RESOLVERS.items():
    CoreSchemaLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern.pattern})$"), _first
    )


def _number(text: str) -> int | float:
    digits = text.replace("_", "").lower()
    if _INTEGER.fullmatch(text):
        return int(digits, 0) if digits[:2] in ("0x", "0o") else int(digits, 10)
    return float(digits.replace(".inf", "inf").replace(".nan", "nan"))


class _Builder:
    """Turns yaml's nodes into ours."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._values = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Keys, key: yaml.Node | None) -> Node:
        place = _place(node.start_mark, self._source)
        key_place = _place(key.start_mark, self._source) if key else place
        self._values += 1
        if self._values > MAX_VALUES:
            raise fail(place, path, f"aliases make this document grow beyond {MAX_VALUES:,} values; write less of it")
        if id(node) in self._open:
            raise fail(key_place, path, "an alias stands inside of what it stands for")
        self._open.add(id(node))
        try:
            return Node(self._value(node, path, place), place, key_place)
        finally:
            self._open.discard(id(node))

    def _value(self, node: yaml.Node, path: Keys, place: Place) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.build(child, (*path, index), None) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path, place)
        raise fail(place, path, f"tags such as {node.tag} are not supported; remove it")

    def _scalar(self, node: yaml.ScalarNode, path: Keys, place: Place) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = node.value
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind in ("int", "float"):
            try:
                number = _number(text)
                return float(number) if kind == "float" else number
            except ValueError as error:
                raise fail(place, path, f"{text!r} is no number") from error
        if kind in ("str", "merge"):
            return text
        raise fail(place, path, f"tags such as {node.tag} are not supported; remove it")

    def _mapping(self, node: yaml.MappingNode, path: Keys) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: list[dict[str, Node]] = []
        for key, value in node.value:
            place = _place(key.start_mark, self._source)
            if key.tag == "tag:yaml.org,2002:merge":
                merged.extend(self._merged(value, path, key))
                continue
            if not isinstance(key, yaml.ScalarNode) or not key.tag.startswith("tag:yaml.org,2002:"):
                raise fail(place, path, "a key must be a text, not a list, a mapping or something with a tag")
            name = key.value
            if name in own:
                raise fail(
                    place, (*path, name), f"the key stands here twice, first in line {own[name].key.line}; keep one"
                )
            own[name] = self.build(value, (*path, name), key)
        result: dict[str, Node] = {}
        for mapping in reversed(merged):
            result |= mapping
        return result | own

    def _merged(self, value: yaml.Node, path: Keys, key: yaml.Node) -> Iterator[dict[str, Node]]:
        for node in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            built = self.build(node, (*path, "<<"), key)
            if not isinstance(built.value, dict):
                raise fail(built.place, (*path, "<<"), "only mappings can be merged")
            yield built.value
