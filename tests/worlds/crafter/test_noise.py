"""Noise is opensimplex's: the exact one bit for bit, maps within their tolerance."""

from __future__ import annotations

import numpy as np
import opensimplex
import pytest
from numba import njit
from palaestra_worlds.crafter.noise import noise3, permute
from palaestra_worlds.crafter.noise_maps import (
    EVERYWHERE,
    TILE,
    TILES_PER_SIDE,
    TOLERANCE,
    WIDTH,
    Slice,
    add_noise,
    tabulate,
)
from palaestra_worlds.crafter.state import AREA

_permute, _noise3, _add_noise = njit(permute), njit(noise3), njit(add_noise)


def _permutation(seed: int) -> np.ndarray:
    found = np.zeros(256, dtype=np.uint8)
    _permute(seed, found)
    return found


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**31 - 2])
def test_permutation_of_a_seed(seed: int) -> None:
    np.testing.assert_array_equal(_permutation(seed), opensimplex.OpenSimplex(seed=seed)._perm)


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 2])
def test_noise_bit_for_bit(seed: int) -> None:
    """Anywhere, and where crafter asks: on slices at whole heights, whose places hit the borders of cells."""
    reference, permutation = opensimplex.OpenSimplex(seed=seed), _permutation(seed)
    random = np.random.default_rng(seed)
    places = random.uniform(-20, 40, (4000, 3))
    places[2000:, 2] = random.integers(0, 9, 2000)
    places[2000:, :2] = random.integers(0, 64, (2000, 2)) / random.choice([3, 5, 6, 7, 8, 9, 15], (2000, 1))
    assert [_noise3(permutation, *place) for place in places] == [reference.noise3(*place) for place in places.tolist()]


@pytest.mark.parametrize(
    "piece",
    [
        Slice(1 / 3, 1 / 3, 8),
        Slice(1 / 15, 1 / 15, 0),
        Slice(2 / 3, 1 / 15, 7),
        Slice(1 / 15, 2 / 3, 7, transposed=True),
    ],
)
def test_maps_are_near_to_the_noise(piece: Slice) -> None:
    slices, permutation = tabulate((piece,)), _permutation(3)
    found = np.zeros(AREA * WIDTH, dtype=np.float32)
    _add_noise(slices, 0, permutation, EVERYWHERE, found)
    shown = found.reshape(AREA, WIDTH)[:, :AREA]
    shown = shown.T if piece.transposed else shown
    exact = [
        [_noise3(permutation, x * piece.x_step, y * piece.y_step, float(piece.height)) for y in range(AREA)]
        for x in range(AREA)
    ]
    np.testing.assert_allclose(shown, exact, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("transposed", [False, True])
def test_only_needed_tiles_of_a_map_have_to_be_filled(transposed: bool) -> None:
    slices, permutation = tabulate((Slice(1 / 7, 1 / 5, 5, transposed=transposed),)), _permutation(3)
    maps = np.zeros((2, AREA * WIDTH), dtype=np.float32)
    _add_noise(slices, 0, permutation, EVERYWHERE, maps[0])
    _add_noise(slices, 0, permutation, np.uint64(1 << 2 * TILES_PER_SIDE + 5), maps[1])
    whole, part = (one.reshape(AREA, WIDTH)[:, :AREA] for one in maps)
    whole, part = (one.T if transposed else one for one in (whole, part))
    tile = slice(2 * TILE, 3 * TILE), slice(5 * TILE, 6 * TILE)
    np.testing.assert_array_equal(whole[tile], part[tile])
    assert (part[6 * TILE :] == 0).all()
    assert (whole[6 * TILE :] != 0).any()
