"""One step of a plan, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from palaestra_worlds.overworld.ways import How

FaultKind = Literal["unknown", "impossible", "material", "tool", "station", "fuel"]
VERBS: dict[How, str] = {
    "mine": "mined",
    "hunt": "hunted for",
    "use": "got by use",
    "craft": "crafted",
    "smelt": "smelted",
}


@dataclass(frozen=True)
class Step:
    """To come by more of an item in one way.

    Attributes:
        how: what is done.
        object: the item to come by.
        count: how many more of it.
        material: items that are used up, fuel aside.
        fuel: of a furnace: items that are burnt.
        tool: the item in hand; "" for any.
        source: block or mob that it is done to; "" for none, or any.
    """

    how: How
    object: str
    count: int
    material: Mapping[str, int] = field(default_factory=dict)
    fuel: Mapping[str, int] = field(default_factory=dict)
    tool: str = ""
    source: str = ""

    def __str__(self) -> str:
        words = f"{self.how} {self.count} {self.object}"
        if self.material:
            words += f" from {amounts(self.material)}"
        if self.source:
            words += f" at {self.source}"
        if self.fuel:
            words += f" over {amounts(self.fuel)}"
        return words + (f" with {self.tool}" if self.tool else "")


class StepFault(ValueError):
    """A step that can't be carried out; the message says why.

    Attributes:
        step: which.
        kind: what is missing or wrong.
    """

    def __init__(self, step: Step, kind: FaultKind, why: str) -> None:
        super().__init__(f"cannot {step}: {why}")
        self.step = step
        self.kind: FaultKind = kind


def amounts(items: Mapping[str, int]) -> str:
    """E.g. "3 oak_planks, 2 stick"."""
    return ", ".join(f"{count} {item}" for item, count in items.items())
