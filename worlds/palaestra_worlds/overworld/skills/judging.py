"""How an attempt at a skill begins, what it earns, and when it is done: loops over environments, compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from palaestra_worlds.compiled import jitable, kernel
from palaestra_worlds.overworld.skills.seeing import (
    FARTHEST,
    is_aimed,
    is_in_reach,
    look_around,
    memory_distance,
    write_skill,
)
from palaestra_worlds.overworld.skills.starts import place_player
from palaestra_worlds.overworld.skills.state import (
    ABOUT,
    AT_FIRST,
    AT_X,
    AT_Y,
    AT_Z,
    BROKEN,
    CHOICES,
    DEADLINE,
    DISTANCE,
    GAINED,
    HAS_MEMORY,
    LEAST,
    NEWS,
    PER_STEP,
    REACHED,
    RETURN,
    TURN,
)
from palaestra_worlds.overworld.skills.tasks import DRAW, GOAL, MOST_TICKS, NEAREST, WHERE_ONE_IS
from palaestra_worlds.overworld.skills.tasks import FARTHEST as FARTHEST_START
from palaestra_worlds.overworld.skills.tasks import LEAST as LEAST_OF_TASK
from palaestra_worlds.overworld.state import CLOCK, COUNT, ITEM, PROGRESS, SLOTS
from palaestra_worlds.random_streams import random_integer
from palaestra_worlds.task_tables import TASK

MINE, APPROACH, EXPLORE = range(3)
"""Skills by number, as in `goals.SKILLS`."""
STARTS = 24
"""Places that are tried for one from which nothing that is to be explored is in sight."""
NEARER, BREAKING, NEW_LAND = 0.04, 0.3, 0.02
"""Rewards for a cell that a goal is nearer, for breaking a goal's block from whole to gone, and for each square of
land that is looked at for the first time (explore)."""
LEAST_REWARD, MOST_REWARD = -1.5, 3.0


@jitable
def count_items(levels: Any, skills: Any, i: Any) -> Any:
    """How many items that count are at hand."""
    found = 0
    for slot in range(SLOTS):
        if skills.items[i, levels.slots[i, slot, ITEM]]:
            found += levels.slots[i, slot, COUNT]
    return found


@jitable
def begin_attempt(levels: Any, skills: Any, i: Any, tables: Any, view: Any, goals: Any, about: Any) -> None:
    """The player has a goal from now on, and looks around once for it.

    Args:
        levels, skills, i, tables, view: the environment.
        goals: see `Goals`.
        about: the goal's number.
    """
    status = skills.status
    status[i, ABOUT] = about
    for block in range(goals.blocks.shape[1]):
        skills.wanted[i, block] = goals.blocks[about, block]
    for item in range(goals.items.shape[1]):
        skills.items[i, item] = goals.items[about, item]
    status[i, HAS_MEMORY] = status[i, GAINED] = status[i, REACHED] = status[i, CHOICES] = status[i, TURN] = 0
    skills.seen[i, :, :] = False
    status[i, AT_FIRST] = count_items(levels, skills, i)
    look_around(levels, skills, i, tables, view, view.rays.shape[0])
    skills.before[i, BROKEN] = skills.before[i, RETURN] = 0.0
    skills.before[i, DISTANCE] = memory_distance(levels, skills, i)


def _begin(
    levels: Any, skills: Any, tables: Any, view: Any, goals: Any, tasks: Any, chosen: Any, skill: Any, target: Any
) -> None:
    """New attempts in the environments that `chosen` lists, by their rows of `tasks` (chosen, NUM_COLUMNS)."""
    for k in range(len(chosen)):
        i, about = chosen[k], tasks[k, GOAL]
        if about == DRAW:
            about = goals.drawn[random_integer(levels.random, i, 0, len(goals.drawn))]
        skills.status[i, LEAST] = tasks[k, LEAST_OF_TASK]
        skills.status[i, DEADLINE] = levels.status[i, CLOCK] + tasks[k, MOST_TICKS]
        if tasks[k, NEAREST] == WHERE_ONE_IS:
            begin_attempt(levels, skills, i, tables, view, goals, about)
            write_skill(levels, skills, i, tables, view, target)
            continue
        levels.slots[i, 0, ITEM], levels.slots[i, 0, COUNT] = goals.tools[about], goals.tools[about] > 0
        for _ in range(STARTS):
            block = goals.put[about]
            place_player(levels, i, tables, goals.blocks[about], block, tasks[k, NEAREST], tasks[k, FARTHEST_START])
            begin_attempt(levels, skills, i, tables, view, goals, about)
            if skill != EXPLORE or not skills.status[i, HAS_MEMORY]:
                break
        write_skill(levels, skills, i, tables, view, target)


@jitable
def follow_attempt(levels: Any, skills: Any, i: Any, tables: Any, view: Any, skill: Any) -> Any:
    """After a step: what the player sees now, whether it is done, and the reward."""
    status, before = skills.status, skills.before
    had, x, z, y = status[i, HAS_MEMORY], status[i, AT_X], status[i, AT_Z], status[i, AT_Y]
    look_around(levels, skills, i, tables, view, PER_STEP)
    reward = 0.0
    far = memory_distance(levels, skills, i)
    is_same = had and status[i, AT_X] == x and status[i, AT_Z] == z and status[i, AT_Y] == y
    if skill != EXPLORE and is_same and far < FARTHEST:
        reward += NEARER * (before[i, DISTANCE] - far)
    before[i, DISTANCE] = far
    gained = count_items(levels, skills, i) - status[i, AT_FIRST]
    if skill == MINE:
        broken = levels.body[i, PROGRESS] if is_aimed(levels, skills, i) else 0.0
        if gained > status[i, GAINED]:
            reward += (gained - status[i, GAINED]) / status[i, LEAST] + BREAKING
        reward += BREAKING * (broken - before[i, BROKEN])
        before[i, BROKEN] = broken
    elif skill == EXPLORE:
        reward += NEW_LAND * status[i, NEWS]
    status[i, GAINED] = max(status[i, GAINED], gained)
    is_done = status[i, GAINED] >= status[i, LEAST]
    if skill == APPROACH:
        is_done = is_in_reach(levels, skills, i)
    elif skill == EXPLORE:
        is_done = status[i, HAS_MEMORY] > 0
    if is_done and not status[i, REACHED]:
        status[i, REACHED] = 1
        if skill != MINE:
            reward += 1.0
    return max(LEAST_REWARD, min(MOST_REWARD, reward))


def _follow(
    first: Any,
    last: Any,
    levels: Any,
    skills: Any,
    lessons: Any,
    tables: Any,
    view: Any,
    skill: Any,
    acted: Any,
    outcome: Any,
    target: Any,
    final: Any,
) -> None:
    """After a step of environments first ... last - 1, where `acted` holds: rewards, ends, and what is observed."""
    for i in range(first, last):
        if not acted[i]:
            continue
        reward = follow_attempt(levels, skills, i, tables, view, skill)
        skills.status[i, CHOICES] += 1
        skills.before[i, RETURN] += reward
        has_died = outcome.terminated[i]
        outcome.rewards[i] = reward
        outcome.terminated[i] = has_died or skills.status[i, REACHED] > 0
        outcome.truncated[i] = outcome.truncated[i] or levels.status[i, CLOCK] >= skills.status[i, DEADLINE]
        outcome.ended[i] = outcome.terminated[i] or outcome.truncated[i]
        if outcome.ended[i]:
            outcome.episode_return[i] = skills.before[i, RETURN]
            outcome.episode_length[i] = skills.status[i, CHOICES]
            outcome.episode_ticks[i] = levels.status[i, CLOCK]
            outcome.episode_task[i] = lessons.status[i, TASK]
            outcome.episode_unlocked[i] = skills.status[i, REACHED]
            write_skill(levels, skills, i, tables, view, final)
        else:
            write_skill(levels, skills, i, tables, view, target)


def _show(levels: Any, skills: Any, tables: Any, view: Any, chosen: Any, target: Any) -> None:
    """Writes anew what the environments that `chosen` lists observe."""
    for k in range(len(chosen)):
        write_skill(levels, skills, chosen[k], tables, view, target)


@cache
def begin_kernel() -> Callable[..., None]:
    """`begin(levels, skills, tables, view, goals, tasks, chosen, skill, target)`, see `_begin`."""
    return kernel(_begin, "overworld-skill-begin", allocates=True)


@cache
def follow_kernel() -> Callable[..., None]:
    """`follow(first, last, levels, skills, lessons, tables, view, skill, acted, outcome, target, final)`."""
    return kernel(_follow, "overworld-skill-follow")


@cache
def show_kernel() -> Callable[..., None]:
    """`show(levels, skills, tables, view, chosen, target)`, see `_show`."""
    return kernel(_show, "overworld-skill-show")
