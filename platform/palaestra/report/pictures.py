"""Pictures for the page: levels with their subgoals marked, and films of agents acting alone, as data URLs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from palaestra.checkpoint import CheckpointError
from palaestra.evaluation import FIRST_EVALUATION_LEVEL
from palaestra.report.arms import ArmResult
from palaestra.report.words import role
from palaestra.run import Run
from palaestra.watch import Film, Player, WatchError, shrink, to_bytes

if TYPE_CHECKING:
    from palaestra_worlds.base import Task, World

FILMS = 3
"""Held-out levels that each arm is shown in."""
MOST_TAUGHT_ARMS = 4
BYTES_FOR_FILMS = 1_000_000
"""Base64 makes a third more of it."""
_QUALITIES = ((192, 100), (144, 80), (112, 60), (80, 40), (64, 20))
"""Longer side in pixels and frames of one episode at most, tried in this order until all films fit."""
_LEVEL_SIDE = 224
_BESIDE = 11
"""Pixels to the right and upwards from a place to the middle of its mark."""


def data_url(data: bytes, kind: str) -> str:
    """`kind` is png, webp or gif."""
    return f"data:image/{kind};base64,{b64encode(data).decode('ascii')}"


# ---------------------------------------------------------------------------------------------- levels


def level_picture(world: World, task: Task) -> str:
    """The first state of a task's level, with the parts of the task marked 1, 2, ... where they are.

    Args:
        world: with one environment; it is reset to the level.
        task: with a level seed.

    Raises:
        TaskError: the task cannot be carried out in its level.
    """
    from PIL import Image

    world.reset(seed=[task.level_seed])
    frame = world.render_frame(0)
    picture = Image.fromarray(_marked(frame, world.locate(task)))
    small = Image.fromarray(shrink(np.asarray(picture), 2 * _LEVEL_SIDE)).quantize(64)
    out = BytesIO()
    small.save(out, "png", optimize=True)
    return data_url(out.getvalue(), "png")


def _marked(frame: NDArray[np.uint8], places: Sequence[tuple[int, int] | None]) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    marks: dict[tuple[int, int], list[str]] = {}
    for number, place in enumerate(places, 1):
        if place is not None:
            marks.setdefault(place, []).append(str(number))
    picture = Image.fromarray(frame)
    draw = ImageDraw.Draw(picture)
    # Big levels are shown smaller, so their numbers are written larger.
    scale = max(1.0, max(frame.shape[:2]) / (1.4 * _LEVEL_SIDE))
    font = ImageFont.load_default(15 * scale)
    for (x, y), numbers in marks.items():
        # Above and to the right, so that what stands there is seen.
        center = (x + _BESIDE, y - _BESIDE)
        radius = (9 + 5 * (len(numbers) - 1)) * scale
        box = (center[0] - radius, center[1] - 9 * scale, center[0] + radius, center[1] + 9 * scale)
        draw.rounded_rectangle(box, 9 * scale, fill="white", outline="black", width=2)
        draw.text(center, ",".join(numbers), fill="black", font=font, anchor="mm")
    return np.asarray(picture)


# ---------------------------------------------------------------------------------------------- films


@dataclass(frozen=True)
class ShownFilm:
    """An episode as the page shows it: moving, or still where the reader wants no motion."""

    moving: str
    still: str
    level_seed: int
    success: bool
    length: int
    caption: str


@dataclass(frozen=True)
class ArmFilms:
    """What an arm's best seed does in the held-out levels, or why it cannot be shown."""

    arm: str
    role: str
    seed: int
    step: int
    films: tuple[ShownFilm, ...]
    problem: str = ""


def arms_to_film(arms: Sequence[ArmResult], baseline: ArmResult | None) -> list[ArmResult]:
    """The best taught arms, and the untaught one that they are compared with; without a teacher the best of all."""

    def success(arm: ArmResult) -> float:
        final = arm.final()
        # In steps of 5 %: arms that are about as good keep the order of the spec.
        return round(20 * final.value) if final else -1.0

    ranked = sorted((arm for arm in arms if arm.measured), key=success, reverse=True)
    taught = [arm for arm in ranked if arm.taught][:MOST_TAUGHT_ARMS]
    if not taught:
        return ranked[:2]
    return taught + [arm for arm in ranked if baseline is not None and arm.name == baseline.name]


def film(run: Run, arms: Sequence[ArmResult]) -> list[ArmFilms]:
    """Films of the arms' best seeds, all in the same held-out levels and together of at most `BYTES_FOR_FILMS`."""
    played = [_play(run, arm) for arm in arms]
    datas_by_arm = coded([films for _, films in played])
    return [
        ArmFilms(
            shown.arm,
            shown.role,
            shown.seed,
            shown.step,
            tuple(_shown(one, data) for one, data in zip(films, datas, strict=True)),
            shown.problem,
        )
        for (shown, films), datas in zip(played, datas_by_arm, strict=True)
    ]


def coded(arms: Sequence[Sequence[Film]]) -> list[list[bytes]]:
    """WebP data of every film of every arm, as large as `BYTES_FOR_FILMS` allows for all of them together."""
    found: list[list[bytes]] = []
    for side, most in _QUALITIES:
        found = [[to_bytes([one], "webp", side=side, most=most) for one in films] for films in arms]
        if sum(len(data) for films in found for data in films) <= BYTES_FOR_FILMS:
            break
    return found


def _play(run: Run, arm: ArmResult) -> tuple[ArmFilms, list[Film]]:
    seed = arm.best_seed()
    assert seed is not None
    try:
        player = Player(run, arm.name, seed)
    except (WatchError, CheckpointError, ValueError) as error:
        return ArmFilms(arm.name, role(arm), seed, 0, (), str(error)), []
    try:
        films = [player.play(FIRST_EVALUATION_LEVEL + k, *_QUALITIES[0]) for k in range(FILMS)]
    finally:
        player.close()
    return ArmFilms(arm.name, role(arm), seed, player.step, ()), films


def _shown(one: Film, data: bytes) -> ShownFilm:
    from PIL import Image

    out = BytesIO()
    with Image.open(BytesIO(data)) as moving:
        moving.convert("RGB").quantize(64).save(out, "png", optimize=True)
    return ShownFilm(
        data_url(data, "webp"), data_url(out.getvalue(), "png"), one.level_seed, one.success, one.length, one.caption
    )
