"""Observations as what a reward model reads: kinds of things as one-hot, the rest as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Space

MOST_KINDS = 64
"""Integers up to here are kinds of things."""


class Features(NamedTuple):
    """Of B observations."""

    kinds: torch.Tensor
    """int64 (B, cells): which of all inputs each cell switches on."""
    numbers: torch.Tensor
    """float32 (B, numbers)."""

    def rows(self, index: Any) -> Features:
        return Features(self.kinds[index], self.numbers[index])


class Reader:
    """Reads the observations of one space; texts, and subgoals of other teachers, are left out.

    Attributes:
        cells: that are of some kind.
        inputs: that they can switch on.
        numbers: besides.

    Raises:
        ValueError: nothing of them can be read.
    """

    def __init__(self, space: Space[Any]) -> None:
        self._is_dict = isinstance(space, Dict)
        parts = dict(space.spaces) if isinstance(space, Dict) else {"": space}
        self._kinds: list[tuple[str, int, int, int]] = []
        """Key, cells, first input of the first cell, kinds."""
        self._numbers: list[tuple[str, float]] = []
        self.inputs = self.numbers = self.cells = 0
        for key, part in parts.items():
            if key == "subgoal" or not isinstance(part, Box | Discrete | MultiBinary):
                continue
            most = _kinds_of(part)
            size = int(np.prod(part.shape)) if part.shape else 1
            if most is not None:
                self._kinds.append((key, size, self.inputs, most))
                self.inputs += size * most
                self.cells += size
            else:
                self._numbers.append((key, _scale_of(part)))
                self.numbers += size
        if not self._kinds and not self._numbers:
            raise ValueError("a reward model would see nothing: no part of the observation is made of numbers")

    def read(self, observations: Any) -> Features:
        """Of a batch: a mapping of arrays (B, ...), or one array."""
        parts: Mapping[str, Any] = observations if self._is_dict else {"": observations}
        first = next(key for key, *_ in (*self._kinds, *self._numbers))
        count = len(parts[first])
        kinds = [
            torch.from_numpy(np.asarray(parts[key]).reshape(count, size).astype(np.int64).clip(0, most - 1))
            + torch.arange(size) * most
            + start
            for key, size, start, most in self._kinds
        ]
        numbers = [
            torch.from_numpy(np.asarray(parts[key], np.float32).reshape(count, -1) / scale)
            for key, scale in self._numbers
        ]
        return Features(
            torch.cat(kinds, dim=1) if kinds else torch.zeros(count, 0, dtype=torch.int64),
            torch.cat(numbers, dim=1) if numbers else torch.zeros(count, 0),
        )


def _kinds_of(part: Space[Any]) -> int | None:
    """How many kinds there are; None where these are no kinds."""
    if isinstance(part, Discrete):
        return int(part.n) if part.start == 0 and part.n <= MOST_KINDS else None
    if isinstance(part, MultiBinary):
        return 2
    if not isinstance(part, Box) or part.dtype.kind not in "iub":  # pyright: ignore[reportOptionalMemberAccess]
        return None
    if part.low.min() < 0 or part.high.max() >= MOST_KINDS:
        return 12 if part.dtype == np.uint8 and part.shape[-1:] == (3,) and max(part.shape) <= 31 else None
    return int(part.high.max()) + 1


def _scale_of(part: Space[Any]) -> float:
    return 255.0 if part.dtype == np.uint8 else 1.0
