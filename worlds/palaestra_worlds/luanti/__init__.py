"""Luanti (Minetest), the open voxel game, in its own server. Nothing is started before the first world begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings
from palaestra_worlds.luanti.server import missing
from palaestra_worlds.luanti.settings import LuantiSettings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.luanti.world import LuantiWorld

ID = "Luanti"
SUMMARY = "the voxel game Luanti (Minetest) in its own server; the player is an entity with physics, not a client's"


class LuantiProvider:
    """The one id `Luanti`."""

    prefix = ""

    def entries(self) -> Sequence[WorldEntry]:
        licences = ("LGPL-2.1 (Luanti and minetest_game, as installed)",)
        return (
            WorldEntry(
                id=ID,
                summary=SUMMARY,
                levels="reference",
                missing=missing(LuantiSettings()),
                licences=licences,
                is_live=True,
            ),
        )

    def settings(self) -> type[LuantiSettings]:
        return LuantiSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> LuantiWorld:
        from palaestra_worlds.luanti.world import LuantiWorld

        checked = checked_settings(LuantiSettings, id, settings)
        return LuantiWorld(id, num_envs, checked)

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        from palaestra_worlds.luanti.knowledge import ORACLE

        return ORACLE.answer(prompt, schema)

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        from palaestra_worlds.luanti.knowledge import ORACLE

        return ORACLE.misread(prompt, answer, mistakes, random)


PROVIDER = LuantiProvider()
