"""Milestones in more detail: every doorway that a plan leads through."""

from __future__ import annotations

from collections.abc import Sequence

from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.solver.plan import Milestone
from palaestra_worlds.minigrid.state import DOOR, TOGGLE, cell_type
from palaestra_worlds.minigrid.tasks import MAX_SUBGOALS


def with_doorways(state: GridState, actions: Sequence[int], milestones: Sequence[Milestone]) -> tuple[Milestone, ...]:
    """The milestones of a plan with each door that it opens or passes between them, each time that it does.

    A door that is opened and then passed counts once. Of more than MAX_SUBGOALS, the last doorways are left out.

    Args:
        state: where the plan begins.
        actions: the plan.
        milestones: its milestones, in order.
    """
    found: list[Milestone] = []
    remaining = list(milestones)
    now = state
    for action in actions:
        after = now.after(action)
        if remaining and _reached(remaining[0], now, after):
            found.append(remaining.pop(0))
        elif (doorway := _doorway(state, now, after, action)) is not None:
            place = (doorway.x, doorway.y)
            if place not in {(m.x, m.y) for m in (*found[-1:], *remaining[:1])}:
                found.append(doorway)
        now = after
    found += remaining
    kept = set(milestones)
    while len(found) > MAX_SUBGOALS:
        extra = [k for k, milestone in enumerate(found) if milestone not in kept]
        found.pop(extra[-1] if extra else 0)
    return tuple(found)


def _reached(milestone: Milestone, now: GridState, after: GridState) -> bool:
    """As the engine judges it: the agent stands there, or what is there has changed."""
    x, y = milestone.x, milestone.y
    return (after.x, after.y) == (x, y) or now.at(x, y) != after.at(x, y)


def _doorway(state: GridState, now: GridState, after: GridState, action: int) -> Milestone | None:
    """The door that this step opens or enters."""
    if (after.x, after.y) != (now.x, now.y):
        x, y, verb = after.x, after.y, "go to"
    elif action == TOGGLE:
        (x, y), verb = now.front, "open"
    else:
        return None
    if cell_type(after.at(x, y)) != DOOR:
        return None
    return Milestone(verb, x, y, state.at(x, y))
