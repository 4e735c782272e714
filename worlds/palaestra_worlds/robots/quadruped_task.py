"""What the robot dog can be asked to do: targets for its torso and feet, in the terms of Language to Rewards.

The fields are those of the paper's reward API (arXiv 2306.08647); a term whose target is None is off. Angles are
radians, lengths metres, times seconds; x is forward and y left of where the robot is heading.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from palaestra_worlds.base import Task

Foot = Literal["front_left", "rear_left", "front_right", "rear_right"]
Angle = Annotated[float, Field(ge=-math.pi, le=math.pi, allow_inf_nan=False)]
Length = Annotated[float, Field(ge=-1.0, le=1.0, allow_inf_nan=False)]
Place = Annotated[float, Field(ge=-100.0, le=100.0, allow_inf_nan=False)]
Speed = Annotated[float, Field(ge=-3.0, le=3.0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TorsoTargets(_Model):
    """Where the torso should be and how it should move."""

    height: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)] = Field(
        default=0.26, description="Height of the torso above the floor; 0.26 when it stands on four legs."
    )
    pitch: Angle = Field(default=0.0, description="Nose up is positive; pi/2 stands on the hind legs.")
    roll: Angle = Field(default=0.0, description="Left side up is positive; pi lies on the back.")
    location: tuple[Place, Place] | None = Field(default=None, description="Where to be, world x and y.")
    velocity: tuple[Speed, Speed] | None = Field(default=(0.0, 0.0), description="Forward and leftward, m/s.")
    heading: Annotated[float, Field(ge=-2 * math.pi, le=2 * math.pi)] | None = Field(
        default=None, description="Where to face; 0 is east (world x), pi/2 north."
    )
    turning_speed: Annotated[float, Field(ge=-10.0, le=10.0)] | None = Field(
        default=0.0, description="Radians per second, counterclockwise seen from above."
    )

    @model_validator(mode="after")
    def _exclusive(self) -> Self:
        if (self.location is None) == (self.velocity is None):
            raise ValueError("give exactly one of location and velocity, the other is null")
        if (self.heading is None) == (self.turning_speed is None):
            raise ValueError("give exactly one of heading and turning_speed, the other is null")
        return self


class FootTargets(_Model):
    """Where one foot should be, beside where it is when the robot stands."""

    lift_height: Annotated[float, Field(ge=0.0, le=1.0)] | None = Field(
        default=None, description="Height of the foot's sole above the floor."
    )
    extend_forward: Length | None = Field(default=None, description="In front of its place below the hip.")
    move_inward: Length | None = Field(default=None, description="Towards the robot's middle.")


class SteppingTargets(_Model):
    """How one foot steps, again and again."""

    frequency: float = Field(default=2.0, gt=0.0, le=10.0, description="Steps per second.")
    air_ratio: float = Field(default=0.5, ge=0.0, le=1.0, description="Share of a step that the foot is in the air.")
    phase_offset: float = Field(default=0.0, ge=-1.0, le=1.0, description="Share of a step that it is ahead.")
    swing_up_down: float = Field(default=0.06, ge=0.0, le=0.5, description="How high it is lifted.")
    swing_forward_back: Annotated[float, Field(ge=-0.5, le=0.5)] | None = Field(
        default=None, description="How far it swings to the front, and back on the floor; null: as it comes."
    )


class QuadrupedWeights(_Model):
    """How much each term counts.

    Language to Rewards' own (height 0.5, pitch 0.6, roll 1, velocity 0.1, stepping 1, balance 0.2) are made for another
    robot; with them this one stumbles when it walks.
    """

    height: Weight = Field(default=2.0, description="Weight of the torso's height.")
    pitch: Weight = Field(default=2.0, description="Weight of its pitch.")
    roll: Weight = Field(default=2.0, description="Weight of its roll.")
    location: Weight = Field(default=0.6, description="Weight of where it is.")
    velocity: Weight = Field(default=0.2, description="Weight of how fast it moves.")
    heading: Weight = Field(default=0.6, description="Weight of where it faces.")
    turning_speed: Weight = Field(default=0.6, description="Weight of how fast it turns.")
    foot_height: Weight = Field(default=1.0, description="Weight of feet's heights.")
    foot_forward: Weight = Field(default=0.5, description="Weight of feet's places forward.")
    foot_inward: Weight = Field(default=0.5, description="Weight of feet's places inward.")
    step_height: Weight = Field(default=2.0, description="Weight of steps' heights.")
    step_forward: Weight = Field(default=1.0, description="Weight of steps' swings.")
    balance: Weight = Field(default=0.5, description="Weight of falling over.")
    posture: Weight = Field(default=0.01, description="Weight of leaving the standing pose's joint angles.")


class QuadrupedTask(Task):
    """A motion of the robot dog."""

    torso: TorsoTargets = Field(default=TorsoTargets(), description="Where the torso should be, and how move.")
    feet: dict[Foot, FootTargets] = Field(default_factory=dict, description="Feet that should be somewhere.")
    stepping: dict[Foot, SteppingTargets] = Field(default_factory=dict, description="Feet that should step.")
    weights: QuadrupedWeights = Field(default=QuadrupedWeights(), description="How much each term counts.")
    success_reward: float = Field(
        default=0.8, ge=0.0, le=1.0, description="Mean reward of the episode's last second that counts as success."
    )


def trot(
    frequency: float = 2.0, swing_up_down: float = 0.06, swing_forward_back: float | None = None
) -> dict[Foot, SteppingTargets]:
    """Stepping with diagonal pairs of feet in turns."""
    ahead: dict[Foot, float] = {"front_left": 0.0, "rear_right": 0.0, "front_right": 0.5, "rear_left": 0.5}
    return {
        foot: SteppingTargets(
            frequency=frequency,
            phase_offset=offset,
            swing_up_down=swing_up_down,
            swing_forward_back=swing_forward_back,
        )
        for foot, offset in ahead.items()
    }
