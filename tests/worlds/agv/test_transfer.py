"""The AGV world with MuJoCo's physics: the same vehicle, and what is kept, refused and touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.agv.driver import Driver
from palaestra_worlds.agv.tasks import AGVTask
from palaestra_worlds.base import TaskError

pytest.importorskip("mujoco")

ROOM = """
############
#S........S#
#....RR....#
#....RR....#
#....RR....#
#G........G#
############
"""


def _make(num_envs: int, **settings: Any) -> Any:
    world = palaestra_worlds.make("AGV-MuJoCo", num_envs=num_envs, layout=ROOM, cell=0.5, **settings)
    world.reset(seed=0)
    return world


@pytest.mark.parametrize("drive", ["unicycle", "differential"])
def test_the_driver_reaches_the_goal_there_too_and_past_what_moves(drive: str) -> None:
    crossing = {"route": [[8.0, 1.0], [8.0, 5.0]], "speed": 0.6}
    world = palaestra_worlds.make("AGV-MuJoCo", num_envs=4, vehicle={"drive": drive}, obstacles=[crossing])
    world.reset(seed=0)
    driver, done, successes = Driver(world), np.zeros(4, np.bool_), np.zeros(4, np.bool_)
    for _ in range(200):
        *_, infos = world.step(driver.actions())
        if "episode" in infos:
            new = infos["_episode"] & ~done
            successes[new] = infos["episode"]["success"][new]
            done |= new
        if done.all():
            break
    assert successes.all()


def test_it_ends_up_where_the_engines_vehicle_does() -> None:
    worlds = [palaestra_worlds.make(id, num_envs=1, layout=ROOM, cell=0.5) for id in ("AGV", "AGV-MuJoCo")]
    poses = []
    for world in worlds:
        world.reset(seed=0)
        levels = world.state()[0]  # pyright: ignore[reportAttributeAccessIssue]
        first = levels.pose[0].copy()
        # Turning on the spot touches nothing.
        for _ in range(5):
            world.step([[0.0, 0.4]])
        poses.append((levels.pose[0] - first, levels.velocity[0].copy()))
    (moved, velocity), (really, measured) = poses
    np.testing.assert_allclose(really[:2], moved[:2], atol=0.02)
    np.testing.assert_allclose(measured, velocity, atol=0.05)
    assert abs((really[2] - moved[2] + np.pi) % (2 * np.pi) - np.pi) < 0.15


def test_it_runs_into_walls_and_goes_on_the_same_from_a_snapshot() -> None:
    world, other = _make(2), _make(2)
    actions = np.tile([1.0, 0.2], (40, 2, 1))
    ended = 0
    for k, chosen in enumerate(actions):
        if k == 3:
            other.restore(world.snapshot())
        *_, terminated, _, infos = world.step(chosen)
        if terminated.any():
            ended += 1
            assert infos["episode"]["clearance"][terminated].max() == 0.0
        if k >= 3:
            np.testing.assert_array_equal(other.step(chosen)[2], terminated)
            np.testing.assert_array_equal(other.state()[0].pose, world.state()[0].pose)
    assert ended > 0


def test_floors_that_are_not_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match=r"drawn floors with one vehicle each"):
        palaestra_worlds.make("AGV-MuJoCo", num_envs=1, layout="maze")
    world = palaestra_worlds.make("AGV-MuJoCo", num_envs=1)
    for give in (world.draw_from, world.assign):
        with pytest.raises(TaskError, match=r"layout: .*only on the drawn floor"):
            give([AGVTask(layout="maze")])
