"""What a player of a skill sees and remembers, compiled."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import WATER
from palaestra_worlds.overworld.observations import CUBE, RADIUS
from palaestra_worlds.overworld.player import NOTHING_HIT, REACH, SIGHT, first_hit, seen_cell
from palaestra_worlds.overworld.sight import EYES, RANGE, follow
from palaestra_worlds.overworld.skills.state import (
    ABOUT,
    AHEAD_FROM,
    AHEAD_TO,
    AROUND,
    AT_X,
    AT_Y,
    AT_Z,
    DEADLINE,
    FAR,
    FIXED,
    FREE,
    GAINED,
    HAS_MEMORY,
    LEAST,
    NEAR,
    NEWS,
    RIGHT,
    SECTOR,
    SECTORS,
    TURN,
    UNSEEN,
    UP,
    WANTED,
)
from palaestra_worlds.overworld.state import (
    CLOCK,
    FACING,
    FULL,
    HEALTH,
    HEIGHT,
    PITCH,
    PROGRESS,
    STEPS,
    X,
    Y,
    Z,
    is_inside,
)
from palaestra_worlds.overworld.tables import OPAQUE

FARTHEST = 64.0
"""Cells: a distance that nothing is remembered at."""


@jitable
def distance_to(levels: Any, i: Any, x: Any, z: Any, y: Any) -> Any:
    """Cells from the eyes, along the axes."""
    status = levels.status
    return 1.0 * (abs(x - status[i, X]) + abs(z - status[i, Z]) + abs(y - status[i, Y] - 1))


@jitable
def memory_distance(levels: Any, skills: Any, i: Any) -> Any:
    """Cells to what is remembered, or FARTHEST."""
    if not skills.status[i, HAS_MEMORY]:
        return FARTHEST
    return distance_to(levels, i, skills.status[i, AT_X], skills.status[i, AT_Z], skills.status[i, AT_Y])


@jitable
def remember(levels: Any, skills: Any, i: Any, x: Any, z: Any, y: Any) -> None:
    """Keeps a cell in mind if it is nearer than what is remembered."""
    if distance_to(levels, i, x, z, y) < memory_distance(levels, skills, i):
        skills.status[i, HAS_MEMORY] = 1
        skills.status[i, AT_X], skills.status[i, AT_Z], skills.status[i, AT_Y] = x, z, y


@jitable
def look_around(levels: Any, skills: Any, i: Any, tables: Any, view: Any, rays: Any) -> None:
    """Follows the next few rays: what counts is remembered, and land that was looked at."""
    status = skills.status
    if status[i, HAS_MEMORY]:
        # Nobody but the player changes the land, and it knows what it broke.
        block = levels.blocks[i, status[i, AT_X], status[i, AT_Z], status[i, AT_Y]]
        if not skills.wanted[i, block]:
            status[i, HAS_MEMORY] = 0
    x, z, y = levels.status[i, X], levels.status[i, Z], levels.status[i, Y]
    status[i, NEWS] = 0
    for k in range(rays):
        number = (status[i, TURN] + k) % view.rays.shape[0]
        dx, dz, dy = view.rays[number, 0], view.rays[number, 1], view.rays[number, 2]
        far, block = follow(levels.blocks[i], tables.blocks, x, z, y, dx, dz, dy, view.no_map, view.no_counts)
        if far >= RANGE or block == 0:
            continue
        a, b = int(x + 0.5 + dx * (far + 1e-6)), int(z + 0.5 + dz * (far + 1e-6))
        c = int(y + EYES + dy * (far + 1e-6))
        if not is_inside(a, b, c):
            continue
        if not skills.seen[i, a // SECTOR, b // SECTOR]:
            skills.seen[i, a // SECTOR, b // SECTOR] = True
            status[i, NEWS] += 1
        if skills.wanted[i, levels.blocks[i, a, b, c]]:
            remember(levels, skills, i, a, b, c)
    status[i, TURN] = (status[i, TURN] + rays) % view.rays.shape[0]


@jitable
def _is_open(blocks: Any, flags: Any, view: Any, number: Any, facing: Any, x: Any, z: Any, y: Any) -> Any:
    """Whether nothing hides a cell of the cube around the eyes (x, z, y)."""
    beside = (facing + 1) % 4
    for k in range(view.lengths[number]):
        right, ahead = view.between[number, k, 0], view.between[number, k, 1]
        a = x + ahead * STEPS[facing, 0] + right * STEPS[beside, 0]
        b = z + ahead * STEPS[facing, 1] + right * STEPS[beside, 1]
        c = y + view.between[number, k, 2]
        if is_inside(a, b, c) and flags[blocks[a, b, c], OPAQUE]:
            return False
    return True


@jitable
def write_cells(levels: Any, skills: Any, i: Any, tables: Any, view: Any, target: Any) -> None:
    """The cells around the eyes by kind, and what counts among them is remembered."""
    blocks, flags, facing = levels.blocks[i], tables.blocks, levels.status[i, FACING]
    here_x, here_z, eyes = levels.status[i, X], levels.status[i, Z], levels.status[i, Y] + 1
    beside = (facing + 1) % 4
    for right in range(-RIGHT, RIGHT + 1):
        for ahead in range(AHEAD_FROM, AHEAD_TO + 1):
            x = here_x + ahead * STEPS[facing, 0] + right * STEPS[beside, 0]
            z = here_z + ahead * STEPS[facing, 1] + right * STEPS[beside, 1]
            for up in range(-UP, UP + 1):
                y = eyes + up
                number = ((right + RADIUS) * CUBE + ahead + RADIUS) * CUBE + up + RADIUS
                shown = FIXED
                if y >= HEIGHT:
                    shown = FREE
                elif not _is_open(blocks, flags, view, number, facing, here_x, here_z, eyes):
                    shown = UNSEEN
                elif is_inside(x, z, y):
                    block = blocks[x, z, y]
                    shown = view.kinds[block]
                    if skills.wanted[i, block]:
                        shown = WANTED
                        remember(levels, skills, i, x, z, y)
                target[right + RIGHT, ahead - AHEAD_FROM, up + UP] = shown


@jitable
def write_own(levels: Any, skills: Any, i: Any, target: Any) -> None:
    """How the player is, what is in view, and where the nearest goal is that it remembers."""
    for k in range(target.shape[0]):
        target[k] = 0.0
    target[levels.status[i, PITCH]] = 1.0
    hit = first_hit(levels, i, False)
    target[6] = 1.0 if hit == NOTHING_HIT else hit / REACH
    target[7] = 1.0 if is_aimed(levels, skills, i) else 0.0
    target[8] = min(1.0, levels.body[i, PROGRESS])
    x, z, y, facing = levels.status[i, X], levels.status[i, Z], levels.status[i, Y], levels.status[i, FACING]
    target[9] = 1.0 if levels.blocks[i, x, z, y] == WATER else 0.0
    target[10] = levels.status[i, HEALTH] / FULL
    target[11] = skills.status[i, HAS_MEMORY]
    if skills.status[i, HAS_MEMORY]:
        east, south = skills.status[i, AT_X] - x, skills.status[i, AT_Z] - z
        up = skills.status[i, AT_Y] - y - 1
        beside = (facing + 1) % 4
        right = east * STEPS[beside, 0] + south * STEPS[beside, 1]
        ahead = east * STEPS[facing, 0] + south * STEPS[facing, 1]
        for k in range(3):
            offset = right if k == 0 else ahead if k == 1 else up
            target[12 + k] = max(-1.0, min(1.0, offset / NEAR))
            target[15 + k] = max(-1.0, min(1.0, offset / FAR))
        target[18] = 1.0 if right == 0 else 0.0
        target[19] = min(2.0, (abs(right) + abs(ahead) + abs(up)) / FAR)
    target[20] = (skills.status[i, LEAST] - skills.status[i, GAINED]) / 8.0
    target[21] = max(0.0, min(2.0, (skills.status[i, DEADLINE] - levels.status[i, CLOCK]) / 600.0))
    target[22] = 1.0 if skills.status[i, NEWS] > 0 else 0.0


@jitable
def is_aimed(levels: Any, skills: Any, i: Any) -> Any:
    """Whether what is in view counts."""
    hit = first_hit(levels, i, False)
    if hit == NOTHING_HIT:
        return False
    x, z, y = seen_cell(levels, i, hit)
    return skills.wanted[i, levels.blocks[i, x, z, y]]


@jitable
def is_in_reach(levels: Any, skills: Any, i: Any) -> Any:
    """Whether something that counts would be in view if the player only turned and looked up or down."""
    x, z, y = levels.status[i, X], levels.status[i, Z], levels.status[i, Y] + 1
    for facing in range(4):
        for pitch in range(SIGHT.shape[0]):
            for k in range(REACH):
                forward = SIGHT[pitch, k, 0]
                a, b = x + STEPS[facing, 0] * forward, z + STEPS[facing, 1] * forward
                c = y + SIGHT[pitch, k, 1]
                if not is_inside(a, b, c):
                    break
                block = levels.blocks[i, a, b, c]
                if skills.wanted[i, block]:
                    return True
                if block != 0 and block != WATER:
                    break
    return False


@jitable
def write_around(levels: Any, skills: Any, i: Any, target: Any) -> None:
    """Which land around was looked at, turned with the player."""
    facing = levels.status[i, FACING]
    beside = (facing + 1) % 4
    column, row = levels.status[i, X] // SECTOR, levels.status[i, Z] // SECTOR
    for right in range(-AROUND, AROUND + 1):
        for ahead in range(-AROUND, AROUND + 1):
            a = column + ahead * STEPS[facing, 0] + right * STEPS[beside, 0]
            b = row + ahead * STEPS[facing, 1] + right * STEPS[beside, 1]
            outside = not (0 <= a < SECTORS and 0 <= b < SECTORS)
            target[right + AROUND, ahead + AROUND] = 1.0 if outside or skills.seen[i, a, b] else 0.0


@jitable
def write_skill(levels: Any, skills: Any, i: Any, tables: Any, view: Any, observations: Any) -> None:
    """All that a player of a skill observes."""
    write_cells(levels, skills, i, tables, view, observations.cells[i])
    write_own(levels, skills, i, observations.own[i])
    write_around(levels, skills, i, observations.around[i])
    for k in range(observations.goal.shape[1]):
        observations.goal[i, k] = 1.0 if k == skills.status[i, ABOUT] else 0.0
