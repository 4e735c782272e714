"""Crafter, batched and exact. The engine is loaded when the first world is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings
from palaestra_worlds.crafter.settings import CrafterSettings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.crafter.world import CrafterWorld

ID = "Crafter"


class CrafterProvider:
    """The one id `Crafter`."""

    prefix = ""

    def entries(self) -> Sequence[WorldEntry]:
        return (WorldEntry(id=ID, summary="Crafter 1.8.3", licences=("MIT (rules and textures: crafter)",)),)

    def settings(self) -> type[CrafterSettings]:
        return CrafterSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> CrafterWorld:
        from palaestra_worlds.crafter.world import CrafterWorld

        checked = checked_settings(CrafterSettings, id, settings)
        return CrafterWorld(id, num_envs, checked)

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        from palaestra_worlds.crafter.heuristic import environments_for

        return environments_for(prompt, schema)

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        from palaestra_worlds.crafter.heuristic import misread_environments

        return misread_environments(prompt, answer, mistakes, random)


PROVIDER = CrafterProvider()
