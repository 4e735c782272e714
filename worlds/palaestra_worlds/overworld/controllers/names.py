"""What the names in structured actions stand for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.rules import Natural, UnknownItem, load_rules
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.registry import nearest


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        name: as it was asked for.
        blocks: numbers of blocks, any of which will do.
        items: numbers of items that count when such a block is broken.
    """

    name: str
    blocks: frozenset[int]
    items: frozenset[int]


def items_named(name: str) -> tuple[int, ...]:
    """The items that a name stands for, by number.

    Raises:
        Failed: there is none.
    """
    try:
        return tuple(numbers().item[item] for item in load_rules().named(name))
    except UnknownItem as error:
        raise Failed("unknown_item", f"{str(error)[0].upper()}{str(error)[1:]}.") from error


@cache
def wanted(name: str) -> Wanted:
    """What is to be broken for an item, or a block of that name.

    Raises:
        Failed: nothing is called so, or no block leaves it.
    """
    rules, known = load_rules(), numbers()
    names = (name,) if name in rules.blocks and name not in rules.items else None
    if names is None:
        names = tuple(known.items[item] for item in items_named(name))
    dropped = {block: {drop.item for drop in rules.blocks[block].drops} for block in rules.blocks}
    leaving = [block for block, items in dropped.items() if items & set(names)]
    if leaving:
        return Wanted(name, frozenset(known.block[b] for b in leaving), frozenset(known.item[n] for n in names))
    blocks = [block for block in names if dropped.get(block)]
    if blocks:
        items = {item for block in blocks for item in dropped[block]}
        return Wanted(name, frozenset(known.block[b] for b in blocks), frozenset(known.item[n] for n in items))
    if any(n in rules.blocks for n in names):
        raise Failed("impossible", f"Nothing is left when {name} is broken.")
    raise Failed("impossible", f"{name} is not got by breaking blocks.")


def blocks_to_see(name: str) -> Wanted:
    """What is to be seen: a block of that name, or one that leaves such an item.

    Raises:
        Failed: nothing is called so.
    """
    rules, known = load_rules(), numbers()
    if name in rules.blocks:
        return Wanted(name, frozenset([known.block[name]]), frozenset())
    if name in rules.mobs:
        return Wanted(name, frozenset(), frozenset())
    try:
        return wanted(name)
    except Failed as failure:
        if failure.kind == "unknown_item":
            hint = nearest(name, [*rules.blocks, *rules.mobs])
            raise Failed("unknown_item", f"Nothing is called '{name}'{hint}.") from failure
        raise


def natural_of(found: Wanted) -> list[Natural]:
    """Where these blocks are by themselves."""
    rules, known = load_rules(), numbers()
    return [rules.natural[known.blocks[b]] for b in sorted(found.blocks) if known.blocks[b] in rules.natural]
