"""Settings of a MiniGrid world, and what they come to for one id."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from palaestra_worlds.minigrid.tasks import SubgoalForm


class MiniGridSettings(BaseModel):
    """Keyword settings of a MiniGrid world; the same names in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    observation: Literal["partial", "full", "symbolic"] = Field(
        default="partial",
        description="The reference's view of the agent, its FullyObsWrapper, or its SymbolicObsWrapper.",
    )
    subgoals: SubgoalForm | None = Field(
        default=None, description="Form in which the current subgoal is shown in the observation; null: not shown."
    )
    subgoal_dropout: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Probability, drawn anew for each episode, that subgoals are not shown; they still pay.",
    )
    max_steps: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Steps until truncation; null: the id's."
    )
    agent_view_size: int | None = Field(default=None, ge=3, le=31, description="Odd side of the partial view in cells.")
    reference: dict[str, Any] = Field(
        default_factory=dict,
        description="Further constructor keywords of the reference's class, e.g. {size: 12} for DoorKey.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads to step with; null: as many as pay for this num_envs."
    )
    copy_observations: bool = Field(
        default=True,
        description="Return new arrays from each step; false: the same arrays, overwritten by the next step.",
    )

    @field_validator("agent_view_size")
    @classmethod
    def _odd(cls, size: int | None) -> int | None:
        if size is not None and size % 2 == 0:
            raise ValueError(f"is {size}; must be odd, so that the agent stands in the middle")
        return size

    def reference_keywords(self) -> dict[str, Any]:
        """Keywords for `gymnasium.make`."""
        given = {"max_steps": self.max_steps, "agent_view_size": self.agent_view_size}
        return {key: value for key, value in given.items() if value is not None} | self.reference
