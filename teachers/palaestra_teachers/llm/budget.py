"""Limits on what a language model may cost: calls, tokens, money and time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import Completion, LanguageModel, Message, Sampling, TeacherUnavailable


class Limits(BaseModel):
    """What may be spent; null: any amount. Calls under way when a limit is reached are finished, and counted."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    calls: int | None = Field(default=None, ge=0, le=10**9, description="Calls.")
    tokens: int | None = Field(default=None, ge=0, le=10**15, description="Tokens of prompts and replies together.")
    cost: float | None = Field(default=None, ge=0, le=1e9, description="US dollars; needs every call's price.")
    seconds: float | None = Field(default=None, ge=0, le=1e10, description="Seconds of calls, summed.")


class BudgetConfig(Limits):
    """Wraps another model, which is called until a limit is reached; from then on there is no reply."""

    backend: Literal["budget"] = "budget"
    inner: dict[str, Any] = Field(description="The model that is limited.")


@dataclass(frozen=True)
class Spent:
    """What calls have cost so far.

    Attributes:
        calls: begun.
        tokens: in and out, of calls that told.
        cost: US dollars, of calls whose price is known.
        seconds: of calls, whether or not they got a reply.
        uncounted: replies of which it is not known how many tokens they took.
        unpriced: replies of which the price is not known.
    """

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    uncounted: int = 0
    unpriced: int = 0

    def exhausts(self, limits: Limits) -> str:
        """Why no further call may be made, as a sentence; "": one may.

        A limit that cannot be kept, because it is not known what calls cost, allows no further call.
        """
        if limits.calls is not None and self.calls >= limits.calls:
            return f"the budget of {limits.calls:,} calls of the language model is spent"
        if limits.tokens is not None:
            if self.uncounted:
                return f"a budget of {limits.tokens:,} tokens cannot be kept: the model does not say how many it takes"
            if self.tokens >= limits.tokens:
                return f"the budget of {limits.tokens:,} tokens is spent ({self.tokens:,} so far)"
        if limits.cost is not None:
            if self.unpriced:
                return (
                    f"a budget of ${limits.cost:,g} cannot be kept: the price of {self.unpriced:,} "
                    f"call{'s' if self.unpriced > 1 else ''} is unknown; give the model's price (teacher.prices), or "
                    "limit calls instead"
                )
            if self.cost >= limits.cost:
                return f"the budget of ${limits.cost:,g} is spent (${self.cost:,.4f} so far)"
        if limits.seconds is not None and self.seconds >= limits.seconds:
            return f"the budget of {limits.seconds:,.0f} seconds of calls is spent ({self.seconds:,.0f} so far)"
        return ""

    def with_reply(self, completion: Completion, seconds: float) -> Spent:
        """After a call that got a reply; it was counted when it began."""
        told = completion.tokens_in is not None and completion.tokens_out is not None
        return replace(
            self,
            tokens=self.tokens + (completion.tokens_in or 0) + (completion.tokens_out or 0),
            cost=self.cost + (completion.price or 0.0),
            seconds=self.seconds + seconds,
            uncounted=self.uncounted + (not told),
            unpriced=self.unpriced + (completion.price is None),
        )


class Meter(Protocol):
    """Where it is counted what calls cost; several models, and processes, may share one."""

    def begin(self, limits: Limits) -> str:
        """Counts a call that is about to be made, unless that would exceed a limit: then says which."""
        ...

    def end(self, completion: Completion | None, seconds: float) -> None:
        """Counts what a call cost; None: it got no reply."""
        ...


class MemoryMeter:
    """Counts in memory, for one process."""

    def __init__(self) -> None:
        self.spent = Spent()

    def begin(self, limits: Limits) -> str:
        reason = self.spent.exhausts(limits)
        if not reason:
            self.spent = replace(self.spent, calls=self.spent.calls + 1)
        return reason

    def end(self, completion: Completion | None, seconds: float) -> None:
        if completion is None:
            self.spent = replace(self.spent, seconds=self.spent.seconds + seconds)
        else:
            self.spent = self.spent.with_reply(completion, seconds)


class BudgetModel:
    """Another model, which is called until a limit is reached; from then on it is unavailable, of the kind "budget".

    `build_model` puts one around every model inside that makes calls of its own, all with the same meter: of a vote of
    three, three calls are counted.

    Args:
        config: see `BudgetConfig`.
        inner: the model.
        meter: counts; None: in memory.
    """

    Config = BudgetConfig

    def __init__(self, config: Limits, inner: LanguageModel, meter: Meter | None = None) -> None:
        if meter is not None:
            # Put around a model unseen.
            self.Config = inner.Config
        self.name = inner.name
        self.identity = inner.identity
        self._limits = config
        self._inner = inner
        self._meter = meter or MemoryMeter()

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """Raises TeacherUnavailable of the kind "budget", before any call is made, when a limit is reached."""
        if reason := self._meter.begin(self._limits):
            raise TeacherUnavailable("budget", reason)
        began, completion = time.perf_counter(), None
        try:
            completion = await self._inner.complete(messages, schema, settings)
            return completion
        finally:
            self._meter.end(completion, time.perf_counter() - began)
