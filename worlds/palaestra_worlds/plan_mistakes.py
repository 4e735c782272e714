"""The mistakes that real models make in plans: wrong counts, lesser tools, items that do not exist, wrong order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from palaestra_worlds.base import Mistakes

Entry = dict[str, Any]
"""A step, or a structured action, of a reply."""
_LESSER = (("diamond_", "iron_"), ("iron_", "stone_"), ("stone_", "wooden_"), ("wooden_", ""))
"""Of tools: the material, and the one below it."""
_ENDINGS = ("_piece", "s", "_item", "_block")
"""With these a name sounds right and mostly means nothing."""


def misread_plan(answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator) -> dict[str, Any]:
    """The answer with mistakes, entry by entry of what it lists; one about a single item is one entry.

    An entry that is wrong (probability 1 - accuracy) has another count, too little material, a lesser tool, or a name
    that means nothing. Then entries are left out (`missing`) and neighbours swapped. With equal random numbers a lower
    accuracy adds mistakes and changes none. An answer that lists nothing comes back as it is.
    """
    if "how" in answer:
        right = float(random.random())
        return answer if right < mistakes.accuracy else wrong_entry(answer, random)
    key = next((name for name in ("goals", "actions") if isinstance(answer.get(name), list)), None)
    if key is None:
        return answer
    entries: list[Any] = answer[key]
    chances = random.random((len(entries), 3))
    kept: list[Any] = []
    for entry, (right, present, _), stream in zip(entries, chances, random.spawn(len(entries)), strict=True):
        if present < mistakes.missing and len(entries) > 1:
            continue
        is_wrong = right >= mistakes.accuracy and isinstance(entry, dict)
        kept.append(wrong_entry(entry, stream) if is_wrong else entry)
    k = 0
    while k < len(kept) - 1:
        if chances[k, 2] < mistakes.swapped:
            kept[k], kept[k + 1] = kept[k + 1], kept[k]
            k += 1
        k += 1
    return answer | {key: kept or entries[:1]}


def wrong_entry(entry: Entry, random: np.random.Generator) -> Entry:
    """An entry got wrong in one of the ways that it can be."""
    possible = [wrong for way in _WAYS if (wrong := way(entry, random)) is not None]
    return possible[int(random.integers(len(possible)))] if possible else entry


def _wrong_count(entry: Entry, random: np.random.Generator) -> Entry | None:
    count = entry.get("count", 1)
    if not isinstance(count, int) or entry.get("name") in ("explore", "approach", "equip", "dig_down", "go_up"):
        return None
    # Too many is no fault of a plan; too few is.
    return entry | {"count": max(1, count // 2)} if count > 1 else None


def _too_little_material(entry: Entry, random: np.random.Generator) -> Entry | None:
    material = entry.get("material")
    if not isinstance(material, Mapping) or not material:
        return None
    names = sorted(material)
    name = names[int(random.integers(len(names)))]
    if material[name] > 1:
        return entry | {"material": {**material, name: material[name] - 1}}
    left = {other: count for other, count in material.items() if other != name}
    return entry | {"material": left} if left else None


def _lesser_tool(entry: Entry, random: np.random.Generator) -> Entry | None:
    tool = entry.get("tool") or (entry.get("object", "") if entry.get("name") == "equip" else "")
    for better, lesser in _LESSER:
        if isinstance(tool, str) and tool.startswith(better):
            worse = tool.replace(better, lesser, 1) if lesser else ""
            key = "tool" if entry.get("tool") else "object"
            return entry | {key: worse} if worse or key == "tool" else None
    return entry | {"tool": ""} if entry.get("tool") else None


def _imaginary(entry: Entry, random: np.random.Generator) -> Entry | None:
    """Another name in place of the object, or of a material."""
    material = entry.get("material")
    if isinstance(material, Mapping) and material and random.random() < 0.5:
        first = next(iter(material))
        changed = {(_other_name(name, random) if name == first else name): count for name, count in material.items()}
        return entry | {"material": changed}
    name = entry.get("object")
    return entry | {"object": _other_name(name, random)} if isinstance(name, str) and name else None


def _other_name(name: str, random: np.random.Generator) -> str:
    """E.g. "oak_plank", "oak_logs", "iron_ingot_piece"."""
    if re.search(r"[^s]s$", name) and random.random() < 0.5:
        return name[:-1]
    return name[:50] + _ENDINGS[int(random.integers(len(_ENDINGS)))]


_WAYS: tuple[Callable[[Entry, np.random.Generator], Entry | None], ...] = (
    _wrong_count,
    _too_little_material,
    _lesser_tool,
    _imaginary,
)
