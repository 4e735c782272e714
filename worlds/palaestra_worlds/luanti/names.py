"""Minecraft's names, which tasks and planners use, and those of the game in the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from palaestra_worlds.overworld.task_lists import BIOMES, TaskList


@dataclass(frozen=True)
class NameTable:
    """What items.yaml says.

    Attributes:
        items: of each item, what games call it.
        blocks: of each block, the nodes that are taken for it.
        natural: of each block that maps have by themselves, the biomes.
        biomes: words in names of biomes, and the biome that they are taken for.
    """

    items: Mapping[str, tuple[str, ...]]
    blocks: Mapping[str, tuple[str, ...]]
    natural: Mapping[str, tuple[str, ...]]
    biomes: Mapping[str, str]

    def every_item(self) -> list[str]:
        """All that any game calls an item."""
        return sorted({name for names in self.items.values() for name in names})

    def every_node(self) -> list[str]:
        """All that any game calls a block."""
        return sorted({name for names in (*self.items.values(), *self.blocks.values()) for name in names})

    def biome(self, name: str) -> int:
        """The number of the biome that a game's biome is taken for; plains where no word fits."""
        found = next((ours for word, ours in self.biomes.items() if word in name.lower()), "plains")
        return [str(one) for one in BIOMES].index(found)


@cache
def name_table() -> NameTable:
    """The table of the package."""
    data = yaml.safe_load(Path(__file__).with_name("items.yaml").read_text(encoding="utf-8"))
    return NameTable(
        items={name: tuple(names) for name, names in data["items"].items()},
        blocks={name: tuple(names) for name, names in data["blocks"].items()},
        natural={name: tuple(places) for name, places in data["natural"].items()},
        biomes=data["biomes"],
    )


def tasks_not_here(tasks: TaskList, items: Iterable[str]) -> dict[str, str]:
    """The tasks of a list that this game has nothing for, by name, and why.

    Args:
        tasks: e.g. DEPS' 70.
        items: that can be come by in the game.
    """
    here = set(items)
    return {
        name: f"none of {', '.join(task.counts[:3])} can be come by in this game"
        for name, task in tasks.tasks.items()
        if not here & set(task.counts)
    }
