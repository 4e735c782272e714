"""Levels from the reference's own generator, for families that have no native one; cached on disk.

Exact by construction: the reference draws from a generator that stands where the environment's stream stands, and the
stream goes on from where the reference left it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from palaestra_worlds.minigrid.state import DIRECTION, MISSION, Levels, X, Y, make_cell
from palaestra_worlds.random_streams import from_generator, to_generator


class ReferenceLevels:
    """Generates levels of one id with an instance of the reference class.

    Args:
        env: unwrapped instance of the reference class; it must not override `step`.
        key: what tells these levels from others: id and keywords.
        folder: where the cache lies; None: the user's cache folder.
    """

    def __init__(self, env: Any, key: str, folder: Path | None = None) -> None:
        self.env = env
        self.missions: list[str] = [env.mission]
        digest = hashlib.sha256(f"{key} minigrid {version('minigrid')}".encode()).hexdigest()[:16]
        self.path = (folder or platformdirs.user_cache_path("palaestra") / "levels") / f"{digest}.sqlite"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as store:
            store.execute(
                "CREATE TABLE IF NOT EXISTS levels(stream BLOB PRIMARY KEY, level BLOB, after BLOB, rest TEXT)"
            )

    def generate(self, levels: Levels, chosen: NDArray[np.bool_]) -> None:
        """New levels for the chosen environments, each from its own stream."""
        with self._open() as store:
            for i in np.flatnonzero(chosen):
                self._generate_one(levels, int(i), store)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=60.0)

    def _generate_one(self, levels: Levels, i: int, store: sqlite3.Connection) -> None:
        stream = levels.random[i].tobytes()
        row = store.execute("SELECT level, after, rest FROM levels WHERE stream = ?", (stream,)).fetchone()
        if row is None:
            row = self._ask_reference(levels, i)
            store.execute("INSERT OR IGNORE INTO levels VALUES (?, ?, ?, ?)", (stream, *row))
        level, after, rest = row
        x, y, direction, mission = json.loads(rest)
        levels.cells[i] = np.frombuffer(level, dtype=np.int32).reshape(levels.cells.shape[1:])
        levels.random[i] = np.frombuffer(after, dtype=np.uint64)
        if mission not in self.missions:
            self.missions.append(mission)
        levels.status[i, [X, Y, DIRECTION, MISSION]] = x, y, direction, self.missions.index(mission)

    def _ask_reference(self, levels: Levels, i: int) -> tuple[bytes, bytes, str]:
        env = self.env
        generator = to_generator(levels.random[i])
        env.np_random = generator
        env.agent_pos, env.agent_dir = (-1, -1), -1
        env._gen_grid(env.width, env.height)
        after = np.zeros_like(levels.random[i])
        from_generator(after, generator)
        x, y = env.agent_pos
        rest = json.dumps([int(x), int(y), int(env.agent_dir), env.mission])
        return cells_of(env).tobytes(), after.tobytes(), rest


def cells_of(env: Any) -> NDArray[np.int32]:
    """The grid of a reference environment as cell codes, (width, height)."""
    cells = np.empty((env.width, env.height), dtype=np.int32)
    for x in range(env.width):
        for y in range(env.height):
            cells[x, y] = cell_of(env.grid.get(x, y))
    return cells


def cell_of(thing: Any) -> int:
    """Cell code of a reference object (None: empty), without identity."""
    if thing is None:
        return int(make_cell(1, 0))
    kind, color, state = thing.encode()
    inside = cell_of(thing.contains) if thing.contains is not None else 0
    return int(make_cell(kind, color, state, inside))
