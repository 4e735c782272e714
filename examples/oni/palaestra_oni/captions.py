"""What happened in a step, in a few words: what a world's description says now and did not say before."""

from __future__ import annotations

import re
from functools import lru_cache

from palaestra_oni.config import CaptionConfig

Said = frozenset[str]
"""The parts of a description, without places and numbers."""

_PLACE = re.compile(r"\(\s*-?\d+\s*,\s*-?\d+\s*\)")
_NUMBER = re.compile(r"\b-?\d+(\.\d+)?\b")
_END = re.compile(r"[,;:.]")
_LOOSE = re.compile(r"\s+(at|with|of|in|to)$")


class Captioner:
    """Makes captions of descriptions.

    Places and numbers are left out, so that captions are few: "open yellow door", wherever it is.
    """

    def __init__(self, config: CaptionConfig) -> None:
        self._config = config
        self._ignored = [re.compile(pattern) for pattern in config.ignore]
        self._parts = lru_cache(maxsize=65_536)(self._read)

    def said(self, description: str) -> Said:
        """The parts of a description that captions are made of."""
        lines = self._config.lines
        chosen = (line for line in description.splitlines() if not lines or line.startswith(lines))
        return frozenset().union(*map(self._parts, chosen))

    def caption(self, before: Said, now: Said) -> str:
        """What is new, in alphabetical order; empty where nothing is."""
        if now <= before:
            return ""
        return "; ".join(sorted(now - before))[: self._config.longest]

    def _read(self, line: str) -> Said:
        line = _NUMBER.sub("", _PLACE.sub("", line.removeprefix("- ")))
        parts = (_LOOSE.sub("", " ".join(part.split())) for part in _END.split(line))
        return frozenset(part for part in parts if part and not any(one.fullmatch(part) for one in self._ignored))
