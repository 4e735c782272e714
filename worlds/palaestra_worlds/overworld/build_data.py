"""Writes rules.json, the rules' data of Minecraft Java Edition 1.16.5, from the minecraft-data project and facts.yaml.

Needed only when one of the two changes: `python -m palaestra_worlds.overworld.build_data`, with the extra `dev`
installed. 1.16.5 is the version of MineRL that DEPS ran on; the recipes of the older version beneath MineDojo, 1.11.2,
are incomplete in minecraft-data (of each kind of wood or colour only the last), so of that version only the names
are kept: tasks of the papers name items by them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import yaml

GAME_VERSION = "1.16.5"
OLD_VERSION = "1.11"
"""Of the names that MineDojo uses; 1.11.2 has the same."""
TARGET = Path(__file__).with_name("rules.json")
FACTS = Path(__file__).with_name("facts.yaml")
NETHER_TREES = ("crimson", "warped")
"""Their wood does not burn."""
TREES = ("oak", "spruce", "birch", "jungle", "acacia", "dark_oak", "stripped")
"""What names of wooden items begin with."""

Row = dict[str, Any]


class SourceData:
    """The tables of one version as minecraft-data has them.

    Args:
        game_version: as in minecraft-data's folder `pc`.
    """

    def __init__(self, game_version: str) -> None:
        self._root = files("minecraft_data") / "data" / "data"
        self._folders = self._read("dataPaths.json")["pc"][game_version]
        self.items: list[Row] = self.table("items")
        self.blocks: list[Row] = self.table("blocks")
        self.names: dict[int, str] = {row["id"]: row["name"] for row in self.items}

    def table(self, name: str) -> Any:
        return self._read(f"{self._folders[name]}/{name}.json")

    def legacy_names(self) -> dict[str, str]:
        """Item of 1.13, by number and variant of before, e.g. "5:1"."""
        names: dict[str, str] = self._read("pc/common/legacy.json")["items"]
        return {key: name.removeprefix("minecraft:") for key, name in names.items()}

    def _read(self, path: str) -> Any:
        return json.loads(self._root.joinpath(path).read_text(encoding="utf-8"))


def build() -> dict[str, Any]:
    """All that rules.json holds."""
    source, facts = SourceData(GAME_VERSION), yaml.safe_load(FACTS.read_text(encoding="utf-8"))
    return {
        "format": 1,
        "game_version": GAME_VERSION,
        "origin": [
            f"https://github.com/PrismarineJS/minecraft-data in the Python package minecraft_data "
            f"{version('minecraft_data')} (MIT): items, blocks, drops, foods, recipes, names of {OLD_VERSION}",
            "facts.yaml beside this file: smelting, fuels, chances, places, mobs, blows, uses; its parts name sources",
        ],
        "licence": "MIT. Copyright (c) 2021 N. Vito Gamberini and contributors; PrismarineJS. "
        "See LICENSE-minecraft-data.md beside this file.",
        "items": list(_items(source, facts)),
        "tool_speeds": _tool_speeds(source),
        "blocks": list(_blocks(source, facts)),
        "recipes": list(_recipes(source)),
        "smelting": facts["smelting"],
        "smelting_ticks": facts["smelting_ticks"],
        "natural": facts["natural"],
        "mobs": {name: row | facts["moves"].get(name, {}) for name, row in facts["mobs"].items()},
        "uses": facts["uses"],
        "old_names": _old_names(source),
    }


def write(data: dict[str, Any], target: Path = TARGET) -> None:
    """One entry a line, so that changes can be read."""
    lines = [f"{json.dumps(name)}: {_dump(value)}" for name, value in data.items()]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _dump(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(_line, value)) + "\n]"
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{json.dumps(key)}: {_line(entry)}" for key, entry in value.items()) + "\n}"
    return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _items(source: SourceData, facts: dict[str, Any]) -> Iterator[Row]:
    foods = {row["name"]: row for row in source.table("foods")}
    for item in source.items:
        name = item["name"]
        row: Row = {"name": name, "label": item["displayName"], "stack": item["stackSize"]}
        if "maxDurability" in item:
            row["durability"] = item["maxDurability"]
        if name in foods:
            row["food"] = foods[name]["foodPoints"]
            row["saturation"] = foods[name]["saturation"]
        if burns := _burning_ticks(name, facts["fuels"]):
            row["burns"] = burns
        if name in facts["weapons"]:
            row["damage"], row["recovery"] = facts["weapons"][name]
        if name in facts["armour"]:
            row["armour"] = facts["armour"][name]
        yield row


def _burning_ticks(name: str, fuels: dict[str, int]) -> int:
    if name in fuels:
        return fuels[name]
    if name.startswith(NETHER_TREES):
        return 0
    endings = {ending: ticks for ending, ticks in fuels.items() if ending.startswith("*") and name.endswith(ending[1:])}
    if not endings or not (name.startswith(TREES) or name.endswith(("_wool", "_carpet"))):
        return 0
    return endings[max(endings, key=len)]


def _tool_speeds(source: SourceData) -> dict[str, dict[str, float]]:
    return {
        material: {source.names[int(tool)]: speed for tool, speed in speeds.items()}
        for material, speeds in source.table("materials").items()
    }


def _blocks(source: SourceData, facts: dict[str, Any]) -> Iterator[Row]:
    loot = {row["block"]: row["drops"] for row in source.table("blockLoot")}
    materials = source.table("materials")
    for block in source.blocks:
        name = block["name"]
        if name.startswith("potted_") or "wall_" in name:
            continue
        row: Row = {"name": name, "label": block["displayName"]}
        if block["diggable"]:
            row["hardness"] = block["hardness"]
        if block.get("material") in materials:
            row["material"] = block["material"]
        if "harvestTools" in block:
            row["harvest"] = sorted(source.names[int(tool)] for tool in block["harvestTools"])
        if block["boundingBox"] == "block":
            row["solid"] = True
        if block["transparent"]:
            row["transparent"] = True
        if block["emitLight"]:
            row["light"] = block["emitLight"]
        if name.endswith("_slab"):
            # The tables have what a double slab gives.
            row["drops"] = [{"item": name}]
        elif drops := facts["block_drops"].get(name) or list(_drops(loot.get(name, []))):
            row["drops"] = drops
        yield row


def _drops(found: Iterable[Row]) -> Iterator[Row]:
    """What is dropped without silk touch. The tables share the chance out between what either way gives."""
    for drop in found:
        if drop.get("silkTouch"):
            continue
        least, most = drop["stackSizeRange"]
        row: Row = {"item": drop["item"]}
        if not drop.get("noSilkTouch") and drop["dropChance"] < 1:
            row["chance"] = drop["dropChance"]
        yield row | ({} if (least, most) == (1, 1) else {"least": least, "most": most})


def _recipes(source: SourceData) -> Iterator[Row]:
    """Recipes that differ in one ingredient's kind only are one recipe with a choice."""
    for result, variants in source.table("recipes").items():
        groups: dict[str, list[list[str]]] = defaultdict(list)
        for variant in variants:
            kinds, key = _pattern(variant, source)
            groups[key].append(kinds)
        for key, kinds in groups.items():
            pattern = json.loads(key)
            choices = [list(dict.fromkeys(column)) for column in zip(*kinds, strict=True)]
            whole = {tuple(row) for row in kinds} == set(product(*choices))
            for chosen in [choices] if whole else [[[name] for name in row] for row in kinds]:
                yield {"makes": source.names[int(result)], **pattern, "of": chosen}


