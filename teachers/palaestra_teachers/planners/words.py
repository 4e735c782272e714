"""What planners are told, in words: how the player is, what became of actions, what is known about items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from palaestra_worlds.structured import ActionFeedback, Knowledge, PlayerStatus, in_words

from palaestra_teachers.planners.config import KnowledgeConfig

CHARACTERS_PER_TOKEN = 4
"""Of English and of our names, roughly; a prompt must not need a tokenizer."""
MOST_SEEN = 24
"""Blocks and mobs that are named as seen, the nearest."""
MOST_OUTCOMES = 8
"""Of one plan's actions: the last ones."""


def status_in_words(status: PlayerStatus) -> str:
    """A line for each thing that a player can know."""
    seen = sorted(status.seen.items(), key=lambda one: one[1])[:MOST_SEEN]
    lines = [
        f"Inventory: {in_words(status.inventory) or 'nothing'}",
        f"Held: {status.held or 'nothing'}",
        f"Biome: {status.biome}",
        f"Height: {status.height}, {'under ground' if status.is_underground else 'on the ground'}",
        f"Health: {status.health} of 20",
        f"Food: {status.food} of 20",
        f"Steps left: {status.ticks_left}",
        f"Seen: {', '.join(f'{name} {far} away' for name, far in seen) or 'nothing'}",
    ]
    return "\n".join(lines)


def outcomes_in_words(outcomes: Sequence[ActionFeedback]) -> str:
    """A line for each of the last actions: what was done, and what became of it."""
    return "\n".join(map(_outcome, outcomes[-MOST_OUTCOMES:]))


def _outcome(one: ActionFeedback) -> str:
    if one.success:
        return f"Done: {one.action} - {one.message}"
    return f"Failed: {one.action} ({one.failure}) - {one.message}"


class KnowledgeText:
    """What is known about items, within a budget of tokens.

    Args:
        knowledge: of the world.
        config: budget, and a folder of Markdown with more.

    Raises:
        ValueError: the folder is none, or a file in it cannot be read.
    """

    def __init__(self, knowledge: Knowledge, config: KnowledgeConfig) -> None:
        self._knowledge = knowledge
        self._budget = config.tokens * CHARACTERS_PER_TOKEN
        self._pages = _sections(config.folder) if config.folder is not None else {}

    def about(self, names: Sequence[str]) -> str:
        """A line, or section, about each item of these and of those that they are made of, until the budget is spent.

        Args:
            names: the most important first; unknown ones are left out.
        """
        lines: list[str] = []
        left = self._budget
        for item in self._related(names):
            for text in (self._pages.get(item, ""), self._recipes(item)):
                if text and len(text) + 1 <= left and text not in lines:
                    lines.append(text)
                    left -= len(text) + 1
        return "\n".join(lines)

    def _related(self, names: Sequence[str]) -> list[str]:
        """The items, then what their easiest way needs, and so on; nothing twice."""
        found: list[str] = []
        for name in names:
            for item in self._knowledge.named(name)[:1]:
                try:
                    tree = self._knowledge.decompose(item, 1, {})
                except ValueError:
                    continue
                goals = list(tree.goals()) if tree else []
                found += [goal.step.object for goal in reversed(goals)]
        return list(dict.fromkeys(found))

    def _recipes(self, item: str) -> str:
        try:
            return f"{item}: {self._knowledge.recipe_text(item, budget=60)}"
        except ValueError:
            return ""


def _sections(folder: Path) -> dict[str, str]:
    """Of each heading in the folder's Markdown files, as a name of an item, the text beneath it."""
    if not folder.is_dir():
        raise ValueError(f"knowledge.folder: {folder} is no folder; give one with Markdown files")
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.md")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"knowledge.folder: {path} cannot be read: {error}") from error
        name = path.stem
        for line in text.splitlines():
            if line.startswith("#"):
                name = line.lstrip("#").strip()
            elif line.strip():
                key = name.lower().replace(" ", "_")
                found[key] = f"{found[key]} {line.strip()}" if key in found else line.strip()
    return found
