"""How the gripper takes hold of things: where its palm goes, how its fingers lie, and when they close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.robots.manipulator_model import CLOSED
from palaestra_worlds.robots.sensors import Sensors
from palaestra_worlds.robots.tabletop import (
    CABINET_FRONT,
    CABINET_RIGHT,
    HEIGHTS,
    OBJECTS,
    RIM_HEIGHT,
    RIM_LEAN,
    RIM_RADIUS,
)

Array = NDArray[np.float64]
CLOSED_ANGLE = 0.8
"""Of the gripper's driving joint, radians."""
_APPROACH_RADIUS, _APPROACH_HEIGHT = 0.012, 0.1
_STEEPNESS = 1.5
_NEAR, _SOFT = 0.026, 0.004
"""Metres from where it takes hold at which the gripper closes, and over which it makes up its mind."""
_ASKEW, _LEANING = 0.15, 0.03
"""Radians that fingers lie askew on the bowl's side up to which they close, and over which they make up their mind."""
_ACROSS = {"banana": (0.0, 1.0, 0.0), "box": (1.0, 0.0, 0.0)}
"""The narrow side of things, in their own axes: fingers lie on both sides of it."""
_EMPTY = {"rest_position", "drawer_center"}
"""Points where there is nothing to take hold of."""
_LET_GO, _FAR = 6.0, 0.7
_RISE, _SIDEWAYS, _LITTLE = 0.1, 0.4, 0.25
"""A hand goes away upwards: how far below its goal going sideways is worth little, and what it costs there at least,
metres; and how little. With nothing it would drift sideways into what stands there."""
_GRIPPING, _OPENED = 0.35, 0.2
"""Closings, of 1: the widest thing is gripped by more than the one, and free of the hand at the other.

A hand that opens all the way in the bowl is wider than the bowl, sticks in it, and takes it along.
"""
_ASIDE = 0.005
"""Metres from the bowl's middle from which on a thing in it leaves less room at one side than at the other."""
_FINGER = 0.06
"""Metres that a finger needs outside of what it holds, with all that is behind it."""
_TOWARDS = 0.5
"""Sine from which on fingers that open in a line open towards what stands to the side."""
_MET, _MEETING = 1.05, 0.05
"""Closings: fingers that hold nothing meet at more than the first, and hold something up to the second less."""
_TOO_WIDE = 0.25
"""Weight of opening further, beside that of not being open: enough to prefer the one, not to shun the other."""
_LIFTED, _WHOLLY = 0.07, 0.1
"""Metres above the table from which on, and from which on wholly, a thing would fall if it were let go."""
_HELD = {"bowl": 0.02}
_HELD_ELSE, _LOST = 0.04, 0.03
"""Metres between palm and thing up to which it is held, and how much more until it is lost."""
_DROPPED, _LOOSE = 80.0, 8.0
"""Weights, beside that of not being closed, of losing a thing in the air, and of telling the fingers to open there.

A plan that looks ahead for a third of a second would else throw a bowl that it is to turn: in the air that is faster.
"""
_RISEN = 0.02
"""How much higher than when it stands the bowl is off the table for certain, metres."""
_FIRM = 3.0
"""How many times more than on the table it counts there how far the fingers are from where they are to hold."""
_FIXED_ACROSS = {"drawer_handle": (0.0, 1.0, 0.0)}


class _Rim(NamedTuple):
    """The place of the bowl's rim that is taken hold of, and the way through its side there: (..., 3) each."""

    hold: Array
    across: Array