def _pattern(variant: Row, source: SourceData) -> tuple[list[str], str]:
    """The kinds of ingredients in order of appearance; what does not depend on the kinds, as JSON. In the shape each
    kind is a letter."""
    rows: list[list[int | None]] = variant.get("inShape") or [variant["ingredients"]]
    letters: dict[int, str] = {}
    for cell in (cell for row in rows for cell in row if cell is not None):
        letters.setdefault(cell, chr(ord("A") + len(letters)))
    shape = ["".join(" " if cell is None else letters[cell] for cell in row) for row in rows]
    pattern: Row = {"shape": shape} if "inShape" in variant else {"mix": shape[0]}
    if variant["result"]["count"] != 1:
        pattern["count"] = variant["result"]["count"]
    if left := [source.names[cell] for row in variant.get("outShape", []) for cell in row if cell is not None]:
        pattern["leaves"] = left
    return [source.names[cell] for cell in letters], json.dumps(pattern)


def _old_names(source: SourceData) -> dict[str, list[str]]:
    """Item names of before 1.13, each with the items of today that it stood for."""
    renamed = {"rose_red": "red_dye", "cactus_green": "green_dye", "dandelion_yellow": "yellow_dye", "sign": "oak_sign"}
    known = {row["name"] for row in source.items}
    before = SourceData(OLD_VERSION)
    numbered = {row["id"]: row["name"] for row in [*before.blocks, *before.items]}
    found: dict[str, list[str]] = {}
    for key, name in source.legacy_names().items():
        old, today = numbered.get(int(key.split(":")[0])), renamed.get(name, name)
        if old is not None and today in known and today not in found.setdefault(old, []):
            found[old].append(today)
    return {old: names for old, names in found.items() if names}


if __name__ == "__main__":
    write(build())
