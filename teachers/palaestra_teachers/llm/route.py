"""A cheap model first, a stronger one when the reply is of no use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import (
    Completion,
    Judge,
    LanguageModel,
    LessonRefused,
    Message,
    Sampling,
    TeacherUnavailable,
)
from palaestra_teachers.llm.judging import JudgedWrapper, ask


class RouteConfig(BaseModel):
    """Asks models in their order until a reply is a usable lesson: a cheap one first, stronger ones after it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    backend: Literal["route"] = "route"
    models: tuple[dict[str, Any], ...] = Field(
        min_length=1, max_length=8, description="Language models, the one to ask first before the others."
    )


class RouteModel(JudgedWrapper):
    """Asks models in their order until one's reply is a usable lesson; one that gives no reply is passed over.

    When no reply is usable, the last one is the answer, to be objected to.

    Args:
        config: see `RouteConfig`.
        models: in the order in which they are asked.
    """

    Config = RouteConfig

    def __init__(self, config: RouteConfig, models: Sequence[LanguageModel]) -> None:
        self._models = tuple(models)
        self.name = f"route({', '.join(model.name for model in models)})"
        self.identity = f"route({', '.join(model.identity for model in models)})"

    async def complete_judged(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        """Raises TeacherUnavailable when no model gave a reply, with what the last one said."""
        refused: Completion | None = None
        silent: TeacherUnavailable | None = None
        for model in self._models:
            try:
                completion = await ask(model, messages, schema, settings, judge)
            except TeacherUnavailable as error:
                silent = error
                continue
            try:
                judge.read(completion)
            except LessonRefused:
                refused = completion
            else:
                return completion
        if refused is not None:
            return refused
        assert silent is not None
        raise silent
