"""What worlds share that answer a prompt for environments without a language model: reading it, and going wrong.

A prompt for environments has the line `World: <id>`, and from the second time on one line for each objective,
`- <objective>: <mean> ± <standard deviation>`: how the agent does in the original. Its schema is an object with one
list `environments`, whose items are the world's tasks with a reason, `why`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from palaestra_worlds.base import Mistakes
from palaestra_worlds.drawing import draw_value

_WORLD = re.compile(r"^World: (\S+)$", re.MULTILINE)
_RATE = re.compile(r"^- ([^:\n]+): ([01](?:\.\d+)?) ± [01](?:\.\d+)?$", re.MULTILINE)
_MANY = 4
"""Environments that are given where the schema sets no limit."""


@dataclass(frozen=True)
class EnvironmentsAsked:
    """A prompt for environments.

    Attributes:
        count: how many are wanted.
        rates: success rate of each objective in the original; empty where nothing was measured yet.
        schema: of one environment.
    """

    count: int
    rates: dict[str, float]
    schema: dict[str, Any]


def environments_asked(prompt: str, schema: dict[str, Any] | None, worlds: Iterable[str]) -> EnvironmentsAsked | None:
    """What is asked for; None if the prompt is none for environments of these worlds."""
    found = _WORLD.search(prompt)
    entry = (schema or {}).get("properties", {}).get("environments")
    if found is None or entry is None or found[1] not in worlds:
        return None
    rates = {name: float(mean) for name, mean in _RATE.findall(prompt)}
    return EnvironmentsAsked(entry.get("maxItems", _MANY), rates, entry.get("items", {}))


def spoil_environments(
    answer: dict[str, Any], schema: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
) -> dict[str, Any]:
    """The answer with mistakes: a wrong environment (probability 1 - accuracy) has its settings drawn at random.

    Then environments are left out, and neighbours swapped. With equal random numbers a lower accuracy adds mistakes and
    changes none.

    Args:
        answer: has a list of `environments`; one of another form comes back as it is.
        schema: JSON schema of one environment's settings.
        mistakes: how often it is wrong.
        random: all draws come from it.
    """
    entries = answer.get("environments")
    if not isinstance(entries, list):
        return answer
    kept: list[Any] = []
    for entry, stream in zip(entries, random.spawn(len(entries)), strict=True):
        right, present, swapped = stream.random(3)
        if present < mistakes.missing:
            continue
        if right >= mistakes.accuracy and isinstance(entry, dict):
            entry = entry | draw_value(schema, stream)
        kept.append(entry)
        if len(kept) > 1 and swapped < mistakes.swapped:
            kept[-2:] = kept[:-3:-1]
    return answer | {"environments": kept}
