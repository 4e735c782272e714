"""Whether Heist levels hold what their task promises: they are generated, and looked at."""

from __future__ import annotations

from collections.abc import Sequence

from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.heist.tasks import HeistTask
from palaestra_worlds.minigrid.solver import SolverError, solve


def problems_of(task: HeistTask, states: Sequence[GridState]) -> tuple[str, ...]:
    """Why the gem, or a key that the task asks for, can be reached in no level or not in every one; empty if it can.

    Args:
        task: complete: nothing is left to the original.
        states: how some of its levels begin.
    """
    problems = _without_key(task)
    if problems:
        return problems
    for state in states:
        try:
            solve(state)
        except SolverError as error:
            return (f"the gem cannot be reached: {error}",)
    return ()


def _without_key(task: HeistTask) -> tuple[str, ...]:
    """The first door that stays locked, and what that keeps the agent from."""
    doors, keys = task.doors or (), task.keys or ()
    for place, color in enumerate(doors):
        if color not in keys and color != task.carrying:
            behind = [f"the {other} key and door" for other in doors[place + 1 :]] + ["the gem"]
            return (
                f"there is no {color} key, so the {color} door stays locked and {_listed(behind)} cannot be reached",
            )
    return ()


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
