"""What cows, zombies, skeletons, arrows and plants do in a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from palaestra_worlds.compiled import jitable
from palaestra_worlds.crafter.random import random_double, random_integer
from palaestra_worlds.crafter.state import (
    ARROW,
    ARROW_DAMAGE,
    COW,
    DIRECTIONS,
    DOWN,
    FURNACE,
    HEADING,
    HEALTH,
    HEALTH_OF,
    KIND,
    LAVA,
    LEFT,
    NOBODY,
    PATH,
    PLANT,
    RIGHT,
    SKELETON,
    SLEEPING,
    TABLE,
    TIMER,
    UP,
    WATER,
    ZOMBIE,
    ZOMBIE_DAMAGE,
    ZOMBIE_DAMAGE_ASLEEP,
    X,
    Y,
    add_object,
    is_inside,
    is_walkable,
    move_object,
    remove_object,
    set_material,
)

AWAKE_WITHIN = 18
"""Objects farther from the player, along x and y together, stand still."""
RIPE = 300
"""Steps that a sapling grows before it can be eaten."""
ZOMBIE_COOLDOWN = 5
SKELETON_RELOAD = 4


@jitable
def _is_free(level: Any, x: Any, y: Any) -> Any:
    """Whether a creature can go to (x, y)."""
    return is_inside(x, y) and level.occupants[x, y] == 0 and is_walkable(level.materials[x, y])


@jitable
def _can_fly(material: Any) -> Any:
    """Whether arrows fly over a material."""
    return is_walkable(material) or material == WATER or material == LAVA


@jitable
def _move(level: Any, slot: Any, dx: Any, dy: Any) -> Any:
    """Moves a creature if it can, and says whether it could: one removed in this step could, but stays where it was."""
    x = level.objects[slot, X] + dx
    y = level.objects[slot, Y] + dy
    if not _is_free(level, x, y):
        return False
    if level.objects[slot, KIND] != NOBODY:
        move_object(level, slot, x, y)
    return True


@jitable
def _wander(level: Any, slot: Any) -> None:
    direction = random_integer(level, 0, 4)
    _move(level, slot, DIRECTIONS[direction, 0], DIRECTIONS[direction, 1])


@jitable
def distance_to_player(level: Any, x: Any, y: Any) -> Any:
    """Cells to the player, along x and along y together."""
    return abs(x - np.int64(level.objects[0, X])) + abs(y - np.int64(level.objects[0, Y]))


@jitable
def _distance(level: Any, slot: Any) -> Any:
    return distance_to_player(level, np.int64(level.objects[slot, X]), np.int64(level.objects[slot, Y]))


@jitable
def _sign(value: Any) -> Any:
    return 1 if value > 0 else -1 if value < 0 else 0


@jitable
def _toward(level: Any, slot: Any, along_longer: Any) -> Any:
    """One cell towards the player along the longer or the shorter way: (dx, dy), which can be (0, 0)."""
    x = level.objects[0, X] - level.objects[slot, X]
    y = level.objects[0, Y] - level.objects[slot, Y]
    if (abs(x) > abs(y)) == along_longer:
        return _sign(x), 0
    return 0, _sign(y)


@jitable
def _die(level: Any, slot: Any) -> None:
    """Removes a creature without health. It still does what it would have done in this step."""
    if level.objects[slot, HEALTH_OF] <= 0:
        remove_object(level, slot)


@jitable
def hurt_player(level: Any, damage: Any) -> None:
    level.inventory[HEALTH] = max(0, level.inventory[HEALTH] - damage)


@jitable
def _update_cow(level: Any, slot: Any) -> None:
    _die(level, slot)
    if random_double(level) < 0.5:
        _wander(level, slot)


@jitable
def _update_zombie(level: Any, slot: Any) -> None:
    _die(level, slot)
    if _distance(level, slot) <= 8 and random_double(level) < 0.9:
        dx, dy = _toward(level, slot, random_double(level) < 0.8)
        _move(level, slot, dx, dy)
    else:
        _wander(level, slot)
    if _distance(level, slot) > 1:
        return
    if level.objects[slot, TIMER] > 0:
        level.objects[slot, TIMER] -= 1
        return
    kind = ZOMBIE_DAMAGE_ASLEEP if level.status[SLEEPING] else ZOMBIE_DAMAGE
    hurt_player(level, int(level.parameters[kind]))
    level.objects[slot, TIMER] = ZOMBIE_COOLDOWN


@jitable
def _shoot(level: Any, slot: Any) -> None:
    if level.objects[slot, TIMER] > 0:
        return
    dx, dy = _toward(level, slot, True)
    if dx == 0 and dy == 0:
        return
    x = level.objects[slot, X] + dx
    y = level.objects[slot, Y] + dy
    if is_inside(x, y) and level.occupants[x, y] == 0 and _can_fly(level.materials[x, y]):
        heading = LEFT if dx < 0 else RIGHT if dx > 0 else UP if dy < 0 else DOWN
        add_object(level, ARROW, x, y, 0, heading)
        level.objects[slot, TIMER] = SKELETON_RELOAD


@jitable
def _update_skeleton(level: Any, slot: Any) -> None:
    _die(level, slot)
    level.objects[slot, TIMER] = max(0, level.objects[slot, TIMER] - 1)
    distance = _distance(level, slot)
    if distance <= 3:
        dx, dy = _toward(level, slot, random_double(level) < 0.6)
        if _move(level, slot, -dx, -dy):
            return
    if distance <= 5 and random_double(level) < 0.5:
        _shoot(level, slot)
    elif distance <= 8 and random_double(level) < 0.3:
        dx, dy = _toward(level, slot, random_double(level) < 0.6)
        _move(level, slot, dx, dy)
    elif random_double(level) < 0.2:
        _wander(level, slot)


@jitable
def _update_arrow(level: Any, slot: Any) -> None:
    heading = level.objects[slot, HEADING]
    x = level.objects[slot, X] + DIRECTIONS[heading, 0]
    y = level.objects[slot, Y] + DIRECTIONS[heading, 1]
    if not is_inside(x, y):
        remove_object(level, slot)
        return
    hit = np.int64(level.occupants[x, y]) - 1
    material = level.materials[x, y]
    damage = int(level.parameters[ARROW_DAMAGE])
    if hit == 0:
        hurt_player(level, damage)
        remove_object(level, slot)
    elif hit > 0:
        level.objects[hit, HEALTH_OF] = max(0, level.objects[hit, HEALTH_OF] - damage)
        remove_object(level, slot)
    elif _can_fly(material):
        move_object(level, slot, x, y)
    else:
        remove_object(level, slot)
        if material == TABLE or material == FURNACE:
            set_material(level, x, y, PATH)


@jitable
def _update_plant(level: Any, slot: Any) -> None:
    level.objects[slot, TIMER] += 1
    for direction in range(4):
        x = level.objects[slot, X] + DIRECTIONS[direction, 0]
        y = level.objects[slot, Y] + DIRECTIONS[direction, 1]
        if not is_inside(x, y) or level.occupants[x, y] == 0:
            continue
        kind = level.objects[level.occupants[x, y] - 1, KIND]
        if kind == ZOMBIE or kind == SKELETON or kind == COW:
            level.objects[slot, HEALTH_OF] = max(0, level.objects[slot, HEALTH_OF] - 1)
            break
    _die(level, slot)


@jitable
def update_creatures(level: Any, count: Any) -> None:
    """The step of the first `count` objects but the player; those far from it stand still."""
    for slot in range(1, count):
        if _distance(level, slot) >= AWAKE_WITHIN:
            continue
        kind = level.objects[slot, KIND]
        if kind == COW:
            _update_cow(level, slot)
        elif kind == ZOMBIE:
            _update_zombie(level, slot)
        elif kind == SKELETON:
            _update_skeleton(level, slot)
        elif kind == ARROW:
            _update_arrow(level, slot)
        elif kind == PLANT:
            _update_plant(level, slot)
