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
from palaestra_worlds.agv.lessons import COUNT, CURRENT, TaskTable, allocate_lessons, allocate_table
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
from palaestra_worlds.base import Judgement, Task, TaskError
from palaestra_worlds.batches import checked_actions, checked_mask, keep_rows
from palaestra_worlds.compiled import paying_threads
from palaestra_worlds.compiled_world import CompiledWorld
from palaestra_worlds.task_tables import ASSIGNED

ENVIRONMENTS_WORTH_A_THREAD = 128
"""Fewer are stepped before a thread has started."""
DIRECT = 1.25
"""How many times as long as the shortest a way may be that counts as direct."""
TRAILS, TRAIL_POINTS = 16, 4096
"""Environments whose trails are kept for pictures, and for how many steps."""


class AGVWorld(CompiledWorld):
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
        floors = checked_mask(options, self.num_envs).reshape(-1, self.settings.vehicles)
        if (floors.any(axis=1) != floors.all(axis=1)).any():
            raise ValueError(
                f"reset_mask must choose all {self.settings.vehicles} vehicles of a floor, or none of them"
            )
        return super().reset(seed=seed, options=options)

    # ------------------------------------------------------------------------------------------ tasks

    def assign(self, tasks: Sequence[Task | None]) -> None:
        vehicles = self.settings.vehicles
        for i, task in enumerate(tasks):
            if task is not None and i % vehicles:
                raise TaskError(
                    f"environment {i} is vehicle {i % vehicles} of a floor; the floor's tasks are those of its first "
                    f"vehicle, environment {i - i % vehicles}"
                )
        super().assign(tasks)

    def _table_of(self, tasks: Sequence[Task]) -> TaskTable:
        return self._compile_tasks.table(tasks)

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

    def restore(self, data: bytes) -> None:
        super().restore(data)
        self._trails[...] = np.nan
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

    def identity(self) -> dict[str, Any]:
        return {"world": self.id, "num_envs": self.num_envs, "settings": self.settings.identity()}

    def _checked_actions(self, actions: Any) -> NDArray[np.float64]:
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

    def _act(self, actions: NDArray[np.float64]) -> None:
        self._actions[...] = actions
        self._drive()
        self._keep_trails()
        ended = self._outcome.ended
        self._reported, self._renewed = self._renew_floors() if self.settings.vehicles > 1 else (ended, ended)

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
        self._modes[...] = np.where(chosen, LOOK, WAIT)
        self._advance(self._threads_for(int(np.count_nonzero(chosen))))

    def _observed(self, copy: bool) -> dict[str, Any]:
        return as_dict(self._observations, copy)

    def _last_observed(self, copy: bool) -> dict[str, Any]:
        keep_rows(self._observations, self._final, self._outcome.ended)
        return as_dict(self._final, copy)

    def _begin(self, chosen: NDArray[np.bool_]) -> None:
        self._begin_episodes(np.flatnonzero(chosen), fresh=True)
        self._look(chosen)

    def _begin_anew(self) -> None:
        ended = self._outcome.ended
        self._begin_episodes(np.flatnonzero(self._renewed), fresh=True)
        self._begin_episodes(np.flatnonzero(ended & ~self._renewed), fresh=False)
        self._look(self._of_same_floors(ended))

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

    def _ended_infos(self) -> dict[str, Any]:
        return super()._ended_infos() | {"_episode": self._reported.copy()}

    def _episodes(self) -> dict[str, NDArray[Any]]:
        outcome = self._outcome
        reached = outcome.reached.copy()
        travelled, shortest, clear = (outcome.tally[:, column].copy() for column in (TRAVELLED, SHORTEST, CLEARANCE))
        with np.errstate(invalid="ignore", divide="ignore"):
            spl = np.where(reached, shortest / np.maximum(travelled, shortest), 0.0)
        objectives = [
            reached,
            ~outcome.collided,
            reached & (travelled <= DIRECT * shortest),
            clear >= self.settings.safe_distance,
        ]
        return {
            "success": reached,
            "objectives": np.column_stack(objectives),
            "spl": spl,
            "travelled": travelled,
            "shortest": shortest,
            "clearance": clear,
            "seconds": outcome.episode_length * self.settings.dt,
        }
