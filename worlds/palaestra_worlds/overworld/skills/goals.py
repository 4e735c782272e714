"""What skills are about: goals by name, the blocks that count, the tool that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.tables import numbers

Skill = Literal["mine", "approach", "explore"]
SKILLS: tuple[Skill, ...] = get_args(Skill)
GoalName = Literal["log", "dirt", "sand", "stone", "coal_ore", "iron_ore", "diamond_ore"]
GOALS: tuple[GoalName, ...] = get_args(GoalName)
DRAWN: dict[Skill, tuple[GoalName, ...]] = {
    "mine": GOALS,
    "approach": ("log", "sand", "stone", "coal_ore", "iron_ore", "diamond_ore"),
    "explore": ("log", "sand", "coal_ore", "iron_ore"),
}
"""Which a world draws by itself: what lies about everywhere need not be found, and what lies deep is not met."""
TICKS: dict[Skill, int] = {"mine": 400, "approach": 300, "explore": 600}
"""Of an attempt."""
DISTANCES: dict[Skill, tuple[int, int]] = {"mine": (1, 12), "approach": (3, 16), "explore": (12, 40)}
"""Cells that one walks at least and at most from the start to where a goal can be reached."""


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        blocks: (blocks,) bool: which count.
        items: (items,) bool: what they leave when they are broken.
        tool: the item in hand at the start, 0 for none.
    """

    blocks: NDArray[np.bool_]
    items: NDArray[np.bool_]
    tool: int


_TOOLS = {
    "stone": "wooden_pickaxe",
    "coal_ore": "wooden_pickaxe",
    "iron_ore": "stone_pickaxe",
    "diamond_ore": "iron_pickaxe",
}
_BLOCKS = {
    "log": "_log",
    "dirt": ("dirt", "grass_block", "podzol", "coarse_dirt"),
    "sand": ("sand",),
    "stone": ("stone", "cobblestone"),
}


@cache
def goal_named(name: GoalName) -> Goal:
    """The goal of that name."""
    known = numbers()
    wanted = _BLOCKS.get(name, (name,))
    if isinstance(wanted, str):
        found = [block.endswith(wanted) and not block.startswith("stripped_") for block in known.blocks]
    else:
        found = [block in wanted for block in known.blocks]
    blocks = np.array(found, np.bool_)
    return Goal(blocks, items_of(blocks), known.item[_TOOLS[name]] if name in _TOOLS else 0)


def items_of(blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(items,): what these blocks (blocks,) leave when they are broken, but for saplings, seeds and the like."""
    known, rules = numbers(), load_rules()
    found = np.zeros(len(known.items), np.bool_)
    for block in np.flatnonzero(blocks):
        for drop in rules.blocks[known.blocks[block]].drops:
            found[known.item[drop.item]] |= drop.chance == 1
    return found


class Goals(NamedTuple):
    """All goals, for compiled code."""

    blocks: NDArray[np.bool_]
    """(goals, blocks): which count."""
    items: NDArray[np.bool_]
    """(goals, items): what is left of them."""
    tools: NDArray[np.int64]
    """(goals,): the item in hand at the start, 0 for none."""
    put: NDArray[np.int64]
    """(goals,): the block that is put down where there is none."""
    drawn: NDArray[np.int64]
    """Goals that the skill's own attempts are about."""


@cache
def goals_of(skill: Skill) -> Goals:
    """See `Goals`."""
    found = [goal_named(name) for name in GOALS]
    return Goals(
        blocks=np.stack([goal.blocks for goal in found]),
        items=np.stack([goal.items for goal in found]),
        tools=np.array([goal.tool for goal in found], np.int64),
        put=np.array([int(np.flatnonzero(goal.blocks)[0]) for goal in found], np.int64),
        drawn=np.array([GOALS.index(name) for name in DRAWN[skill]], np.int64),
    )


def goal_of(blocks: frozenset[int]) -> int | None:
    """The goal that covers these blocks best, by number: the one with the most of them; None: no goal has any."""
    shared = goals_of("mine").blocks[:, sorted(blocks)].sum(axis=1) if blocks else np.zeros(len(GOALS))
    return int(shared.argmax()) if shared.max() else None
