"""The rules of the game in the server, read from it, in the form that planning on an inventory takes.

Items, recipes, smelting, fuels, drops, tools and the heights of ores are the game's own; the names are Minecraft's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.luanti.bridge import Bridge
from palaestra_worlds.luanti.names import NameTable, name_table
from palaestra_worlds.overworld.rules import (
    FURNACE,
    TABLE,
    Block,
    Drop,
    Ingredient,
    Item,
    Natural,
    Recipe,
    Rules,
    load_rules,
)
from palaestra_worlds.overworld.state import HEIGHT
from palaestra_worlds.overworld.tables import numbers

TICKS_PER_SECOND = 20
LOWEST = -32
"""The game's height of this world's lowest cells, where a chunk that the engine generates begins. Its sea, at height 1,
is a few cells below an Overworld's then."""
IN_THE_WAY, OUT_OF_THE_WAY, UNBREAKABLE = "stone", "grass", "bedrock"
"""What nodes without a name of their own are taken for."""


class HandRecipe(Recipe):
    """A recipe of a game that has no crafting table: all are made by hand."""

    @property
    def needs_table(self) -> bool:
        return False


@dataclass(frozen=True)
class Crafting:
    """One of the game's recipes.

    Attributes:
        makes, count: the product.
        cells: of nine cells of the grid, row by row, the items of which one must be there; none: empty.
        recipe: the same for planning.
    """

    makes: str
    count: int
    cells: tuple[tuple[str, ...], ...]
    recipe: Recipe


@dataclass(frozen=True)
class GameRules:
    """What was read from a game.

    Attributes:
        rules: for planning.
        items: the game's name of each item that it has.
        named: the other way round.
        crafts: its recipes by product.
        smelting_seconds: of each item that is cooked, how long it takes.
        blocks: (node numbers,) the block that each node is taken for.
    """

    rules: Rules
    items: Mapping[str, str]
    named: Mapping[str, str]
    crafts: Mapping[str, tuple[Crafting, ...]]
    smelting_seconds: Mapping[str, float]
    blocks: NDArray[np.uint16]


def read_again(bridge: Bridge, game: GameRules) -> GameRules:
    """The same rules with the numbers that nodes have in another server for the same game."""
    return replace(game, blocks=_node_blocks(bridge.call("nodes")["nodes"], name_table()))


def read_rules(bridge: Bridge) -> GameRules:
    """Asks a server's mod for all that is known of its game.

    Raises:
        ServerGone: the server has ended.
    """
    table = name_table()
    found: dict[str, Any] = dict(bridge.call("items", names=table.every_item())["items"])
    items = {name: game for name, games in table.items.items() if (game := _first(games, found))}
    named = {game: name for name, game in reversed(items.items())}
    nodes = bridge.call("nodes")["nodes"]
    present = {node[0] for node in nodes}
    wanted = {name: game for name, games in _nodes(table).items() if (game := _first(games, present))}
    tools = ["", *(items[name] for name, item in load_rules().items.items() if item.durability and name in items)]
    asked = sorted(set(wanted.values()))
    breaking = bridge.call("breaking", nodes=asked, tools=tools)["nodes"] if asked else {}
    ores = bridge.call("ores")["ores"]
    crafts = _crafts(found, items, named)
    tool_names = ["", *(named[tool] for tool in tools[1:])]
    blocks = {
        name: _block(name, breaking[game], tool_names, named) for name, game in wanted.items() if game in breaking
    }
    ours = load_rules()
    rules = replace(
        ours,
        game_version="as read from the server",
        origin=("the game in the server",),
        licence="of that game",
        items=_items(found, items, breaking, tool_names),
        blocks={**ours.blocks, **blocks},
        recipes=tuple(one.recipe for each in crafts.values() for one in each),
        smelting=_smelting(found, items, named),
        smelting_ticks=max([round(TICKS_PER_SECOND * one["cooking"]) for one in found.values()] or [1]),
        natural=_natural(table, wanted, blocks, ores),
        mobs={},
        uses=tuple(use for use in ours.uses if use.takes == "bucket" and {use.takes, use.makes} <= set(items)),
        old_names=_old_names(items),
    )
    seconds = {name: float(found[game]["cooking"]) for name, game in items.items() if found[game]["cooks"]}
    return GameRules(rules, items, named, crafts, seconds, _node_blocks(nodes, table))


