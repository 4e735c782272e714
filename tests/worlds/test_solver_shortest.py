"""The solver's plans held against exhaustive search, breadth first over true states."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.solver import SolverError, solve
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    DOOR,
    DROP,
    EMPTY_CELL,
    FORWARD,
    GOAL_CELL,
    GREY,
    KEY,
    LAVA,
    LEFT,
    LOCKED,
    PICKUP,
    RED,
    RIGHT,
    TOGGLE,
    WALL_CELL,
    cell_type,
    make_cell,
)

BLUE_BALL = int(make_cell(BALL, 2))
RED_KEY = int(make_cell(KEY, RED))


def shortest_length(start: GridState, succeeds: Callable[[GridState, int, GridState], bool], limit: int) -> int | None:
    """Actions of a shortest plan; None if there is none of up to `limit` actions.

    Args:
        succeeds: whether an action (state before, action, state after) fulfils the mission.
    """
    seen = {_essence(start)}
    layer = [start]
    for length in range(1, limit + 1):
        following = []
        for state in layer:
            for action in (LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE):
                after = state.after(action)
                if succeeds(state, action, after):
                    return length
                essence = _essence(after)
                if essence not in seen and cell_type(after.at(after.x, after.y)) != LAVA:
                    seen.add(essence)
                    following.append(after)
        layer = following
    return None


def _essence(state: GridState) -> tuple:
    return state.cells, state.x, state.y, state.direction, state.carrying


def picks_up_blue_ball(before: GridState, action: int, after: GridState) -> bool:
    return action == PICKUP and after.carrying == BLUE_BALL and before.carrying == 0


def reaches_goal(before: GridState, action: int, after: GridState) -> bool:
    return after.at(after.x, after.y) == GOAL_CELL


def small_levels(random: np.random.Generator, *, boxed: bool, blocked: bool) -> Iterator[GridState]:
    """Endless random levels of two rooms with a locked door between them, and what is wanted behind it."""
    while True:
        width, height = int(random.integers(6, 8)), int(random.integers(4, 6))
        column = int(random.integers(2, width - 2))
        cells = np.full((width, height), WALL_CELL, dtype=np.int32)
        cells[1:-1, 1:-1] = EMPTY_CELL
        cells[column, :] = WALL_CELL
        row = int(random.integers(1, height - 1))
        cells[column, row] = make_cell(DOOR, RED, LOCKED)
        if random.random() < 0.3:
            cells[column, 1 + row % (height - 2)] = make_cell(DOOR, GREY, LOCKED)
        if blocked:
            cells[column - 1, row] = make_cell(BALL, 1)
        ball = random.random() < 0.7
        things = [int(make_cell(BOX, GREY, 0, RED_KEY)) if boxed else RED_KEY, BLUE_BALL if ball else GOAL_CELL]
        left = [(x, y) for x in range(1, column) for y in range(1, height - 1) if cells[x, y] == EMPTY_CELL]
        right = [(x, y) for x in range(column + 1, width - 1) for y in range(1, height - 1)]
        if len(left) < 2:
            continue
        random.shuffle(left)
        cells[left[0]] = things[0]
        cells[right[int(random.integers(len(right)))]] = things[1]
        agent = (*left[1], int(random.integers(4)))
        yield GridState.from_cells(
            cells, agent=agent, mission="pick up the blue ball" if ball else "reach the goal", max_steps=500
        )


@pytest.mark.parametrize(("boxed", "blocked"), [(False, False), (True, False), (False, True), (True, True)])
def test_as_short_as_exhaustive_search_finds_in_small_levels(boxed: bool, blocked: bool) -> None:
    """Exactly where nothing has to be moved out of the way; else hardly ever longer, and never by more than 2."""
    levels = small_levels(np.random.default_rng(5), boxed=boxed, blocked=blocked)
    excess = []
    for _ in range(25):
        state = next(levels)
        wanted = picks_up_blue_ball if "ball" in state.mission else reaches_goal
        shortest = shortest_length(state, wanted, limit=70)
        if shortest is None:
            with pytest.raises(SolverError, match="no way"):
                solve(state)
        else:
            excess.append(len(solve(state).actions) - shortest)
    assert len(excess) >= 15
    assert min(excess) == 0
    assert max(excess) <= (2 if blocked else 0)
    assert np.mean(np.array(excess) == 0) >= 0.9


@pytest.mark.parametrize(
    "id",
    ["MiniGrid-DoorKey-5x5-v0", "MiniGrid-FourRooms-v0", "MiniGrid-LavaGapS5-v0", "MiniGrid-MultiRoom-N2-S4-v0"],
)
def test_as_short_as_exhaustive_search_finds_in_levels_of_the_reference(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=5)
    world.reset(seed=0)
    for state in (world.grid_state(i) for i in range(5)):
        assert len(solve(state).actions) == shortest_length(state, reaches_goal, limit=60)
