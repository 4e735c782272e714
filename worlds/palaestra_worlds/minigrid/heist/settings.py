"""Settings of a Heist world."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from palaestra_worlds.minigrid.heist.tasks import COLORS, LARGEST, SMALLEST
from palaestra_worlds.minigrid.settings import MiniGridSettings


class HeistSettings(MiniGridSettings):
    """Keyword settings of a Heist world; the same names in YAML."""

    size: int = Field(default=11, ge=SMALLEST, le=LARGEST, description="Width and height of the original levels.")
    doors: int = Field(default=3, ge=0, le=len(COLORS), description="Locked doors of the original levels.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.size < 2 * self.doors + 3:
            raise ValueError(f"{self.doors} doors need a size of at least {2 * self.doors + 3}, not {self.size}")
        if self.subgoals is not None or self.reference:
            raise ValueError("Heist is no world of the reference and takes no subgoals; remove `subgoals`, `reference`")
        return self

    def keywords(self) -> dict[str, Any]:
        """Keywords for `HeistEnv`."""
        return {"size": self.size, "doors": self.doors, **super().reference_keywords()}

    def reference_keywords(self) -> dict[str, Any]:
        """What tells snapshots of one Heist world from those of another."""
        return self.keywords()
