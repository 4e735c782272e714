"""What a learner sees: the cells around it that it can see, how it is, and what it has."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.mob_kinds import kinds_of
from palaestra_worlds.overworld.mob_sight import NEAREST
from palaestra_worlds.overworld.objectives import OBJECTIVES
from palaestra_worlds.overworld.player import NOTHING_HIT, REACH, first_hit
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.settings import OverworldSettings
from palaestra_worlds.overworld.state import (
    AIR,
    CLOCK,
    COUNT,
    DAWN,
    FACING,
    FOOD,
    FULL,
    FULL_AIR,
    HEALTH,
    HEIGHT,
    ITEM,
    PITCH,
    PITCHES,
    PROGRESS,
    SATURATION,
    SLOTS,
    STEPS,
    TICKS_PER_DAY,
    WORN,
    X,
    Y,
    Z,
    is_inside,
)
from palaestra_worlds.overworld.tables import OBJECTIVE, OPAQUE, numbers

RADIUS = 4
CUBE = 2 * RADIUS + 1
UNSEEN = 0
"""In place of a kind of block: something is in between, or it lies outside the world."""
KINDS: dict[str, tuple[str, ...]] = {
    "unseen": (),
    "air": ("air",),
    "water": ("water",),
    "lava": ("lava",),
    "plant": (),
    "soil": ("dirt", "grass_block", "coarse_dirt", "podzol", "clay", "farmland"),
    "sand": ("sand", "red_sand", "gravel", "sandstone", "red_sandstone"),
    "stone": ("stone", "cobblestone", "granite", "diorite", "andesite"),
    "log": ("_log",),
    "leaves": ("_leaves",),
    "coal": ("coal_ore",),
    "iron": ("iron_ore",),
    "gold": ("gold_ore",),
    "redstone": ("redstone_ore",),
    "lapis": ("lapis_ore",),
    "diamond": ("diamond_ore",),
    "emerald": ("emerald_ore",),
    "table": ("crafting_table",),
    "furnace": ("furnace",),
    "bedrock": ("bedrock",),
    "obsidian": ("obsidian",),
    "other": (),
}
"""Kinds of blocks by number, and how the names of those that are of it end."""
STATUS = (
    "health",
    "food",
    "saturation",
    "air",
    "height",
    "share of the target that is broken",
    "sine of the time of day",
    "cosine of the time of day",
    "distance of what is in view",
    *(f"facing {facing}" for facing in ("north", "east", "south", "west")),
    *(f"looking {pitch}" for pitch in PITCHES),
)
"""What each number of the vector `status` is."""


class Observations(NamedTuple):
    """Where observations are written; what is not observed has no rows."""

    blocks: NDArray[np.uint16]
    """(N, CUBE, CUBE, CUBE), indexed [i, right, ahead, up]."""
    status: NDArray[np.float32]
    """(N, len(STATUS))."""
    counts: NDArray[np.float32]
    """(N, objectives): how many of each are at hand, as log2(1 + n) / 8."""
    slots: NDArray[np.int32]
    """(N, SLOTS, 3)."""


class View(NamedTuple):
    """How cells are seen."""

    shown: NDArray[np.uint16]
    """(B,): what is shown for a block."""
    between: NDArray[np.int64]
    """(CUBE ** 3, RADIUS - 1, 3): cells between the eyes and each cell of the cube, right, ahead, up."""
    lengths: NDArray[np.int64]
    """(CUBE ** 3,): how many they are."""


def single_space(settings: OverworldSettings) -> spaces.Dict:
    """Observation space of one environment."""
    most = kinds_shown(settings)
    parts: dict[str, spaces.Space[Any]] = {
        "blocks": spaces.Box(0, most - 1, (CUBE,) * 3, np.uint16),
        "status": spaces.Box(-1.0, 1.0, (len(STATUS),), np.float32),
        "counts": spaces.Box(0.0, 2.0, (len(OBJECTIVES),), np.float32),
    }
    if settings.cells == "ids":
        parts["slots"] = spaces.Box(0, 10_000, (SLOTS, 3), np.int32)
    if settings.mobs != "none":
        parts["mobs"] = spaces.Box(-3.0, 3.0, (NEAREST, 3 + len(kinds_of(settings.nature))), np.float32)
        most += len(kinds_of(settings.nature))
    if settings.lidar:
        parts["lidar"] = spaces.Box(0.0, float(most), (settings.lidar, 2), np.float32)
    return spaces.Dict(parts)


def kinds_shown(settings: OverworldSettings) -> int:
    """As how many numbers blocks are shown; rays that meet a mob have the next."""
    return len(KINDS) if settings.cells == "kinds" else len(numbers().blocks) + 1


def allocate_observations(settings: OverworldSettings, num_envs: int) -> Observations:
    """Arrays of zeros for the engine to write to."""
    return Observations(
        blocks=np.zeros((num_envs, CUBE, CUBE, CUBE), np.uint16),
        status=np.zeros((num_envs, len(STATUS)), np.float32),
        counts=np.zeros((num_envs, len(OBJECTIVES)), np.float32),
        slots=np.zeros((num_envs if settings.cells == "ids" else 0, SLOTS, 3), np.int32),
    )


def allocate_lidar(settings: OverworldSettings, num_envs: int) -> NDArray[np.float32]:
    """(N, rays, 2): distance as a share of `sight.RANGE`, and what is met, as `blocks` has it, 0 for nothing. No rows
    if it is not observed."""
    return np.zeros((num_envs if settings.lidar else 0, settings.lidar, 2), np.float32)


def allocate_mobs(settings: OverworldSettings, num_envs: int) -> NDArray[np.float32]:
    """(N, NEAREST, 3 + kinds), see `mob_sight.write_mobs`. No rows if there are none."""
    return np.zeros(
        (num_envs if settings.mobs != "none" else 0, NEAREST, 3 + len(kinds_of(settings.nature))), np.float32
    )


def as_dict(arrays: Observations, lidar: NDArray[np.float32], mobs: NDArray[np.float32], copy: bool) -> dict[str, Any]:
    """The observed parts of the batch."""
    every = arrays._asdict() | {"lidar": lidar, "mobs": mobs}
    found = {name: array for name, array in every.items() if len(array)}
    return {name: array.copy() for name, array in found.items()} if copy else found


def view_of(cells: Literal["kinds", "ids"]) -> View:
    """How cells are seen under this setting."""
    between, lengths = _lines()
    names = numbers().blocks
    if cells == "ids":
        return View(np.arange(1, len(names) + 1, dtype=np.uint16), between, lengths)
    return View(np.array([_kind_of(name) for name in names], np.uint16), between, lengths)


def _kind_of(name: str) -> int:
    kinds = list(KINDS)
    for number, endings in enumerate(KINDS.values()):
        if any(name == ending or (ending.startswith("_") and name.endswith(ending)) for ending in endings):
            return number
    block = load_rules().blocks[name]
    return kinds.index("other" if block.solid else "plant")


@cache
def _lines() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    between = np.zeros((CUBE**3, RADIUS - 1, 3), np.int64)
    lengths = np.zeros(CUBE**3, np.int64)
    for number, cell in enumerate(np.ndindex(CUBE, CUBE, CUBE)):
        offset = np.array(cell) - RADIUS
        steps = int(np.abs(offset).max())
        lengths[number] = max(0, steps - 1)
        for k in range(1, steps):
            between[number, k - 1] = np.round(offset * k / steps)
    return between, lengths


@jitable
def _place_of(levels: Any, i: Any, right: Any, ahead: Any, up: Any) -> Any:
    """The cell (x, z, y) at an offset from the eyes."""
    facing = levels.status[i, FACING]
    beside = (facing + 1) % 4
    x = levels.status[i, X] + ahead * STEPS[facing, 0] + right * STEPS[beside, 0]
    z = levels.status[i, Z] + ahead * STEPS[facing, 1] + right * STEPS[beside, 1]
    return x, z, levels.status[i, Y] + 1 + up


@jitable
def _is_seen(levels: Any, i: Any, tables: Any, view: Any, number: Any) -> Any:
    for k in range(view.lengths[number]):
        x, z, y = _place_of(
            levels, i, view.between[number, k, 0], view.between[number, k, 1], view.between[number, k, 2]
        )
        if is_inside(x, z, y) and tables.blocks[levels.blocks[i, x, z, y], OPAQUE]:
            return False
    return True


@jitable
def write_blocks(levels: Any, i: Any, tables: Any, view: Any, target: Any) -> None:
    number = 0
    for right in range(CUBE):
        for ahead in range(CUBE):
            for up in range(CUBE):
                x, z, y = _place_of(levels, i, right - RADIUS, ahead - RADIUS, up - RADIUS)
                shown = UNSEEN
                if _is_seen(levels, i, tables, view, number):
                    if is_inside(x, z, y):
                        shown = view.shown[levels.blocks[i, x, z, y]]
                    elif y >= HEIGHT:
                        shown = view.shown[0]
                target[i, right, ahead, up] = shown
                number += 1


@jitable
def write_status(levels: Any, i: Any, target: Any) -> None:
    target[i, 0] = levels.status[i, HEALTH] / FULL
    target[i, 1] = levels.status[i, FOOD] / FULL
    target[i, 2] = levels.body[i, SATURATION] / FULL
    target[i, 3] = max(0, levels.status[i, AIR]) / FULL_AIR
    target[i, 4] = levels.status[i, Y] / HEIGHT
    target[i, 5] = min(1.0, levels.body[i, PROGRESS])
    angle = 2 * np.pi * ((levels.status[i, CLOCK] + levels.status[i, DAWN]) % TICKS_PER_DAY) / TICKS_PER_DAY
    target[i, 6], target[i, 7] = np.sin(angle), np.cos(angle)
    hit = first_hit(levels, i, False)
    target[i, 8] = 1.0 if hit == NOTHING_HIT else hit / REACH
    for facing in range(4):
        target[i, 9 + facing] = levels.status[i, FACING] == facing
    for pitch in range(6):
        target[i, 13 + pitch] = levels.status[i, PITCH] == pitch


@jitable
def write_counts(levels: Any, i: Any, tables: Any, target: Any) -> None:
    for k in range(target.shape[1]):
        target[i, k] = 0.0
    for slot in range(SLOTS):
        number = tables.items[levels.slots[i, slot, ITEM], OBJECTIVE]
        if 0 <= number < target.shape[1]:
            target[i, number] += levels.slots[i, slot, COUNT]
    for k in range(target.shape[1]):
        target[i, k] = np.log2(1.0 + target[i, k]) / 8.0


@jitable
def write_slots(levels: Any, i: Any, target: Any) -> None:
    for slot in range(SLOTS):
        for column in (ITEM, COUNT, WORN):
            target[i, slot, column] = levels.slots[i, slot, column]
