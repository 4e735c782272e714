"""What the solver thinks of subgoals: whether they lie on a way to the goal, and which of them are mistaken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import dist

from palaestra_worlds.base import Judgement
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.oracle import express
from palaestra_worlds.minigrid.solver import SolverError, solve, with_doorways
from palaestra_worlds.minigrid.solver.goals import Goal
from palaestra_worlds.minigrid.solver.plan import Solution
from palaestra_worlds.minigrid.solver.search import Search
from palaestra_worlds.minigrid.state import BALL, BOX, DOOR, KEY, LAVA, OPEN, cell_state, cell_type
from palaestra_worlds.minigrid.subgoals import Cell, resolve_subgoals
from palaestra_worlds.minigrid.tasks import Subgoal, SubgoalForm

DETOUR = 2
"""Actions by which a way through the subgoals may be longer than the solver's: planned piece by piece, it may end one
piece facing the wrong way for the next."""

_WRONG, _MISSING, _SUPERFLUOUS, _SWAPPED = 4, 4, 5, 3
"""What mistakes cost when a list is compared: the cheapest reading of it is taken."""


def judge(state: GridState, subgoals: Sequence[Subgoal]) -> Judgement | None:
    """Compares subgoals with what the oracle would list in their form, and tries whether they lead to the goal.

    They are useful if a plan that reaches all of them in order fulfils the mission, and is at most `DETOUR` actions
    longer than the solver's. The oracle has two answers, with every doorway and without; the nearer one counts.

    Args:
        state: the first state of the level.
        subgoals: of one form; each means something in the level.

    Returns:
        None where the solver has no plan for the level.

    Raises:
        TaskError: a subgoal means nothing in this level.
    """
    try:
        solution = solve(state)
    except SolverError:
        return None
    given = [cell for cell, _ in resolve_subgoals(state, subgoals)]
    form: SubgoalForm = subgoals[0].form if subgoals else "position"
    readings = [_compare(expected, given) for expected in _perfect_answers(state, solution, form)]
    # Of two that cost the same the first, without doorways: by chance a wrong entry is a doorway now and then.
    cheapest = min(readings, key=lambda reading: reading.cost[0])
    why = _why_useless(state, solution, given)
    return cheapest.judgement("position" if form == "position" else "object", why)


def _perfect_answers(state: GridState, solution: Solution, form: SubgoalForm) -> Iterator[list[Cell]]:
    for milestones in (solution.milestones, with_doorways(state, solution.actions, solution.milestones)):
        expressed = [express(state, milestone, form) for milestone in milestones]
        yield [cell for cell, _ in resolve_subgoals(state, [subgoal for subgoal in expressed if subgoal is not None])]


# ---------------------------------------------------------------------------------------------- a way to the goal


def _why_useless(state: GridState, solution: Solution, cells: Sequence[Cell]) -> str:
    """Why the cells are not on a way to the goal, in words; empty if they are."""
    if not cells:
        return "there are no subgoals"
    now, taken, reached = state, 0, 0
    limit = len(solution.actions) + DETOUR
    plan = solution.actions
    while True:
        # What the solver itself would do from here may lead through all that is left.
        if reached + _count_reached(now, plan, cells[reached:]) == len(cells):
            if taken + len(plan) <= limit:
                return ""
            return f"{_name(cells, reached)} is a detour of {taken + len(plan) - limit + DETOUR} actions"
        try:
            leg = _leg(now, cells[reached])
        except SolverError:
            why = ": it is lava" if cell_type(now.at(*cells[reached])) == LAVA else ""
            return f"{_name(cells, reached)} cannot be reached{why}"
        for action in leg:
            now = now.after(action)
        taken += len(leg)
        reached += 1
        try:
            plan = solve(now).actions
        except SolverError as error:
            return f"after {_name(cells, reached - 1)} the mission cannot be fulfilled any more: {error}"
        if taken + len(plan) > limit:
            return f"{_name(cells, reached - 1)} is a detour of {taken + len(plan) - limit + DETOUR} actions"


def _name(cells: Sequence[Cell], index: int) -> str:
    return f"subgoal {index + 1} of {len(cells)}, {cells[index]},"


def _count_reached(now: GridState, actions: Sequence[int], cells: Sequence[Cell]) -> int:
    """How many of the cells, in order, the actions reach by the engine's rule, one a step at most."""
    reached = 0
    for action in actions:
        if reached == len(cells):
            break
        after = now.after(action)
        x, y = cells[reached]
        reached += (after.x, after.y) == (x, y) or now.at(x, y) != after.at(x, y)
        now = after
    return reached


