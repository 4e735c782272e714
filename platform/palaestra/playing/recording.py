"""Keeps what a person does, as demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.demonstrations import Demonstrations, DemonstrationsError, Episode, digest_of, task_of

if TYPE_CHECKING:
    from palaestra_worlds.base import Task, World


class Recording:
    """Of one world with one task, into a file in which there may be others.

    Args:
        file: where it goes.
        by: who plays.
        world: with one environment.
        settings: keyword settings that it was made with.
        task: what is set in every level; None: nothing.

    Attributes:
        left_off: actions of an episode that was stopped amid, to be done again first.

    Raises:
        DemonstrationsError: the file is damaged.
    """

    def __init__(
        self, file: Demonstrations, by: str, world: World, settings: dict[str, Any], task: Task | None
    ) -> None:
        self._file, self._by, self._world, self._settings, self._task = file, by, world, settings, task
        own = [episode for episode in file.episodes() if self._is_own(episode)]
        open_ones = [episode for episode in own if episode.state == "playing" and episode.by == by]
        self._episode: int | None = None
        self._steps = 0
        self._resumed = open_ones[-1] if open_ones else None
        self._next = max((episode.seed + 1 for episode in own), default=0)
        self.left_off: Sequence[int] = self._resumed.actions.tolist() if self._resumed else ()

    def first_level(self, wanted: int) -> int:
        """Where to begin: in the level that was left off, or in the first from `wanted` on without an episode."""
        return self._resumed.seed if self._resumed else max(wanted, self._next)

    def begin(self, seed: int) -> None:
        """A level begins; an episode that did not end is left."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            self._episode, self._steps = resumed.number, len(resumed.actions)
            return
        if self._episode is not None:
            self._file.end(self._episode, None)
        self._episode = self._file.begin(self._by, self._world, self._settings, self._task, seed)
        self._steps = 0

    def add(self, action: int) -> None:
        """An action that is about to be done."""
        assert self._episode is not None
        self._file.add(self._episode, self._steps, action)
        self._steps += 1

    def end(self, last: dict[str, Any]) -> None:
        """The episode has ended; `last` is what was seen last."""
        assert self._episode is not None
        self._file.end(self._episode, digest_of(last))
        self._episode = None

    def refuse(self, seed: int) -> None:
        """What was done before leads elsewhere now."""
        raise DemonstrationsError(
            f"{self._file.path}: level {seed} was left amid an episode that ends earlier now, because the rules of "
            f"{self._world.id} have changed; record into another file"
        )

    def _is_own(self, episode: Episode) -> bool:
        same = episode.world == self._world.id and episode.settings == self._settings
        return same and task_of(self._world, episode) == self._task
