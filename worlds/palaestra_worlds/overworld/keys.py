"""Keys by which a person plays an Overworld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOVE_KEYS: dict[str, str] = {
    "w": "forward",
    "a": "left",
    "s": "back",
    "d": "right",
    "left": "turn left",
    "right": "turn right",
    "up": "look up",
    "down": "look down",
    "space": "jump",
    "f": "attack",
    "e": "use",
    ".": "wait",
}
_FREE = "1234567890zxcvbhjklmuioyprt"
"""Keys for all else, as far as they go round."""


def keys_of(names: Sequence[str], more: Mapping[str, str] = MOVE_KEYS) -> dict[str, tuple[str, int]]:
    """What each key does, in words, and its action.

    Args:
        names: of the actions, by number. Those without a key in `more` get one of the free keys each, unless there are
            more of them than that: then they are called by their names.
        more: names by key.
    """
    chosen = {key: name for key, name in more.items() if name in names}
    others = [name for name in names if name not in more.values()]
    if len(others) <= len(_FREE):
        chosen |= dict(zip(_FREE, others, strict=False))
    return {key: (name.replace("_", " "), names.index(name)) for key, name in chosen.items()}
