"""Whether an environment holds what its task promises: levels are looked at, not played."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from palaestra_worlds.crafter.state import (
    AREA,
    COAL,
    COW,
    DIAMOND,
    IRON,
    KIND,
    LAVA,
    NUM_OBJECTS,
    SKELETON,
    STONE,
    TREE,
    WATER,
    ZOMBIE,
    Levels,
    X,
    Y,
)
from palaestra_worlds.crafter.tasks import CrafterTask

_RESOURCES = {"trees": TREE, "coal": COAL, "iron": IRON, "diamonds": DIAMOND}
_CREATURES = {"cows": COW, "zombies": ZOMBIE, "skeletons": SKELETON}


def _reachable(materials: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Cells (64, 64) that can be come to from the middle on foot and by digging, not over water or lava."""
    regions, _ = ndimage.label((materials != WATER) & (materials != LAVA))  # pyright: ignore[reportGeneralTypeIssues]
    return regions == regions[AREA // 2, AREA // 2]


def _within_reach(levels: Levels) -> dict[str, int]:
    """How many cells of each resource, and creatures of each kind, are in reach in all levels together."""
    found = dict.fromkeys([*_RESOURCES, *_CREATURES, "stone"], 0)
    for i, materials in enumerate(levels.materials):
        reachable = _reachable(materials)
        for name, material in (*_RESOURCES.items(), ("stone", STONE)):
            found[name] += int(np.count_nonzero(reachable & (materials == material)))
        objects = levels.objects[i, 1 : levels.status[i, NUM_OBJECTS]]
        for name, kind in _CREATURES.items():
            of_kind = objects[objects[:, KIND] == kind]
            found[name] += int(np.count_nonzero(reachable[of_kind[:, X], of_kind[:, Y]]))
    return found


def _tool_problems(task: CrafterTask, found: dict[str, int]) -> list[str]:
    """What is asked for and in reach, but cannot be mined for want of a tool."""
    have = task.inventory
    wood = have.wood if not found["trees"] else AREA
    stone = have.stone if not found["stone"] else AREA
    # A table takes two, each tool one.
    can_make_wood = wood >= 3
    wood_pickaxe = bool(have.wood_pickaxe or can_make_wood)
    stone_pickaxe = bool(have.stone_pickaxe or (can_make_wood and (have.stone or (wood_pickaxe and stone))))
    iron_pickaxe = bool(have.iron_pickaxe or (stone_pickaxe and can_make_wood))
    lacking = []
    for name, tool, there in (
        ("coal", "wood pickaxe", wood_pickaxe),
        ("iron", "stone pickaxe", stone_pickaxe),
        ("diamonds", "iron pickaxe", iron_pickaxe),
    ):
        if getattr(task, name) > 1 and found[name] and not there:
            lacking.append(
                f"{name} {getattr(task, name):g} is asked for, but no {tool} is in the inventory and none can be made: "
                "there are too few trees in reach and too little wood at the start"
            )
    return lacking


def problems_of(task: CrafterTask, levels: Levels) -> tuple[str, ...]:
    """What the task asks for more of than the original has, and no level has within reach.

    Args:
        task: as it was given.
        levels: some of its levels, as they begin.
    """
    found = _within_reach(levels)
    looked_at = f"{len(levels.materials)} level{'s' if len(levels.materials) > 1 else ''}"
    problems = [
        f"{name} {getattr(task, name):g} is asked for, but in {looked_at} of the biome {task.biome} none is within "
        "reach of the start"
        for name in (*_RESOURCES, *_CREATURES)
        if getattr(task, name) > 1 and not found[name]
    ]
    return tuple(problems + _tool_problems(task, found))
