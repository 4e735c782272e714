"""Unlock, UnlockPickup and BlockedUnlockPickup: two rooms and a locked door between them, its key in the left room.

Missions: "open the door"; "pick up the {colour} box", which lies in the right room. BlockedUnlockPickup puts a ball in
front of the door. Ends when the door is open, or when the box is picked up. Configurations: none.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from palaestra_worlds.minigrid.families.keycorridor import colored_missions
from palaestra_worlds.minigrid.family import RULE_PICK_UP_TARGET, RULE_UNLOCK, Family
from palaestra_worlds.minigrid.room_grid import (
    RIGHT_SIDE,
    add_door,
    begin_rooms,
    place_agent_in_room,
    place_in_room,
    random_color,
)
from palaestra_worlds.minigrid.state import BALL, BOX, KEY, MISSION, TARGET, TARGET_X, TARGET_Y, make_cell

_ROOM_SIZE = 6


@register_jitable
def _box_in_right_room(levels: Any, i: Any) -> Any:
    """The mission's box: its colour."""
    color = random_color(levels, i)
    place_in_room(levels, i, _ROOM_SIZE, 1, 0, make_cell(BOX, color, 0, 0, TARGET))
    return color


@register_jitable
def _locked_door(levels: Any, i: Any) -> Any:
    """The door between the rooms: (x, y, colour)."""
    color = random_color(levels, i)
    x, y = add_door(levels, i, 2, 0, 0, RIGHT_SIDE, color, True)
    return x, y, color


@register_jitable
def _key_and_agent(levels: Any, i: Any, color: Any) -> None:
    place_in_room(levels, i, _ROOM_SIZE, 0, 0, make_cell(KEY, color))
    place_agent_in_room(levels, i, _ROOM_SIZE, 0, 0)


@register_jitable
def generate_unlock(levels: Any, i: Any, parameters: Any) -> None:
    """`UnlockEnv._gen_grid`."""
    begin_rooms(levels, i, _ROOM_SIZE, 2, 1)
    x, y, color = _locked_door(levels, i)
    _key_and_agent(levels, i, color)
    levels.status[i, TARGET_X] = x
    levels.status[i, TARGET_Y] = y
    levels.status[i, MISSION] = 0


@register_jitable
def generate_unlock_pickup(levels: Any, i: Any, parameters: Any) -> None:
    """`UnlockPickupEnv._gen_grid`."""
    begin_rooms(levels, i, _ROOM_SIZE, 2, 1)
    levels.status[i, MISSION] = _box_in_right_room(levels, i)
    _, _, color = _locked_door(levels, i)
    _key_and_agent(levels, i, color)


@register_jitable
def generate_blocked_unlock_pickup(levels: Any, i: Any, parameters: Any) -> None:
    """`BlockedUnlockPickupEnv._gen_grid`."""
    begin_rooms(levels, i, _ROOM_SIZE, 2, 1)
    levels.status[i, MISSION] = _box_in_right_room(levels, i)
    x, y, color = _locked_door(levels, i)
    levels.cells[i, x - 1, y] = make_cell(BALL, random_color(levels, i))
    _key_and_agent(levels, i, color)


def _no_parameters(env: Any) -> tuple[int, ...]:
    return ()


FAMILIES = {
    "UnlockEnv": Family(generate_unlock, _no_parameters, lambda env: ("open the door",), RULE_UNLOCK),
    "UnlockPickupEnv": Family(
        generate_unlock_pickup, _no_parameters, lambda env: colored_missions("pick up the {} box"), RULE_PICK_UP_TARGET
    ),
    "BlockedUnlockPickupEnv": Family(
        generate_blocked_unlock_pickup,
        _no_parameters,
        lambda env: colored_missions("pick up the {} box"),
        RULE_PICK_UP_TARGET,
    ),
}
