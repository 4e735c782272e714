"""The level bank: the tasks that a trial's worlds draw from, with the lessons that have come in so far."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from palaestra_teachers.base import Lesson
from palaestra_worlds.base import Task

from palaestra.store import Store, StoreError

USABLE = ("kept", "replaced")


class LevelBank:
    """One row per level, in the order of their seeds; rows of tasks that no level stands for come after.

    Args:
        task_space: the world's.
        levels: how many levels there are, seeds 0 to levels - 1; each is a task without a lesson until one comes.

    Attributes:
        tasks: what worlds may draw from; empty: the world's own levels.
        newest: id of the newest lesson in the bank.
    """

    def __init__(self, task_space: type[Task], levels: int) -> None:
        self.task_space = task_space
        self.tasks: list[Task] = [task_space(level_seed=seed) for seed in range(levels)]
        self.newest = 0
        self._levels = levels
        self._taught: dict[int, int] = {}
        self._rows: dict[Task, int] = {}
        self._chosen: dict[int, float] | None = None

    @property
    def keys(self) -> list[int]:
        """What each row is known by in the store: its level seed, or -1, -2, ... for tasks that have none."""
        return [
            row if row < self._levels else self._levels - 1 - row if task.level_seed is None else task.level_seed
            for row, task in enumerate(self.tasks)
        ]

    @property
    def taught(self) -> list[Task]:
        """The tasks that came with a lesson."""
        return [self.tasks[row] for row in sorted(self._taught)]

    def subgoals(self) -> list[int]:
        """How many subgoals each row's task has; 0 for kinds of lesson that have none."""
        return [len(getattr(task, "subgoals", ())) for task in self.tasks]

    def add(self, tasks: Sequence[Task]) -> list[int]:
        """Makes sure that tasks that no level stands for have a row each; gives the rows."""
        for task in tasks:
            if task not in self._rows:
                self._rows[task] = self._append(task, 0)
        return [self._rows[task] for task in tasks]

    def added(self) -> list[Task]:
        """What `add` has added, in its order."""
        return list(self._rows)

    def choose(self, rows: Sequence[int] | None, weights: Sequence[float] = ()) -> None:
        """Has worlds draw from these rows alone, as often as the weights say; None: from all levels alike."""
        self._chosen = None if rows is None else dict(zip(rows, weights, strict=True))

    def drawn(self) -> tuple[list[Task] | None, NDArray[np.float64] | None]:
        """What `World.draw_from` takes: tasks, so that row numbers stay as they are, and their weights.

        None, None: the world's own levels.
        """
        weights = np.zeros(len(self.tasks))
        if self._chosen is not None:
            weights[list(self._chosen)] = list(self._chosen.values())
        elif not self._rows:
            return self.tasks or None, None
        else:
            weights[: self._levels] = 1.0
        return (self.tasks, weights) if weights.any() else (None, None)

    def update(self, store: Store, teacher: str, until: int | None = None) -> bool:
        """Adds the lessons that a teacher has given since the last call.

        Args:
            store: where they are.
            teacher: hash of the teacher's settings.
            until: id of the last lesson to add; None: all there are.

        Returns:
            Whether there was one.

        Raises:
            StoreError: the store cannot be read, or a lesson in it is damaged.
        """
        rows = store.query(
            "SELECT id, lesson FROM lessons WHERE teacher = ? AND id > ? AND id <= ? AND state IN (?, ?) "
            # Arms with more levels may share the teacher.
            "AND (level_seed IS NULL OR level_seed < ?) ORDER BY id",
            (teacher, self.newest, 2**62 if until is None else until, *USABLE, self._levels),
        )
        for id, text in rows:
            for task in self._tasks_of(store, id, text):
                self._put(id, task)
            self.newest = id
        return bool(rows)

    def _tasks_of(self, store: Store, id: int, text: str) -> list[Task]:
        try:
            return [self.task_space.model_validate(task) for task in json.loads(text)["tasks"]]
        except (ValueError, KeyError, TypeError) as error:
            why = " ".join(str(error).split())
            raise StoreError(
                f"{store.path}: lesson {id} is damaged: {why}; restore the file from a copy, or start the run in a new "
                "folder"
            ) from error

    def _put(self, lesson: int, task: Task) -> None:
        seed = task.level_seed
        if seed is not None and seed < self._levels:
            self.tasks[seed] = task
            self._taught[seed] = lesson
        else:
            self._append(task, lesson)

    def _append(self, task: Task, lesson: int) -> int:
        self.tasks.append(task)
        self._taught[len(self.tasks) - 1] = lesson
        return len(self.tasks) - 1


def lesson_json(lesson: Lesson) -> str:
    """A lesson as the store keeps it: its tasks and why each was chosen, what it says besides, its source."""
    content: dict[str, Any] = {
        "tasks": [task.model_dump(mode="json") for task in lesson.tasks()],
        "source": lesson.source.model_dump(mode="json"),
    }
    if said := lesson.content():
        content["content"] = said
    if reasons := list(lesson.reasons()):
        content["reasons"] = reasons
    if weights := lesson.weights():
        content["weights"] = list(weights)
    if lesson.remarks:
        content["remarks"] = [remark.model_dump(mode="json") for remark in lesson.remarks]
    return json.dumps(content)
