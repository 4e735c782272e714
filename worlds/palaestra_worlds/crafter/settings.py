"""Settings of a Crafter world."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CrafterSettings(BaseModel):
    """Keyword settings of a Crafter world; the same names in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    observation: Literal["image", "symbolic", "both"] = Field(
        default="image",
        description="image: the reference's picture; symbolic: a map of the cells around the player and a vector of "
        "how it is, which never pays for pictures.",
    )
    cells: Literal["one_hot", "indices"] = Field(
        default="one_hot",
        description="How the symbolic map says what is where: a channel for each thing, or one number for the "
        "material and one for what stands there.",
    )
    unlocked: bool = Field(
        default=False,
        description="Symbols also say which achievements were unlocked in this episode (`unlocked`). Pictures do not, "
        "but an agent could remember it: each pays only the first time.",
    )
    semantic: bool = Field(
        default=False, description='Give the whole world as `infos["semantic"]`, numbered as by the reference.'
    )
    max_steps: int = Field(default=10_000, ge=1, le=100_000, description="Steps until truncation.")
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads to step with; null: as many as pay for this num_envs."
    )
    copy_observations: bool = Field(
        default=True,
        description="Return new arrays from each step; false: the same arrays, overwritten by the next step.",
    )
