"""Settings of an AGV world: floor, vehicle, sensors, reward; the same names in YAML. Metres, seconds, degrees."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

GENERATORS = ("aisles", "rooms", "maze", "clutter")
MOST_CELLS = 128
"""Columns or rows of a floor."""

HALL = """
########################
#......................#
#.SS...................#
#.SS......RRRR.........#
#.........RRRR.........#
#......................#
#....RR..........RR....#
#....RR..........RR....#
#....RR..........RR....#
#......................#
#.........RRRR.........#
#.........RRRR.....GG..#
#..................GG..#
#......................#
########################
"""
"""The layout of the id AGV."""

Length = Annotated[float, Field(ge=0.0, le=1000.0)]
Rectangle = Annotated[
    tuple[Length, Length, Length, Length], Field(description="x and y of the upper left corner, width, height.")
]
Point = Annotated[tuple[Length, Length], Field(description="x and y.")]


class Section(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rectangles(Section):
    """A layout by rectangles in metres, each of them whole cells."""

    size: tuple[Length, Length] = Field(description="Width and height of the floor; walls stand around it.")
    racks: tuple[Rectangle, ...] = Field(default=(), max_length=1000)
    walls: tuple[Rectangle, ...] = Field(default=(), max_length=1000)
    starts: tuple[Rectangle, ...] = Field(default=(), max_length=100, description="None: anywhere on free floor.")
    goals: tuple[Rectangle, ...] = Field(default=(), max_length=100, description="None: anywhere on free floor.")


class Obstacle(Section):
    """Something that moves on a route: a person, or another vehicle."""

    route: tuple[Point, ...] = Field(min_length=1, max_length=8, description="Points that it goes through, straight.")
    speed: float = Field(default=0.8, ge=0.0, le=10.0, description="m/s.")
    radius: float = Field(default=0.25, ge=0.05, le=5.0)
    loop: bool = Field(default=False, description="From the last point straight to the first; false: there and back.")


class Vehicle(Section):
    """Footprint and limits."""

    drive: Literal["unicycle", "differential"] = Field(
        default="unicycle",
        description="What actions set: speed and turning, or the left and the right wheel.",
    )
    radius: float = Field(default=0.2, ge=0.05, le=5.0, description="Of a disc-shaped footprint, m.")
    box: tuple[float, float] | None = Field(
        default=None, description="Length and width of a box-shaped footprint instead, m."
    )
    max_speed: float = Field(default=1.5, gt=0.0, le=20.0, description="m/s.")
    reverse_speed: float = Field(default=0.5, ge=0.0, le=20.0, description="m/s.")
    turn_rate: float = Field(default=120.0, gt=0.0, le=1440.0, description="Degrees per second.")
    acceleration: float = Field(default=2.0, gt=0.0, le=1000.0, description="m/s².")
    turn_acceleration: float = Field(default=720.0, gt=0.0, le=100_000.0, description="Degrees per second².")
    track: float = Field(default=0.35, ge=0.05, le=5.0, description="Between the wheels of a differential drive, m.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.box is not None and not all(0.1 <= side <= 10.0 for side in self.box):
            raise ValueError(f"box is {self.box}; both sides must lie in 0.1..10 m")
        return self

    @property
    def circumscribed(self) -> float:
        """Radius of the circle around the footprint, with which ways are planned."""
        return self.radius if self.box is None else math.hypot(*self.box) / 2


class Lidar(Section):
    """Beams at equal angles, the first straight ahead where they go all round."""

    beams: int = Field(default=32, ge=1, le=1024)
    range: float = Field(default=6.0, gt=0.0, le=200.0, description="m.")
    field: float = Field(default=360.0, gt=0.0, le=360.0, description="Degrees, symmetric about straight ahead.")
    noise: float = Field(default=0.0, ge=0.0, le=10.0, description="Standard deviation, m.")
    speeds: bool = Field(
        default=False,
        description="Whether it also measures how fast what a beam hits moves away along it, as frequency-modulated "
        "lidars do; the vehicle's own motion is taken out.",
    )


class AGVSettings(Section):
    """Keyword settings of the AGV worlds."""

    layout: str | Rectangles | None = Field(
        default=None,
        description="The floor: a drawing, a line of characters for each row of cells (# wall, R rack, S start region, "
        "G goal region, . free); rectangles in metres; or a generator (aisles, rooms, maze, clutter). Null: the id's.",
    )
    cell: float = Field(default=0.5, ge=0.1, le=10.0, description="Side of a cell, m.")
    columns: int = Field(default=24, ge=8, le=MOST_CELLS, description="Of generated floors, walls included.")
    rows: int = Field(default=16, ge=8, le=MOST_CELLS, description="Of generated floors, walls included.")
    density: float = Field(default=0.5, ge=0.0, le=1.0, description="How full generated floors are.")
    obstacles: tuple[Obstacle, ...] = Field(
        default=(), max_length=16, description="What moves on a drawn floor or one of rectangles."
    )
    moving: int | None = Field(
        default=None, ge=0, le=16, description="Obstacles on routes that are generated; null: those of `obstacles`."
    )
    moving_radius: float = Field(default=0.2, ge=0.05, le=5.0, description="Of generated obstacles, m.")
    moving_speed: float = Field(default=0.6, ge=0.0, le=10.0, description="Of generated obstacles at most, m/s.")
    vehicles: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Vehicles that share a floor and collide with each other; neighbouring environments are those of "
        "one floor.",
    )
    vehicle: Vehicle = Field(default_factory=Vehicle)
    lidar: Lidar = Field(default_factory=Lidar)
    grid: int = Field(
        default=0, ge=0, le=63, description="Side in cells of a map around the vehicle that is observed; 0: none."
    )
    actions: Literal["velocity", "acceleration", "discrete"] = Field(
        default="velocity", description="What continuous actions set; or seven discrete ones, for comparison."
    )
    dt: float = Field(default=0.2, ge=0.001, le=10.0, description="Seconds of one step.")
    max_steps: int = Field(default=300, ge=1, le=1_000_000, description="Steps until truncation.")
    goal_radius: float = Field(default=0.5, ge=0.01, le=50.0, description="How near the goal is near enough, m.")
    reward: Literal["sparse", "shaped"] = Field(
        default="sparse",
        description="sparse: 1 at the goal, the penalty at a collision; shaped: also the share of the way that a step "
        "has come nearer to the goal by the planner's reckoning.",
    )
    collision_penalty: float = Field(default=0.1, ge=0.0, le=1000.0)
    collision: Literal["end", "stop"] = Field(
        default="end",
        description="What touching a wall or rack does: end the episode, or stop the vehicle. Touching what moves "
        "always ends it.",
    )
    safe_distance: float = Field(
        default=0.1, ge=0.0, le=3.0, description="Clearance that the objective kept_clear asks for, m."
    )
    subgoals: Literal["position"] | None = Field(
        default=None, description="Whether the current waypoint is shown in the observation; null: not shown."
    )
    subgoal_radius: float = Field(default=0.5, ge=0.01, le=50.0, description="How near a waypoint is reached, m.")
    subgoal_dropout: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Probability, drawn anew for each episode, that waypoints are not shown; they still pay.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads to step with; null: as many as pay for this num_envs."
    )
    copy_observations: bool = Field(
        default=True,
        description="Return new arrays from each step; false: the same arrays, overwritten by the next step.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        name = self.layout.strip() if isinstance(self.layout, str) else ""
        if isinstance(self.layout, str) and "\n" not in name and name not in GENERATORS:
            raise ValueError(
                f"layout is '{name[:40]}'; must be one of {', '.join(GENERATORS)}, or a drawing of several lines"
            )
        if self.obstacles and name in GENERATORS:
            raise ValueError("obstacles have routes on a floor that is drawn; on generated floors set `moving`")
        if self.grid and self.grid % 2 == 0:
            raise ValueError(f"grid is {self.grid}; must be odd, so that the vehicle is in the middle")
        return self

    def identity(self) -> dict[str, Any]:
        """What tells snapshots of one AGV world from those of another."""
        return self.model_dump(mode="json", exclude={"threads", "copy_observations"})
