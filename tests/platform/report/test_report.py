"""The page says what the store holds, in words that are true, and needs nothing but itself."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import palaestra_worlds
import pytest
from palaestra.report import arms as arms_module
from palaestra.report import pictures, text, words, write_report
from palaestra.report.arms import read_arms, standings
from palaestra.report.plots import style_of
from palaestra.run import Run, RunError, start_run
from palaestra.spec import RunSpec
from palaestra.statistics import Interval, Ratio
from palaestra.watch import Film

Recording = Callable[..., None]

UNTAUGHT = """
name: plain
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 4}
budget: {steps: 40000}
evaluation: {every: 10000, episodes: 20}
"""


def written(run: Run) -> str:
    return write_report(run).read_text(encoding="utf-8")


def as_text(page: str) -> str:
    """What a reader sees, in one line."""
    body = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<head>.*?</head>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


@pytest.fixture(scope="module")
def page(whole_run: Run) -> str:
    return written(whole_run)


def test_the_page_is_one_file_that_needs_no_other(page: str, whole_run: Run) -> None:
    assert page == (whole_run.folder / "report.html").read_text(encoding="utf-8")
    assert len(page) < 5_000_000
    for name in ("src", "srcset", "href", "xlink:href", "action", "poster"):
        for value in re.findall(rf'\b{name}="([^"]*)"', page):
            assert value.startswith(("data:", "#")), f"{name}={value[:60]}"
    assert not re.search(r"@import|url\((?!#)", page)
    assert "<script" not in page


def test_it_says_what_was_found(page: str) -> None:
    found = as_text(page)
    assert "the taught arm “taught” reached 80 % success after 20 k steps (median; 3 of 3 seeds reached it)" in found
    assert "The best arm without a teacher “rnd” did not reach 80 % success in 40 k steps (0 of 3 seeds" in found
    assert "needs at least 2.0 times fewer steps" in found
    assert "All 9 trials are done." in found
    assert "scripted (an oracle that sees the whole level; no language model)" in found


def test_its_tables_hold_the_numbers_of_the_store(page: str) -> None:
    found = as_text(page)
    assert "taught taught 20 k [10 k, 30 k] 3 of 3 seeds reached it > 2.0 × fewer steps 30 k [20 k, 40 k]" in found
    assert "rnd not reached in 40 k 0 of 3 seeds reached it the best untaught arm" in found
    assert "Asked about 8 of 8 training levels: 7 lessons kept, 1 level without a lesson." in found
    assert "timeout 1 unavailable: timeout: no reply within 60 s" in found
    assert "subgoal 1 90 % subgoal 2 90 % subgoal 3 0 %" in found
    assert "level 7: no reply <script>alert(1)</script> within 60 s" in found
    assert "ppo 1 k 2 min 30 s 10 % 20 % 50 % 15 % 5.0 %" in found
    assert "taught-seed1 done 40 k 40 k 50 s 1 k 100 %" in found
    assert "Does a teacher <b>help</b> with doors & keys?" in found
    assert "kind: subgoals" in found


def test_it_shows_levels_films_and_curves(page: str) -> None:
    assert page.count('<svg class="plot"') == 2
    assert page.count('<svg class="key"') == 3
    assert len(re.findall(r'alt="Level \d+ at its start"', page)) == 6
    films = re.findall(r'alt="(\w+), level (\d+): [^"]+"', page)
    assert films == [(arm, f"100000{k}") for arm in ("taught", "rnd") for k in range(3)]


@pytest.mark.parametrize(
    "subgoal",
    [
        {"form": "position", "x": 3, "y": 3},
        {"form": "object", "type": "goal", "color": "green"},
        {"form": "language", "instruction": "go to the green goal"},
    ],
)
def test_subgoals_are_marked_in_the_picture_of_their_level_in_whatever_form_they_are(subgoal: dict[str, str]) -> None:
    world = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0")
    marked, plain = (
        pictures.level_picture(world, world.task_space.model_validate({"level_seed": 3, "subgoals": subgoals}))
        for subgoals in ([subgoal], [])
    )
    assert marked != plain
    at_goal = {"level_seed": 3, "subgoals": [{"form": "position", "x": 3, "y": 3}]}
    assert marked == pictures.level_picture(world, world.task_space.model_validate(at_goal))


def test_pictures_use_only_colours_of_the_page(page: str) -> None:
    """A colour that is written out would be wrong in one of light and dark."""
    for picture in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        assert not re.search(r"#[0-9a-f]{6}\b(?!\))", re.sub(r"(xlink:href|clip-path)=\"[^\"]*\"", "", picture))
        assert "var(--arm-" in picture


def test_the_same_store_gives_the_same_page(whole_run: Run, page: str) -> None:
    def without_time(content: str) -> str:
        return re.sub(r"<dt>Report written</dt><dd>[^<]*", "", content)

    assert without_time(written(whole_run)) == without_time(page)


def test_a_run_that_has_just_begun_has_a_report(empty_run: Run) -> None:
    found = as_text(written(empty_run))
    assert "Nothing has been evaluated yet." in found
    assert "Of 9 trials: 9 waiting. What follows is preliminary." in found
    assert "Asked about 0 of 8 training levels" in found


def test_a_run_on_its_way_says_so(empty_run: Run, record: Recording) -> None:
    with empty_run.open_store() as store:
        record(store, "taught", 0, (0.0, 0.5), status="running")
        record(store, "ppo", 0, (0.0, 0.9, 0.1), status="failed", message="FloatingPointError: learning <diverged>")
        record(store, "ppo", 1, (0.0, 0.0, 0.1), status="interrupted")
    found = as_text(written(empty_run))
    assert "Of 9 trials: 1 failed, 1 interrupted, 1 running, 6 waiting. What follows is preliminary." in found
    assert "“taught” has not reached 80 % success in 10 k steps" in found
    assert "Failed trials are left out of mean and band: ppo (1 of 3 seeds)." in found
    assert "failed: FloatingPointError: learning <diverged>" in found
    assert "no checkpoint of arm 'taught' with seed 0 yet" in found


def test_a_run_without_a_teacher_has_a_report(tmp_path: Path, record: Recording) -> None:
    run = start_run(RunSpec.from_yaml(UNTAUGHT, "plain.yaml"), tmp_path)
    with run.open_store() as store:
        record(store, "main", 0, (0.0, 0.5, 1.0, 1.0, 1.0))
    found = as_text(written(run))
    assert "the fastest arm “main” reached 80 % success after 20 k steps (median; 1 of 1 seed reached it)" in found
    assert "No arm has a teacher." in found
    assert "lessons kept" not in found


def test_a_damaged_checkpoint_is_said_in_the_place_of_the_film(whole_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / whole_run.folder.name
    shutil.copytree(whole_run.folder, folder)
    for path in (folder / "checkpoints").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-10])
    found = as_text(written(Run(folder, whole_run.spec)))
    assert "It cannot be shown:" in found
    assert "is damaged: " in found


def test_a_folder_that_cannot_take_the_report_is_an_error_with_its_name(empty_run: Run) -> None:
    (empty_run.folder / "report.html").mkdir()
    with pytest.raises(RunError, match=r"report\.html cannot be written"):
        write_report(empty_run)


def test_films_get_smaller_until_they_fit() -> None:
    """Noise, which no coder makes smaller."""
    random = np.random.default_rng(0)
    frames = tuple(random.integers(0, 256, (96, 96, 3), dtype=np.uint8) for _ in range(30))
    coded = pictures.coded([[Film(k, frames, True, 1.0, 30) for k in range(3)]])
    size = sum(len(data) for data in coded[0])
    assert 100_000 < size <= pictures.BYTES_FOR_FILMS


def test_verdicts_are_as_good_as_the_numbers(empty_run: Run, record: Recording) -> None:
    def verdict(taught: tuple[float, ...], plain: tuple[float, ...], seeds: int = 3) -> str:
        with empty_run.open_store() as store:
            for seed in range(seeds):
                record(store, "taught", seed, taught)
                record(store, "ppo", seed, plain)
            arms = [arm for arm in read_arms(empty_run, store) if arm.name != "rnd"]
        return words.summary(standings(arms, 0.8), 0.8)

    late, soon, never = (0.0, 0.0, 0.0, 0.0, 1.0), (0.0, 1.0, 1.0, 1.0, 1.0), (0.0,) * 5
    assert verdict(soon, late, seeds=1).endswith("needs 4.0 times fewer steps. One seed cannot tell this from chance.")
    assert verdict(soon, late).endswith("The taught agent needs 4.0 times fewer steps.")
    assert verdict(late, soon).endswith("The taught agent is slower: it needs 4.0 times the steps.")
    assert verdict(never, soon).endswith("The taught agent is slower: it needs more than 4.0 times the steps.")
    assert verdict(soon, soon).endswith("The ratio of their steps, 1.0, is within the spread over seeds.")
    assert verdict(never, never).endswith("nothing can be said about the ratio of their steps.")


def test_the_bound_is_what_is_sure_of_every_untaught_arm(whole_run: Run) -> None:
    """Where none reached the threshold, the ratio counts the steps of the one that went least far."""
    with whole_run.open_store(read_only=True) as store:
        taught, ppo, rnd = read_arms(whole_run, store)
    short = arms_module.ArmResult(
        ppo.spec,
        tuple(type(trial)(trial.row, {"alone": trial.evaluations["alone"][:3]}) for trial in ppo.trials),
    )
    found = standings([taught, short, rnd], 0.8)
    assert found[2].baseline
    assert found[0].ratio == Ratio(">", Interval(1.0, 20_000 / 30_000, 2.0))


@pytest.mark.parametrize(
    ("model", "description"),
    [
        ({"backend": "scripted"}, "scripted (an oracle that sees the whole level; no language model)"),
        (
            {"backend": "noisy", "accuracy": 0.9, "inner": {"backend": "scripted"}},
            "noisy (an oracle made wrong on purpose, 90 % of its subgoals right; no language model)",
        ),
        ({"backend": "openai", "model": "some-model"}, "some-model (language model, backend openai)"),
        (
            {"backend": "noisy", "accuracy": 0.5, "inner": {"backend": "openai", "model": "some-model"}},
            "some-model (language model, backend openai), made wrong on purpose: 50 % of its subgoals kept right",
        ),
        ({"backend": "mine"}, "backend mine"),
    ],
)
def test_an_oracle_is_never_called_a_language_model(model: dict[str, object], description: str) -> None:
    assert words.describe_model(model) == description


def test_numbers_in_words() -> None:
    assert [text.steps(n) for n in (0, 950, 12_345, 999_960, 1_500_000, 3e9)] == [
        "0",
        "950",
        "12.3 k",
        "1 M",
        "1.5 M",
        "3 G",
    ]
    assert [text.seconds(n) for n in (0.44, 12.4, 200, 7500)] == ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]
    assert [text.percent(n) for n in (None, 0.0, 0.034, 0.8, 0.998, 1.0)] == [
        "unknown",
        "0 %",
        "3.4 %",
        "80 %",
        "99.8 %",
        "100 %",
    ]
    assert [text.price(n) for n in (None, 0.0, 0.00123, 1234.5)] == ["unknown", "$0.00", "$0.00123", "$1,234.50"]
    assert [text.count(n) for n in (None, 12, 12_345_678)] == ["unknown", "12", "12 345 678"]
    assert text.unbroken("8 of 12 345 steps, 1.5 M, 80 %") == "8 of 12\xa0345 steps, 1.5\xa0M, 80\xa0%"
    assert [text.times(n) for n in (0.123, 1.04, 7.28, 56.7)] == ["0.12", "1.0", "7.3", "57"]
    assert [text.names(n) for n in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_arms_can_be_told_without_colour() -> None:
    assert len({style_of(k).marker for k in range(8)}) == 8
    assert len({style_of(k) for k in range(64)}) == 64
