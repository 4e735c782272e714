"""The comparison that `palaestra bench parity` makes of Crafter, with pictures, for a few seeds."""

from __future__ import annotations

import numpy as np
import pytest
from palaestra.bench.crafter_parity import compare_crafter
from palaestra.bench.differences import ParityError, same_array


def test_pictures_and_states_through_a_night() -> None:
    """Past nightfall, which the noise of pictures begins with; episodes cut, so that each has a successor."""
    result = compare_crafter(range(3), 230, max_steps=200)
    assert (result.steps, result.episodes >= 3) == (690, True)


def test_a_difference_is_named_with_its_size_and_place() -> None:
    found = np.zeros((2, 2), dtype=np.uint8)
    found[1, 0] = 3
    with pytest.raises(ParityError, match=r"seed 4: image differs in 1 places by at most 3, first at \[1, 0\]"):
        same_array("seed 4", "image", np.zeros((2, 2), dtype=np.uint8), found)
