"""Settings of the reward teacher."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from palaestra_teachers.dialogue import DialogueConfig


class RewardConfig(DialogueConfig):
    """How an instruction becomes a reward program."""

    stages: Literal["two", "one", "primitives"] = Field(
        default="two",
        description="two: a motion descriptor writes the motion out in words, and a reward coder makes a program of "
        "them; one: the coder makes it of the instruction; primitives: one stage, and instead of rewards it calls "
        "motions that the robot comes with (as code as policies does).",
    )
    form: Literal["code", "calls"] = Field(
        default="code",
        description="code: the program is written as calls that look like Python, and are parsed, never executed; "
        "calls: as JSON that follows a schema.",
    )
    instruction: str = Field(
        default="Stand still.",
        min_length=1,
        max_length=1000,
        description="What is asked for where nobody says anything else.",
    )
    program: str | tuple[dict[str, Any], ...] | None = Field(
        default=None,
        description="A program by hand, whatever is asked for; no model is asked. A list of calls, e.g. "
        "[{call: set_feet_pos_parameters, foot: front_left, lift_height: 0.1}], or text that looks like Python.",
    )
    revisions: int = Field(
        default=0, ge=0, le=10, description="How often a program that failed is revised, told what was reached."
    )
    descriptor: str = Field(
        default="descriptor",
        min_length=1,
        description="Prompt of the motion descriptor: a name, or path of a jinja2 file with blocks 'system' and "
        "'user'.",
    )
    coder: str = Field(
        default="coder", min_length=1, description="Prompt of the reward coder after a descriptor, likewise."
    )
    direct: str = Field(default="direct", min_length=1, description="Prompt of a single stage, likewise.")

    @property
    def interface(self) -> str:
        """Which of a world's `programs` is written."""
        return "primitives" if self.stages == "primitives" else "rewards"

    @property
    def carried_out_by(self) -> str:
        """Who does what its lessons say, where that is nobody who learns in a run."""
        return "a planner: `palaestra motions` does that (to train PPO on a program, write it as `world.program`)"

    @property
    def asks_model(self) -> bool:
        """Whether a language model has a part in it."""
        return self.program is None

    def in_words(self) -> str:
        """What is taught, for reports."""
        if self.program is not None:
            return "a reward program by hand"
        return {
            "two": "reward programs, by a motion descriptor and a coder",
            "one": "reward programs, by a coder alone",
            "primitives": "motions of the robot's own, by a coder alone",
        }[self.stages]
