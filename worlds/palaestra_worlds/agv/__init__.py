"""Automated guided vehicles on warehouse floors. The engine is loaded when the first world is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.agv.settings import AGVSettings
from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.agv.world import AGVWorld

_IDS = {
    "AGV": "a vehicle on a drawn warehouse floor",
    **dict.fromkeys(("AGV-Aisles", "AGV-Clutter", "AGV-Maze", "AGV-Rooms"), "a vehicle on generated warehouse floors"),
    "AGV-MuJoCo": "the same robot with mass and friction, to evaluate in (extra `robots`)",
}


class AGVProvider:
    """`AGV`, whose floor is drawn, and one id for each generator."""

    prefix = ""

    def entries(self) -> Sequence[WorldEntry]:
        return tuple(WorldEntry(id=id, summary=summary) for id, summary in _IDS.items())

    def settings(self) -> type[AGVSettings]:
        return AGVSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> AGVWorld:
        from palaestra_worlds.agv.world import AGVWorld

        checked = checked_settings(AGVSettings, id, settings)
        if id == "AGV-MuJoCo":
            try:
                from palaestra_worlds.agv.transfer import MuJoCoWorld
            except ModuleNotFoundError as error:
                raise ValueError(f"{id} needs MuJoCo: pip install 'palaestra[robots]'") from error
            return MuJoCoWorld(id, num_envs, checked)
        return AGVWorld(id, num_envs, checked)

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        from palaestra_worlds.agv import heuristic, oracle

        return heuristic.environments_for(prompt, schema) or oracle.waypoints_for(prompt, schema)

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        from palaestra_worlds.agv import heuristic, oracle

        found = heuristic.misread_environments(prompt, answer, mistakes, random)
        return oracle.misread_waypoints(prompt, answer, mistakes, random) if found is None else found


PROVIDER = AGVProvider()
