"""Staying alive where there are monsters: what comes within reach is struck, and nights are waited out in a pit."""

from __future__ import annotations

import math

from palaestra_worlds.overworld.blows import INVULNERABLE_TICKS
from palaestra_worlds.overworld.body import HEALING_FROM
from palaestra_worlds.overworld.constants import ATTACK, EAT, NOTHING
from palaestra_worlds.overworld.controllers.attack import take_arm
from palaestra_worlds.overworld.controllers.dig_down import dig_to
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.prey import aim_at, is_night
from palaestra_worlds.overworld.mob_kinds import HOSTILE, MORE_HOSTILE
from palaestra_worlds.overworld.mob_sight import SeenMob
from palaestra_worlds.overworld.paths import FIXED, FREE, ROCK
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.state import HEIGHT, STEPS
from palaestra_worlds.overworld.tables import RECOVERY, SOLID, numbers, tables

LOOKING_TICKS = 4
"""Between two looks around for monsters."""
IN_REACH = 4.5
"""Cells within which one is thought of."""
LEFT_ALONE = ("enderman",)
"""Who does nothing unless struck."""
MOST_BLOWS = 60
PIT = 5
"""Cells deep: nothing steps down so far, and a creeper above does no harm."""
HURT, WELL = 12, 19
"""Health at which who hunts hides, and comes out again."""
OUT_OF_BLAST = 6.5
"""Cells to which one retreats from a creeper: one that is left behind before then goes on swelling."""
FORGOTTEN = 60
"""Ticks after which a creeper that went out of sight is no longer thought of."""
STEPS_IN_LINE = 2
"""Cells that one goes to have a creeper in line; then one goes away from it."""
FOODS = ("cooked_beef", "cooked_porkchop", "cooked_mutton", "bread", "beef", "porkchop", "mutton")
LATER = 600
"""Ticks until one tries again where no pit could be dug."""


class Safety:
    """Reflexes of a player.

    Args:
        hands: of the player.
    """

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._fights = self._hides = False
        self._next_look = self._next_pit = 0
        self._last_creeper: tuple[SeenMob, int, int] | None = None

    def fight_off(self) -> None:
        """Strikes monsters that are within reach, until none is; what is in view and in hand is as before then."""
        hands = self._hands
        if self._fights or hands.is_over or hands.senses.clock < self._next_look:
            return
        self._next_look = hands.senses.clock + LOOKING_TICKS
        if self._threat() is None and self._creeper(IN_REACH) is None:
            return
        self._fights = True
        facing, pitch, held = hands.senses.facing, hands.senses.pitch, hands.senses.held
        try:
            steps = 0
            for _ in range(MOST_BLOWS):
                creeper, mob = self._creeper(OUT_OF_BLAST if steps > STEPS_IN_LINE else IN_REACH), self._threat()
                if creeper is not None and creeper != mob and self._evade(creeper, steps < STEPS_IN_LINE):
                    steps += 1
                elif mob is not None:
                    self._strike(mob)
                else:
                    break
            hands.turn_to(facing)
            hands.look_to(pitch)
            if held and hands.senses.count(held):
                hands.hold(held)
        finally:
            self._fights = False

    def stay_safe(self) -> None:
        """Before a way: under open sky the night is waited out; who is out to hunt waits until it is well again."""
        hands = self._hands
        if self._hides or self._fights or hands.senses.clock < self._next_pit or not self._is_under_sky():
            return
        if hands.stays_out:
            self._eat()
        if hands.stays_out and (hands.senses.health > HURT or hands.senses.food < HEALING_FROM):
            return
        if not hands.stays_out and not is_night(hands):
            return
        self._hides = True
        try:
            dig_to(hands, max(2, hands.senses.place[2] - PIT))
            while is_night(hands) and not hands.stays_out:
                hands.do(NOTHING)
            while hands.stays_out and hands.senses.health < WELL and hands.senses.food >= HEALING_FROM:
                hands.do(NOTHING)
        except Failed as failure:
            if failure.kind in FATAL:
                raise
        finally:
            self._hides = False
            self._next_pit = hands.senses.clock + LATER

    def _threat(self) -> SeenMob | None:
        """The nearest monster that can be struck from here; of a creeper a blow sets the fuse back."""
        hands = self._hands
        for mob in hands.senses.mobs():
            if mob.distance > IN_REACH:
                return None
            is_hostile = mob.kind in HOSTILE + MORE_HOSTILE and mob.kind not in LEFT_ALONE
            if is_hostile and aim_at(hands, mob) is not None:
                return mob
        return None

    def _creeper(self, within: float) -> SeenMob | None:
        """One that is about to swell, or so near; one that went out of sight just now is thought to be where it was."""
        senses = self._hands.senses
        seen = next((mob for mob in senses.mobs() if mob.kind == "creeper"), None)
        if seen is not None:
            self._last_creeper = seen, senses.clock, senses.kills
        elif self._last_creeper is not None:
            last, clock, kills = self._last_creeper
            if senses.clock - clock < FORGOTTEN and senses.kills == kills:
                seen = last._replace(distance=math.dist(last.cell, senses.place))
        return seen if seen is not None and seen.distance < within else None

    def _evade(self, mob: SeenMob, may_align: bool) -> bool:
        """One cell aside, so that a creeper that comes askew can be struck, or else away from it; whether one went."""
        hands = self._hands
        x, z, y = hands.senses.place
        dx, dz, dy = mob.cell[0] - x, mob.cell[1] - z, mob.cell[2] - y
        aligns = may_align and dx and dz and not dy
        found: list[tuple[int, Cell]] = []
        for a, b in STEPS.tolist():
            cell = self._next_cell(x + a, z + b, y)
            far = abs(dx - a), abs(dz - b)
            if cell is not None and (aligns or sum(far) > abs(dx) + abs(dz)):
                found.append((min(far) if aligns else -sum(far), cell))
        return bool(found) and hands.step_to(min(found)[1])

    def _next_cell(self, x: int, z: int, y: int) -> Cell | None:
        """Where one who walks into a column comes to stand, a step up or down at most; None: nowhere."""
        kind = self._hands.kind
        for c in (y, y - 1, y + 1):
            is_open = all(kind((x, z, above)) == FREE for above in range(c, max(c, y) + 2))
            if is_open and kind((x, z, c - 1)) in (ROCK, FIXED):
                return x, z, c
        return None

    def _eat(self) -> None:
        """What there is of meat and bread, while one is too hungry to get well."""
        hands = self._hands
        for name in FOODS:
            while hands.senses.food < HEALING_FROM and hands.senses.count(numbers().item[name]):
                hands.do(EAT, numbers().item[name])

    def _strike(self, mob: SeenMob) -> None:
        hands = self._hands
        aim = aim_at(hands, mob)
        if aim is None:
            return
        take_arm(hands, "")
        hands.turn_to(aim[0])
        hands.look_to(aim[1])
        hands.do(ATTACK)
        ready = hands.senses.clock + max(INVULNERABLE_TICKS, int(tables().items[hands.senses.held, RECOVERY])) - 1
        while hands.senses.clock < ready:
            hands.do(NOTHING)

    def _is_under_sky(self) -> bool:
        """As far as one has seen."""
        x, z, y = self._hands.senses.place
        overhead = [self._hands.block((x, z, c)) for c in range(y + 2, HEIGHT)]
        return not any(block >= 0 and tables().blocks[block, SOLID] for block in overhead)
