"""What judges are shown: trained agents, each on the same levels, as short films without names."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from palaestra.evaluation import FIRST_EVALUATION_LEVEL
from palaestra.judging.answers import Answer
from palaestra.run import Run

SIDE = 400
"""Longer side of a clip in pixels."""
MOST_FRAMES = 240
"""Frames of a clip at most; of a longer episode, frames are left out evenly."""
FRAMES_PER_SECOND = 12.0
MOMENTS = 4
"""Of a clip that a language model is told of."""


@dataclass(frozen=True)
class Contestant:
    """A trained agent that is judged.

    Attributes:
        name: what the ranking calls it.
        run, arm: where it was trained.
    """

    name: str
    run: Run
    arm: str


@dataclass(frozen=True)
class Pair:
    """Two clips of one level, left and right; `left` and `right` are names of contestants."""

    level: int
    left: str
    right: str


def contestants(runs: Sequence[Run], arms: Sequence[str] = ()) -> list[Contestant]:
    """All arms of all runs, or those with a name in `arms`; a run's name is part of theirs where there are several.

    Raises:
        ValueError: there are fewer than two, or an arm is in no run.
    """
    missing = sorted(set(arms) - {arm for run in runs for arm in run.spec.arm_names})
    if missing:
        known = ", ".join(sorted({arm for run in runs for arm in run.spec.arm_names}))
        raise ValueError(f"no run has an arm '{missing[0]}'; there are: {known}")
    found = [
        Contestant(arm if len(runs) == 1 else f"{run.folder.name}/{arm}", run, arm)
        for run in runs
        for arm in run.spec.arm_names
        if not arms or arm in arms
    ]
    if len(found) < 2:
        raise ValueError("it takes two agents to compare: name another run, or a run with several arms")
    worlds = sorted({contestant.run.spec.arm(contestant.arm).world.id for contestant in found})
    if len(worlds) > 1:
        raise ValueError(f"these agents act in different worlds and cannot be compared: {', '.join(worlds)}")
    return found


@dataclass(frozen=True)
class Told:
    """A clip in words.

    Attributes:
        steps: of the episode.
        moments: steps done, and the state after them as the world describes it.
    """

    steps: int
    moments: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Clip:
    """One episode of the level with this seed.

    Attributes:
        level: its seed.
        film: animated WebP.
        told: in words.
        actions: what was done, of worlds with numbered actions.
        digest: of what was seen last.
    """

    level: int
    film: bytes
    told: Told
    actions: tuple[int, ...] = ()
    digest: str = ""


@dataclass(frozen=True)
class Contest:
    """What judges are asked about.

    Attributes:
        task: what the agents were to do, in words.
        clips: by contestant and level; every contestant has one of every level.
    """

    task: str
    clips: Mapping[tuple[str, int], Clip]

    @property
    def schedule(self) -> Schedule:
        """Of all pairs, drawn anew each time."""
        return Schedule(sorted({name for name, _ in self.clips}), sorted({level for _, level in self.clips}))


def play(contestant: Contestant, levels: int, first: int = FIRST_EVALUATION_LEVEL) -> list[Clip]:
    """Its clips of so many levels from `first` on, which are held-out ones unless it says otherwise.

    Raises:
        WatchError, CheckpointError: it was not trained, or its checkpoint cannot be used.
        ValueError: its world or agent cannot be built.
    """
    from palaestra.watch import Player, to_bytes

    player = Player(contestant.run, contestant.arm)
    try:
        films = [player.play(first + k, SIDE, MOST_FRAMES, MOMENTS) for k in range(levels)]
    finally:
        player.close()
    return [
        Clip(
            film.level_seed,
            to_bytes([film], speed=FRAMES_PER_SECOND, side=SIDE, outcome=False),
            Told(film.length, film.moments),
            film.actions,
            film.digest,
        )
        for film in films
    ]


@dataclass
class Schedule:
    """Which pair a judge is shown next: one that was compared least, in an order and on sides drawn at random.

    Attributes:
        names: of the contestants.
        levels: seeds of the levels that all of them have clips of.
        generator: draws.
    """

    names: Sequence[str]
    levels: Sequence[int]
    generator: random.Random = field(default_factory=random.Random)

    def next(self, judge: str, answers: Sequence[Answer], without: Iterable[Pair] = ()) -> Pair | None:
        """None: this judge has compared all there is, but for those `without`."""
        counted = Counter(_key(answer.level, answer.left, answer.right) for answer in answers)
        skipped = {_key(pair.level, pair.left, pair.right) for pair in without}
        open_pairs = [key for key in self._open(judge, answers) if key not in skipped]
        if not open_pairs:
            return None
        fewest = min(counted[key] for key in open_pairs)
        level, one, other = self.generator.choice([key for key in open_pairs if counted[key] == fewest])
        left, right = self.generator.sample([one, other], 2)
        return Pair(level, left, right)

    def left_to_do(self, judge: str, answers: Sequence[Answer]) -> int:
        """Pairs that this judge has not compared."""
        return len(self._open(judge, answers))

    def _open(self, judge: str, answers: Sequence[Answer]) -> list[tuple[int, str, str]]:
        done = {_key(answer.level, answer.left, answer.right) for answer in answers if answer.judge == judge}
        pairs = (_key(level, *pair) for level in self.levels for pair in combinations(self.names, 2))
        return [key for key in pairs if key not in done]


def _key(level: int, left: str, right: str) -> tuple[int, str, str]:
    one, other = sorted((left, right))
    return level, one, other
