"""MiniGrid, batched and exact. The engine is loaded when the first world is made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palaestra_worlds.base import Mistakes, WorldEntry, checked_settings
from palaestra_worlds.minigrid.settings import MiniGridSettings

if TYPE_CHECKING:
    import numpy as np

    from palaestra_worlds.minigrid.world import MiniGridWorld


@cache
def _entries() -> tuple[WorldEntry, ...]:
    import gymnasium

    import_module("minigrid")  # registers its ids

    from palaestra_worlds.minigrid import families

    found: list[WorldEntry] = []
    for id, spec in gymnasium.registry.items():
        if not id.startswith("MiniGrid-"):
            continue
        reference = str(spec.entry_point).rpartition(":")[2]
        native = families.is_native(reference)
        found.append(
            WorldEntry(
                id=id,
                summary=reference,
                levels="native" if native else "reference",
                missing="" if native else _missing_for_wave_function_collapse(),
                licences=("Apache-2.0 (rules and tiles: minigrid)",),
            )
        )
    return tuple(found)


def _missing_for_wave_function_collapse() -> str:
    """What the reference's WFC generator lacks here; the wheel of minigrid 3.2.0 comes without its pattern images."""
    if find_spec("imageio") is None:
        return "pip install imageio"
    package = find_spec("minigrid")
    assert package is not None
    assert package.origin is not None
    if any((Path(package.origin).parent / "envs" / "wfc" / "patterns").glob("*.png")):
        return ""
    return (
        "the pattern images (minigrid/envs/wfc/patterns/*.png) that the installed minigrid came without; "
        "its own WFC ids fail too"
    )


class MiniGridProvider:
    """Every `MiniGrid-*` id that the installed minigrid registers."""

    prefix = ""

    def entries(self) -> Sequence[WorldEntry]:
        return _entries()

    def settings(self) -> type[MiniGridSettings]:
        return MiniGridSettings

    def make(self, id: str, num_envs: int, **settings: Any) -> MiniGridWorld:
        from palaestra_worlds.minigrid.world import MiniGridWorld

        checked = checked_settings(MiniGridSettings, id, settings)
        missing = next((entry.missing for entry in _entries() if entry.id == id), "")
        if missing and not checked.reference:
            raise ValueError(f"{id} cannot be served here; what is missing: {missing}")
        return MiniGridWorld(id, num_envs, checked)

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        from palaestra_worlds.minigrid import oracle

        return oracle.oracle(prompt, schema)

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        from palaestra_worlds.minigrid import oracle

        return oracle.misread(prompt, answer, mistakes, random)


PROVIDER = MiniGridProvider()
