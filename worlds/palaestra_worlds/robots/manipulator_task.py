"""What the manipulator can be asked to do, in the terms of Language to Rewards (arXiv 2306.08647).

A term is there when it is listed; where the palm should be and what its fingers should do is no reward of the paper's,
and only asked for by motions that the robot comes with. Lengths are metres, angles radians.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from palaestra_worlds.base import Task

Thing = Literal["apple", "banana", "box", "bowl"]
Point = Literal[
    "palm", "apple", "banana", "box", "bowl", "drawer_handle", "faucet_handle", "drawer_center", "rest_position"
]
POINT_NAMES: tuple[Point, ...] = get_args(Point)
Joint = Literal["drawer", "faucet"]
Weight = Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DistanceTarget(_Model):
    """Two points that should be in one place."""

    first: Point = Field(description="One of the points.")
    second: Point = Field(description="The other.")
    weight: Weight = Field(default=5.0, description="Weight of the distance between them.")

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.first == self.second:
            raise ValueError(f"the distance of {self.first} from itself is always 0; name two points")
        return self

    @property
    def palm_at(self) -> Point | None:
        """Where the palm should be; None if this is about two other points."""
        if self.first == "palm":
            return self.second
        return self.first if self.second == "palm" else None


class TurnTarget(_Model):
    """How an object should be turned."""

    thing: Thing = Field(description="Which object.")
    x_rotation: float = Field(
        ge=-math.pi, le=math.pi, description="Angle about the world's x axis: 0 is upright, pi upside down."
    )
    weight: Weight = Field(default=2.5, description="Weight of the angle that it is off; 4 times that to turn it over.")

    @property
    def over(self) -> bool:
        """Whether it should be turned over, not only be kept upright or be laid on its side."""
        return abs(self.x_rotation) > 0.75 * math.pi


class HeightTarget(_Model):
    """How high an object should be."""

    thing: Thing = Field(description="Which object.")
    height: float = Field(ge=0.0, le=1.0, description="Height of its middle above the table.")
    weight: Weight = Field(default=10.0, description="Weight of the difference.")


class JointTarget(_Model):
    """How far the drawer or the faucet should be open."""

    joint: Joint = Field(description="Which of them.")
    fraction: float = Field(ge=0.0, le=1.0, description="0 is closed, 1 as far open as it goes.")
    weight: Weight = Field(default=4.0, description="Weight of the difference.")


class AimTarget(_Model):
    """Where the palm should be, as motions that the robot comes with say it."""

    beside: Point | None = Field(default=None, description="The point that x, y and z are told from; null: the table.")
    x: float = Field(default=0.0, ge=-1.0, le=1.0, description="Away from the robot.")
    y: float = Field(default=0.0, ge=-1.0, le=1.0, description="To its left.")
    z: float = Field(default=0.0, ge=-1.0, le=1.0, description="Up.")
    weight: Weight = Field(default=5.0, description="Weight of the distance.")


class ManipulatorTask(Task):
    """A deed of the manipulator."""

    distances: tuple[DistanceTarget, ...] = Field(default=(), max_length=40, description="Points to bring together.")
    turns: tuple[TurnTarget, ...] = Field(default=(), max_length=4, description="Objects to turn.")
    heights: tuple[HeightTarget, ...] = Field(default=(), max_length=4, description="Objects to lift.")
    joints: tuple[JointTarget, ...] = Field(default=(), max_length=2, description="What to open or to close.")
    aim: AimTarget | None = Field(default=None, description="Where the palm should be, whatever it holds.")
    fingers: Literal["open", "closed"] | None = Field(default=None, description="What the gripper should do.")
    posture: Weight = Field(default=0.3, description="Weight of aiming elsewhere than down with the hand.")
    success_reward: float = Field(
        default=0.8, ge=0.0, le=1.0, description="Mean reward of the episode's last second that counts as success."
    )

    @property
    def things(self) -> frozenset[str]:
        """The objects that it is about; all of them where a hand that may hold any is only to go away."""
        named: set[str] = {name for d in self.distances for name in (d.first, d.second)}
        named |= {target.thing for target in (*self.turns, *self.heights)}
        if self.aim is not None and self.aim.beside is not None:
            named.add(self.aim.beside)
        goes_away = not self.joints and named <= {"palm", "rest_position", "drawer_center"}
        return frozenset(get_args(Thing) if goes_away else named.intersection(get_args(Thing)))
