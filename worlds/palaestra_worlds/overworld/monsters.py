"""Monsters: they come in the dark, chase the player, strike or shoot, and burn in the sun."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.biomes import SWAMP
from palaestra_worlds.overworld.body import hurt
from palaestra_worlds.overworld.constants import LAVA, WATER
from palaestra_worlds.overworld.inventory import wear
from palaestra_worlds.overworld.mob_kinds import CREEPER, ENDERMAN, HOSTILE, SKELETON, SLIME, SPIDER, WITCH, ZOMBIE
from palaestra_worlds.overworld.mobs import appear, draw, fall_or_float, has_room, step_to
from palaestra_worlds.overworld.slimes import any_size, come_as_slime, slime_hurts
from palaestra_worlds.overworld.state import (
    CLOCK,
    DAWN,
    DIFFICULTY,
    EASY,
    FLEES,
    HARD,
    HEIGHT,
    HIT,
    ITEM,
    KIND,
    LIVED,
    MOB_HEALTH,
    MOB_X,
    MOB_Y,
    MOB_Z,
    MONSTER,
    MONSTERS,
    MOST_ANIMALS,
    NEXT,
    PEACEFUL,
    SIDE,
    SLOTS,
    STRIDES,
    TICKS_PER_DAY,
    X,
    Y,
    Z,
    animals_end,
    is_free,
)
from palaestra_worlds.overworld.tables import ARMOUR, ARMOUR_PLACE, HURTS, LIGHT, OPAQUE, RUNS, SOLID, WALKS

COMES_TICKS = 4
"""How often a place is looked at where a monster might come: often enough that by night there soon are as many as can
be. In the game a place in each chunk is looked at every tick (https://minecraft.wiki/w/Mob_spawning)."""
NEAREST_PLACE, FARTHEST_PLACE = 24, 44
"""Cells from the player, along the ground, between which they come."""
NIGHTFALL, DAYBREAK = 13_188, 22_812
"""Ticks after sunrise between which they come under open sky."""
DARK = 7
"""Light up to which they come."""
GOES_BEYOND = 32
"""Cells from the player beyond which one goes away, once in 800 ticks."""
GOES_AFTER = 800
SEES = (0, 35, 16, 16, 16, 32, 16, 16)
"""Cells, by kind from zombies on."""
WEIGHTS = (95, 100, 100, 100, 10, 100, 5)
"""How often each kind comes where nature is whole; slimes in swamps only. Source: https://minecraft.wiki/w/Spawn."""
THROWS_AT, THROWING_TICKS = 10, 60
"""Cells from which a witch throws potions, and ticks between them."""
SWELLS_AT, FUSE_TICKS, BLAST = 3, 30, 6.0
"""Cells from which a creeper swells, ticks until it blows up, and cells that this reaches. A blow sets it back."""
SHOOTS_AT, SHOOTING_TICKS, MISSES_FROM = 15, 40, 20
"""Cells from which a skeleton shoots, ticks between arrows, and cells from which none would hit."""
STRIKING_TICKS, UNHURT_TICKS = 20, 10
"""Between a monster's blows; for so long after a hit the player takes no other."""
LOOKING_TICKS = 10
BURNING = 10
"""Tenths of a point a second."""


@jitable
def is_night(levels: Any, i: Any) -> Any:
    time = (levels.status[i, CLOCK] + levels.status[i, DAWN]) % TICKS_PER_DAY
    return NIGHTFALL <= time < DAYBREAK


@jitable
def _is_under_sky(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> Any:
    is_open = True
    for above in range(y, HEIGHT):
        is_open &= not tables.blocks[levels.blocks[i, x, z, above], OPAQUE]
    return is_open


@jitable
def _is_lit(levels: Any, i: Any, tables: Any, x: Any, z: Any, y: Any) -> Any:
    """Whether a torch or the like is near enough; light passes walls here."""
    most = 15 - DARK
    for a in range(max(0, x - most), min(SIDE, x + most + 1)):
        for b in range(max(0, z - most), min(SIDE, z + most + 1)):
            for c in range(max(0, y - most), min(HEIGHT, y + most + 1)):
                light = tables.blocks[levels.blocks[i, a, b, c], LIGHT]
                if light > 0 and light - abs(a - x) - abs(b - z) - abs(c - y) > DARK:
                    return True
    return False


@jitable
def _any_kind(levels: Any, i: Any) -> Any:
    """One of all kinds of monsters, by weight."""
    left, kind = draw(levels, i, 0, sum(WEIGHTS)), ZOMBIE
    for weight in WEIGHTS:
        if left < weight:
            return kind
        left -= weight
        kind += 1
    return ZOMBIE


@jitable
def _come(levels: Any, i: Any, tables: Any, now: Any) -> None:
    """A monster somewhere dark, neither near the player nor far away, if there is room for one more."""
    empty = -1
    for k in range(MOST_ANIMALS, MOST_ANIMALS + MONSTERS):
        if levels.mobs[i, k, KIND] == 0:
            empty = k
    x, z = draw(levels, i, 1, SIDE - 1), draw(levels, i, 1, SIDE - 1)
    far = max(abs(x - levels.status[i, X]), abs(z - levels.status[i, Z]))
    y = levels.surface[i, x, z] + 1
    if draw(levels, i, 0, 2) == 0:
        y = draw(levels, i, 2, y)
    kind = ZOMBIE + draw(levels, i, 0, len(HOSTILE)) if levels.nests.shape[1] == 0 else _any_kind(levels, i)
    if empty < 0 or not NEAREST_PLACE <= far <= FARTHEST_PLACE or y + 2 >= HEIGHT:
        return
    feet, ground = levels.blocks[i, x, z, y], levels.blocks[i, x, z, y - 1]
    if kind == SLIME and levels.biomes[i, x, z] != SWAMP:
        return
    if not has_room(levels, i, tables, kind, x, z, y) or feet == WATER or feet == LAVA:
        return
    is_dark = is_night(levels, i) or not _is_under_sky(levels, i, tables, x, z, y)
    if not tables.blocks[ground, SOLID] or not is_dark or _is_lit(levels, i, tables, x, z, y):
        return
    if kind == SLIME:
        come_as_slime(levels, i, tables, empty, x, z, y, now, any_size(levels, i))
    else:
        appear(levels, i, tables, empty, kind, x, z, y, now)


@jitable
def _sees_player(levels: Any, i: Any, tables: Any, k: Any, most: Any) -> Any:
    """Whether the player is within so many cells, and nothing solid in between."""
    x, z, y = levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y] + 1
    dx, dz, dy = levels.status[i, X] - x, levels.status[i, Z] - z, levels.status[i, Y] + 1 - y
    length = max(abs(dx), abs(dz), abs(dy))
    if length > most:
        return False
    for step in range(1, length):
        a, b = x + (2 * dx * step + length) // (2 * length), z + (2 * dz * step + length) // (2 * length)
        c = y + (2 * dy * step + length) // (2 * length)
        if c >= HEIGHT or not is_free(levels, i, tables, a, b, c):
            return False
    return True


@jitable
def _hit_player(levels: Any, i: Any, tables: Any, damage: Any, now: Any) -> None:
    """Takes health, less what armour holds off: the best of each kind in the inventory counts as worn, and wears.

    Source: https://minecraft.wiki/w/Armor#Damage_protection, without toughness.
    """
    if now < levels.status[i, HIT] + UNHURT_TICKS and levels.status[i, HIT] > 0:
        return
    levels.status[i, HIT] = now
    if levels.status[i, DIFFICULTY] == EASY:
        damage = min(damage, damage / 2.0 + 1.0)
    elif levels.status[i, DIFFICULTY] == HARD:
        damage = 1.5 * damage
    armour = 0
    for place in range(1, 5):
        best, worn = 0, -1
        for slot in range(SLOTS):
            item = levels.slots[i, slot, ITEM]
            if tables.items[item, ARMOUR_PLACE] == place and tables.items[item, ARMOUR] > best:
                best, worn = tables.items[item, ARMOUR], slot
        armour += best
        if worn >= 0:
            wear(levels, i, tables, worn)
    held_off = min(20.0, max(armour / 5.0, armour - damage / 2.0)) / 25.0
    left = int(100 * damage * (1.0 - held_off))
    hurt(levels, i, left // 100 + (draw(levels, i, 0, 100) < left % 100), MONSTER)


@jitable
def _chase(levels: Any, i: Any, tables: Any, k: Any) -> None:
    """One cell nearer to the player, along the longer way first."""
    dx = levels.status[i, X] - levels.mobs[i, k, MOB_X]
    dz = levels.status[i, Z] - levels.mobs[i, k, MOB_Z]
    along_x, along_z = (1 if dx > 0 else 3), (2 if dz > 0 else 0)
    first, second = (along_x, along_z) if abs(dx) >= abs(dz) else (along_z, along_x)
    if not step_to(levels, i, tables, k, first) and dx != 0 and dz != 0:
        step_to(levels, i, tables, k, second)


@jitable
def _swell(levels: Any, i: Any, tables: Any, k: Any, now: Any) -> Any:
    """A creeper that is near enough; blocks are not broken when it blows up.

    Source: https://minecraft.wiki/w/Explosion#Damage, a power of 3 with nothing in between.
    """
    if levels.mobs[i, k, STRIDES] == 0:
        levels.mobs[i, k, STRIDES] = now + FUSE_TICKS
    elif levels.mobs[i, k, STRIDES] <= now:
        dx = levels.status[i, X] - levels.mobs[i, k, MOB_X]
        dz = levels.status[i, Z] - levels.mobs[i, k, MOB_Z]
        dy = levels.status[i, Y] - levels.mobs[i, k, MOB_Y]
        near = max(0.0, 1.0 - (dx * dx + dz * dz + dy * dy) ** 0.5 / BLAST)
        _hit_player(levels, i, tables, (near * near + near) / 2.0 * 7.0 * BLAST + 1.0, now)
        levels.mobs[i, k, KIND] = 0
    return LOOKING_TICKS


@jitable
def _act(levels: Any, i: Any, tables: Any, k: Any, now: Any) -> Any:
    """What a monster does next; gives the ticks until it does something again."""
    kind = levels.mobs[i, k, KIND]
    if fall_or_float(levels, i, tables, k):
        return 2
    x, z, y = levels.mobs[i, k, MOB_X], levels.mobs[i, k, MOB_Z], levels.mobs[i, k, MOB_Y]
    dx, dz, dy = levels.status[i, X] - x, levels.status[i, Z] - z, levels.status[i, Y] - y
    far = max(abs(dx), abs(dz), abs(dy))
    is_day = not is_night(levels, i) and _is_under_sky(levels, i, tables, x, z, y)
    if is_day and kind <= SKELETON:
        levels.mobs[i, k, MOB_HEALTH] -= BURNING * LOOKING_TICKS // 20
    if levels.mobs[i, k, MOB_HEALTH] <= 0 or (far > GOES_BEYOND and draw(levels, i, 0, GOES_AFTER) < LOOKING_TICKS):
        levels.mobs[i, k, KIND] = 0
        return LOOKING_TICKS
    is_angry = ((kind != SPIDER or not is_day) and kind != ENDERMAN) or levels.mobs[i, k, FLEES] > now
    if not is_angry or not _sees_player(levels, i, tables, k, SEES[kind - ZOMBIE + 1]):
        if draw(levels, i, 0, 4) == 0:
            step_to(levels, i, tables, k, draw(levels, i, 0, 4))
        return max(LOOKING_TICKS, tables.mobs[kind, WALKS])
    if kind == SKELETON and far <= SHOOTS_AT:
        if draw(levels, i, 0, MISSES_FROM) >= far:
            _hit_player(levels, i, tables, float(draw(levels, i, 1, tables.mobs[kind, HURTS] + 1)), now)
        return SHOOTING_TICKS
    if kind == WITCH and far <= THROWS_AT:
        _hit_player(levels, i, tables, float(tables.mobs[kind, HURTS]), now)
        return THROWING_TICKS
    if kind == CREEPER and far <= SWELLS_AT:
        return _swell(levels, i, tables, k, now)
    if abs(dx) + abs(dz) <= 1 and abs(dy) <= 1:
        damage = float(slime_hurts(levels, i, k) if kind == SLIME else tables.mobs[kind, HURTS])
        if damage > 0:
            _hit_player(levels, i, tables, damage, now)
        return STRIKING_TICKS
    if kind == CREEPER:
        levels.mobs[i, k, STRIDES] = 0
    _chase(levels, i, tables, k)
    return tables.mobs[kind, RUNS]


@jitable
def haunt(levels: Any, i: Any, tables: Any) -> None:
    """All monsters up to the clock; called before LIVED is set to it."""
    now = levels.status[i, CLOCK]
    if levels.status[i, DIFFICULTY] == PEACEFUL:
        return
    if now // COMES_TICKS != levels.status[i, LIVED] // COMES_TICKS:
        _come(levels, i, tables, now)
    for k in range(MOST_ANIMALS, animals_end(levels)):
        while levels.mobs[i, k, KIND] > 0 and levels.mobs[i, k, NEXT] <= now:
            levels.mobs[i, k, NEXT] += _act(levels, i, tables, k, levels.mobs[i, k, NEXT])
