"""Environments for Heist without a language model: a plain heuristic that reads the same prompt."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from palaestra_worlds.base import Mistakes
from palaestra_worlds.heuristics import environments_asked, spoil_environments
from palaestra_worlds.minigrid.heist.tasks import COLORS, SMALLEST, HeistTask

_WORLDS = ("Heist",)
_ORIGINAL = re.compile(r"riginal levels are (\d+) x \d+ cells with (\d) doors")
MASTERED = 0.5
"""Success rate from which an objective counts as learned."""


def environments_for(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Environments in which the first objective that is not learned yet is near, as `{"environments": [...]}`.

    It knows that a key opens the door of its colour, and that what lies behind a door comes after it. Nothing is
    computed about the agent: only the success rates in the prompt count.

    Args:
        prompt: text that says how the agent does; None comes back if it asks for no Heist environments.
        schema: JSON schema of the answer.
    """
    asked = environments_asked(prompt, schema, _WORLDS)
    original = _ORIGINAL.search(prompt)
    if asked is None or original is None:
        return None
    size, doors = int(original[1]), int(original[2])
    learned = 0
    while learned < doors and asked.rates.get(f"{COLORS[learned]} door", 0.0) >= MASTERED:
        learned += 1
    ladder = _ladder(learned, doors, size)
    count = min(asked.count, len(ladder))
    return {"environments": ladder[:count]}


def _ladder(learned: int, doors: int, size: int) -> list[dict[str, Any]]:
    """Environments for an agent that opens so many doors, the most useful first."""
    if learned == doors:
        return [
            {"why": f"All doors are opened; the whole way again, in {side} x {side} cells.", "size": side}
            for side in range(size, 2 * doors + 2, -2)
        ]
    color = COLORS[learned]
    small = max(SMALLEST, size // 2)
    return [
        {
            "why": f"The {color} door is the first that stays shut: a small level with that door alone and its key.",
            "size": small,
            "doors": [color],
            "keys": [color],
        },
        {
            "why": "The same door with its key in hand from the start, so that only the door is to be learned.",
            "size": small,
            "doors": [color],
            "keys": [],
            "carrying": color,
        },
        {
            "why": f"All doors up to the {color} one, in a level just large enough.",
            "size": min(size, 2 * (learned + 1) + 5),
            "doors": list(COLORS[: learned + 1]),
            "keys": list(COLORS[: learned + 1]),
        },
        {
            "why": "A gem in the agent's own room: what is to be reached in the end.",
            "size": small,
            "doors": [],
            "keys": [],
        },
        {"why": "The original, smaller.", "size": min(size, 2 * doors + 3)},
    ]


def misread_environments(
    prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
) -> dict[str, Any] | None:
    """The same with mistakes; None if the prompt asks for no Heist environments."""
    if environments_asked(prompt, {"properties": {"environments": {}}}, _WORLDS) is None:
        return None
    schema = HeistTask.model_json_schema()
    del schema["properties"]["level_seed"]
    return spoil_environments(answer, schema, mistakes, random)
