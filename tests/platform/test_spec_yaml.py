"""The YAML of specs: numbers and texts as YAML 1.2 has them, and every mistake named with its line and column."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from palaestra.spec import SpecError
from palaestra.spec.loader import MAX_BYTES, MAX_DEPTH, parse, read_file


def plain(text: str) -> object:
    return parse(text, "spec.yaml").plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("5_000_000", 5_000_000),
        ("+12", 12),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("'3'", "3"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30:00", "12:30:00"),
        ("2020-01-01", "2020-01-01"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        ("!!str 5", "5"),
        ("!!float 5", 5.0),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = plain(f"key: {text}")
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


def test_not_a_number_is_a_number() -> None:
    found = plain("[.nan]")
    assert isinstance(found, list)
    assert math.isnan(found[0])


def test_anchors_aliases_and_merges_work() -> None:
    text = """
base: &base {a: 1, b: [1, 2]}
other: &other {b: 3, c: 4}
alias: *base
one: {<<: *base, a: 5}
two: {<<: [*base, *other]}
"""
    assert plain(text) == {
        "base": {"a": 1, "b": [1, 2]},
        "other": {"b": 3, "c": 4},
        "alias": {"a": 1, "b": [1, 2]},
        "one": {"a": 5, "b": [1, 2]},
        "two": {"a": 1, "b": [1, 2], "c": 4},
    }


def test_values_know_where_they_stand() -> None:
    node = parse("world:\n  id: X\n  sizes: [1,\n    2]\n", "spec.yaml")
    world = node.children()["world"]
    assert str(world.key) == "spec.yaml:1:1"
    assert str(world.children()["id"].place) == "spec.yaml:2:7"
    second = world.children()["sizes"].child(1)
    assert second is not None
    assert str(second.place) == "spec.yaml:4:5"
    assert world.child("nothing") is None
    assert world.children()["sizes"].child(2) is None


BILLION_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "spec.yaml:1:1: holds nothing"),
        ("# only a comment\n", "spec.yaml:1:1: holds nothing"),
        ("a: 1\nb: 2\na: 3\n", "spec.yaml:3:1: a: the key stands here twice, first in line 1; keep one"),
        ("a:\n  b: {c: 1, c: 2}\n", "spec.yaml:2:13: a.b.c: the key stands here twice"),
        ("a: b: c", "spec.yaml:1:5: a second `key: value` on one line"),
        ("a:\n\tb: 1\n", "spec.yaml:2:1: a tab indents nothing in YAML; use spaces"),
        ("a: [1, 2\n", "spec.yaml:2:1: is no YAML: expected ',' or ']'"),
        ("a: 'x\n", "spec.yaml:2:1: is no YAML: found unexpected end of stream"),
        ("a: *nowhere\n", "spec.yaml:1:4: is no YAML: found undefined alias 'nowhere'"),
        ("a: 1\n---\nb: 2\n", "spec.yaml:2:1: a second document begins here; a spec is one document"),
        ("? [a, b]\n: 1\n", "spec.yaml:1:3: a key must be a text"),
        ("a: !!python/object/apply:os.system ['true']\n", "spec.yaml:1:4: a: tags such as tag:yaml.org,2002:python"),
        ("a: !include other.yaml\n", "spec.yaml:1:4: a: tags such as !include are not supported; remove it"),
        ("!x a: 1\n", "spec.yaml:1:1: a key must be a text"),
        ("a: !!int x\n", "spec.yaml:1:4: a: 'x' is no number"),
        (f"a: {'9' * 5000}\n", "spec.yaml:1:4: a: '999"),
        ("a: 1\nb: \x07\n", "spec.yaml:2:4: the character U+0007 is not allowed in YAML; remove it"),
        ("a: &a\n  b: *a\n", "spec.yaml:2:3: a.b: an alias stands inside of what it stands for"),
        ("a: {<<: 3}\n", "spec.yaml:1:9: a.<<: only mappings can be merged"),
        (BILLION_LAUGHS, "aliases make this document grow beyond 50,000 values"),
        ("[" * 10_000, f"spec.yaml:1:{MAX_DEPTH + 1}: values are nested deeper than {MAX_DEPTH} levels"),
        ("a: " * MAX_BYTES, "spec.yaml: is longer than 1,000,000 characters"),
    ],
)
def test_mistakes_are_named_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(text, "spec.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nothing\.yaml: cannot be read: No such file or directory; check the path"):
        read_file(tmp_path / "nothing.yaml")
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        read_file(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"name: x\nworld: \xff\n")
    with pytest.raises(SpecError, match=r"spec\.yaml:2:8: is no UTF-8 text; save the file as UTF-8"):
        read_file(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match="is longer than 1,000,000 bytes"):
        read_file(path)
    path.write_bytes("﻿name: é\r\nseeds: 2\r\n".encode())
    assert plain(read_file(path)) == {"name": "é", "seeds": 2}
