"""Writes overworld_items.md: what can be come by in the Overworld, and how, from the rules' data."""

from __future__ import annotations

from pathlib import Path

from palaestra_worlds.overworld.knowledge import explain_way
from palaestra_worlds.overworld.technology import NOT_HERE, game_tree, world_tree

PAGE = Path(__file__).with_name("overworld_items.md")
INTRODUCTION = """# The technology tree

Written by `python docs/overworld_items.py` from the rules' data of Minecraft {version}: do not edit. {items} items can
be come by in the game's Overworld without trading, chests, structures, silk touch or other dimensions, here the easiest
first, each with its easiest way. By the names of version 1.11.2, one for all kinds of wood or colours, they are {old}
of {all_old}; Ghost in the Minecraft (arXiv 2305.17144) counts 262 by those names. What needs a recipe that
minecraft-data does not have (fireworks, written books, banners' patterns, potions) is not among them.

{here} of the {items} can be come by in our richest world (`nature: whole`, `mobs: all`, `homestead: true`), and count
for `palaestra plan tree`. Not there:

{lacking}

| | Item | The easiest way |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    tree = game_tree()
    introduction = INTRODUCTION.format(
        version=tree.rules.game_version,
        items=len(tree.items),
        old=len(tree.old_names),
        all_old=len(tree.rules.old_names),
        here=len(world_tree().items),
        lacking=_lacking(),
    )
    rows = [
        f"| {number} | {item} | {explain_way(tree.rules, tree.ways[item])} |"
        for number, item in enumerate(tree.items, 1)
    ]
    return introduction + "\n".join(rows) + "\n"


def _lacking() -> str:
    """The items of the game that no world of ours has, and why."""
    items = sorted(set(game_tree().items) - set(world_tree().items))
    rules = game_tree().rules
    lines: list[str] = []
    for source, why in NOT_HERE.items():
        own = {drop.item for drop in rules.mobs[source].drops}
        lines.append(f"- {', '.join(item for item in items if item in own)}: a {source} {why}")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE}")
