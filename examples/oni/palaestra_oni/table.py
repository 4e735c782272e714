"""Reward by retrieval: 1 for captions that the model called helpful, looked up by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def caption_hash(caption: str) -> int:
    """The first 64 bits of a BLAKE2b hash of the text; two of n captions share one with probability n^2 / 2^65."""
    return int.from_bytes(hashlib.blake2b(caption.encode(), digest_size=8).digest(), "little")


class LabelTable:
    """What the model said about each caption: helpful or not."""

    def __init__(self) -> None:
        self._labels: dict[int, bool] = {}

    def add(self, question: str, content: dict[str, Any]) -> None:
        """Takes in the label of a caption."""
        self._labels[caption_hash(question)] = bool(content["helpful"])

    def learn(self, seen: Sequence[str]) -> dict[str, float]:
        """A table has nothing to train."""
        return {}

    def reward(self, caption: str) -> float:
        """1 for helpful captions; 0 for others, and for those without a label yet."""
        return float(self._labels.get(caption_hash(caption), False))

    def summary(self) -> dict[str, float]:
        """How many labels there are, and how many are helpful."""
        return {"oni/answers": float(len(self._labels)), "oni/helpful": float(sum(self._labels.values()))}

    def state_dict(self) -> dict[str, Any]:
        """Hashes as uint64 (K,), and whether each is helpful as bool (K,)."""
        return {
            "hashes": np.array(list(self._labels), dtype=np.uint64),
            "helpful": np.array(list(self._labels.values()), dtype=np.bool_),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._labels = dict(zip(state["hashes"].tolist(), state["helpful"].tolist(), strict=True))
