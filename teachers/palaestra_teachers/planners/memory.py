"""What worked: the action lists that reached a sub-goal, kept on disk between runs, after Ghost in the Minecraft."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from palaestra_teachers.base import Frozen

FORMAT = 1
KEPT = 5
"""Action lists of a sub-goal after which they are summarised into one."""
MOST_ACTIONS = 64
"""Of one list that is remembered; a longer one is no example to follow."""


class PlanMemoryError(ValueError):
    """A memory file cannot be used; the message says which, why, and what to do. The file stands as it is."""


class Remembered(Frozen):
    """What is known of one sub-goal.

    Attributes:
        successes: how often it was reached.
        lists: action lists that reached it since the last summary, the oldest first.
        summary: what they have in common; empty: not summarised yet.
    """

    successes: int = Field(default=0, ge=0)
    lists: tuple[tuple[dict[str, Any], ...], ...] = Field(default=(), max_length=KEPT)
    summary: tuple[dict[str, Any], ...] = ()

    @property
    def references(self) -> tuple[tuple[dict[str, Any], ...], ...]:
        """What a planner is shown: the summary if there is one, else the newest list."""
        if self.summary:
            return (self.summary,)
        return self.lists[-1:]


class _File(Frozen):
    format: int
    world: str
    goals: dict[str, Remembered] = Field(default_factory=dict)


class PlanMemory:
    """The successful action lists of each sub-goal.

    Args:
        world: what the actions are of; a file of another world is refused.
        path: of its file; None: it is forgotten with the process. It is read now, and written by `save` only.

    Raises:
        PlanMemoryError: the file is damaged, of another world, or of a newer version.
    """

    def __init__(self, world: str, path: Path | None = None) -> None:
        self._world = world
        self._path = path
        self._goals: dict[str, Remembered] = {}
        if path is not None and path.exists():
            self._goals = dict(_read(path, world).goals)

    def recall(self, goal: str) -> Remembered:
        """What is known of a sub-goal."""
        return self._goals.get(goal, Remembered())

    def add(self, goal: str, actions: tuple[dict[str, Any], ...]) -> bool:
        """Keeps an action list that reached a sub-goal.

        Returns:
            Whether there are now as many as are to be summarised; see `summarise`.
        """
        known = self.recall(goal)
        lists = known.lists
        if 0 < len(actions) <= MOST_ACTIONS:
            lists = (*lists, actions)[-KEPT:]
        self._goals[goal] = Remembered(successes=known.successes + 1, lists=lists, summary=known.summary)
        return len(lists) == KEPT

    def summarise(self, goal: str, summary: tuple[dict[str, Any], ...]) -> None:
        """Keeps one list in place of those that it sums up."""
        self._goals[goal] = Remembered(successes=self.recall(goal).successes, summary=summary)

    def save(self) -> None:
        """Writes the file: whatever happens meanwhile it is afterwards the old one or the new one, whole.

        Raises:
            PlanMemoryError: it could not be written; the old file stands.
        """
        if self._path is None:
            return
        content = _File(format=FORMAT, world=self._world, goals=self._goals).model_dump(mode="json")
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise PlanMemoryError(
                f"the memory {self._path} cannot be written: {error.strerror or error}; the old one stands"
            ) from error

    def state_dict(self) -> dict[str, Any]:
        """All of it, JSON-able."""
        return _File(format=FORMAT, world=self._world, goals=self._goals).model_dump(mode="json")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises PlanMemoryError when `state` is no memory of this world's."""
        self._goals = dict(_checked(state, "the state of a memory", self._world).goals)


def _read(path: Path, world: str) -> _File:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanMemoryError(f"the memory {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise PlanMemoryError(
            f"the memory {path} is damaged: {error}; mend it, or move it away to begin with an empty one"
        ) from error
    return _checked(content, f"the memory {path}", world)


def _checked(content: Any, name: str, world: str) -> _File:
    version = content.get("format") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise PlanMemoryError(f"{name} has format {version}, and this Palaestra reads up to {FORMAT}: update Palaestra")
    try:
        found = _File.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise PlanMemoryError(
            f"{name} is damaged: {where}: {first['msg']}; mend it, or move it away to begin with an empty one"
        ) from error
    if found.world != world:
        raise PlanMemoryError(f"{name} is of {found.world}, not {world}: choose another file")
    return found
