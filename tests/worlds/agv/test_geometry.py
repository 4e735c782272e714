"""Contacts, distances and beams against geometry computed another way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import palaestra_worlds
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from palaestra_worlds.agv.geometry import (
    TOUCH,
    along_arc,
    first_contact,
    gap_between,
    gap_to_walls,
    obstacle_at,
)
from palaestra_worlds.agv.lidar import TO_X, TO_Y, aim, beam, see_blocks, see_box, see_cells, see_disc, see_floor
from palaestra_worlds.agv.lookup import measure_room, merge_blocks
from palaestra_worlds.agv.meetings import meet
from palaestra_worlds.agv.motion import new_velocity
from palaestra_worlds.agv.state import LENGTH, LOOP, MOST_ROOM, PHASE, POINTS, RADIUS, ROOM_SHIFT, SPEED, Rules

DRAWING = """
##########
#........#
#..RR..R.#
#..R.....#
#.....RR.#
#........#
##########
"""
CELL = 0.5


def _world(**changed: Any) -> Any:
    return palaestra_worlds.make("AGV", num_envs=1, layout=DRAWING, cell=CELL, goal_radius=0.2, **changed)


def _distance(cells: Any, x: float, y: float, radius: float) -> float:
    """Of a disc to the nearest blocked cell, looking at all of them."""
    corners = np.argwhere(cells & 3) * CELL
    off = np.maximum(np.maximum(corners - (x, y), (x, y) - corners - CELL), 0.0)
    return float(np.hypot(*off.T).min()) - radius


@pytest.fixture(scope="module")
def floor() -> Any:
    """A floor, and the rules of a small vehicle on it (nothing is compiled: the functions run as Python)."""
    return _world(vehicle={"radius": 0.2, "max_speed": 20.0}, dt=1.0)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(0.72, 4.28),
    y=st.floats(0.72, 2.78),
    heading=st.floats(-math.pi, math.pi),
    speed=st.floats(-20.0, 20.0),
    turning=st.floats(-6.0, 6.0),
)
def test_nothing_is_driven_through_at_any_speed(
    floor: Any, x: float, y: float, heading: float, speed: float, turning: float
) -> None:
    levels, rules = floor._levels, floor._rules
    cells = floor._drawing.cells
    levels.cells[0], levels.pose[0] = cells, (x, y, heading)
    if _distance(cells, x, y, rules.radius) <= TOUCH:
        return
    time, touched = first_contact(levels, 0, rules, speed, turning, 0.0)
    # Everywhere on the way, looked at closely, there is room; and a way that was cut short ends at something.
    for share in np.linspace(0.0, 1.0, 100):
        at_x, at_y, _ = along_arc(x, y, heading, speed, turning, share * time)
        assert _distance(cells, at_x, at_y, rules.radius) > 0.0
    assert touched == (time < rules.dt)
    if touched:
        end_x, end_y, _ = along_arc(x, y, heading, speed, turning, time)
        assert _distance(cells, end_x, end_y, rules.radius) <= TOUCH + 1e-9


@settings(max_examples=60, deadline=None)
@given(x=st.floats(0.8, 4.2), y=st.floats(0.8, 2.7), angle=st.floats(-math.pi, math.pi))
def test_beams_end_where_small_steps_first_meet_something(floor: Any, x: float, y: float, angle: float) -> None:
    cells = floor._drawing.cells
    assume(_between_edges(x, y) and not cells[int(x / CELL), int(y / CELL)] & 3)
    found = beam(cells, CELL, x, y, math.cos(angle), math.sin(angle), 10.0)
    steps = np.arange(0.0, 10.0, 0.001)
    columns = ((x + steps * math.cos(angle)) / CELL).astype(int)
    rows = ((y + steps * math.sin(angle)) / CELL).astype(int)
    inside = (columns >= 0) & (columns < cells.shape[0]) & (rows >= 0) & (rows < cells.shape[1])
    blocked = ~inside
    blocked[inside] = cells[columns[inside], rows[inside]] & 3 > 0
    expected = steps[np.argmax(blocked)]
    # A corner may be cut between two small steps.
    assert found <= expected + 1e-9
    assert abs(found - expected) < 0.01 or _corner_near(cells, x + found * math.cos(angle), y + found * math.sin(angle))


def _between_edges(x: float, y: float) -> bool:
    """False on the edges of cells: a beam that runs along a wall's surface has no length to agree on."""
    return abs(x / CELL - round(x / CELL)) > 1e-3 and abs(y / CELL - round(y / CELL)) > 1e-3


def _corner_near(cells: Any, x: float, y: float) -> bool:
    return abs(x / CELL - round(x / CELL)) < 0.01 and abs(y / CELL - round(y / CELL)) < 0.01


