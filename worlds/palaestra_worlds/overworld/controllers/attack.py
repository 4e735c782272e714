"""Hunting and fighting, and what is got of animals alive."""

from __future__ import annotations

from collections import Counter

from palaestra_worlds.overworld.constants import ATTACK, NOTHING, USE
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.prey import (
    Prey,
    aim_at,
    in_sight,
    keep_up,
    look_for,
    prey_named,
    same_mob,
)
from palaestra_worlds.overworld.mob_sight import SeenMob
from palaestra_worlds.overworld.mobs import INVULNERABLE_TICKS, MOB_REACH
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.tables import DAMAGE, DURABILITY, RECOVERY, numbers, tables
from palaestra_worlds.structured import StructuredAction

MOST_BLOWS = 60
"""At one and the same mob before it is given up."""
_ARMS = ("_sword", "_axe")
"""What is taken in hand to fight; other tools are spared."""


def attack(hands: Hands, action: StructuredAction) -> str:
    """Finds and kills mobs until `count` more of what they leave are at hand, or so many are dead."""
    prey = prey_named(action.object)
    if action.tool:
        item_at_hand(hands, action.tool)
    before, killed = _gained(hands, prey), hands.senses.kills
    vain: Counter[int] = Counter()
    while (gained := _gained(hands, prey) - before) < action.count:
        try:
            mob = in_sight(hands, prey, vain) or look_for(hands, prey, vain)
        except Failed as failure:
            failure.message += f" {_result(prey, gained, hands.senses.kills - killed)}"
            raise
        if not _kill(hands, mob, action.tool):
            vain[mob.place] += 1
    return _result(prey, gained, hands.senses.kills - killed)


def _gained(hands: Hands, prey: Prey) -> int:
    return sum(map(hands.senses.count, prey.items)) if prey.items else hands.senses.kills


def _result(prey: Prey, gained: int, killed: int) -> str:
    of_them = f"{gained} {prey.name} were got; " if prey.items else ""
    return f"{of_them}{killed} {' or '.join(sorted(prey.kinds))} were killed."


def _kill(hands: Hands, mob: SeenMob, tool: str) -> bool:
    """Follows and strikes a mob until it is dead; whether it is."""
    killed = hands.senses.kills
    blows = 0

    def strike(now: SeenMob) -> bool:
        nonlocal blows
        _take_arm(hands, tool)
        if _turn_to(hands, now):
            recovery = int(tables().items[hands.senses.held, RECOVERY])
            hands.do(ATTACK)
            blows += 1
            ready = hands.senses.clock + max(INVULNERABLE_TICKS, recovery) - 1
            while hands.senses.clock < ready and _is_beside(hands, now):
                hands.do(NOTHING)
            hands.senses.look()
        return hands.senses.kills > killed or blows >= MOST_BLOWS

    keep_up(hands, mob, strike)
    return hands.senses.kills > killed


def _is_beside(hands: Hands, mob: SeenMob) -> bool:
    """Whether there is nothing to do but wait for the next blow."""
    now = same_mob(hands, mob)
    return now is not None and aim_at(hands, now) is not None


def _turn_to(hands: Hands, mob: SeenMob) -> bool:
    """Has a mob in view, and breaks the plants before it; whether it stayed there."""
    aim = aim_at(hands, mob)
    if aim is None:
        return False
    hands.turn_to(aim[0])
    hands.look_to(aim[1])
    for _ in range(MOB_REACH):
        hit, now = hands.senses.crosshair(), same_mob(hands, mob)
        if now is None or aim_at(hands, now) != (hands.senses.facing, hands.senses.pitch):
            return False
        if hit is None or _steps_to(hands, hit[0]) >= _steps_to(hands, now.cell):
            return True
        hands.do(ATTACK)
        hands.senses.look()
    return False


def _steps_to(hands: Hands, cell: Cell) -> int:
    """How far away a cell is along the ground."""
    x, z, _ = hands.senses.place
    return abs(cell[0] - x) + abs(cell[1] - z)


def _take_arm(hands: Hands, tool: str) -> None:
    """Takes the tool in hand, or of swords and axes what strikes hardest over time, or something that doesn't wear."""
    if tool:
        hands.hold(item_at_hand(hands, tool))
        return
    items = tables().items
    held = hands.inventory()
    arms = [item for item in held if numbers().items[item].endswith(_ARMS)]
    if arms:
        hands.hold(max(arms, key=lambda item: items[item, DAMAGE] / max(INVULNERABLE_TICKS, items[item, RECOVERY])))
    elif items[hands.senses.held, DURABILITY]:
        plain = next((item for item in held if not items[item, DURABILITY]), 0)
        if plain:
            hands.hold(plain)


def use_on_mob(hands: Hands, action: StructuredAction) -> str:
    """Milks cows or shears sheep with the tool, `count` times."""
    prey = prey_named(action.object)
    item = item_at_hand(hands, action.tool)
    before = dict(hands.inventory())
    vain: Counter[int] = Counter()
    for _ in range(action.count):
        item_at_hand(hands, action.tool)
        while True:
            mob = in_sight(hands, prey, vain) or look_for(hands, prey, vain)
            vain[mob.place] += 1
            if keep_up(hands, mob, lambda now: _use(hands, now, item)):
                break
    gained = {name: count - before.get(name, 0) for name, count in hands.inventory().items()}
    words = ", ".join(f"{count} {numbers().items[name]}" for name, count in gained.items() if count > 0)
    if not words:
        raise Failed("impossible", f"Nothing comes of using {action.tool} on {action.object} here.")
    return f"{words} were got of {action.object}."


def _use(hands: Hands, mob: SeenMob, item: int) -> bool:
    hands.hold(item)
    if not _turn_to(hands, mob):
        return False
    hands.do(USE)
    hands.senses.look()
    return True
