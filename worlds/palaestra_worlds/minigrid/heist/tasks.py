"""What a teacher may set in a Heist level."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from palaestra_worlds.base import Task

HeistColor = Literal["blue", "green", "red"]
COLORS: tuple[HeistColor, ...] = ("blue", "green", "red")
"""In the order in which the original's doors are met."""

SMALLEST, LARGEST = 5, 25


class HeistTask(Task):
    """A heist in a grid of rooms that lie side by side, a locked door from each to the next, a gem in the last one.

    The agent starts in the first room. It turns, walks, picks up a key that it faces, drops it, and unlocks a door that
    it faces while it carries the key of the door's colour; it carries one key at a time, so it has to drop the last one
    to take the next. It is paid only when it reaches the gem, the more the sooner.
    """

    size: int | None = Field(
        default=None,
        ge=SMALLEST,
        le=LARGEST,
        description="Width and height of the level in cells, walls included; at most the original's, and at least 3 "
        "plus 2 for each door. Small levels are explored sooner.",
    )
    doors: tuple[HeistColor, ...] | None = Field(
        default=None,
        max_length=len(COLORS),
        description="Colours of the locked doors between the agent and the gem, in the order in which they are met, "
        "each colour once; empty: the gem lies in the agent's own room.",
    )
    keys: tuple[HeistColor, ...] | None = Field(
        default=None,
        max_length=len(COLORS),
        description="Colours of the keys that lie in the level, each colour once. A key lies in the room before the "
        "door of its colour, or in the first room if there is no such door. Left out: one for each door.",
    )
    carrying: HeistColor | None = Field(
        default=None, description="Colour of a key that the agent carries from the start; null: none."
    )

    @model_validator(mode="after")
    def _each_color_once(self) -> Self:
        for name, colors in (("doors", self.doors), ("keys", self.keys)):
            if colors is not None and len(set(colors)) < len(colors):
                raise ValueError(f"{name} has the same colour twice")
        return self
