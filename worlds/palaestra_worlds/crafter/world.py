"""Crafter as a batched world, step for step what the reference package gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from palaestra_worlds.base import Task
from palaestra_worlds.batches import keep_rows
from palaestra_worlds.compiled import in_pieces, paying_threads
from palaestra_worlds.compiled_world import CompiledWorld
from palaestra_worlds.crafter.character import ACHIEVEMENTS, ACTIONS
from palaestra_worlds.crafter.description import describe_level, explain_task
from palaestra_worlds.crafter.engine import allocate_outcome, begin_kernel, look_kernel, step_kernel
from palaestra_worlds.crafter.examine import problems_of
from palaestra_worlds.crafter.lessons import TaskTable, allocate_lessons, make_table
from palaestra_worlds.crafter.observations import allocate_observations, as_dict, single_space
from palaestra_worlds.crafter.playing import KEYS, status_of
from palaestra_worlds.crafter.rules import ORIGINAL_DAY, Rules, original_clock
from palaestra_worlds.crafter.score import crafter_score
from palaestra_worlds.crafter.settings import CrafterSettings
from palaestra_worlds.crafter.state import EPISODE, NUM_CHUNKS_SEEN, NUM_OBJECTS, Levels, allocate
from palaestra_worlds.crafter.tasks import CrafterTask, as_crafter_task
from palaestra_worlds.crafter.terrain import terrain_slices
from palaestra_worlds.random_streams import seed_streams
from palaestra_worlds.task_tables import ASSIGNED

ENVIRONMENTS_WORTH_A_THREAD = {"symbolic": 512, "image": 64, "both": 64}
"""By observation; fewer are stepped before a thread has started. Measured for symbols: two threads are 0.35 times as
fast as one with 64 environments, 0.6 with 256, 1.26 with 1,024."""
LEVELS_WORTH_A_THREAD = 2
PIXELS_PER_CELL = 48
"""Of `render_frame`."""
PIXELS_PER_CELL_OF_LEVEL = 12
"""Of `render_level`."""
LEVELS_EXAMINED = 4
"""Levels that are generated and looked at to see whether an environment holds what it promises."""
_DIAMOND = ACHIEVEMENTS.index("collect_diamond")


class CrafterWorld(CompiledWorld):
    """A batch of Crafter worlds.

    `reset(seed=s)` gives environment i what `crafter.Env(seed=s + i).reset()` gives, and from then on the same actions
    give the same maps, observations, rewards and ends, over any number of episodes, if the reference goes through the
    objects of a chunk in the order in which they were created (it uses a set, whose order changes from run to run).
    An episode is a success if a diamond was collected.

    On request `infos` also hold `"semantic"`: uint8 (num_envs, 64, 64), indexed [i, x, y], of the states that
    observations are of; and `"final_info"`: `{"semantic": ..., "_semantic": ...}`, of the last states of the episodes
    that ended.

    Args:
        id: "Crafter".
        num_envs: environments that step together.
        settings: see `CrafterSettings`.
    """

    task_space = CrafterTask
    _working_space = ("census",)
    objectives = ACHIEVEMENTS
    reward_range = (-1.0, 1.1)
    keys = KEYS
    measure = "Crafter score: the geometric mean of how often each achievement is unlocked"
    about = (
        "The original worlds are 64 x 64 cells of grassland, forest, lakes with beaches, and mountains with caves, "
        "tunnels, ores and lava; the player starts on grass in the middle, with full health and nothing in hand."
    )

    def __init__(self, id: str, num_envs: int, settings: CrafterSettings) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, not {num_envs}")
        self.id = id
        self.num_envs = num_envs
        self.settings = settings
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": ["rgb_array"], "render_fps": 10}
        self.render_mode = "rgb_array"
        self.single_observation_space = single_space(settings)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._rules = Rules(settings.max_steps, original_clock(settings.max_steps + ORIGINAL_DAY + 1))
        self._slices = terrain_slices()
        self._levels = allocate(num_envs)
        self._lessons = allocate_lessons(num_envs)
        self._bank = self._table = make_table([])
        self._outcome = allocate_outcome(num_envs)
        self._observations = allocate_observations(settings, num_envs)
        self._final = allocate_observations(settings, num_envs)
        self._worth_a_thread = 1 if settings.threads else ENVIRONMENTS_WORTH_A_THREAD[settings.observation]
        self._compile()

    def _compile(self) -> None:
        self._threads = paying_threads(self.settings.threads, self.num_envs, self._worth_a_thread)
        self._step_rows, self._begin_rows, self._everybody = step_kernel(), begin_kernel(), np.arange(self.num_envs)
        self._look_at: list[Callable[..., None]] = []
        if self.settings.observation != "image" or self.settings.semantic:
            self._look_at.append(partial(look_kernel(), self._levels.rows, self._observations))
        if self.settings.observation != "symbolic":
            from palaestra_worlds.crafter.images import image_kernel

            self._look_at.append(partial(image_kernel(), self._levels.rows, self._observations.image))

    # ------------------------------------------------------------------------------------------ tasks

    def _table_of(self, tasks: Sequence[Task]) -> TaskTable:
        return make_table(tasks)

    def score(self, rates: NDArray[np.float64]) -> float:
        return crafter_score(100.0 * rates)

    def explain(self, task: Task) -> tuple[str, ...]:
        return explain_task(as_crafter_task(task))

    def examine(self, task: Task) -> tuple[str, ...]:
        checked = as_crafter_task(task)
        seeds = list(range(LEVELS_EXAMINED)) if checked.level_seed is None else [checked.level_seed]
        return problems_of(checked, self._first_levels(checked, seeds))

    def _first_levels(self, task: CrafterTask, seeds: Sequence[int]) -> Levels:
        """The task's levels with these seeds as they begin, made apart from the running environments."""
        levels, lessons = allocate(len(seeds)), allocate_lessons(len(seeds))
        lessons.status[:, ASSIGNED] = np.arange(len(seeds))
        table = make_table([task.model_copy(update={"level_seed": seed}) for seed in seeds])
        outcomes = allocate_outcome(len(seeds)).rows
        rows = np.arange(len(seeds))
        self._begin_rows(levels.rows, lessons, table, outcomes, self._rules, self._slices, rows, 0, len(rows))
        return levels

    # ------------------------------------------------------------------------------------------ state

    def describe(self, index: int) -> str:
        return describe_level(self._levels, index)

    def status(self, index: int) -> str:
        return status_of(self._levels, index)

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        from palaestra_worlds.crafter.images import picture

        return picture(self._levels, index, PIXELS_PER_CELL)

    def render_level(self, index: int = 0) -> NDArray[np.uint8]:
        from palaestra_worlds.crafter.overview import overview

        return overview(self._levels, index, PIXELS_PER_CELL_OF_LEVEL)

    def _kept_levels(self) -> Levels:
        levels = self._levels
        used, seen = levels.status[:, NUM_OBJECTS, None], levels.status[:, NUM_CHUNKS_SEEN, None]
        in_use = np.arange(used.max()) < used
        # What is left behind those in use depends on what was there before.
        return levels._replace(
            objects=levels.objects[:, : used.max()] * in_use[..., None],
            chunks=levels.chunks * (np.arange(levels.chunks.shape[1]) < seen),
        )

    def identity(self) -> dict[str, Any]:
        # The second layout of state: streams of random numbers stand where NumPy's do.
        return {"world": self.id, "layout": 2, "num_envs": self.num_envs, "max_steps": self.settings.max_steps}

    # ------------------------------------------------------------------------------------------ internals

    def _act(self, actions: NDArray[np.int64]) -> None:
        arguments = (self._levels.rows, self._lessons.status, self._outcome.rows, self._rules, actions)

        def step_and_look(first: int, last: int) -> None:
            self._step_rows(*arguments, first, last)
            self._look_at_rows(self._everybody, first, last)

        in_pieces(step_and_look, self.num_envs, self._threads)

    def _look(self, chosen: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(chosen)
        threads = self._threads if len(rows) >= 2 * self._worth_a_thread else 1
        in_pieces(partial(self._look_at_rows, rows), len(rows), threads)

    def _look_at_rows(self, rows: NDArray[np.int64], first: int, last: int) -> None:
        for look in self._look_at:
            look(rows, first, last)

    def _observed(self, copy: bool) -> dict[str, Any]:
        return as_dict(self._observations, copy)

    def _last_observed(self, copy: bool) -> dict[str, Any]:
        keep_rows(self._observations, self._final, self._outcome.ended)
        return as_dict(self._final, copy)

    def _more_infos(self) -> dict[str, Any]:
        if not self.settings.semantic:
            return {}
        semantic = self._observations.semantic
        return {"semantic": semantic.copy() if self.settings.copy_observations else semantic}

    def _seed_rows(self, rows: list[int], seeds: list[int]) -> None:
        self._levels.seed[rows] = seeds
        self._levels.status[rows, EPISODE] = 0
        self._lessons.random[rows] = seed_streams(seeds, stream=1)

    def _begin(self, chosen: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(chosen)
        levels, outcomes = self._levels.rows, self._outcome.rows
        arguments = (levels, self._lessons, self._table, outcomes, self._rules, self._slices, rows)

        def begin_and_look(first: int, last: int) -> None:
            self._begin_rows(*arguments, first, last)
            self._look_at_rows(rows, first, last)

        # A small batch begins on as many threads as a large one: a world takes a hundred times as long as a step.
        in_pieces(begin_and_look, len(rows), paying_threads(self.settings.threads, len(rows), LEVELS_WORTH_A_THREAD))

    def _episodes(self) -> dict[str, NDArray[Any]]:
        unlocked = self._outcome.episode_unlocked[:, None]
        objectives = (unlocked >> np.arange(len(ACHIEVEMENTS)) & 1).astype(np.bool_)
        return {"success": objectives[:, _DIAMOND].copy(), "objectives": objectives}

    def _ended_infos(self) -> dict[str, Any]:
        infos = super()._ended_infos()
        if self.settings.semantic:
            ended = infos["_final_obs"]
            infos |= {"final_info": {"semantic": self._final.semantic.copy(), "_semantic": ended}, "_final_info": ended}
        return infos
