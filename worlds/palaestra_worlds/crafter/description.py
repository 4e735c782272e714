"""A Crafter world in words and a map, and what a task changes in it."""

from __future__ import annotations

from pydantic import BaseModel

from palaestra_worlds.crafter.character import ACHIEVEMENTS
from palaestra_worlds.crafter.creatures import RIPE
from palaestra_worlds.crafter.state import (
    ARROW,
    COW,
    FACING,
    HEADING,
    HEALTH_OF,
    KIND,
    NUM_OBJECTS,
    PLANT,
    SKELETON,
    SLEEPING,
    STEP,
    TIMER,
    UNLOCKED,
    ZOMBIE,
    Levels,
    X,
    Y,
)
from palaestra_worlds.crafter.symbolic import ITEMS
from palaestra_worlds.crafter.tasks import CrafterTask

HEADLINE = "Crafter: a world of 64 x 64 cells seen from above."
_SYMBOLS = "?~.#_:T!cidtf"
"""Of the materials by number."""
_LEGEND = (
    "@ player  ~ water  . grass  # stone  _ path  : sand  T tree  ! lava  c coal  i iron  d diamond  t table  "
    "f furnace  C cow  Z zombie  S skeleton  > arrow  p sapling  P ripe plant"
)
_NAMES = {COW: "cow", ZOMBIE: "zombie", SKELETON: "skeleton", ARROW: "arrow", PLANT: "sapling"}
_OBJECT_SYMBOLS = {COW: "C", ZOMBIE: "Z", SKELETON: "S", ARROW: ">", PLANT: "p"}
_DIRECTIONS = ("left", "right", "up", "down")


def _time_of_day(daylight: float) -> str:
    return "day" if daylight > 0.7 else "twilight" if daylight > 0.4 else "night"


def _objects(levels: Levels, i: int) -> list[tuple[int, int, str, str]]:
    """Column, row, symbol and words of each object but the player."""
    found: list[tuple[int, int, str, str]] = []
    for row in levels.objects[i, 1 : levels.status[i, NUM_OBJECTS]].tolist():
        kind = row[KIND]
        symbol, words = _OBJECT_SYMBOLS[kind], _NAMES[kind]
        if kind == PLANT:
            if row[TIMER] > RIPE:
                symbol, words = "P", "ripe plant"
        elif kind == ARROW:
            words += f" flying {_DIRECTIONS[row[HEADING]]}"
        else:
            words += f" with health {row[HEALTH_OF]}"
        found.append((row[X], row[Y], symbol, words))
    return found


def describe_level(levels: Levels, i: int) -> str:
    """The state of environment i: the player, the creatures, and the whole map."""
    objects = _objects(levels, i)
    x, y = levels.objects[i, 0, X], levels.objects[i, 0, Y]
    grid = [[_SYMBOLS[material] for material in column] for column in levels.materials[i].tolist()]
    for column, row, symbol, _ in objects:
        grid[column][row] = symbol
    grid[x][y] = "@"
    inventory = ", ".join(
        f"{name} {count}" for name, count in zip(ITEMS, levels.inventory[i].tolist(), strict=True) if count
    )
    unlocked = int(levels.status[i, UNLOCKED])
    done = ", ".join(name for bit, name in enumerate(ACHIEVEMENTS) if unlocked >> bit & 1)
    state = "asleep" if levels.status[i, SLEEPING] else f"faces {_DIRECTIONS[levels.status[i, FACING]]}"
    lines = [
        HEADLINE,
        f"Step {levels.status[i, STEP]}, {_time_of_day(float(levels.daylight[i]))}. "
        f"The player is at column {x}, row {y} (0 at the left, 0 at the top) and {state}.",
        f"Inventory: {inventory or 'nothing'}.",
        f"Achievements so far: {done or 'none'}.",
        f"Objects: {'; '.join(f'{words} at ({column}, {row})' for column, row, _, words in objects) or 'none'}.",
        f"Map: {_LEGEND}",
    ]
    return "\n".join(lines + ["".join(column[row] for column in grid) for row in range(len(grid[0]))])


def explain_task(task: CrafterTask) -> tuple[str, ...]:
    """What a task sets otherwise than the original."""
    return tuple(_differences(task, ("level_seed",)))


def _differences(model: BaseModel, without: tuple[str, ...] = ()) -> list[str]:
    found: list[str] = []
    for name, field in type(model).model_fields.items():
        value, original = getattr(model, name), field.default
        if name in without or value == original:
            continue
        if isinstance(value, BaseModel):
            found += [f"starts with {words}" for words in _differences(value)]
        else:
            found.append(f"{name.replace('_', ' ')} {value:g}" if isinstance(value, float | int) else f"{name} {value}")
    return found