@settings(max_examples=80, deadline=None)
@given(x=st.floats(0.9, 4.1), y=st.floats(0.9, 2.6), heading=st.floats(-math.pi, math.pi))
def test_a_boxs_gap_is_that_of_the_points_on_its_edge(floor: Any, x: float, y: float, heading: float) -> None:
    cells = floor._drawing.cells
    length, width = 0.35, 0.2
    gap = gap_to_walls(cells, CELL, math.hypot(length, width), length, width, x, y, heading, 3.0)
    line = np.linspace(-1, 1, 41)
    edge = [(a * length, b * width) for a in line for b in line]  # filled: a cell may lie inside of the box
    cos, sin = math.cos(heading), math.sin(heading)
    blocked = np.argwhere(cells & 3)
    points = np.array([(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in edge])
    off = np.maximum(np.maximum(blocked[:, None] * CELL - points, points - (blocked[:, None] + 1) * CELL), 0.0)
    sampled = float(np.hypot(off[..., 0], off[..., 1]).min())
    assert gap <= sampled + 1e-9
    assert gap >= sampled - 0.03


def _aimed(most: float, *directions: float) -> Any:
    beams = np.array([np.cos(directions), np.sin(directions)], np.float32)
    aimed = np.zeros((4, len(directions)), np.float32)
    aim(beams, 0.0, most, aimed)
    return aimed


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(0.55, 4.45), y=st.floats(0.55, 2.95), heading=st.floats(-math.pi, math.pi), most=st.floats(0.5, 20.0)
)
def test_beams_at_rectangles_are_those_over_cells(floor: Any, x: float, y: float, heading: float, most: float) -> None:
    """Two ways to the same lengths: rectangles in float32, and cell by cell, jumping over free floor."""
    drawing = floor._drawing
    assume(_between_edges(x, y) and not drawing.cells[int(x / CELL), int(y / CELL)] & 3)
    aimed = np.zeros((4, 32), np.float32)
    aim(floor._beams, heading, most, aimed)
    by_blocks, by_cells = np.zeros((2, 32), np.float32)
    see_floor(5.0, 3.5, x, y, aimed, by_blocks)
    see_blocks(drawing.blocks, len(drawing.blocks), x, y, most, aimed, by_blocks)
    see_cells(drawing.cells, CELL, x, y, most, aimed, by_cells)
    off = np.abs(by_blocks - by_cells) * most
    lean = np.abs(aimed[[TO_X, TO_Y]]).min(axis=0)
    grazing = (lean > 1e-6) & (lean < 1e-3)  # where these end hangs on the last bits of a float32
    for b in np.flatnonzero((off > 1e-4) & ~grazing):
        # Only a beam that just touches a corner may go on in one of them.
        reach = min(by_blocks[b], by_cells[b]) * most
        assert _corner_near(drawing.cells, x + reach * aimed[TO_X, b], y + reach * aimed[TO_Y, b])


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), columns=st.integers(3, 20), rows=st.integers(3, 40))
def test_room_is_the_distance_in_kings_moves_and_rectangles_cover_what_is_blocked(
    seed: int, columns: int, rows: int
) -> None:
    random = np.random.default_rng(seed)
    cells = (random.random((columns, rows)) < random.uniform(0.0, 0.4)).astype(np.uint8)
    blocked = np.argwhere(np.pad(cells, 1, constant_values=1)) - 1
    measure_room(cells)
    for x, y in np.ndindex(columns, rows):
        assert cells[x, y] >> ROOM_SHIFT == min(np.abs(blocked - (x, y)).max(axis=1).min(), MOST_ROOM)
    blocks = np.zeros((800, 4), np.float32)
    covered = np.zeros((columns, rows), int)
    for left, top, right, bottom in blocks[: merge_blocks(cells, 1.0, blocks)].astype(int):
        covered[left:right, top:bottom] += 1
    np.testing.assert_array_equal(covered > 0, cells & 3 > 0)


def test_beams_meet_discs_and_boxes_where_their_equations_say() -> None:
    def disc(direction: float, at_x: float, at_y: float) -> float:
        out = np.ones(1, np.float32)
        see_disc(at_x, at_y, 0.5, 0.0, 0.0, 10.0, _aimed(10.0, direction), out)
        return 10.0 * float(out[0])

    assert disc(0.0, 3.0, 0.0) == pytest.approx(2.5, abs=1e-5)
    assert disc(0.0, 3.0, 0.3) == pytest.approx(3.0 - 0.4, abs=1e-5)
    assert disc(0.0, 3.0, 0.6) == disc(math.pi, 3.0, 0.0) == 10.0
    assert disc(0.0, 0.1, 0.0) == 0.0
    out = np.ones(3, np.float32)
    turned = (3.0, 0.0, math.cos(math.pi / 4), math.sin(math.pi / 4), 0.5, 0.5)
    see_box(turned, 0.0, 0.0, 10.0, _aimed(10.0, 0.0, 0.3, math.pi), out)
    np.testing.assert_allclose(10.0 * out, [3.0 - math.sqrt(0.5), 10.0, 10.0], atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), box=st.booleans())
