"""Settings of the planners."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from palaestra_teachers.dialogue import DialogueConfig


class KnowledgeConfig(BaseModel):
    """What a planner is told about items, in words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: int = Field(
        default=1200, ge=0, le=100_000, description="Of each prompt, at most, at four characters each; 0: no knowledge."
    )
    folder: Path | None = Field(
        default=None,
        description="Markdown files of your own: sections whose heading names an item are told with it, and first.",
    )


class PlannerConfig(DialogueConfig):
    """What both planners have."""

    goal: str = Field(
        default="diamond",
        min_length=1,
        max_length=60,
        pattern=r"^[a-z0-9_]+$",
        description="What is planned for where nobody asks for anything else.",
    )
    knowledge: KnowledgeConfig = KnowledgeConfig()
    check: bool = Field(
        default=False,
        description="Verify a plan of steps, or a decomposition, against the world's recipes before it runs; the model "
        "is told the fault found. Off in the papers.",
    )
    same: int = Field(
        default=5, ge=1, le=1000, description="How often the same plan may fail at the same step before it is a loop."
    )

    @property
    def carried_out_by(self) -> str:
        """Who does what its lessons say, where that is nobody who learns in a run."""
        return "controllers: `palaestra plan` has them play"

    @property
    def asks_model(self) -> bool:
        """Whether a language model has a part in it."""
        return True


class DepsConfig(PlannerConfig):
    """DEPS (arXiv 2302.01560): describe, explain, plan, select."""

    replan: bool = Field(default=True, description="Plan again after a failure; false: once.")
    explain: bool = Field(
        default=True,
        description="Have the model explain a failure before it plans again; false: it is told what happened and no "
        "more (Inner Monologue).",
    )
    thoughts: bool = Field(default=False, description="Have the model think step by step before it lists goals.")
    select: Literal["nearest", "trained", "in_order"] = Field(
        default="nearest",
        description="Of goals that could be done now: the one whose object is nearest, the one that a trained "
        "predictor says is done soonest (the paper's way; see weights), or the first.",
    )
    weights: Path | None = Field(
        default=None,
        description="Of the trained predictor: a file that `palaestra selector` wrote; relative to the working "
        "directory.",
    )
    queries: int = Field(default=60, ge=1, le=10_000, description="Plans for one task at most, the first included.")
    rounds: int = Field(default=3, ge=1, le=20, description="Earlier plans that a prompt tells of, at most.")
    planner: str = Field(
        default="goals",
        min_length=1,
        description="Prompt of the planner: a name, or path of a jinja2 file with blocks 'system' and 'user'.",
    )
    explainer: str = Field(default="explanation", min_length=1, description="Prompt of the explainer, likewise.")

    @model_validator(mode="after")
    def _has_weights(self) -> Self:
        if self.select == "trained" and self.weights is None:
            raise ValueError("select: trained needs `weights`, a file that `palaestra selector` wrote")
        return self

    def in_words(self) -> str:
        """What is planned, for reports."""
        if not self.replan:
            return "plan once" + (", thinking first" if self.thoughts else "")
        return "describe, explain, plan, select" if self.explain else "replan without explanation"


class GhostConfig(PlannerConfig):
    """Ghost in the Minecraft (arXiv 2305.17144): decompose, plan structured actions, remember what worked."""

    decompose: bool = Field(
        default=True, description="Break a goal down into sub-goals by the recipes first; false: plan for it at once."
    )
    feedback: bool = Field(
        default=True, description="Tell the planner what became of its last actions; false: only what is at hand."
    )
    memory: bool = Field(default=True, description="Show it what worked for the same sub-goal before.")
    memory_file: Path | None = Field(
        default=None, description="Where that is kept; null: in the folder of the study, or nowhere without one."
    )
    queries: int = Field(default=30, ge=1, le=1000, description="Questions about one sub-goal, at most.")
    depth: int = Field(default=12, ge=1, le=64, description="Of the tree of sub-goals, at most.")
    decomposer: str = Field(default="subgoal", min_length=1, description="Prompt of the decomposer, likewise.")
    planner: str = Field(
        default="actions",
        min_length=1,
        description="Prompt of the planner: a name, or path of a jinja2 file with blocks 'system' and 'user'.",
    )
    summariser: str = Field(
        default="summary", min_length=1, description="Prompt that sums up what worked; see planner."
    )

    def in_words(self) -> str:
        """What is planned, for reports."""
        parts = {"decomposition": self.decompose, "feedback": self.feedback, "memory": self.memory}
        parts["knowledge"] = self.knowledge.tokens > 0
        lacking = [name for name, there in parts.items() if not there]
        return "structured actions" + (f", without {' and '.join(lacking)}" if lacking else "")
