"""Environments for Crafter without a language model: a plain heuristic that reads the same prompt.

It knows what each achievement needs and how an environment can give that. Nothing is computed about the agent: only
the success rates in the prompt count.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.base import Mistakes
from palaestra_worlds.crafter.tasks import CrafterTask
from palaestra_worlds.heuristics import environments_asked, spoil_environments

_WORLDS = ("Crafter",)
MASTERED = 0.5
"""Success rate from which an achievement counts as learned."""

NEEDS: dict[str, tuple[str, ...]] = {
    "collect_wood": (),
    "collect_sapling": (),
    "collect_drink": (),
    "eat_cow": (),
    "wake_up": (),
    "place_plant": ("collect_sapling",),
    "place_table": ("collect_wood",),
    "defeat_zombie": (),
    "make_wood_pickaxe": ("place_table",),
    "make_wood_sword": ("place_table",),
    "collect_stone": ("make_wood_pickaxe",),
    "place_stone": ("collect_stone",),
    "eat_plant": ("place_plant",),
    "collect_coal": ("make_wood_pickaxe",),
    "defeat_skeleton": ("make_wood_pickaxe",),
    "make_stone_pickaxe": ("place_table", "collect_stone"),
    "make_stone_sword": ("place_table", "collect_stone"),
    "place_furnace": ("place_table", "collect_stone"),
    "collect_iron": ("make_stone_pickaxe",),
    "make_iron_pickaxe": ("place_furnace", "collect_coal", "collect_iron"),
    "make_iron_sword": ("place_furnace", "collect_coal", "collect_iron"),
    "collect_diamond": ("make_iron_pickaxe",),
}
"""What comes right before each achievement; those listed first are learned first."""

_PEACE = {"zombies": 0.0, "skeletons": 0.0}
_FOREST = {"biome": "grassland", "trees": 4.0, **_PEACE}
_ROCKS = {"biome": "mountain", **_PEACE}
_WOOD = {"wood": 5}
_STONES = {"wood": 5, "stone": 7, "wood_pickaxe": 1}
_SMITHY = {"wood": 6, "stone": 7, "coal": 2, "iron": 2, "wood_pickaxe": 1, "stone_pickaxe": 1}

GIVEN: dict[str, dict[str, Any]] = {
    "collect_wood": _FOREST,
    "collect_sapling": {"biome": "grassland", **_PEACE},
    "collect_drink": {"biome": "beaches", "inventory": {"drink": 4}, **_PEACE},
    "eat_cow": {"biome": "grassland", "cows": 5.0, "inventory": {"food": 4}, **_PEACE},
    "wake_up": {"biome": "grassland", "inventory": {"energy": 3}, **_PEACE},
    "place_plant": {"biome": "grassland", "inventory": {"sapling": 5}, **_PEACE},
    "place_table": _FOREST | {"inventory": _WOOD},
    "defeat_zombie": {"biome": "grassland", "zombies": 4.0, "zombie_damage": 1, "inventory": {"stone_sword": 1}},
    "make_wood_pickaxe": _FOREST | {"inventory": _WOOD},
    "make_wood_sword": _FOREST | {"inventory": _WOOD},
    "collect_stone": _ROCKS | {"inventory": {"wood_pickaxe": 1}},
    "place_stone": _ROCKS | {"inventory": {"wood_pickaxe": 1, "stone": 3}},
    "eat_plant": {"biome": "grassland", "cows": 0.0, "inventory": {"sapling": 9, "food": 4}, **_PEACE},
    "collect_coal": _ROCKS | {"coal": 6.0, "inventory": {"wood_pickaxe": 1}},
    "defeat_skeleton": {
        "biome": "mountain",
        "zombies": 0.0,
        "skeletons": 4.0,
        "arrow_damage": 1,
        "inventory": {"wood_pickaxe": 1, "stone_sword": 1},
    },
    "make_stone_pickaxe": _ROCKS | {"inventory": _STONES},
    "make_stone_sword": _ROCKS | {"inventory": _STONES},
    "place_furnace": _ROCKS | {"inventory": _STONES},
    "collect_iron": _ROCKS | {"iron": 4.0, "inventory": {"wood_pickaxe": 1, "stone_pickaxe": 1}},
    "make_iron_pickaxe": _ROCKS | {"inventory": _SMITHY},
    "make_iron_sword": _ROCKS | {"inventory": _SMITHY},
    "collect_diamond": _ROCKS | {"diamonds": 50.0, "inventory": {"stone_pickaxe": 1, "iron_pickaxe": 1}},
}
"""An environment in which each achievement is near: what it needs is in the inventory or common."""


def environments_for(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Environments that bring achievements near which are not learned but nearly within reach.

    First come those with the fewest things left to learn before them, of these the weakest; achievements that the same
    environment brings near share it.

    Args:
        prompt: text that says how the agent does; None comes back if it asks for no Crafter environments.
        schema: JSON schema of the answer.
    """
    asked = environments_asked(prompt, schema, _WORLDS)
    if asked is None:
        return None
    order = {name: place for place, name in enumerate(NEEDS)}
    open_ones = [name for name in NEEDS if asked.rates.get(name, 0.0) < MASTERED]
    # Behind the wanted ones stand those that are hardest, for an agent that can do all.
    wanted = (
        sorted(
            open_ones,
            key=lambda name: (_before(name, asked.rates), asked.rates.get(name, 0.0), order[name]),
        )
        or list(NEEDS)[: -asked.count - 1 : -1]
    )
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for name in wanted:
        shared = next((names for given, names in groups if given == GIVEN[name]), None)
        if shared is not None:
            shared.append(name)
        elif len(groups) < asked.count:
            groups.append((GIVEN[name], [name]))
    return {"environments": [{"why": _reason(names, asked.rates), **given} for given, names in groups]}


def _before(name: str, rates: dict[str, float]) -> int:
    """How many things are still to be learned before an achievement."""
    missing: set[str] = set()
    waiting = list(NEEDS[name])
    while waiting:
        needed = waiting.pop()
        if rates.get(needed, 0.0) < MASTERED and needed not in missing:
            missing.add(needed)
            waiting += NEEDS[needed]
    return len(missing)


def _reason(names: list[str], rates: dict[str, float]) -> str:
    goals = " and ".join(name.replace("_", " ") for name in names[:3])
    if not rates:
        return f"To {goals}: what comes first."
    reached = ", ".join(f"{rates.get(name, 0.0):.0%}" for name in names[:3])
    return f"To {goals}, reached in {reached} of episodes: what it needs is given or near."


def misread_environments(
    prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
) -> dict[str, Any] | None:
    """The same with mistakes; None if the prompt asks for no Crafter environments."""
    if environments_asked(prompt, {"properties": {"environments": {}}}, _WORLDS) is None:
        return None
    schema = CrafterTask.model_json_schema()
    del schema["properties"]["level_seed"]
    return spoil_environments(answer, schema, mistakes, random)
