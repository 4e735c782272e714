"""`describe` and back: a text says all that can be seen of a level, for every world and along whole episodes."""

from __future__ import annotations

import contextlib

import numpy as np
import palaestra_worlds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.minigrid.description import DescriptionError, describe_level, parse_description
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    DOOR,
    EMPTY_CELL,
    FLOOR,
    GOAL,
    KEY,
    LAVA,
    WALL,
    make_cell,
)
from palaestra_worlds.registry import world_entries

SERVED = sorted(
    {
        entry.summary: entry.id for entry in world_entries() if entry.id.startswith("MiniGrid-") and not entry.missing
    }.values()
)


@pytest.mark.parametrize("id", SERVED)
def test_descriptions_give_the_state_back_along_episodes(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=4)
    world.reset(seed=2)
    random = np.random.default_rng(0)
    for _ in range(25):
        for i in range(4):
            state = world.grid_state(i)
            assert parse_description(f"Before it.\n\n{world.describe(i)}\n\nAnd after.") == state
        for _ in range(4):
            world.step(random.integers(0, world.single_action_space.n, 4))


colors = st.integers(0, 5)
things = st.one_of(
    st.builds(make_cell, st.sampled_from([KEY, BALL]), colors),
    st.builds(make_cell, st.just(BOX), colors, st.just(0), st.builds(make_cell, st.sampled_from([KEY, BALL]), colors)),
    st.builds(make_cell, st.just(BOX), colors),
)
cells = st.one_of(
    st.just(EMPTY_CELL),
    st.builds(make_cell, st.sampled_from([WALL, FLOOR, GOAL, LAVA]), colors),
    st.builds(make_cell, st.just(DOOR), colors, st.integers(0, 2)),
    things,
).map(int)


@st.composite
def states(draw) -> GridState:
    """Any level at all, whether a generator would make it or not."""
    width, height = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    return GridState(
        width=width,
        height=height,
        cells=tuple(draw(st.lists(cells, min_size=width * height, max_size=width * height))),
        x=draw(st.integers(0, width - 1)),
        y=draw(st.integers(0, height - 1)),
        direction=draw(st.integers(0, 3)),
        carrying=draw(st.one_of(st.just(0), things.map(int))),
        mission=draw(st.sampled_from(["", "get to the green goal square", "pick up the red key"])),
        step=draw(st.integers(0, 999)),
        max_steps=draw(st.integers(1, 999)),
    )


@settings(max_examples=150, deadline=None)
@given(states())
def test_any_level_goes_into_words_and_back(state: GridState) -> None:
    assert parse_description(describe_level(state)) == state


@settings(max_examples=100, deadline=None)
@given(states(), st.data())
def test_damaged_descriptions_are_refused_or_read_but_never_crash(state: GridState, data) -> None:
    text = describe_level(state)
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.sampled_from(["", "x", "99", "\n", "#"])) + text[at + 1 :]
    with contextlib.suppress(DescriptionError):
        assert isinstance(parse_description(damaged), GridState)
