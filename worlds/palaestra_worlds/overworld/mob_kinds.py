"""Which animals and monsters the engine has, by number."""

from __future__ import annotations

PASSIVE = ("cow", "pig", "sheep", "chicken")
HOSTILE = ("zombie", "skeleton", "spider")
MOBS = PASSIVE + HOSTILE
"""The first is number 1; 0 is none."""
MORE_HOSTILE = ("creeper", "enderman", "slime", "witch")
MORE_PASSIVE = ("rabbit", "squid", "cod", "salmon", "pufferfish", "tropical_fish")
ALL_MOBS = MOBS + MORE_HOSTILE + MORE_PASSIVE
"""Those of a world where nature is whole, likewise."""
COW, PIG, SHEEP, CHICKEN, ZOMBIE, SKELETON, SPIDER, CREEPER, ENDERMAN, SLIME, WITCH, RABBIT, SQUID = range(1, 14)


def kinds_of(nature: str) -> tuple[str, ...]:
    """The mobs that a world with this setting of `nature` can have, by number."""
    return ALL_MOBS if nature == "whole" else MOBS
