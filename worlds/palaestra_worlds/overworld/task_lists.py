"""Lists of tasks in YAML: to come by so many of an object within so many steps. DEPS' own 70 are in deps.yaml.

A list has `groups`, each with a title, a limit of steps, a biome and a starting inventory, and `tasks` by object, each
with its group and, where they differ from it, `count`, `counts`, `steps`, `biome`, `inventory`, `question`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palaestra_worlds.overworld.rules import Rules, UnknownItem, load_rules
from palaestra_worlds.registry import nearest

Biome = Literal["plains", "forest", "desert", "mountains", "taiga", "swamp", "ocean", "beach"]
BIOMES: tuple[Biome, ...] = get_args(Biome)
"""Those that a task can start in."""
ALL_BIOMES = (*BIOMES, "jungle", "savanna", "badlands", "dark_forest", "snowy_tundra")
"""Where nature is whole, these are there too."""
Counts = dict[str, Annotated[int, Field(ge=1, le=2304)]]
"""Items and how many, at most what 36 slots of 64 hold."""
Model = TypeVar("Model", bound=BaseModel)


class TaskListError(ValueError):
    """A list of tasks that can't be used; the message says where and why."""


class TaskGroup(BaseModel):
    """What the tasks of a group have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(description="In a few words.")
    steps: int = Field(ge=1, le=1_000_000, description="Steps until the episode ends.")
    biome: Biome = Field(default="plains", description="Where the player starts.")
    inventory: Counts = Field(default={}, description="What the player has at the start.")


class ItemTask(BaseModel):
    """To come by so many of an item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: str = Field(description="What the player is to have, by today's name or that of before version 1.13.")
    group: str = Field(description="Which group of tasks it belongs to.")
    question: str = Field(description="What a planner is asked.")
    count: int = Field(default=1, ge=1, le=2304, description="How many.")
    counts: tuple[str, ...] = Field(description="The items that count, any mix of them.")
    steps: int = Field(ge=1, le=1_000_000, description="Steps until the episode ends.")
    biome: Biome = Field(description="Where the player starts.")
    inventory: Counts = Field(default={}, description="What the player has at the start.")

    def is_done(self, inventory: Mapping[str, int]) -> bool:
        """Whether these items are enough."""
        return sum(inventory.get(item, 0) for item in self.counts) >= self.count


class TaskList(BaseModel):
    """Tasks by object, in groups."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: dict[str, TaskGroup]
    tasks: dict[str, ItemTask]

    def of_group(self, group: str) -> tuple[ItemTask, ...]:
        """The tasks of a group.

        Raises:
            TaskListError: there is no such group.
        """
        if group not in self.groups:
            raise TaskListError(f"no group of tasks is called '{group}'{nearest(group, self.groups)}")
        return tuple(task for task in self.tasks.values() if task.group == group)


@cache
def deps_tasks() -> TaskList:
    """The 70 tasks of DEPS."""
    path = Path(__file__).with_name("deps.yaml")
    return read_tasks(path.read_text(encoding="utf-8"), path.name)


def read_tasks(text: str, name: str) -> TaskList:
    """A list of tasks.

    Args:
        text: YAML.
        name: of the file, for messages.

    Raises:
        TaskListError: it can't be used.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TaskListError(f"{name} is no YAML: {error}") from error
    if not isinstance(data, dict) or not {"groups", "tasks", "question"} >= set(data) >= {"groups", "tasks"}:
        raise TaskListError(f"{name} must have groups and tasks, may have a question, and nothing else")
    for part in ("groups", "tasks"):
        if not isinstance(data[part], dict) or not all(isinstance(row, dict) for row in data[part].values()):
            raise TaskListError(f"{name}: {part} must be mappings by name, e.g. `stick: {{group: MT1}}`")
    rules = load_rules()
    groups = {key: _checked(TaskGroup, row, f"{name}, group {key}") for key, row in data["groups"].items()}
    for key, group in groups.items():
        _check_items(rules, group.inventory, f"{name}, group {key}")
    question = data.get("question", "How do I come by {count} {object}?")
    tasks = {key: _task(rules, groups, question, key, row, f"{name}, task {key}") for key, row in data["tasks"].items()}
    return TaskList(groups=groups, tasks=tasks)


def _task(
    rules: Rules, groups: dict[str, TaskGroup], question: str, object: str, row: dict[str, Any], where: str
) -> ItemTask:
    group = groups.get(str(row.get("group")))
    if group is None:
        raise TaskListError(f"{where}: its group must be one of {', '.join(groups)}, not {row.get('group')!r}")
    try:
        counts = row.get("counts") or rules.named(object)
    except UnknownItem as error:
        raise TaskListError(f"{where}: {error}") from error
    words = question.replace("{count}", str(row.get("count", 1))).replace("{object}", object)
    given = {"object": object, "question": words, **group.model_dump(exclude={"title"}), **row, "counts": counts}
    task = _checked(ItemTask, given, where)
    _check_items(rules, [*task.counts, *task.inventory], where)
    return task


def _check_items(rules: Rules, items: Mapping[str, int] | list[str], where: str) -> None:
    for item in items:
        try:
            rules.item(item)
        except UnknownItem as error:
            raise TaskListError(f"{where}: {error}") from error


def _checked(model: type[Model], row: dict[str, Any], where: str) -> Model:
    try:
        return model(**row)
    except ValidationError as error:
        first = error.errors()[0]
        raise TaskListError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
