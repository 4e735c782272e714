"""Settings of the teacher: what a user writes under `teacher:` with `kind: preferences`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from palaestra_teachers.base import Frozen, Onlooking


class PreferencesConfig(Frozen):
    """A reward model, learned from which of two episodes does a task better."""

    asks_model: ClassVar[bool] = False
    comparisons: Path | None = Field(
        default=None,
        description="File that `palaestra judge --keep` wrote: episodes, and who prefers which. null: pays nothing.",
    )
    members: int = Field(default=4, ge=1, le=64, description="Networks, each learned on its own.")
    aggregation: Literal["minimum", "uncertainty", "mean"] = Field(
        default="minimum",
        description="What their rewards come to, against over-optimisation (arXiv 2310.02743): the least of them, so "
        "that an error of one is not worth exploiting; their mean less `penalty` times their variance; or their mean.",
    )
    penalty: float = Field(default=0.5, ge=0, le=100, description="Weight of the variance.")
    hidden: int = Field(default=64, ge=1, le=4096, description="Width of each network's two layers.")
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    weight_decay: float = Field(default=1e-4, ge=0, le=1)
    passes: int = Field(default=20, ge=1, le=10_000, description="Through the comparisons.")
    minibatch_size: int = Field(default=16, ge=1, le=4096, description="Comparisons per gradient step.")
    moments: int = Field(
        default=64, ge=2, le=100_000, description="Of each episode that are looked at, evenly, the last among them."
    )
    kept_out: float = Field(
        default=0.1, ge=0, lt=1, description="Share of the comparisons that are measured and not learned from."
    )

    def onlooking(self) -> Onlooking:
        return Onlooking()

    def in_words(self) -> str:
        """What it pays, for reports."""
        return f"reward learned from comparisons of episodes ({self.aggregation} of {self.members} networks)"
