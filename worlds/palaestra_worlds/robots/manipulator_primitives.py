"""The motions that such an arm comes with: the other interface, as code-as-policies uses it.

Language to Rewards (arXiv 2306.08647) compares its rewards with a fixed set of motions like these: the palm goes
somewhere, the hand opens and closes. Whoever writes them must know how things are taken hold of.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from palaestra_worlds.base import Task
from palaestra_worlds.programs import Call, Motion, Program
from palaestra_worlds.robots.manipulator_program import DURATION
from palaestra_worlds.robots.manipulator_task import AimTarget, ManipulatorTask, Point
from palaestra_worlds.robots.tabletop import OBJECTS

Offset = Annotated[float, Field(ge=-0.6, le=0.6)]
STEP, FINGERS = 0.8, 0.4
"""Seconds that a motion of the palm and one of the fingers take."""


class MovePalmTo(Call):
    """Brings the palm to a point, or beside it."""

    call: Literal["move_palm_to"] = "move_palm_to"
    point: Point
    x: Offset = Field(default=0.0, description="metres from it, away from the robot")
    y: Offset = Field(default=0.0, description="metres from it, to the robot's left")
    z: Offset = Field(default=0.0, description="metres above it")


class MovePalm(Call):
    """Brings the palm to a place over the table."""

    call: Literal["move_palm"] = "move_palm"
    x: float = Field(ge=0.2, le=0.8, description="metres in front of the robot")
    y: float = Field(ge=-0.6, le=0.6, description="metres to its left")
    z: float = Field(ge=0.0, le=0.7, description="metres above the table")


class OpenHand(Call):
    """Opens the fingers; they stay open."""

    call: Literal["open_hand"] = "open_hand"


class CloseHand(Call):
    """Closes the fingers; they stay closed."""

    call: Literal["close_hand"] = "close_hand"


class Wait(Call):
    """Lets the last motion go on."""

    call: Literal["wait"] = "wait"
    seconds: float = Field(default=DURATION, gt=0.0, le=60.0, description="how long")


AnyPrimitive = Annotated[MovePalmTo | MovePalm | OpenHand | CloseHand | Wait, Field(discriminator="call")]


class ManipulatorPrimitives(Program):
    """What the manipulator should do, in motions that it comes with."""

    Calls: ClassVar[tuple[type[Call], ...]] = (MovePalmTo, MovePalm, OpenHand, CloseHand, Wait)
    calls: tuple[AnyPrimitive, ...] = Field(min_length=1, max_length=40, description="The calls, in their order.")

    def motions(self, running: Task | None = None) -> tuple[Motion, ...]:
        """See `Program.motions`."""
        before = running if isinstance(running, ManipulatorTask) else ManipulatorTask()
        task = ManipulatorTask(aim=before.aim, fingers=before.fingers)
        found: list[Motion] = []
        for call in self.calls:
            if isinstance(call, Wait):
                found.append(Motion(task, call.seconds))
            else:
                task = _changed(task, call)
                found.append(Motion(task, FINGERS if isinstance(call, OpenHand | CloseHand) else STEP))
        return tuple(found)


def primitives_for(deeds: tuple[Motion, ...]) -> ManipulatorPrimitives | None:
    """Primitives that come to about these tasks; None if there are none."""
    calls: list[Any] = []
    for task, _ in deeds:
        assert isinstance(task, ManipulatorTask)
        reached: list[Point] = [at for d in task.distances if (at := d.palm_at) is not None]
        goals: list[Point] = [d.second for d in task.distances if d.palm_at is None]
        if len(reached) != 1 or task.turns or len(task.heights) > 1:
            return None
        calls += [OpenHand(), MovePalmTo(point=reached[0], z=0.1), MovePalmTo(point=reached[0])]
        if task.heights or task.joints or len(task.distances) > 1:
            calls.append(CloseHand())
        for goal in goals:
            above = 0.08 if goal in OBJECTS else 0.0
            calls += [MovePalmTo(point=goal, z=above + 0.1), MovePalmTo(point=goal, z=above), OpenHand()]
        if task.heights:
            calls.append(MovePalmTo(point="rest_position", z=task.heights[0].height - _REST_HEIGHT))
        for joint in task.joints:
            x, y, z = _HANDLES[joint.joint][joint.fraction > 0.5]
            calls.append(MovePalm(x=x, y=y, z=z))
    return ManipulatorPrimitives(calls=(*calls, Wait()))


_REST_HEIGHT = 0.35
_HANDLES = {
    "drawer": ((0.55, 0.38, 0.12), (0.37, 0.38, 0.12)),
    "faucet": ((0.465, -0.38, 0.168), (0.55, -0.465, 0.168)),
}
"""Where handles are when closed and when open, metres: a goal beside the handle would go on with what holds it."""


def _changed(task: ManipulatorTask, call: Any) -> ManipulatorTask:
    """The task after one primitive."""
    if isinstance(call, MovePalmTo):
        return task.model_copy(update={"aim": AimTarget(beside=call.point, x=call.x, y=call.y, z=call.z)})
    if isinstance(call, MovePalm):
        return task.model_copy(update={"aim": AimTarget(x=call.x, y=call.y, z=call.z)})
    return task.model_copy(update={"fingers": "open" if isinstance(call, OpenHand) else "closed"})
