"""MiniGrid as a batched world, step for step what the reference package gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from minigrid.minigrid_env import MiniGridEnv
from numpy.typing import NDArray

from palaestra_worlds.base import Judgement, Task
from palaestra_worlds.batches import checked_actions
from palaestra_worlds.compiled import paying_threads, use_threads
from palaestra_worlds.compiled_world import CompiledWorld
from palaestra_worlds.minigrid import families
from palaestra_worlds.minigrid.description import describe_level, name_cell
from palaestra_worlds.minigrid.engine import (
    LOOK,
    WAIT,
    advance_kernel,
    allocate_outcome,
    begin_kernel,
    keep_level,
)
from palaestra_worlds.minigrid.family import RULE_NONE, Family
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.lessons import TaskTable, allocate_lessons, allocate_table
from palaestra_worlds.minigrid.observations import (
    allocate_observations,
    as_dict,
    batched_space,
    image_space,
    single_space,
)
from palaestra_worlds.minigrid.reference_levels import ReferenceLevels
from palaestra_worlds.minigrid.render import TILE_SIZE, render_level
from palaestra_worlds.minigrid.rules import Rules
from palaestra_worlds.minigrid.settings import MiniGridSettings
from palaestra_worlds.minigrid.state import DONE, DROP, FORWARD, LEFT, MISSION, PICKUP, RIGHT, TOGGLE, allocate
from palaestra_worlds.minigrid.subgoals import resolve_subgoals
from palaestra_worlds.minigrid.task_table import TaskCompiler
from palaestra_worlds.minigrid.tasks import PHRASES, MiniGridTask
from palaestra_worlds.random_streams import seed_streams
from palaestra_worlds.task_tables import ASSIGNED

KEYS = {
    "left": ("turn left", LEFT),
    "right": ("turn right", RIGHT),
    "up": ("go forward", FORWARD),
    "space": ("open, close, unlock", TOGGLE),
    "tab": ("pick up", PICKUP),
    "d": ("drop", DROP),
    "enter": ("say that it is done", DONE),
}
"""For people who play, nearly those of minigrid's `manual_control`."""
ENVIRONMENTS_WORTH_A_THREAD = 128
"""Fewer are stepped before a thread has started."""


