"""What a teacher may set in a MiniGrid world: the level, and an ordered list of subgoals in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from palaestra_worlds.base import Task

SubgoalForm = Literal["position", "object", "language"]
Color = Literal["red", "green", "blue", "purple", "yellow", "grey"]
ObjectType = Literal["door", "key", "ball", "box", "goal"]
ObjectState = Literal["open", "closed", "locked"]
Verb = Literal["go to", "pick up", "open"]

MAX_SUBGOALS = 16

VERBS: dict[Verb, tuple[ObjectType, ...]] = {
    "go to": ("door", "key", "ball", "box", "goal"),
    "pick up": ("key", "ball", "box"),
    "open": ("door", "box"),
}
COLORS: tuple[Color, ...] = ("red", "green", "blue", "purple", "yellow", "grey")

PHRASES: tuple[str, ...] = tuple(
    f"{verb} the {color} {kind}"
    for verb, kinds in VERBS.items()
    for kind in kinds
    for color in (("green",) if kind == "goal" else COLORS)
)
"""The fixed pool of instructions of language subgoals."""


class PositionSubgoal(BaseModel):
    """A cell to stand on, or whose content is to change (something picked up, opened, put down there)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    form: Literal["position"] = "position"
    x: int = Field(ge=0, le=255, description="Column of the cell, 0 at the left.")
    y: int = Field(ge=0, le=255, description="Row of the cell, 0 at the top.")


class ObjectSubgoal(BaseModel):
    """An object to reach or to act on: the one of this type and colour that is nearest to the agent at the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    form: Literal["object"] = "object"
    type: ObjectType = Field(description="What the object is.")
    color: Color = Field(description="Its colour.")
    state: ObjectState | None = Field(default=None, description="Only for doors: how it is at the start of the level.")


class LanguageSubgoal(BaseModel):
    """An instruction of the form `<verb> the <colour> <object>`, e.g. `pick up the red key`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    form: Literal["language"] = "language"
    instruction: str = Field(
        max_length=40,
        description="'go to', 'pick up' or 'open', then 'the', a colour, and door, key, ball, box or goal.",
        json_schema_extra={"enum": list(PHRASES)},
    )


Subgoal = Annotated[PositionSubgoal | ObjectSubgoal | LanguageSubgoal, Field(discriminator="form")]


class MiniGridTask(Task):
    """A level and the subgoals on the way through it, in order.

    A subgoal is reached when the agent stands on its cell or the cell's content changes during a step (Words as
    Beacons, arXiv 2410.08632); only the current one counts.
    """

    subgoals: tuple[Subgoal, ...] = Field(
        default=(), max_length=MAX_SUBGOALS, description="In the order to reach them."
    )
