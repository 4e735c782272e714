"""What a study of plans is: world, tasks, planners and seeds, as one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from palaestra_teachers.planners.config import DepsConfig, GhostConfig, PlannerConfig
from palaestra_worlds.overworld.skills.goals import Skill
from palaestra_worlds.overworld.task_lists import TaskListError, deps_tasks, read_tasks
from palaestra_worlds.structured import Knowledge
from pydantic import Field

from palaestra.spec.build import build_teacher, build_world, needs_setting
from palaestra.spec.errors import SpecError, fail
from palaestra.spec.explain import unknown_key, validated
from palaestra.spec.loader import Node, read_file
from palaestra.spec.merge import extended, overlay, with_overrides
from palaestra.spec.models import Section, TeacherSpec, WorldSpec

Items = dict[str, int]


class PlanTask(Section):
    """To come by so many of an object within so many steps."""

    name: str
    object: str = Field(description="What is to be had, by today's name or that of before version 1.13.")
    count: int = Field(default=1, ge=1, le=2304, description="How many.")
    counts: tuple[str, ...] = Field(default=(), description="The items that count; empty: what the name stands for.")
    group: str = Field(default="", description="Tasks of a group share a row of the table.")
    question: str = Field(default="", max_length=1000, description="What the planner is asked besides.")
    steps: int = Field(default=12_000, ge=1, le=1_000_000, description="Ticks of the clock until the game ends.")
    biome: str | None = Field(default=None, description="Where the player starts; null: anywhere.")
    inventory: Items = Field(default_factory=dict, description="What the player has at the start.")


class _TaskSection(Section):
    """The keys of `tasks`."""

    list: Literal["deps", "technology", "own"] = Field(
        default="own",
        description="deps: the 70 tasks of DEPS; technology: every item that can be come by in the world; own: those "
        "of `objects` and `file`.",
    )
    file: Path | None = Field(
        default=None, description="A YAML list like worlds/palaestra_worlds/overworld/deps.yaml; relative to the spec."
    )
    groups: tuple[str, ...] = Field(default=(), description="Only tasks of these groups; empty: all.")
    objects: tuple[str, ...] = Field(default=(), description="Only tasks for these; with `own`, one task for each.")
    steps: int | None = Field(default=None, ge=1, le=1_000_000, description="Ticks of each game, whatever a list says.")
    biome: str | None = Field(default=None, description="Where games start, whatever a list says.")


class _Study(Section):
    """The keys of a study file that are checked alone."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$", description="Of its folder.")
    description: str = ""
    seeds: int = Field(default=20, ge=1, le=10_000, description="Games of each task and planner: worlds 0 and on.")
    until_success: bool = Field(
        default=False,
        description="Whether a task that was done in one world is played in no other. `seeds` is then how many games "
        "it gets at most, and tables say which tasks were done at least once instead of a rate of success.",
    )
    stages: tuple[str, ...] = Field(
        default=(), description="Items in order: a table says in how many games each was come by."
    )
    controllers: dict[Skill, Path] = Field(
        default_factory=dict,
        description="Learned controllers in place of the scripted ones: for mine, approach or explore a run folder or "
        "a checkpoint, relative to the working directory, e.g. {mine: runs/overworld-controllers-1a2b3c4d}. What a "
        "learned controller cannot do fails; no scripted one takes its place.",
    )
    paper: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="Figures of papers, in percent, by their name and by group or stage."
    )


class PlanStudy(_Study):
    """A study of plans."""

    world: WorldSpec
    planners: dict[str, TeacherSpec]
    tasks: _TaskSection
    folder: Path = Path()
    """Of the file: a list of tasks is relative to it."""

    def planner_config(self, name: str) -> DepsConfig | GhostConfig:
        """A planner's own settings."""
        config = self.planners[name].config
        assert isinstance(config, DepsConfig | GhostConfig)
        return config


