"""Tasks in MiniGrid worlds: which level an episode gets, how subgoals are shown, reached and paid."""

from __future__ import annotations

import numpy as np
import palaestra_worlds
import pytest
from palaestra_worlds import TaskError
from palaestra_worlds.minigrid.state import (
    DOOR,
    FORWARD,
    GOAL,
    KEY,
    LEFT,
    PICKUP,
    RIGHT,
    TOGGLE,
    cell_color,
    cell_type,
)
from palaestra_worlds.minigrid.subgoals import COLOR_NUMBERS
from palaestra_worlds.minigrid.tasks import (
    PHRASES,
    LanguageSubgoal,
    MiniGridTask,
    ObjectSubgoal,
    PositionSubgoal,
)

ID = "MiniGrid-DoorKey-5x5-v0"


def make(**settings):
    return palaestra_worlds.make(ID, **{"num_envs": 1, "subgoals": "position"} | settings)


def at(x: int, y: int) -> PositionSubgoal:
    return PositionSubgoal(x=x, y=y)


def test_a_task_with_a_level_seed_gives_the_level_of_that_seed() -> None:
    world = make(num_envs=3)
    world.draw_from([MiniGridTask(level_seed=17)])
    drawn, _ = world.reset(seed=0)
    seeded, _ = make(num_envs=1).reset(seed=17)
    for i in range(3):
        np.testing.assert_array_equal(drawn["image"][i], seeded["image"][0])


def test_draws_follow_the_weights_and_come_from_a_stream_apart_from_the_levels() -> None:
    world = make(num_envs=2000)
    tasks = [MiniGridTask(level_seed=seed) for seed in range(3)]
    world.draw_from(tasks, weights=np.array([1.0, 0.0, 3.0]))
    world.reset(seed=0)
    rows = world._lessons.status[:, 0]
    assert not (rows == 1).any()
    assert 0.2 < (rows == 0).mean() < 0.3
    world.draw_from(None)
    after, _ = world.reset(seed=5)
    fresh, _ = make(num_envs=2000).reset(seed=5)
    np.testing.assert_array_equal(after["image"], fresh["image"])


def test_assigned_tasks_hold_for_one_episode_and_go_before_the_bank() -> None:
    world = make(num_envs=2, max_steps=3)
    world.draw_from([MiniGridTask(level_seed=4)])
    world.assign([MiniGridTask(level_seed=8), None])
    first, _ = world.reset(seed=0)
    expected = {seed: make().reset(seed=seed)[0]["image"][0] for seed in (4, 8)}
    np.testing.assert_array_equal(first["image"][0], expected[8])
    np.testing.assert_array_equal(first["image"][1], expected[4])
    for _ in range(3):
        second, *_, infos = world.step(np.array([LEFT, LEFT]))
    np.testing.assert_array_equal(infos["episode"]["task"], [1, 0])
    for i in range(2):
        np.testing.assert_array_equal(second["image"][i], expected[4])


def solve_by_hand(world) -> tuple[list, list[float]]:
    """Turns on the spot until the object is in front, then acts; a few steps of a known level."""
    shown, paid = [], []
    for action in (LEFT, LEFT, RIGHT):
        observations, *_, infos = world.step(np.array([action]))
        shown.append(observations["subgoal"][0].tolist())
        paid.append(float(infos["lesson_reward"][0]))
    return shown, paid


def test_position_is_shown_relative_to_the_agent_and_zero_when_none_is_left() -> None:
    world = make()
    world.reset(seed=3)
    x, y = world.grid_state(0).x, world.grid_state(0).y
    target = next(
        (i, j) for i in range(1, 4) for j in range(1, 4) if world.grid_state(0).at(i, j) == 1 and (i, j) != (x, y)
    )
    world.draw_from([MiniGridTask(level_seed=3, subgoals=(at(*target),))])
    observations, _ = world.reset(seed=0)
    assert observations["subgoal"][0].tolist() == [target[0] - x, target[1] - y]
    shown, paid = solve_by_hand(world)
    assert all(part == [target[0] - x, target[1] - y] for part in shown)
    assert paid == [0.0, 0.0, 0.0]
    assert make().reset(seed=3)[0]["subgoal"][0].tolist() == [0, 0]