def _first(names: Sequence[str], there: Any) -> str:
    return next((name for name in names if name in there), "")


def _nodes(table: NameTable) -> dict[str, tuple[str, ...]]:
    """Of each block of the table, the nodes that are taken for it."""
    known = load_rules().blocks
    found = {name: games for name, games in table.items.items() if name in known and not name.endswith("_ore")}
    return {**found, **table.blocks}


def _node_blocks(nodes: Sequence[Sequence[Any]], table: NameTable) -> NDArray[np.uint16]:
    number = numbers().block
    by_node = {game: name for name, games in _nodes(table).items() for game in games}
    found = np.full(1 + max(int(node[1]) for node in nodes), number[UNBREAKABLE], np.uint16)
    for name, content, walkable, liquid, drawtype, is_lava in nodes:
        if name in by_node:
            block = by_node[name]
        elif liquid != "none":
            block = "lava" if is_lava else "water"
        elif drawtype == "airlike" and not walkable:
            block = "air"
        else:
            block = IN_THE_WAY if walkable else OUT_OF_THE_WAY
        found[int(content)] = number[block]
    return found


def _items(
    found: Mapping[str, Any], items: Mapping[str, str], breaking: Mapping[str, Any], tools: Sequence[str]
) -> dict[str, Item]:
    """All of Minecraft's, so that every name is known; those that the game has, as they are in it."""
    made: dict[str, Item] = {}
    for name, item in load_rules().items.items():
        if name not in items:
            made[name] = replace(item, burns=0, food=0)
            continue
        one = found[items[name]]
        uses = 0
        if name in tools:
            column = tools.index(name)
            uses = min((int(node["uses"][column]) for node in breaking.values() if node["uses"][column]), default=0)
        # Nobody burns tools.
        burns = 0 if uses else round(TICKS_PER_SECOND * one["burns"])
        made[name] = replace(item, stack=int(one["stack"]), burns=burns, durability=uses)
    return made


def _block(name: str, node: Mapping[str, Any], tools: Sequence[str], named: Mapping[str, str]) -> Block:
    """A block as the game breaks it; of tools that do, those that Minecraft's controllers know for it."""
    ours = load_rules().blocks[name]
    times = [float(seconds) for seconds in node["times"]]
    by_tool = {tool for tool, seconds in zip(tools[1:], times[1:], strict=True) if seconds}
    harvest = frozenset() if times[0] else frozenset((by_tool & ours.harvest) or by_tool)
    hardness = (min(seconds for seconds in times if seconds)) if any(times) else None
    return replace(ours, hardness=hardness, harvest=harvest, drops=tuple(_drops(name, node["drops"], named)))


def _drops(block: str, rows: Sequence[Mapping[str, Any]] | None, named: Mapping[str, str]) -> Iterator[Drop]:
    """What the game leaves of a block, as far as Minecraft's does too: nothing else is looked for in it."""
    known = {drop.item for drop in load_rules().blocks[block].drops}
    for row in rows or ():
        for text in row["items"]:
            game, count = _amount(text)
            if named.get(game) in known:
                yield Drop(named[game], 1.0 / max(1.0, float(row["rarity"])), count, count)


def _amount(text: str) -> tuple[str, int]:
    """Of the engine's way to write a stack, e.g. "default:wood 4"."""
    name, _, rest = text.partition(" ")
    count = rest.split(" ")[0]
    return name, int(count) if count.isdigit() else 1


