"""Settings of the subgoal teacher."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import Sampling


class SubgoalConfig(BaseModel):
    """How subgoals are asked for, and how they are shown to the agent."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    changeable: ClassVar[frozenset[str]] = frozenset({"shown"})

    form: Literal["position", "object", "language"] = Field(
        default="position", description="What a subgoal is: a cell, an object, or an instruction in words."
    )
    shown: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Share of training episodes in which the policy sees the current subgoal; 0: subgoals pay, but "
        "are never an input.",
    )
    retries: int = Field(
        default=2, ge=0, le=10, description="How often an unusable reply is answered with what is wrong with it."
    )
    sampling: Sampling = Field(default_factory=Sampling, description="How the model's replies are sampled.")
    prompt: str = Field(
        default="subgoals",
        min_length=1,
        description="Name of a prompt of Palaestra's, or path of a jinja2 file with the blocks 'system' and 'user'.",
    )
    encoder: Literal["hashed", "sentence"] = Field(
        default="hashed",
        description="What turns instructions into vectors: hashed words, or a sentence encoder (palaestra[language]).",
    )

    def world_settings(self) -> dict[str, Any]:
        """What these lessons need the world's settings to be."""
        return {} if self.shown == 0 else {"subgoals": self.form, "subgoal_dropout": 1.0 - self.shown}
