"""What a teacher may set in a Crafter world. Every default is the original's."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.crafter.state import (
    ARROW_DAMAGE,
    COAL_ABOVE,
    COW_ABOVE,
    COW_SPAWN,
    DAY_LENGTH,
    DAY_START,
    DIAMOND_ABOVE,
    FIRST_ITEM,
    IRON_ABOVE,
    MOUNTAIN_SHIFT,
    SKELETON_ABOVE,
    SKELETON_SPAWN,
    TREE_ABOVE,
    WATER_SHIFT,
    ZOMBIE_ABOVE,
    ZOMBIE_DAMAGE,
    ZOMBIE_DAMAGE_ASLEEP,
    ZOMBIE_SPAWN,
    original_parameters,
)

Biome = Literal["natural", "grassland", "mountain", "beaches"]

BIOMES: dict[Biome, tuple[float, float]] = {
    "natural": (0.0, 0.0),
    "grassland": (-2.0, -2.0),
    "mountain": (0.4, -2.0),
    "beaches": (-2.0, 0.2),
}
"""What is added to the noise of mountains and to that of water."""

LONGEST_DAY = 5_000

_RARITIES = {
    "trees": TREE_ABOVE,
    "coal": COAL_ABOVE,
    "iron": IRON_ABOVE,
    "diamonds": DIAMOND_ABOVE,
    "cows": COW_ABOVE,
    "zombies": ZOMBIE_ABOVE,
    "skeletons": SKELETON_ABOVE,
}
_SPAWNS = {"cows": COW_SPAWN, "zombies": ZOMBIE_SPAWN, "skeletons": SKELETON_SPAWN}


class StartingInventory(BaseModel):
    """What the player has, and how it feels, at the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    health: int = Field(default=9, ge=1, le=9, description="The episode ends when it is 0.")
    food: int = Field(default=9, ge=0, le=9, description="At 0 health goes down; cows and ripe plants are eaten.")
    drink: int = Field(default=9, ge=0, le=9, description="At 0 health goes down; water is drunk.")
    energy: int = Field(
        default=9,
        ge=0,
        le=9,
        description="At 0 health goes down; sleep restores it, possible below 9 only.",
    )
    sapling: int = Field(default=0, ge=0, le=9, description="Placed on grass, it grows into a plant.")
    wood: int = Field(default=0, ge=0, le=9, description="From trees. A table takes 2, each tool 1.")
    stone: int = Field(default=0, ge=0, le=9, description="A furnace takes 4, each stone tool 1.")
    coal: int = Field(default=0, ge=0, le=9, description="Each iron tool takes 1.")
    iron: int = Field(default=0, ge=0, le=9, description="Each iron tool takes 1.")
    diamond: int = Field(default=0, ge=0, le=9, description="Of no use; collecting one is an achievement.")
    wood_pickaxe: int = Field(default=0, ge=0, le=1, description="Mines stone and coal.")
    stone_pickaxe: int = Field(default=0, ge=0, le=1, description="Mines iron.")
    iron_pickaxe: int = Field(default=0, ge=0, le=1, description="Mines diamonds.")
    wood_sword: int = Field(default=0, ge=0, le=1, description="Does damage 2 instead of 1.")
    stone_sword: int = Field(default=0, ge=0, le=1, description="Does damage 3.")
    iron_sword: int = Field(default=0, ge=0, le=1, description="Does damage 5.")


class CrafterTask(Task):
    """A Crafter environment: what its land is like, what lives there, what the player starts with.

    `reset(seed=...)` and `level_seed` fix the noise that the land is made of, so the same seed gives a similar map with
    other settings too.
    """

    biome: Biome = Field(
        default="natural",
        description="natural: the original's mix; grassland: grass and trees, without mountains and water; mountain: "
        "stone, caves, tunnels, ores and lava all around the start; beaches: water and sand with some grass.",
    )
    trees: float = Field(default=1.0, ge=0, le=4, description="How common, where trees grow; 0: none, 1: as original.")
    coal: float = Field(default=1.0, ge=0, le=6, description="How common in mountains; 0: none, 1: as original.")
    iron: float = Field(default=1.0, ge=0, le=4, description="How common in mountains; 0: none, 1: as original.")
    diamonds: float = Field(default=1.0, ge=0, le=50, description="How common in mountains; 0: none, 1: as original.")
    cows: float = Field(
        default=1.0, ge=0, le=5, description="How many on grass at the start, and how often one comes; 0: never."
    )
    zombies: float = Field(
        default=1.0, ge=0, le=5, description="How many at the start, and how often one comes, most at night; 0: never."
    )
    skeletons: float = Field(
        default=1.0, ge=0, le=5, description="How many in tunnels at the start, and how often one comes; 0: never."
    )
    inventory: StartingInventory = Field(
        default=StartingInventory(), description="What the player has at the start; left out: as in the original."
    )
    day_length: int = Field(default=300, ge=20, le=LONGEST_DAY, description="Steps of a day and a night together.")
    start_of_day: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the day that has passed at the start: 0 morning as in the original, 0.2 noon, "
        "0.5 nightfall, 0.7 midnight.",
    )
    zombie_damage: int = Field(default=2, ge=0, le=9, description="Health lost to a zombie's blow.")
    zombie_damage_asleep: int = Field(default=7, ge=0, le=9, description="The same while asleep.")
    arrow_damage: int = Field(default=2, ge=0, le=9, description="Health lost to a skeleton's arrow.")


def as_crafter_task(task: Task) -> CrafterTask:
    """The task as one of this world's.

    Raises:
        TaskError: it is another world's.
    """
    if isinstance(task, CrafterTask):
        return task
    if type(task) is Task:
        return CrafterTask(level_seed=task.level_seed)
    raise TaskError(f"a Crafter world takes CrafterTask, not {type(task).__name__}")


def parameters_of(task: CrafterTask) -> NDArray[np.float64]:
    """What the engine reads of a task: (NUM_PARAMETERS,), exactly the original's for a task that sets nothing."""
    found = original_parameters()
    found[MOUNTAIN_SHIFT], found[WATER_SHIFT] = BIOMES[task.biome]
    for name, column in _RARITIES.items():
        factor = getattr(task, name)
        # Of a factor of 1 the threshold itself, which 1 - (1 - threshold) need not be.
        if factor != 1.0:
            found[column] = 1.0 - factor * (1.0 - found[column])
    for name, column in _SPAWNS.items():
        found[column] = min(1.0, getattr(task, name) * found[column])
    found[DAY_LENGTH] = task.day_length
    found[DAY_START] = round(task.start_of_day * task.day_length)
    found[ZOMBIE_DAMAGE] = task.zombie_damage
    found[ZOMBIE_DAMAGE_ASLEEP] = task.zombie_damage_asleep
    found[ARROW_DAMAGE] = task.arrow_damage
    found[FIRST_ITEM:] = list(task.inventory.model_dump().values())
    return found
