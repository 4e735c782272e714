"""Settings of the environment teacher."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from palaestra_teachers.base import Sampling, Schedule, Stage


class EnvironmentConfig(BaseModel):
    """Where environments come from, and for how long agents train in them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    changeable: ClassVar[frozenset[str]] = frozenset({"environments", "steps_in_environments", "steps_in_original"})

    source: Literal["model", "fixed", "random", "by_hand", "progress"] = Field(
        default="model",
        description="model: a language model writes them, told how the agent does; fixed: it writes them once, and "
        "they stay; random: drawn within their bounds; by_hand: the list `by_hand`; progress: random ones, drawn "
        "the more often the more the agent's return in them changes. The last three ask no model.",
    )
    environments: int = Field(default=4, ge=1, le=64, description="Environments of a cycle, at most.")
    cycles: int = Field(default=4, ge=1, le=1000, description="How often new environments are asked for.")
    steps_in_environments: int = Field(
        ge=1, le=10**12, description="Environment steps of a cycle in the environments, all of them alike."
    )
    steps_in_original: int = Field(
        ge=1, le=10**12, description="Environment steps of a cycle in the original, after those in the environments."
    )
    out_of_bounds: Literal["refuse", "clamp"] = Field(
        default="refuse",
        description="A number out of its bounds: refuse the reply and say why, or take the nearest bound. Counted.",
    )
    by_hand: tuple[tuple[dict[str, Any], ...], ...] = Field(
        default=(),
        max_length=1000,
        description="Environments of each stage of a curriculum by hand, from easy to hard.",
    )
    pool: int = Field(default=64, ge=1, le=10_000, description="Of source progress: environments to choose from.")
    updates: int = Field(
        default=10, ge=1, le=1000, description="Of source progress: how often in a cycle they are weighed anew."
    )
    retries: int = Field(
        default=2, ge=0, le=10, description="How often an unusable reply is answered with what is wrong with it."
    )
    sampling: Sampling = Field(
        default_factory=lambda: Sampling(max_tokens=4096),
        description="How the model's replies are sampled; without a seed, with that of the trial.",
    )
    prompt: str = Field(
        default="environments",
        min_length=1,
        description="Name of a prompt of Palaestra's, or path of a jinja2 file with the blocks 'system' and 'user'.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.source == "by_hand") != bool(self.by_hand):
            raise ValueError("`by_hand` and `source: by_hand` belong together: give both or neither")
        if any(not stage for stage in self.by_hand):
            raise ValueError("each stage of `by_hand` needs at least one environment, e.g. [{size: 5}]")
        if self.source == "progress" and min(self.steps_in_environments, self.steps_in_original) < self.updates:
            raise ValueError("a cycle has fewer steps than `updates`; make that smaller")
        return self

    @property
    def sets_tasks(self) -> bool:
        """Whether its lessons set more of a world's tasks than the level."""
        return True

    @property
    def asks_model(self) -> bool:
        """Whether a language model has a part in it."""
        return self.source in ("model", "fixed")

    def schedule(self) -> Schedule:
        """When environments are asked for, and for how long each are trained in."""
        parts = self.updates if self.source == "progress" else 1
        return Schedule(
            turns=self.cycles * parts,
            stages=(
                Stage(name="lesson", steps=self.steps_in_environments // parts),
                Stage(name="original", steps=self.steps_in_original // parts),
            ),
            measured=self.source != "progress",
        )

    def in_words(self) -> str:
        """What is taught, for reports."""
        return {
            "model": f"environments, {self.cycles} x {self.environments}, written with feedback",
            "fixed": f"environments, {self.environments} written once",
            "random": f"environments, {self.cycles} x {self.environments}, drawn at random",
            "by_hand": f"environments, {len(self.by_hand)} stages by hand",
            "progress": f"environments, {self.pool} drawn at random, chosen by learning progress",
        }[self.source]