def load_study(path: Path, overrides: tuple[str, ...] = ()) -> PlanStudy:
    """The study in a YAML file, with `--set key=value` overrides.

    Raises:
        SpecError: something is wrong with it; the message says where, what, and what is allowed.
    """
    node = with_overrides(extended(read_file(path), str(path)), overrides)
    children = node.children()
    known = (*(key for key in PlanStudy.model_fields if key != "folder"), "teacher")
    for key, child in children.items():
        if key not in known:
            raise unknown_key(child, (key,), known)
    own = {key: child for key, child in children.items() if key in _Study.model_fields}
    study = validated(_Study, Node(own, node.place, node.key), ())
    empty = Node({}, node.place, node.key)
    world = children.get("world", empty)
    if not world.child("id"):
        world = Node({"id": Node("Overworld", node.place, node.key), **world.children()}, world.place, world.key)
    needs_setting(world, ("world",), "rules", "has no items to plan for; Overworld has, and Luanti")
    return PlanStudy(
        **dict(study),
        world=build_world(world, ("world",)),
        planners=_planners(node, children.get("teacher", empty), children.get("planners")),
        tasks=validated(_TaskSection, children.get("tasks", empty), ("tasks",)),
        folder=path.parent,
    )


def _planners(node: Node, teacher: Node, planners: Node | None) -> dict[str, TeacherSpec]:
    """Each planner: the `teacher` section with what is written for it over it."""
    entries = planners.children() if planners is not None else {}
    if not entries:
        raise fail(node.place, ("planners",), "is missing; name at least one, e.g. {deps: {kind: deps}}")
    found = {}
    for name, child in entries.items():
        above = child if child.value is not None else Node({}, child.place, child.key)
        merged = overlay(_without_kind(teacher, above), above)
        spec = build_teacher(merged, ("planners", name))
        if not isinstance(spec.config, PlannerConfig):
            kind = merged.children()["kind"]
            raise fail(kind.place, ("planners", name, "kind"), "must be a planner: deps or ghost")
        found[name] = spec
    return found


def _without_kind(teacher: Node, above: Node) -> Node:
    """The shared section, without its kind where a planner has one of its own: what they share stays shared."""
    if "kind" not in above.children():
        return teacher
    kept = {key: child for key, child in teacher.children().items() if key != "kind"}
    return Node(kept, teacher.place, teacher.key)


def tasks_of(study: PlanStudy, knowledge: Knowledge) -> dict[str, PlanTask]:
    """The study's tasks by name.

    Args:
        study: which.
        knowledge: of its world.

    Raises:
        SpecError: a list cannot be read, or names something that there is not.
    """
    wanted = study.tasks
    found = _listed(study, knowledge)
    if wanted.groups:
        groups = {task.group for task in found.values()}
        _check_names("groups", wanted.groups, groups)
        found = {name: task for name, task in found.items() if task.group in wanted.groups}
    if wanted.objects and wanted.list != "own":
        _check_names("objects", wanted.objects, {task.object for task in found.values()})
        found = {name: task for name, task in found.items() if task.object in wanted.objects}
    changed: dict[str, Any] = {"steps": wanted.steps, "biome": wanted.biome}
    changed = {key: value for key, value in changed.items() if value is not None}
    found = {name: task.model_copy(update=changed) for name, task in found.items()}
    if not found:
        raise SpecError("tasks: there are none; name a list (deps, technology), objects, or a file")
    for task in found.values():
        _check_object(task, knowledge)
    return found


def _listed(study: PlanStudy, knowledge: Knowledge) -> dict[str, PlanTask]:
    wanted = study.tasks
    if wanted.list == "technology":
        return {item: PlanTask(name=item, object=item, group="technology tree") for item in knowledge.items}
    found = {} if wanted.list == "deps" else {name: PlanTask(name=name, object=name) for name in wanted.objects}
    try:
        lists = [deps_tasks()] if wanted.list == "deps" else []
        if wanted.file is not None:
            path = study.folder / wanted.file.expanduser()
            lists.append(read_tasks(read_file(path), str(path)))
    except TaskListError as error:
        raise SpecError(f"tasks: {error}") from error
    for one in lists:
        for name, task in one.tasks.items():
            found[name] = PlanTask(name=name, **task.model_dump())
    return found


def _check_object(task: PlanTask, knowledge: Knowledge) -> None:
    counts = task.counts or knowledge.named(task.object)
    if not counts:
        hint = knowledge.nearest(task.object)
        raise SpecError(f"tasks: no item is called '{task.object}'" + (f"; did you mean '{hint}'?" if hint else ""))
    if not set(counts) & set(knowledge.items):
        raise SpecError(f"tasks: {task.object} can't be come by in this world; leave it out")


def _check_names(key: str, given: tuple[str, ...], known: set[str]) -> None:
    for name in given:
        if name not in known:
            raise SpecError(f"tasks.{key}: there is no '{name}'; there are {', '.join(sorted(known))}")
