"""An Overworld in words: how the player is, what it has, and what it can see nearby."""

from __future__ import annotations

import numpy as np

from palaestra_worlds.overworld.mob_sight import mobs_in_sight
from palaestra_worlds.overworld.observations import CUBE, KINDS, RADIUS, view_of, write_blocks
from palaestra_worlds.overworld.player import NOTHING_HIT, first_hit, seen_cell
from palaestra_worlds.overworld.state import (
    AIR,
    CLOCK,
    COUNT,
    DAWN,
    FACING,
    FACINGS,
    FOOD,
    FULL_AIR,
    HEALTH,
    HEIGHT,
    HELD,
    ITEM,
    PITCH,
    PITCHES,
    SLOTS,
    STEPS,
    TICKS_PER_DAY,
    Levels,
    X,
    Y,
    Z,
)
from palaestra_worlds.overworld.tables import Tables, numbers
from palaestra_worlds.overworld.task_lists import ALL_BIOMES
from palaestra_worlds.overworld.tasks import GOAL_LEAST, Lessons, OverworldTask

HEADLINE = "Overworld: a Minecraft-like world of blocks, 96 x 96 cells and 64 high."
MOST_NAMED = 4
"""Items that count for a goal, how many are named."""
_TIMES = ("morning", "noon", "evening", "night")


def describe_level(levels: Levels, i: int, lessons: Lessons, tables: Tables) -> str:
    """The state of environment i, as far as the player can know it."""
    status, known = levels.status[i], numbers()
    x, z, y = (int(status[column]) for column in (X, Z, Y))
    air = "" if status[AIR] == FULL_AIR else f", air {max(0, status[AIR])} of {FULL_AIR}"
    held = known.items[levels.slots[i, status[HELD], ITEM]] or "nothing"
    lines = [
        HEADLINE,
        f"Goal: {_goal(lessons, i)}.",
        f"Health {status[HEALTH]} of 20, food {status[FOOD]} of 20{air}. "
        f"It is {time_of_day(status[CLOCK] + status[DAWN])}.",
        f"The player stands at x {x}, z {z}, height {y}, in {_place(levels, i, x, z, y)}, "
        f"faces {FACINGS[status[FACING]]} and looks {PITCHES[status[PITCH]]}.",
        f"In hand: {held}. In view: {_in_view(levels, i)}.",
        f"Inventory: {_inventory(levels, i)}.",
        f"Within {RADIUS} cells it sees: {_surroundings(levels, i, tables)}.",
    ]
    if levels.mobs.shape[1]:
        lines.append(f"In sight: {_mobs(levels, i)}.")
    return "\n".join(lines)


def explain_task(task: OverworldTask) -> tuple[str, ...]:
    """What a task changes in the world, in words."""
    found = [f"to have {task.goal.count} {task.goal.item}"]
    if task.biome is not None:
        found.append(f"start in {task.biome}")
    if task.start_of_day:
        found.append(f"start after {task.start_of_day:.0%} of the day")
    if task.inventory:
        found.append("with " + ", ".join(f"{stack.count} {stack.item}" for stack in task.inventory))
    return tuple(found)


def inventory_of(levels: Levels, i: int) -> dict[str, int]:
    """Items and how many, in order of slots."""
    found: dict[str, int] = {}
    for item, count in levels.slots[i, :, [ITEM, COUNT]].T.tolist():
        if item:
            name = numbers().items[item]
            found[name] = found.get(name, 0) + count
    return found


def _goal(lessons: Lessons, i: int) -> str:
    items = [numbers().items[item] for item in np.flatnonzero(lessons.counts[i])]
    more = " or the like" if len(items) > MOST_NAMED else ""
    return f"to have {lessons.parameters[i, GOAL_LEAST]} {' or '.join(items[:MOST_NAMED])}{more}"


def time_of_day(clock: int) -> str:
    """In a word, at so many ticks after a sunrise."""
    return _TIMES[(clock % TICKS_PER_DAY + TICKS_PER_DAY // 8) * 4 // TICKS_PER_DAY % 4]


def _place(levels: Levels, i: int, x: int, z: int, y: int) -> str:
    """Biome, and whether there is anything but leaves overhead."""
    opaque = {n for n, name in enumerate(numbers().blocks) if "leaves" not in name and name != "air"}
    covered = any(int(block) in opaque for block in levels.blocks[i, x, z, y + 2 : HEIGHT])
    where = "under ground" if covered and y < levels.surface[i, x, z] else "outside"
    return f"{ALL_BIOMES[levels.biomes[i, x, z]]}, {where}"


def _in_view(levels: Levels, i: int) -> str:
    k = first_hit(levels, i, True)
    if k == NOTHING_HIT:
        return "nothing within reach"
    name = numbers().blocks[levels.blocks[i][seen_cell(levels, i, k)]]
    return f"{name}, {k + 1} cell{'s' * (k > 0)} away"


def _inventory(levels: Levels, i: int) -> str:
    found = inventory_of(levels, i)
    free = SLOTS - int(np.count_nonzero(levels.slots[i, :, ITEM]))
    return ", ".join(f"{count} {item}" for item, count in found.items()) or f"empty, {free} slots"


def _surroundings(levels: Levels, i: int, tables: Tables) -> str:
    cube = np.zeros((len(levels.status), CUBE, CUBE, CUBE), np.uint16)
    write_blocks(levels, i, tables, view_of("kinds"), cube)
    kinds = list(KINDS)
    found: list[str] = []
    for kind in np.unique(cube[i]):
        if kinds[kind] in ("unseen", "air"):
            continue
        cells = np.argwhere(cube[i] == kind) - RADIUS
        right, ahead, up = cells[np.abs(cells).sum(axis=1).argmin()]
        found.append(f"{len(cells)} {kinds[kind]} (nearest {_way(right, ahead, up)})")
    return ", ".join(found) or "nothing but air"


def _mobs(levels: Levels, i: int) -> str:
    """The mobs in sight, and where the nearest of each kind is from the feet."""
    seen = mobs_in_sight(levels, i)
    status = levels.status[i]
    ahead, right = STEPS[status[FACING]], STEPS[(status[FACING] + 1) % 4]
    found: list[str] = []
    for kind in dict.fromkeys(mob.kind for mob in seen):
        x, z, y = next(mob.cell for mob in seen if mob.kind == kind)
        level = np.array([x - status[X], z - status[Z]])
        way = _way(int(level @ right), int(level @ ahead), y - int(status[Y]))
        found.append(f"{sum(mob.kind == kind for mob in seen)} {kind} (nearest {way})")
    return ", ".join(found) or "no animals"


def _way(right: int, ahead: int, up: int) -> str:
    """From the eyes, or for mobs the feet."""
    words = (
        (ahead, "ahead", "behind"),
        (right, "to the right", "to the left"),
        (up, "above", "below"),
    )
    return " and ".join(f"{abs(far)} {more if far > 0 else less}" for far, more, less in words if far) or "here"
