"""Any of envpool's environments, stepped in C++: `envpool:<id>`."""

# envpool makes its classes when it is loaded, and is an extra.
# pyright: reportMissingImports=false

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from numpy.typing import NDArray

from palaestra_worlds.adapters.settings import EnvpoolSettings
from palaestra_worlds.adapters.world import AdaptedWorld
from palaestra_worlds.registry import nearest

_OWN_ARGUMENTS = ("num_envs", "batch_size", "num_threads", "seed", "env_type", "render_mode", "max_episode_steps")
_DRAWN_WITH_OPENGL = ("envpool.mujoco", "envpool.vizdoom", "envpool.gfootball")
_LARGEST_SEED = 2**31 - 1


class _Place(NamedTuple):
    """Where an environment is: in which pool, as which of its environments."""

    pool: Any
    number: int


class _Group(NamedTuple):
    """Environments in one pool: their rows in the world, and their numbers in the pool."""

    pool: Any
    rows: NDArray[np.intp]
    indices: NDArray[np.int32]


class EnvpoolWorld(AdaptedWorld):
    """See `AdaptedWorld`.

    envpool begins a new episode in the step after an ended one, and ignores that step's action. Here it is told to
    begin at once, in the step that ends the episode, so that no step is lost and final observations are what they are:
    an environment that has ended is never stepped.

    envpool seeds an environment when it makes it, and only then. Each seed therefore needs a new pool: one for all
    environments that are seeded at once, and a small one for each episode in a level of its own.

    envpool cannot save what its environments are in. `restore` begins new episodes in all of them, with the tasks that
    were running and seeds that follow from the snapshot (`restarted`).
    """

    settings: EnvpoolSettings  # pyright: ignore[reportIncompatibleVariableOverride]

    def _open(self) -> tuple[Space[Any], Space[Any], float | None]:
        import envpool

        known = envpool.list_all_envs()
        if self.name not in known:
            raise ValueError(f"envpool has no environment '{self.name}'{nearest(self.name, known)}")
        taken = [name for name in self.settings.options if name in _OWN_ARGUMENTS]
        if taken:
            raise ValueError(f"setting options of {self.id}: {taken[0]!r} is set by Palaestra; leave it away")
        self._home: list[_Place | None] = [None] * self.num_envs
        self._now: list[_Place] = []
        self._groups: list[_Group] | None = None
        self._restores = 0
        first = self._pool([0])
        return _honest(first.observation_space), first.action_space, first.spec.reward_threshold

    def _pool(self, seeds: Sequence[int]) -> Any:
        """A pool with one environment for each seed."""
        import envpool

        arguments: dict[str, Any] = dict(self.settings.options)
        if self.settings.max_steps is not None:
            arguments["max_episode_steps"] = self.settings.max_steps
        threads = min(len(seeds), self.settings.threads or _processors())
        try:
            with _quiet():
                pool = envpool.make(
                    self.name,
                    env_type="gymnasium",
                    num_envs=len(seeds),
                    num_threads=threads,
                    seed=[_folded(seed) for seed in seeds],
                    render_mode="rgb_array",
                    **arguments,
                )
                # It makes its spaces, and the warnings about them, when they are asked for first.
                _ = pool.observation_space, pool.action_space
                return pool
        except (AssertionError, ImportError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"envpool cannot make {self.name}: {error}") from error

    def _start(self, rows: Sequence[int]) -> None:
        self._now = self._now or [_Place(None, 0)] * self.num_envs
        for i in rows:
            if self._tasks.episodes[i] == 1:
                self._home[i] = None
        levels = {i: level for i in rows if (level := self._level(i)) is not None}
        new = [i for i in rows if i not in levels and self._home[i] is None]
        for places, seeds in ((self._now, levels), (self._home, {i: self._own_seed(i) for i in new})):
            if seeds:
                pool = self._pool(list(seeds.values()))
                for index, i in enumerate(seeds):
                    places[i] = _Place(pool, index)
        for i in rows:
            home = self._home[i]
            if i not in levels and home is not None:
                self._now[i] = home
        self._groups = None if levels or new else self._groups
        for group in self._grouped(rows):
            observed, info = group.pool.reset(group.indices)
            self._see(group.rows[_order(info, group.indices)], observed)

    def _own_seed(self, index: int) -> int:
        """What the environment's own stream begins with, after `_restores` restores."""
        seed = int(self._tasks.seeds[index])
        if not self._restores:
            return seed
        key = [seed, int(self._tasks.episodes[index]), self._restores]
        return int(np.random.SeedSequence(key).generate_state(1, np.uint32)[0] >> 1)

    def _grouped(self, rows: Sequence[int]) -> list[_Group]:
        found: dict[int, list[int]] = {}
        for i in rows:
            found.setdefault(id(self._now[i].pool), []).append(i)
        return [
            _Group(self._now[at[0]].pool, np.array(at, np.intp), np.array([self._now[i].number for i in at], np.int32))
            for at in found.values()
        ]

    def _advance(self, actions: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        rewards = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, np.bool_), np.zeros(self.num_envs, np.bool_)
        if self._groups is None:
            self._groups = self._grouped(range(self.num_envs))
        for pool, at, indices in self._groups:
            observed, reward, ended, cut, info = pool.step(actions[at], indices)
            rows = at[_order(info, indices)]
            self._see(rows, observed)
            rewards[rows], terminated[rows], truncated[rows] = reward, ended, cut
            told = {name: info[name] for name in ("is_success", "success") if name in info}
            for k in np.flatnonzero(ended | cut) if told else ():
                self._report(int(rows[k]), {name: values[k] for name, values in told.items()})
        return rewards, terminated, truncated

    def _drawn(self, index: int) -> NDArray[np.uint8] | None:
        place = self._now[index]
        if any(base.__module__.startswith(_DRAWN_WITH_OPENGL) for base in type(place.pool).__mro__):
            # MuJoCo ends the process where it cannot draw.
            return None
        try:
            return np.asarray(place.pool.render(place.number)[0], np.uint8)
        except RuntimeError:
            return None

    def _saved(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {"restores": self._restores}, {}

    def _load(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Sequence[int]:
        self._restores = int(values["restores"]) + 1
        self._home = [None] * self.num_envs
        self._start(range(self.num_envs))
        return range(self.num_envs)

    def close_extras(self, **kwargs: Any) -> None:
        self._home, self._now = [None] * self.num_envs, []


@contextmanager
def _quiet() -> Iterator[None]:
    """Without gymnasium's warnings about bounds in single precision."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _order(info: dict[str, Any], indices: NDArray[np.int32]) -> NDArray[np.intp]:
    """Which of `indices` each answer is about: environments answer in any order."""
    if np.array_equal(info["env_id"], indices):
        return np.arange(len(indices))
    position = {int(index): k for k, index in enumerate(indices)}
    return np.array([position[int(index)] for index in info["env_id"]], np.intp)


def _folded(seed: int) -> int:
    """A seed that envpool takes; small ones stay as they are."""
    if seed <= _LARGEST_SEED:
        return seed
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint32)[0] >> 1)


def _honest(space: Space[Any]) -> Space[Any]:
    """A space without envpool's bounds that are none: C++'s least positive and greatest number, which observations with
    a sign are outside of."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: _honest(part) for key, part in space.spaces.items()})
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        return space
    numbers = np.finfo(cast("np.dtype[np.floating[Any]]", space.dtype))
    low = np.where(space.low == numbers.tiny, -np.inf, space.low)
    high = np.where(space.high == numbers.max, np.inf, space.high)
    return spaces.Box(low.astype(space.dtype), high.astype(space.dtype), dtype=cast(Any, space.dtype))
