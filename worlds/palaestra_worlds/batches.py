"""What all compiled worlds do alike: check what they are given, count their threads, and report final observations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.base import Task, TaskError

SEED_LIMIT = 2**63
NO_TASK = -1
"""In place of a row of a table of tasks."""


def checked_actions(actions: Any, num_envs: int, num_actions: int) -> NDArray[np.int64]:
    """Actions as the kernels take them.

    Raises:
        ValueError: they are not num_envs integers in the action space.
    """
    checked = np.asarray(actions)
    if checked.shape != (num_envs,) or not np.issubdtype(checked.dtype, np.integer):
        raise ValueError(f"actions must be {num_envs} integers, not {checked.dtype} of shape {checked.shape}")
    if checked.min() < 0 or checked.max() >= num_actions:
        raise ValueError(f"actions must lie in 0..{num_actions - 1}, not {checked.min()}..{checked.max()}")
    return checked.astype(np.int64, copy=False)


def checked_mask(options: dict[str, Any] | None, num_envs: int) -> NDArray[np.bool_]:
    """`options["reset_mask"]` (num_envs,), all true where there is none.

    Raises:
        ValueError: it does not fit, or chooses nothing.
    """
    if not options or "reset_mask" not in options:
        return np.ones(num_envs, dtype=np.bool_)
    mask = np.asarray(options["reset_mask"])
    if mask.dtype != np.bool_ or mask.shape != (num_envs,) or not mask.any():
        raise ValueError(f"reset_mask must be {num_envs} booleans, at least one of them true")
    return mask


def seeds_by_row(seed: int | Sequence[int | None], num_envs: int, chosen: NDArray[np.bool_]) -> dict[int, int]:
    """The seed of each chosen environment that is to be seeded.

    Args:
        seed: environment i gets seed + i, or seed[i]; None goes on as it is.
        num_envs: environments of the batch.
        chosen: bool (num_envs,).

    Raises:
        ValueError: there are not num_envs seeds, or one is no integer from 0 to 2**63 - 1.
    """
    seeds = [seed + i for i in range(num_envs)] if isinstance(seed, int | np.integer) else list(seed)
    if len(seeds) != num_envs:
        raise ValueError(f"{len(seeds)} seeds for {num_envs} environments")
    given = {int(i): number for i in np.flatnonzero(chosen) if (number := seeds[i]) is not None}
    for number in given.values():
        if not isinstance(number, int | np.integer) or not 0 <= number < SEED_LIMIT:
            raise ValueError(f"a seed must be an integer from 0 to 2**63 - 1, not {number!r}")
    return given


def new_seed() -> int:
    """For worlds that are begun without one."""
    return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])


def drawn_bank(
    make_table: Callable[[Sequence[Task]], Any], tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None
) -> Any:
    """What `World.draw_from` draws from: a table of tasks with its `cumulative` probabilities, empty for None.

    Args:
        make_table: gives a named tuple with one row for each task, of which none is drawn.

    Raises:
        TaskError: see `World.draw_from`.
    """
    if tasks is None:
        return make_table([])
    return make_table(tasks)._replace(cumulative=cumulative_weights(weights, len(tasks)))


def assigned_rows(tasks: Sequence[Task | None], num_envs: int, drawable: int) -> tuple[list[Task], NDArray[np.int32]]:
    """What `World.assign` assigns: the tasks that there are, and for each environment the row of its own in a table
    that has them behind `drawable` others; NO_TASK without.

    Raises:
        TaskError: there is not an entry for each environment.
    """
    if len(tasks) != num_envs:
        raise TaskError(f"{len(tasks)} tasks for {num_envs} environments; pass None for those without")
    rows = np.full(num_envs, NO_TASK, np.int32)
    has_task = np.array([task is not None for task in tasks], np.bool_)
    rows[has_task] = drawable + np.arange(has_task.sum())
    return [task for task in tasks if task is not None], rows


def cumulative_weights(weights: NDArray[np.float64] | None, count: int) -> NDArray[np.float64]:
    """Cumulative probabilities (count,) of drawing each of `count` tasks, the last one 1.

    Raises:
        TaskError: there is no task, or the weights are not `count` finite numbers from 0 on, not all 0.
    """
    if count == 0:
        raise TaskError("there is no task to draw from; pass None to go back to the world's own levels")
    chances = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if chances.shape != (count,) or not np.all(np.isfinite(chances)) or chances.min() < 0 or not chances.sum():
        raise TaskError(f"weights must be {count} finite numbers from 0 on, not all 0")
    return np.cumsum(chances) / chances.sum()


def keep_rows(seen: Sequence[NDArray[Any]], kept: Sequence[NDArray[Any]], chosen: NDArray[np.bool_]) -> None:
    """Copies the chosen rows of arrays, of which those that are empty are not used, into others like them."""
    for source, target in zip(seen, kept, strict=True):
        if len(source):
            target[chosen] = source[chosen]


class FinalObservations(np.ndarray[Any, Any]):
    """`infos["final_obs"]`, an array of objects as gymnasium's: item i is what environment i saw last in the episode
    that ended, None if none did.

    `batch` holds the same as arrays (N, ...), valid in the rows where `infos["_final_obs"]`: learners read that. The
    objects are made when the first of them is asked for, because they take longer than the step.
    """

    batch: dict[str, Any]
    _waiting: NDArray[np.intp]

    def __new__(cls, batch: dict[str, Any], ended: NDArray[np.bool_]) -> FinalObservations:
        made = np.full(len(ended), None, dtype=object).view(cls)
        made.batch = batch
        made._waiting = np.flatnonzero(ended)
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.batch = getattr(other, "batch", {})
        self._waiting = np.zeros(0, dtype=np.intp)

    def __getitem__(self, index: Any) -> Any:
        self._make()
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._make()
        super().__setitem__(index, value)

    def __iter__(self) -> Iterator[Any]:
        self._make()
        return super().__iter__()

    def _make(self) -> None:
        waiting, self._waiting = self._waiting, np.zeros(0, dtype=np.intp)
        for i in waiting:
            item = {key: np.int64(part[i]) if key == "direction" else part[i] for key, part in self.batch.items()}
            super().__setitem__(int(i), item)
