"""What can be measured of the manipulator's table, and what a task wants of it."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.programs import Target
from palaestra_worlds.robots.manipulator_grip import turned
from palaestra_worlds.robots.manipulator_task import POINT_NAMES, ManipulatorTask
from palaestra_worlds.robots.sensors import Sensors
from palaestra_worlds.robots.tabletop import OBJECTS, TRAVEL

Array = NDArray[np.float64]


def measures_of(sensors: Array, at: Sensors) -> dict[str, float]:
    """Of one table's sensors (nsensordata,): metres, radians, and openings from 0 to 1.

    `distance` and `beside` (without the height) of two points, named in the order of `POINT_NAMES`; `height` of a
    thing's middle; `turn` about x of a thing; `upright` of a thing: 1 as it stands, 0 on its side, -1 upside down.
    """
    places = {name: sensors[at[name]] for name in POINT_NAMES}
    found: dict[str, float] = {}
    for first, second in combinations(POINT_NAMES, 2):
        apart = places[first] - places[second]
        found[f"distance.{first}.{second}"] = float(np.linalg.norm(apart))
        found[f"beside.{first}.{second}"] = float(np.hypot(apart[0], apart[1]))
    for thing in OBJECTS:
        up = turned(sensors[at[f"turn_{thing}"]], (0.0, 0.0, 1.0))
        found[f"height.{thing}"] = float(places[thing][2])
        found[f"turn.{thing}"] = x_turn(up)
        found[f"upright.{thing}"] = float(up[2])
    for joint, travel in TRAVEL.items():
        found[f"opening.{joint}"] = float(sensors[at[f"angle_{joint}"]][0]) / travel
    return found


def x_turn(up: Array) -> float:
    """How far about x a thing is turned whose own upward direction is `up` (3,): radians."""
    return math.atan2(-float(up[1]), float(up[2]))


def targets_of(task: ManipulatorTask) -> tuple[Target, ...]:
    """What the task asks for."""
    found = []
    for d in task.distances:
        first, second = sorted((d.first, d.second), key=POINT_NAMES.index)
        found.append(Target(f"distance.{first}.{second}", 0.0))
    found += [Target(f"turn.{t.thing}", t.x_rotation, turns=True) for t in task.turns]
    found += [Target(f"height.{h.thing}", h.height) for h in task.heights]
    found += [Target(f"opening.{j.joint}", j.fraction) for j in task.joints]
    return tuple(found)