class MiniGridWorld(CompiledWorld):
    """A batch of one MiniGrid id.

    `reset(seed=s)` gives environment i what `gymnasium.make(id).reset(seed=s + i)` gives, and from then on the same
    actions give the same observations, rewards and ends, over any number of episodes.

    Args:
        id: an id that the installed minigrid registers, e.g. "MiniGrid-DoorKey-8x8-v0".
        num_envs: environments that step together.
        settings: see `MiniGridSettings`.

    Raises:
        ValueError: the id's class needs what the engine has not; the message names it.
    """

    task_space = MiniGridTask
    _working_space = ("scratch",)
    objectives = ("success",)
    reward_range = (-1.0, 1.0)
    keys = KEYS

    def __init__(self, id: str, num_envs: int, settings: MiniGridSettings) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, not {num_envs}")
        self.id = id
        self.num_envs = num_envs
        self.settings = settings
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": ["rgb_array"], "render_fps": 10}
        self.render_mode = "rgb_array"
        if settings.subgoals == "language":
            self.subgoal_phrases = PHRASES
        self._reference: Any = self._make_reference()
        self._set_up_levels()
        self._set_up_spaces()
        self._set_up_arrays()
        self._compile()

    # ------------------------------------------------------------------------------------------ construction

    def _make_reference(self) -> Any:
        """What the engine takes constants, spaces and pictures from."""
        return _make_reference(self.id, self.settings)

    def _find_family(self) -> Family | None:
        return families.find(type(self._reference).__name__)

    def _make_task_compiler(self) -> Callable[[Sequence[Task]], TaskTable]:
        """Gives one row for each task, or raises TaskError."""
        return TaskCompiler(self.settings.subgoals, self._first_states).table

    def _set_up_levels(self) -> None:
        reference = self._reference
        family = self._find_family()
        if family is None and type(reference).step is not MiniGridEnv.step:
            raise ValueError(f"{self.id} has a step rule of its own ({type(reference).__name__}) that is not built in")
        self._rules = Rules(
            rule=RULE_NONE if family is None else family.rule,
            num_actions=int(reference.action_space.n),
            max_steps=int(reference.max_steps),
            view_size=int(reference.agent_view_size),
            see_through_walls=bool(reference.see_through_walls),
        )
        self._generate: Callable[..., None] | None = None
        self._reference_levels: ReferenceLevels | None = None
        self._parameters = np.zeros(0, dtype=np.int64)
        if family is None:
            self._reference_levels = ReferenceLevels(reference, f"{self.id} {self.settings.reference}")
            self._mission_table = self._reference_levels.missions
        else:
            self._generate = family.generate
            self._parameters = np.array(family.parameters(reference), dtype=np.int64)
            self._mission_table = list(family.missions(reference))

    def _set_up_spaces(self) -> None:
        reference = self._reference
        self._image_space = image_space(
            self.settings.observation, reference.width, reference.height, self._rules.view_size
        )
        mission_space = reference.observation_space["mission"]
        self.single_observation_space = single_space(self._image_space, mission_space, self.settings.subgoals)
        self.observation_space = batched_space(self.single_observation_space, self.num_envs)
        self.single_action_space = gymnasium.spaces.Discrete(self._rules.num_actions)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _set_up_arrays(self) -> None:
        self._levels = allocate(self.num_envs, self._reference.width, self._reference.height)
        self._lessons = allocate_lessons(self.num_envs)
        self._bank = allocate_table(0)
        self._table = self._bank
        self._outcome = allocate_outcome(self.num_envs)
        self._observations = allocate_observations(self._image_space, self.settings.subgoals, self.num_envs)
        self._final = allocate_observations(self._image_space, self.settings.subgoals, self.num_envs)
        self._missions = np.full(self.num_envs, self._mission_table[0], dtype=object)
        self._mission_tuple: tuple[str, ...] = tuple(self._missions)
        self._compile_tasks = self._make_task_compiler()

    def _compile(self) -> None:
        self._threads = paying_threads(self.settings.threads, self.num_envs, ENVIRONMENTS_WORTH_A_THREAD)
        self._advance, self._advance_few = (
            advance_kernel(self.settings.observation, threads) for threads in (self._threads, 1)
        )
        generate = self._generate or keep_level
        self._begin_in_threads, self._begin_in_one = (begin_kernel(generate, threads) for threads in (self._threads, 1))

    def close_extras(self, **kwargs: Any) -> None:
        self._reference.close()

    # ------------------------------------------------------------------------------------------ state

    def grid_state(self, index: int) -> GridState:
        """The true state of one environment, as solvers take it."""
        return GridState.from_levels(
            self._levels, index, mission=str(self._missions[index]), max_steps=self._rules.max_steps
        )

    def describe(self, index: int) -> str:
        return describe_level(self.grid_state(index))

    def explain(self, task: Task) -> tuple[str, ...]:
        return tuple(f"{name_cell(state.at(x, y))} at ({x}, {y})" for state, (x, y) in self._places(task))

    def locate(self, task: Task) -> tuple[tuple[int, int] | None, ...]:
        cells = [cell for _, cell in self._places(task)]
        return tuple((x * TILE_SIZE + TILE_SIZE // 2, y * TILE_SIZE + TILE_SIZE // 2) for x, y in cells)

    def judge(self, task: Task) -> Judgement | None:
        # The solver is compiled when the first level is judged, not for every world.
        from palaestra_worlds.minigrid.judge import judge

        if not isinstance(task, MiniGridTask) or task.level_seed is None:
            return None
        return judge(self._first_states([task.level_seed])[0], task.subgoals)

    def _places(self, task: Task) -> list[tuple[GridState, tuple[int, int]]]:
        """The level's first state with the cell that each subgoal of a task is about."""
        if not isinstance(task, MiniGridTask) or task.level_seed is None or not task.subgoals:
            return []
        state = self._first_states([task.level_seed])[0]
        return [(state, cell) for cell, _ in resolve_subgoals(state, task.subgoals)]

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        return render_level(self._reference, self._levels, index)

    # ------------------------------------------------------------------------------------------ internals

    def identity(self) -> dict[str, Any]:
        return {"world": self.id, "num_envs": self.num_envs, "reference": self.settings.reference_keywords()}

    def _kept(self) -> dict[str, NDArray[Any]]:
        return super()._kept() | {"missions": np.array(self._mission_table)}

    def _take_kept(self, arrays: dict[str, NDArray[Any]]) -> None:
        # In place: others hold the same list.
        self._mission_table[:] = arrays["missions"].tolist()
        super()._take_kept(arrays)
        self._update_missions(np.ones(self.num_envs, np.bool_))

    def _table_of(self, tasks: Sequence[Task]) -> TaskTable:
        return self._compile_tasks(tasks)

    def _checked_actions(self, actions: Any) -> NDArray[np.int64]:
        # The reference takes actions that a level's own space leaves out.
        return checked_actions(actions, self.num_envs, DONE + 1)

    def _act(self, actions: NDArray[np.int64]) -> None:
        self._use_threads()
        self._advance(*self._state_arrays(), actions)

    def _use_threads(self) -> None:
        if self._threads > 1:
            use_threads(self._threads)

    def _are_few(self, chosen: NDArray[np.bool_]) -> bool:
        """Whether threads do not pay for the chosen environments, as for those that ended in one step."""
        return int(np.count_nonzero(chosen)) < 2 * ENVIRONMENTS_WORTH_A_THREAD

    def _look(self, chosen: NDArray[np.bool_]) -> None:
        self._use_threads()
        advance = self._advance_few if self._are_few(chosen) else self._advance
        advance(*self._state_arrays(), np.where(chosen, LOOK, WAIT))

    def _state_arrays(self) -> tuple[Any, ...]:
        return self._levels, self._lessons, self._observations, self._final, self._outcome, self._rules

    def _observed(self, copy: bool) -> dict[str, Any]:
        return as_dict(self._observations, self._mission_tuple, copy)

    def _last_observed(self, copy: bool) -> dict[str, Any]:
        return as_dict(self._final, self._mission_tuple, copy)

    def _begin(self, chosen: NDArray[np.bool_]) -> None:
        self._use_threads()
        begin = self._begin_in_one if self._are_few(chosen) else self._begin_in_threads
        begin(
            self._levels,
            self._lessons,
            self._table,
            self._parameters,
            self.settings.subgoal_dropout,
            self._outcome.running_return,
            chosen,
        )
        if self._reference_levels is not None:
            self._reference_levels.generate(self._levels, chosen)
        self._update_missions(chosen)
        self._look(chosen)

    def _update_missions(self, chosen: NDArray[np.bool_]) -> None:
        if len(self._mission_table) == 1:
            return
        table = np.array(self._mission_table, dtype=object)
        self._missions[chosen] = table[self._levels.status[chosen, MISSION]]
        self._mission_tuple = tuple(self._missions)

    def _episodes(self) -> dict[str, NDArray[Any]]:
        return {"success": self._outcome.episode_success.copy()}

    def _first_states(self, level_seeds: Sequence[int], table: TaskTable | None = None) -> list[GridState]:
        """The first state of each level, made apart from the running environments.

        Args:
            level_seeds: of the levels.
            table: tasks that set something in them, one for each level; None: nothing is set.
        """
        count = len(level_seeds)
        levels = allocate(count, self._reference.width, self._reference.height)
        levels.random[...] = seed_streams(level_seeds)
        everywhere = np.ones(count, dtype=np.bool_)
        if self._generate is None:
            assert self._reference_levels is not None
            self._reference_levels.generate(levels, everywhere)
        else:
            lessons = allocate_lessons(count)
            if table is not None:
                lessons.status[:, ASSIGNED] = np.arange(count)
            begin = begin_kernel(self._generate, 1)
            begin(levels, lessons, table or allocate_table(0), self._parameters, 0.0, np.zeros(count), everywhere)
        return [
            GridState.from_levels(
                levels, i, mission=self._mission_table[levels.status[i, MISSION]], max_steps=self._rules.max_steps
            )
            for i in range(count)
        ]


def _make_reference(id: str, settings: MiniGridSettings) -> Any:
    """The reference's environment, of which the engine takes the rules' constants and the spaces.

    Raises:
        ValueError: its constructor refuses the settings.
    """
    keywords = settings.reference_keywords()
    try:
        return gymnasium.make(id, render_mode="rgb_array", **keywords).unwrapped
    except Exception as error:
        # Constructors of the reference raise errors of any kind, and assert without a message.
        why = str(error).partition(" was raised from")[0] or "an assertion of its constructor does not hold"
        given = ", ".join(f"{key}={value!r}" for key, value in keywords.items()) or "its defaults"
        raise ValueError(f"the reference cannot make {id} with {given}: {why}") from error


def _reference(id: str, settings: MiniGridSettings) -> Any:
    """An instance of the reference class, which has made a level already if its keywords are not the id's own.

    Raises:
        ValueError: the reference refuses the keywords, or fails with them.
    """
    keywords = settings.reference_keywords()
    try:
        reference = gymnasium.make(id, render_mode="rgb_array", **keywords).unwrapped
        if keywords:
            reference.reset(seed=0)
    except (TypeError, ValueError, AssertionError, IndexError, RecursionError) as error:
        raise ValueError(f"the reference cannot make {id} with {keywords}: {error or type(error).__name__}") from error
    return reference
