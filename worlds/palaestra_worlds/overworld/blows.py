"""What a player does to a mob within reach: strikes it, or uses what is in hand on it; and what it leaves."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.constants import BUCKET, EASY_SPEED, EGG, MILK_BUCKET, SHEARS, WOOL
from palaestra_worlds.overworld.inventory import change, wear_held
from palaestra_worlds.overworld.mob_kinds import CHICKEN, COW, MOBS, SHEEP, SLIME
from palaestra_worlds.overworld.mobs import LAYS_FROM, LAYS_TO, draw, step_to
from palaestra_worlds.overworld.objectives import FIRST_HUNTED
from palaestra_worlds.overworld.slimes import SMALL, split
from palaestra_worlds.overworld.state import (
    CLOCK,
    EXHAUSTION,
    FACING,
    FLEES,
    HELD,
    ITEM,
    KILLS,
    KIND,
    MOB_HEALTH,
    MOST_ANIMALS,
    NEXT,
    READY,
    SHORN,
    SIZE,
    STRIDES,
    UNLOCKED,
    animals_end,
)
from palaestra_worlds.overworld.tables import BLOW_WEARS, DAMAGE, MOST_CHANCE, MOST_DROPS, RECOVERY, RUNS

INVULNERABLE_TICKS = 10
"""After a blow, however quick the tool."""
STRIKING_EXHAUSTION = 0.1
FLEEING_TICKS = 100
MOST_WOOL = 3
WOOL_GROWS_TICKS = 1000
"""On average, by eating grass."""


@jitable
def _die(levels: Any, i: Any, tables: Any, k: Any) -> None:
    """What it leaves comes to the player; a slime that is not small leaves smaller ones instead."""
    kind = levels.mobs[i, k, KIND]
    levels.mobs[i, k, KIND] = 0
    levels.status[i, KILLS] += 1
    if kind <= len(MOBS):
        levels.status[i, UNLOCKED] |= 1 << (FIRST_HUNTED + kind - 1)
    if kind == SLIME and levels.mobs[i, k, SIZE] > SMALL:
        split(levels, i, tables, k)
        return
    row = tables.blocks.shape[0] + kind - 1
    for number in range(MOST_DROPS):
        item = tables.drops[row, number, 0]
        if item == WOOL and levels.mobs[i, k, SHORN] > levels.status[i, CLOCK]:
            continue
        if item > 0 and draw(levels, i, 0, MOST_CHANCE) < tables.drops[row, number, 4]:
            least, most = tables.drops[row, number, 1], tables.drops[row, number, 2]
            change(levels, i, item, draw(levels, i, least, most + 1))


@jitable
def strike(levels: Any, i: Any, tables: Any, rules: Any, k: Any) -> None:
    """A blow at a mob with what is in hand, if that has recovered from the last.

    A mob that lives on is knocked back and flees.
    """
    now = levels.status[i, CLOCK]
    if now < levels.status[i, READY]:
        return
    held = levels.slots[i, levels.status[i, HELD], ITEM]
    levels.status[i, READY] = now + max(INVULNERABLE_TICKS, tables.items[held, RECOVERY])
    levels.body[i, EXHAUSTION] += STRIKING_EXHAUSTION
    levels.mobs[i, k, MOB_HEALTH] -= tables.items[held, DAMAGE] * (EASY_SPEED if rules.is_easy else 1)
    for _ in range(tables.items[held, BLOW_WEARS]):
        wear_held(levels, i, tables)
    if levels.mobs[i, k, MOB_HEALTH] <= 0:
        _die(levels, i, tables, k)
        return
    step_to(levels, i, tables, k, levels.status[i, FACING])
    levels.mobs[i, k, FLEES] = now + FLEEING_TICKS
    levels.mobs[i, k, STRIDES] = 0
    flees_at = now + tables.mobs[levels.mobs[i, k, KIND], RUNS]
    # A monster strikes, shoots or throws no sooner for being struck.
    is_monster = MOST_ANIMALS <= k < animals_end(levels)
    levels.mobs[i, k, NEXT] = max(levels.mobs[i, k, NEXT], flees_at) if is_monster else flees_at


@jitable
def use_on(levels: Any, i: Any, tables: Any, k: Any) -> None:
    """Milks a cow into a bucket, or shears a sheep, with what is in hand; or takes the egg that a hen has laid, where
    nature is whole."""
    held = levels.slots[i, levels.status[i, HELD], ITEM]
    kind = levels.mobs[i, k, KIND]
    if kind == COW and held == BUCKET:
        change(levels, i, BUCKET, -1)
        change(levels, i, MILK_BUCKET, 1)
    elif kind == SHEEP and held == SHEARS and levels.mobs[i, k, SHORN] <= levels.status[i, CLOCK]:
        change(levels, i, WOOL, draw(levels, i, 1, MOST_WOOL + 1))
        levels.mobs[i, k, SHORN] = levels.status[i, CLOCK] + WOOL_GROWS_TICKS
        wear_held(levels, i, tables)
    elif kind == CHICKEN and levels.nests.shape[1] > 0 and levels.mobs[i, k, SHORN] <= levels.status[i, CLOCK]:
        change(levels, i, EGG, 1)
        levels.mobs[i, k, SHORN] = levels.status[i, CLOCK] + draw(levels, i, LAYS_FROM, LAYS_TO + 1)
