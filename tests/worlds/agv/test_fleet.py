"""Vehicles of a floor that are planned together: nobody meets anybody, and everybody arrives."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest

pytest.importorskip("pymapf")

from palaestra_worlds.agv.fleet import Convoy, FleetDriver, plan

PASSAGE = """
###########
#S...#...G#
#S.......G#
#G.......S#
#G...#...S#
###########
"""


def _make(**settings: Any) -> Any:
    return palaestra_worlds.make("AGV", **{"num_envs": 4, "vehicles": 4, "layout": PASSAGE, **settings})


def test_ways_share_no_cell_at_any_time_and_swap_none() -> None:
    free = np.ones((5, 3), np.bool_)
    free[2, [0, 2]] = False
    ways = plan(free, [(0, 1), (4, 1)], [(4, 1), (0, 1)])
    longest = max(map(len, ways))
    one, other = ([*way, *[way[-1]] * (longest - len(way))] for way in ways)
    assert (one[-1], other[-1]) == ((4, 1), (0, 1))
    assert all(a != b for a, b in zip(one, other, strict=True))
    assert all((one[t + 1], other[t + 1]) != (other[t], one[t]) for t in range(longest - 1))


def test_nobody_enters_a_cell_before_who_is_planned_there_first() -> None:
    convoy = Convoy([[(0, 0), (1, 0), (2, 0), (2, 1)], [(1, 1), (1, 1), (1, 1), (1, 0)]])
    assert convoy.target(0) == (0, 0), "first to the middle of its own cell"
    convoy.advance(0, 0.5, 0.5)
    convoy.advance(1, 1.5, 1.5)
    assert convoy.target(0) == (2, 0), "as far as the way is straight"
    assert convoy.target(1) == (1, 1), "it waits"
    convoy.advance(0, 1.5, 0.5)
    assert convoy.target(1) == (1, 1), "the cell is not left yet"
    convoy.advance(0, 2.5, 0.5)
    assert convoy.target(1) == (1, 0)
    assert convoy.next_cell(0, 2.5, 0.5) == (2, 0)


def test_those_that_are_not_asked_to_go_anywhere_else_find_a_place_each() -> None:
    """Vehicles that share a goal are sent to neighbouring cells."""
    world = _make(layout="#######\n#S...G#\n#S....#\n#######", num_envs=2, vehicles=2, max_steps=40)
    world.reset(seed=0)
    driver = FleetDriver(world)
    actions = driver.actions()
    assert actions.shape == (2, 2)
    convoy = driver._convoys[0]
    assert convoy is not None
    ends = [visits[-1][0] for visits in convoy.visits]
    assert len(set(ends)) == 2
    assert (5, 1) in ends


def test_four_vehicles_get_through_a_passage_against_each_other() -> None:
    world = _make(num_envs=16, max_steps=400)
    world.reset(seed=0)
    driver = FleetDriver(world)
    successes: list[bool] = []
    collided = 0
    for _ in range(400):
        *_, infos = world.step(driver.actions())
        if "episode" in infos:
            new = infos["_episode"]
            successes += infos["episode"]["success"][new].tolist()
            collided += int((~infos["episode"]["objectives"][new, 1]).sum())
        if len(successes) >= 16:
            break
    assert len(successes) >= 16
    assert np.mean(successes) >= 0.95
    assert collided == 0


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"actions": "discrete"}, "sets velocities"),
        ({"moving": 2}, "moving: 0"),
        ({"vehicle": {"radius": 0.24}}, r"cannot pass each other in cells of 0.5 m; set `cell` to 0.53"),
    ],
)
def test_worlds_that_do_not_suit_it_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FleetDriver(_make(**settings))
