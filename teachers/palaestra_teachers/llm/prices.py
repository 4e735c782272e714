"""What language models charge: prices by name, as a provider's list has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import Completion, LanguageModel, Message, Sampling


class Price(BaseModel):
    """US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    input: float = Field(ge=0, le=1e6, description="Of the prompt.")
    output: float = Field(ge=0, le=1e6, description="Of the reply.")

    def of(self, tokens_in: int | None, tokens_out: int | None) -> float | None:
        """US dollars; None when it is not known how many tokens it took."""
        if tokens_in is None or tokens_out is None:
            return None
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


def price_of(prices: Mapping[str, Price], model: str) -> Price | None:
    """The entry for a model: its own, else that of the longest pattern (`*`, `?`) that fits; None: there is none."""
    if model in prices:
        return prices[model]
    fitting = [pattern for pattern in prices if fnmatchcase(model, pattern)]
    return prices[max(fitting, key=len)] if fitting else None


class PricedModel:
    """Another model, whose replies have the price that a table says, unless the model knows it.

    Args:
        inner: the model.
        prices: by name of the model, or pattern of names.
    """

    def __init__(self, inner: LanguageModel, prices: Mapping[str, Price]) -> None:
        self.Config = inner.Config
        self.name = inner.name
        self.identity = inner.identity
        self._inner = inner
        self._prices = prices

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """The inner model's reply; see `LanguageModel`."""
        completion = await self._inner.complete(messages, schema, settings)
        price = price_of(self._prices, completion.model)
        if completion.price is not None or price is None:
            return completion
        return completion.model_copy(update={"price": price.of(completion.tokens_in, completion.tokens_out)})
