"""Floors as users give them and as episodes begin on them: what is refused, and where obstacles are sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.agv.geometry import obstacle_at
from palaestra_worlds.agv.layouts import LayoutError
from palaestra_worlds.agv.state import NUM_OBSTACLES

LANE = "############\n#S........G#\n############"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"layout": "#####\n#####\n#####"}, r"no cell in which a vehicle of radius 0.2 m"),
        ({"layout": "##\n##"}, r"2 columns and 2 rows; a drawing has 3 to 128"),
        ({"layout": "######\n#S..G#\n######", "vehicle": {"box": [0.9, 0.3]}}, r"no cell in which a vehicle"),
        ({"layout": "#######\n#S...G#\n##...##\n##...##\n#######", "vehicle": {"radius": 0.3}}, r"start cell \(1, 1\)"),
        ({"layout": {"size": [6, 4], "goals": [[3, 0, 0.5, 0.5]]}}, r"goals\[0\]: cell \(6, 0\) of it is a wall"),
        ({"layout": {"size": [6, 4], "walls": [[1, 1, 0, 1]]}}, r"walls\[0\].*no area"),
        ({"layout": LANE, "obstacles": [{"route": [[1, 0.75], [3, 0.75]], "radius": 0.3}]}, r"leg 0 .*a wall"),
        ({"layout": LANE, "obstacles": [{"route": [[1, 0.75], [9, 0.75]], "loop": True}]}, r"\(9.0, 0.75\) is outside"),
    ],
)
def test_floors_that_cannot_be_driven_on_are_refused_with_the_cell_and_the_reason(
    settings: dict[str, Any], why: str
) -> None:
    with pytest.raises(LayoutError, match=why):
        palaestra_worlds.make("AGV", num_envs=1, **settings)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"vehicle": {"max_speed": float("nan")}}, "vehicle.max_speed"),
        ({"vehicle": {"turn_rate": 0.0}}, "vehicle.turn_rate"),
        ({"vehicle": {"radius": 20.0}}, "vehicle.radius"),
        ({"lidar": {"range": float("inf")}}, "lidar.range"),
        ({"lidar": {"field": 400.0}}, "lidar.field"),
        ({"goal_radius": -0.1}, "goal_radius"),
        ({"max_steps": 0}, "max_steps"),
        ({"columns": 4096}, "columns"),
        ({"obstacles": [{"route": [[1, 1]], "speed": -2}]}, "obstacles.0.speed"),
        ({"obstacles": [{"route": []}]}, "obstacles.0.route"),
        ({"layout": {"size": [-3, 4]}}, "layout"),
        ({"speed": 3.0}, "speed"),
    ],
)
def test_units_out_of_bounds_are_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=rf"setting {named}[^ ]* of AGV: "):
        palaestra_worlds.make("AGV", num_envs=1, **settings)


def test_what_moves_begins_away_from_vehicles_however_near_these_are_to_walls() -> None:
    """Were places judged by the distance to walls too, none would be better than another in this lane."""
    obstacle = {"route": [[0.75, 0.75], [5.25, 0.75]], "speed": 0.5, "radius": 0.2}
    world: Any = palaestra_worlds.make("AGV", num_envs=256, layout=LANE, obstacles=[obstacle])
    world.reset(seed=0)
    levels, rules = world.state()
    places = np.array([obstacle_at(levels.obstacles, levels.routes, i, 0, 0.0) for i in range(256)])
    gaps = np.hypot(*(places - levels.pose[:, :2]).T) - rules.radius - 0.2
    assert (levels.status[:, NUM_OBSTACLES] == 1).all()
    assert gaps.min() >= 0.6
