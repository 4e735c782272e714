"""Scripted judges: programs that compare episodes by a score that nobody who learns is told.

    python -m palaestra.judging.scripted caves.demonstrations --comparisons 400

compares the episodes in a file by how many of their world's own checks they pass: an oracle, in place of people.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from palaestra_worlds.demonstrations import (
    SCRIPTED,
    Comparison,
    Demonstrations,
    DemonstrationsError,
    Episode,
    replay,
)


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


def scores_by_checks(file: Demonstrations) -> dict[int, float]:
    """How many of its world's checks each episode passes, by its number.

    Raises:
        DemonstrationsError: an episode's world checks nothing, or the episode ends otherwise here than it did.
    """
    alike: dict[str, list[Episode]] = {}
    for episode in file.episodes():
        if episode.state == "ended":
            alike.setdefault(json.dumps([episode.world, episode.settings], sort_keys=True), []).append(episode)
    found = {}
    try:
        for episodes in alike.values():
            for replayed in replay(episodes, watch=True):
                assert replayed.checked is not None
                found[replayed.episode.number] = float(replayed.checked.sum())
    except DemonstrationsError as error:
        raise DemonstrationsError(f"{file.path}: {error}") from error
    return found


def main() -> None:
    """Compares from the command line."""
    parser = argparse.ArgumentParser(description="Compares episodes by their world's checks.")
    parser.add_argument("file", type=Path, help="of demonstrations; comparisons are added")
    parser.add_argument("--comparisons", type=int, default=400)
    parser.add_argument("--mistakes", type=float, default=0.0, help="share of answers that are the wrong way round")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    try:
        file = Demonstrations(chosen.file)
        scores = scores_by_checks(file)
        if len(scores) < 2:
            raise DemonstrationsError(f"{chosen.file} has {len(scores)} episodes that ended; it takes two to compare")
        made = judge_by(file, scores, chosen.comparisons, chosen.seed, chosen.mistakes)
        file.close()
    except DemonstrationsError as error:
        raise SystemExit(f"palaestra: {error}") from error
    decided = sum(one.better != 0.5 for one in made)
    print(f"{len(made)} comparisons of {len(scores)} episodes, {decided} with a preference, in {chosen.file}")


if __name__ == "__main__":
    main()
