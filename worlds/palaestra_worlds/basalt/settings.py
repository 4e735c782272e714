"""Settings of the BASALT tasks."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class BasaltSettings(BaseModel):
    """Keyword settings of a BASALT task; the same names in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mobs: Literal["none", "passive", "all"] | None = Field(
        default=None, description="Who else lives there, as in an Overworld; null: animals where the task needs them."
    )
    lidar: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="Rays from the eyes, evenly over the sphere, that are observed: how far each goes, and what it "
        "meets; 0: none.",
    )
    max_steps: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Ticks of the game's clock (20 a second) until truncation; null: the competition's limit.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads to step with; null: as many as pay for this num_envs."
    )
    copy_observations: bool = Field(
        default=True,
        description="Return new arrays from each step; false: the same arrays, overwritten by the next step.",
    )
