"""The reward API of the robot dog: its calls, and the task that a program of them comes to.

Calls, their arguments and what they mean are those of Language to Rewards (arXiv 2306.08647). Metres, radians, seconds;
x is forward and y left of where the robot faces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from palaestra_worlds.base import Task
from palaestra_worlds.programs import Call, Motion, Program
from palaestra_worlds.robots.quadruped_task import (
    Foot,
    FootTargets,
    QuadrupedTask,
    QuadrupedWeights,
    SteppingTargets,
    TorsoTargets,
)

DURATION = 2.0
MOVING = QuadrupedWeights(velocity=1.0, location=2.0)
"""Weights of a robot that is to go somewhere: with the usual ones it trades most of its speed for steadiness."""


# Tuples of two types would have a JSON schema that servers of language models refuse.
Place = Annotated[tuple[Annotated[float, Field(ge=-20.0, le=20.0)], ...], Field(min_length=2, max_length=2)]
Velocity = Annotated[tuple[Annotated[float, Field(ge=-2.0, le=2.0)], ...], Field(min_length=2, max_length=2)]
Lift = Annotated[float, Field(ge=0.0, le=0.6)]
Torso = Annotated[float, Field(ge=0.05, le=0.65)]
Pitch = Annotated[float, Field(ge=-1.6, le=1.6)]
Roll = Annotated[float, Field(ge=-3.2, le=3.2)]
Heading = Annotated[float, Field(ge=-6.3, le=6.3)]
TurningSpeed = Annotated[float, Field(ge=-8.0, le=8.0)]


def _usual_name(foot: Any) -> Any:
    """The paper says back where others say rear."""
    return foot.replace("back_", "rear_") if isinstance(foot, str) else foot


FootName = Annotated[Foot, BeforeValidator(_usual_name)]


class ResetReward(Call):
    """Takes all targets back, so that the robot just stands. Begins a new motion; leave it away to change the last."""

    call: Literal["reset_reward"] = "reset_reward"


class SetTorsoTargets(Call):
    """Where the torso should be and how it should move."""

    call: Literal["set_torso_targets"] = "set_torso_targets"
    also_called: ClassVar[Mapping[str, str]] = {
        "target_torso_height": "height",
        "target_torso_pitch": "pitch",
        "target_torso_roll": "roll",
        "target_torso_location_xy": "location_xy",
        "target_torso_velocity_xy": "velocity_xy",
        "target_torso_heading": "heading",
        "target_turning_speed": "turning_speed",
    }
    height: Torso = Field(
        default=0.26, description="height of the torso's middle in metres; 0.26 standing, up to 0.5 on two legs"
    )
    pitch: Pitch = Field(default=0.0, description="radians; nose up is positive, pi/2 is upright on the hind legs")
    roll: Roll = Field(default=0.0, description="radians; left side up is positive, pi is on its back")
    location_xy: Place | None = Field(
        default=None, description="where to be, world x and y in metres; exactly one of this and velocity_xy is None"
    )
    velocity_xy: Velocity | None = Field(
        default=None, description="speed forward and to the left in m/s; (0, 0) stays in place"
    )
    heading: Heading | None = Field(
        default=None,
        description="where to face in radians, 0 is east, pi/2 north; exactly one of this and turning_speed is None",
    )
    turning_speed: TurningSpeed | None = Field(
        default=None, description="radians per second, counterclockwise seen from above; 0 does not turn"
    )

    @model_validator(mode="after")
    def _exclusive(self) -> Self:
        if (self.location_xy is None) == (self.velocity_xy is None):
            raise ValueError("exactly one of location_xy and velocity_xy must be None; (0, 0) as velocity stays put")
        if (self.heading is None) == (self.turning_speed is None):
            raise ValueError("exactly one of heading and turning_speed must be None; turning_speed 0 does not turn")
        return self


class SetFeetPosParameters(Call):
    """Where one foot should be. None leaves a part out."""

    call: Literal["set_feet_pos_parameters"] = "set_feet_pos_parameters"
    also_called: ClassVar[Mapping[str, str]] = {"feet_name": "foot"}
    foot: FootName
    lift_height: Lift | None = Field(
        default=None, description="how high its sole is above the floor, in metres; 0 keeps it on the floor"
    )
    extend_forward: Annotated[float, Field(ge=-0.5, le=0.5)] | None = Field(
        default=None, description="how far in front of its usual place, in metres"
    )
    move_inward: Annotated[float, Field(ge=-0.3, le=0.3)] | None = Field(
        default=None, description="how far towards the robot's middle, in metres"
    )


class SetFeetSteppingParameters(Call):
    """How one foot steps, again and again. A walk needs it of all four."""

    call: Literal["set_feet_stepping_parameters"] = "set_feet_stepping_parameters"
    also_called: ClassVar[Mapping[str, str]] = {"feet_name": "foot", "stepping_frequency": "frequency"}
    foot: FootName
    frequency: float = Field(default=2.0, gt=0.0, le=6.0, description="steps per second")
    air_ratio: Annotated[float, Field(ge=0.0, le=0.95)] = Field(default=0.5, description="share of a step in the air")
    phase_offset: Annotated[float, Field(ge=-1.0, le=1.0)] = Field(
        default=0.0, description="share of a step that it is ahead of the others"
    )
    swing_up_down: Annotated[float, Field(ge=0.0, le=0.3)] = Field(
        default=0.06, description="how high it is lifted, in metres"
    )
    swing_forward_back: Annotated[float, Field(ge=-0.3, le=0.3)] | None = Field(
        default=None, description="how far it swings forward, in metres; None: as it comes"
    )
    should_activate: bool = Field(default=True, description="False ends its stepping")


class ExecutePlan(Call):
    """Lets the robot follow the targets so far; calls after it make a further motion."""

    call: Literal["execute_plan"] = "execute_plan"
    also_called: ClassVar[Mapping[str, str]] = {"plan_duration": "duration"}
    duration: float = Field(default=DURATION, gt=0.0, le=60.0, description="seconds")


AnyCall = Annotated[
    ResetReward | SetTorsoTargets | SetFeetPosParameters | SetFeetSteppingParameters | ExecutePlan,
    Field(discriminator="call"),
]


class QuadrupedProgram(Program):
    """What the robot dog should do, in calls of the reward API."""

    Calls: ClassVar[tuple[type[Call], ...]] = (
        ResetReward, SetTorsoTargets, SetFeetPosParameters, SetFeetSteppingParameters, ExecutePlan,
    )  # fmt: skip
    calls: tuple[AnyCall, ...] = Field(min_length=1, max_length=40, description="The calls, in their order.")

    def motions(self, running: Task | None = None) -> tuple[Motion, ...]:
        """See `Program.motions`."""
        return motions_of(self.calls, running)


def motions_of(calls: tuple[Any, ...], running: Task | None) -> tuple[Motion, ...]:
    """The motions of calls of the reward API; what follows the last `execute_plan` is one more."""
    task = running if isinstance(running, QuadrupedTask) else QuadrupedTask()
    found: list[Motion] = []
    open_ended = True
    for call in calls:
        if isinstance(call, ExecutePlan):
            found.append(Motion(weighed(task), call.duration))
            open_ended = False
        else:
            task = _changed(task, call)
            open_ended = True
    return (*found, Motion(weighed(task), DURATION)) if open_ended else tuple(found)


def weighed(task: QuadrupedTask) -> QuadrupedTask:
    """The task with the weights that it needs."""
    goes = task.torso.location is not None or any(task.torso.velocity or ())
    return task.model_copy(update={"weights": MOVING if goes else QuadrupedWeights()})


def _changed(task: QuadrupedTask, call: Any) -> QuadrupedTask:
    """The task after one call."""
    if isinstance(call, SetTorsoTargets):
        torso = TorsoTargets(
            height=call.height,
            pitch=call.pitch,
            # Rounded, half a turn may be a little more than pi.
            roll=_within(call.roll, math.pi),
            location=_pair(call.location_xy),
            velocity=_pair(call.velocity_xy),
            heading=None if call.heading is None else _within(call.heading, 2 * math.pi),
            turning_speed=call.turning_speed,
        )
        return task.model_copy(update={"torso": torso})
    if isinstance(call, SetFeetPosParameters):
        place = FootTargets(**call.model_dump(include=set(FootTargets.model_fields)))
        return task.model_copy(update={"feet": {**task.feet, call.foot: place}})
    if isinstance(call, SetFeetSteppingParameters):
        others = {foot: step for foot, step in task.stepping.items() if foot != call.foot}
        step = SteppingTargets(**call.model_dump(include=set(SteppingTargets.model_fields)))
        return task.model_copy(update={"stepping": others | ({call.foot: step} if call.should_activate else {})})
    return QuadrupedTask()


def _within(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))


def _pair(values: tuple[float, ...] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])
