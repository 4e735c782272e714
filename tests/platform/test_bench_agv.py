"""Measurements in AGV worlds: floors that they are made on, turns, and the upper bound by the oracle's driver."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra.bench.agv import RACKS, PlainVehicle, in_turns, studded
from palaestra.bench.agv_driver import drive
from palaestra.bench.worlds import Contender
from palaestra_worlds.agv.driver import Driver

LANE = "############\n#S........G#\n############"


@pytest.mark.parametrize("racks", RACKS)
def test_floors_that_show_the_cost_of_racks_have_so_many_and_can_be_driven_on(racks: int) -> None:
    drawing = studded(racks)
    assert drawing.count("R") == racks
    palaestra_worlds.make("AGV", num_envs=1, layout=drawing)


def test_contenders_step_in_turns_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []
    contenders = [
        Contender("one", 3, lambda _: calls.append("one")),
        Contender("other", 5, lambda _: calls.append("other")),
    ]
    paces = in_turns(contenders, rounds=2, seconds=0.0)
    assert calls == ["one", "other"] * 3
    assert [(pace.name, pace.vehicles, len(pace.per_second)) for pace in paces] == [("one", 3, 2), ("other", 5, 2)]
    assert all(rate > 0.0 for pace in paces for rate in (*pace.per_second, *pace.per_processor_second))


def test_the_vehicle_in_plain_numpy_sees_and_moves_as_the_engines() -> None:
    """What our speed is compared with has to do the same work."""
    plain = PlainVehicle("AGV")
    world: Any = palaestra_worlds.make("AGV", num_envs=1, lidar={"beams": 32})
    world.reset(seed=0)
    for action in ([1.0, 0.3], [1.0, 0.3], [0.5, -1.0]):
        observations, *_ = world.step([action])
        seen, _, ended = plain.step(np.array(action))
        assert not ended
        levels, _ = world.state()
        np.testing.assert_allclose(seen["pose"][:2], levels.pose[0, :2], atol=0.03)
        np.testing.assert_allclose(seen["velocity"], levels.velocity[0])
        np.testing.assert_allclose(seen["lidar"], observations["lidar"][0], atol=0.03)


def test_the_driver_plays_one_episode_of_each_vehicle() -> None:
    world: Any = palaestra_worlds.make("AGV", num_envs=3, layout=LANE)
    found = drive(world, Driver(world).actions)
    assert found["success"].tolist() == [1.0, 1.0, 1.0]
    assert (found["spl"] > 0.9).all()
    assert (found["no_collision"] == 1.0).all()
