"""What a study of motions is: robot, teacher, planner, and tasks with measurable success, as one YAML file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from palaestra_agents.mpc.config import AnyPlannerConfig, CrossEntropyConfig
from palaestra_teachers.rewards.config import RewardConfig
from pydantic import Field, model_validator

from palaestra.spec.build import build_teacher, build_world, needs_setting
from palaestra.spec.errors import fail
from palaestra.spec.explain import unknown_key, validated
from palaestra.spec.loader import Node, read_file
from palaestra.spec.merge import extended, with_overrides
from palaestra.spec.models import Section, TeacherSpec, WorldSpec

Interface = Literal["by_hand", "two", "one", "primitives"]
INTERFACES: dict[Interface, str] = {
    "by_hand": "programs by hand",
    "two": "descriptor and coder",
    "one": "coder only",
    "primitives": "primitives",
}
"""Who writes the programs. Those by hand are the scripted teacher's: what the planner makes of right parameters."""


class Check(Section):
    """A bound on one measure."""

    measure: str = Field(description="A name from the world's measures, e.g. height or foot_height.front_left.")
    least: float | None = Field(default=None, description="It must not be below this.")
    most: float | None = Field(default=None, description="It must not be above this.")
    near: float | None = Field(default=None, description="It must be `within` of this; of angles by the nearer way.")
    within: float | None = Field(default=None, gt=0, description="How far it may be from `near`.")
    above_before: float | None = Field(
        default=None, description="It must be at least so far above its mean at the end of the turn before."
    )
    mean: bool = Field(default=False, description="Whether only its mean over the held time counts, not each moment.")
    throughout: bool = Field(default=False, description="Whether it must hold in the whole turn, not the held time.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.near is None) != (self.within is None):
            raise ValueError("near and within belong together: give both or neither")
        if all(bound is None for bound in (self.least, self.most, self.near, self.above_before)):
            raise ValueError("give a bound: least, most, near (with within) or above_before")
        if self.mean and self.throughout:
            raise ValueError("mean is about the held time and throughout about the whole turn: give one of them")
        return self

    def holds(self, value: float, before: float | None) -> bool:
        """Whether a value passes; `before` is the measure's mean at the end of the turn before."""
        if self.least is not None and not value >= self.least:
            return False
        if self.most is not None and not value <= self.most:
            return False
        if self.near is not None and self.within is not None:
            away = value - self.near
            away = math.remainder(away, math.tau) if self.is_angle else away
            if not abs(away) <= self.within:
                return False
        return self.above_before is None or (before is not None and value >= before + self.above_before)

    def bounds_in_words(self) -> str:
        """Its bounds, e.g. `least 0.2`."""
        bounds = {"least": self.least, "most": self.most, "near": self.near, "above_before": self.above_before}
        return ", ".join(f"{name} {value:g}" for name, value in bounds.items() if value is not None)

    @property
    def is_angle(self) -> bool:
        """Whether whole turns do not count."""
        return self.measure in ("heading", "roll", "pitch")


class Success(Section):
    """When a task is done: all checks hold at once for `hold` seconds without a break, in its last turn."""

    hold: float = Field(default=0.5, gt=0, le=60, description="Seconds.")
    checks: tuple[Check, ...] = Field(min_length=1, description="All of them count.")


class SpokenTurn(Section):
    """One instruction of a conversation."""

    say: str = Field(min_length=1, max_length=1000, description="The instruction.")
    seconds: float = Field(default=3.0, gt=0, le=60, description="How long the robot has for it.")


class MotionTask(Section):
    """One task: what is said, and when it is done."""

    turns: tuple[SpokenTurn, ...] = Field(min_length=1, description="The instructions, one after the other.")
    heading: float = Field(default=0.0, ge=-7, le=7, description="Where the robot faces at first; 0 is east.")
    success: Success = Field(description="When it is done.")
    planner: AnyPlannerConfig | None = Field(default=None, description="Instead of the study's planner.")
    paper: dict[Literal["two", "one", "primitives"], float] = Field(
        default_factory=dict, description="Success rates that Language to Rewards reports."
    )


class _Study(Section):
    """The keys of a study file that are checked alone."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$", description="Of its folder.")
    description: str = ""
    planner: AnyPlannerConfig = Field(default=CrossEntropyConfig(), description="Who carries programs out.")
    latency: Annotated[int, Field(ge=0, le=1000)] | Literal["measured"] = Field(
        default=0,
        description="Control periods from a state to the plan that is made from it. 0: the robot waits for each plan; "
        "measured: as long as planning takes here, as it would be in real time (no two runs are alike).",
    )
    seeds: dict[Interface, int] = Field(
        default_factory=lambda: dict[Interface, int]({"two": 10, "one": 3, "primitives": 3}),
        description="How many seeds, 0 and on, by interface.",
    )


class MotionStudy(_Study):
    """A study of motions."""

    tasks: dict[str, MotionTask]
    world: WorldSpec
    teacher: TeacherSpec

    @property
    def rewards(self) -> RewardConfig:
        """The teacher's own settings."""
        assert isinstance(self.teacher.config, RewardConfig)
        return self.teacher.config


def load_study(path: Path, overrides: tuple[str, ...] = ()) -> MotionStudy:
    """The study in a YAML file, with `--set key=value` overrides.

    Raises:
        SpecError: something is wrong with it; the message says where, what, and what is allowed.
    """
    node = with_overrides(extended(read_file(path), str(path)), overrides)
    children = node.children()
    known = tuple(MotionStudy.model_fields)
    for key, child in children.items():
        if key not in known:
            raise unknown_key(child, (key,), known)
    own = {key: child for key, child in children.items() if key in _Study.model_fields}
    study = validated(_Study, Node(own, node.place, node.key), ())
    tasks = (node.child("tasks") or Node({}, node.place, node.key)).children()
    if not tasks:
        raise fail(node.place, ("tasks",), "is missing; name at least one, e.g. {sit: {turns: [{say: Sit.}], ...}}")
    world = _with(node, "world", "id", "Quadruped")
    needs_setting(world, ("world",), "program", "takes no reward programs; the worlds of robots do")
    teacher_node = _with(node, "teacher", "kind", "rewards")
    teacher = build_teacher(teacher_node, ("teacher",))
    if not isinstance(teacher.config, RewardConfig):
        kind = teacher_node.children()["kind"]
        raise fail(kind.place, ("teacher", "kind"), "must be rewards: motions come from reward programs")
    return MotionStudy(
        **dict(study),
        tasks={name: validated(MotionTask, task, ("tasks", name)) for name, task in tasks.items()},
        world=build_world(world, ("world",)),
        teacher=teacher,
    )


def _with(node: Node, section: str, key: str, value: str) -> Node:
    """A section with a value for a key that it leaves out."""
    found = node.child(section) or Node({}, node.place, node.key)
    return Node({key: Node(value, node.place, node.key), **found.children()}, found.place, found.key)
