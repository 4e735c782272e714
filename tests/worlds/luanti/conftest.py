"""A game in its server, for tests that have one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from palaestra_worlds.luanti import PROVIDER
from palaestra_worlds.luanti.world import LuantiWorld

SEED = 2
"""A map with trees and stone a few blocks from where one begins."""


@pytest.fixture(scope="module")
def world() -> Iterator[LuantiWorld]:
    """A game that has begun, in which blocks break quickly."""
    missing = PROVIDER.entries()[0].missing
    if missing:
        pytest.skip(f"the game server is not installed: {missing}")
    made = PROVIDER.make("Luanti", 1, rules="easy")
    try:
        made.reset(seed=SEED)
        yield made
    finally:
        made.close()
