"""Tasks as a teacher writes them → tables as the engine reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.lessons import TaskTable, allocate_table
from palaestra_worlds.minigrid.subgoals import resolve_subgoals
from palaestra_worlds.minigrid.tasks import PHRASES, LanguageSubgoal, MiniGridTask, Subgoal, SubgoalForm
from palaestra_worlds.random_streams import seed_streams

_PHRASE_ROWS = {phrase: row for row, phrase in enumerate(PHRASES)}


class TaskCompiler:
    """Finds the cells that subgoals mean, once for each task.

    Args:
        shown: form in which the world shows subgoals.
        first_states: gives the first state of each of many levels.
    """

    def __init__(self, shown: SubgoalForm | None, first_states: Callable[[Sequence[int]], list[GridState]]) -> None:
        self._shown = shown
        self._first_states = first_states
        self._resolved: dict[MiniGridTask, tuple[NDArray[np.int16], NDArray[np.int16]]] = {}

    def table(self, tasks: Sequence[Task]) -> TaskTable:
        """One row for each task.

        Raises:
            TaskError: a task is no `MiniGridTask`, or a subgoal means nothing in its level; the message says which.
        """
        checked = [_as_minigrid(task) for task in tasks]
        self._resolve([task for task in dict.fromkeys(checked) if task.subgoals and task not in self._resolved])
        table = allocate_table(len(checked))
        for row, task in enumerate(checked):
            if task.subgoals:
                targets, tokens = self._resolved[task]
                table.counts[row] = len(targets)
                table.targets[row, : len(targets)] = targets
                table.tokens[row, : len(tokens)] = tokens
        level_seeds = {row: task.level_seed for row, task in enumerate(checked) if task.level_seed is not None}
        if level_seeds:
            table.has_level[list(level_seeds)] = True
            table.random[list(level_seeds)] = seed_streams(list(level_seeds.values()))
        return table

    def _resolve(self, tasks: list[MiniGridTask]) -> None:
        if not tasks:
            return
        for task in tasks:
            if task.level_seed is None:
                raise TaskError("a task with subgoals needs a level_seed: its cells are looked up in that level")
        states = self._first_states([task.level_seed for task in tasks if task.level_seed is not None])
        for task, state in zip(tasks, states, strict=True):
            found = resolve_subgoals(state, task.subgoals)
            targets = np.array([cell for cell, _ in found], dtype=np.int16)
            tokens = np.array(
                [self._token(subgoal, triple) for subgoal, (_, triple) in zip(task.subgoals, found, strict=True)],
                dtype=np.int16,
            )
            self._resolved[task] = targets, tokens

    def _token(self, subgoal: Subgoal, triple: tuple[int, int, int]) -> tuple[int, int, int]:
        if self._shown != "language":
            return triple
        if not isinstance(subgoal, LanguageSubgoal):
            raise TaskError(f"this world shows subgoals in language, so a {subgoal.form} subgoal cannot be shown")
        return _PHRASE_ROWS[subgoal.instruction], 0, 0


def _as_minigrid(task: Task) -> MiniGridTask:
    if isinstance(task, MiniGridTask):
        return task
    if type(task) is Task:
        return MiniGridTask(level_seed=task.level_seed)
    raise TaskError(f"a MiniGrid world takes MiniGridTask, not {type(task).__name__}")
