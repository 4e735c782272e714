"""What is kept of each player who practises a skill: the goal, and what it remembers."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import WATER
from palaestra_worlds.overworld.observations import view_of
from palaestra_worlds.overworld.sight import directions
from palaestra_worlds.overworld.skills.goals import GOALS
from palaestra_worlds.overworld.state import SIDE
from palaestra_worlds.overworld.tables import LEFT_ALONE, SOLID, TICKS, numbers, tables

# Columns of `Skills.status`.
(
    ABOUT,
    LEAST,
    DEADLINE,
    HAS_MEMORY,
    AT_X,
    AT_Z,
    AT_Y,
    AT_FIRST,
    GAINED,
    TURN,
    REACHED,
    EPISODES_HERE,
    NEWS,
    CHOICES,
) = range(14)
NUM_SKILL_STATUS = 14
# Columns of `Skills.before`.
DISTANCE, BROKEN, RETURN = range(3)
SECTOR = 4
"""Cells along a side of the squares of land that are remembered as seen."""
SECTORS = SIDE // SECTOR
AROUND = 3
"""Sectors to each side that are shown."""
RIGHT, AHEAD_FROM, AHEAD_TO, UP = 2, -2, 4, 3
"""Cells around the eyes that are shown: so many to each side, behind and ahead, above and below."""
WIDTH, DEPTH, TALL = 2 * RIGHT + 1, AHEAD_TO - AHEAD_FROM + 1, 2 * UP + 1
NEAR, FAR = 4, 24
"""Cells to which offsets are shown exactly, and roughly."""
SWEEP, PER_STEP = 512, 16
"""Rays over the sphere without the sky right above, and how many of them are looked along in a step."""

UNSEEN, FREE, PLANT_KIND, WATER_KIND, LAVA_KIND, SOFT, HARD, FIXED, WANTED = range(9)
KINDS = 9
"""Of cells, as they matter for a skill, whatever it is about."""
SOFT_TICKS = 20
OWN = 6 + 3 + 3 + 8 + 3
"""Numbers of the vector `own`."""


class Skills(NamedTuple):
    """Of N environments, beside their `Levels`; row i belongs to environment i."""

    status: NDArray[np.int32]
    """(N, NUM_SKILL_STATUS). ABOUT is the goal's number, LEAST how many are to be mined, DEADLINE a tick of the clock,
    AT_X, AT_Z, AT_Y the nearest goal that is remembered, AT_FIRST how many items that count were at hand at the start,
    GAINED how many more there are, TURN which rays come next, EPISODES_HERE how many began in this land, NEWS sectors
    that were seen first in this step, CHOICES actions that were chosen."""
    wanted: NDArray[np.bool_]
    """(N, blocks): which blocks count."""
    items: NDArray[np.bool_]
    """(N, items): which items count."""
    seen: NDArray[np.bool_]
    """(N, SECTORS, SECTORS): land that has been looked at."""
    before: NDArray[np.float64]
    """(N, 3): distance to what is remembered, and share of a goal's block that was broken, before the step; rewards of
    the episode so far."""


class SkillView(NamedTuple):
    """How a player of a skill sees."""

    kinds: NDArray[np.uint8]
    """(blocks,): the kind of a block that is no goal."""
    between: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rays: NDArray[np.float64]
    """(about SWEEP, 3), in an order in which any few that follow one another are spread over the sphere."""
    no_map: NDArray[np.uint16]
    no_counts: NDArray[np.int64]
    """Empty, for `sight.follow`, which writes no map here."""


class SkillObservations(NamedTuple):
    """Where observations are written."""

    cells: NDArray[np.uint8]
    """(N, WIDTH, DEPTH, TALL), indexed [i, right, ahead, up]: kinds."""
    own: NDArray[np.float32]
    """(N, OWN)."""
    around: NDArray[np.float32]
    """(N, 2 * AROUND + 1, 2 * AROUND + 1), indexed [i, right, ahead]: 1 for land that was seen or lies outside."""
    goal: NDArray[np.float32]
    """(N, goals): one-hot."""


def allocate_skills(num_envs: int) -> Skills:
    """Of players that have not begun."""
    return Skills(
        status=np.zeros((num_envs, NUM_SKILL_STATUS), np.int32),
        wanted=np.zeros((num_envs, len(numbers().blocks)), np.bool_),
        items=np.zeros((num_envs, len(numbers().items)), np.bool_),
        seen=np.zeros((num_envs, SECTORS, SECTORS), np.bool_),
        before=np.zeros((num_envs, 3)),
    )


def skill_space() -> spaces.Dict:
    """The observation space of one environment."""
    width = 2 * AROUND + 1
    return spaces.Dict(
        {
            "cells": spaces.Box(0, KINDS - 1, (WIDTH, DEPTH, TALL), np.uint8),
            "own": spaces.Box(-2.0, 2.0, (OWN,), np.float32),
            "around": spaces.Box(0.0, 1.0, (width, width), np.float32),
            "goal": spaces.Box(0.0, 1.0, (len(GOALS),), np.float32),
        }
    )


def allocate_skill_observations(num_envs: int) -> SkillObservations:
    """Arrays of zeros, as `skill_space` says."""
    return SkillObservations(
        **{name: np.zeros((num_envs, *(part.shape or ())), part.dtype) for name, part in skill_space().spaces.items()}
    )


def observed(arrays: SkillObservations, copy: bool) -> dict[str, Any]:
    """As a world returns them."""
    return {name: array.copy() if copy else array for name, array in arrays._asdict().items()}


@cache
def skill_view() -> SkillView:
    """See `SkillView`."""
    view = view_of("kinds")
    rays = directions(SWEEP * 5 // 4)
    rays = rays[(rays[:, 2] < 0.75) & (rays[:, 2] > -0.85)]
    # A golden-ratio stride visits all of them, far apart one after another.
    stride = next(n for n in range(int(len(rays) * 0.618), len(rays)) if np.gcd(n, len(rays)) == 1)
    spread = rays[np.arange(len(rays)) * stride % len(rays)]
    return SkillView(
        _kinds(), view.between, view.lengths, spread, np.zeros((0, 0, 0), np.uint16), np.zeros(0, np.int64)
    )


def _kinds() -> NDArray[np.uint8]:
    flags, breaking, names = tables().blocks, tables().breaking, numbers().blocks
    found = np.full(len(names), HARD, np.uint8)
    for number, name in enumerate(names):
        ticks = int(breaking[number, 0, TICKS])
        if not flags[number, SOLID]:
            found[number] = PLANT_KIND
        elif breaking[number, :, TICKS].max() == LEFT_ALONE:
            found[number] = FIXED
        elif 0 <= ticks <= SOFT_TICKS:
            found[number] = SOFT
        if name in ("air", "cave_air", "void_air"):
            found[number] = FREE
    found[WATER] = WATER_KIND
    found[numbers().block["lava"]] = LAVA_KIND
    return found
