"""What the scripted model says to this package's questions: a few rules about words, and no language model.

It reads the very prompt that a language model would be given.
"""

from __future__ import annotations

import re
from typing import Any

RULES: tuple[tuple[str, int], ...] = (
    # MiniGrid: a key, then the door, then what lies behind it.
    (r"carrying \w+ key", 1),
    (r"open \w+ door", 2),
    (r"carrying \w+ (ball|box)", 3),
    # Crafter: its achievements, by how much has to come before them.
    (r"(collect (wood|sapling|drink)|eat cow|wake up|place plant)", 1),
    (r"(place table|make wood \w+|collect (stone|coal)|place stone|defeat \w+|eat plant)", 2),
    (r"(make stone \w+|place furnace|collect iron)", 3),
    (r"(make iron \w+|collect diamond)", 4),
)
"""Expressions that match a whole part of a caption, and how far along that is."""
_PATTERNS = [(re.compile(pattern), worth) for pattern, worth in RULES]
_LABEL = re.compile(r"^What happened: (.*)\n</world>\n\nIs what happened helpful\?", re.MULTILINE)
_PAIR = re.compile(r"^First: (.*)\nSecond: (.*)\n</world>\n\nWhich of the two is better\?", re.MULTILINE)


def worth(caption: str) -> int:
    """How far along the best part of a caption is; 0: no rule knows any of it."""
    parts = caption.split("; ")
    return max((worth for pattern, worth in _PATTERNS for part in parts if pattern.fullmatch(part)), default=0)


def answer(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The reply to a prompt of this package's; None for any other."""
    if found := _LABEL.search(prompt):
        return {"why": "a rule about words", "helpful": worth(found[1]) > 0}
    if found := _PAIR.search(prompt):
        first, second = worth(found[1]), worth(found[2])
        better = "first" if first > second else "second" if second > first else "neither"
        return {"why": "a rule about words", "better": better}
    return None
