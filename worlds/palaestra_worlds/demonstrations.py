"""Demonstrations: what somebody did in a world, action by action, in one SQLite file.

Tables, format 1:

* `episodes`: `number`, `time` (seconds since 1970), `by` (who), `world` (its id), `settings` and `task` (JSON; of the
  task null for none), `seed` (of the level), `state` ("playing", "ended", or "left": given up for another level) and
  `digest` (of what was seen last, see `digest_of`; null before the end).
* `actions`: `episode`, `step` (from 0), `action` (a number of the world's discrete action space).
* `comparisons`: `judge` (who), `one` and `other` (episodes), `better` (1: `one` does the task better, 0: `other`, 0.5:
  neither).

Each action is on the disk when `add` returns, so that an episode goes on where it was stopped: the seed and the actions
so far lead to the same state again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.base import Task, World
from palaestra_worlds.registry import make

FORMAT = 1
SCRIPTED = "scripted"
"""Who demonstrates where no person does."""
_APPLICATION = 0x50414C44
"""SQLite's mark of whose file it is."""
_TABLES = (
    """CREATE TABLE IF NOT EXISTS episodes (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, by TEXT NOT NULL, world TEXT NOT NULL, settings TEXT NOT NULL,
    task TEXT, seed INTEGER NOT NULL, state TEXT NOT NULL, digest TEXT)""",
    """CREATE TABLE IF NOT EXISTS actions (
    episode INTEGER NOT NULL REFERENCES episodes, step INTEGER NOT NULL, action INTEGER NOT NULL,
    PRIMARY KEY (episode, step)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS comparisons (
    number INTEGER PRIMARY KEY, judge TEXT NOT NULL, one INTEGER NOT NULL REFERENCES episodes,
    other INTEGER NOT NULL REFERENCES episodes, better REAL NOT NULL)""",
)


class DemonstrationsError(ValueError):
    """A file of demonstrations that cannot be used; the message says which, why and what to do."""