def test_reaching_is_paid_once_by_the_papers_formula_and_moves_on_to_the_next() -> None:
    """The agent stands on the first subgoal's cell already: any step reaches it. The second is the cell ahead."""
    world = make(max_steps=50)
    world.reset(seed=3)
    state = world.grid_state(0)
    here = at(state.x, state.y)
    free = [(i, j) for i in range(1, 4) for j in range(1, 4) if state.at(i, j) == 1 and (i, j) != (state.x, state.y)]
    beside = next(cell for cell in free if abs(cell[0] - state.x) + abs(cell[1] - state.y) == 1)
    facing = [(1, 0), (0, 1), (-1, 0), (0, -1)].index((beside[0] - state.x, beside[1] - state.y))
    world.draw_from([MiniGridTask(level_seed=3, subgoals=(here, at(*beside)))])
    world.reset(seed=0)
    turns = (facing - state.direction) % 4
    paid = [world.step(np.array([RIGHT]))[4]["lesson_reward"][0] for _ in range(max(turns, 4))]
    while world.grid_state(0).direction != facing:
        paid.append(world.step(np.array([RIGHT]))[4]["lesson_reward"][0])
    observations, *_, infos = world.step(np.array([FORWARD]))
    assert paid[0] == pytest.approx(1 - 1 / 50)
    assert not any(paid[1:])
    assert infos["lesson_reward"][0] == pytest.approx(1 - len(paid) / 50)
    assert observations["subgoal"][0].tolist() == [0, 0]


def test_a_cell_whose_content_changes_is_reached_without_standing_on_it() -> None:
    """Picking up the key: the agent stays beside its cell."""
    world = make()
    for seed in range(200):
        world.reset(seed=seed)
        state = world.grid_state(0)
        if (state.at(*state.front) & 15) == 5:
            break
    world.draw_from([MiniGridTask(level_seed=seed, subgoals=(at(*state.front),))])
    world.reset(seed=0)
    assert world.step(np.array([TOGGLE]))[4]["lesson_reward"][0] == 0
    assert world.step(np.array([PICKUP]))[4]["lesson_reward"][0] == pytest.approx(1 - 2 / 250)


def test_object_and_language_subgoals_are_shown_in_their_own_form() -> None:
    key = ObjectSubgoal(type="key", color="yellow")
    world = make(subgoals="object")
    world.draw_from([MiniGridTask(level_seed=3, subgoals=(key, ObjectSubgoal(type="door", color="yellow")))])
    assert world.reset(seed=0)[0]["subgoal"][0].tolist() == [5, 4, 0]
    assert make(subgoals="object").reset(seed=3)[0]["subgoal"][0].tolist() == [-1, -1, -1]
    instruction = LanguageSubgoal(instruction="pick up the yellow key")
    world = make(subgoals="language")
    assert world.subgoal_phrases == PHRASES
    world.draw_from([MiniGridTask(level_seed=3, subgoals=(instruction,))])
    row = world.reset(seed=0)[0]["subgoal"][0].tolist()
    assert row == [PHRASES.index("pick up the yellow key")]
    assert make(subgoals="language").reset(seed=3)[0]["subgoal"][0].tolist() == [-1]


def test_hidden_subgoals_are_not_shown_but_counted() -> None:
    world = make(num_envs=1000, subgoal_dropout=0.3)
    world.draw_from([MiniGridTask(level_seed=3, subgoals=(at(3, 3),))])
    observations, _ = world.reset(seed=0)
    hidden = (observations["subgoal"] == 0).all(axis=1)
    assert 0.25 < hidden.mean() < 0.35
    np.testing.assert_array_equal(hidden, world._lessons.status[:, 4] == 1)


@pytest.mark.parametrize(
    ("subgoals", "reason"),
    [
        ((at(40, 1),), "outside"),
        ((at(0, 0),), "wall"),
        ((ObjectSubgoal(type="ball", color="red"),), "red ball"),
        ((LanguageSubgoal(instruction="open the red door"),), "red door"),
    ],
)
def test_subgoals_that_mean_nothing_in_their_level_are_refused_with_the_reason(subgoals, reason: str) -> None:
    with pytest.raises(TaskError, match=reason):
        make().draw_from([MiniGridTask(level_seed=3, subgoals=subgoals)])


def test_other_tasks_that_cannot_be_carried_out_are_refused() -> None:
    with pytest.raises(TaskError, match="level_seed"):
        make().draw_from([MiniGridTask(subgoals=(at(1, 1),))])
    with pytest.raises(TaskError, match="no task"):
        make().draw_from([])
    with pytest.raises(TaskError, match="weights"):
        make().draw_from([MiniGridTask(level_seed=1)], weights=np.array([np.nan]))
    with pytest.raises(TaskError, match="2 tasks for 1"):
        make().assign([None, None])
    with pytest.raises(TaskError, match="language"):
        make(subgoals="language").draw_from([MiniGridTask(level_seed=3, subgoals=(at(3, 3),))])


def test_a_bank_that_grows_leaves_running_episodes_as_they_are() -> None:
    world = make(num_envs=4)
    tasks = [MiniGridTask(level_seed=3, subgoals=(at(3, 3),))]
    world.draw_from(tasks)
    before, _ = world.reset(seed=0)
    world.draw_from([*tasks, MiniGridTask(level_seed=9)])
    np.testing.assert_array_equal(world.observe()["subgoal"], before["subgoal"])


