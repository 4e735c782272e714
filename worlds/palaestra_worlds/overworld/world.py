"""Overworld as a batched world: blocks to break and place, tools and food to make, a goal to come by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from palaestra_worlds.base import Task
from palaestra_worlds.compiled import paying_threads, use_threads
from palaestra_worlds.compiled_world import CompiledWorld
from palaestra_worlds.overworld.biomes import land
from palaestra_worlds.overworld.constants import Rules, action_names, rules_of
from palaestra_worlds.overworld.description import describe_level, explain_task, inventory_of
from palaestra_worlds.overworld.engine import LOOK, UNSEEN, WAIT, advance_kernel, allocate_outcome, begin_kernel
from palaestra_worlds.overworld.keys import keys_of
from palaestra_worlds.overworld.life import AFTER, BEFORE, BEGIN, end_killed, has_life, live
from palaestra_worlds.overworld.mob_sight import write_mobs, write_mobs_met
from palaestra_worlds.overworld.objectives import GOAL_BIT, objectives_of
from palaestra_worlds.overworld.observations import (
    allocate_lidar,
    allocate_mobs,
    allocate_observations,
    as_dict,
    kinds_shown,
    single_space,
    view_of,
)
from palaestra_worlds.overworld.planning import OverworldKnowledge
from palaestra_worlds.overworld.senses import Senses
from palaestra_worlds.overworld.settings import OverworldSettings
from palaestra_worlds.overworld.sight import write_lidar
from palaestra_worlds.overworld.state import (
    CHESTS,
    IS_SEEDED,
    MONSTERS,
    MOST_ANIMALS,
    MOST_MORE,
    NESTS,
    PIECES,
    PLOTS,
    Levels,
    allocate,
    core_of,
)
from palaestra_worlds.overworld.structured_player import OverworldPlayer
from palaestra_worlds.overworld.tables import tables
from palaestra_worlds.overworld.tasks import OverworldTask, TaskTable, allocate_lessons, as_overworld_task, make_table

PLACES = {"none": 0, "passive": MOST_ANIMALS, "all": MOST_ANIMALS + MONSTERS}
"""For mobs, by the setting."""
MORE_PLACES = {"none": 0, "passive": MOST_MORE, "all": PIECES + MOST_MORE}
"""Where nature is whole, besides."""
ENVIRONMENTS_WORTH_A_THREAD = 16
"""Fewer are stepped before a thread has started."""


class OverworldWorld(CompiledWorld):
    """A batch of Overworlds.

    **Observations**: `blocks` uint16 (9, 9, 9), the cells around the eyes, indexed [right, ahead, up], by kind (see
    `observations.KINDS`; 0 where something is in between) or by number; `status` float32, see `observations.STATUS`;
    `counts` float32, how many are at hand of what the objectives name; with block numbers also `slots` int32 (36, 3):
    item, how many, uses of a tool; with `lidar` also `lidar` float32 (rays, 2): how far each ray goes, what it meets;
    with `mobs` also `mobs` float32 (8, 3 + kinds): the nearest in sight, see `mob_sight.write_mobs`.
    **Actions**: discrete, named in `action_names`. A step is one action: a block walked, or a tick of all else.
    **Rewards**: 1 for each objective the first time, and for the goal.
    **Ends**: the goal is reached (success); death; truncation after `max_steps` ticks.

    Args:
        id: "Overworld".
        num_envs: environments that step together; each takes 1.2 MB.
        settings: see `OverworldSettings`.
    """

    task_space = OverworldTask
    objectives = objectives_of("none")
    reward_range = (0.0, float(len(objectives)))
    about = (
        "The original worlds are 96 x 96 cells and 64 high, of plains, forest, desert, mountains, taiga, swamp, beach "
        "and ocean, with caves and ores at the game's depths; the player starts anywhere dry at sunrise, with nothing, "
        "and is to come by a diamond."
    )

    def __init__(self, id: str, num_envs: int, settings: OverworldSettings) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, not {num_envs}")
        self.id = id
        self.num_envs = num_envs
        self.settings = settings
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": ["rgb_array"], "render_fps": 20}
        self.render_mode = "rgb_array"
        self.objectives = objectives_of(settings.mobs)
        self.reward_range = (0.0, float(len(self.objectives)))
        self.action_names = action_names(settings.actions, settings.homestead, settings.nature == "whole")
        self.keys = keys_of(self.action_names)
        self.single_observation_space = single_space(settings)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = gymnasium.spaces.Discrete(len(self.action_names))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._rules = rules_of(settings.max_steps, settings.rules == "easy", self.action_names)
        self._view = view_of(settings.cells)
        rooms = (CHESTS, PLOTS) if settings.homestead else (0, 0)
        is_whole = settings.nature == "whole"
        places = PLACES[settings.mobs] + (MORE_PLACES[settings.mobs] if is_whole else 0)
        self._levels = allocate(num_envs, places, *rooms, NESTS if is_whole else 0, settings.fluids == "flow")
        self._core = core_of(self._levels)
        self._land = land(is_whole)
        self._lessons = allocate_lessons(num_envs)
        self._own = make_table([OverworldTask()])
        self._bank = self._table = make_table([])
        self._outcome = allocate_outcome(num_envs)
        self._observations, self._final = (allocate_observations(settings, num_envs) for _ in range(2))
        self._lidar, self._final_lidar = (allocate_lidar(settings, num_envs) for _ in range(2))
        self._mobs, self._final_mobs = (allocate_mobs(settings, num_envs) for _ in range(2))
        self._threads = paying_threads(settings.threads, num_envs, ENVIRONMENTS_WORTH_A_THREAD)

    # ------------------------------------------------------------------------------------------ tasks

    def _table_of(self, tasks: Sequence[Task]) -> TaskTable:
        return make_table(tasks)

    def explain(self, task: Task) -> tuple[str, ...]:
        make_table([task])
        return explain_task(as_overworld_task(task))

    def knowledge(self) -> OverworldKnowledge:
        return OverworldKnowledge(self.settings.nature)

    def player(self, index: int) -> OverworldPlayer:
        """Who plays environment `index` by structured actions, whatever `actions` a learner has here.

        Raises:
            ValueError: there is no such environment, or `reset` was not called yet.
        """
        if not 0 <= index < self.num_envs:
            raise ValueError(f"there is no environment {index}: num_envs is {self.num_envs}")
        if not self._seeded:
            raise ValueError("call reset before player")
        settings = self.settings
        senses = Senses(self, self._levels, index, settings.max_steps, settings.rules == "easy")
        return OverworldPlayer(senses, self, index)

    def act(self, index: int, action: int, rules: Rules) -> None:
        """Steps one environment by a row of `rules.actions`. Nothing is observed, and no new episode begins."""
        actions = np.full(self.num_envs, WAIT)
        actions[index] = action
        self._play(actions, rules, 1, is_seen=False)

    # ------------------------------------------------------------------------------------------ state

    def state(self) -> Levels:
        """The true state of all environments; to be read only."""
        return self._levels

    def describe(self, index: int) -> str:
        return describe_level(self._levels, index, self._lessons, tables())

    def status(self, index: int) -> str:
        has = ", ".join(f"{count} {item}" for item, count in inventory_of(self._levels, index).items())
        lines = self.describe(index).splitlines()
        chosen = [line for line in lines if line.startswith(("Goal", "Task", "Health", "The player", "In hand"))]
        return "\n".join([*chosen, f"Inventory: {has or 'empty'}"])

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        if self.settings.picture == "first_person":
            from palaestra_worlds.overworld.first_person import draw_view

            return draw_view(self._levels, index)
        from palaestra_worlds.overworld.rendering import draw_level

        return draw_level(self._levels, index)

    def snapshot_of(self, index: int) -> dict[str, NDArray[Any]]:
        """The exact state of one environment: its rows of all arrays."""
        return {
            f"{group}/{name}": array[index].copy()
            for group, values in (("levels", self._levels), ("lessons", self._lessons))
            for name, array in values._asdict().items()
        }

    def restore_to(self, index: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to what `snapshot_of` saw, of any environment of such a world."""
        for group, values in (("levels", self._levels), ("lessons", self._lessons)):
            for name, array in values._asdict().items():
                array[index] = arrays[f"{group}/{name}"]

    # ------------------------------------------------------------------------------------------ internals

    def identity(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "world": self.id,
            "layout": 3,  # since there are nests, and fluids that flow
            "num_envs": self.num_envs,
            "rules": settings.rules,
            "actions": settings.actions,
            "max_steps": settings.max_steps,
            "mobs": settings.mobs,
            "homestead": settings.homestead,
            "nature": settings.nature,
            "fluids": settings.fluids,
        }

    def _act(self, actions: NDArray[np.int64]) -> None:
        self._play(actions, self._rules, self._threads)
        self._scan(~self._outcome.ended, self._lidar, self._mobs)
        self._scan(self._outcome.ended, self._final_lidar, self._final_mobs)

    def _play(self, actions: NDArray[np.int64], rules: Rules, threads: int, is_seen: bool = True) -> None:
        """Carries out actions, WAIT for environments that are left alone; what lives there lives on."""
        if not has_life(self._levels):
            self._advance(actions if is_seen else _unseen(actions), threads, rules)
            return
        life = self._levels, tables(), rules
        actions = live(*life, BEFORE, actions, threads)
        self._advance(_unseen(actions), threads, rules)
        going_on = np.where((actions == WAIT) | self._outcome.ended, WAIT, LOOK)
        live(*life, AFTER, going_on, threads)
        if is_seen:
            self._advance(going_on, threads, rules)
        acted = going_on == LOOK
        end_killed(self._levels, self._lessons, self._outcome, acted)
        killed = acted & self._outcome.ended
        for seen, last in zip(self._observations, self._final, strict=True):
            last[killed[: len(last)]] = seen[killed[: len(last)]]

    def _advance(self, actions: NDArray[np.int64], threads: int, rules: Rules | None = None) -> None:
        if threads > 1:
            use_threads(threads)
        advance_kernel(threads)(
            self._core,
            self._lessons,
            self._observations,
            self._final,
            self._outcome,
            rules or self._rules,
            tables(),
            self._view,
            actions,
        )

    def _look(self, chosen: NDArray[np.bool_]) -> None:
        few = int(np.count_nonzero(chosen)) < 2 * ENVIRONMENTS_WORTH_A_THREAD
        self._advance(np.where(chosen, LOOK, WAIT), 1 if few else self._threads)
        self._scan(chosen, self._lidar, self._mobs)

    def _scan(self, chosen: NDArray[np.bool_], lidar: NDArray[np.float32], mobs: NDArray[np.float32]) -> None:
        """Writes anew what the chosen environments' rays meet, and which mobs they see."""
        if len(lidar) and chosen.any():
            write_lidar(self._levels, chosen, tables(), self._view.shown, lidar, self._threads)
            if len(mobs):
                shown = kinds_shown(self.settings)
                write_mobs_met(self._levels, chosen, tables(), shown, lidar, self._threads)
        if len(mobs) and chosen.any():
            write_mobs(self._levels, chosen, tables(), mobs, self._threads)

    def _observed(self, copy: bool) -> dict[str, Any]:
        return as_dict(self._observations, self._lidar, self._mobs, copy)

    def _last_observed(self, copy: bool) -> dict[str, Any]:
        return as_dict(self._final, self._final_lidar, self._final_mobs, copy)

    def _seed_rows(self, rows: list[int], seeds: list[int]) -> None:
        super()._seed_rows(rows, seeds)
        self._levels.status[rows, IS_SEEDED] = False

    def _begin(self, chosen: NDArray[np.bool_]) -> None:
        self._begin_episodes(np.flatnonzero(chosen))
        self._look(chosen)

    def _begin_episodes(self, rows: NDArray[np.intp]) -> None:
        threads = self._threads if len(rows) > 1 else 1
        if threads > 1:
            use_threads(threads)
        running_return = self._outcome.running_return
        begin_kernel(threads)(
            self._core, self._lessons, self._table, self._own, tables(), self._land, running_return, rows
        )
        if has_life(self._levels):
            begun = np.full(self.num_envs, WAIT)
            begun[rows] = LOOK
            live(self._levels, tables(), self._rules, BEGIN, begun, threads)

    def _episodes(self) -> dict[str, NDArray[Any]]:
        outcome = self._outcome
        objectives = (outcome.episode_unlocked[:, None] >> np.arange(len(self.objectives)) & 1).astype(np.bool_)
        success = objectives[:, GOAL_BIT].copy()
        return {"success": success, "objectives": objectives, "ticks": outcome.episode_ticks.copy()}


def _unseen(actions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same actions, without observations."""
    return np.where(actions == WAIT, WAIT, UNSEEN - actions)
