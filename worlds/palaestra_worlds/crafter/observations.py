"""Observation spaces and arrays of a Crafter world."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from palaestra_worlds.crafter.character import ACHIEVEMENTS
from palaestra_worlds.crafter.engine import Observations
from palaestra_worlds.crafter.settings import CrafterSettings
from palaestra_worlds.crafter.state import AREA, NUM_MATERIALS
from palaestra_worlds.crafter.symbolic import COLUMNS, MAP_CHANNELS, ROWS, THINGS, VECTOR_LENGTH

IMAGE_SHAPE = (64, 64, 3)


def _map_space(cells: str) -> spaces.Box:
    if cells == "one_hot":
        return spaces.Box(0, 1, (COLUMNS, ROWS, MAP_CHANNELS), np.uint8)
    high = np.empty((COLUMNS, ROWS, 2), dtype=np.uint8)
    high[...] = (NUM_MATERIALS - 1, len(THINGS))
    return spaces.Box(np.zeros_like(high), high, dtype=np.uint8)  # pyright: ignore[reportArgumentType]


def _written(settings: CrafterSettings) -> int:
    """Numbers that the engine writes to `vector`: what was unlocked follows it."""
    return VECTOR_LENGTH + (len(ACHIEVEMENTS) if settings.unlocked else 0)


def single_space(settings: CrafterSettings) -> spaces.Dict:
    """Observation space of one environment; see `symbolic` for the layout of `map` and `vector`."""
    parts: dict[str, spaces.Space[Any]] = {}
    if settings.observation != "symbolic":
        parts["image"] = spaces.Box(0, 255, IMAGE_SHAPE, np.uint8)
    if settings.observation != "image":
        parts["map"] = _map_space(settings.cells)
        parts["vector"] = spaces.Box(0.0, 1.0, (VECTOR_LENGTH,), np.float32)
        if settings.unlocked:
            parts["unlocked"] = spaces.Box(0.0, 1.0, (len(ACHIEVEMENTS),), np.float32)
    return spaces.Dict(parts)


def allocate_observations(settings: CrafterSettings, num_envs: int) -> Observations:
    """Arrays of zeros for the engine to write to; what is not observed has no rows."""
    pictures = num_envs if settings.observation != "symbolic" else 0
    symbols = num_envs if settings.observation != "image" else 0
    channels = MAP_CHANNELS if settings.cells == "one_hot" else 2
    return Observations(
        image=np.zeros((pictures, *IMAGE_SHAPE), dtype=np.uint8),
        map=np.zeros((symbols, COLUMNS, ROWS, channels), dtype=np.uint8),
        vector=np.zeros((symbols, _written(settings)), dtype=np.float32),
        semantic=np.zeros((num_envs if settings.semantic else 0, AREA, AREA), dtype=np.uint8),
    )


def as_dict(arrays: Observations, copy: bool) -> dict[str, Any]:
    """The observed parts of the batch."""
    found = {name: array for name, array in arrays._asdict().items() if name != "semantic" and len(array)}
    if arrays.vector.shape[1] > VECTOR_LENGTH and "vector" in found:
        found["vector"], found["unlocked"] = np.split(arrays.vector, [VECTOR_LENGTH], axis=1)
    return {name: array.copy() for name, array in found.items()} if copy else found
