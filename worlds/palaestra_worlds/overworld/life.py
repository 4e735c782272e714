"""What lives and grows, in loops over environments: mobs, and a settled player's house and fields.

Each part is compiled only where it is switched on. Where nothing is, a step is as it would be without this module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import in_pieces, kernel
from palaestra_worlds.overworld.blows import strike, use_on
from palaestra_worlds.overworld.constants import ATTACK, MOVES, USE, Rules
from palaestra_worlds.overworld.engine import WAIT, Outcome
from palaestra_worlds.overworld.flow import begin_fluids, mark, run_fluids, wake_changed
from palaestra_worlds.overworld.homestead import begin_house, keep_house, let_grow
from palaestra_worlds.overworld.mobs import mob_ahead, populate, roam
from palaestra_worlds.overworld.monsters import haunt
from palaestra_worlds.overworld.player import NOTHING_HIT, REACH, first_hit
from palaestra_worlds.overworld.state import CLOCK, HEALTH, MOST_ANIMALS, STEP, UNLOCKED, Levels, animals_end
from palaestra_worlds.overworld.tables import Tables
from palaestra_worlds.overworld.tasks import Lessons
from palaestra_worlds.overworld.using import use_item
from palaestra_worlds.overworld.wild import populate_wild, roam_wild
from palaestra_worlds.task_tables import TASK

BEGIN, BEFORE, AFTER = range(3)
"""Parts: of a new episode; what a player does, before the rest of a step; what goes on by itself, after it."""


def _live(first: Any, last: Any, levels: Any, tables: Any, rules: Any, part: Any, nothing: Any, actions: Any) -> None:
    """One part of what happens to mobs, of environments first ... last - 1.

    Args:
        levels, tables, rules: as for the rest of a step.
        part: BEGIN, BEFORE or AFTER.
        nothing: number of the action that does nothing. It takes the place of one that has been carried out here.
        actions: (N,) int64, WAIT where nothing is to be done; changed.
    """
    for i in range(first, last):
        if actions[i] == WAIT:
            continue
        if part == BEGIN:
            populate(levels, i, tables)
        elif part == AFTER:
            roam(levels, i, tables)
        else:
            kind = rules.actions[actions[i], 0]
            if kind == ATTACK or kind == USE:
                hit = first_hit(levels, i, False)
                mob = mob_ahead(levels, i, tables, REACH if hit == NOTHING_HIT else hit)
                if mob >= 0:
                    actions[i] = nothing
                    if kind == ATTACK:
                        strike(levels, i, tables, rules, mob)
                    else:
                        use_on(levels, i, tables, mob)


def _haunt(first: Any, last: Any, levels: Any, tables: Any, rules: Any, part: Any, nothing: Any, actions: Any) -> None:
    """What monsters do, likewise."""
    for i in range(first, last):
        if actions[i] != WAIT and part == AFTER:
            haunt(levels, i, tables)


def _settle(first: Any, last: Any, levels: Any, tables: Any, rules: Any, part: Any, nothing: Any, actions: Any) -> None:
    """What happens to beds, chests and fields, likewise."""
    for i in range(first, last):
        if actions[i] == WAIT:
            continue
        if part == BEGIN:
            begin_house(levels, i)
        elif part == AFTER:
            let_grow(levels, i, tables)
        else:
            kind, item = rules.actions[actions[i], 0], rules.actions[actions[i], 1]
            if keep_house(levels, i, tables, kind, item, first_hit(levels, i, False)):
                actions[i] = nothing


def _grow_wild(
    first: Any, last: Any, levels: Any, tables: Any, rules: Any, part: Any, nothing: Any, actions: Any
) -> None:
    """What happens where nature is whole, likewise: rabbits, what swims, and what comes of using items."""
    for i in range(first, last):
        if actions[i] == WAIT:
            continue
        if part == BEGIN:
            populate_wild(levels, i, tables)
        elif part == AFTER:
            roam_wild(levels, i, tables)
        elif use_item(levels, i, tables, rules.actions[actions[i], 0], rules.actions[actions[i], 1]):
            actions[i] = nothing


def _flow(first: Any, last: Any, levels: Any, tables: Any, rules: Any, part: Any, nothing: Any, actions: Any) -> None:
    """What water and lava do, likewise."""
    for i in range(first, last):
        if actions[i] == WAIT:
            continue
        if part == BEGIN:
            begin_fluids(levels, i)
        elif part == BEFORE:
            mark(levels, i, rules.actions[actions[i], 0])
        else:
            wake_changed(levels, i)
            run_fluids(levels, i, tables)


@cache
def _live_kernel() -> Callable[..., None]:
    return kernel(_live, "overworld-life")


@cache
def _haunt_kernel() -> Callable[..., None]:
    return kernel(_haunt, "overworld-monsters")


@cache
def _settle_kernel() -> Callable[..., None]:
    return kernel(_settle, "overworld-homestead")


@cache
def _wild_kernel() -> Callable[..., None]:
    return kernel(_grow_wild, "overworld-wild")


@cache
def _flow_kernel() -> Callable[..., None]:
    return kernel(_flow, "overworld-flow", allocates=True)


def has_life(levels: Levels) -> bool:
    """Whether there is anything for `live` to do."""
    return levels.mobs.shape[1] + levels.plots.shape[1] + levels.nests.shape[1] + levels.flow.shape[1] > 0


def live(
    levels: Levels, tables: Tables, rules: Rules, part: int, actions: NDArray[np.int64], threads: int = 1
) -> NDArray[np.int64]:
    """One part of all that lives, see `_live`; gives the actions that are left to be carried out."""
    left = actions.copy()
    nothing = list(MOVES).index("wait")  # Every list of actions begins with those

    def run(rows: Callable[..., None]) -> None:
        in_pieces(partial(_call, rows, (levels, tables, rules, part, nothing, left)), len(left), threads)

    # Fluids look before anything has changed, and when all has.
    if part != AFTER and levels.flow.shape[1]:
        run(_flow_kernel())
    # Mobs come first: a blow at one does nothing else. Monsters and what is wild before animals, which set the clock
    # of all.
    if part == AFTER and animals_end(levels) > MOST_ANIMALS:
        run(_haunt_kernel())
    if part == AFTER and levels.nests.shape[1]:
        run(_wild_kernel())
    if levels.mobs.shape[1]:
        run(_live_kernel())
    if part != AFTER and levels.nests.shape[1]:
        run(_wild_kernel())
    if levels.plots.shape[1]:
        run(_settle_kernel())
    if part == AFTER and levels.flow.shape[1]:
        run(_flow_kernel())
    return left


def _call(rows: Callable[..., None], arguments: tuple[Any, ...], first: int, last: int) -> None:
    rows(first, last, *arguments)


def end_killed(levels: Levels, lessons: Lessons, outcome: Outcome, acted: NDArray[np.bool_]) -> None:
    """Ends the episodes of players that monsters have killed in this step."""
    end(levels, lessons, outcome, np.flatnonzero(acted & ~outcome.ended & (levels.status[:, HEALTH] <= 0)))


def end(levels: Levels, lessons: Lessons, outcome: Outcome, rows: NDArray[np.intp]) -> None:
    """Ends these environments' episodes with the step that was just done."""
    outcome.terminated[rows] = outcome.ended[rows] = True
    outcome.episode_return[rows] = outcome.running_return[rows]
    outcome.episode_length[rows] = levels.status[rows, STEP]
    outcome.episode_ticks[rows] = levels.status[rows, CLOCK]
    outcome.episode_task[rows] = lessons.status[rows, TASK]
    outcome.episode_unlocked[rows] = levels.status[rows, UNLOCKED]
