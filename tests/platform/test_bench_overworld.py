"""What `palaestra bench worlds --id Overworld` counts."""

from __future__ import annotations

from palaestra.bench.overworld import REPORTED, SETTINGS, memory_of
from palaestra_worlds.overworld.settings import OverworldSettings


def test_memory_of_an_environment_is_little_and_grows_with_what_is_switched_on():
    bare, everything = memory_of({}), memory_of({"mobs": "all", "homestead": True})
    assert 96 * 96 * 64 * 2 < bare < everything < 2_000_000


def test_what_is_measured_can_be_set_and_what_it_is_beside_has_a_source():
    for settings in SETTINGS.values():
        OverworldSettings(**settings)
    for _, fastest, source in REPORTED:
        assert fastest > 0
        assert source.startswith("https://")
