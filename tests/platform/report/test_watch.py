"""Watching a trained agent: the level that was asked for, without its teacher, as a film and in a terminal."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import palaestra_worlds
import pytest
from palaestra.checkpoint import CheckpointError
from palaestra.evaluation import FIRST_EVALUATION_LEVEL, play
from palaestra.run import Run
from palaestra.watch import Film, Player, WatchError, half_blocks, play_in_terminal, shrink, to_bytes, write_animation
from PIL import Image
from rich.console import Console

Saving = Callable[..., Path]


def film(length: int = 3, success: bool = True) -> Film:
    frames = tuple(np.full((64, 96, 3), 5 * k, np.uint8) for k in range(length))
    return Film(7, frames, success, 0.5, length)


@pytest.fixture(scope="module")
def player(whole_run: Run) -> Player:
    return Player(whole_run, "taught", 1)


def test_it_plays_the_level_from_its_start(player: Player) -> None:
    found = player.play(FIRST_EVALUATION_LEVEL + 2)
    world = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0", 1)
    world.reset(seed=[FIRST_EVALUATION_LEVEL + 2])
    assert np.array_equal(found.frames[0], world.render_frame(0))
    assert 1 <= found.length <= 250
    assert found.success == (found.result > 0)
    assert found.success or found.length == 250


def test_it_plays_as_an_evaluation_of_one_environment_does(player: Player) -> None:
    """The lesson is not shown, the actions are drawn from the same stream: the same episode."""
    found = player.play(FIRST_EVALUATION_LEVEL)
    again = player.play(FIRST_EVALUATION_LEVEL)
    tasks = [player.world.task_space(level_seed=FIRST_EVALUATION_LEVEL)]
    evaluation = play(player.agent, player.world, tasks, greedy=player.greedy)
    assert found.length == again.length == evaluation.lengths[0]
    assert (found.result, found.success) == (evaluation.returns[0], evaluation.successes[0])


def test_the_seed_and_the_checkpoint_can_be_chosen(whole_run: Run, save: Saving) -> None:
    assert Player(whole_run, "taught").seed == 0
    path = save(whole_run, "rnd", 2)
    player = Player(whole_run, "rnd", path=path, greedy=True)
    assert (player.seed, player.step, player.greedy) == (2, 40_000, True)


def test_there_must_be_a_checkpoint_and_it_must_fit(whole_run: Run, empty_run: Run, tmp_path: Path) -> None:
    with pytest.raises(WatchError, match="no checkpoint of arm 'ppo' yet"):
        Player(whole_run, "ppo")
    with pytest.raises(ValueError, match="no arm 'tought'"):
        Player(whole_run, "tought")
    with pytest.raises(WatchError, match="has no seed 9; it has: 0, 1, 2"):
        Player(whole_run, "taught", 9)
    folder = empty_run.checkpoint_folder("ppo", 0)
    shutil.copytree(whole_run.checkpoint_folder("taught", 0), folder)
    with pytest.raises(CheckpointError, match="is of arm taught, not ppo"):
        Player(empty_run, "ppo", 0)
    path = next(folder.iterdir())
    with pytest.raises(CheckpointError, match="does not fit its agent"):
        Player(empty_run, "ppo", path=path)
    path.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="is damaged"):
        Player(empty_run, "ppo", 0)


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_a_film_has_every_frame_and_ends_with_its_outcome(format: str, tmp_path: Path) -> None:
    path = write_animation([film(3), film(4, success=False)], tmp_path / f"film.{format}", speed=10)
    with Image.open(path) as picture:
        assert picture.size == (96, 64)
        assert picture.n_frames == 7  # type: ignore[attr-defined]
        colors, durations = [], []
        for k in range(7):
            picture.seek(k)
            picture.load()
            durations.append(picture.info["duration"])
            colors.append(picture.convert("RGB").getpixel((1, 1)))
    assert durations == [100, 100, 1000, 100, 100, 100, 1000]
    green, red = colors[2], colors[6]
    assert green[1] > green[0]
    assert red[0] > red[1]
    assert colors[1] == pytest.approx((5, 5, 5), abs=2)


def test_a_long_episode_leaves_out_frames_but_not_time() -> None:
    with Image.open(io.BytesIO(to_bytes([film(10)], "webp", speed=10, most=4, side=32))) as picture:
        assert picture.n_frames == 4  # type: ignore[attr-defined]
        assert picture.size == (32, 21)
        picture.load()
        assert picture.info["duration"] == 300


def test_a_long_episode_is_kept_in_few_small_frames(whole_run: Run) -> None:
    """An agent that has learned nothing wanders until it is stopped, or comes to the goal by chance."""
    player = Player(whole_run, "taught", 1)
    whole, short = player.play(most=1000), player.play(side=40, most=8)
    assert short.length == whole.length == len(whole.frames) > 16
    assert short.stride in (4, 8, 16, 32, 64)
    assert len(short.frames) == -(-short.length // short.stride) <= 8
    assert short.frames[0].shape == (40, 40, 3)
    kept = [shrink(frame, 40) for frame in whole.frames[:: short.stride]]
    assert all(np.array_equal(a, b) for a, b in zip(short.frames, kept, strict=True))
    with Image.open(io.BytesIO(to_bytes([short], "webp", speed=10, side=40))) as picture:
        picture.load()
        assert picture.info["duration"] == 100 * short.stride


def test_a_film_can_be_an_mp4(tmp_path: Path) -> None:
    path = write_animation([film(5)], tmp_path / "film.mp4", speed=10)
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    frames = list(reader)
    assert about["size"] == (96, 64)  # type: ignore[index]
    assert len(frames) == 5 + 10
    assert list(tmp_path.iterdir()) == [path]


def test_a_film_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(WatchError, match=r"must end with one of .gif, .webp, .mp4"):
        write_animation([film()], tmp_path / "film.avi")
    for ending in ("gif", "mp4"):
        with pytest.raises(WatchError, match="cannot be written"):
            write_animation([film()], tmp_path / "missing" / f"film.{ending}")


def test_pictures_are_only_made_smaller() -> None:
    frame = np.zeros((100, 200, 3), np.uint8)
    assert shrink(frame, 300) is frame
    assert shrink(frame, 50).shape == (25, 50, 3)


def test_two_pixels_make_a_character() -> None:
    frame = np.zeros((4, 3, 3), np.uint8)
    frame[0, 0] = 255
    text = half_blocks(frame, width=80, height=48)
    assert text.plain == "▀▀▀\n▀▀▀\n"
    assert str(text.spans[0].style) == "rgb(255,255,255) on rgb(0,0,0)"
    assert half_blocks(np.zeros((400, 100, 3), np.uint8), 80, 20).plain.count("\n") == 10


def test_an_episode_is_shown_in_a_terminal() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, height=20, color_system="truecolor")
    play_in_terminal([film(2)], console, speed=1000)
    assert "▀" in out.getvalue()
    assert "level 7: success, 2 steps" in out.getvalue()


def test_outside_a_terminal_the_first_and_the_last_picture_are_printed() -> None:
    out = io.StringIO()
    play_in_terminal([film(30)], Console(file=out, width=60), speed=0.001)
    assert out.getvalue().count("▀" * 10) > 0
    assert out.getvalue().endswith("level 7: success, 30 steps\n")
