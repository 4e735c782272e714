"""An arm's sections to what they stand for: settings are checked by the world, agent and teacher that they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from palaestra_worlds import registry
from palaestra_worlds.registry import AGENTS, TEACHERS, BrokenPlugin, Registry, UnknownName
from pydantic import BaseModel, Field

from palaestra.spec.errors import fail
from palaestra.spec.explain import validated
from palaestra.spec.loader import Node
from palaestra.spec.models import (
    FIRST_HELD_OUT_LEVEL,
    AgentSpec,
    ArmSpec,
    BudgetSpec,
    CheckpointSpec,
    EvaluationSpec,
    Section,
    TeacherSpec,
    WorldSpec,
)

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class _Levels(Section):
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

    def section(key: str) -> tuple[Node, Path]:
        path = ("arms", name, key) if key in over.children() else (key,)
        given = node.children().get(key)
        return (Node({}, node.place, node.key) if given is None or given.value is None else given), path

    world_node, world_path = section("world")
    if not world_node.children():
        raise fail(world_node.place, world_path, "is missing; say which, e.g. {id: MiniGrid-DoorKey-5x5-v0}")
    world = build_world(world_node, world_path)
    agent = build_agent(*section("agent"))
    teacher_node, teacher_path = section("teacher")
    teacher = build_teacher(teacher_node, teacher_path) if teacher_node.children() else None
    if teacher:
        world = _as_taught(world, teacher, world_node, world_path)
    budget_node, budget_path = section("budget")
    budget = validated(BudgetSpec, budget_node, budget_path)
    _check_budget(budget, world, agent, budget_node, budget_path)
    levels = {key: child for key, child in node.children().items() if key == "levels"}
    given_levels = validated(_Levels, Node(levels, node.place, node.key), section("levels")[1][:-1]).levels
    return ArmSpec(
        name=name,
        description=str(node.children()["description"].plain()) if "description" in node.children() else "",
        world=world,
        agent=agent,
        teacher=teacher,
        levels=teacher.levels if teacher else given_levels,
        budget=budget,
        evaluation=validated(EvaluationSpec, *section("evaluation")),
        checkpoint=validated(CheckpointSpec, *section("checkpoint")),
    )


def build_world(node: Node, path: Path) -> WorldSpec:
    """Raises SpecError when there is no such world, or its settings do not fit."""
    own, rest = _split(node, path, ("id", "num_envs"))
    spec = validated(WorldSpec, own, path)
    provider = _found(lambda: registry.world_provider(spec.id), own.children()["id"], (*path, "id"))
    settings = validated(provider.settings(), rest, path, ("id", "num_envs"))
    return spec.model_copy(update={"settings": settings.model_dump(mode="json")})


def build_agent(node: Node, path: Path) -> AgentSpec:
    """Raises SpecError when there is no such agent, or its settings do not fit."""
    kind, rest = _kind(AGENTS, node, path, "ppo")
    return AgentSpec(kind=kind.name, config=validated(kind.config, rest, path, ("kind",)))


def build_teacher(node: Node, path: Path) -> TeacherSpec:
    """Raises SpecError when there is no such teacher or language model, or their settings do not fit."""
    own_keys = tuple(key for key in TeacherSpec.model_fields if key not in ("kind", "config"))
    kind, rest = _kind(TEACHERS, node, path, None)
    own, rest = _split(rest, path, own_keys)
    common = validated(_TeacherKeys, own, path)
    config = validated(kind.config, rest, path, ("kind", *own_keys))
    if "model" in own.children():
        check_model(own.children()["model"], (*path, "model"))
    return TeacherSpec(kind=kind.name, config=config, **dict(common))


class _TeacherKeys(TeacherSpec):
    """What every teacher has besides its kind and that kind's settings."""

    kind: str = ""
    config: Any = None


def check_model(node: Node, path: Path) -> None:
    """Raises SpecError when there is no such language model, or its settings do not fit."""
    from palaestra_teachers.llm import build

    try:
        build.check_model(node.plain())
    except ValueError as error:
        raise fail(node.place, path, str(error)) from error


class _Kind:
    """An agent or a teacher that a name stands for."""

    def __init__(self, name: str, config: type[BaseModel]) -> None:
        self.name = name
        self.config = config


def _kind(plugins: Registry, node: Node, path: Path, default: str | None) -> tuple[_Kind, Node]:
    """The kind that a section names, and the section without it."""
    own, rest = _split(node, path, ("kind",))
    named = own.children().get("kind")
    if named is None and default is None:
        raise fail(node.place, path, f"needs a `kind`; installed: {', '.join(plugins.names()) or 'none'}")
    name = named.value if named else default
    place = named or node
    if not isinstance(name, str):
        raise fail(place.place, (*path, "kind"), f"must be a name; installed: {', '.join(plugins.names()) or 'none'}")
    kind = _found(lambda: plugins.load(name), place, (*path, "kind"))
    config = getattr(kind, "Config", None)
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        raise fail(
            place.place, (*path, "kind"), f"{plugins.kind} '{name}' is broken: it has no pydantic model `Config`"
        )
    return _Kind(name, config), rest


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


def _as_taught(world: WorldSpec, teacher: TeacherSpec, node: Node, path: Path) -> WorldSpec:
    """The world with the settings that its teacher needs."""
    needed: dict[str, Any] = getattr(teacher.config, "world_settings", dict)()
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
    return world.model_copy(update={"settings": {**world.settings, **needed}})


def _check_budget(budget: BudgetSpec, world: WorldSpec, agent: AgentSpec, node: Node, path: Path) -> None:
    steps = getattr(agent.config, "rollout_length", 1) * world.num_envs
    if steps > budget.steps:
        raise fail(
            node.children()["steps"].place,
            (*path, "steps"),
            f"is {budget.steps:,}, but one iteration alone takes {steps:,} steps (agent.rollout_length x "
            f"world.num_envs); allow more, or make one of the two smaller",
        )
