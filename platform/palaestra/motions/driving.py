"""One conversation with a robot: programs from a teacher, motions by a planner, and what was measured meanwhile."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_teachers.base import LanguageModel, Ledger, LessonRefused, LessonRequest, TeacherUnavailable
from palaestra_teachers.rewards.config import RewardConfig
from palaestra_teachers.rewards.lesson import Motion
from palaestra_teachers.rewards.teacher import RewardTeacher
from palaestra_worlds.programs import Programmable, Target

from palaestra.motions.tasks import Check, MotionStudy, MotionTask, Success

if TYPE_CHECKING:
    from palaestra_agents.mpc.control import Controller, Latency

Measures = dict[str, float]
LOOKED_AT = 1.0
"""Seconds at the end of a motion over which is told what it reached."""
RECORDED_EVERY = 2
"""Control periods from one recorded state to the next: at 0.02 s each, 25 pictures a second."""


@dataclass(frozen=True)
class Reached:
    """What became of one target: mean, or highest value, over the last second."""

    measure: str
    target: float
    achieved: float
    residual: float


@dataclass
class Attempted:
    """One task with one seed.

    Attributes:
        success: whether its test was passed.
        why: why not, in words; "" for a success.
        programs: of each instruction, as text; a revision counts as one more.
        reached: what became of the last program's targets.
        seconds: simulated.
        planning: wall seconds that planning and stepping took.
        processor: processor seconds of the same, of all threads together; other programs make no difference to it.
        unanswered: whether it ended because the model gave no reply, which says nothing about the task.
    """

    success: bool = False
    why: str = ""
    programs: list[str] = field(default_factory=list)
    reached: list[Reached] = field(default_factory=list)
    seconds: float = 0.0
    planning: float = 0.0
    processor: float = 0.0
    unanswered: bool = False


class Robot:
    """One robot that a planner moves, and that is measured at each step.

    Args:
        study: says which world and planner.
        task: says where it begins, and perhaps another planner.
        seed: of the world and the planner.

    Raises:
        ValueError: the world cannot be made, or has no programs.
    """

    def __init__(self, study: MotionStudy, task: MotionTask, seed: int) -> None:
        settings = {**study.world.settings, "max_steps": 1_000_000}
        world = palaestra_worlds.make(study.world.id, 1, **settings)
        if not isinstance(world, Programmable):
            raise ValueError(f"{study.world.id} takes no reward programs; the worlds of robots do, e.g. Quadruped")
        self.world: Any = world
        self.world.reset(seed=[seed])
        self.world.place(0, task.heading)
        self._config = task.planner or study.planner
        self._latency: Latency = study.latency
        self._seed = seed
        self._controller: Controller | None = None
        self.seconds = 0.0
        self.wall = 0.0
        self.processor = 0.0
        self._steps_taken = 0
        self._ahead: list[tuple[Any, int]] = []
        self._planned: Any = None
        self._recorded: list[NDArray[np.float32]] = []

    @property
    def recording(self) -> NDArray[np.float32]:
        """States (frames, nstate), one for every `RECORDED_EVERY` steps, as `films.draw` takes them."""
        return np.array(self._recorded, np.float32)

    def begin(self, motions: Sequence[Motion]) -> None:
        """Takes up motions one after the other, from the next step on; the last one goes on without an end."""
        self._ahead = [(motion.task, round(motion.seconds / self.world.control_period)) for motion in motions]

    @property
    def task(self) -> Any:
        """What is done at present; None before the first motion."""
        return self._ahead[0][0] if self._ahead else None

    def follow(self, seconds: float) -> list[Measures]:
        """Goes on with the motions that were begun; what was measured at each step.

        Raises:
            PhysicsDiverged: no plan stays finite, or the robot's state does not.
        """
        measured: list[Measures] = []
        left = round(seconds / self.world.control_period)
        while left > 0:
            task, wanted = self._ahead[0]
            steps = left if len(self._ahead) == 1 else min(left, wanted)
            measured += self._steps(task, steps)
            left -= steps
            self._ahead[0] = (task, wanted - steps)
            if len(self._ahead) > 1 and wanted <= steps:
                del self._ahead[0]
        return measured

    def _steps(self, task: Any, steps: int) -> list[Measures]:
        from palaestra_worlds.planning import PhysicsDiverged

        world, began, busy = self.world, time.perf_counter(), time.process_time()
        controller = self._ready(task)
        measured = []
        for _ in range(steps):
            state = world.physics_state(0)
            if self._steps_taken % RECORDED_EVERY == 0:
                self._recorded.append(state.astype(np.float32))
            self._steps_taken += 1
            control = controller.control(state)
            infos = world.step(world.actions(control[None]))[4]
            if infos["diverged"][0]:
                raise PhysicsDiverged(f"the robot's state is not finite after {self.seconds:.2f} s")
            self.seconds += world.control_period
            measured.append(world.measures(0, task))
        self.wall += time.perf_counter() - began
        self.processor += time.process_time() - busy
        return measured

    def _ready(self, task: Any) -> Controller:
        """The controller, on the problem of a task."""
        from palaestra_agents.mpc.control import Controller
        from palaestra_agents.mpc.planners import make_planner

        if self._controller is None:
            planner = make_planner(self._config, self.world.problem_of(task), self._seed)
            self._controller = Controller(planner, self.world.control_period, self._latency)
            self._controller.reset(self._seed)
        elif task is not self._planned:
            self._controller.planner.take_problem(self.world.problem_of(task))
        self._planned = task
        return self._controller

    def close(self) -> None:
        if self._controller is not None:
            self._controller.planner.close()
        self.world.close()


async def attempt(
    study: MotionStudy, task: MotionTask, seed: int, model: LanguageModel, ledger: Ledger, config: RewardConfig
) -> tuple[Attempted, NDArray[np.float32]]:
    """Has the teacher turn the task's instructions into programs, one after the other, and the robot follow them.

    With `revisions`, a last instruction whose test is not passed is asked about again, told what was reached, and the
    robot goes on from where it is.

    Returns:
        What became of it, and the states that the robot went through, see `Robot.recording`.

    Raises:
        ValueError: teacher or world cannot be made.
        StoreError: the ledger cannot keep a call.
    """
    from palaestra_worlds.planning import PhysicsDiverged

    robot, found = Robot(study, task, seed), Attempted()
    teacher = RewardTeacher(config, model, robot.world, ledger)
    before: list[Measures] = []
    measured: list[Measures] = []
    try:
        for number, turn in enumerate(task.turns):
            last = number == len(task.turns) - 1
            feedback = ""
            for _ in range(1 + (config.revisions if last else 0)):
                lesson = await teacher.propose(
                    LessonRequest(
                        world_id=study.world.id,
                        turn=number,
                        trial_seed=seed,
                        mission=turn.say,
                        description=robot.world.describe(0),
                        feedback=feedback,
                    )
                )
                found.programs.append(lesson.program.text())
                robot.begin(lesson.motions)
                measured = robot.follow(turn.seconds)
                found.reached = reached(robot.world, lesson.motions[-1].task, measured)
                found.why = failure(task.success, measured, before, robot.world.control_period)
                if last and not found.why:
                    break
                feedback = feedback_in_words(found.reached)
            before = measured
        found.success = not found.why
    except LessonRefused as error:
        found.why = f"no program: {error.kind}: {error}"
    except TeacherUnavailable as error:
        found.why, found.unanswered = f"no reply: {error.kind}: {error}", True
    except PhysicsDiverged as error:
        found.why = f"physics diverged: {error}"
    finally:
        robot.close()
    found.seconds, found.planning, found.processor = robot.seconds, robot.wall, robot.processor
    return found, robot.recording


# ---------------------------------------------------------------------------------------------- what was reached


def failure(success: Success, measured: Sequence[Measures], before: Sequence[Measures], period: float) -> str:
    """Why a test is not passed, naming the checks that fail in the best stretch; "" if it is passed."""
    steps = max(1, round(success.hold / period))
    if len(measured) < steps:
        return f"the motion is shorter than the {success.hold:g} s that are to be held"
    unknown = [check.measure for check in success.checks if check.measure not in measured[0]]
    if unknown:
        return f"there is no measure {unknown[0]}; there are {', '.join(measured[0])}"
    passed = np.stack([_passed(check, measured, before, steps) for check in success.checks])
    best = int(passed.sum(axis=0).argmax())
    failed = [check for check, held in zip(success.checks, passed[:, best], strict=True) if not held]
    window = measured[best : best + steps]
    return "; ".join(_told(check, measured if check.throughout else window) for check in failed)


def _passed(check: Check, measured: Sequence[Measures], before: Sequence[Measures], steps: int) -> NDArray[np.bool_]:
    """For each stretch of `steps` steps whether the check holds in it."""
    values = np.array([one[check.measure] for one in measured])
    earlier = float(np.mean([one[check.measure] for one in before[-steps:]])) if before else None
    windows = np.lib.stride_tricks.sliding_window_view(values, steps)
    if check.mean:
        return np.array([check.holds(float(mean), earlier) for mean in windows.mean(axis=1)])
    each = np.array([check.holds(float(value), earlier) for value in values])
    if check.throughout:
        return np.full(len(windows), each.all())
    return np.asarray(np.lib.stride_tricks.sliding_window_view(each, steps).all(axis=1), np.bool_)


def _told(check: Check, window: Sequence[Measures]) -> str:
    values = [one[check.measure] for one in window]
    was = f"{np.mean(values):.2f} on average" if check.mean else f"{min(values):.2f} to {max(values):.2f}"
    return f"{check.measure} was {was} ({check.bounds_in_words()})"


def reached(world: Programmable, task: Any, measured: Sequence[Measures]) -> list[Reached]:
    """What became of a task's targets in the last second."""
    late = measured[-max(1, round(LOOKED_AT / world.control_period)) :]
    return [_reached(target, late) for target in world.targets(task)] if late else []


def _reached(target: Target, late: Sequence[Mapping[str, float]]) -> Reached:
    values = np.array([one[target.measure] for one in late])
    if target.turns:
        # The mean of angles on both sides of a half turn is no mean of their numbers.
        values = target.value + np.array([math.remainder(value - target.value, math.tau) for value in values])
    achieved = float(values.max() if target.statistic == "highest" else values.mean())
    return Reached(target.measure, target.value, achieved, achieved - target.value)


def feedback_in_words(found: Sequence[Reached]) -> str:
    """A line for each target; metres, radians, m/s."""
    return "\n".join(
        f"{one.measure}: wanted {one.target:.2f}, reached {one.achieved:.2f} ({one.residual:+.2f})" for one in found
    )
