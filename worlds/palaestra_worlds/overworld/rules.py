"""The rules' data of the Overworld: items, blocks, recipes, smelting, foods, tools, places and mobs.

It is Minecraft Java Edition 1.16.5's own, kept in rules.json; `build_data` says where it comes from. Names are the
game's, e.g. "oak_log"; names of before version 1.13, which the papers use ("planks", "log", "fence"), stand for one or
more of those.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from palaestra_worlds.registry import nearest

FORMAT = 1
TICKS_PER_SECOND = 20
TABLE, FURNACE = "crafting_table", "furnace"
HAND_GRID = 2
"""Side of the crafting grid without a table."""
HAND_DAMAGE, HAND_RECOVERY = 1, 5
"""Of a blow with what is no tool."""
EVERYWHERE = "everywhere"
"""In place of a biome."""


class UnknownItem(ValueError):
    """A name that no item has; the message gives the nearest that one has."""


class UnknownBlock(ValueError):
    """A name that no block has; the message gives the nearest that one has."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item.

    Attributes:
        name, label: in data and in words.
        stack: how many fit into a slot.
        durability: uses until it breaks; 0: it never does.
        food: points of hunger that eating restores; 0: it can't be eaten.
        saturation: points of saturation that eating restores.
        burns: ticks that it burns in a furnace; 0: it doesn't.
        damage: of a blow with it, in points of health.
        recovery: ticks until the next blow is as strong.
        armour: points when it is worn.
    """

    name: str
    label: str
    stack: int
    durability: int = 0
    food: int = 0
    saturation: float = 0.0
    burns: int = 0
    damage: float = HAND_DAMAGE
    recovery: int = HAND_RECOVERY
    armour: int = 0


@dataclass(frozen=True, slots=True)
class Drop:
    """One thing that may be left behind.

    Attributes:
        item: what.
        chance: of anything at all.
        least, most: how many then.
        tool: "shears" if only those give it, and nothing else then.
        ripe: whether only a plant that has grown up gives it.
    """

    item: str
    chance: float = 1.0
    least: int = 1
    most: int = 1
    tool: str = ""
    ripe: bool = False

    @property
    def mean(self) -> float:
        """How many, on average."""
        return self.chance * (self.least + self.most) / 2


@dataclass(frozen=True, slots=True)
class Block:
    """A block.

    Attributes:
        hardness: how long it takes to break; None: nothing breaks it.
        material: what tools are made for; "" for none.
        harvest: tools that it takes to get anything; empty: even the hand does.
        solid: whether it is in the way.
        transparent: whether light passes.
        light: that it gives, 0 to 15.
        drops: without silk touch.
    """

    name: str
    label: str
    hardness: float | None = None
    material: str = ""
    harvest: frozenset[str] = frozenset()
    solid: bool = False
    transparent: bool = False
    light: int = 0
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Ingredient:
    """So many of any mix of these items."""

    choices: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """What crafting makes of what.

    Attributes:
        makes, count: the product.
        ingredients: in order of appearance in the grid.
        shape: rows of the grid, "A" for the first ingredient, " " for an empty cell; empty: in any order.
        leaves: what comes back, e.g. empty buckets.
    """

    makes: str
    count: int
    ingredients: tuple[Ingredient, ...]
    shape: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()

    @property
    def needs_table(self) -> bool:
        """Whether the player's own grid of 2 by 2 is too small."""
        if self.shape:
            return len(self.shape) > HAND_GRID or max(map(len, self.shape)) > HAND_GRID
        return sum(ingredient.count for ingredient in self.ingredients) > HAND_GRID**2


@dataclass(frozen=True, slots=True)
class Natural:
    """Where the Overworld has a block by itself.

    Attributes:
        places: biomes, "caves" or "everywhere".
        heights: lowest and highest y; None: anywhere it fits.
        share: of an ore: blocks in a million between its heights.
    """

    block: str
    places: tuple[str, ...]
    heights: tuple[int, int] | None = None
    share: int = 0

    @property
    def is_local_ore(self) -> bool:
        """Whether it lies deep, and under some biomes alone."""
        return self.heights is not None and not {"everywhere", "caves"} & set(self.places)