def test_vehicles_pass_through_each_other_at_no_speed(data: Any, box: bool) -> None:
    rules = _world(
        vehicle={"radius": 0.2, "box": [0.36, 0.24] if box else None, "max_speed": 20.0, "reverse_speed": 20.0}, dt=1.0
    )._rules._replace(vehicles=3)
    numbers = st.tuples(st.floats(0, 6), st.floats(0, 6), st.floats(-math.pi, math.pi))
    pose = np.array([data.draw(numbers) for _ in range(3)])
    speeds = st.tuples(st.floats(-20, 20), st.floats(-6, 6))
    velocity = np.array([data.draw(speeds) for _ in range(3)])
    pairs = ((0, 1), (0, 2), (1, 2))

    def gaps(time: float, seconds: Any) -> list[float]:
        places = [along_arc(*pose[i], *velocity[i], min(time, seconds[i])) for i in range(3)]
        shape = rules.radius, rules.half_length, rules.half_width
        return [gap_between(*shape, *places[a], *places[b]) for a, b in pairs]

    assume(min(gaps(0.0, np.ones(3))) > 2 * TOUCH)
    seconds, touched = np.array([1.0, 1.0, 0.3]), np.zeros(3, np.int8)
    meet(pose, velocity, seconds, touched, rules, 0, True)
    for time in np.linspace(0.0, 1.0, 200):
        assert min(gaps(time, seconds)) > 0.0
    last = gaps(1.0, seconds)
    for i in range(3):
        near = min(gap for gap, pair in zip(last, pairs, strict=True) if i in pair)
        assert (touched[i] == 2) == (near <= TOUCH)


def test_obstacles_go_there_and_back_or_round(floor: Any) -> None:
    levels = floor._levels
    levels.routes[0, 0, :3] = [(1.0, 1.0), (3.0, 1.0), (3.0, 2.0)]
    levels.obstacles[0, 0, [RADIUS, SPEED, PHASE, LENGTH, LOOP, POINTS]] = 0.2, 0.5, 0.0, 3.0, 0.0, 3
    for time, place in ((0.0, (1, 1)), (2.0, (2, 1)), (5.0, (3, 1.5)), (6.0, (3, 2)), (7.0, (3, 1.5)), (12.0, (1, 1))):
        assert obstacle_at(levels.obstacles, levels.routes, 0, 0, time) == pytest.approx(place)
    levels.obstacles[0, 0, [LENGTH, LOOP]] = 3.0 + math.hypot(2.0, 1.0), 1.0
    round_trip = (3.0 + math.hypot(2.0, 1.0)) / 0.5
    assert obstacle_at(levels.obstacles, levels.routes, 0, 0, 8.0)[0] < 3.0
    assert obstacle_at(levels.obstacles, levels.routes, 0, 0, round_trip + 2.0) == pytest.approx((2, 1))


def test_arcs_are_those_of_many_small_steps() -> None:
    x = y = heading = 0.0
    for _ in range(20_000):
        x, y, heading = x + 1.3e-4 * math.cos(heading), y + 1.3e-4 * math.sin(heading), heading - 0.7e-4
    assert along_arc(0.0, 0.0, 0.0, 1.3, -0.7, 2.0) == pytest.approx((x, y, heading), abs=1e-3)


def _rules(**changed: Any) -> Rules:
    return _world(vehicle={"max_speed": 2.0, "reverse_speed": 1.0, "acceleration": 1.0, **changed}, dt=0.5)._rules


def test_velocities_approach_what_is_wanted_no_faster_than_the_limits() -> None:
    rules = _rules(turn_rate=90.0, turn_acceleration=90.0)
    assert new_velocity(rules, 0.0, 0.0, 1.0, 1.0) == pytest.approx((0.5, math.pi / 4))
    assert new_velocity(rules, 1.8, 0.0, 1.0, 0.0)[0] == pytest.approx(2.0)
    assert new_velocity(rules, 0.0, 0.0, -1.0, 0.0)[0] == pytest.approx(-0.5)
    assert new_velocity(rules, -0.9, 0.0, -1.0, 0.0)[0] == pytest.approx(-1.0)


def test_a_differential_drives_wheels_turn_it() -> None:
    rules = _rules(drive="differential", track=0.5, turn_rate=360.0)
    assert new_velocity(rules, 0.0, 0.0, 1.0, 1.0) == pytest.approx((0.5, 0.0))
    speed, turning = new_velocity(rules, 0.0, 0.0, 1.0, 0.0)
    assert (speed, turning) == pytest.approx((0.25, 1.0))  # the left wheel drives it to the right, towards y
