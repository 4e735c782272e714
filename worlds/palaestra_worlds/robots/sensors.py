"""Reads the numbers that a model's sensors give, by name."""

# MuJoCo's compiled part comes without type information.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Sensors:
    """Where each of a model's sensors is in its `sensordata`."""

    def __init__(self, model: mujoco.MjModel) -> None:
        starts, sizes = model.sensor_adr, model.sensor_dim
        self._at = {
            model.sensor(i).name: slice(int(starts[i]), int(starts[i] + sizes[i])) for i in range(model.nsensor)
        }

    def span(self, first: str, last: str) -> slice:
        """The columns from one sensor to another that was added after it, both included."""
        return slice(self._at[first].start, self._at[last].stop)

    def __getitem__(self, name: str) -> slice:
        return self._at[name]


def wrap(angle: Array) -> Array:
    """The same angle in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