class Grip:
    """Residuals of a palm that is to be where some things are."""

    def __init__(self, things: Sequence[str], sensors: Sensors) -> None:
        self.things = tuple(things)
        self._at = sensors
        self._holds = not set(self.things) <= _EMPTY

    def residuals(self, seen: Array, told: Array) -> list[Array]:
        """Of sensors (..., nsensordata) and what the gripper is told (..., 1).

        Way to the things (..., 3), fingers across (..., 3), opening (..., 1).
        """
        palm, opens = seen[..., self._at["palm"]], seen[..., self._at["palm_x"]]
        rim = self._rim(seen, palm, opens) if "bowl" in self.things else None
        places = [seen[..., self._at[thing]] if thing != "bowl" or rim is None else rim.hold for thing in self.things]
        across = self._across(seen, opens, rim)
        apart = palm - sum(places) / len(places)
        distance = np.sqrt(np.einsum("...i,...i->...", apart, apart))
        near = 1.0 / (1.0 + np.exp(np.clip((distance - _NEAR) / _SOFT, -30, 30)))[..., None]
        if rim is not None:
            askew = np.linalg.norm(across, axis=-1, keepdims=True)
            near = near / (1.0 + np.exp(np.clip((askew - _ASKEW) / _LEANING, -30, 30)))
        closed = seen[..., self._at["angle_right_driver_joint"]] / CLOSED_ANGLE
        if not self._holds:
            # Whoever has something in the hand lets go of it first: opening gains much, and going away nothing before.
            free = np.clip((_GRIPPING - closed) / (_GRIPPING - _OPENED), 0.0, 1.0)
            apart = upwards(apart)
            distance = np.linalg.norm(apart, axis=-1, keepdims=True)
            length = free * distance + (1.0 - free) * _FAR
            way = apart * length / np.maximum(distance, 1e-6)
            wide = closed - _OPENED
            return [way, across, _LET_GO * np.where(wide > 0.0, wide, _TOO_WIDE * wide)]
        # Never more when it is near than when it is not: a hand that must close at once would rather stay away.
        # Fingers that close further than round the thinnest thing have hold of none.
        around = closed * np.clip((_MET - closed) / _MEETING, 0.0, 1.0)
        fingers = 1.0 - near * around + 0.5 * (1.0 - near) * closed
        # Told so on the table already: a hand that is to close only in the air would rather not lift.
        fingers += near * closed * (CLOSED - told) + self._slipping(seen, distance[..., None], told)
        way = above(apart, _APPROACH_RADIUS, _APPROACH_HEIGHT)
        if rim is not None:
            # A hand that lifts before its fingers are closed holds less of the rim, and soon none.
            risen = np.clip((seen[..., self._at["bowl"]][..., 2:] - HEIGHTS["bowl"]) / _RISEN, 0.0, 1.0)
            way *= 1.0 + _FIRM * risen
        return [way, across, fingers]

    def _slipping(self, seen: Array, distance: Array, told: Array) -> Array:
        """How near the hand is to dropping what it holds in the air (..., 1); 0 on the table."""
        heights = [seen[..., self._at[thing]][..., 2:] for thing in self.things if thing in OBJECTS]
        if not heights:
            return np.zeros(distance.shape)
        lifted = np.clip((np.maximum.reduce(heights) - _LIFTED) / (_WHOLLY - _LIFTED), 0.0, 1.0)
        held = max(_HELD.get(thing, _HELD_ELSE) for thing in self.things)
        lost = np.clip((distance - held) / _LOST, 0.0, 1.0)
        return lifted * (_DROPPED * lost + _LOOSE * (CLOSED - told))

    def _rim(self, seen: Array, palm: Array, opens: Array) -> _Rim:
        """Where the bowl is taken hold of.

        That is in the line in which the fingers open: nearer to the palm, but away from what lies in the bowl, and from
        the cabinet.
        """
        axis = turned(seen[..., self._at["turn_bowl"]], (0.0, 0.0, 1.0))
        rim = seen[..., self._at["bowl"]] + RIM_HEIGHT * axis
        side = opens - np.einsum("...i,...i->...", opens, axis)[..., None] * axis
        side /= np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-6)
        nearer = np.einsum("...i,...i->...", palm - rim, side)
        # In the air it is held where it is held.
        stands = seen[..., self._at["bowl"]][..., 2] < HEIGHTS["bowl"] + _RISEN
        reach = RIM_RADIUS + _FINGER
        beside = stands & (rim[..., 1] + reach > CABINET_RIGHT) & (rim[..., 0] + reach > CABINET_FRONT)
        from_front = np.zeros(stands.shape, np.bool_)
        for thing in OBJECTS:
            if thing == "bowl":
                continue
            # Beside what lies in it there is no room for a finger.
            lies = seen[..., self._at[thing]] - rim
            aside = np.einsum("...i,...i->...", lies, side)
            fills = stands & (np.linalg.norm(lies, axis=-1) < RIM_RADIUS)
            nearer = np.where(fills & (np.abs(aside) > _ASIDE), -aside, nearer)
            from_front |= fills & beside & (lies[..., 1] < -_ASIDE)
        # Nor is there between the bowl and the cabinet.
        nearer = np.where(beside & (np.abs(side[..., 1]) > _TOWARDS), -side[..., 1], nearer)
        outwards = np.where(nearer < 0, -1.0, 1.0)[..., None] * side
        # Where neither side is free it is taken hold of from the robot's side.
        outwards = np.where(from_front[..., None], np.array([-1.0, 0.0, 0.0]), outwards)
        # Its side leans outwards. Fingers that lie against it askew hold it by an edge, and lose it when they lift.
        return _Rim(rim + RIM_RADIUS * outwards, np.cos(RIM_LEAN) * outwards - np.sin(RIM_LEAN) * axis)

    def _across(self, seen: Array, opens: Array, rim: _Rim | None) -> Array:
        thing = self.things[0]
        if thing == "bowl" and rim is not None:
            across = rim.across
        elif thing in _ACROSS:
            across = turned(seen[..., self._at[f"turn_{thing}"]], _ACROSS[thing])
        elif thing in _FIXED_ACROSS:
            across = np.broadcast_to(np.array(_FIXED_ACROSS[thing]), opens.shape)
        else:
            return np.zeros(opens.shape)
        # Whichever way round; unlike a cross product this still has a slope where they are at right angles.
        along = np.where(np.einsum("...i,...i->...", opens, across) < 0, -1.0, 1.0)[..., None]
        return opens - along * across


def turned(quaternions: Array, vector: Sequence[float]) -> Array:
    """A vector of a body's own in the world's axes (..., 3), by the body's quaternions (..., 4)."""
    w, v = quaternions[..., :1], quaternions[..., 1:]
    fixed = np.broadcast_to(np.asarray(vector, np.float64), v.shape)
    twice = 2.0 * np.cross(v, fixed)
    return fixed + w * twice + np.cross(v, twice)


def upwards(apart: Array) -> Array:
    """Differences of places (..., 3) with a goal that is gone to sideways only from its own height.

    A hand that let go of something goes up first: sideways its fingers would take it along.
    """
    beside = np.hypot(apart[..., :1], apart[..., 1:2])
    low = np.clip(-apart[..., 2:] / _RISE, 0.0, 1.0)
    aside = apart[..., :2] * (1.0 + low * (_SIDEWAYS / np.maximum(beside, 1e-6) + _LITTLE - 1.0))
    return np.concatenate([aside, apart[..., 2:]], axis=-1)


def above(apart: Array, radius: float, height: float) -> Array:
    """Differences of places (..., 3) with a goal that is the higher, the farther they are beside it, up to `height`.

    Whoever follows it comes down on the goal instead of pushing it away.
    """
    beside = np.hypot(apart[..., 0], apart[..., 1])
    raised = apart.copy()
    raised[..., 2] -= np.clip(_STEEPNESS * (beside - radius), 0.0, height)
    return raised
