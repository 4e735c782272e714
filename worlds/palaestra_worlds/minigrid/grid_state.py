"""The true state of one MiniGrid level as a value: what solvers, descriptions and tasks work on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    CARRYING,
    CLOSED,
    DIRECTION,
    DOOR,
    DROP,
    EMPTY,
    EMPTY_CELL,
    FLOOR,
    FORWARD,
    GOAL,
    IDENTITY_SHIFT,
    KEY,
    LAVA,
    LAVA_CELL,
    LEFT,
    LOCKED,
    OPEN,
    PICKUP,
    RIGHT,
    STATE_SHIFT,
    STEP,
    TOGGLE,
    WALL_CELL,
    Levels,
    X,
    Y,
    cell_color,
    cell_inside,
    cell_state,
    cell_type,
)

STEP_X = (1, 0, -1, 0)
STEP_Y = (0, 1, 0, -1)
"""Where the four facing directions (0 right, 1 down, 2 left, 3 up) lead."""

_WITHOUT_IDENTITY = (1 << IDENTITY_SHIFT) - 1


@dataclass(frozen=True)
class GridState:
    """One level at one moment. Two states are equal if nothing that can be seen tells them apart.

    Attributes:
        cells: `width * height` cell codes as in `state.py`, column by column, without identities.
        x, y, direction: the agent's column, row and facing direction (0 right, 1 down, 2 left, 3 up).
        carrying: cell code of what the agent carries, 0 for nothing.
        step: steps taken in this episode; `max_steps`: at how many it is cut off.
    """

    width: int
    height: int
    cells: tuple[int, ...]
    x: int
    y: int
    direction: int
    carrying: int = 0
    mission: str = ""
    max_steps: int = 0
    step: int = 0

    @classmethod
    def from_levels(cls, levels: Levels, index: int, *, mission: str, max_steps: int) -> GridState:
        """The state of row `index` of the engine's arrays."""
        status = levels.status[index]
        return cls.from_cells(
            levels.cells[index],
            agent=(int(status[X]), int(status[Y]), int(status[DIRECTION])),
            carrying=int(status[CARRYING]),
            mission=mission,
            max_steps=max_steps,
            step=int(status[STEP]),
        )

    @classmethod
    def from_cells(
        cls,
        cells: NDArray[np.int32],
        *,
        agent: Sequence[int],
        carrying: int = 0,
        mission: str = "",
        max_steps: int = 0,
        step: int = 0,
    ) -> GridState:
        """From an array of cell codes (width, height), indexed [x, y]; `agent` is (x, y, direction)."""
        width, height = cells.shape
        codes = tuple((cells & _WITHOUT_IDENTITY).ravel().tolist())
        x, y, direction = agent
        return cls(width, height, codes, x, y, direction, carrying & _WITHOUT_IDENTITY, mission, max_steps, step)

    def at(self, x: int, y: int) -> int:
        """Cell code at a column and row; outside the grid, a wall."""
        if 0 <= x < self.width and 0 <= y < self.height:
            return self.cells[x * self.height + y]
        return WALL_CELL

    @property
    def front(self) -> tuple[int, int]:
        """Column and row of the cell that the agent faces."""
        return self.x + STEP_X[self.direction], self.y + STEP_Y[self.direction]

    @cached_property
    def objects(self) -> tuple[tuple[int, int, int], ...]:
        """(x, y, cell code) of everything that is neither empty, a grey wall nor lava, row by row."""
        found = [
            (index // self.height, index % self.height, cell)
            for index, cell in enumerate(self.cells)
            if cell != WALL_CELL and cell != EMPTY_CELL and cell != LAVA_CELL
        ]
        return tuple(sorted(found, key=lambda thing: (thing[1], thing[0])))

    def find(self, kind: int, color: int | None = None) -> Iterator[tuple[int, int]]:
        """Cells that hold an object of this type (and colour), row by row."""
        for x, y, cell in self.objects:
            if cell_type(cell) == kind and (color is None or cell_color(cell) == color):
                yield x, y

    def with_cell(self, x: int, y: int, cell: int, **changes: int) -> GridState:
        """This state with another content at (x, y), and any other fields changed."""
        index = x * self.height + y
        return replace(self, cells=(*self.cells[:index], cell, *self.cells[index + 1 :]), **changes)

    def after(self, action: int) -> GridState:
        """The state after one action by MiniGrid's own rules, leaving ends of episodes and moving obstacles aside."""
        step = self.step + 1
        if action == LEFT:
            return replace(self, direction=(self.direction + 3) % 4, step=step)
        if action == RIGHT:
            return replace(self, direction=(self.direction + 1) % 4, step=step)
        x, y = self.front
        cell = self.at(x, y)
        kind = cell_type(cell)
        if action == FORWARD and _enterable(cell):
            return replace(self, x=x, y=y, step=step)
        if action == PICKUP and kind in (KEY, BALL, BOX) and not self.carrying:
            return self.with_cell(x, y, EMPTY_CELL, carrying=cell, step=step)
        if action == DROP and kind == EMPTY and self.carrying:
            return self.with_cell(x, y, self.carrying, carrying=0, step=step)
        if action == TOGGLE and kind == BOX:
            return self.with_cell(x, y, cell_inside(cell), step=step)
        if action == TOGGLE and kind == DOOR and not (cell_state(cell) == LOCKED and not self.unlocks(cell)):
            changed = CLOSED if cell_state(cell) == OPEN else OPEN
            return self.with_cell(x, y, cell & ~(0xF << STATE_SHIFT) | changed << STATE_SHIFT, step=step)
        return replace(self, step=step)

    def unlocks(self, door: int) -> bool:
        """Whether what the agent carries is the key to this door (a cell code)."""
        return cell_type(self.carrying) == KEY and cell_color(self.carrying) == cell_color(door)


def _enterable(cell: int) -> bool:
    kind = cell_type(cell)
    return kind in (EMPTY, FLOOR, GOAL, LAVA) or (kind == DOOR and cell_state(cell) == OPEN)
