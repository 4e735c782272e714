"""What an AGV world holds beyond the contract of all worlds: ends, measures, levels, tasks, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds.agv import PROVIDER
from palaestra_worlds.agv.description import describe_floor, parse_description
from palaestra_worlds.agv.driver import Driver
from palaestra_worlds.agv.oracle import waypoints_for
from palaestra_worlds.agv.settings import HALL
from palaestra_worlds.agv.state import STEP
from palaestra_worlds.agv.tasks import AGVTask, Waypoint
from palaestra_worlds.base import Mistakes, TaskError

LANE = """
############
#S........G#
############
"""
BEND = """
#########
#S......#
#######.#
#G......#
#########
"""
CALM = {"acceleration": 1000.0, "turn_acceleration": 100_000.0, "max_speed": 1.0}


def _make(num_envs: int = 1, layout: str = LANE, **changed: Any) -> Any:
    vehicle = {"radius": 0.2, **CALM, **changed.pop("vehicle", {})}
    return palaestra_worlds.make("AGV", num_envs=num_envs, layout=layout, cell=0.5, vehicle=vehicle, **changed)


def _point(world: Any, heading: float, x: float | None = None, y: float | None = None) -> None:
    levels, _ = world.state()
    levels.pose[:, 2] = heading
    if x is not None:
        levels.pose[:, 0] = x
    if y is not None:
        levels.pose[:, 1] = y


def test_driving_straight_to_the_goal_takes_the_time_and_way_that_it_should() -> None:
    world = _make(dt=0.5, goal_radius=0.25)
    world.reset(seed=0)
    _point(world, 0.0, x=0.75, y=0.75)
    steps = 0
    while True:
        _, rewards, terminated, _, infos = world.step([[1.0, 0.0]])
        steps += 1
        if terminated[0]:
            break
        assert rewards[0] == 0.0
    # The goal's middle is 4.5 m away and counts from 0.25 m on; a step is 0.5 m.
    assert steps == 9
    assert rewards[0] == 1.0
    episode = infos["episode"]
    assert episode["success"][0]
    assert episode["travelled"][0] == pytest.approx(4.5)
    assert episode["seconds"][0] == pytest.approx(4.5)
    assert episode["shortest"][0] == pytest.approx(4.25, abs=0.05)
    assert episode["spl"][0] == pytest.approx(4.25 / 4.5, abs=0.02)
    assert 0.0 < episode["clearance"][0] <= 0.05 + 1e-6
    np.testing.assert_array_equal(episode["objectives"][0], [True, True, True, False])


@pytest.mark.parametrize("ending", ["end", "stop"])
def test_walls_end_the_episode_or_stop_the_vehicle(ending: str) -> None:
    world = _make(collision=ending, collision_penalty=0.3, max_steps=4)
    world.reset(seed=0)
    _point(world, np.pi / 2, y=0.75)
    *_, rewards, terminated, _, infos = world.step([[1.0, 0.0]])
    assert rewards[0] == pytest.approx(-0.3)
    assert terminated[0] == (ending == "end")
    if ending == "stop":
        levels, _ = world.state()
        y = levels.pose[0, 1]
        assert 0.79 < y < 0.80
        world.step([[-1.0, 0.0]])
        assert levels.pose[0, 1] < y - 0.05, "it gets away from the wall"
        world.step([[0.0, 0.0]])
        infos = world.step([[0.0, 0.0]])[4]
    assert not infos["episode"]["objectives"][0, 1]


def test_who_stands_still_is_run_over_by_what_moves() -> None:
    world = _make(obstacles=[{"route": [[5.0, 0.75], [0.75, 0.75]], "speed": 1.0, "radius": 0.2}], max_steps=300)
    world.reset(seed=0)
    for _ in range(100):
        *_, terminated, _, infos = world.step([[0.0, 0.0]])
        if terminated[0]:
            break
    assert terminated[0]
    assert not infos["episode"]["success"][0]
    assert infos["episode"]["clearance"][0] == 0.0


def test_lidar_sees_walls_and_what_moves_and_noise_is_of_the_given_size() -> None:
    world = _make(lidar={"beams": 4, "range": 10.0}, obstacles=[{"route": [[3.0, 0.75]], "speed": 0.0, "radius": 0.2}])
    world.reset(seed=0)
    _point(world, 0.0, x=0.75, y=0.75)
    lidar = 10 * world.observe()["lidar"][0]
    np.testing.assert_allclose(lidar, [3.0 - 0.2 - 0.75, 0.25, 0.25, 0.25], atol=1e-5)
    noisy = _make(64, lidar={"beams": 32, "range": 10.0, "noise": 0.05})
    noisy.reset(seed=0)
    _point(noisy, 0.0, x=2.75, y=0.75)
    off = 10 * noisy.observe()["lidar"][:, 8] - 0.25
    assert 0.02 < off.std() < 0.08
    np.testing.assert_array_equal(noisy.observe()["lidar"], noisy.observe()["lidar"])


def test_lidar_measures_how_fast_what_moves_comes_nearer_and_nothing_of_the_vehicles_own_motion() -> None:
    route = {"route": [[5.0, 0.75], [2.0, 0.75]], "speed": 0.5, "radius": 0.2}
    world = _make(32, lidar={"beams": 4, "range": 10.0, "speeds": True}, obstacles=[route], dt=0.1)
    world.reset(seed=0)
    _point(world, 0.0, x=0.75, y=0.75)
    before = world.observe()
    after = world.step(np.zeros((32, 2)))[0]
    changed = 10 * (after["lidar"] - before["lidar"])[:, 0] / 0.1
    steady = np.abs(np.abs(changed) - 0.5) < 1e-3  # The others turned round in this step.
    assert 0 < np.count_nonzero(changed[steady] > 0) < np.count_nonzero(steady)
    np.testing.assert_allclose(before["lidar_speed"][steady, 0], changed[steady], atol=1e-3)
    np.testing.assert_array_equal(before["lidar_speed"][:, 1:], 0.0)
    driving = world.step(np.tile([1.0, 0.0], (32, 1)))[0]
    steady &= np.abs(driving["lidar_speed"][:, 0] - before["lidar_speed"][:, 0]) < 1e-3
    assert steady.any(), "it drives at 1 m/s by now, and measures the same"


def test_lidar_measures_the_speed_of_other_vehicles() -> None:
    world = _make(2, vehicles=2, lidar={"beams": 4, "range": 10.0, "speeds": True}, dt=0.1)
    world.reset(seed=0)
    levels, _ = world.state()
    levels.pose[:] = [[0.75, 0.75, 0.0], [3.0, 0.75, 0.0]]
    seen = world.step([[0.0, 0.0], [0.5, 0.0]])[0]["lidar_speed"]
    np.testing.assert_allclose(seen, [[0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], atol=1e-6)


def test_shaped_rewards_add_up_to_about_one_for_the_whole_way() -> None:
    world = _make(8, BEND, reward="shaped", dt=0.2)
    driver = Driver(world)
    world.reset(seed=0)
    total = np.zeros(8)
    for _ in range(200):
        _, rewards, terminated, _, infos = world.step(driver.actions())
        total += rewards
        if terminated.any():
            assert infos["episode"]["success"][terminated].all()
            assert (total[terminated] > 1.6).all()
            assert (total[terminated] < 2.4).all()
            return
    pytest.fail("no goal was reached")


@pytest.mark.parametrize("kind", ["aisles", "rooms", "maze", "clutter"])
@pytest.mark.parametrize("density", [0.0, 1.0])
def test_the_driver_reaches_the_goal_of_generated_levels(kind: str, density: float) -> None:
    """A level that the planner says can be solved can be driven, whatever the kind and density."""
    world = palaestra_worlds.make("AGV", num_envs=32, layout=kind, density=density, columns=24, rows=18, max_steps=400)
    driver = Driver(world)
    world.reset(seed=3)
    levels, _ = world.state()
    assert len(np.unique(levels.goal, axis=0)) > 8
    done = np.zeros(32, np.bool_)
    successes, spl = [], []
    for _ in range(400):
        *_, infos = world.step(driver.actions())
        if "episode" in infos:
            new = infos["_episode"] & ~done
            successes += infos["episode"]["success"][new].tolist()
            spl += infos["episode"]["spl"][new].tolist()
            done |= new
        if done.all():
            break
    assert np.mean(successes) >= 0.95
    assert np.mean(spl) > 0.85


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"layout": "#####\n#S#G#\n#####"}, r"no way .* between cell \(1, 1\) and the goal cell \(3, 1\)"),
        ({"layout": "#####\n#S.G\n#####"}, r"row 1 has 4 characters"),
        ({"layout": "#####\n#SxG#\n#####"}, r"cell \(2, 1\) is 'x'"),
        ({"layout": "#####\n#S.G#\n#####", "vehicle": {"radius": 0.3}}, r"touches nothing"),
        ({"layout": "#####\n#SG.#\n#####", "goal_radius": 3.0}, r"every start lies within"),
        ({"layout": "warehouse"}, r"layout.*aisles, rooms, maze, clutter"),
        ({"layout": {"size": [4, 3], "racks": [[1, 1, 1, 1]], "goals": [[1, 1, 0.5, 0.5]]}}, r"cell \(2, 2\).* a rack"),
        ({"layout": {"size": [4, 3], "racks": [[1.2, 1, 1, 1]]}}, r"racks\[0\]: 1.2 m is no multiple"),
        ({"layout": {"size": [4, 3], "racks": [[3, 1, 2, 1]]}}, r"racks\[0\].*sticks out"),
        ({"layout": {"size": [400, 3]}}, r"800 x 6 cells"),
        ({"layout": LANE, "obstacles": [{"route": [[1, 0.75], [9, 0.75]]}]}, r"leg 0 .*outside"),
        ({"layout": BEND, "obstacles": [{"route": [[1, 0.75], [1, 1.75]]}]}, r"leg 0 .*cell \(1, 2\), a wall"),
        ({"lidar": {"beams": 0}}, r"lidar.beams"),
        ({"vehicle": {"max_speed": -1}}, r"vehicle.max_speed"),
        ({"cell": 0.0}, r"cell"),
        ({"dt": 1e9}, r"dt"),
        ({"grid": 4}, r"grid is 4"),
        ({"vehicle": {"box": [0.0, 0.3]}}, r"box"),
    ],
)
def test_bad_settings_are_refused_by_name(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        palaestra_worlds.make("AGV", num_envs=1, **settings)


def test_actions_that_are_no_numbers_are_refused_by_name() -> None:
    world = _make(3)
    world.reset(seed=0)
    with pytest.raises(ValueError, match=r"environment 1 is \[nan, 0.0\]"):
        world.step([[0.0, 0.0], [np.nan, 0.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        world.step([[0.0, 0.0]])


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (AGVTask(level_seed=1, subgoals=(Waypoint(x=0.2, y=0.75),)), r"subgoal 1: .*cell \(0, 1\), which is a wall"),
        (AGVTask(level_seed=1, subgoals=(Waypoint(x=1, y=50),)), r"subgoal 1: .*outside"),
        (AGVTask(subgoals=(Waypoint(x=1, y=0.75),)), r"level_seed"),
        (AGVTask(columns=20), r"columns: .*drawn"),
    ],
)
def test_tasks_that_cannot_be_carried_out_are_refused_by_name(task: AGVTask, why: str) -> None:
    with pytest.raises(TaskError, match=why):
        _make().draw_from([task])


# ---------------------------------------------------------------------------------------------- teaching


def test_waypoints_are_shown_in_polar_form_and_pay_in_order() -> None:
    world = _make(layout=BEND, subgoals="position", max_steps=100, subgoal_radius=0.3)
    task = AGVTask(level_seed=4, subgoals=(Waypoint(x=1.75, y=0.75), Waypoint(x=3.75, y=0.75)))
    world.draw_from([task])
    world.reset(seed=0)
    _point(world, 0.0, x=0.75, y=0.75)
    _, rules = world.state()
    diagonal = np.hypot(rules.floor_width, rules.floor_height)
    np.testing.assert_allclose(world.observe()["subgoal"][0], [1.0 / diagonal, 1.0, 0.0], atol=1e-6)
    paid = [float(world.step([[1.0, 0.0]])[4]["lesson_reward"][0]) for _ in range(14)]
    # Reached within 0.3 m: after 0.7 m, at 0.2 m a step in the fourth; the next 2 m farther on.
    assert np.flatnonzero(paid).tolist() == [3, 13]
    assert paid[3] == pytest.approx(1 - 4 / 100)
    assert paid[13] == pytest.approx(1 - 10 / 100)
    np.testing.assert_array_equal(world.observe()["subgoal"][0], [0, 0, 0])


def test_the_oracles_waypoints_lead_round_the_bend_and_are_useful() -> None:
    world = _make(layout=BEND)
    world.assign([AGVTask(level_seed=2)])
    world.reset(seed=0)
    answer = waypoints_for(world.describe(0), None)
    assert answer is not None
    places = [(entry["x"], entry["y"]) for entry in answer["subgoals"]]
    assert places[-1] == (0.75, 1.75)
    assert any(x > 3.5 for x, _ in places), "it goes through the gap on the right"
    task = AGVTask(level_seed=2, subgoals=tuple(Waypoint(x=x, y=y) for x, y in places))
    found = world.judge(task)
    assert found is not None
    assert found.useful, found.why
    assert found.in_place == found.expected == len(places)
    assert len(world.explain(task)) == len(world.locate(task)) == len(places)
    detour = world.judge(AGVTask(level_seed=2, subgoals=(Waypoint(x=3.75, y=1.75), Waypoint(x=0.75, y=0.75))))
    assert detour is not None
    assert "long" in detour.why


def test_a_described_floor_is_read_back_and_mistakes_stay_possible() -> None:
    world = palaestra_worlds.make("AGV", num_envs=1)
    world.reset(seed=1)
    text = world.describe(0)
    floor = parse_description(f"Some prompt.\n<world>\n{text}\n</world>\nWhat now?")
    assert describe_floor(floor, []) == text
    answer = PROVIDER.oracle(text, None)
    assert answer is not None
    wrong = PROVIDER.misread(text, answer, Mistakes(accuracy=0.0), np.random.default_rng(0))
    assert wrong is not None
    assert wrong != answer
    for entry in wrong["subgoals"]:
        assert floor.what_is_at(entry["x"], entry["y"]) == 0


def test_environments_set_the_layout_and_how_near_the_goal_is() -> None:
    world = palaestra_worlds.make("AGV", num_envs=16)
    world.draw_from([AGVTask(layout="original", near=2.0)])
    world.reset(seed=0)
    levels, _ = world.state()
    assert (np.hypot(*(levels.goal - levels.start).T) <= 2.0).all()
    world.draw_from([AGVTask(layout="maze", columns=16, rows=13, moving=2)])
    world.reset(seed=0)
    assert (levels.cells[:, 16:] & 3 == 1).all()
    assert len(np.unique(levels.goal, axis=0)) > 4


@pytest.mark.parametrize("actions", ["acceleration", "discrete"])
@pytest.mark.parametrize("drive", ["unicycle", "differential"])
def test_other_actions_and_drives_move_it_too(actions: str, drive: str) -> None:
    world = _make(layout=BEND, actions=actions, vehicle={"drive": drive, "acceleration": 1.0}, grid=5)
    world.reset(seed=0)
    _point(world, 0.0, x=0.75, y=0.75)
    for _ in range(3):
        ahead = [[0.5, 0.5 if drive == "differential" else 0.0]]
        observations, *_ = world.step([1] if actions == "discrete" else ahead)
    levels, _ = world.state()
    assert levels.pose[0, 0] > 0.85
    assert levels.pose[0, 1] == pytest.approx(0.75)
    assert observations["grid"].shape == (1, 5, 5)
    assert observations["grid"][0, 2, 2] == 0.0


# ---------------------------------------------------------------------------------------------- several vehicles


def test_vehicles_of_a_floor_see_and_run_into_each_other_and_the_others_go_on() -> None:
    world = _make(3, layout=HALL, vehicles=3, lidar={"beams": 4, "range": 10.0}, dt=0.5, max_steps=50)
    world.reset(seed=0)
    levels, _ = world.state()
    apart = [np.hypot(*(levels.pose[a, :2] - levels.pose[b, :2])) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(apart) > 0.4, "they begin apart"
    levels.pose[:] = [(1.0, 2.0, 0.0), (2.5, 2.0, np.pi), (1.0, 4.0, 0.0)]
    np.testing.assert_allclose(10 * world.observe()["lidar"][:2, 0], 1.5 - 0.2, atol=1e-5)
    assert "2.5" in world.describe(0)
    went = levels.pose[2, 0]
    # 1.1 m between them, and each goes half a metre in a step.
    actions = [[1.0, 0.0], [1.0, 0.0], [0.5, 0.0]]
    assert not world.step(actions)[2].any()
    *_, terminated, _, infos = world.step(actions)
    assert terminated.tolist() == [True, True, False]
    np.testing.assert_array_equal(infos["_episode"], terminated)
    assert infos["episode"]["clearance"][:2].tolist() == [0.0, 0.0]
    assert levels.pose[2, 0] == pytest.approx(went + 0.5)
    assert levels.status[:, STEP].tolist() == [0, 0, 2]


def test_a_generated_floor_of_several_vehicles_is_renewed_with_its_first_and_the_same_from_a_snapshot() -> None:
    world, other = (
        palaestra_worlds.make("AGV-Rooms", num_envs=4, vehicles=2, max_steps=30, threads=1) for _ in range(2)
    )
    world.reset(seed=2)
    actions = np.random.default_rng(0).uniform(-1, 1, (60, 4, 2))
    renewed = 0
    for k, chosen in enumerate(actions):
        if k == 20:
            other.restore(world.snapshot())
        *_, terminated, truncated, infos = world.step(chosen)
        levels, _ = world.state()
        np.testing.assert_array_equal(levels.cells[::2], levels.cells[1::2])
        for lead in np.flatnonzero((terminated | truncated)[::2]) * 2:
            renewed += 1
            assert (terminated | truncated)[lead + 1]
            assert infos["_episode"][lead]
        if k >= 20:
            seen = other.step(chosen)
            np.testing.assert_array_equal(seen[0]["lidar"], world.observe()["lidar"])
            np.testing.assert_array_equal(seen[2], terminated)
    assert renewed > 2


def test_floors_of_several_vehicles_are_reset_and_taught_as_one() -> None:
    with pytest.raises(ValueError, match=r"multiple of `vehicles`, 2"):
        _make(3, layout=HALL, vehicles=2)
    world = _make(4, layout=HALL, vehicles=2)
    with pytest.raises(ValueError, match=r"all 2 vehicles of a floor"):
        world.reset(seed=0, options={"reset_mask": np.array([True, False, False, False])})
    with pytest.raises(TaskError, match=r"environment 3 is vehicle 1 of a floor.*environment 2"):
        world.assign([None, None, None, AGVTask(level_seed=1)])
