"""What a teacher may set in an AGV world: waypoints in a level, or what the floor is like."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from palaestra_worlds.agv.lessons import MAX_SUBGOALS
from palaestra_worlds.base import Task

SMALLEST, LARGEST = 8, 48


class Waypoint(BaseModel):
    """A place on the floor to drive to."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    form: Literal["position"] = "position"
    x: float = Field(ge=0, le=1000, description="Metres from the left edge of the floor.")
    y: float = Field(ge=0, le=1000, description="Metres from the upper edge of the floor.")


class AGVTask(Task):
    """A warehouse floor that a vehicle crosses from a start to a goal without touching anything.

    A subgoal is reached when the vehicle's middle comes within half a metre of it (or what the world's settings say);
    only the current one counts.
    """

    subgoals: tuple[Waypoint, ...] = Field(
        default=(), max_length=MAX_SUBGOALS, description="Waypoints, in the order to reach them."
    )
    layout: Literal["original", "aisles", "rooms", "maze", "clutter"] | None = Field(
        default=None,
        description="original: as the world's own; aisles: rows of racks; rooms: walls with doorways; maze: narrow "
        "corridors; clutter: pallets here and there.",
    )
    columns: int | None = Field(
        default=None,
        ge=SMALLEST,
        le=LARGEST,
        description="Width of a generated floor in cells, walls included; at most the original's.",
    )
    rows: int | None = Field(
        default=None,
        ge=SMALLEST,
        le=LARGEST,
        description="Height of a generated floor in cells, walls included; at most the original's.",
    )
    density: float | None = Field(
        default=None, ge=0, le=1, description="How full a generated floor is: 0 nearly empty, 1 as full as can be."
    )
    moving: int | None = Field(default=None, ge=0, le=16, description="People and vehicles that move on routes.")
    near: float | None = Field(
        default=None, ge=0.5, le=200, description="Longest way from the start to the goal in metres."
    )

    @property
    def sets_level(self) -> bool:
        """Whether it says what the floor is like."""
        return any(
            getattr(self, name) is not None for name in ("layout", "columns", "rows", "density", "moving", "near")
        )
