"""Scripted players of BASALT tasks, walkers beside them, and the oracle that compares what they did."""

from __future__ import annotations

from pathlib import Path

import palaestra_worlds
import pytest
from palaestra.judging.scripted import judge_by, scores_by_checks
from palaestra_worlds.basalt.scripted import WALKER, record
from palaestra_worlds.demonstrations import Demonstrations, DemonstrationsError, replay

LEVELS = 2


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walks") / "walks.demonstrations"
    kept, passed = record("FindCave", path, LEVELS, walks=True)
    assert kept == LEVELS
    assert 0 < passed < LEVELS
    return path


def test_walks_can_be_repeated_and_are_not_walked_twice(walks: Path) -> None:
    before = Demonstrations(walks).episodes()
    assert {episode.by for episode in before} == {WALKER}
    assert len({len(episode.actions) for episode in before}) > 1
    assert len(list(replay(before))) == LEVELS
    record("FindCave", walks, LEVELS, walks=True)
    assert len(Demonstrations(walks).episodes()) == LEVELS


def test_the_oracle_prefers_what_passes_more_checks(walks: Path) -> None:
    file = Demonstrations(walks)
    scores = scores_by_checks(file)
    assert sorted(scores) == [episode.number for episode in file.episodes()]
    # Watching changes nothing, and says nothing where it was not asked for.
    (alone,) = replay(file.episodes()[:1])
    assert alone.checked is None
    # Whoever walks digs nothing: one check of three is passed by all of them.
    assert set(scores.values()) == {1.0, 3.0}
    made = judge_by(file, scores, 40)
    assert {0.0, 1.0} <= {one.better for one in made}
    assert all((scores[one.one] > scores[one.other]) == (one.better == 1.0) for one in made)


def test_the_oracle_has_no_opinion_of_worlds_without_checks(tmp_path: Path) -> None:
    path = tmp_path / "empty.demonstrations"
    file = Demonstrations(path, create=True)
    world = palaestra_worlds.make("MiniGrid-Empty-5x5-v0", 1)
    number = file.begin("ann", world, {}, None, 0)
    file.add_all(number, [2])
    file.end(number, "digest")
    with pytest.raises(DemonstrationsError, match="checks nothing; compare its episodes yourself"):
        scores_by_checks(file)


def test_a_scripted_house_passes_the_check(tmp_path: Path) -> None:
    """Its floor was dug up on the way out of its closed walls."""
    assert record("BuildVillageHouse", tmp_path / "houses.demonstrations", 2) == (2, 2)


def test_scripted_waterfalls_pass_the_check(tmp_path: Path) -> None:
    assert record("MakeWaterfall", tmp_path / "waterfalls.demonstrations", 2) == (2, 2)
