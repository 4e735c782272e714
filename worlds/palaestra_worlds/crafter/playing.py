"""Crafter for people: which key does what, and what the player has."""

from __future__ import annotations

from palaestra_worlds.crafter.character import ACHIEVEMENTS, ACTIONS
from palaestra_worlds.crafter.state import SLEEPING, UNLOCKED, Levels
from palaestra_worlds.crafter.symbolic import ITEMS

_KEYS = {
    "w": "move_up",
    "a": "move_left",
    "s": "move_down",
    "d": "move_right",
    "up": "move_up",
    "left": "move_left",
    "down": "move_down",
    "right": "move_right",
    "space": "do",
    "tab": "sleep",
    "r": "place_stone",
    "t": "place_table",
    "f": "place_furnace",
    "p": "place_plant",
    "1": "make_wood_pickaxe",
    "2": "make_stone_pickaxe",
    "3": "make_iron_pickaxe",
    "4": "make_wood_sword",
    "5": "make_stone_sword",
    "6": "make_iron_sword",
    ".": "noop",
}
"""Those of crafter's own `run_gui`, and arrows."""
_WORDS = {"noop": "wait", "do": "take, drink, eat or hit what is in front"}

KEYS = {key: (_WORDS.get(action, action.replace("_", " ")), ACTIONS.index(action)) for key, action in _KEYS.items()}


def status_of(levels: Levels, i: int) -> str:
    """How the player of environment i is, what it has, and what it has achieved, in three lines."""
    counts = list(zip(ITEMS, levels.inventory[i].tolist(), strict=True))
    body = "  ".join(f"{name} {count}" for name, count in counts[:4])
    asleep = "  asleep" if levels.status[i, SLEEPING] else ""
    things = "  ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts[4:] if count)
    unlocked = int(levels.status[i, UNLOCKED])
    done = [name.replace("_", " ") for bit, name in enumerate(ACHIEVEMENTS) if unlocked >> bit & 1]
    achieved = f"{len(done)} of {len(ACHIEVEMENTS)} achievements" + (f": {', '.join(done)}" if done else "")
    return f"{body}{asleep}\n{things or 'nothing in hand'}\n{achieved}"
