"""Settings of the worlds that come from other libraries; the same names in YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class AdapterSettings(BaseModel):
    """Keyword settings of `gymnasium:<id>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_steps: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Steps until truncation; null: what the environment says."
    )
    success_return: float | None = Field(
        default=None,
        description="Return of an episode that counts as success; null: what the environment reports as success, else "
        "the threshold that it is registered with, else no episode succeeds.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Further arguments with which the library makes the environment."
    )
    copy_observations: bool = Field(
        default=True,
        description="Return new arrays from each step; false: the same arrays, overwritten by the next step.",
    )


class EnvpoolSettings(AdapterSettings):
    """Keyword settings of `envpool:<id>`."""

    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads to step with; null: one for each processor."
    )
