"""The motions that such a robot dog comes with: the other interface, as code-as-policies uses it.

Language to Rewards (arXiv 2306.08647) compares its rewards with a fixed set of motions like these. They do a few things
well, and nothing else: there is no call that turns the robot over or stands it upright.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from palaestra_worlds.base import Task
from palaestra_worlds.programs import Call, Motion, Program
from palaestra_worlds.robots.quadruped_program import DURATION, FootName, weighed
from palaestra_worlds.robots.quadruped_task import FootTargets, QuadrupedTask, TorsoTargets, trot

TILT = 0.6
REACH = 0.12
SITTING = TorsoTargets(height=0.2, pitch=TILT)
LYING = TorsoTargets(height=0.1)


class Stand(Call):
    """Stands on four legs, and ends every other motion."""

    call: Literal["stand"] = "stand"


class Walk(Call):
    """Walks until the next stand, sit or lie_down."""

    call: Literal["walk"] = "walk"
    forward: float = Field(ge=-1.0, le=1.0, description="m/s; negative is backward")
    leftward: float = Field(default=0.0, ge=-0.5, le=0.5, description="m/s; negative is to the right")
    turning: float = Field(default=0.0, ge=-2.0, le=2.0, description="radians per second, counterclockwise")


class HeadTowards(Call):
    """Turns on the spot to face a direction."""

    call: Literal["head_towards"] = "head_towards"
    heading: float = Field(ge=-6.3, le=6.3, description="radians; 0 is east, pi/2 north")


class SetTorsoHeight(Call):
    """Stands higher or lower."""

    call: Literal["set_torso_height"] = "set_torso_height"
    height: float = Field(ge=0.1, le=0.34, description="metres; 0.26 is usual")


class TiltTorso(Call):
    """Leans while it stands."""

    call: Literal["tilt_torso"] = "tilt_torso"
    pitch: float = Field(default=0.0, ge=-TILT, le=TILT, description="radians; nose up is positive")
    roll: float = Field(default=0.0, ge=-TILT, le=TILT, description="radians; left side up is positive")


class LiftPaw(Call):
    """Holds one paw up."""

    call: Literal["lift_paw"] = "lift_paw"
    foot: FootName
    height: Annotated[float, Field(ge=0.0, le=REACH)] = Field(
        default=0.08, description="metres above the floor; 0 puts it down"
    )


class Sit(Call):
    """Sits on its haunches."""

    call: Literal["sit"] = "sit"


class LieDown(Call):
    """Lies down on its belly."""

    call: Literal["lie_down"] = "lie_down"


class Wait(Call):
    """Lets the motions so far go on for a while; calls after it change them."""

    call: Literal["wait"] = "wait"
    seconds: float = Field(default=DURATION, gt=0.0, le=60.0, description="how long")


AnyPrimitive = Annotated[
    Stand | Walk | HeadTowards | SetTorsoHeight | TiltTorso | LiftPaw | Sit | LieDown | Wait,
    Field(discriminator="call"),
]


class QuadrupedPrimitives(Program):
    """What the robot dog should do, in motions that it comes with."""

    Calls: ClassVar[tuple[type[Call], ...]] = (
        Stand, Walk, HeadTowards, SetTorsoHeight, TiltTorso, LiftPaw, Sit, LieDown, Wait,
    )  # fmt: skip
    calls: tuple[AnyPrimitive, ...] = Field(min_length=1, max_length=40, description="The calls, in their order.")

    def motions(self, running: Task | None = None) -> tuple[Motion, ...]:
        """See `Program.motions`."""
        task = running if isinstance(running, QuadrupedTask) else QuadrupedTask()
        found: list[Motion] = []
        for call in self.calls:
            if isinstance(call, Wait):
                found.append(Motion(weighed(task), call.seconds))
            else:
                task = _changed(task, call)
        return tuple(found) if isinstance(self.calls[-1], Wait) else (*found, Motion(weighed(task), DURATION))


def primitives_for(task: QuadrupedTask) -> QuadrupedPrimitives | None:
    """Primitives that come to about this task; None if there are none."""
    torso, calls = task.torso, list[Any]()
    lying, sitting = torso.height < 0.15, torso.pitch >= TILT
    if torso.pitch > 1.0 or abs(torso.roll) > TILT or torso.location is not None:
        return None
    if sitting or lying:
        return QuadrupedPrimitives(calls=(Sit() if sitting else LieDown(), Wait()))
    calls.append(Stand())
    if torso.heading is not None:
        calls.append(HeadTowards(heading=torso.heading))
    elif torso.velocity is not None and (any(torso.velocity) or torso.turning_speed):
        limits = ((torso.velocity[0], 1.0), (torso.velocity[1], 0.5), (torso.turning_speed or 0.0, 2.0))
        forward, leftward, turning = (max(-limit, min(limit, value)) for value, limit in limits)
        calls.append(Walk(forward=forward, leftward=leftward, turning=turning))
    if torso.height != TorsoTargets().height:
        calls.append(SetTorsoHeight(height=max(0.1, min(0.34, torso.height))))
    for foot, place in task.feet.items():
        if place.lift_height:
            calls.append(LiftPaw(foot=foot, height=min(REACH, place.lift_height)))
    return QuadrupedPrimitives(calls=(*calls, Wait()))


def _changed(task: QuadrupedTask, call: Any) -> QuadrupedTask:
    """The task after one primitive."""
    if isinstance(call, Walk | HeadTowards):
        steps = {foot: step for foot, step in trot().items() if foot not in task.feet}
        return task.model_copy(update={"torso": _moving(task.torso, call), "stepping": steps})
    if isinstance(call, LiftPaw):
        places = {foot: place for foot, place in task.feet.items() if foot != call.foot}
        places |= {call.foot: FootTargets(lift_height=call.height)} if call.height else {}
        steps = {foot: step for foot, step in task.stepping.items() if foot not in places}
        return task.model_copy(update={"feet": places, "stepping": steps})
    if isinstance(call, SetTorsoHeight | TiltTorso):
        changed = task.torso.model_copy(update=call.model_dump(exclude={"call"}))
        return task.model_copy(update={"torso": changed})
    return QuadrupedTask(torso={Sit: SITTING, LieDown: LYING}.get(type(call), TorsoTargets()))


def _moving(torso: TorsoTargets, call: Walk | HeadTowards) -> TorsoTargets:
    changed: dict[str, Any] = {"location": None, "velocity": (0.0, 0.0), "heading": None, "turning_speed": None}
    if isinstance(call, HeadTowards):
        changed["heading"] = max(-2 * math.pi, min(2 * math.pi, call.heading))
    else:
        changed |= {"velocity": (call.forward, call.leftward), "turning_speed": call.turning}
    return torso.model_copy(update=changed)
