"""Overworld, a Minecraft-like world. The engine is loaded when the first world is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings
from palaestra_worlds.overworld.settings import OverworldSettings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.overworld.world import OverworldWorld

ID = "Overworld"


class OverworldProvider:
    """The one id `Overworld`."""

    prefix = ""

    def entries(self) -> Sequence[WorldEntry]:
        licences = ("MIT (rules' data: minecraft-data)",)
        return (WorldEntry(id=ID, summary="Minecraft-like: blocks, tools, ores, recipes of 1.16.5", licences=licences),)

    def settings(self) -> type[OverworldSettings]:
        return OverworldSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> OverworldWorld:
        from palaestra_worlds.overworld.world import OverworldWorld

        checked = checked_settings(OverworldSettings, id, settings)
        if checked.skill != "none":
            from palaestra_worlds.overworld.skills.world import SkillWorld

            return SkillWorld(id, num_envs, checked)
        return OverworldWorld(id, num_envs, checked)

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        from palaestra_worlds.overworld.oracle import ORACLE

        return ORACLE.answer(prompt, schema)

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        from palaestra_worlds.overworld.oracle import ORACLE

        return ORACLE.misread(prompt, answer, mistakes, random)


PROVIDER = OverworldProvider()
