"""The comparison that `palaestra bench parity` makes of Crafter, with pictures, for a few seeds."""

from __future__ import annotations

import numpy as np
import pytest
from palaestra.bench.crafter_parity import compare_crafter
from palaestra.bench.differences import ParityError, same_array


def test_pictures_and_states_through_a_night() -> None:
    """Past nightfall, which the noise of pictures begins with; episodes cut, so that each has a successor."""
    named: list[str] = []
    result = compare_crafter(range(3), 230, max_steps=200, starting=named.append)
    assert named == ["Crafter, seeds 0 to 2 of 0 to 2"]
    assert (result.steps, result.episodes >= 3) == (690, True)


def test_a_difference_is_named_with_its_size_and_place() -> None:
    found = np.zeros((2, 2), dtype=np.uint8)
    found[1, 0] = 3
    with pytest.raises(ParityError, match=r"seed 4: image differs in 1 places by at most 3, first at \[1, 0\]"):
        same_array("seed 4", "image", np.zeros((2, 2), dtype=np.uint8), found)


def test_the_peer_of_the_learner_sees_the_symbols_that_ours_do() -> None:
    """Materials, creatures and plants, place for place, while the player walks into the world's corner and plants."""
    import palaestra_worlds
    from palaestra.bench.crafter_learner import COLUMNS, ROWS, CrafterSymbols

    peer = CrafterSymbols(seed=3)
    world = palaestra_worlds.make("Crafter", num_envs=1, observation="symbolic")
    theirs, (ours, _) = peer.reset()[0], world.reset(seed=3)
    random = np.random.default_rng(0)
    things = 0
    for step in range(120):
        cells = COLUMNS * ROWS
        materials = theirs[: cells * 13].reshape(COLUMNS, ROWS, 13)[..., 1:]
        standing = theirs[cells * 13 : cells * 18].reshape(COLUMNS, ROWS, 5)
        # Ours tells arrows by direction, and ripe plants from others.
        seen = ours["map"][0]
        grouped = [seen[..., 12 + k] for k in range(3)] + [seen[..., 15:19].max(-1), seen[..., 19:].max(-1)]
        np.testing.assert_array_equal(materials, seen[..., :12], err_msg=f"step {step}")
        np.testing.assert_array_equal(standing, np.stack(grouped, axis=-1), err_msg=f"step {step}")
        np.testing.assert_array_equal(theirs[cells * 18 : cells * 18 + 18], ours["vector"][0, :18])
        things += int(standing.sum())
        action = int(random.choice([1, 3, 3, 1, 5, 7, 8, 6][: 8 if step > 5 else 5]))
        theirs, (ours, *_) = peer.step(action)[0], world.step([action])
    assert things > 0
