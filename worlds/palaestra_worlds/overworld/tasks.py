"""What a teacher may set in an Overworld, and tasks in compiled form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.rules import UnknownItem, load_rules
from palaestra_worlds.overworld.state import DIFFICULTIES, SLOTS, TICKS_PER_DAY, Difficulty
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.task_lists import BIOMES, Biome, ItemTask
from palaestra_worlds.random_streams import NUM_RANDOM, seed_streams
from palaestra_worlds.task_tables import NO_TASK, next_row

# Columns of `Lessons.status`.
OWN_LEVEL = ANYWHERE = -1
# Columns of a task's parameters.
BIOME, DAWN_AT, GOAL_LEAST, SET_DIFFICULTY = range(4)
NUM_PARAMETERS = 4


class ItemStack(BaseModel):
    """So many of an item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: str = Field(max_length=60, description="Its name in Minecraft 1.16.5, e.g. oak_log.")
    count: int = Field(default=1, ge=1, le=2304, description="How many.")


class OverworldTask(Task):
    """An Overworld: where and when one starts, with what, and what is to be come by."""

    biome: Biome | None = Field(default=None, description="Where the player starts; null: anywhere.")
    start_of_day: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the day that has passed: 0 sunrise, 0.25 noon, 0.5 nightfall."
    )
    difficulty: Difficulty = Field(
        default="normal",
        description="How much monsters hurt and how far hunger goes; peaceful: neither, and wounds heal fast.",
    )
    inventory: tuple[ItemStack, ...] = Field(
        default=(), max_length=SLOTS, description="What the player has at the start."
    )
    goal: ItemStack = Field(
        default=ItemStack(item="diamond"),
        description="What is to be come by, names of versions before 1.13 included, e.g. planks. It ends the episode.",
    )


def task_of(task: ItemTask) -> OverworldTask:
    """The task of a list, to be carried out."""
    return OverworldTask(
        biome=task.biome,
        inventory=tuple(ItemStack(item=item, count=count) for item, count in task.inventory.items()),
        goal=ItemStack(item=task.object, count=task.count),
    )


class TaskTable(NamedTuple):
    """The tasks that environments draw from or are assigned, one row each."""

    cumulative: NDArray[np.float64]
    """(drawable tasks,) cumulative probabilities, the last one 1; empty: nothing is drawn."""
    seeds: NDArray[np.int64]
    """(M,): the level's seed, or OWN_LEVEL."""
    streams: NDArray[np.uint64]
    """(M, NUM_RANDOM): the random stream of that seed."""
    parameters: NDArray[np.int64]
    """(M, NUM_PARAMETERS)."""
    inventories: NDArray[np.int64]
    """(M, SLOTS, 2): items and how many."""
    counts: NDArray[np.bool_]
    """(M, I): whether an item counts for the goal."""


class Lessons(NamedTuple):
    """The running task of N environments; row i belongs to environment i."""

    status: NDArray[np.int32]
    """(N, 2)."""
    parameters: NDArray[np.int64]
    """(N, NUM_PARAMETERS) of the running episode."""
    inventories: NDArray[np.int64]
    """(N, SLOTS, 2) at the start of the running episode."""
    counts: NDArray[np.bool_]
    """(N, I): whether an item counts for the goal."""
    random: NDArray[np.uint64]
    """(N, NUM_RANDOM): the PCG64 stream that tasks are drawn with, apart from the levels' own."""


def allocate_lessons(num_envs: int) -> Lessons:
    """Lessons of environments that have no task."""
    return Lessons(
        status=np.full((num_envs, 2), NO_TASK, np.int32),
        parameters=np.zeros((num_envs, NUM_PARAMETERS), np.int64),
        inventories=np.zeros((num_envs, SLOTS, 2), np.int64),
        counts=np.zeros((num_envs, len(numbers().items)), np.bool_),
        random=np.zeros((num_envs, NUM_RANDOM), np.uint64),
    )


def as_overworld_task(task: Task) -> OverworldTask:
    """The task as one of this world's.

    Raises:
        TaskError: it is another world's.
    """
    if isinstance(task, OverworldTask):
        return task
    if type(task) is Task:
        return OverworldTask(level_seed=task.level_seed)
    raise TaskError(f"an Overworld takes OverworldTask, not {type(task).__name__}")


def make_table(tasks: Sequence[Task]) -> TaskTable:
    """One row for each task, none of them drawn.

    Raises:
        TaskError: a task is another world's, names no item, or gives more than the slots hold.
    """
    checked = [as_overworld_task(task) for task in tasks]
    rows, items = len(checked), len(numbers().items)
    seeds = [OWN_LEVEL if task.level_seed is None else task.level_seed for task in checked]
    table = TaskTable(
        cumulative=np.zeros(0),
        seeds=np.array(seeds, np.int64),
        streams=seed_streams([max(0, seed) for seed in seeds]),
        parameters=np.zeros((rows, NUM_PARAMETERS), np.int64),
        inventories=np.zeros((rows, SLOTS, 2), np.int64),
        counts=np.zeros((rows, items), np.bool_),
    )
    for row, task in enumerate(checked):
        try:
            _write(task, table, row)
        except UnknownItem as error:
            raise TaskError(str(error)) from error
    return table


def _write(task: OverworldTask, table: TaskTable, row: int) -> None:
    rules, known = load_rules(), numbers().item
    biome = ANYWHERE if task.biome is None else BIOMES.index(task.biome)
    dawn, difficulty = round(task.start_of_day * TICKS_PER_DAY), DIFFICULTIES.index(task.difficulty)
    table.parameters[row] = biome, dawn, task.goal.count, difficulty
    for item in rules.named(task.goal.item):
        table.counts[row, known[item]] = True
    slot = 0
    for stack in task.inventory:
        item, left = rules.item(stack.item), stack.count
        while left > 0:
            if slot == SLOTS:
                raise TaskError(f"{SLOTS} slots don't hold the starting inventory: leave out {left} {item.name}")
            moved = min(left, item.stack)
            table.inventories[row, slot] = known[item.name], moved
            left, slot = left - moved, slot + 1


@jitable
def _take_row(lessons: Any, table: Any, row: Any, i: Any) -> None:
    for column in range(NUM_PARAMETERS):
        lessons.parameters[i, column] = table.parameters[row, column]
    for slot in range(SLOTS):
        for column in range(2):
            lessons.inventories[i, slot, column] = table.inventories[row, slot, column]
    for item in range(lessons.counts.shape[1]):
        lessons.counts[i, item] = table.counts[row, item]


@jitable
def begin_task(lessons: Any, table: Any, own: Any, i: Any) -> Any:
    """Chooses environment i's next task, a row of `table` or the only one of `own`; gives the level's seed, or
    OWN_LEVEL."""
    row = next_row(lessons, table, i)
    if row == NO_TASK:
        _take_row(lessons, own, 0, i)
        return OWN_LEVEL
    _take_row(lessons, table, row, i)
    return table.seeds[row]
