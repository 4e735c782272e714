"""Which moments of a plan are milestones."""

from __future__ import annotations

from collections.abc import Sequence

from palaestra_worlds.minigrid.grid_state import STEP_X, STEP_Y, GridState
from palaestra_worlds.minigrid.solver.goals import Goal
from palaestra_worlds.minigrid.solver.plan import Milestone
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    DOOR,
    GOAL,
    KEY,
    LOCKED,
    PICKUP,
    TOGGLE,
    cell_state,
    cell_type,
)
from palaestra_worlds.minigrid.tasks import MAX_SUBGOALS


def find_milestones(state: GridState, actions: Sequence[int], goals: Sequence[Goal]) -> tuple[Milestone, ...]:
    """The pick-ups, opened boxes and unlocked doors of a plan, then what it ends with.

    As in Words as Beacons: a key that comes out of a box is no milestone of its own, and doors that are only closed
    count where the level has no locked one. What blocks the way to a door is listed right before that door: the agent
    stands on its cell to open the door. Of more than MAX_SUBGOALS, closed doors are left out first, then objects that
    were in the way, then boxes and keys.
    """
    only_locked = any(cell_type(cell) == DOOR and cell_state(cell) == LOCKED for cell in state.cells)
    wanted = {cell for goal in goals for cell in goal.cells}
    found: list[Milestone] = []
    now = state
    for action in actions:
        x, y = now.front
        before = now.at(x, y)
        now_after = now.after(action)
        if now_after.at(x, y) != before and before == state.at(x, y) and all((m.x, m.y) != (x, y) for m in found):
            if action == PICKUP:
                found.append(Milestone("pick up", x, y, before))
            elif action == TOGGLE and cell_type(before) == BOX:
                found.append(Milestone("open", x, y, before))
            elif action == TOGGLE and (not only_locked or cell_state(before) == LOCKED or (x, y) in wanted):
                _before_door(found, now)
                found.append(Milestone("open", x, y, before))
        now = now_after
    last = _last(state, now, goals[-1])
    if last is not None:
        found.append(last)
    return _most_important(found)


def _before_door(found: list[Milestone], now: GridState) -> None:
    """Moves what was picked up from the agent's own cell to the end of the list."""
    for index, milestone in enumerate(found):
        if milestone.verb == "pick up" and (milestone.x, milestone.y) == (now.x, now.y):
            found.append(found.pop(index))
            return


def _last(state: GridState, end: GridState, goal: Goal) -> Milestone | None:
    """What the plan ends with, unless it is a deed that is listed already."""
    if goal.kind in ("pick up", "open"):
        return None
    if goal.kind == "stand on":
        return Milestone("go to", end.x, end.y, _landmark(state, end.x, end.y))
    x, y = goal.cells[0]
    place = (end.x, end.y) if goal.kind == "beside" else end.front
    return Milestone("go to", *place, state.at(x, y))


def _landmark(state: GridState, x: int, y: int) -> int:
    """The goal at this cell; in Memory the object beside it."""
    around = [state.at(x, y), *(state.at(x + STEP_X[side], y + STEP_Y[side]) for side in range(4))]
    return next((cell for cell in around if cell_type(cell) in (GOAL, KEY, BALL)), around[0])


def _most_important(found: list[Milestone]) -> tuple[Milestone, ...]:
    while len(found) > MAX_SUBGOALS:
        found.remove(min(found[:-1], key=_importance))
    return tuple(found)


def _importance(milestone: Milestone) -> int:
    if milestone.verb == "open" and cell_type(milestone.cell) == DOOR:
        return 0 if cell_state(milestone.cell) != LOCKED else 3
    return 1 if milestone.verb == "pick up" else 2
