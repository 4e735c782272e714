"""The compiled random stream against NumPy's RandomState."""

from __future__ import annotations

import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from palaestra_worlds.crafter.random import (
    episode_seed,
    random_double,
    random_integer,
    seed_stream,
    skip_doubles,
    to_random_state,
)
from palaestra_worlds.crafter.state import allocate


@numba.njit
def draw(rows, kinds, out):
    """Draws what `kinds` says: -1 a double, -n n doubles of which nothing is kept, n an integer below n."""
    for k in range(len(kinds)):
        if kinds[k] == -1:
            out[k] = random_double(rows[0])
        elif kinds[k] < 0:
            skip_doubles(rows[0], -kinds[k])
        else:
            out[k] = random_integer(rows[0], 0, kinds[k])


@numba.njit
def seed(rows, number):
    seed_stream(rows[0], number)


@numba.njit
def hash_of(number, episode):
    return episode_seed(number, episode)


def numpy_draws(random: np.random.RandomState, kinds: list[int]) -> list[float]:
    found = []
    for kind in kinds:
        if kind < -1:
            random.uniform(32, 127, -kind)
        found.append(random.uniform() if kind == -1 else random.randint(0, kind) if kind > 0 else 0)
    return found


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([-3087, -700, -312, -5, -1, -1, -1, 1, 2, 4, 17, 144, 2**31 - 1]), max_size=60),
)
def test_draws_are_numpys(number: int, kinds: list[int]) -> None:
    levels = allocate(1)
    out = np.zeros(len(kinds))
    seed(levels.rows, number)
    draw(levels.rows, np.array(kinds, dtype=np.int64), out)
    reference = np.random.RandomState(number)
    assert out.tolist() == numpy_draws(reference, kinds)
    following = to_random_state(levels.random[0])
    assert following.randint(0, 1000, 700).tolist() == reference.randint(0, 1000, 700).tolist()


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1))
def test_seeds_of_episodes_are_cpythons_hashes(number: int, episode: int) -> None:
    assert hash_of(number, episode) == hash((number, episode)) % (2**31 - 1)
