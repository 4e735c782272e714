"""Who is better, from pairwise answers: the Bradley-Terry model with bootstrap intervals, and how judges agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from palaestra.judging.answers import Answer
from palaestra.statistics import LEVEL, Interval

RESAMPLES = 200
_GENERATOR_SEED = 19_520_101
_REGULARISATION = 0.05
"""Comparisons that everybody is taken to have won and lost against everybody else, so that one who never lost has a
finite strength."""


@dataclass(frozen=True)
class Rank:
    """What answers say of one contestant.

    Attributes:
        compared: answers about it.
        won: of these, how many it won; one that was equal is half a win.
        chance: to win against another contestant, the mean over all others, by the Bradley-Terry model (Biometrika 39,
            1952), with an interval over resampled answers.
    """

    name: str
    compared: int
    won: float
    chance: Interval


@dataclass(frozen=True)
class Agreement:
    """How two judges answered about the same clips.

    Attributes:
        same: share of the pairs on which both chose the same, or both neither.
        pairs: that both answered.
    """

    judges: tuple[str, str]
    same: float
    pairs: int


def ranking(answers: Sequence[Answer]) -> list[Rank]:
    """Everybody who was compared, the strongest first; the same answers give the same numbers."""
    names = sorted({name for answer in answers for name in (answer.left, answer.right)})
    if not names:
        return []
    index = {name: k for k, name in enumerate(names)}
    duels = np.array([_duels(answer, index) for answer in answers])
    chances = _chances(duels, len(names))
    generator = np.random.default_rng(_GENERATOR_SEED)
    drawn = (generator.integers(len(duels), size=len(duels)) for _ in range(RESAMPLES))
    resampled = np.array([_chances(duels[rows], len(names)) for rows in drawn])
    edges = 100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2
    low, high = np.percentile(resampled, edges, axis=0)
    ranks = []
    for name, k in index.items():
        mine = (duels == k).any(axis=2)
        won = float((duels[..., 0] == k).sum() / 2)
        interval = Interval(float(chances[k]), float(low[k]), float(high[k]))
        ranks.append(Rank(name, int(mine.any(axis=1).sum()), won, interval))
    return sorted(ranks, key=lambda rank: -rank.chance.value)


def _duels(answer: Answer, index: dict[str, int]) -> list[tuple[int, int]]:
    """An answer as two duels (winner, loser); one that is equal is won once by each."""
    left, right = index[answer.left], index[answer.right]
    return {
        "left": [(left, right), (left, right)],
        "right": [(right, left), (right, left)],
        "equal": [(left, right), (right, left)],
    }[answer.choice]


def _chances(duels: NDArray[np.int64], contestants: int) -> NDArray[np.float64]:
    """Of winning, float64 (contestants,), from duels (answers, 2, winner and loser)."""
    from choix import ilsr_pairwise

    strengths = ilsr_pairwise(contestants, [tuple(duel) for duel in duels.reshape(-1, 2)], alpha=_REGULARISATION)
    wins = 1.0 / (1.0 + np.exp(strengths - strengths[:, None]))
    np.fill_diagonal(wins, 0.0)
    return wins.sum(axis=1) / (contestants - 1)


def agreements(answers: Sequence[Answer]) -> list[Agreement]:
    """Of every two judges who answered about the same clips; of one who did so twice, the last answer counts."""
    given: dict[str, dict[tuple[int, str, str], str | None]] = {}
    for answer in answers:
        first, second = sorted((answer.left, answer.right))
        given.setdefault(answer.judge, {})[answer.level, first, second] = answer.better
    found = []
    for one, other in combinations(sorted(given), 2):
        both = given[one].keys() & given[other].keys()
        if both:
            same = Counter(given[one][pair] == given[other][pair] for pair in both)[True]
            found.append(Agreement((one, other), same / len(both), len(both)))
    return found
