"""Values of a key that are drawn."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from palaestra.spec.models import Section


class Range(Section):
    """Values of a key that are drawn."""

    low: float = Field(description="Least value.")
    high: float = Field(description="Greatest value.")
    log: bool = Field(default=False, description="Draw its logarithm uniformly instead of the value.")
    whole: bool = Field(default=False, description="Whole numbers only, both ends included.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("of a range with log, low must be above 0")
        return self

    def draw(self, random: np.random.Generator) -> int | float:
        """One value."""
        ends = (self.low, self.high + 1 if self.whole else self.high)
        value = math.exp(random.uniform(math.log(ends[0]), math.log(ends[1]))) if self.log else random.uniform(*ends)
        return min(math.floor(value), math.floor(self.high)) if self.whole else value

    def nearest(self, value: float) -> int | float:
        """The value of the range that lies nearest to another."""
        within = min(max(value, self.low), self.high)
        return min(max(round(within), math.ceil(self.low)), math.floor(self.high)) if self.whole else within
