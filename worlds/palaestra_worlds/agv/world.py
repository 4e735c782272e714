"""Automated guided vehicles on warehouse floors, batched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from palaestra_worlds.agv.description import describe_floor
from palaestra_worlds.agv.engine import ACT, LOOK, WAIT, advance, allocate_outcome, begin_episodes, join_floors
from palaestra_worlds.agv.floor import Floor
from palaestra_worlds.agv.geometry import obstacle_at
from palaestra_worlds.agv.lessons import (
    ASSIGNED,
    COUNT,
    CURRENT,
    NO_TASK,
    TaskTable,
    allocate_lessons,
    allocate_table,
    join_tables,
)
from palaestra_worlds.agv.settings import AGVSettings
from palaestra_worlds.agv.setup import (
    DISCRETE,
    action_space,
    allocate_observations,
    as_dict,
    beams_of,
    drawing_of,
    layout_of,
    observation_space,
    original_parameters,
    rules_of,
)
from palaestra_worlds.agv.state import (
    CLEARANCE,
    CLOCK,
    DRAWN,
    KIND,
    NUM_OBSTACLES,
    RADIUS,
    SHORTEST,
    STEP,
    TRAVELLED,
    Levels,
    Rules,
    allocate,
)
from palaestra_worlds.agv.task_table import TaskCompiler, as_agv
from palaestra_worlds.agv.tasks import AGVTask
from palaestra_worlds.base import Judgement, Task, TaskError, World
from palaestra_worlds.batches import (
    FinalObservations,
    assigned_rows,
    checked_actions,
    checked_mask,
    drawn_bank,
    new_seed,
    seeds_by_row,
)
from palaestra_worlds.compiled import paying_threads
from palaestra_worlds.minigrid.random import seed_streams
from palaestra_worlds.snapshots import pack_arrays, unpack_arrays

ENVIRONMENTS_WORTH_A_THREAD = 128
"""Fewer are stepped before a thread has started."""
DIRECT = 1.25
"""How many times as long as the shortest a way may be that counts as direct."""
TRAILS, TRAIL_POINTS = 16, 4096
"""Environments whose trails are kept for pictures, and for how many steps."""


class AGVWorld(World):
    """A batch of floors with one vehicle each, or several: then neighbouring environments are those of one floor.

    **Observations** (float32): `lidar` (beams,) as shares of its range; `pose` (x, y as shares of the floor, cosine and
    sine of the heading); `velocity` as shares of the limits; `goal` in polar form (distance as a share of the floor's
    diagonal, cosine and sine of its direction from straight ahead); on request `lidar_speed` (beams,), how fast what
    they hit moves away, as shares of the top speed, `grid` and `subgoal` (as `goal`).
    **Actions**: float32 (2,) in [-1, 1], speed and turning, or the wheels' speeds, or accelerations; values beyond are
    clipped. Or 7 discrete ones.
    **Rewards**: 1 for reaching the goal, minus the penalty of a collision; shaped ones also pay for coming nearer.
    **Ends**: the goal; a collision (walls can be set to stop the vehicle instead); truncation at `max_steps`.
    **Success**: the goal was reached. `infos["episode"]` also has "spl" (success weighted by path length,
    arXiv 1807.06757), "travelled", "shortest", "clearance" (m, the least) and "seconds".

    Args:
        id: "AGV", or "AGV-" and the name of a generator.
        num_envs: environments that step together.
        settings: see `AGVSettings`.

    Raises:
        LayoutError: the layout is malformed or cannot be solved; the message names the cell.
    """

    task_space = AGVTask
    objectives = ("reached", "no_collision", "direct", "kept_clear")
    episode_numbers = ("spl", "clearance", "seconds")

    def __init__(self, id: str, num_envs: int, settings: AGVSettings) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, not {num_envs}")
        if num_envs % settings.vehicles:
            raise ValueError(
                f"num_envs is {num_envs}; it counts vehicles and must be a multiple of `vehicles`, {settings.vehicles}"
            )
        self.id = id
        self.num_envs = num_envs
        self.settings = settings
        self.metadata = {
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": max(1, round(1 / settings.dt)),
        }
        self.render_mode = "rgb_array"
        layout = layout_of(settings, id)
        self._drawing = drawing_of(settings, layout)
        self._rules = rules_of(settings, self._drawing)
        self._beams = beams_of(settings)
        shaping = self._rules.shaping
        self.reward_range = (-settings.collision_penalty - shaping, 1.0 + shaping)
        self.single_observation_space = observation_space(settings)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = action_space(settings)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._original = original_parameters(settings, layout, self._drawing)
        self._levels = allocate(num_envs, *self._drawing.cells.shape)
        self._lessons = allocate_lessons(num_envs, self._original)
        self._bank = self._table = allocate_table(0)
        self._compile_tasks = TaskCompiler(self._original, self._drawing.cells.shape, self._first_floors)
        self._outcome = allocate_outcome(num_envs)
        self._observations, self._final = (allocate_observations(settings, num_envs) for _ in range(2))
        self._actions = np.zeros((num_envs, 2))
        self._modes = np.zeros(num_envs, np.int8)
        self._trails = np.full((min(num_envs, TRAILS), min(settings.max_steps + 1, TRAIL_POINTS), 2), np.nan)
        self._seeded = False
        self.about = self._in_words(layout)
        self._threads = paying_threads(settings.threads, num_envs, ENVIRONMENTS_WORTH_A_THREAD)

    def _in_words(self, layout: Any) -> str:
        columns, rows = self._drawing.cells.shape
        kind = layout if isinstance(layout, str) and "\n" not in layout else "always the same drawn"
        return (
            f"The original floors ({kind}) are {columns} x {rows} cells of {self.settings.cell:g} m. A vehicle of "
            f"radius {self._rules.radius:.2f} m drives from its start to a goal, which pays only when it is reached."
        )

    # ------------------------------------------------------------------------------------------ gymnasium

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins a new episode in every environment (or where `options["reset_mask"]`, bool (num_envs,), holds).

        Args:
            seed: environment i is seeded with seed + i, or with seed[i]; None goes on with the streams as they are.

        Raises:
            ValueError: as many seeds as environments are needed, each an integer from 0 on; the mask does not fit.
        """
        chosen = checked_mask(options, self.num_envs)
        floors = chosen.reshape(-1, self.settings.vehicles)
        if (floors.any(axis=1) != floors.all(axis=1)).any():
            raise ValueError(
                f"reset_mask must choose all {self.settings.vehicles} vehicles of a floor, or none of them"
            )
        self._seed(seed, chosen)
        self._begin_episodes(np.flatnonzero(chosen), fresh=True)
        self._look(chosen)
        return as_dict(self._observations, self.settings.copy_observations), {}

    def step(
        self, actions: Any
    ) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Steps all environments; see `World` for what `infos` holds.

        Raises:
            ValueError: actions of another shape, or not finite (the first such environment is named); or `reset` was
                not called yet.
        """
        self._actions[...] = self._checked(actions)
        outcome = self._outcome
        self._drive()
        self._keep_trails()
        reported, renewed = self._renew_floors() if self.settings.vehicles > 1 else (outcome.ended, outcome.ended)
        copy = self.settings.copy_observations
        infos: dict[str, Any] = {"lesson_reward": outcome.lesson_reward.copy() if copy else outcome.lesson_reward}
        rewards, terminated, truncated = outcome.rewards, outcome.terminated, outcome.truncated
        if copy:
            rewards, terminated, truncated = rewards.copy(), terminated.copy(), truncated.copy()
        if outcome.ended.any():
            for final, seen in zip(self._final, self._observations, strict=True):
                final[outcome.ended] = seen[outcome.ended]
            infos |= self._ended_infos(reported)
            self._begin_episodes(np.flatnonzero(renewed), fresh=True)
            self._begin_episodes(np.flatnonzero(outcome.ended & ~renewed), fresh=False)
            self._look(self._of_same_floors(outcome.ended))
        return as_dict(self._observations, copy), rewards, terminated, truncated, infos

    def observe(self) -> dict[str, Any]:
        self._look(np.ones(self.num_envs, np.bool_))
        return as_dict(self._observations, self.settings.copy_observations)

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        return tuple(self.render_frame(i) for i in range(self.num_envs))

    # ------------------------------------------------------------------------------------------ tasks

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        self._bank = self._table = drawn_bank(self._compile_tasks.table, tasks, weights)
        self._lessons.status[:, ASSIGNED] = NO_TASK

    def assign(self, tasks: Sequence[Task | None]) -> None:
        given, rows = assigned_rows(tasks, self.num_envs, len(self._bank.counts))
        vehicles = self.settings.vehicles
        for i, task in enumerate(tasks):
            if task is not None and i % vehicles:
                raise TaskError(
                    f"environment {i} is vehicle {i % vehicles} of a floor; the floor's tasks are those of its first "
                    f"vehicle, environment {i - i % vehicles}"
                )
        self._table = join_tables(self._bank, self._compile_tasks.table(given))
        self._lessons.status[:, ASSIGNED] = rows

    def explain(self, task: Task) -> tuple[str, ...]:
        return tuple(f"({point.x:.2f} m, {point.y:.2f} m)" for point in self._placed(task))

    def locate(self, task: Task) -> tuple[tuple[int, int] | None, ...]:
        from palaestra_worlds.agv.rendering import pixels_per_metre

        scale = pixels_per_metre(self._rules.floor_width, self._rules.floor_height)
        return tuple((int(point.x * scale), int(point.y * scale)) for point in self._placed(task))

    def judge(self, task: Task) -> Judgement | None:
        from palaestra_worlds.agv.oracle import judge

        checked = as_agv(task)
        if checked.level_seed is None:
            return None
        self._compile_tasks.table([checked])
        points = [(point.x, point.y) for point in checked.subgoals]
        return judge(self._first_floors([checked])[0], points, self.settings.subgoal_radius)

    def _placed(self, task: Task) -> Sequence[Any]:
        """The waypoints of a task, known to lie on its floor."""
        checked = as_agv(task)
        if checked.level_seed is None or not checked.subgoals:
            return ()
        self._compile_tasks.table([checked])
        return checked.subgoals

    def _first_floors(self, tasks: Sequence[AGVTask]) -> list[Floor]:
        """The floors that tasks with a level of their own begin on, made apart from the running environments."""
        count = len(tasks)
        levels, lessons = allocate(count, *self._drawing.cells.shape), allocate_lessons(count, self._original)
        lessons.status[:, ASSIGNED] = np.arange(count)
        table = self._compile_tasks.table([task.model_copy(update={"subgoals": ()}) for task in tasks])
        begin_episodes(levels, lessons, table, self._rules._replace(vehicles=1), self._drawing, np.arange(count))
        return [self._floor(levels, i) for i in range(count)]

    def _floor(self, levels: Levels, i: int) -> Floor:
        return Floor.of(levels, i, self.settings.cell, self._rules.radius, self.settings.goal_radius)

    # ------------------------------------------------------------------------------------------ state

    def state(self) -> tuple[Levels, Rules]:
        """The true state of all environments and the rules, as planners and drivers take them; to be read only."""
        return self._levels, self._rules

    def describe(self, index: int) -> str:
        levels = self._levels
        time = float(levels.status[index, CLOCK]) * self.settings.dt
        moving = [
            (*obstacle_at(levels.obstacles, levels.routes, index, k, time), float(levels.obstacles[index, k, RADIUS]))
            for k in range(levels.status[index, NUM_OBSTACLES])
        ]
        lead = index - index % self.settings.vehicles
        others = (k for k in range(lead, lead + self.settings.vehicles) if k != index)
        moving += [(*levels.pose[k, :2].tolist(), self._rules.radius) for k in others]
        return describe_floor(self._floor(levels, index), moving)

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        from palaestra_worlds.agv.rendering import draw_floor

        trail = self._trails[index] if index < len(self._trails) else np.zeros((0, 2))
        current, count = self._lessons.status[index, [CURRENT, COUNT]]
        return draw_floor(
            self._levels,
            index,
            self._rules,
            self._beams,
            self._observations.lidar[index],
            trail[~np.isnan(trail[:, 0])],
            self._lessons.targets[index, current:count].tolist(),
        )

    def places(self) -> NDArray[np.float64]:
        return self._levels.pose[:, :2] / (self._rules.floor_width, self._rules.floor_height)

    def snapshot(self) -> bytes:
        groups = {"levels": self._levels, "lessons": self._lessons, "bank": self._bank, "table": self._table}
        arrays = {
            f"{group}/{name}": array for group, values in groups.items() for name, array in values._asdict().items()
        }
        return pack_arrays(self._identity(), arrays | self._kept())

    def restore(self, data: bytes) -> None:
        arrays = unpack_arrays(data, self._identity())
        for group, values in (("levels", self._levels), ("lessons", self._lessons)):
            for name, array in values._asdict().items():
                array[...] = arrays[f"{group}/{name}"]
        self._bank, self._table = (
            TaskTable(*(arrays[f"{group}/{name}"] for name in TaskTable._fields)) for group in ("bank", "table")
        )
        for name, array in self._kept().items():
            array[...] = arrays[name]
        self._trails[...] = np.nan
        self._seeded = True
        self._look(np.ones(self.num_envs, np.bool_))

    # ------------------------------------------------------------------------------------------ several vehicles

    def _of_same_floors(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """All vehicles of the floors that a chosen one is on."""
        vehicles = self.settings.vehicles
        return chosen if vehicles == 1 else np.repeat(chosen.reshape(-1, vehicles).any(axis=1), vehicles)

    def _renew_floors(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where floors differ from each other, a new one is made when its first vehicle's episode ends, and the
        episodes of the others are truncated.

        Returns:
            Whose episodes are reported: not those that were cut short; and whose floors are made anew.
        """
        outcome, reported = self._outcome, self._outcome.ended.copy()
        if self._original[KIND] == DRAWN and not len(self._table.counts):
            return reported, np.zeros_like(reported)
        renewed = np.repeat(reported[:: self.settings.vehicles], self.settings.vehicles)
        cut = renewed & ~reported
        outcome.truncated[cut] = outcome.ended[cut] = True
        return reported, renewed

    # ------------------------------------------------------------------------------------------ internals

    def _identity(self) -> dict[str, Any]:
        return {"world": self.id, "num_envs": self.num_envs, "settings": self.settings.identity()}

    def _checked(self, actions: Any) -> NDArray[np.float64]:
        if not self._seeded:
            raise ValueError("call reset before step")
        if self.settings.actions == "discrete":
            chosen = DISCRETE[checked_actions(actions, self.num_envs, len(DISCRETE))]
            if self.settings.vehicle.drive == "differential":
                chosen = np.column_stack([chosen.sum(axis=1), chosen[:, 0] - chosen[:, 1]])
            return np.clip(chosen, -1.0, 1.0)
        checked = np.asarray(actions, np.float64)
        if checked.shape != self.action_space.shape:
            raise ValueError(f"actions must be numbers of shape {self.action_space.shape}, not {checked.shape}")
        if not np.isfinite(checked).all():
            i = int(np.flatnonzero(~np.isfinite(checked).all(axis=1))[0])
            raise ValueError(f"the action of environment {i} is {checked[i].tolist()}; actions must be finite numbers")
        return np.clip(checked, -1.0, 1.0)

    def _kept(self) -> dict[str, NDArray[np.float64]]:
        """What snapshots hold besides levels, lessons and tasks."""
        return {"running_return": self._outcome.running_return}

    def _drive(self) -> None:
        """Takes the actions."""
        self._modes[...] = ACT
        self._advance(self._threads)

    def _advance(self, threads: int) -> None:
        state = self._levels, self._lessons, self._observations, self._outcome
        advance(*state, self._rules, self._beams, self._actions, self._modes, threads)

    def _threads_for(self, count: int) -> int:
        """Threads pay only for many environments, which seldom end in one step."""
        return 1 if count < 2 * ENVIRONMENTS_WORTH_A_THREAD else self._threads

    def _look(self, chosen: NDArray[np.bool_]) -> None:
        """Writes anew what the chosen environments see."""
        self._modes[...] = np.where(chosen, LOOK, WAIT)
        self._advance(self._threads_for(int(np.count_nonzero(chosen))))

    def _seed(self, seed: int | Sequence[int | None] | None, chosen: NDArray[np.bool_]) -> None:
        if seed is None and self._seeded:
            return
        if seed is None:
            seed = new_seed()
        given = seeds_by_row(seed, self.num_envs, chosen)
        if given:
            rows, numbers = list(given), list(given.values())
            self._levels.random[rows] = seed_streams(numbers)
            self._lessons.random[rows] = seed_streams(numbers, stream=1)
        self._seeded = True

    def _begin_episodes(self, rows: NDArray[np.intp], fresh: bool) -> None:
        """New episodes, on `fresh` floors (of whose vehicles all are among the rows) or as those are."""
        if not len(rows):
            return
        levels, lessons, rules, drawing = self._levels, self._lessons, self._rules, self._drawing
        self._outcome.running_return[rows] = 0.0
        first = rows % rules.vehicles == 0
        if fresh:
            begin_episodes(levels, lessons, self._table, rules, drawing, rows[first], self._threads)
        joining = rows[~first] if fresh else rows
        if len(joining):
            join_floors(levels, lessons, rules, drawing, fresh, joining)
        shown = rows[rows < len(self._trails)]
        self._trails[shown] = np.nan
        self._trails[shown, 0] = self._levels.pose[shown, :2]

    def _keep_trails(self) -> None:
        shown = np.arange(len(self._trails))
        steps = self._levels.status[shown, STEP] % self._trails.shape[1]
        self._trails[shown, steps] = self._levels.pose[shown, :2]

    def _ended_infos(self, reported: NDArray[np.bool_]) -> dict[str, Any]:
        outcome = self._outcome
        ended, reached = outcome.ended.copy(), outcome.reached.copy()
        travelled, shortest, clear = (outcome.tally[:, column].copy() for column in (TRAVELLED, SHORTEST, CLEARANCE))
        with np.errstate(invalid="ignore", divide="ignore"):
            spl = np.where(reached, shortest / np.maximum(travelled, shortest), 0.0)
        objectives = [
            reached,
            ~outcome.collided,
            reached & (travelled <= DIRECT * shortest),
            clear >= self.settings.safe_distance,
        ]
        episode = {
            "return": outcome.episode_return.copy(),
            "length": outcome.episode_length.copy(),
            "success": reached,
            "task": outcome.episode_task.copy(),
            "lesson_progress": outcome.episode_progress.copy(),
            "objectives": np.column_stack(objectives),
            "spl": spl,
            "travelled": travelled,
            "shortest": shortest,
            "clearance": clear,
            "seconds": outcome.episode_length * self.settings.dt,
        }
        final = FinalObservations(as_dict(self._final, self.settings.copy_observations), ended)
        return {"final_obs": final, "_final_obs": ended, "episode": episode, "_episode": reported.copy()}
