"""What the model is to reply, and the kind of lesson that comes of it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from palaestra_teachers.base import Lesson
from pydantic import BaseModel, ConfigDict, Field


class Label(BaseModel):
    """Whether what happened helps."""

    model_config = ConfigDict(extra="forbid")
    why: str = Field(default="", max_length=400, description="The reason, in at most one sentence.")
    helpful: bool = Field(description="Whether it helps to achieve the goal.")


class Preference(BaseModel):
    """Which of two things that happened helps more."""

    model_config = ConfigDict(extra="forbid")
    why: str = Field(default="", max_length=400, description="The reason, in at most one sentence.")
    better: Literal["first", "second", "neither"] = Field(description="Which of the two helps more.")


class Feedback(Lesson):
    """The model's feedback on one caption, or two; it has no tasks, and becomes reward."""

    kind: ClassVar[str] = "feedback"
    said: dict[str, Any]

    def tasks(self) -> tuple[()]:
        return ()

    def content(self) -> dict[str, Any]:
        return self.said
