"""A caption as numbers: which words, and which pairs of neighbouring words, stand in it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import torch

_WORD = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=65_536)
def _places(caption: str, size: int) -> tuple[int, ...]:
    """Where each word and each pair of neighbours counts."""
    found: list[int] = []
    for part in caption.lower().split("; "):
        words = _WORD.findall(part)
        pairs = (" ".join(pair) for pair in pairwise(words))
        found += [zlib.crc32(word.encode()) % size for word in (*words, *pairs)]
    return tuple(found)


def features(captions: Sequence[str], size: int) -> torch.Tensor:
    """float32 (len(captions), size): words and pairs hashed into `size` places, each row of length 1 (0 without words).

    Words that are joined by an underscore are several: "collect_wood" shares one with "collect_stone".
    """
    rows = torch.zeros(len(captions), size)
    counted = [(row, place) for row, caption in enumerate(captions) for place in _places(caption, size)]
    if counted:
        where = torch.tensor(counted).unbind(1)
        rows.index_put_(where, torch.ones(len(counted)), accumulate=True)
    return torch.nn.functional.normalize(rows, dim=1)