def _crafts(
    found: Mapping[str, Any], items: Mapping[str, str], named: Mapping[str, str]
) -> dict[str, tuple[Crafting, ...]]:
    groups: dict[str, set[str]] = {name: set(found[game]["groups"] or ()) for name, game in items.items()}
    kind = Recipe if TABLE in items else HandRecipe
    crafts: dict[str, tuple[Crafting, ...]] = {}
    for name, game in items.items():
        made: list[Crafting] = []
        for row in found[game]["recipes"] or ():
            product, count = _amount(row["output"])
            cells = [_choices(text, groups, named) for text in row["grid"]]
            if product != game or any(choices is None for choices in cells):
                continue
            placed = _placed([choices or () for choices in cells], int(row["width"]))
            made.append(Crafting(name, count, placed, _recipe(kind, name, count, placed)))
        if made:
            crafts[name] = tuple(made)
    return crafts


def _choices(text: str, groups: Mapping[str, set[str]], named: Mapping[str, str]) -> tuple[str, ...] | None:
    """The items that may lie in a cell; empty for none, None if no item that has a name here may."""
    if not text:
        return ()
    if text.startswith("group:"):
        wanted = set(text.removeprefix("group:").split(","))
        return tuple(name for name, has in groups.items() if wanted <= has) or None
    name = named.get(_amount(text)[0])
    return (name,) if name else None


def _placed(cells: Sequence[tuple[str, ...]], width: int) -> tuple[tuple[str, ...], ...]:
    """Nine cells of a grid, of a recipe that is so wide; 0: in any order."""
    placed: list[tuple[str, ...]] = [()] * 9
    for number, choices in enumerate(cells):
        if choices:
            row, column = divmod(number, width or 3)
            placed[3 * row + column] = choices
    return tuple(placed)


def _recipe(kind: type[Recipe], makes: str, count: int, cells: Sequence[tuple[str, ...]]) -> Recipe:
    kinds = list(dict.fromkeys(choices for choices in cells if choices))
    parts = tuple(Ingredient(choices, sum(cell == choices for cell in cells)) for choices in kinds)
    rows = ["".join(chr(65 + kinds.index(cell)) if cell else " " for cell in cells[k : k + 3]) for k in (0, 3, 6)]
    used = [row for row in rows if row.strip()]
    left = min(len(row) - len(row.lstrip()) for row in used)
    shape = tuple(row[left:].rstrip() for row in used)
    return kind(makes, count, parts, shape)


def _smelting(
    found: Mapping[str, Any], items: Mapping[str, str], named: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    if FURNACE not in items:
        return {}
    inputs: dict[str, tuple[str, ...]] = {}
    for name, game in items.items():
        product = named.get(_amount(found[game]["cooks"])[0])
        if product:
            inputs[product] = (*inputs.get(product, ()), name)
    return inputs


def _natural(
    table: NameTable, wanted: Mapping[str, str], blocks: Mapping[str, Block], ores: Sequence[Sequence[Any]]
) -> dict[str, Natural]:
    found = {name: Natural(name, places) for name, places in table.natural.items() if name in blocks}
    for name, game in wanted.items():
        if not name.endswith("_ore"):
            continue
        ranges = [
            (max(0, int(low) - LOWEST), min(HEIGHT - 1, int(high) - LOWEST), float(share))
            for ore, low, high, share in ores
            if ore == game and high >= LOWEST and low < LOWEST + HEIGHT
        ]
        if ranges:
            lowest, highest = min(low for low, _, _ in ranges), max(high for _, high, _ in ranges)
            share = max(1, math.ceil(1e6 * max(share for _, _, share in ranges)))
            found[name] = Natural(name, ("everywhere",), (lowest, highest), share)
    for liquid in ("water", "lava"):
        found[liquid] = Natural(liquid, ("everywhere",) if liquid == "water" else ("caves",))
    return found


def _old_names(items: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Names of before version 1.13, for what the game has of what they stand for, or else for all of it."""
    return {
        old: tuple(name for name in names if name in items) or names for old, names in load_rules().old_names.items()
    }
