"""Finding mobs, and keeping up with them: they walk about, flee, and are out of sight behind a hill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.constants import NOTHING
from palaestra_worlds.overworld.controllers.explore import patrol, roam
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.go_up import go_up, is_underground
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import items_named
from palaestra_worlds.overworld.mob_kinds import HOSTILE, kinds_of
from palaestra_worlds.overworld.mob_sight import SeenMob
from palaestra_worlds.overworld.mobs import COMES_BACK_TICKS, MOB_REACH
from palaestra_worlds.overworld.monsters import DAYBREAK, NIGHTFALL
from palaestra_worlds.overworld.paths import FIXED, FREE, ROCK, WATER
from palaestra_worlds.overworld.player import SIGHT
from palaestra_worlds.overworld.rules import EVERYWHERE, load_rules
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import STEPS, TICKS_PER_DAY
from palaestra_worlds.overworld.tables import numbers

ROUNDS = 6
"""Times that one goes round after others of what was hunted."""
FOUGHT_FROM = {"skeleton": 13.0, "witch": 13.0}
"""Who shoots or throws is fought from so many cells on: it does not come near."""
WAITING_TICKS = 20
"""Between two looks around."""
TOO_NEAR = 5.0
"""Cells from which a monster is fought, whatever one hunts."""
MOST_CHASES = 60
"""Ways that are begun after one and the same mob, before it is given up."""
MOST_TRIES = 12
"""Times that one is followed in vain."""
GONE_ASTRAY = 3
"""Cells that a mob moves until one thinks again where to go."""


@dataclass(frozen=True)
class Prey:
    """What is hunted.

    Attributes:
        name: as it was asked for.
        kinds: mobs, any of which will do.
        items: numbers of items that count; empty: the mobs themselves do.
    """

    name: str
    kinds: frozenset[str]
    items: frozenset[int]


def prey_named(name: str) -> Prey:
    """The mobs of that name, or those that leave such an item.

    Raises:
        Failed: nothing is called so, or no mob leaves it.
    """
    rules = load_rules()
    if name in rules.mobs:
        return Prey(name, frozenset([name]), frozenset())
    items = items_named(name)
    names = {numbers().items[item] for item in items}
    kinds = frozenset(mob.name for mob in rules.mobs.values() if names & {drop.item for drop in mob.drops})
    if not kinds:
        raise Failed("impossible", f"No mob leaves {name}.")
    return Prey(name, kinds, frozenset(items))


def comes_in_the_dark(prey: Prey) -> bool:
    """Whether none of them is there by day."""
    return all(load_rules().mobs[kind].dark for kind in prey.kinds)


def in_sight(hands: Hands, prey: Prey, vain: Counter[int]) -> SeenMob | None:
    """The nearest of those that were followed in vain least often, and not too often.

    Args:
        vain: how often, by the mob's number.
    """
    found = [mob for mob in hands.senses.mobs() if mob.kind in prey.kinds and vain[mob.place] < MOST_TRIES]
    return min(found, key=lambda mob: (vain[mob.place], mob.distance), default=None)


def look_for(hands: Hands, prey: Prey, vain: Counter[int]) -> SeenMob:
    """Goes about on the surface until one is seen.

    Raises:
        Failed: none lives here, or everything around has been looked at.
    """
    if not hands.senses.has_mobs:
        raise Failed("not_found", f"This world has no animals or monsters: there is no {prey.name}.")
    if not prey.kinds & set(kinds_of("whole" if hands.senses.is_whole else "core")):
        raise Failed("not_found", f"This world has no {' or '.join(sorted(prey.kinds))}.")
    if comes_in_the_dark(prey):
        return _wait_for(hands, prey, vain)
    killed = hands.senses.kills

    def is_there() -> bool:
        return in_sight(hands, prey, vain) is not None

    try:
        roam(hands, is_there, prey.name)
    except Failed as failure:
        # Others come where some were killed.
        if failure.kind in FATAL or not killed:
            raise
        for _ in range(ROUNDS):
            patrol(hands, is_there)
            if is_there():
                break
            vain.clear()
            for _ in range(COMES_BACK_TICKS // 2):
                hands.do(NOTHING)
        else:
            raise
    found = in_sight(hands, prey, vain)
    if found is None:
        raise Failed("not_found", f"{prey.name} was seen, and is out of sight again.")
    return found


def _wait_for(hands: Hands, prey: Prey, vain: Counter[int]) -> SeenMob:
    """Those that come in the dark: goes about by night until one is there, and waits by day; what comes too near is
    fought as well."""

    def found() -> SeenMob | None:
        for near in hands.senses.mobs():
            is_foe = near.kind in HOSTILE or near.kind in FOUGHT_FROM
            if is_foe and near.distance < FOUGHT_FROM.get(near.kind, TOO_NEAR) and vain[near.place] < MOST_TRIES:
                return near
        return in_sight(hands, prey, vain)

    if is_underground(hands):
        go_up(hands, None)
    signs = _signs_of_home(prey)
    while (mob := found()) is None:
        hands.rest()
        was_night, home = is_night(hands), _middle_of(hands, signs)

        def is_enough(was_night: bool = was_night, looks_for_home: bool = bool(signs) and home is None) -> bool:
            if looks_for_home and hands.senses.counts[signs].any():
                return True
            return found() is not None or is_night(hands) != was_night

        try:
            if home is None and (was_night or signs):
                roam(hands, is_enough, prey.name)
        except Failed as failure:
            if failure.kind in FATAL:
                raise
        if was_night:
            patrol(hands, is_enough, home)
        for _ in range(WAITING_TICKS):
            hands.do(NOTHING)
    return mob


def _signs_of_home(prey: Prey) -> list[int]:
    """Values of the map that tell of biomes outside which none of them comes, by what grows there alone; empty: they
    come everywhere."""
    rules = load_rules()
    places = {place for kind in prey.kinds for place in rules.mobs[kind].places}
    if EVERYWHERE in places:
        return []
    return [
        numbers().block[name] + 1 for name, one in rules.natural.items() if one.places and places >= set(one.places)
    ]


def _middle_of(hands: Hands, signs: list[int]) -> tuple[float, float] | None:
    """x and z around which such blocks were seen, if any were."""
    if not hands.senses.counts[signs].any():
        return None
    x, z, _ = np.nonzero(np.isin(hands.senses.seen, signs))
    return float(np.median(x)), float(np.median(z))


def is_night(hands: Hands) -> bool:
    """Whether monsters come under open sky."""
    return NIGHTFALL <= hands.senses.time % TICKS_PER_DAY < DAYBREAK


def same_mob(hands: Hands, mob: SeenMob) -> SeenMob | None:
    """The same mob as it is seen now."""
    return next((one for one in hands.senses.mobs() if one.place == mob.place and one.kind == mob.kind), None)


def aim_at(hands: Hands, mob: SeenMob) -> tuple[int, int] | None:
    """Facing and pitch with a mob in view within reach, and nothing but plants in between; None from here."""
    x, z, y = hands.senses.place
    a, b, c = mob.cell
    cells = {(a, b, c + above) for above in range(mob.tall)}
    for turn in range(4):
        facing = (hands.senses.facing + turn) % 4
        for pitch in range(len(SIGHT)):
            for forward, up in SIGHT[pitch, :MOB_REACH].tolist():
                at = x + int(STEPS[facing, 0]) * forward, z + int(STEPS[facing, 1]) * forward, y + 1 + up
                if at in cells:
                    return facing, pitch
                if hands.kind(at) not in (FREE, WATER):
                    break
    return None


def keep_up(hands: Hands, mob: SeenMob, until: Callable[[SeenMob], bool]) -> bool:
    """Follows a mob until it is within reach and `until(mob)` holds; whether it came to that."""
    last = mob
    for _ in range(MOST_CHASES):
        now = same_mob(hands, last)
        if now is not None:
            last = now
            if aim_at(hands, now) is not None:
                if until(now):
                    return True
                continue
        goals = _beside(hands, last.cell)
        if now is not None:
            # It is to be seen, and out of reach from here.
            goals = goals[(goals != np.array(hands.senses.place)).any(axis=1)]
        if not len(goals) or not hands.travel(goals, _until_elsewhere(hands, last)):
            return False
        if same_mob(hands, last) is None and hands.senses.place in set(map(tuple, goals.tolist())):
            return False
    return False


def _until_elsewhere(hands: Hands, mob: SeenMob) -> Callable[[], bool]:
    """Until it can be reached, or it is no longer where one goes."""

    def is_time() -> bool:
        now = same_mob(hands, mob)
        if now is None:
            return False
        moved = sum(abs(a - b) for a, b in zip(now.cell, mob.cell, strict=True))
        return moved >= GONE_ASTRAY or aim_at(hands, now) is not None

    return is_time


def _beside(hands: Hands, cell: Cell) -> NDArray[np.int64]:
    """Cells for the feet one or two away along an axis; those that are known to be open, and firm, first of all."""
    x, z, y = cell
    around = [
        (x + dx * far, z + dz * far, y + up) for dx, dz in STEPS.tolist() for far in (1, 2) for up in (0, 1, -1, 2)
    ]
    found = [one for one in around if hands.kind(one) in (FREE, WATER)]
    firm = [(a, b, c) for a, b, c in found if hands.kind((a, b, c - 1)) in (ROCK, FIXED, WATER)]
    return np.array(firm or found or around[:1], np.int64)
