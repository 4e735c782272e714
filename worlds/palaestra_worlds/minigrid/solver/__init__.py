"""Plans over the true state of a level: the oracle behind the scripted teacher, and of tests."""

from __future__ import annotations

from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.solver.doorways import with_doorways
from palaestra_worlds.minigrid.solver.goals import read_mission
from palaestra_worlds.minigrid.solver.milestones import find_milestones
from palaestra_worlds.minigrid.solver.plan import Milestone, Solution, SolverError
from palaestra_worlds.minigrid.solver.search import Search
from palaestra_worlds.minigrid.state import LEFT

__all__ = ["Milestone", "Solution", "SolverError", "next_action", "solve", "with_doorways"]


def solve(state: GridState) -> Solution:
    """A plan that fulfils the level's mission.

    Shortest where no object has to be put down; else it may be a few actions longer (see `Search`). Obstacles that
    move by themselves are taken to stand still: follow such levels with `next_action`.

    Raises:
        SolverError: there is no plan, or none was found; the message says why.
    """
    goals = read_mission(state)
    actions = Search(state, goals).run()
    if state.max_steps and state.step + len(actions) > state.max_steps:
        raise SolverError(
            f"the plan takes {len(actions)} actions, more than the {state.max_steps - state.step} that are left"
        )
    return Solution(actions, find_milestones(state, actions, goals))


def next_action(state: GridState) -> int:
    """The first action of a plan from here; turning left where obstacles that move leave no way for now.

    Raises:
        SolverError: there is no plan, and nothing that moves.
    """
    try:
        return solve(state).actions[0]
    except SolverError:
        if any(not goal.may_move for goal in read_mission(state) if goal.kind == "stand on"):
            return LEFT
        raise
