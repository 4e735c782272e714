"""An arm's sections to what they stand for: settings are checked by the world, agent and teacher that they are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any

from palaestra_teachers.base import Schedule
from palaestra_teachers.llm.build import MAX_NESTING, wrapped
from palaestra_worlds import registry
from palaestra_worlds.registry import AGENTS, LANGUAGE_MODELS, TEACHERS, BrokenPlugin, Registry, UnknownName
from pydantic import BaseModel, Field, ValidationError

from palaestra.spec.errors import Path, SpecError, fail
from palaestra.spec.explain import named, validated
from palaestra.spec.loader import Node, parse, read_file
from palaestra.spec.models import (
    FIRST_HELD_OUT_LEVEL,
    AgentSpec,
    ArmSpec,
    BudgetSpec,
    CheckpointSpec,
    EvaluationSpec,
    Section,
    TeacherSection,
    TeacherSpec,
    WorldSpec,
)

DEFAULT_LEVELS = 1000
"""Training levels of an arm with a teacher that says nothing about them."""


class _Plain(Section):
    """What an arm has besides mappings."""

    description: str = Field(default="", max_length=10_000)
    levels: int | None = Field(default=None, ge=1, le=FIRST_HELD_OUT_LEVEL)


def build_arm(name: str, node: Node, over: Node) -> ArmSpec:
    """An arm.

    Args:
        name: of the arm.
        node: all its sections.
        over: the part of them that is written under `arms`; keys in it have that path in messages.

    Raises:
        SpecError: something is wrong with it.
    """

    empty = Node({}, node.place, node.key)

    def section(key: str) -> tuple[Node, Path]:
        given = node.children().get(key)
        path = ("arms", name, key) if key in over.children() else (key,)
        return (empty if given is None or given.value is None else given), path

    world_node, world_path = section("world")
    if world_node.value == {}:
        raise fail(world_node.place, world_path, "is missing; say which, e.g. {id: MiniGrid-DoorKey-5x5-v0}")
    _check_repeatable(world_node, world_path)
    world = build_world(world_node, world_path)
    agent = build_agent(*section("agent"))
    teacher_node, teacher_path = section("teacher")
    teacher = None if teacher_node is empty else build_teacher(teacher_node, teacher_path)
    if teacher:
        _check_learner(teacher, teacher_node, teacher_path)
        world = _as_taught(world, teacher, world_node, world_path)
    budget_node, budget_path = section("budget")
    budget = validated(BudgetSpec, budget_node, budget_path)
    _check_budget(budget, world, agent, budget_node, budget_path)
    if teacher and teacher.schedule:
        _check_schedule(teacher, teacher.schedule, budget, iteration_steps(world, agent), teacher_node, teacher_path)
    plain = _plain(node, over, name)
    if teacher and teacher.onlooking:
        _check_onlooking(teacher, teacher_node, teacher_path)
    if teacher and teacher.levels is None and not teacher.in_trial:
        teacher = teacher.model_copy(update={"levels": plain.levels or DEFAULT_LEVELS})
    return ArmSpec(
        name=name,
        description=plain.description,
        world=world,
        agent=agent,
        teacher=teacher,
        levels=teacher.levels if teacher and not teacher.in_trial else plain.levels,
        budget=budget,
        evaluation=validated(EvaluationSpec, *section("evaluation")),
        checkpoint=validated(CheckpointSpec, *section("checkpoint")),
    )


def _plain(node: Node, over: Node, arm: str) -> _Plain:
    values = {key: child for key, child in node.children().items() if key in _Plain.model_fields}
    for key, child in values.items():
        path = ("arms", arm) if key in over.children() else ()
        validated(_Plain, Node({key: child}, node.place, node.key), path)
    return _Plain.model_validate(Node(values, node.place, node.key).plain())


def needs_setting(node: Node, path: Path, key: str, why: str) -> None:
    """Refuses a world whose settings have no such key, before its other settings are looked at.

    Raises:
        SpecError: it has no such setting; says that the world `why`.
    """
    found = _named_world(node, path)
    if found is None:
        return
    id_node, id, provider = found
    with named(f"the provider of world '{id}'", id_node, (*path, "id")):
        keys = provider.settings().model_fields
    if key not in keys:
        raise fail(id_node.place, (*path, "id"), f"{id} {why}")


def build_world(node: Node, path: Path) -> WorldSpec:
    """Raises SpecError when there is no such world, or its settings do not fit."""
    own, rest = _split(node, path, ("id", "num_envs"))
    spec = validated(WorldSpec, own, path)
    id_node = own.children()["id"]
    provider = _found(lambda: _provider(spec.id), id_node, (*path, "id"))
    with named(f"the provider of world '{spec.id}'", id_node, (*path, "id")):
        settings = validated(provider.settings(), rest, path, ("id", "num_envs"))
        missing = next((entry.missing for entry in provider.entries() if entry.id == spec.id), "")
        if missing and not settings.model_fields_set:
            raise fail(id_node.place, (*path, "id"), f"{spec.id} cannot be served here; what is missing: {missing}")
        return spec.model_copy(update={"settings": settings.model_dump(mode="json")})


def _named_world(node: Node, path: Path) -> tuple[Node, str, Any] | None:
    """Where a world is named, its id, and its provider; None where none is named, which `build_world` refuses.

    Raises:
        SpecError: there is no such world.
    """
    id_node = node.child("id")
    id = None if id_node is None else id_node.value
    if id_node is None or not isinstance(id, str):
        return None
    return id_node, id, _found(lambda: _provider(id), id_node, (*path, "id"))


def _provider(id: str) -> Any:
    try:
        return registry.world_provider(id)
    except UnknownName as error:
        broken = registry.broken_worlds()
        if not broken:
            raise
        raise UnknownName("; ".join([str(error), *(f"skipped: {plugin.reason}" for plugin in broken)])) from error


_NO_LEARNERS = {
    "mpc": "planners learn nothing; `palaestra motions` and `palaestra ask` have them carry out reward programs",
    "controllers": "controllers learn nothing; `palaestra plan` has them carry out plans",
}
"""What somebody may look for among agents, and where it is instead."""


def build_agent(node: Node, path: Path) -> AgentSpec:
    """Raises SpecError when there is no such agent, or its settings do not fit."""
    name, config, rest, kind_node = _kind(AGENTS, node, path, "ppo", _NO_LEARNERS)
    with named(f"agent '{name}'", kind_node, (*path, "kind")):
        return AgentSpec(kind=name, config=validated(config, rest, path, ("kind",)))


def build_teacher(node: Node, path: Path) -> TeacherSpec:
    """Raises SpecError when there is no such teacher or language model, or their settings do not fit."""
    own_keys = tuple(key for key in TeacherSpec.model_fields if key not in ("kind", "config"))
    name, config_model, rest, kind_node = _kind(TEACHERS, node, path, None)
    own, rest = _split(rest, path, own_keys)
    common = validated(TeacherSection, _with_prices(own, path), path)
    with named(f"teacher '{name}'", kind_node, (*path, "kind")):
        config = validated(config_model, rest, path, ("kind", *own_keys))
    model_node = own.children().get("model")
    if model_node is None:
        scripted = {"backend": Node("scripted", node.place, node.key)}
        model_node = Node(scripted, node.place, node.key)
    settings = {**dict(common), "model": build_model_settings(model_node, (*path, "model"))}
    return TeacherSpec(kind=name, config=config, **settings)


def build_model_settings(node: Node, path: Path, depth: int = 0) -> dict[str, Any]:
    """The settings of a language model, and of those that it wraps, with every default filled in.

    Raises:
        SpecError: there is no such model, or its settings do not fit.
    """
    own, _ = _split(node, path, ("backend",))
    backend = own.children().get("backend")
    if backend is None or not isinstance(backend.value, str):
        raise fail((backend or node).place, path, f"needs a `backend`; installed: {_installed(LANGUAGE_MODELS)}")
    name = backend.value
    kind = _found(lambda: LANGUAGE_MODELS.load(name), backend, (*path, "backend"))
    with named(f"language model '{name}'", backend, (*path, "backend")):
        settings = validated(kind.Config, node, path).model_dump(mode="json")
    children = node.children()
    given = {key: child.value if key == "models" else child for key, child in children.items()}
    for keys, inner in wrapped(kind.Config, given):
        if depth == MAX_NESTING:
            raise fail(inner.place, path, f"more than {MAX_NESTING} models wrap one another")
        checked = build_model_settings(inner, (*path, *keys), depth + 1)
        if len(keys) == 1:
            settings[keys[0]] = checked
        else:
            settings[keys[0]][keys[1]] = checked
    return settings


def _with_prices(own: Node, path: Path) -> Node:
    """A teacher's own settings; where a file of prices is named, with what stands in it."""
    named_file = own.children().get("prices")
    if named_file is None or not isinstance(named_file.value, str):
        return own
    file = FilePath(named_file.place.source).parent / FilePath(named_file.value).expanduser()
    try:
        prices = parse(read_file(file), str(file))
    except SpecError as error:
        raise fail(named_file.place, (*path, "prices"), str(error)) from error
    return Node({**own.children(), "prices": prices}, own.place, own.key)


