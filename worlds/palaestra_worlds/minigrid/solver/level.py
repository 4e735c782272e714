"""What the search knows of a level beforehand: costs of entering cells, which locks matter, a bound on what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.minigrid.grid_state import STEP_X, STEP_Y, GridState
from palaestra_worlds.minigrid.solver.goals import Goal
from palaestra_worlds.minigrid.solver.walking import FAR, steps_from
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    CLOSED,
    DOOR,
    EMPTY,
    FLOOR,
    INSIDE_TYPE_SHIFT,
    KEY,
    LAVA,
    LOCKED,
    OPEN,
    WALL,
    cell_color,
    cell_state,
    cell_type,
)

MOVING_ASIDE = 6
"""About how many actions it takes to move an object out of the way."""

_CODES = np.arange(1 << INSIDE_TYPE_SHIFT, dtype=np.int32)
_KIND, _STATE = _CODES & 0xF, _CODES >> 8 & 0xF
_MOVABLE = (_KIND == KEY) | (_KIND == BALL) | (_KIND == BOX)
_ENTER = np.zeros(len(_CODES), dtype=np.int32)
_ENTER[(_KIND == EMPTY) | (_KIND == FLOOR) | ((_KIND == DOOR) & (_STATE == OPEN))] = 1
_ENTER[(_KIND == DOOR) & (_STATE == CLOSED)] = 2
_ENTER_RELAXED = np.where(_MOVABLE, MOVING_ASIDE, _ENTER).astype(np.int32)
_LOW = len(_CODES) - 1


class Level:
    """A level and its mission's stages, in the numbering of cells and poses that the search works on."""

    def __init__(self, state: GridState, goals: Sequence[Goal]) -> None:
        self.width, self.height = state.width, state.height
        self.goals = goals
        self.cells = np.array(state.cells, dtype=np.int32)
        self.pose = 4 * self.number(state.x, state.y) + state.direction
        self.carrying = state.carrying
        kind = self.cells & 0xF
        self._solid = (kind == WALL) | (kind == LAVA)
        self._avoid = [np.array([self.number(x, y) for x, y in goal.avoid], dtype=np.int64) for goal in goals]
        self.targets = [[self.number(x, y) for x, y in goal.cells] for goal in goals]
        self._steps = [steps_from(~self._solid, self.height, np.array(cells, dtype=np.int32)) for cells in self.targets]
        self._find_locks()

    def number(self, x: int, y: int) -> int:
        return x * self.height + y

    def ahead(self, cell: int, direction: int) -> int:
        """The cell in this direction, -1 beyond the grid."""
        x, y = cell // self.height + STEP_X[direction], cell % self.height + STEP_Y[direction]
        return x * self.height + y if 0 <= x < self.width and 0 <= y < self.height else -1

    def around(self, cell: int) -> list[int]:
        return [other for direction in range(4) if (other := self.ahead(cell, direction)) >= 0]

    def facing(self, cell: int) -> list[int]:
        """The poses beside a cell that face it."""
        beside = ((self.ahead(cell, (direction + 2) % 4), direction) for direction in range(4))
        return [4 * other + direction for other, direction in beside if other >= 0 and not self._solid[other]]

    def enter(self, cells: NDArray[np.int32], stage: int, *, relaxed: bool = False) -> NDArray[np.int32]:
        """Actions that it takes to step onto each cell, 0 for never; `relaxed`: objects count as movable aside."""
        enter = (_ENTER_RELAXED if relaxed else _ENTER).take(cells & _LOW)
        enter[self._avoid[stage]] = 0
        if self.goals[stage].kind == "stand on":
            enter[self.targets[stage]] = 1
        return enter

    # ------------------------------------------------------------------------------------------ locks

    def _find_locks(self) -> None:
        """Locked doors that may have to be opened, and the colours of keys that open them.

        Backwards from the mission's cells: a region that matters and is not the agent's makes the locked doors around
        it matter, a door the regions behind it and its keys, a key the region where it lies.
        """
        locked = [
            cell for cell in np.flatnonzero((self.cells & 0xF) == DOOR).tolist() if self._is_locked(self.cells, cell)
        ]
        self.doors: tuple[int, ...] = ()
        self.colors: frozenset[int] = frozenset()
        if not locked:
            return
        passable = ~self._solid
        passable[locked] = False
        self._region = self._label(passable)
        home = self._region[self.pose >> 2]
        wanted = {r for cell in self.targets[-1] + self.targets[0] for r in self._regions_at(cell)}
        doors = {cell for cells in self.targets for cell in cells if cell in locked}
        colors: set[int] = set()
        before = -1
        while before != len(wanted) + len(doors):
            before = len(wanted) + len(doors)
            doors |= {door for door in locked if any(r in wanted and r != home for r in self._regions_at(door))}
            colors = {cell_color(int(self.cells[door])) for door in doors}
            wanted |= {r for door in doors for r in self._regions_at(door)}
            wanted |= {r for cell, color in self.keys(self.cells) if color in colors for r in self._regions_at(cell)}
        self.colors = frozenset(colors)
        self.doors = tuple(sorted(doors))
        self._door_steps = {
            door: steps_from(~self._solid, self.height, np.array([door], dtype=np.int32)) for door in self.doors
        }
        self._connected: dict[tuple[int, frozenset[int]], bool] = {}

    def _label(self, passable: NDArray[np.bool_]) -> NDArray[np.int32]:
        """A number for each connected part of the passable cells, -1 elsewhere."""
        region = np.full(len(passable), -1, dtype=np.int32)
        count = 0
        for cell in np.flatnonzero(passable):
            if region[cell] < 0:
                region[steps_from(passable, self.height, np.array([cell], dtype=np.int32)) < FAR] = count
                count += 1
        return region

    def _regions_at(self, cell: int) -> set[int]:
        """The region of a cell, or those around it if it is in none."""
        if self._region[cell] >= 0:
            return {int(self._region[cell])}
        return {int(self._region[other]) for other in self.around(cell) if self._region[other] >= 0}

    @staticmethod
    def _is_locked(cells: NDArray[np.int32], door: int) -> bool:
        return cell_state(int(cells[door])) == LOCKED

    def locked_doors(self, cells: NDArray[np.int32]) -> list[int]:
        """Doors that matter and are still locked."""
        return [door for door in self.doors if self._is_locked(cells, door)]

    def keys(self, cells: NDArray[np.int32]) -> list[tuple[int, int]]:
        """(cell, colour) of every key, in a box or not."""
        return [(cell, int(cells[cell] >> 4 & 0xF)) for cell in np.flatnonzero((cells & 0xF) == KEY).tolist()] + [
            (cell, int(cells[cell] >> 16 & 0xF))
            for cell in np.flatnonzero(((cells & 0xF) == BOX) & (cells >> INSIDE_TYPE_SHIFT & 0xF == KEY)).tolist()
        ]

    # ------------------------------------------------------------------------------------------ bound

    def bound(self, stage: int, pose: int, carrying: int, cells: NDArray[np.int32]) -> int:
        """No plan from here is shorter: steps to the goal, by way of a key and its door where the goal is locked in."""
        here = pose >> 2
        steps = self._steps[stage]
        direct = int(steps[here])
        locked = self.locked_doors(cells)
        if not locked or self._is_connected(stage, frozenset(locked)):
            return direct
        by_door = FAR
        keys = self.keys(cells)
        for door in locked:
            to_door, color = self._door_steps[door], cell_color(int(cells[door]))
            beyond = int(steps[door])
            if carrying & 0xFF == KEY | color << 4:
                fetch = int(to_door[here])
            else:
                fetch = min(
                    (self._between(here, key) + int(to_door[key]) for key, c in keys if c == color), default=FAR
                )
            by_door = min(by_door, fetch + beyond)
        return max(direct, by_door)

    def _between(self, one: int, other: int) -> int:
        return abs(one // self.height - other // self.height) + abs(one % self.height - other % self.height)

    def _is_connected(self, stage: int, locked: frozenset[int]) -> bool:
        """Whether nothing but doors that are open by now lies between the agent's start and the goal."""
        known = self._connected.get((stage, locked))
        if known is None:
            reached = {int(self._region[self.pose >> 2])}
            opened = [self._regions_at(door) for door in self.doors if door not in locked]
            before = 0
            while before != len(reached):
                before = len(reached)
                reached |= {r for regions in opened if regions & reached for r in regions}
            goals = [cell for cell in self.targets[stage] if cell not in locked]
            known = any(self._regions_at(cell) & reached for cell in goals)
            self._connected[stage, locked] = known
        return known


def nearest(distances: NDArray[np.int32], poses: Iterable[int]) -> int:
    """The least distance of any of the poses; FAR if there is none."""
    return min((int(distances[pose]) for pose in poses), default=FAR)


def is_movable(cell: int) -> bool:
    return cell_type(cell) in (KEY, BALL, BOX)
