"""Reward by retrieval: 1 for captions that the model called helpful, looked up by their hash."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def caption_hash(caption: str) -> int:
    """The first 64 bits of a BLAKE2b hash of the text; two of n captions share one with probability n^2 / 2^65."""
    return int.from_bytes(hashlib.blake2b(caption.encode(), digest_size=8).digest(), "little")


class LabelTable:
    """What the model said about each caption: helpful or not."""

    def __init__(self) -> None:
        self._labels: dict[int, bool] = {}

    def add(self, caption: str, helpful: bool) -> None:
        self._labels[caption_hash(caption)] = helpful

    def learn(self) -> dict[str, float]:
        """Nothing has to be trained."""
        return {}

    def reward(self, caption: str) -> float:
        """1 for helpful captions; 0 for others, and for those without a label yet."""
        return float(self._labels.get(caption_hash(caption), False))

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def helpful(self) -> int:
        """How many captions are helpful."""
        return sum(self._labels.values())

    def state_dict(self) -> dict[str, Any]:
        return {
            "hashes": np.array(list(self._labels), dtype=np.uint64),
            "helpful": np.array(list(self._labels.values()), dtype=np.bool_),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._labels = dict(zip(state["hashes"].tolist(), state["helpful"].tolist(), strict=True))