def _kind(
    plugins: Registry, node: Node, path: Path, default: str | None, elsewhere: Mapping[str, str] | None = None
) -> tuple[str, type[BaseModel], Node, Node]:
    """The kind that a section names, the model of its settings, the section without `kind`, and where that stands.

    `elsewhere`: of names that one may look for here although they are none, where to look instead.
    """
    own, rest = _split(node, path, ("kind",))
    kind_node = own.children().get("kind")
    if kind_node is None and default is None:
        raise fail(node.place, path, f"needs a `kind`; installed: {_installed(plugins)}")
    name = kind_node.value if kind_node else default
    kind_node = kind_node or node
    path = (*path, "kind")
    if not isinstance(name, str):
        raise fail(kind_node.place, path, f"must be a name; installed: {_installed(plugins)}")
    if elsewhere and name in elsewhere and name not in plugins.names():
        raise fail(kind_node.place, path, f"is {name}, but {elsewhere[name]}")
    kind = _found(lambda: plugins.load(name), kind_node, path)
    return name, kind.Config, rest, kind_node


def _installed(plugins: Registry) -> str:
    return ", ".join(plugins.names()) or "none"


def _found(find: Callable[[], Any], node: Node, path: Path) -> Any:
    try:
        return find()
    except (UnknownName, BrokenPlugin) as error:
        raise fail(node.place, path, str(error)) from error


