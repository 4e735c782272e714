"""What a run is, in types: the models behind the YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from palaestra_teachers.base import Onlooking, Schedule
from palaestra_teachers.llm.prices import Price
from palaestra_worlds.registry import nearest
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator

from palaestra.spec.errors import SpecError

FIRST_HELD_OUT_LEVEL = 1_000_000
"""Levels from here on are for evaluations (evaluation.py), so none to train on may reach it."""

ARM_SECTIONS = ("world", "agent", "teacher", "levels", "budget", "evaluation", "checkpoint")
"""What an arm is made of, in the order of the YAML."""

MAX_SEEDS = 1000


class Section(BaseModel):
    """Immutable, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WorldSpec(Section):
    """The world that an arm learns in."""

    id: str = Field(description="What `palaestra list worlds` shows.")
    num_envs: int = Field(default=64, ge=1, le=65_536, description="Environments that step together while learning.")
    settings: dict[str, Any] = Field(default_factory=dict, description="The world's own settings.")

    def identity(self) -> dict[str, Any]:
        """What levels, and so lessons, depend on."""
        return {"id": self.id, "settings": self.settings}


class AgentSpec(Section):
    """Who learns."""

    kind: str = Field(default="ppo", description="What `palaestra list agents` shows.")
    config: SerializeAsAny[BaseModel]


class TeacherSection(Section):
    """What every teacher has besides its kind and that kind's settings."""

    levels: int | None = Field(
        default=None,
        ge=1,
        le=FIRST_HELD_OUT_LEVEL,
        description="Training levels, seeds 0 to levels - 1, each asked about once; null: the arm's levels, or 1000.",
    )
    mode: Literal["ahead", "live"] = Field(
        default="ahead",
        description="ahead: all levels before training; live: while training goes on. A teacher with a schedule of its "
        "own (environments), or one that looks on, keeps to that.",
    )
    wait: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        description="Seconds that training waits at most for lessons that are asked ahead; those that come later are "
        "learned from once they are there; null: until all are there. A live teacher is never waited for.",
    )
    concurrency: int = Field(default=8, ge=1, le=256, description="Levels asked about at a time.")
    cache: Path | None = Field(default=None, description="Folder in which answers are kept for other runs too.")
    prices: dict[str, Price] = Field(
        default_factory=dict,
        description="US dollars for a million tokens by model, whose name may have * in it; or a YAML file of these, "
        "relative to the spec's folder.",
    )
    model: dict[str, Any] = Field(
        default_factory=lambda: {"backend": "scripted"}, description="Language model: backend and its settings."
    )


class TeacherSpec(TeacherSection):
    """Who teaches."""

    kind: str = Field(description="What `palaestra list teachers` shows.")
    config: SerializeAsAny[BaseModel]

    @property
    def schedule(self) -> Schedule | None:
        """When it is asked in each trial, in turns with training; None: about levels, as `mode` says."""
        return getattr(self.config, "schedule", lambda: None)()

    @property
    def onlooking(self) -> Onlooking | None:
        """How it looks on in each trial, and is asked meanwhile; None: it does not."""
        return getattr(self.config, "onlooking", lambda: None)()

    @property
    def in_trial(self) -> bool:
        """Whether each trial asks it for itself, about how that goes, and not about levels."""
        return self.schedule is not None or self.onlooking is not None

    @property
    def late(self) -> bool:
        """Whether lessons may come in while a trial learns, by the clock."""
        if self.onlooking is not None:
            return self.onlooking.lag is None
        return self.schedule is None and (self.mode == "live" or self.wait is not None)

    @property
    def asks_model(self) -> bool:
        """Whether a language model, or what stands in for one, has a part in its lessons."""
        return getattr(self.config, "asks_model", True)

    def identity(self) -> dict[str, Any]:
        """What lessons depend on."""
        return {
            "kind": self.kind,
            "mode": self.mode,
            "model": self.model,
            "config": self.config.model_dump(mode="json"),
        }


class BudgetSpec(Section):
    """When a trial ends."""

    steps: int = Field(ge=1, le=10**12, description="Environment steps of each trial.")
    teacher_calls: int | None = Field(
        default=None, ge=0, le=10**9, description="Calls of the language model over the whole run; null: any number."
    )
    teacher_tokens: int | None = Field(
        default=None, ge=0, le=10**15, description="Tokens of its prompts and replies; null: any number."
    )
    teacher_cost: float | None = Field(
        default=None, ge=0, le=1e9, description="US dollars for its calls, whose price must be known; null: any amount."
    )
    teacher_seconds: float | None = Field(
        default=None, ge=0, le=1e10, description="Seconds of its calls, summed; null: any number."
    )
    until_success: float | None = Field(
        default=None, gt=0, le=1, description="Stop earlier once evaluations without lessons succeed this often."
    )
    held: int = Field(default=2, ge=1, le=1000, description="Evaluations in a row that must reach until_success.")

    def identity(self) -> dict[str, Any]:
        """What an arm's results depend on; limits that are not set are left out, so that older runs can be resumed."""
        content = self.model_dump(mode="json")
        unset = [key for key in ("teacher_tokens", "teacher_cost", "teacher_seconds") if content[key] is None]
        return {key: value for key, value in content.items() if key not in unset}