@pytest.mark.parametrize("form", ["position", "object"])
def test_snapshots_hold_pending_tasks_hidden_subgoals_and_draws(form: str) -> None:
    """Taken in the middle of an episode, with a bank, tasks assigned for the next one, and subgoals hidden in some."""
    subgoals = {"position": (at(3, 3), at(1, 1)), "object": (ObjectSubgoal(type="key", color="yellow"),)}[form]
    bank = [MiniGridTask(level_seed=3, subgoals=subgoals), MiniGridTask(level_seed=9), MiniGridTask()]

    def another():
        return make(num_envs=6, max_steps=7, subgoals=form, subgoal_dropout=0.5)

    def steps(world) -> list:
        random = np.random.default_rng(1)
        found = []
        for _ in range(30):
            observations, rewards, *_, infos = world.step(random.integers(0, 7, 6))
            parts = [observations["image"], observations["subgoal"], rewards, infos["lesson_reward"]]
            found.append(parts + [value for _, value in sorted(infos.get("episode", {}).items())])
        return found

    world = another()
    world.draw_from(bank, weights=np.array([2.0, 1.0, 1.0]))
    world.reset(seed=0)
    world.step(np.full(6, LEFT))
    world.assign([MiniGridTask(level_seed=50 + i) if i % 2 else None for i in range(6)])
    assert world._lessons.status[:, 4].sum() > 0
    saved = world.snapshot()
    expected = steps(world)
    fresh = another()
    fresh.restore(saved)
    np.testing.assert_equal(steps(fresh), expected)
    assert {row for step in expected if len(step) > 4 for row in step[-1]} > {0, 1, 2}
    for damaged in (saved[:50], saved[:-30], b"", b"PK" + saved[2:-9]):
        with pytest.raises(ValueError, match="snapshot"):
            another().restore(damaged)


@pytest.mark.parametrize("actions", [[7], [-1], [0, 0], [0.5], ["left"]])
def test_actions_that_are_none_are_refused(actions) -> None:
    world = make()
    world.reset(seed=0)
    with pytest.raises(ValueError, match="actions must"):
        world.step(np.array(actions))


def test_bad_settings_and_seeds_are_named() -> None:
    with pytest.raises(ValueError, match="did you mean 'MiniGrid-DoorKey-5x5-v0'"):
        palaestra_worlds.make("MiniGrid-DoorKey-5x5")
    with pytest.raises(ValueError, match="subgoal_dropout"):
        make(subgoal_dropout=2.0)
    with pytest.raises(ValueError, match="num_envs"):
        make(num_envs=0)
    with pytest.raises(ValueError, match="seed must be"):
        make().reset(seed=-1)
    with pytest.raises(ValueError, match="before step"):
        make().step(np.array([0]))
    with pytest.raises(ValueError, match="no snapshot"):
        make().restore(b"nonsense")
    with pytest.raises(ValueError, match="another world"):
        make().restore(make(num_envs=2).snapshot())


@pytest.mark.parametrize(
    ("id", "settings", "reason"),
    [
        (ID, {"reference": {"sze": 3}}, "DoorKey-5x5.*sze"),
        (ID, {"reference": {"size": 2}}, "cannot make"),
        (ID, {"reference": {"render_mode": "human"}}, "render_mode"),
        (ID, {"agent_view_size": 4}, "odd"),
        (ID, {"observation": "pixels"}, "observation"),
        (ID, {"observe": "full"}, "observe"),
        ("MiniGrid-KeyCorridorS3R3-v0", {"reference": {"num_rows": 12}}, "num_rows=12"),
        ("MiniGrid-MultiRoom-N6-v0", {"reference": {"maxNumRooms": 90}}, "maxNumRooms=90"),
    ],
)
def test_settings_that_the_reference_or_the_engine_refuses_are_named(id: str, settings: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        palaestra_worlds.make(id, num_envs=2, **settings)


def test_descriptions_name_what_is_there() -> None:
    world = make()
    world.reset(seed=3)
    text = world.describe(0)
    for word in ("yellow key", "locked", "goal"):
        assert word in text
    kinds = {cell & 15 for cell in world.grid_state(0).cells}
    assert {DOOR, GOAL} <= kinds


def test_what_a_task_is_about_is_found_in_the_picture_of_its_level_in_whatever_form_it_is_given() -> None:
    world = make()
    world.reset(seed=[3])
    state = world.grid_state(0)
    (key,) = [(x, y) for x, y, cell in state.objects if cell_type(cell) == KEY]
    color = next(name for name, number in COLOR_NUMBERS.items() if number == cell_color(state.at(*key)))
    instruction = f"pick up the {color} key"
    forms = (at(*key), ObjectSubgoal(type="key", color=color), LanguageSubgoal(instruction=instruction))
    places = {world.locate(MiniGridTask(level_seed=3, subgoals=(subgoal,))) for subgoal in forms}
    assert len(places) == 1
    ((x, y),) = places.pop()
    red, green, blue = (int(value) for value in world.render_frame(0)[y - 6, x])
    assert color == "yellow"
    assert min(red, green) > blue + 100
    assert world.locate(MiniGridTask(level_seed=3)) == ()