def _split(node: Node, path: Path, keys: tuple[str, ...]) -> tuple[Node, Node]:
    """A mapping in two: these keys, and the others."""
    if not isinstance(node.value, dict):
        raise fail(node.place, path, "must be a mapping of settings, e.g. {key: value}")
    own = {key: child for key, child in node.value.items() if key in keys}
    rest = {key: child for key, child in node.value.items() if key not in keys}
    return Node(own, node.place, node.key), Node(rest, node.place, node.key)


def _check_repeatable(node: Node, path: Path) -> None:
    """Refuses worlds in which no agent can train: a trial must be one that can be resumed and repeated.

    What such a world lacks on this machine is not looked at: nobody is to install it in vain.
    """
    found = _named_world(node, path)
    if found is None:
        return
    id_node, id, provider = found
    with named(f"the provider of world '{id}'", id_node, (*path, "id")):
        entries = provider.entries()
    if any(entry.is_live for entry in entries if entry.id == id):
        raise fail(
            id_node.place,
            (*path, "id"),
            f"{id} runs in real time in a program of its own, where no trial could be resumed or repeated; "
            "agents do not train there (`palaestra plan` has controllers play it)",
        )


def _check_learner(teacher: TeacherSpec, node: Node, path: Path) -> None:
    """Refuses teachers whose lessons are for somebody who learns nothing."""
    others: str = getattr(teacher.config, "carried_out_by", "")
    if others:
        kind = node.children()["kind"]
        raise fail(kind.place, (*path, "kind"), f"what '{teacher.kind}' teaches is carried out by {others}")


