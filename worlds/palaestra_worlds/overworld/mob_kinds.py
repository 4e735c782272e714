"""Which animals and monsters the engine has, by number."""

from __future__ import annotations

PASSIVE = ("cow", "pig", "sheep", "chicken")
HOSTILE = ("zombie", "skeleton", "spider")
MOBS = PASSIVE + HOSTILE
"""The first is number 1; 0 is none."""
COW, PIG, SHEEP, CHICKEN, ZOMBIE, SKELETON, SPIDER = range(1, 8)