@dataclass(frozen=True)
class Episode:
    """What somebody did in one level.

    Attributes:
        number: in its file, from 1.
        by: who; SCRIPTED for programs.
        world: its id.
        settings: keyword settings that the world was made with.
        task: what was set in it, as JSON-able values; None: nothing.
        seed: of the level.
        state: "playing", "ended" or "left".
        digest: of what was seen last; None unless it ended.
        actions: int64 (steps,).
    """

    number: int
    by: str
    world: str
    settings: dict[str, Any]
    task: dict[str, Any] | None
    seed: int
    state: str
    digest: str | None
    actions: NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Which of two episodes does the task better.

    Attributes:
        judge: who says so.
        one, other: numbers of the episodes.
        better: 1: `one` does, 0: `other` does, 0.5: neither.
    """

    judge: str
    one: int
    other: int
    better: float


@dataclass(frozen=True)
class Replayed:
    """An episode with what was seen in it.

    Attributes:
        episode: of the file.
        observations: arrays (steps, ...) by key; row t is what was seen before action t.
        last: what was seen last, by key.
        checked: bool (checks,): what the world's checks found at the end; None where it did not watch them.
    """

    episode: Episode
    observations: dict[str, NDArray[Any]]
    last: dict[str, Any]
    checked: NDArray[np.bool_] | None = None


class Demonstrations:
    """A file of demonstrations.

    Args:
        path: of the file.
        create: makes it where it is not there yet.

    Raises:
        DemonstrationsError: it is not there, another program's, of another format, damaged, or cannot be written.
    """

    def __init__(self, path: Path, create: bool = False) -> None:
        self.path = path
        if not create and not path.is_file():
            raise DemonstrationsError(f"there is no file {path} with demonstrations; record some by palaestra play")
        try:
            # Autocommit: what is inserted is on the disk when `execute` returns.
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _prepare(self) -> None:
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        mark, found = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if tables and mark != _APPLICATION:
            self._connection.close()
            raise DemonstrationsError(f"{self.path} is another program's database; name another file")
        if tables and found != FORMAT:
            self._connection.close()
            raise DemonstrationsError(
                f"{self.path} has format {found}, this version reads format {FORMAT}; record anew into another file"
            )
        for statement in (
            f"PRAGMA application_id = {_APPLICATION}",
            f"PRAGMA user_version = {FORMAT}",
            "PRAGMA synchronous = FULL",
            *_TABLES,
        ):
            self._connection.execute(statement)

    def _unusable(self, error: sqlite3.Error) -> DemonstrationsError:
        return DemonstrationsError(
            f"{self.path} cannot be used for demonstrations: {error}; restore it from a copy, or name another file"
        )

    def begin(self, by: str, world: World, settings: dict[str, Any], task: Task | None, seed: int) -> int:
        """A new episode; gives its number.

        Raises:
            DemonstrationsError: it cannot be written; so it is with the methods below.
        """
        told = None if task is None else json.dumps(task.model_dump(mode="json", exclude_defaults=True))
        row = time.time(), by, world.id, json.dumps(settings, sort_keys=True), told, seed
        rowid = self._write(
            "INSERT INTO episodes (time, by, world, settings, task, seed, state) VALUES (?, ?, ?, ?, ?, ?, 'playing')",
            row,
        ).lastrowid
        assert rowid is not None
        return rowid

    def add(self, episode: int, step: int, action: int) -> None:
        """Keeps the action of a step; it is safe when this returns."""
        self._write("INSERT INTO actions (episode, step, action) VALUES (?, ?, ?)", (episode, step, action))

    def add_all(self, episode: int, actions: Sequence[int]) -> None:
        """Keeps all actions of an episode, or none."""
        rows = [(episode, step, int(action)) for step, action in enumerate(actions)]
        self._write_all("INSERT INTO actions (episode, step, action) VALUES (?, ?, ?)", rows)

    def end(self, episode: int, digest: str | None) -> None:
        """Marks an episode as ended with what was seen last, or, None, as left for another level."""
        state = "left" if digest is None else "ended"
        self._write("UPDATE episodes SET state = ?, digest = ? WHERE number = ?", (state, digest, episode))

    def compare(self, comparisons: Sequence[Comparison]) -> None:
        """Keeps comparisons, all of them or none; they are safe when this returns."""
        rows = [(one.judge, one.one, one.other, one.better) for one in comparisons]
        self._write_all("INSERT INTO comparisons (judge, one, other, better) VALUES (?, ?, ?, ?)", rows)

    def comparisons(self) -> list[Comparison]:
        """In the order in which they were made.

        Raises:
            DemonstrationsError: the file is damaged.
        """
        try:
            rows = self._connection.execute("SELECT judge, one, other, better FROM comparisons ORDER BY number")
            found = [Comparison(str(row[0]), int(row[1]), int(row[2]), float(row[3])) for row in rows.fetchall()]
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        except (TypeError, ValueError) as error:
            raise DemonstrationsError(f"{self.path} has a comparison that cannot be read ({error})") from error
        if any(comparison.better not in (0.0, 0.5, 1.0) for comparison in found):
            raise DemonstrationsError(f"{self.path} has a comparison that prefers neither one, nor the other, nor none")
        return found

    def episodes(self) -> list[Episode]:
        """All of them, in the order in which they were begun.

        Raises:
            DemonstrationsError: the file is damaged.
        """
        try:
            rows = self._connection.execute(
                "SELECT number, by, world, settings, task, seed, state, digest FROM episodes ORDER BY number"
            ).fetchall()
            return [
                Episode(
                    number=row[0],
                    by=row[1],
                    world=row[2],
                    settings=dict(json.loads(row[3])),
                    task=None if row[4] is None else dict(json.loads(row[4])),
                    seed=int(row[5]),
                    state=row[6],
                    digest=row[7],
                    actions=self._actions(row[0]),
                )
                for row in rows
            ]
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        except (TypeError, ValueError) as error:
            raise DemonstrationsError(
                f"{self.path} has an episode that cannot be read ({error}); restore it from a copy"
            ) from error

    def _actions(self, episode: int) -> NDArray[np.int64]:
        rows = self._connection.execute(
            "SELECT step, action FROM actions WHERE episode = ? ORDER BY step", (episode,)
        ).fetchall()
        if [step for step, _ in rows] != list(range(len(rows))):
            raise ValueError(f"steps are missing in episode {episode}")
        return np.array([action for _, action in rows], np.int64)

    def _write(self, statement: str, row: tuple[Any, ...]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, row)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _write_all(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            with self._connection:
                self._connection.execute("BEGIN")
                self._connection.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        self._connection.close()


def digest_of(seen: Mapping[str, Any]) -> str:
    """SHA-256 of what one environment sees: the parts by key in alphabetical order."""
    found = hashlib.sha256()
    for key in sorted(seen):
        part = seen[key]
        found.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes())
    return found.hexdigest()


def task_of(world: World, episode: Episode) -> Task | None:
    """What was set in an episode's level.

    Raises:
        DemonstrationsError: no such task can be set in this world.
    """
    try:
        return None if episode.task is None else world.task_space.model_validate(episode.task)
    except ValueError as error:
        raise DemonstrationsError(f"episode {episode.number} has a task that {world.id} does not take") from error


def replay(episodes: Sequence[Episode], most: int = 16, watch: bool = False) -> Iterator[Replayed]:
    """What was seen in episodes, by doing again what was done.

    Args:
        episodes: that ended, all of one world with the same settings.
        most: episodes that are replayed at a time.
        watch: has the world watch its checks meanwhile.

    Raises:
        DemonstrationsError: one goes otherwise here than when it was recorded; the rules have changed since. Or the
            world is to watch its checks, and has none.
        ValueError: the world cannot be built.
    """
    for first in range(0, len(episodes), most):
        chosen = episodes[first : first + most]
        for episode in chosen:
            # Its number may be what is damaged.
            if not len(episode.actions):
                raise DemonstrationsError(f"episode {episode.number} has no actions; restore its file from a copy")
        world = make(chosen[0].world, len(chosen), **chosen[0].settings)
        try:
            if watch and not world.checks:
                raise DemonstrationsError(f"{world.id} checks nothing; compare its episodes yourself, by other scores")
            yield from _replay_together(world, chosen, watch)
        finally:
            world.close()


def _replay_together(world: World, episodes: Sequence[Episode], watch: bool) -> Iterator[Replayed]:
    if watch:
        world.watch_checks()
    world.assign([task_of(world, episode) for episode in episodes])
    observations, _ = world.reset(seed=[episode.seed for episode in episodes])
    seen: list[list[dict[str, Any]]] = [[] for _ in episodes]
    last: list[dict[str, Any]] = [{} for _ in episodes]
    checked: list[NDArray[np.bool_] | None] = [None for _ in episodes]
    actions = np.zeros(len(episodes), np.int64)
    for step in range(max(len(episode.actions) for episode in episodes)):
        before = {key: part.copy() for key, part in observations.items() if isinstance(part, np.ndarray)}
        for i, episode in enumerate(episodes):
            if step < len(episode.actions):
                seen[i].append({key: part[i] for key, part in before.items()})
            actions[i] = episode.actions[step] if step < len(episode.actions) else 0
        try:
            observations, _, _, _, infos = world.step(actions)
        except ValueError as error:
            raise DemonstrationsError(f"a demonstration cannot be repeated in {world.id}: {error}") from error
        for i, episode in enumerate(episodes):
            if step == len(episode.actions) - 1:
                last[i] = _end_of(world, episode, infos, i)
                checked[i] = world.checked()[i] if watch else None
    for episode, rows, final, found in zip(episodes, seen, last, checked, strict=True):
        whole = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
        yield Replayed(episode, whole, {key: np.array(final[key]) for key in whole}, found)


def _end_of(world: World, episode: Episode, infos: dict[str, Any], i: int) -> dict[str, Any]:
    last = infos["final_obs"][i] if "final_obs" in infos and infos["_final_obs"][i] else None
    if last is None or digest_of(last) != episode.digest:
        raise DemonstrationsError(
            f"episode {episode.number} (level {episode.seed}) ends otherwise here than when it was recorded: the rules "
            f"of {world.id} have changed since; record it anew"
        )
    return last
