"""MiniGrid, batched and exact. The engine is loaded when the first world is made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from palaestra_worlds.base import WorldEntry
from palaestra_worlds.minigrid.settings import MiniGridSettings

if TYPE_CHECKING:
    from palaestra_worlds.minigrid.world import MiniGridWorld


class MiniGridProvider:
    """Every `MiniGrid-*` id that the installed minigrid registers."""

    prefix = ""

    @cache  # noqa: B019: one provider lives as long as the process
    def entries(self) -> Sequence[WorldEntry]:
        import gymnasium
        import minigrid  # noqa: F401: registers its ids

        from palaestra_worlds.minigrid import families

        found = []
        for id, spec in gymnasium.registry.items():
            if not id.startswith("MiniGrid-"):
                continue
            reference = str(spec.entry_point).rpartition(":")[2]
            native = families.is_native(reference)
            missing = "" if native or not id.startswith("MiniGrid-WFC-") or find_spec("imageio") else "imageio"
            found.append(
                WorldEntry(
                    id=id,
                    summary=reference,
                    levels="native" if native else "reference",
                    missing=f"pip install {missing}" if missing else "",
                    licences=("Apache-2.0 (rules and tiles: minigrid)",),
                )
            )
        return tuple(found)

    def settings(self) -> type[MiniGridSettings]:
        return MiniGridSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> MiniGridWorld:
        from palaestra_worlds.minigrid.world import MiniGridWorld

        try:
            checked = MiniGridSettings(**settings)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"setting {'.'.join(map(str, first['loc']))} of {id}: {first['msg']}") from error
        return MiniGridWorld(id, num_envs, checked)


PROVIDER = MiniGridProvider()
