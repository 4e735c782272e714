"""Films of motions and the page that shows them, and what happens where nothing can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from palaestra.motions.driving import Attempted
from palaestra.motions.films import NoFilms, film_path, make_films, to_film, write_sheet
from palaestra.motions.page import summary, write_page
from palaestra.motions.study import Case, recording_path, run_study, study_folder
from palaestra.motions.tasks import MotionStudy, load_study
from PIL import Image

from .conftest import Result

STUDY = """
name: small
planner: {kind: predictive_sampling, samples: 2, horizon: 0.02, threads: 1}
seeds: {two: 1}
tasks:
  stand:
    turns: [{say: "Stand <still>.", seconds: 0.1}]
    success: {hold: 0.06, checks: [{measure: height, near: 0.25, within: 0.1}]}
  fly:
    turns: [{say: Stand still., seconds: 0.1}]
    success: {hold: 0.06, checks: [{measure: height, least: 2.0, mean: true}]}
"""
CASES = [Case("stand", "two", 0), Case("fly", "two", 0)]
Found = dict[Case, Attempted]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[MotionStudy, Path, Found]:
    folder = tmp_path_factory.mktemp("films")
    (folder / "small.yaml").write_text(STUDY, encoding="utf-8")
    study = load_study(folder / "small.yaml")
    return study, folder, run_study(study, folder, CASES)


def test_a_recording_holds_the_states_in_their_order(done: tuple[MotionStudy, Path, Found]) -> None:
    states = np.load(recording_path(done[1], CASES[0]))
    np.testing.assert_allclose(states[:, 0], [0.0, 0.04, 0.08], atol=1e-6)
    assert 0.1 < states[-1, 3] < 0.4


def test_films_are_made_once_and_shown_on_the_page(done: tuple[MotionStudy, Path, Found], tmp_path: Path) -> None:
    study, folder, found = done
    assert to_film(study, found) == CASES
    assert make_films(study, folder, found, CASES) == CASES
    films = [film_path(folder, case) for case in CASES]
    assert all(b"ftyp" in film.read_bytes()[:16] for film in films)
    written = [film.stat().st_mtime_ns for film in films]
    make_films(study, folder, found, CASES)
    assert [film.stat().st_mtime_ns for film in films] == written

    page = write_page(study, folder, found, CASES).read_text(encoding="utf-8")
    assert page.count("data:video/mp4;base64,") == 2
    assert "Stand &lt;still&gt;." in page
    assert "height on average least 2" in page
    assert "reset_reward()" in page
    assert summary(study, found) == "Descriptor and coder: 1 of 2 tasks in 90% of attempts or more."

    write_sheet(study, folder, CASES, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size == (960, 200)


def test_a_recording_that_is_none_is_named(done: tuple[MotionStudy, Path, Found], tmp_path: Path) -> None:
    path = recording_path(tmp_path, CASES[0])
    path.parent.mkdir()
    path.write_bytes(b"no recording")
    with pytest.raises(NoFilms, match=r"stand\.two\.0\.npy is no recording of a motion"):
        make_films(done[0], tmp_path, done[2], CASES[:1])


def test_where_nothing_can_draw_the_study_goes_on(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from palaestra_worlds.robots import rendering

    monkeypatch.setattr(rendering, "BACKENDS", ("no_such_backend",))
    (tmp_path / "small.yaml").write_text(STUDY, encoding="utf-8")
    shown = cli("motions", tmp_path / "small.yaml", "--runs", tmp_path, "--tasks", "stand")
    assert shown.code == 0, shown.error
    assert "No films: robots cannot be drawn here" in shown.out
    assert "apt-get install libegl1" in shown.out
    page = (study_folder(load_study(tmp_path / "small.yaml"), tmp_path) / "report.html").read_text(encoding="utf-8")
    assert "apt-get install libegl1" in page
    assert "<video" not in page