def _leg(now: GridState, cell: Cell) -> tuple[int, ...]:
    """Actions that reach a subgoal at this cell: by standing there, or by changing what is there.

    Raises:
        SolverError: it cannot be reached.
    """
    content = now.at(*cell)
    kind = cell_type(content)
    if kind in (KEY, BALL):
        goal = Goal("pick up", (cell,))
    elif kind == BOX or (kind == DOOR and cell_state(content) != OPEN):
        goal = Goal("open", (cell,))
    else:
        goal = Goal("stand on", (cell,))
    return Search(now, (goal,)).run()


# ---------------------------------------------------------------------------------------------- mistakes


class _Reading:
    """One way to read a list as another one with mistakes."""

    def __init__(self, cost: tuple[int, float] = (0, 0.0)) -> None:
        self.cost = cost
        """First what the mistakes cost, then how far off the wrong entries are."""
        self.right = self.missing = self.superfluous = self.expected = self.in_place = 0
        self.swapped = self.skipped = 0
        self.just_swapped = False
        self.wrong: tuple[float, ...] = ()
        self.errors: tuple[float, ...] = ()

    def plus(
        self,
        cost: int,
        pairs: Sequence[tuple[Cell, Cell]] = (),
        missing: int = 0,
        superfluous: int = 0,
        swapped: int = 0,
    ) -> _Reading:
        """This reading with more behind it; each pair is an expected entry and the one that stands for it."""
        wrong = tuple(dist(*pair) for pair in pairs if pair[0] != pair[1])
        found = _Reading((self.cost[0] + cost + _WRONG * len(wrong), self.cost[1] + sum(wrong)))
        found.right = self.right + len(pairs) - len(wrong)
        found.wrong = self.wrong + wrong
        found.missing, found.superfluous = self.missing + missing, self.superfluous + superfluous
        found.swapped = self.swapped + swapped
        # The second of two that have swapped places has no chance left to swap with the next one.
        found.skipped = self.skipped + (self.just_swapped and bool(pairs))
        found.just_swapped = bool(swapped) if pairs else self.just_swapped
        return found

    def judgement(self, wrong_kind: str, why: str) -> Judgement:
        present = self.right + len(self.wrong)
        return Judgement(
            useful=not why,
            why=why,
            expected=self.expected,
            in_place=self.in_place,
            errors=self.errors,
            right=self.right,
            wrong=self.wrong,
            wrong_kind=wrong_kind,
            missing=self.missing,
            superfluous=self.superfluous,
            swapped=self.swapped,
            neighbours=max(present - 1, 0) - self.skipped,
        )


def _cost(reading: _Reading) -> tuple[int, float]:
    return reading.cost


def _compare(expected: Sequence[Cell], given: Sequence[Cell]) -> _Reading:
    """The cheapest reading of `given` as `expected` with mistakes (optimal string alignment).

    Only two that are both right count as swapped: by chance a wrong entry is the one beside it now and then.
    """
    table: dict[tuple[int, int], _Reading] = {(0, 0): _Reading()}
    for i in range(len(expected) + 1):
        for j in range(len(given) + 1):
            if i or j:
                table[i, j] = min(_readings(table, expected, given, i, j), key=_cost)
    best = table[len(expected), len(given)]
    best.expected = len(expected)
    best.errors = tuple(dist(*pair) for pair in zip(expected, given, strict=False))
    best.in_place = best.errors.count(0.0)
    return best


def _readings(
    table: dict[tuple[int, int], _Reading],
    expected: Sequence[Cell],
    given: Sequence[Cell],
    i: int,
    j: int,
) -> Iterator[_Reading]:
    """Of the first i expected and the first j given entries."""
    if i and j:
        yield table[i - 1, j - 1].plus(0, [(expected[i - 1], given[j - 1])])
    if i:
        yield table[i - 1, j].plus(_MISSING, missing=1)
    if j:
        yield table[i, j - 1].plus(_SUPERFLUOUS, superfluous=1)
    if i > 1 and j > 1:
        crossed = [(expected[i - 2], given[j - 1]), (expected[i - 1], given[j - 2])]
        if all(one == other for one, other in crossed):
            yield table[i - 2, j - 2].plus(_SWAPPED, crossed, swapped=1)
