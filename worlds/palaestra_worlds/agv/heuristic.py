"""Environments for AGV worlds without a language model: a plain heuristic that reads the same prompt."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.agv.tasks import AGVTask
from palaestra_worlds.base import Mistakes
from palaestra_worlds.heuristics import environments_asked, spoil_environments

_WORLDS = ("AGV", "AGV-Aisles", "AGV-Clutter", "AGV-Maze", "AGV-Rooms")
LADDER = (2.0, 4.0, 8.0, 16.0)
"""Metres from start to goal, from easy to hard."""


def environments_for(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The original floors with the start near the goal, the nearer the more seldom the goal is reached.

    Args:
        prompt: text that says how the agent does; None comes back if it asks for no AGV environments.
        schema: JSON schema of the answer.
    """
    asked = environments_asked(prompt, schema, _WORLDS)
    if asked is None:
        return None
    first = min(int(len(LADDER) * asked.rates.get("reached", 0.0)), len(LADDER) - 1)
    distances = [*LADDER[first:], *reversed(LADDER[:first])][: asked.count]
    return {
        "environments": [
            {"why": f"The original floor, at most {near:g} m from the goal.", "layout": "original", "near": near}
            for near in distances
        ]
    }


def misread_environments(
    prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
) -> dict[str, Any] | None:
    """The same with mistakes; None if the prompt asks for no AGV environments."""
    if environments_asked(prompt, {"properties": {"environments": {}}}, _WORLDS) is None:
        return None
    schema = AGVTask.model_json_schema()
    for name in ("level_seed", "subgoals"):
        del schema["properties"][name]
    return spoil_environments(answer, schema, mistakes, random)
