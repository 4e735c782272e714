"""The AGV world with MuJoCo's physics in place of the engine's kinematics, to see whether policies work there too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.agv.engine import MOVED
from palaestra_worlds.agv.motion import new_velocity
from palaestra_worlds.agv.physics import Physics
from palaestra_worlds.agv.settings import AGVSettings
from palaestra_worlds.agv.state import CLOCK, COLLISIONS, DRAWN, KIND, STEP, TRAVELLED
from palaestra_worlds.agv.task_table import as_agv
from palaestra_worlds.agv.world import AGVWorld
from palaestra_worlds.base import Task, TaskError


class MuJoCoWorld(AGVWorld):
    """As `AGVWorld`, but a small robot with two driven wheels, mass and friction follows the commanded velocities.

    Floors are drawn, and have one vehicle each. What is observed, paid and ended is the engine's; `velocity` is what
    the robot really does. It is for evaluations: it takes far longer than the engine.

    Raises:
        ValueError: the floor is generated, has several vehicles, or more racks than are kept as rectangles.
    """

    def __init__(self, id: str, num_envs: int, settings: AGVSettings) -> None:
        super().__init__(id, num_envs, settings)
        if self._original[KIND] != DRAWN or settings.vehicles > 1:
            raise ValueError(f"{id} has drawn floors with one vehicle each: set `layout` to a drawing, `vehicles` to 1")
        if not len(self._drawing.blocks):
            raise ValueError(f"{id}: the layout has too many racks to be built in MuJoCo; draw larger ones")
        self._physics = Physics(settings, self._drawing, num_envs)
        self._commanded = np.zeros((num_envs, 2))

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        self._refuse_other_floors(tasks or ())
        super().draw_from(tasks, weights)

    def assign(self, tasks: Sequence[Task | None]) -> None:
        self._refuse_other_floors(tasks)
        super().assign(tasks)

    def _refuse_other_floors(self, tasks: Sequence[Task | None]) -> None:
        for task in tasks:
            checked = None if task is None else as_agv(task)
            if checked is not None and (checked.layout not in (None, "original") or checked.moving is not None):
                name = "moving" if checked.layout in (None, "original") else "layout"
                raise TaskError(
                    f"{name}: {getattr(checked, name)!r} cannot be set in {self.id}: vehicles are only on the drawn "
                    "floor, among the obstacles of the settings"
                )

    def _drive(self) -> None:
        levels = self._levels
        for i in range(self.num_envs):
            self._commanded[i] = new_velocity(self._rules, *self._commanded[i], *self._actions[i])
            levels.pose[i], levels.velocity[i], travelled, touched = self._physics.drive(levels, i, self._commanded[i])
            levels.tally[i, TRAVELLED] += travelled
            levels.status[i, COLLISIONS] += touched > 0
            self._outcome.touched[i] = touched
        levels.status[:, [STEP, CLOCK]] += 1
        self._modes[...] = MOVED
        self._advance(self._threads)

    def _begin_episodes(self, rows: NDArray[np.intp], fresh: bool) -> None:
        super()._begin_episodes(rows, fresh)
        self._commanded[rows] = 0.0
        for i in rows:
            self._physics.place(self._levels, i)

    def _kept(self) -> dict[str, NDArray[np.float64]]:
        return super()._kept() | {"physics": self._physics.states, "commanded": self._commanded}
