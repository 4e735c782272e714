"""Finds the observations of a rollout that are equal: a network without memory says the same about all of them.

Agents that look at a small part of a small world see the same again and again: while DoorKey-8x8 is learned, not half
of the 1,024 observations of a minibatch are distinct. The gradient of a mean over a minibatch is a sum over its steps;
summed over equal observations first, it goes through the network once for each distinct one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from palaestra_agents.encoding import Encoded
from palaestra_agents.kernels import jit


class Equals:
    """Which of M observations are equal.

    Args:
        encoded: (M, ...), on the CPU; images are compared where their inputs are listed, and make all observations
            count as distinct where they are not.
    """

    def __init__(self, encoded: Encoded) -> None:
        number = len(encoded.dense)
        self.first = np.arange(number)
        if encoded.image is None or encoded.inputs is not None:
            dense = encoded.dense.numpy().view(np.uint32)
            lists = np.zeros((number, 1), np.int16) if encoded.inputs is None else encoded.inputs.numpy()
            table = np.full(1 << (2 * number).bit_length(), -1, dtype=np.int32)
            _find_first(lists, dense, table, self.first)
        self._place = np.full(number, -1, dtype=np.int32)

    def group(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The distinct observations among some rows.

        Args:
            rows: int64 (B,).

        Returns:
            int64 (U,): a row for each distinct observation; int64 (B,): which of these each row is equal to.
        """
        distinct, inverse = np.empty_like(rows.numpy()), np.empty_like(rows.numpy())
        number = _group(rows.numpy(), self.first, self._place, distinct, inverse)
        return torch.from_numpy(distinct[:number]), torch.from_numpy(inverse)


@jit
def _find_first(lists: Any, dense: Any, table: Any, first: Any) -> None:
    """first[b]: the first row that is equal to row b. The table, -1 everywhere, has a power of two of places."""
    mask = np.uint64(table.size - 1)
    for b in range(first.size):
        hashed = np.uint64(0xCBF29CE484222325)
        for j in range(lists[b, 0] + 1):
            hashed = (hashed ^ np.uint64(lists[b, j])) * np.uint64(0x100000001B3)
        for j in range(dense.shape[1]):
            hashed = (hashed ^ np.uint64(dense[b, j])) * np.uint64(0x100000001B3)
        place = (hashed ^ (hashed >> np.uint64(32))) & mask
        while table[place] >= 0 and not _equal(lists, dense, table[place], b):
            place = (place + np.uint64(1)) & mask
        if table[place] < 0:
            table[place] = b
        first[b] = table[place]


@jit
def _equal(lists: Any, dense: Any, a: int, b: int) -> bool:
    same = True
    for j in range(lists[a, 0] + 1):
        same &= lists[a, j] == lists[b, j]
    for j in range(dense.shape[1]):
        same &= dense[a, j] == dense[b, j]
    return same


@jit
def _group(rows: Any, first: Any, place: Any, distinct: Any, inverse: Any) -> int:
    """`place`, one for each observation, is -1 everywhere, and again so afterwards."""
    number = 0
    for b in range(rows.size):
        row = first[rows[b]]
        if place[row] < 0:
            place[row] = number
            distinct[number] = row
            number += 1
        inverse[b] = place[row]
    for u in range(number):
        place[distinct[u]] = -1
    return number
