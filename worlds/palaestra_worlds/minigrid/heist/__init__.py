"""Heist, Palaestra's own MiniGrid world: keys, locked doors, a gem behind them, all set by a teacher if it likes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings
from palaestra_worlds.minigrid.heist.settings import HeistSettings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.minigrid.heist.world import HeistWorld

ID = "Heist"


class HeistProvider:
    """The one id `Heist`, which the reference package does not have."""

    prefix = ""

    def entries(self) -> Sequence[WorldEntry]:
        return (
            WorldEntry(
                id=ID,
                summary="Palaestra's own, not of minigrid: keys, locked doors, a gem (after Procgen's Heist)",
                licences=("Apache-2.0 (rules and tiles: minigrid)",),
            ),
        )

    def settings(self) -> type[HeistSettings]:
        return HeistSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> HeistWorld:
        from palaestra_worlds.minigrid.heist.world import HeistWorld

        checked = checked_settings(HeistSettings, id, settings)
        return HeistWorld(id, num_envs, checked)

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        from palaestra_worlds.minigrid.heist.heuristic import environments_for

        return environments_for(prompt, schema)

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        from palaestra_worlds.minigrid.heist.heuristic import misread_environments

        return misread_environments(prompt, answer, mistakes, random)


PROVIDER = HeistProvider()