@dataclass(frozen=True, slots=True)
class Mob:
    """An animal or monster.

    Attributes:
        places: biomes, or "everywhere".
        health: in half hearts.
        dark: whether it comes only at night or below ground.
        weight: how often it comes, of 100 for the most common.
        drops: when killed.
        tall: cells.
        walks, runs: ticks for a cell when going about, and when fleeing or chasing; 0: the engine has no such mob.
        damage: points of health that it takes at most, at normal difficulty.
    """

    name: str
    places: tuple[str, ...]
    health: int
    dark: bool
    weight: int
    drops: tuple[Drop, ...]
    tall: int = 1
    walks: int = 0
    runs: int = 0
    damage: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What comes of using an item on something.

    Attributes:
        makes, count: the product; of what comes by chance, how many on average.
        takes: what is used up; "" for nothing.
        tools: one of these is needed, and wears.
        at: the block or mob that must be there; "" for none.
        note: the rest, in words.
        besides: what else is used up, and how many.
    """

    makes: str
    count: float
    takes: str
    tools: tuple[str, ...]
    at: str
    note: str
    besides: tuple[Ingredient, ...] = ()


@dataclass(frozen=True)
class Rules:
    """All rules' data. `items`, `blocks`, `natural` and `mobs` are by name; `smelting` by product."""

    game_version: str
    origin: tuple[str, ...]
    licence: str
    items: dict[str, Item]
    blocks: dict[str, Block]
    recipes: tuple[Recipe, ...]
    smelting: dict[str, tuple[str, ...]]
    smelting_ticks: int
    tool_speeds: dict[str, dict[str, float]]
    natural: dict[str, Natural]
    mobs: dict[str, Mob]
    uses: tuple[Use, ...]
    old_names: dict[str, tuple[str, ...]] = field(repr=False)

    def item(self, name: str) -> Item:
        """The item of that name.

        Raises:
            UnknownItem: there is none.
        """
        if name not in self.items:
            raise UnknownItem(f"no item is called '{name}'{nearest(name, self.items)}")
        return self.items[name]

    def block(self, name: str) -> Block:
        """The block of that name.

        Raises:
            UnknownBlock: there is none.
        """
        if name not in self.blocks:
            raise UnknownBlock(f"no block is called '{name}'{nearest(name, self.blocks)}")
        return self.blocks[name]

    def named(self, name: str) -> tuple[str, ...]:
        """The items that a name stands for: of the game, or else of before version 1.13, e.g. "planks".

        Raises:
            UnknownItem: it stands for none.
        """
        if name in self.items:
            return (name,)
        if name in self.old_names:
            return self.old_names[name]
        raise UnknownItem(f"no item is called '{name}'{nearest(name, [*self.items, *self.old_names])}")

    def recipes_for(self, item: str) -> tuple[Recipe, ...]:
        """The recipes that make an item; none if it can't be crafted."""
        return self._by_product.get(item, ())

    @cached_property
    def _by_product(self) -> dict[str, tuple[Recipe, ...]]:
        found: dict[str, tuple[Recipe, ...]] = {}
        for recipe in self.recipes:
            found[recipe.makes] = (*found.get(recipe.makes, ()), recipe)
        return found

    def can_harvest(self, block: str, tool: str = "") -> bool:
        """Whether breaking the block with that item ("" for the hand) leaves anything behind."""
        needed = self.block(block).harvest
        return not needed or tool in needed

    def mining_ticks(self, block: str, tool: str = "") -> float:
        """Ticks it takes to break a block, on the ground and out of water, with an item in hand ("" for none).

        Infinite for what can't be broken. Source: https://minecraft.wiki/w/Breaking#Calculation.
        """
        found = self.block(block)
        if found.hardness is None:
            return math.inf
        if found.hardness == 0:
            return 1
        speed = self.tool_speeds.get(found.material, {}).get(tool, 1.0)
        damage = speed / found.hardness / (30 if self.can_harvest(block, tool) else 100)
        return 1 if damage > 1 else math.ceil(1 / damage)


def _drops(rows: list[dict[str, Any]]) -> tuple[Drop, ...]:
    return tuple(Drop(**{"most": row.get("least", 1)} | row) for row in rows)


def _recipe(row: dict[str, Any]) -> Recipe:
    cells = row.get("mix") or "".join(row["shape"])
    return Recipe(
        makes=row["makes"],
        count=row.get("count", 1),
        ingredients=tuple(
            Ingredient(tuple(choices), cells.count(chr(ord("A") + number))) for number, choices in enumerate(row["of"])
        ),
        shape=tuple(row.get("shape", ())),
        leaves=tuple(row.get("leaves", ())),
    )


def _use(row: dict[str, Any], items: dict[str, Item]) -> Use:
    ending = "_" + row["tool"] if "tool" in row else None
    tools = [name for name in items if ending and (name == row["tool"] or name.endswith(ending))]
    return Use(
        row["makes"],
        row.get("count", 1),
        row.get("takes", ""),
        tuple(tools),
        row.get("at", ""),
        row.get("note", ""),
        tuple(Ingredient((name,), count) for name, count in row.get("with", {}).items()),
    )


@cache
def load_rules() -> Rules:
    """The rules' data of the package."""
    data = json.loads(Path(__file__).with_name("rules.json").read_text(encoding="utf-8"))
    if data["format"] != FORMAT:
        raise ValueError(f"rules.json has format {data['format']}, this version reads format {FORMAT}: install anew")
    items = {row["name"]: Item(**row) for row in data["items"]}
    blocks = {
        row["name"]: Block(
            **row | {"harvest": frozenset(row.get("harvest", ())), "drops": _drops(row.get("drops", []))}
        )
        for row in data["blocks"]
    }
    natural = {
        name: Natural(name, tuple(row["places"]), tuple(row["y"]) if "y" in row else None, row.get("share", 0))
        for name, row in data["natural"].items()
    }
    mobs = {
        name: Mob(
            name,
            tuple(row["places"]),
            row["health"],
            row.get("when") == "dark",
            row.get("weight", 100),
            _drops(row["drops"]),
            row.get("tall", 1),
            row.get("walks", 0),
            row.get("runs", 0),
            row.get("damage", 0),
        )
        for name, row in data["mobs"].items()
    }
    return Rules(
        game_version=data["game_version"],
        origin=tuple(data["origin"]),
        licence=data["licence"],
        items=items,
        blocks=blocks,
        recipes=tuple(map(_recipe, data["recipes"])),
        smelting={product: tuple(inputs) for product, inputs in data["smelting"].items()},
        smelting_ticks=data["smelting_ticks"],
        tool_speeds=data["tool_speeds"],
        natural=natural,
        mobs=mobs,
        uses=tuple(_use(row, items) for row in data["uses"]),
        old_names={old: tuple(names) for old, names in data["old_names"].items()},
    )
