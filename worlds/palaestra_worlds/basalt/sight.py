"""What a learner sees of blocks: fewer kinds than in an Overworld, and those that the BASALT tasks are about."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from palaestra_worlds.overworld.observations import CUBE, View
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.tables import OPENED_IN_PASSING, TALLER_THAN_A_STEP, numbers

FEW_KINDS: dict[str, tuple[str, ...]] = {
    "unseen": (),
    "air": ("air",),
    "water": ("water",),
    "lava": ("lava",),
    "plant": (),
    "gate or door": OPENED_IN_PASSING,
    "fence": TALLER_THAN_A_STEP,
    "leaves": ("_leaves",),
    "log": ("_log",),
    "planks": ("_planks", "_stairs", "_slab"),
    "glass": ("glass", "_pane"),
    "soil": ("dirt", "grass_block", "podzol", "clay", "farmland", "sand", "gravel", "sandstone"),
    "built": ("cobblestone",),
    "rock": ("stone", "granite", "diorite", "andesite", "_ore", "bedrock", "obsidian"),
    "other": (),
}
"""Kinds of blocks by number, and how the names of those that are of it end; the first that fits."""
_PLANT, _OTHER = list(FEW_KINDS).index("plant"), list(FEW_KINDS).index("other")


def few_kinds_view(view: View) -> View:
    """The same cells, as these kinds."""
    return view._replace(shown=np.array([_kind_of(name) for name in numbers().blocks], np.uint16))


def _kind_of(name: str) -> int:
    for number, endings in enumerate(FEW_KINDS.values()):
        if any(name == ending or (ending.startswith("_") and name.endswith(ending)) for ending in endings):
            return number
    block = load_rules().blocks[name]
    if "water" in name and not block.solid:
        return list(FEW_KINDS).index("water")
    return _OTHER if block.solid else _PLANT


def space_of(whole: Any, items: int) -> spaces.Dict:
    """Observation space of one environment, from that of an Overworld."""
    kept = {name: part for name, part in whole.spaces.items() if name not in ("blocks", "counts")}
    blocks = spaces.Box(0, len(FEW_KINDS) - 1, (CUBE,) * 3, np.uint8)
    at_hand = {"items": spaces.Box(0.0, 2.0, (items,), np.float32)} if items else {}
    return spaces.Dict({"blocks": blocks, **kept, **at_hand})
