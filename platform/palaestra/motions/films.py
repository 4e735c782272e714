"""Films of motions: what a robot went through in an attempt, drawn without a screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_worlds.programs import Programmable

from palaestra.checkpoint import write_atomically
from palaestra.motions.driving import RECORDED_EVERY, Attempted
from palaestra.motions.study import Case, recording_path
from palaestra.motions.tasks import MotionStudy
from palaestra.watch import Film, WatchError, write_animation

FILMS = "films"
STRIDE = 2
"""Of the recorded states one in so many is drawn."""
_SHEET_COLUMNS = 4
_SHEET_SIDE = 240


class NoFilms(RuntimeError):
    """Films cannot be made here; the message says what to install, or what is wrong with a file."""


def to_film(study: MotionStudy, found: Mapping[Case, Attempted]) -> list[Case]:
    """One attempt at each task that passed, and one that did not, as far as there are such."""
    chosen = []
    for task in study.tasks:
        tried = sorted((case for case in found if case.task == task), key=lambda case: case.seed)
        for success in (True, False):
            chosen += [case for case in tried if found[case].success is success][:1]
    return chosen


def film_path(folder: Path, case: Case) -> Path:
    """Where a film is kept, beside the study's results."""
    return folder / FILMS / f"{recording_path(folder, case).stem}.mp4"


def make_films(
    study: MotionStudy,
    folder: Path,
    found: Mapping[Case, Attempted],
    wanted: Sequence[Case],
    stop: Callable[[], bool] = lambda: False,
) -> list[Case]:
    """Draws the films that are not there yet, or are older than what they show, and says which are there then.

    Args:
        study: whose world is drawn.
        folder: of its results.
        found: the attempts.
        wanted: which of them.
        stop: asked before each film.

    Raises:
        NoFilms: nothing can be drawn here, or a file cannot be read or written.
    """
    missing = [case for case in wanted if not _up_to_date(folder, case) and recording_path(folder, case).is_file()]
    with _Studio(study) as studio:
        for case in missing:
            if stop():
                break
            film_path(folder, case).parent.mkdir(exist_ok=True)
            studio.write(_read(recording_path(folder, case)), film_path(folder, case), found[case].success)
    return [case for case in wanted if film_path(folder, case).is_file()]


def write_film(study: MotionStudy, recording: NDArray[np.float32], path: Path) -> None:
    """Writes a film of what a robot went through, see `Robot.recording`; the path's ending says the format.

    Raises:
        NoFilms: nothing can be drawn here, nothing was recorded, or the file cannot be written.
    """
    if not len(recording):
        raise NoFilms("nothing moved")
    with _Studio(study) as studio:
        studio.write(recording, path, success=True)


def write_sheet(study: MotionStudy, folder: Path, wanted: Sequence[Case], path: Path) -> None:
    """Writes a PNG with the state that each of these attempts ended in, its task's name below it.

    Raises:
        NoFilms: nothing can be drawn here, or a recording cannot be read.
        OSError: the file cannot be written.
    """
    from io import BytesIO

    from PIL import Image, ImageDraw, ImageFont

    shown = [case for case in wanted if recording_path(folder, case).is_file()]
    with _Studio(study) as studio:
        pictures = [Image.fromarray(studio.picture(recording_path(folder, case), -1)) for case in shown]
    if not pictures:
        return
    height = round(_SHEET_SIDE * pictures[0].height / pictures[0].width)
    rows = -(-len(pictures) // _SHEET_COLUMNS)
    caption = 20
    sheet = Image.new("RGB", (_SHEET_COLUMNS * _SHEET_SIDE, rows * (height + caption)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (case, picture) in enumerate(zip(shown, pictures, strict=True)):
        left, top = number % _SHEET_COLUMNS * _SHEET_SIDE, number // _SHEET_COLUMNS * (height + caption)
        sheet.paste(picture.resize((_SHEET_SIDE, height), Image.Resampling.LANCZOS), (left, top))
        name = case.task.replace("_", " ")
        draw.text((left + 4, top + height + 2), name, fill="black", font=ImageFont.load_default(13))
    out = BytesIO()
    sheet.quantize(128).save(out, "png", optimize=True)
    write_atomically(path, out.getvalue())


def _up_to_date(folder: Path, case: Case) -> bool:
    film, recording = film_path(folder, case), recording_path(folder, case)
    return film.is_file() and (not recording.is_file() or film.stat().st_mtime >= recording.stat().st_mtime)


class _Studio:
    """A world that recorded states are drawn in, made when the first is."""

    def __init__(self, study: MotionStudy) -> None:
        self._study = study
        self._world: Programmable | None = None

    def __enter__(self) -> _Studio:
        return self

    def __exit__(self, *_: object) -> None:
        if self._world is not None:
            self._world.close()  # type: ignore[attr-defined]

    def write(self, states: NDArray[np.float32], path: Path, success: bool) -> None:
        """Raises NoFilms."""
        frames = tuple(self._draw(state) for state in states[::STRIDE])
        film = Film(0, frames, success, 0.0, len(states) * RECORDED_EVERY, STRIDE)
        try:
            write_animation([film], path, 1 / (RECORDED_EVERY * self._ready().control_period))
        except (WatchError, OSError) as error:
            raise NoFilms(f"{path} cannot be written: {error}") from error

    def picture(self, recording: Path, which: int) -> NDArray[np.uint8]:
        """Raises NoFilms."""
        return self._draw(_read(recording)[which])

    def _draw(self, state: NDArray[np.float32]) -> NDArray[np.uint8]:
        try:
            return self._ready().draw(state)
        except RuntimeError as error:
            raise NoFilms(str(error)) from error

    def _ready(self) -> Programmable:
        if self._world is None:
            world = palaestra_worlds.make(self._study.world.id, 1, **self._study.world.settings)
            assert isinstance(world, Programmable)
            world.reset(seed=0)
            self._world = world
        return self._world


def _read(path: Path) -> NDArray[np.float32]:
    """Raises NoFilms."""
    try:
        states = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise NoFilms(f"{path} is no recording of a motion: {error}") from error
    if states.ndim != 2 or not len(states):
        raise NoFilms(f"{path} is no recording of a motion: it has the shape {states.shape}")
    return states
