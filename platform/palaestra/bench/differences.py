"""What comparisons of a fast world with its reference find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


class ParityError(AssertionError):
    """The fast world and the reference gave something different; the message says what, where and when."""


@dataclass(frozen=True)
class ParityResult:
    """What was compared without a difference."""

    id: str
    seeds: int
    steps: int
    """Steps compared, over all seeds."""
    episodes: int
    """Episodes that ended meanwhile, over all seeds."""
    successes: int
    seconds: float
    remarks: tuple[str, ...] = ()
    """Sentences about what happened meanwhile."""


def same(where: str, what: str, expected: Any, found: Any) -> None:
    """Raises ParityError unless two values are equal."""
    if expected != found:
        raise ParityError(f"{where}: {what} is {found}, the reference gives {expected}")


def same_array(where: str, what: str, expected: Any, found: Any) -> None:
    """Raises ParityError unless two arrays have the same shape and numbers; of pictures it says how different."""
    expected, found = np.asarray(expected), np.asarray(found)
    if expected.shape != found.shape:
        raise ParityError(f"{where}: {what} has shape {found.shape}, the reference's {expected.shape}")
    if not np.array_equal(found, expected):
        different = np.argwhere(found != expected)
        first = tuple(different[0].tolist())
        most = np.abs(expected.astype(np.float64) - found.astype(np.float64)).max()
        raise ParityError(
            f"{where}: {what} differs in {len(different)} places by at most {most:g}, first at {list(first)}: "
            f"{found[first]}, the reference gives {expected[first]}"
        )
