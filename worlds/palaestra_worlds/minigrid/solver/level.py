"""What the search knows of a level beforehand: costs of entering cells, which locks matter, a bound on what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.minigrid.grid_state import STEP_X, STEP_Y, GridState
from palaestra_worlds.minigrid.solver.goals import Goal
from palaestra_worlds.minigrid.solver.walking import FAR, shortest_walks, steps_from
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    CLOSED,
    DOOR,
    EMPTY,
    FLOOR,
    INSIDE_COLOR_SHIFT,
    INSIDE_TYPE_SHIFT,
    KEY,
    LAVA,
    LOCKED,
    OPEN,
    WALL,
    cell_color,
    cell_inside,
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

_WITH_INSIDE = np.arange(1 << INSIDE_COLOR_SHIFT, dtype=np.int32)
_HOLDS_KEY = (_WITH_INSIDE & 0xF == KEY) | ((_WITH_INSIDE & 0xF == BOX) & (_WITH_INSIDE >> INSIDE_TYPE_SHIFT == KEY))


class Level:
    """A level and its mission's stages, in the numbering of cells and poses that the search works on."""

    def __init__(self, state: GridState, goals: Sequence[Goal]) -> None:
        self.width, self.height = state.width, state.height
        self.goals = goals
        self.cells = np.array(state.cells, dtype=np.int32)
        self.pose = 4 * self.number(state.x, state.y) + state.direction
        self.carrying = state.carrying
        kind = self.cells & 0xF
        self.solid = (kind == WALL) | (kind == LAVA)
        self._avoid = [np.array([self.number(x, y) for x, y in goal.avoid], dtype=np.int64) for goal in goals]
        self.targets = [[self.number(x, y) for x, y in goal.cells] for goal in goals]
        self._facing: dict[int, list[int]] = {}
        self._harmless: dict[int, bool] = {}
        self._find_locks()
        self._fields = [self._field(self._final_poses(stage), stage) for stage in range(len(goals))]
        self._door_fields = {door: self._field(self.facing(door), 0) for door in self.doors}

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
        if cell not in self._facing:
            beside = ((self.ahead(cell, (direction + 2) % 4), direction) for direction in range(4))
            self._facing[cell] = [
                4 * other + direction for other, direction in beside if other >= 0 and not self.solid[other]
            ]
        return self._facing[cell]

    def is_harmless(self, cell: int) -> bool:
        """Whether all that borders on this cell can be reached without it: what lies there shuts nothing off."""
        if cell not in self._harmless:
            h = self.height
            ring = [cell + step for step in (-h, -h + 1, 1, h + 1, h, h - 1, -1, -h - 1)]
            inside = min(ring) >= 0 and max(ring) < len(self.solid)
            free = [inside and not self.solid[other] for other in ring]
            parts = sum(free[k] and not (free[k + 1] and free[(k + 2) % 8]) for k in range(0, 8, 2))
            at_door = any(self.cells[other] & 0xF == DOOR for other in self.around(cell))
            self._harmless[cell] = inside and parts <= 1 and not at_door
        return self._harmless[cell]

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
        passable = ~self.solid
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
        self._reached: dict[frozenset[int], set[int]] = {}

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
        found = _HOLDS_KEY.take(cells & len(_HOLDS_KEY) - 1).nonzero()[0].tolist()
        codes = cells[found].tolist()
        return [
            (cell, cell_color(code) if cell_type(code) == KEY else cell_color(cell_inside(code)))
            for cell, code in zip(found, codes, strict=True)
        ]

    # ------------------------------------------------------------------------------------------ bound

    def _final_poses(self, stage: int) -> list[int]:
        """Where the last action of a stage is taken, doors and objects aside."""
        goal, targets = self.goals[stage], self.targets[stage]
        if goal.kind in ("pick up", "open"):
            return [pose for cell in targets for pose in self.facing(cell)]
        cells = targets
        if goal.kind != "stand on":
            near = 1 if goal.kind == "beside" else 2
            cells = [cell for cell in np.flatnonzero(~self.solid).tolist() if self._is_near(cell, targets, near)]
        return [4 * cell + direction for cell in cells for direction in range(4)]

    def _is_near(self, cell: int, targets: list[int], near: int) -> bool:
        return any(
            abs(cell // self.height - other // self.height) <= near
            and abs(cell % self.height - other % self.height) <= near
            for other in targets
        )

    def _field(self, poses: list[int], stage: int) -> NDArray[np.int32]:
        """(poses,) actions until one of these poses is taken, if all doors were open and no objects there."""
        enter = (~self.solid).astype(np.int32)
        enter[self._avoid[stage]] = 0
        return shortest_walks(enter, self.height, np.array(poses, dtype=np.int32), backward=True).distance

    def bound(self, stage: int, pose: int, carrying: int, cells: NDArray[np.int32]) -> int:
        """No plan from here is shorter: the way to the goal, by way of a key and its door where it is locked in."""
        field, kind = self._fields[stage], self.goals[stage].kind
        last = 0 if kind == "stand on" else 1
        direct = int(field[pose]) + last + (1 if carrying and kind == "pick up" else 0)
        locked = self.locked_doors(cells)
        if not locked:
            return direct
        reached = self._reached_with(frozenset(locked))
        targets = [cell for cell in self.targets[stage] if cell not in locked]
        if any(self._regions_at(cell) & reached for cell in targets):
            return direct
        if kind == "pick up":
            last += 1  # the key has to be put down
        keys = self.keys(cells)
        by_door = FAR
        for door in locked:
            beyond = 0 if door in self.targets[stage] else nearest(field, self.facing(door)) + 1
            to_door = self._by_key(door, pose, carrying, cells, keys, reached)
            by_door = min(by_door, to_door + beyond + last)
        return max(direct, by_door)

    def _by_key(
        self,
        door: int,
        pose: int,
        carrying: int,
        cells: NDArray[np.int32],
        keys: list[tuple[int, int]],
        reached: set[int],
    ) -> int:
        """No plan for facing this door with its key in hand is shorter."""
        field, color = self._door_fields[door], cell_color(int(cells[door]))
        own = [key for key, key_color in keys if key_color == color]
        sides = [side >> 2 for side in self.facing(door) if int(self._region[side >> 2]) in reached]
        is_blocked = bool(sides) and all(is_movable(int(cells[side])) and side not in own for side in sides)
        if carrying & 0xFF == KEY | color << 4:
            return int(field[pose]) + 4 * is_blocked
        least = FAR
        for key in own:
            boxed = cell_type(int(cells[key])) == BOX
            least = min(least, self._between(pose >> 2, key) + boxed + nearest(field, self.facing(key)))
        return least + 2 * is_blocked + (1 if carrying else 0)

    def _between(self, one: int, other: int) -> int:
        return abs(one // self.height - other // self.height) + abs(one % self.height - other % self.height)

    def _reached_with(self, locked: frozenset[int]) -> set[int]:
        """The regions that nothing but doors that are open by now divides from the agent's start."""
        reached = self._reached.get(locked)
        if reached is None:
            reached = {int(self._region[self.pose >> 2])}
            opened = [self._regions_at(door) for door in self.doors if door not in locked]
            before = 0
            while before != len(reached):
                before = len(reached)
                reached |= {r for regions in opened if regions & reached for r in regions}
            self._reached[locked] = reached
        return reached


def nearest(distances: NDArray[np.int32], poses: Iterable[int]) -> int:
    """The least distance of any of the poses; FAR if there is none."""
    return min((int(distances[pose]) for pose in poses), default=FAR)


def is_movable(cell: int) -> bool:
    return cell_type(cell) in (KEY, BALL, BOX)
