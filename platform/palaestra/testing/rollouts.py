"""Random steps, and comparisons of what they return."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from palaestra_worlds.base import World

MOST_STEPS = 300


def rollout(world: World, steps: int, seed: int = 3) -> list[Any]:
    """Everything that `steps` random steps return."""
    world.action_space.seed(seed)
    return [world.step(world.action_space.sample()) for _ in range(steps)]


def until_ended(world: World, ends: int, seed: int = 3) -> Iterator[Any]:
    """What random steps return until so many episodes have ended; skips the test when none does for long."""
    world.action_space.seed(seed)
    seen = 0
    for _ in range(MOST_STEPS):
        step = world.step(world.action_space.sample())
        yield step
        seen += int((step[2] | step[3]).sum())
        if seen >= ends:
            return
    if not seen:
        pytest.skip(f"no episode of {world.id} ended within {MOST_STEPS} steps: give --settings that make them short")


def assert_equal_steps(first: list[Any], second: list[Any], why: str = "") -> None:
    """Compares what steps returned: everything but the infos, of which the keys and the lesson reward."""
    for number, (one, other) in enumerate(zip(first, second, strict=True)):
        where = f"{why}, in step {number}"
        assert_equal(one[:4], other[:4], where)
        assert one[4].keys() == other[4].keys(), f"{where}: other infos"
        assert_equal(one[4]["lesson_reward"], other[4]["lesson_reward"], where)


def assert_equal(one: Any, other: Any, why: str = "") -> None:
    """Compares observations: arrays, texts, and dicts, tuples and lists of such."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), why
        for key in one:
            assert_equal(one[key], other[key], f"{why} ({key})")
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), why
        for part, counterpart in zip(one, other, strict=True):
            assert_equal(part, counterpart, why)
    else:
        np.testing.assert_array_equal(one, other, why)


def are_equal(one: Any, other: Any) -> bool:
    try:
        assert_equal(one, other)
    except AssertionError:
        return False
    return True


def assert_finite(observations: Any) -> None:
    if isinstance(observations, dict):
        for key, part in observations.items():
            parts = part if isinstance(part, tuple) else (part,)
            for array in map(np.asarray, parts):
                assert array.dtype.kind != "f" or np.isfinite(array).all(), f"observation '{key}' is not finite"


def part_of(observations: Any, index: int) -> Any:
    """What one environment observes."""
    if isinstance(observations, dict):
        return {key: part_of(part, index) for key, part in observations.items()}
    return observations[index]
