"""Settings of a robot's world; the same names in YAML."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class RobotSettings(BaseModel):
    """Keyword settings of the worlds `Quadruped` and `Manipulator`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fidelity: Literal["simulation", "planning"] = Field(
        default="simulation",
        description="Which of the robot's models is stepped: the accurate one, or the cheap one that planners use.",
    )
    control_period: float = Field(
        default=0.02, ge=0.002, le=1.0, description="Seconds of one step, during which an action is held."
    )
    max_steps: int = Field(default=500, ge=1, le=1_000_000, description="Steps until truncation.")
    start_noise: float = Field(
        default=0.05, ge=0.0, le=1.0, description="Largest deviation of a joint from its first angle, radians."
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads to step with; null: one for each processor."
    )
    program: str | tuple[dict[str, Any], ...] | None = Field(
        default=None,
        description="A reward program that is the world's own task, what is learned and measured where no teacher says "
        "anything else: a list of calls, or text that looks like Python. Of several motions it is the last.",
    )
    success_reward: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Mean reward of the own task's last second that counts as success; null: what its task says.",
    )
    copy_observations: bool = Field(
        default=True,
        description="Return new arrays from each step; false: the same arrays, overwritten by the next step.",
    )