class EvaluationSpec(Section):
    """How the agent is measured: on levels that it never trains on, without lessons."""

    every: int = Field(default=100_000, ge=1, le=10**12, description="Steps between evaluations.")
    episodes: int = Field(default=256, ge=1, le=100_000, description="Levels, one episode each.")
    greedy: bool = Field(default=False, description="Take the most likely action instead of drawing one.")


class CheckpointSpec(Section):
    """How often a trial is saved."""

    seconds: float = Field(default=60.0, ge=0, le=86_400, description="Seconds between checkpoints.")
    iterations: int | None = Field(
        default=None, ge=1, le=10**9, description="Save after every so many iterations instead, whatever the time."
    )


class ArmSpec(Section):
    """One of the variants that a run compares."""

    name: str
    description: str = ""
    world: WorldSpec
    agent: AgentSpec
    teacher: TeacherSpec | None = None
    levels: int | None = None
    """Training levels (seeds 0 to levels - 1); None: the world's own endless ones."""
    budget: BudgetSpec
    evaluation: EvaluationSpec = EvaluationSpec()
    checkpoint: CheckpointSpec = CheckpointSpec()

    def identity(self) -> dict[str, Any]:
        """What the arm's results depend on, JSON-able."""
        return {
            "world": {**self.world.identity(), "num_envs": self.world.num_envs},
            "agent": {"kind": self.agent.kind, "config": self.agent.config.model_dump(mode="json")},
            "teacher": self.teacher.identity() if self.teacher else None,
            "levels": self.levels,
            "budget": self.budget.identity(),
            "evaluation": self.evaluation.model_dump(mode="json"),
        }


class TopLevel(Section):
    """What stands in a spec besides the arms' sections."""

    name: str = Field(default="", max_length=100, description="Of the run and its folder; missing: the file's.")
    description: str = Field(default="", max_length=10_000, description="What the run is to find out.")
    seeds: int | tuple[int, ...] = Field(
        default=1, description="How many trials each arm has (seeds 0 to n - 1), or a list of seeds."
    )
    threads: int = Field(
        default=1, ge=1, le=256, description="Threads of each trial; results depend on it, so it is part of the spec."
    )

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds_in_bounds(cls, seeds: Any) -> Any:
        many = list(seeds) if isinstance(seeds, (list, tuple)) else None
        if many is None and not _whole(seeds, 1, MAX_SEEDS):
            raise ValueError(f"must be how many seeds (from 1 to {MAX_SEEDS:,}), or a list of them")
        if many is None:
            return seeds
        if not 1 <= len(many) <= MAX_SEEDS:
            raise ValueError(f"must have from 1 to {MAX_SEEDS:,} entries")
        if not all(_whole(seed, 0, 2**31 - 1) for seed in many):
            raise ValueError(f"every seed must be a whole number from 0 to {2**31 - 1:,}")
        if len(set(many)) < len(many):
            raise ValueError("has the same seed twice")
        return tuple(many)

    def seed_list(self) -> tuple[int, ...]:
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


class RunSpec(Section):
    """A run: arms, each trained once per seed."""

    name: str
    description: str = ""
    arms: dict[str, ArmSpec]
    seeds: tuple[int, ...]
    threads: int = 1

    @property
    def arm_names(self) -> list[str]:
        return list(self.arms)

    @property
    def seed_list(self) -> list[int]:
        return list(self.seeds)

    def arm(self, name: str) -> ArmSpec:
        """An arm by name.

        Raises:
            SpecError: there is none of this name.
        """
        if name not in self.arms:
            hint = nearest(name, self.arms) or "."
            raise SpecError(f"run '{self.name}' has no arm '{name}'{hint} It has: {', '.join(self.arms)}.")
        return self.arms[name]

    def to_yaml(self) -> str:
        """The spec with every default written out; `from_yaml` gives an equal one."""
        from palaestra.spec.dump import to_yaml

        return to_yaml(self)

    @classmethod
    def from_yaml(cls, text: str, name: str) -> RunSpec:
        """A spec from YAML text.

        Args:
            text: what `to_yaml` gave, or what a user wrote.
            name: of the file that it stands in; `extends` is relative to it.

        Raises:
            SpecError: something is wrong with it.
        """
        from palaestra.spec.read import spec_from_text

        return spec_from_text(text, name)
