"""Keeps what judges were shown and what they answered, for a reward model to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from palaestra_worlds.demonstrations import Comparison, Demonstrations, DemonstrationsError

from palaestra.build import make_world
from palaestra.judging.answers import Answer
from palaestra.judging.clips import Contest, Contestant

FIRST_KEPT_LEVEL = 0
"""Levels of training: from held-out ones nothing is learned."""
_BETTER = {"left": 1.0, "right": 0.0, "equal": 0.5}


def keep(contest: Contest, contestants: Sequence[Contestant], answers: Sequence[Answer], path: Path) -> int:
    """Adds to a file the episodes of a contest and the answers about them that it does not have yet.

    Returns:
        how many answers were added.

    Raises:
        DemonstrationsError: the file cannot be used, or the world's actions have no numbers.
    """
    file = Demonstrations(path, create=True)
    try:
        known = {(episode.by, episode.seed): episode.number for episode in file.episodes()}
        done = {(one.judge, one.one, one.other) for one in file.comparisons()}
        by_name = {contestant.name: contestant for contestant in contestants}
        found = []
        for answer in answers:
            shown = [(answer.left, answer.level), (answer.right, answer.level)]
            if any(key not in contest.clips for key in shown):
                continue
            for key in shown:
                if key not in known:
                    known[key] = _add(file, contest, by_name[key[0]], key)
            one, other = (known[key] for key in shown)
            if (answer.judge, one, other) not in done and (answer.judge, other, one) not in done:
                found.append(Comparison(answer.judge, one, other, _BETTER[answer.choice]))
                done.add((answer.judge, one, other))
        file.compare(found)
        return len(found)
    finally:
        file.close()


def _add(file: Demonstrations, contest: Contest, contestant: Contestant, key: tuple[str, int]) -> int:
    clip = contest.clips[key]
    arm = contestant.run.spec.arm(contestant.arm)
    if not clip.actions or not clip.digest:
        raise DemonstrationsError(
            f"nothing can be learned from clips of {arm.world.id}: its actions are not numbered, or its observations "
            "have no parts"
        )
    world = make_world(arm, 1)
    try:
        task = world.task_space(level_seed=clip.level)
        number = file.begin(contestant.name, world, arm.world.settings, task, clip.level)
    finally:
        world.close()
    file.add_all(number, clip.actions)
    file.end(number, clip.digest)
    return number
