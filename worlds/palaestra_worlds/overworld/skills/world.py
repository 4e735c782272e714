"""An Overworld in which one skill is practised: short attempts that begin near a goal, with the goal observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from palaestra_worlds.base import Task
from palaestra_worlds.compiled import in_pieces
from palaestra_worlds.overworld.constants import MOVES, Rules
from palaestra_worlds.overworld.engine import WAIT
from palaestra_worlds.overworld.keys import keys_of
from palaestra_worlds.overworld.objectives import GOAL_BIT
from palaestra_worlds.overworld.play import FIRST_SATURATION
from palaestra_worlds.overworld.settings import OverworldSettings
from palaestra_worlds.overworld.skills.goals import DRAWN, GOALS, SKILLS, Skill, goals_of
from palaestra_worlds.overworld.skills.judging import (
    LEAST_REWARD,
    MOST_REWARD,
    begin_kernel,
    follow_kernel,
    show_kernel,
)
from palaestra_worlds.overworld.skills.state import (
    ABOUT,
    EPISODES_HERE,
    GAINED,
    LEAST,
    REACHED,
    allocate_skill_observations,
    allocate_skills,
    observed,
    skill_space,
    skill_view,
)
from palaestra_worlds.overworld.skills.tasks import (
    HELD_FOR,
    NUM_COLUMNS,
    SKILL_ACTIONS,
    SkillTask,
    as_level,
    as_skill_task,
    make_rows,
)
from palaestra_worlds.overworld.state import (
    AHEAD,
    AIR,
    DAWN,
    DIFFICULTY,
    FOOD,
    FULL,
    FULL_AIR,
    HEALTH,
    IS_SEEDED,
    NO_TARGET,
    PITCH,
    PROGRESS,
    SATURATION,
    TARGET,
    UNLOCKED,
    X,
    Y,
    Z,
)
from palaestra_worlds.overworld.tables import tables
from palaestra_worlds.overworld.world import OverworldWorld
from palaestra_worlds.snapshots import pack_arrays, unpack_arrays
from palaestra_worlds.task_tables import ASSIGNED, NO_TASK, TASK

ATTACK = SKILL_ACTIONS.index("attack")
_KEPT = (X, Z, Y, DAWN, DIFFICULTY, IS_SEEDED)


class SkillWorld(OverworldWorld):
    """A batch of Overworlds in which one skill is practised, see `OverworldSettings.skill`.

    **Observations**: `cells` uint8 (5, 7, 7), the cells around the eyes by what they are for the skill (see
    `state`; what counts is a kind of its own), `own` float32, `around` float32 (7, 7), land that was looked at, and
    `goal` float32, which of `goals.GOALS` it is about. A player remembers the nearest goal that it has seen: rays from
    the eyes, 16 in each step, up to 40 cells far.
    **Actions**: `SKILL_ACTIONS`; `attack` goes on for up to ten ticks while the same block is in view.
    **Rewards**, dense: for each cell that the remembered goal is nearer, for its block's breaking, for land looked at
    for the first time (explore); 1 when it is done (mine: shared out over the blocks).
    **Ends**: done (success): so many blocks mined; something that counts is within reach of the hand by turning only;
    something that counts was seen. Death; truncation after the task's ticks.

    Args:
        id: "Overworld".
        num_envs: environments that step together.
        settings: with a skill.
    """

    task_space = SkillTask
    reward_range = (LEAST_REWARD, MOST_REWARD)
    about = OverworldWorld.about.replace(
        "and is to come by a diamond", "or a tool, within a walk of what the attempt is about"
    )

    def __init__(self, id: str, num_envs: int, settings: OverworldSettings) -> None:
        super().__init__(id, num_envs, settings)
        assert settings.skill != "none"
        self.objectives = ("success",)
        self.reward_range = (LEAST_REWARD, MOST_REWARD)
        self._skill: Skill = settings.skill
        self._number = SKILLS.index(settings.skill)
        self.action_names = SKILL_ACTIONS
        self.keys = keys_of(SKILL_ACTIONS)
        self.single_observation_space = skill_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = spaces.Discrete(len(SKILL_ACTIONS))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._primitive = np.array([list(MOVES).index(name) for name in SKILL_ACTIONS], np.int64)
        self._skills = allocate_skills(num_envs)
        self._shown, self._last = (allocate_skill_observations(num_envs) for _ in range(2))
        self._bank_rows = self._rows = np.zeros((0, NUM_COLUMNS), np.int64)
        self._own_row = make_rows([SkillTask()], settings.skill)

    # ------------------------------------------------------------------------------------------ gymnasium

    def _seed(self, seed: int | Sequence[int | None] | None, chosen: NDArray[np.bool_]) -> None:
        super()._seed(seed, chosen)
        # Seeded or not, a reset begins a land of its own.
        self._skills.status[chosen, EPISODES_HERE] = 0

    def _act(self, actions: NDArray[np.int64]) -> None:
        outcome = self._outcome
        primitive = self._primitive[actions]
        self._play(primitive, self._rules, self._threads, is_seen=False)
        for _ in range(HELD_FOR - 1):
            goes_on = (actions == ATTACK) & ~outcome.ended & (self._levels.body[:, PROGRESS] > 0)
            if not goes_on.any():
                break
            self._play(np.where(goes_on, primitive, WAIT), self._rules, self._threads, is_seen=False)
        self._follow(np.ones(self.num_envs, np.bool_))

    def _begin(self, chosen: NDArray[np.bool_]) -> None:
        self._begin_episodes(np.flatnonzero(chosen))

    def _look(self, chosen: NDArray[np.bool_]) -> None:
        show_kernel()(self._levels, self._skills, tables(), skill_view(), np.flatnonzero(chosen), self._shown)

    def _observed(self, copy: bool) -> dict[str, Any]:
        return observed(self._shown, copy)

    def _last_observed(self, copy: bool) -> dict[str, Any]:
        return observed(self._last, copy)

    # ------------------------------------------------------------------------------------------ tasks

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        checked = [as_skill_task(task) for task in tasks or ()]
        super().draw_from(None if tasks is None else [as_level(task) for task in checked], weights)
        self._bank_rows = self._rows = make_rows(checked, self._skill)

    def assign(self, tasks: Sequence[Task | None]) -> None:
        checked = [None if task is None else as_skill_task(task) for task in tasks]
        super().assign([None if task is None else as_level(task) for task in checked])
        given = make_rows([task for task in checked if task is not None], self._skill)
        self._rows = np.concatenate([self._bank_rows, given])

    def explain(self, task: Task) -> tuple[str, ...]:
        checked = as_skill_task(task)
        what = checked.target or f"any of {', '.join(DRAWN[self._skill])}"
        many = f"{checked.count} " if self._skill == "mine" else ""
        return (f"{self._skill} {many}{what}",)

    def act(self, index: int, action: int, rules: Rules) -> None:
        super().act(index, action, rules)
        acted = np.zeros(self.num_envs, np.bool_)
        acted[index] = True
        self._follow(acted)

    # ------------------------------------------------------------------------------------------ state

    def describe(self, index: int) -> str:
        status = self._skills.status[index]
        gained = f", {status[GAINED]} of {status[LEAST]} so far" if self._skill == "mine" else ""
        return f"{super().describe(index)}\nPractising: {self._skill} {GOALS[status[ABOUT]]}{gained}."

    def snapshot(self) -> bytes:
        inner = {"overworld": np.frombuffer(super().snapshot(), np.uint8)}
        own = {f"skills/{name}": array for name, array in self._skills._asdict().items()}
        return pack_arrays(self.identity(), inner | own | {"bank_rows": self._bank_rows, "rows": self._rows})

    def restore(self, data: bytes) -> None:
        arrays = unpack_arrays(data, self.identity())
        super().restore(arrays["overworld"].tobytes())
        for name, array in self._skills._asdict().items():
            array[...] = arrays[f"skills/{name}"]
        self._bank_rows, self._rows = arrays["bank_rows"], arrays["rows"]

    def snapshot_of(self, index: int) -> dict[str, NDArray[Any]]:
        own = {f"skills/{name}": array[index].copy() for name, array in self._skills._asdict().items()}
        return super().snapshot_of(index) | own

    def restore_to(self, index: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().restore_to(index, arrays)
        for name, array in self._skills._asdict().items():
            array[index] = arrays[f"skills/{name}"]

    def identity(self) -> dict[str, Any]:
        settings = self.settings
        return super().identity() | {"skill": settings.skill, "episodes_here": settings.episodes_here}

    # ------------------------------------------------------------------------------------------ internals

    def _begin_episodes(self, rows: NDArray[np.intp]) -> None:
        """New attempts; in land that is still used, the player begins elsewhere in it, and it stays as it was left."""
        status = self._skills.status
        was_set = self._lessons.status[rows, TASK] != NO_TASK
        is_set = (self._lessons.status[rows, ASSIGNED] != NO_TASK) | (len(self._bank.cumulative) > 0)
        fresh = (status[rows, EPISODES_HERE] % self.settings.episodes_here == 0) | was_set | is_set
        if fresh.any():
            super()._begin_episodes(rows[fresh])
            status[rows[fresh], EPISODES_HERE] = 0
        self._renew(rows[~fresh])
        status[rows, EPISODES_HERE] += 1
        self._lessons.counts[rows] = False
        # NO_TASK is -1: the last row.
        tasks = np.concatenate([self._rows, self._own_row])[self._lessons.status[rows, TASK]]
        goals, view = goals_of(self._skill), skill_view()
        begin_kernel()(self._levels, self._skills, tables(), view, goals, tasks, rows, self._number, self._shown)

    def _renew(self, rows: NDArray[np.intp]) -> None:
        """The player of a land that goes on: rested, with nothing, at the first tick."""
        status, body = self._levels.status, self._levels.body
        kept = {column: status[rows, column] for column in _KEPT}
        status[rows] = 0
        for column, values in kept.items():
            status[rows, column] = values
        status[rows, HEALTH] = status[rows, FOOD] = FULL
        status[rows, AIR], status[rows, PITCH], status[rows, TARGET] = FULL_AIR, AHEAD, NO_TARGET
        body[rows] = 0.0
        body[rows, SATURATION] = FIRST_SATURATION
        self._levels.slots[rows] = 0

    def _episodes(self) -> dict[str, NDArray[Any]]:
        outcome = self._outcome
        return {"success": outcome.episode_unlocked > 0, "ticks": outcome.episode_ticks.copy()}

    def _follow(self, acted: NDArray[np.bool_]) -> None:
        follow, view = follow_kernel(), skill_view()

        def run(first: int, last: int) -> None:
            follow(
                first,
                last,
                self._levels,
                self._skills,
                self._lessons,
                tables(),
                view,
                self._number,
                acted,
                self._outcome,
                self._shown,
                self._last,
            )

        in_pieces(run, self.num_envs, self._threads)
        self._levels.status[:, UNLOCKED] |= self._skills.status[:, REACHED] << GOAL_BIT
