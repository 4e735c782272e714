"""Hunting and fighting, and what is got of animals alive."""

from __future__ import annotations

from collections import Counter

from palaestra_worlds.overworld.blows import INVULNERABLE_TICKS
from palaestra_worlds.overworld.constants import ATTACK, NOTHING, USE
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.prey import (
    Prey,
    aim_at,
    comes_in_the_dark,
    in_sight,
    keep_up,
    look_for,
    prey_named,
    same_mob,
)
from palaestra_worlds.overworld.mob_sight import SeenMob
from palaestra_worlds.overworld.mobs import MOB_REACH
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.senses import Cell
from palaestra_worlds.overworld.tables import DAMAGE, DURABILITY, RECOVERY, numbers, tables
from palaestra_worlds.structured import StructuredAction

MOST_BLOWS = 60
"""At one and the same mob before it is given up."""
GATHERINGS, GATHERING_TICKS = 1, 400
"""Times that an animal is looked at for what it has left, and ticks until all are looked at again."""
_ARMS = ("_sword", "_axe")
"""What is taken in hand to fight; other tools are spared."""


def attack(hands: Hands, action: StructuredAction) -> str:
    """Finds and kills mobs until `count` more of what they leave are at hand, or so many are dead."""
    prey = prey_named(action.object)
    if action.tool:
        item_at_hand(hands, action.tool)
    before, killed = _gained(hands, prey), hands.senses.kills
    vain: Counter[int] = Counter()
    hands.stays_out = comes_in_the_dark(prey)
    try:
        while (gained := _gained(hands, prey) - before) < action.count:
            try:
                mob = in_sight(hands, prey, vain) or look_for(hands, prey, vain)
            except Failed as failure:
                failure.message += f" {_result(prey, gained, hands.senses.kills - killed)}"
                raise
            if not _kill(hands, mob, action.tool):
                vain[mob.place] += 1
    finally:
        hands.stays_out = False
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
        take_arm(hands, tool)
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


def take_arm(hands: Hands, tool: str) -> None:
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


def gather(hands: Hands, action: StructuredAction) -> str:
    """Takes what animals have left, e.g. hens' eggs, until there are `count` more: from one after the other, and again
    after a while."""
    prey = prey_named(action.object)
    names = [use.makes for use in load_rules().uses if use.at == action.object and not use.tools and not use.takes]
    if not names or not hands.senses.is_whole:
        raise Failed("impossible", f"Nothing comes of using an empty hand on {action.object} here.")
    items = [numbers().item[name] for name in names]
    before = sum(map(hands.senses.count, items))
    vain: Counter[int] = Counter()
    while (gained := sum(map(hands.senses.count, items)) - before) < action.count:
        mob = in_sight(hands, prey, vain)
        if mob is None or vain[mob.place] >= GATHERINGS:
            # All that are to be seen were looked at: others, or the same once more after a while.
            vain = Counter(dict.fromkeys(vain, GATHERINGS))
            try:
                mob = look_for(hands, Prey(prey.name, prey.kinds, prey.items), vain)
            except Failed as failure:
                if failure.kind in FATAL:
                    raise
            if mob is None or vain[mob.place] >= GATHERINGS:
                for _ in range(GATHERING_TICKS):
                    hands.do(NOTHING)
                vain.clear()
                continue
        vain[mob.place] += 1
        keep_up(hands, mob, lambda now: _use(hands, now, 0))
    return f"{gained} {names[0]} were got of {action.object}."


def _use(hands: Hands, mob: SeenMob, item: int) -> bool:
    if item:
        hands.hold(item)
    if not _turn_to(hands, mob):
        return False
    hands.do(USE)
    hands.senses.look()
    return True
