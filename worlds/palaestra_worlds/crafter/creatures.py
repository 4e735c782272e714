"""What cows, zombies, skeletons, arrows and plants do in a step."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

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

RIPE = 300
"""Steps that a sapling grows before it can be eaten."""
ZOMBIE_COOLDOWN = 5
SKELETON_RELOAD = 4


@register_jitable(forceinline=True)
def _is_free(levels: Any, i: Any, x: Any, y: Any) -> Any:
    """Whether a creature can go to (x, y)."""
    return is_inside(x, y) and levels.occupants[i, x, y] == 0 and is_walkable(levels.materials[i, x, y])


@register_jitable(forceinline=True)
def _can_fly(material: Any) -> Any:
    """Whether arrows fly over a material."""
    return is_walkable(material) or material == WATER or material == LAVA


@register_jitable(forceinline=True)
def _move(levels: Any, i: Any, slot: Any, dx: Any, dy: Any) -> Any:
    """Moves a creature if it can, and says whether it could: one removed in this step could, but stays where it was."""
    x = levels.objects[i, slot, X] + dx
    y = levels.objects[i, slot, Y] + dy
    if not _is_free(levels, i, x, y):
        return False
    if levels.objects[i, slot, KIND] != NOBODY:
        move_object(levels, i, slot, x, y)
    return True


@register_jitable(forceinline=True)
def _wander(levels: Any, i: Any, slot: Any) -> None:
    direction = random_integer(levels.random, i, 0, 4)
    _move(levels, i, slot, DIRECTIONS[direction, 0], DIRECTIONS[direction, 1])


@register_jitable(forceinline=True)
def distance_to_player(levels: Any, i: Any, x: Any, y: Any) -> Any:
    """Cells to the player, along x and along y together."""
    return abs(x - levels.objects[i, 0, X]) + abs(y - levels.objects[i, 0, Y])


@register_jitable(forceinline=True)
def _distance(levels: Any, i: Any, slot: Any) -> Any:
    return distance_to_player(levels, i, levels.objects[i, slot, X], levels.objects[i, slot, Y])


@register_jitable(forceinline=True)
def _sign(value: Any) -> Any:
    return 1 if value > 0 else -1 if value < 0 else 0


@register_jitable(forceinline=True)
def _toward(levels: Any, i: Any, slot: Any, along_longer: Any) -> Any:
    """One cell towards the player along the longer or the shorter way: (dx, dy), which can be (0, 0)."""
    x = levels.objects[i, 0, X] - levels.objects[i, slot, X]
    y = levels.objects[i, 0, Y] - levels.objects[i, slot, Y]
    if (abs(x) > abs(y)) == along_longer:
        return _sign(x), 0
    return 0, _sign(y)


@register_jitable(forceinline=True)
def _die(levels: Any, i: Any, slot: Any) -> None:
    """Removes a creature without health. It still does what it would have done in this step."""
    if levels.objects[i, slot, HEALTH_OF] <= 0:
        remove_object(levels, i, slot)


@register_jitable(forceinline=True)
def hurt_player(levels: Any, i: Any, damage: Any) -> None:
    levels.inventory[i, HEALTH] = max(0, levels.inventory[i, HEALTH] - damage)


@register_jitable(forceinline=True)
def _update_cow(levels: Any, i: Any, slot: Any) -> None:
    _die(levels, i, slot)
    if random_double(levels.random, i) < 0.5:
        _wander(levels, i, slot)


@register_jitable(forceinline=True)
def _update_zombie(levels: Any, i: Any, slot: Any) -> None:
    _die(levels, i, slot)
    if _distance(levels, i, slot) <= 8 and random_double(levels.random, i) < 0.9:
        dx, dy = _toward(levels, i, slot, random_double(levels.random, i) < 0.8)
        _move(levels, i, slot, dx, dy)
    else:
        _wander(levels, i, slot)
    if _distance(levels, i, slot) > 1:
        return
    if levels.objects[i, slot, TIMER] > 0:
        levels.objects[i, slot, TIMER] -= 1
        return
    kind = ZOMBIE_DAMAGE_ASLEEP if levels.status[i, SLEEPING] else ZOMBIE_DAMAGE
    hurt_player(levels, i, int(levels.parameters[i, kind]))
    levels.objects[i, slot, TIMER] = ZOMBIE_COOLDOWN


@register_jitable(forceinline=True)
def _shoot(levels: Any, i: Any, slot: Any) -> None:
    if levels.objects[i, slot, TIMER] > 0:
        return
    dx, dy = _toward(levels, i, slot, True)
    if dx == 0 and dy == 0:
        return
    x = levels.objects[i, slot, X] + dx
    y = levels.objects[i, slot, Y] + dy
    if is_inside(x, y) and levels.occupants[i, x, y] == 0 and _can_fly(levels.materials[i, x, y]):
        heading = LEFT if dx < 0 else RIGHT if dx > 0 else UP if dy < 0 else DOWN
        add_object(levels, i, ARROW, x, y, 0, heading)
        levels.objects[i, slot, TIMER] = SKELETON_RELOAD


@register_jitable(forceinline=True)
def _update_skeleton(levels: Any, i: Any, slot: Any) -> None:
    _die(levels, i, slot)
    levels.objects[i, slot, TIMER] = max(0, levels.objects[i, slot, TIMER] - 1)
    distance = _distance(levels, i, slot)
    if distance <= 3:
        dx, dy = _toward(levels, i, slot, random_double(levels.random, i) < 0.6)
        if _move(levels, i, slot, -dx, -dy):
            return
    if distance <= 5 and random_double(levels.random, i) < 0.5:
        _shoot(levels, i, slot)
    elif distance <= 8 and random_double(levels.random, i) < 0.3:
        dx, dy = _toward(levels, i, slot, random_double(levels.random, i) < 0.6)
        _move(levels, i, slot, dx, dy)
    elif random_double(levels.random, i) < 0.2:
        _wander(levels, i, slot)


@register_jitable(forceinline=True)
def _update_arrow(levels: Any, i: Any, slot: Any) -> None:
    heading = levels.objects[i, slot, HEADING]
    x = levels.objects[i, slot, X] + DIRECTIONS[heading, 0]
    y = levels.objects[i, slot, Y] + DIRECTIONS[heading, 1]
    if not is_inside(x, y):
        remove_object(levels, i, slot)
        return
    hit = levels.occupants[i, x, y] - 1
    material = levels.materials[i, x, y]
    damage = int(levels.parameters[i, ARROW_DAMAGE])
    if hit == 0:
        hurt_player(levels, i, damage)
        remove_object(levels, i, slot)
    elif hit > 0:
        levels.objects[i, hit, HEALTH_OF] = max(0, levels.objects[i, hit, HEALTH_OF] - damage)
        remove_object(levels, i, slot)
    elif _can_fly(material):
        move_object(levels, i, slot, x, y)
    else:
        remove_object(levels, i, slot)
        if material == TABLE or material == FURNACE:
            set_material(levels, i, x, y, PATH)


@register_jitable(forceinline=True)
def _update_plant(levels: Any, i: Any, slot: Any) -> None:
    levels.objects[i, slot, TIMER] += 1
    for direction in range(4):
        x = levels.objects[i, slot, X] + DIRECTIONS[direction, 0]
        y = levels.objects[i, slot, Y] + DIRECTIONS[direction, 1]
        if not is_inside(x, y) or levels.occupants[i, x, y] == 0:
            continue
        kind = levels.objects[i, levels.occupants[i, x, y] - 1, KIND]
        if kind == ZOMBIE or kind == SKELETON or kind == COW:
            levels.objects[i, slot, HEALTH_OF] = max(0, levels.objects[i, slot, HEALTH_OF] - 1)
            break
    _die(levels, i, slot)


@register_jitable(forceinline=True)
def update_creature(levels: Any, i: Any, slot: Any) -> None:
    """The step of an object other than the player."""
    kind = levels.objects[i, slot, KIND]
    if kind == COW:
        _update_cow(levels, i, slot)
    elif kind == ZOMBIE:
        _update_zombie(levels, i, slot)
    elif kind == SKELETON:
        _update_skeleton(levels, i, slot)
    elif kind == ARROW:
        _update_arrow(levels, i, slot)
    elif kind == PLANT:
        _update_plant(levels, i, slot)
