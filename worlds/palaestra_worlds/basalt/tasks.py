"""What the four tasks are: words of our own; biomes, inventories and step limits are the competition's.

Source: the environments of MineRL BASALT (https://minerl.readthedocs.io/en/latest/environments/), at 20 steps a second.
There are no villages in an Overworld: pens and houses are made in the open plain. Of the house's many materials, those
that its first version had and that our engine can do something with are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from palaestra_worlds.overworld.task_lists import Biome
from palaestra_worlds.overworld.tasks import ItemStack, OverworldTask


@dataclass(frozen=True)
class BasaltTask:
    """One of the tasks.

    Attributes:
        instruction: what is to be done, in a paragraph.
        biome: where one starts.
        inventory: what one has at the start.
        max_ticks: of the game's clock.
        mobs: who else lives there.
        fluids: whether water runs.
        placed: items that can be put down besides those of the inventory.
    """

    instruction: str
    biome: Biome
    inventory: Mapping[str, int]
    max_ticks: int
    mobs: Literal["none", "passive"] = "none"
    fluids: Literal["still", "flow"] = "still"
    placed: tuple[str, ...] = ()

    def in_level(self, level_seed: int | None) -> OverworldTask:
        """The level as an Overworld begins it."""
        stacks = tuple(ItemStack(item=item, count=count) for item, count in self.inventory.items())
        return OverworldTask(level_seed=level_seed, biome=self.biome, inventory=stacks)


TASKS: dict[str, BasaltTask] = {
    "FindCave": BasaltTask(
        instruction=(
            "You stand on a plain with empty hands. Look around for a cave, a natural hollow under the ground that is "
            "open somewhere to the surface, and walk into it. Do not make a way of your own by digging down from the "
            "surface. Once you are inside, under a roof of rock, end the episode."
        ),
        biome="plains",
        inventory={},
        max_ticks=3_600,
    ),
    "MakeWaterfall": BasaltTask(
        instruction=(
            "You stand in the mountains with a bucket of water, a shovel, a pickaxe and some cobblestone. Climb to a "
            "place that is high above its surroundings and empty the bucket so that the water falls from there. Then "
            "go to where the waterfall looks best, turn towards it, and end the episode: what you see then is your "
            "picture of it."
        ),
        biome="mountains",
        inventory={"water_bucket": 1, "cobblestone": 20, "stone_shovel": 1, "stone_pickaxe": 1},
        max_ticks=6_000,
        fluids="flow",
        placed=("dirt",),
    ),
    "CreateVillageAnimalPen": BasaltTask(
        instruction=(
            "You stand on a plain where animals graze, with fences, gates, and food that they follow: wheat for cows "
            "and sheep, a carrot for pigs, seeds for chickens. Build a pen of fences with at least one gate, through "
            "which a player can come and go, and see to it that at least two animals of one kind, and of no other, are "
            "inside. Then end the episode."
        ),
        biome="plains",
        inventory={"oak_fence": 64, "oak_fence_gate": 64, "carrot": 1, "wheat": 1, "wheat_seeds": 1},
        max_ticks=6_000,
        mobs="passive",
    ),
    "BuildVillageHouse": BasaltTask(
        instruction=(
            "You stand on a plain with building materials. Build a house that somebody could live in: a floor to walk "
            "on, walls all around that are at least two blocks high, a door, and a roof over all of it. Windows, light "
            "and a pleasing shape make it better. Then go once around it, so that every side is seen, and end the "
            "episode."
        ),
        biome="plains",
        inventory={
            "stone_pickaxe": 1,
            "stone_axe": 1,
            "cobblestone": 128,
            "oak_planks": 128,
            "oak_log": 64,
            "glass": 64,
            "torch": 64,
            "oak_door": 64,
            "oak_fence": 64,
            "cobblestone_stairs": 64,
            "ladder": 64,
        },
        max_ticks=14_400,
        placed=("dirt",),
    ),
}
"""By the competition's names."""
