"""YAML to specs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from palaestra.spec.build import build_arm
from palaestra.spec.errors import fail
from palaestra.spec.explain import unknown_key, validated
from palaestra.spec.loader import Node, read_file
from palaestra.spec.merge import extended, overlay, with_overrides, with_values
from palaestra.spec.models import ARM_SECTIONS, ArmSpec, RunSpec, TopLevel

TOP_KEYS = ("name", "description", *ARM_SECTIONS, "arms", "seeds", "threads", "extends")
ARM_KEYS = ("description", *ARM_SECTIONS)
ARM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MAX_ARMS = 100


def load_spec(path: Path | str, overrides: Sequence[str] = (), seeds: int | Sequence[int] | None = None) -> RunSpec:
    """The spec in a YAML file.

    Args:
        path: of the file.
        overrides: `key.path=value` each, as with `--set`.
        seeds: replaces the file's: how many, or which.

    Raises:
        SpecError: something is wrong with it; the message says where, what, and what is allowed.
    """
    path = Path(path)
    overrides = [*overrides, *_seeds(seeds)]
    return _spec(with_overrides(extended(read_file(path), str(path)), overrides), path.stem)


def load_spec_with(path: Path, values: Mapping[str, Node], seeds: int | Sequence[int] | None = None) -> RunSpec:
    """The spec in a YAML file, with values that stand elsewhere, which messages then name.

    Args:
        path: of the file.
        values: by key, dots leading into the spec.
        seeds: replaces the file's: how many, or which.

    Raises:
        SpecError: something is wrong with it; the message says where, what, and what is allowed.
    """
    node = with_values(extended(read_file(path), str(path)), values)
    return _spec(with_overrides(node, _seeds(seeds)), path.stem)


def _seeds(seeds: int | Sequence[int] | None) -> list[str]:
    return [] if seeds is None else [f"seeds={seeds if isinstance(seeds, int) else list(seeds)}"]


def spec_from_text(text: str, source: str) -> RunSpec:
    """The spec in YAML text that stands, or could stand, in a file of the name `source`.

    Raises:
        SpecError: something is wrong with it.
    """
    return _spec(extended(text, source), Path(source).stem)


def _spec(node: Node, name: str) -> RunSpec:
    children = node.children()
    for key, child in children.items():
        if key not in TOP_KEYS:
            raise unknown_key(child, (key,), TOP_KEYS)
    top = {key: child for key, child in children.items() if key in TopLevel.model_fields}
    settings = validated(TopLevel, Node(top, node.place, node.key), ())
    arms = {arm: _arm(arm, node, over) for arm, over in _arms(node).items()}
    return RunSpec(
        name=settings.name or name,
        description=settings.description,
        arms=arms,
        seeds=settings.seed_list(),
        threads=settings.threads,
    )


def _arms(node: Node) -> dict[str, Node]:
    """What each arm changes."""
    arms = node.children().get("arms")
    if arms is None or arms.value is None:
        return {"main": Node({}, node.place, node.key)}
    if not isinstance(arms.value, dict) or not arms.value:
        raise fail(arms.place, ("arms",), "must be a mapping of names to what each arm changes, e.g. {taught: {}}")
    if len(arms.value) > MAX_ARMS:
        raise fail(arms.place, ("arms",), f"has {len(arms.value)} arms; at most {MAX_ARMS} are allowed")
    for name, arm in arms.value.items():
        if not ARM_NAME.fullmatch(name):
            raise fail(
                arm.key,
                ("arms", name),
                "an arm's name has 1 to 64 of a-z, 0-9, '_' and '-', and begins with one of a-z or 0-9",
            )
    return arms.value


def _arm(name: str, top: Node, over: Node) -> ArmSpec:
    if over.value is None:
        over = Node({}, over.place, over.key)
    if not isinstance(over.value, dict):
        raise fail(over.place, ("arms", name), "must be a mapping of what the arm changes, e.g. {teacher: null}")
    for key, child in over.value.items():
        if key in TOP_KEYS and key not in ARM_KEYS:
            raise fail(child.key, ("arms", name, key), "stands at the top of a spec only: all arms share it")
        if key not in ARM_KEYS:
            raise unknown_key(child, ("arms", name, key), ARM_KEYS)
    below = {key: child for key, child in top.children().items() if key in ARM_SECTIONS}
    return build_arm(name, overlay(Node(below, top.place, top.key), over), over)
