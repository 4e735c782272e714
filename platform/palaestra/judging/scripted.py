"""Scripted judges: programs that compare episodes by a score that nobody who learns is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from palaestra_worlds.demonstrations import SCRIPTED, Comparison, Demonstrations


def judge_by(
    file: Demonstrations, scores: Mapping[int, float], count: int, seed: int = 0, mistakes: float = 0.0
) -> list[Comparison]:
    """Compares pairs of episodes that are drawn at random, and keeps the comparisons.

    Args:
        file: which has the episodes.
        scores: by number of the episode, at least two; the higher one is better, equal ones are equally good.
        count: of comparisons; a pair may come again.
        seed: of the draws.
        mistakes: share of the answers that are the wrong way round.

    Raises:
        DemonstrationsError: the file cannot be written.
    """
    random = np.random.default_rng(seed)
    numbers = sorted(scores)
    found = []
    for _ in range(count):
        one, other = (int(numbers[k]) for k in random.choice(len(numbers), 2, replace=False))
        better = 0.5 + 0.5 * float(np.sign(scores[one] - scores[other]))
        if random.random() < mistakes:
            better = 1.0 - better
        found.append(Comparison(SCRIPTED, one, other, better))
    file.compare(found)
    return found
