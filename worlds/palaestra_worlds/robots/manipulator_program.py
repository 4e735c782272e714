"""The reward API of the manipulator: its calls, and the task that a program of them comes to.

Calls, their arguments and what they mean are those of Language to Rewards (arXiv 2306.08647). Metres, radians, seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from palaestra_worlds.base import Task
from palaestra_worlds.programs import Call, Motion, Program
from palaestra_worlds.robots.manipulator_task import (
    DistanceTarget,
    HeightTarget,
    Joint,
    JointTarget,
    ManipulatorTask,
    Point,
    Thing,
    TurnTarget,
)

DURATION = 2.0


class ResetReward(Call):
    """Takes all targets back. Begins a new motion; leave it away to change the last."""

    call: Literal["reset_reward"] = "reset_reward"


class SetL2DistanceReward(Call):
    """Two points should be in one place. The palm takes hold of what it is to be close to."""

    call: Literal["set_l2_distance_reward"] = "set_l2_distance_reward"
    also_called: ClassVar[Mapping[str, str]] = {"name_obj_A": "first", "name_obj_B": "second"}
    first: Point = Field(description="what moves")
    second: Point = Field(description="where to")

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.first == self.second:
            raise ValueError(f"the distance of {self.first} from itself is always 0; name two points")
        return self


class SetObjOrientationReward(Call):
    """How an object should be turned."""

    call: Literal["set_obj_orientation_reward"] = "set_obj_orientation_reward"
    also_called: ClassVar[Mapping[str, str]] = {"name_obj": "thing", "x_axis_rotation_radians": "x_rotation"}
    thing: Thing
    x_rotation: Annotated[float, Field(ge=-3.2, le=3.2)] = Field(
        description="radians about the x axis; 0 is upright, pi upside down, pi/2 on its side"
    )


class SetObjZPositionReward(Call):
    """How high an object should be."""

    call: Literal["set_obj_z_position_reward"] = "set_obj_z_position_reward"
    also_called: ClassVar[Mapping[str, str]] = {"name_obj": "thing", "z_height": "height"}
    thing: Thing
    height: float = Field(ge=0.0, le=0.7, description="metres above the table")


class SetJointFractionReward(Call):
    """How far the drawer or the faucet should be open. The palm must be close to its handle for that."""

    call: Literal["set_joint_fraction_reward"] = "set_joint_fraction_reward"
    also_called: ClassVar[Mapping[str, str]] = {"name_joint": "joint"}
    joint: Joint
    fraction: float = Field(ge=0.0, le=1.0, description="0 is closed, 1 as far open as it goes")


class ExecutePlan(Call):
    """Lets the robot follow the targets so far; calls after it make a further motion."""

    call: Literal["execute_plan"] = "execute_plan"
    also_called: ClassVar[Mapping[str, str]] = {"plan_duration": "duration"}
    duration: float = Field(default=DURATION, gt=0.0, le=60.0, description="seconds")


AnyCall = Annotated[
    ResetReward
    | SetL2DistanceReward
    | SetObjOrientationReward
    | SetObjZPositionReward
    | SetJointFractionReward
    | ExecutePlan,
    Field(discriminator="call"),
]


class ManipulatorProgram(Program):
    """What the manipulator should do, in calls of the reward API."""

    Calls: ClassVar[tuple[type[Call], ...]] = (
        ResetReward, SetL2DistanceReward, SetObjOrientationReward, SetObjZPositionReward, SetJointFractionReward,
        ExecutePlan,
    )  # fmt: skip
    calls: tuple[AnyCall, ...] = Field(min_length=1, max_length=40, description="The calls, in their order.")

    def motions(self, running: Task | None = None) -> tuple[Motion, ...]:
        """See `Program.motions`."""
        # What primitives asked for is no part of a reward.
        task = running if isinstance(running, ManipulatorTask) else ManipulatorTask()
        task = task.model_copy(update={"aim": None, "fingers": None})
        found: list[Motion] = []
        open_ended = True
        for call in self.calls:
            open_ended = not isinstance(call, ExecutePlan)
            if isinstance(call, ExecutePlan):
                found.append(Motion(task, call.duration))
            else:
                task = _changed(task, call)
        return (*found, Motion(task, DURATION)) if open_ended else tuple(found)


def program_of(deeds: tuple[Motion, ...]) -> ManipulatorProgram:
    """The program of tasks one after the other, each from the beginning."""
    calls: list[Any] = []
    for task, seconds in deeds:
        assert isinstance(task, ManipulatorTask)
        calls.append(ResetReward())
        calls += [SetL2DistanceReward(first=d.first, second=d.second) for d in task.distances]
        calls += [SetObjOrientationReward(thing=t.thing, x_rotation=t.x_rotation) for t in task.turns]
        calls += [SetObjZPositionReward(thing=h.thing, height=h.height) for h in task.heights]
        calls += [SetJointFractionReward(joint=j.joint, fraction=j.fraction) for j in task.joints]
        calls.append(ExecutePlan(duration=seconds))
    return ManipulatorProgram(calls=tuple(calls))


def _changed(task: ManipulatorTask, call: Any) -> ManipulatorTask:
    """The task after one call; a target for the same thing takes the place of the last."""
    if isinstance(call, SetL2DistanceReward):
        others = [d for d in task.distances if {d.first, d.second} != {call.first, call.second}]
        return task.model_copy(update={"distances": (*others, DistanceTarget(first=call.first, second=call.second))})
    if isinstance(call, SetObjOrientationReward):
        # Rounded, half a turn may be a little more than pi.
        turn = TurnTarget(thing=call.thing, x_rotation=max(-math.pi, min(math.pi, call.x_rotation)))
        return task.model_copy(update={"turns": (*(t for t in task.turns if t.thing != call.thing), turn)})
    if isinstance(call, SetObjZPositionReward):
        height = HeightTarget(thing=call.thing, height=call.height)
        return task.model_copy(update={"heights": (*(h for h in task.heights if h.thing != call.thing), height)})
    if isinstance(call, SetJointFractionReward):
        opening = JointTarget(joint=call.joint, fraction=call.fraction)
        return task.model_copy(update={"joints": (*(j for j in task.joints if j.joint != call.joint), opening)})
    return ManipulatorTask()