def _as_taught(world: WorldSpec, teacher: TeacherSpec, node: Node, path: Path) -> WorldSpec:
    """The world with the settings that its teacher needs."""
    with named(f"teacher '{teacher.kind}'", node, path):
        needed: dict[str, Any] = getattr(teacher.config, "world_settings", dict)()
        sets_tasks: bool = getattr(teacher.config, "sets_tasks", False)
    provider = registry.world_provider(world.id)
    if sets_tasks and not getattr(provider, "has_tasks", True):
        raise fail(
            node.place,
            path,
            f"{world.id} cannot be taught by '{teacher.kind}': nothing about its levels can be set; "
            "`palaestra list worlds` shows other worlds",
        )
    for key, value in needed.items():
        if key not in world.settings:
            raise fail(node.place, path, f"{world.id} cannot be taught by '{teacher.kind}': it has no setting '{key}'")
        written = node.children().get(key)
        if written is not None and world.settings[key] != value:
            raise fail(
                written.place,
                (*path, key),
                f"is {world.settings[key]!r}, but teacher '{teacher.kind}' as it is set needs {value!r}; remove this "
                f"key, or change the teacher's settings",
            )
    settings = {**world.settings, **needed}
    if needed:
        with named(f"the provider of world '{world.id}'", node, path):
            model = provider.settings()
        try:
            model.model_validate(settings)
        except ValidationError as error:
            why = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise fail(node.place, path, f"{world.id} cannot be taught by '{teacher.kind}': {why}") from error
    return world.model_copy(update={"settings": settings})


def _check_onlooking(teacher: TeacherSpec, node: Node, path: Path) -> None:
    """Refuses what is for teachers that are asked about levels."""
    if teacher.schedule is not None:
        raise fail(node.place, path, f"'{teacher.kind}' has a schedule and looks on; a teacher can do one of the two")
    defaults = {"mode": "ahead", "wait": None, "levels": None}
    for key, default in defaults.items():
        if key in node.children() and getattr(teacher, key) != default:
            raise fail(
                node.children()[key].place,
                (*path, key),
                f"has no meaning for teacher '{teacher.kind}', which looks on while an agent learns; remove this key",
            )


def _check_schedule(
    teacher: TeacherSpec, schedule: Schedule, budget: BudgetSpec, iteration: int, node: Node, path: Path
) -> None:
    if "mode" in node.children() and teacher.mode != "ahead":
        raise fail(
            node.children()["mode"].place,
            (*path, "mode"),
            f"is {teacher.mode!r}, but teacher '{teacher.kind}' has a schedule of its own; remove this key",
        )
    if teacher.levels is not None:
        raise fail(
            node.children()["levels"].place,
            (*path, "levels"),
            f"has no meaning for teacher '{teacher.kind}', which is not asked about levels; write `levels` beside "
            "`teacher` to say which levels the original has",
        )
    if schedule.steps > budget.steps:
        raise fail(
            node.place,
            path,
            f"takes {schedule.steps:,} steps in its {schedule.turns} rounds, but budget.steps is {budget.steps:,}; "
            "allow more, or make its rounds fewer or shorter",
        )
    shortest = min(stage.steps for stage in schedule.stages)
    if shortest < iteration:
        raise fail(
            node.place,
            path,
            f"has stages of {shortest:,} steps, but one iteration alone takes {iteration:,} (agent.rollout_length x "
            "world.num_envs); make the stages longer, or one of the two smaller",
        )


def iteration_steps(world: WorldSpec, agent: AgentSpec) -> int:
    """Environment steps of one iteration."""
    return getattr(agent.config, "rollout_length", 1) * world.num_envs


def _check_budget(budget: BudgetSpec, world: WorldSpec, agent: AgentSpec, node: Node, path: Path) -> None:
    steps = iteration_steps(world, agent)
    if steps > budget.steps:
        raise fail(
            node.children()["steps"].place,
            (*path, "steps"),
            f"is {budget.steps:,}, but one iteration alone takes {steps:,} steps (agent.rollout_length x "
            f"world.num_envs); allow more, or make one of the two smaller",
        )
