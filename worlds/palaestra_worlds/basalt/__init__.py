"""The four tasks of MineRL BASALT in an Overworld: told in words, without reward, for people to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.basalt.settings import BasaltSettings
from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.basalt.world import BasaltWorld

PREFIX = "Overworld-"
NAMES = ("FindCave", "MakeWaterfall", "CreateVillageAnimalPen", "BuildVillageHouse")
"""As the competition calls them."""
SUMMARY = "BASALT's tasks in an Overworld: told in words, without reward, judged by people"


class BasaltProvider:
    """One id for each task, e.g. `Overworld-FindCave`."""

    prefix = ""
    has_tasks = False
    """Whether more than the level can be set."""

    def entries(self) -> Sequence[WorldEntry]:
        licences = ("MIT (rules' data: minecraft-data)",)
        return [WorldEntry(PREFIX + name, SUMMARY, licences=licences) for name in NAMES]

    def settings(self) -> type[BasaltSettings]:
        return BasaltSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> BasaltWorld:
        from palaestra_worlds.basalt.world import BasaltWorld

        return BasaltWorld(id, num_envs, checked_settings(BasaltSettings, id, settings))

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        return None

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        return None


PROVIDER = BasaltProvider()
