"""Crafter's own measure of a learner, over every episode that it trained in."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palaestra_worlds.crafter.character import ACHIEVEMENTS


def success_rates(unlocked: ArrayLike) -> NDArray[np.float64]:
    """In what share of episodes each achievement was unlocked, in percent, (22,).

    Args:
        unlocked: (episodes, 22): how often each was done in each episode, or whether it was.

    Raises:
        ValueError: there is no episode, or there are not 22 columns.
    """
    done = np.asarray(unlocked)
    if done.ndim != 2 or done.shape[1] != len(ACHIEVEMENTS) or not len(done):
        raise ValueError(
            f"success rates need (episodes, {len(ACHIEVEMENTS)}) with an episode or more, not {done.shape}"
        )
    return 100.0 * (done > 0).mean(axis=0)


def crafter_score(rates: ArrayLike) -> float:
    """The geometric mean over achievements of success rates, in percent: exp(mean(ln(1 + rate))) - 1.

    Unlike an average it grows most with what is hardly ever unlocked. It is defined in "Benchmarking the Spectrum of
    Agent Capabilities" (Hafner, 2021) over all episodes of a training of 1 M steps.

    Args:
        rates: success rates in percent, of any number of achievements.

    Raises:
        ValueError: a rate is not from 0 to 100.
    """
    found = np.asarray(rates, dtype=np.float64)
    if not found.size or not ((found >= 0) & (found <= 100)).all():
        raise ValueError(f"success rates in percent are from 0 to 100, not {found}")
    return float(np.exp(np.log1p(found).mean()) - 1.0)


def unlocked_bits(bits: ArrayLike) -> NDArray[np.bool_]:
    """Achievements (episodes, 22) from integers with a bit for each, as the engine counts them."""
    numbers = np.atleast_1d(np.asarray(bits, dtype=np.int64))
    return (numbers[:, None] >> np.arange(len(ACHIEVEMENTS)) & 1).astype(np.bool_)
