"""What happened in a step, in a few words: what a world says about its state now and did not say before."""

from __future__ import annotations

import re
from functools import lru_cache

from palaestra_worlds.base import World

from palaestra_oni.config import CaptionConfig

Said = frozenset[str]
"""The parts of a text, without places and numbers."""

_PLACE = re.compile(r"\(\s*-?\d+\s*,\s*-?\d+\s*\)")
_NUMBER = re.compile(r"\b-?\d+(\.\d+)?\b")
_END = re.compile(r"[,;:.]|\s\s+")
_LOOSE = re.compile(r"\s+(at|with|of|in|to)$")


class Captioner:
    """Makes captions of what a world says.

    Places and numbers are left out, so that captions are few: "open yellow door", wherever it is.
    """

    def __init__(self, config: CaptionConfig) -> None:
        self._config = config
        self._ignored = [re.compile(pattern) for pattern in config.ignore]
        self._parts = lru_cache(maxsize=65_536)(self._read)

    def said(self, world: World, index: int) -> Said:
        """The parts of what a world says about an environment's state."""
        return self.parts(world.describe(index) if self._config.of == "description" else world.status(index))

    def parts(self, text: str) -> Said:
        """The parts of a text that captions are made of."""
        lines = self._config.lines
        chosen = (line for line in text.splitlines() if not lines or line.startswith(lines))
        return frozenset().union(*map(self._parts, chosen))

    def caption(self, before: Said, now: Said) -> str:
        """What is new, in alphabetical order; empty where nothing is."""
        if now <= before:
            return ""
        return "; ".join(sorted(now - before))[: self._config.longest]

    def _read(self, line: str) -> Said:
        parts = _END.split(_PLACE.sub("", line.removeprefix("- ")))
        parts = (_LOOSE.sub("", " ".join(_NUMBER.sub("", part).split())) for part in parts)
        return frozenset(part for part in parts if part and not any(one.fullmatch(part) for one in self._ignored))
