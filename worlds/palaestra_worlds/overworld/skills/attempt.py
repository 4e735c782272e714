"""One attempt at a skill by the player of an ordinary Overworld: what a learned controller is given to see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.engine import allocate_outcome
from palaestra_worlds.overworld.skills.goals import SKILLS, TICKS, Skill, goals_of, items_of
from palaestra_worlds.overworld.skills.judging import begin_kernel, follow_kernel
from palaestra_worlds.overworld.skills.state import (
    REACHED,
    allocate_skill_observations,
    allocate_skills,
    observed,
    skill_view,
)
from palaestra_worlds.overworld.skills.tasks import GOAL, LEAST, MOST_TICKS, NUM_COLUMNS
from palaestra_worlds.overworld.state import CLOCK, HEALTH, PROGRESS, Levels
from palaestra_worlds.overworld.tables import numbers, tables
from palaestra_worlds.overworld.tasks import allocate_lessons


class Attempt:
    """Follows what a player does, as a world of the skill would, and observes the same.

    The world beneath is only read; what a player perceives of it, and no more, is in `observations`.

    Args:
        levels: of the batch.
        index: the environment.
        skill: which.
        goal: its number, which is observed.
        blocks: numbers of the blocks that count, at least one.
    """

    def __init__(self, levels: Levels, index: int, skill: Skill, goal: int, blocks: frozenset[int]) -> None:
        # Rows of a batch of one: the kernels are those of training.
        self._levels = levels._replace(**{name: row[index : index + 1] for name, row in levels._asdict().items()})
        self._skills = allocate_skills(1)
        self._number = SKILLS.index(skill)
        self._observations, self._last = (allocate_skill_observations(1) for _ in range(2))
        self._outcome, self._lessons = allocate_outcome(1), allocate_lessons(1)
        wanted = np.zeros(len(numbers().blocks), np.bool_)
        wanted[sorted(blocks)] = True
        goals = goals_of(skill)
        chosen = goals._replace(blocks=goals.blocks.copy(), items=goals.items.copy())
        chosen.blocks[goal], chosen.items[goal] = wanted, items_of(wanted)
        task = np.zeros((1, NUM_COLUMNS), np.int64)
        task[0, [GOAL, LEAST, MOST_TICKS]] = goal, 1, TICKS[skill]
        self._deadline = int(self._levels.status[0, CLOCK]) + TICKS[skill]
        rows = np.zeros(1, np.int64)
        begin_kernel()(
            self._levels,
            self._skills,
            tables(),
            skill_view(),
            chosen,
            task,
            rows,
            self._number,
            self._observations,
        )

    @property
    def is_done(self) -> bool:
        """Whether it has succeeded."""
        return bool(self._skills.status[0, REACHED])

    @property
    def is_over(self) -> bool:
        """Whether it has succeeded, its time is up, or the player died."""
        status = self._levels.status[0]
        return self.is_done or int(status[CLOCK]) >= self._deadline or int(status[HEALTH]) <= 0

    @property
    def is_breaking(self) -> bool:
        """Whether the block in view is broken in part."""
        return bool(self._levels.body[0, PROGRESS] > 0)

    def observations(self) -> dict[str, NDArray[Any]]:
        """Of one environment, see `world.SkillWorld`."""
        return observed(self._observations, copy=False)

    def follow(self) -> None:
        """After each action of the player: what it sees now, and whether it is done."""
        self._outcome.terminated[:] = self._outcome.truncated[:] = False
        follow_kernel()(
            0,
            1,
            self._levels,
            self._skills,
            self._lessons,
            tables(),
            skill_view(),
            self._number,
            np.ones(1, np.bool_),
            self._outcome,
            self._observations,
            self._last,
        )
