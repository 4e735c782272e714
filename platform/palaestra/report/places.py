"""Where agents went while they learned, as heat maps, and what their own reward for novelty was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from palaestra.checkpoint import CheckpointError, load_newest
from palaestra.evaluation import FIRST_EVALUATION_LEVEL
from palaestra.report.arms import ArmResult
from palaestra.report.pictures import data_url
from palaestra.run import Run
from palaestra.visits import Visits
from palaestra.watch import shrink

if TYPE_CHECKING:
    from palaestra_worlds.base import World

SIDE = 420
"""Longer side of a heat map in pixels."""
BACKDROPS = 9
"""Levels whose middle frame is what heat maps are drawn on: what is not the same in all of them vanishes."""
NOVELTY = "train/intrinsic_reward"


@dataclass(frozen=True)
class ArmPlaces:
    """Heat maps of one arm, over all seeds; data URLs of pictures.

    Attributes:
        early: while the first tenth of the step budget was spent.
        all: in all of training.
        seen: share of the picture's fields that anybody has been in, in the first tenth and in all of training.
    """

    arm: str
    seeds: int
    early: str
    all: str
    seen: tuple[float, float]


def read_places(run: Run, arms: Sequence[ArmResult]) -> list[ArmPlaces]:
    """The arms that were in places; none in worlds that tell none.

    Raises:
        ValueError: the world cannot be built.
    """
    found = [(arm, visits) for arm in arms if (visits := _visits(run, arm))]
    if not found:
        return []
    backdrop = _backdrop(found[0][0])
    somewhere = np.sum([visits for _, of_arm in found for visits in of_arm], axis=(0, 1)) > 0
    shown = []
    for arm, of_arm in found:
        counts = np.sum(of_arm, axis=0)
        early, total = counts[0], counts.sum(axis=0)
        seen = tuple(float((part[somewhere] > 0).mean()) for part in (early, total))
        pictures = (heat_map(backdrop, part) for part in (early, total))
        shown.append(ArmPlaces(arm.name, len(of_arm), *pictures, seen=(seen[0], seen[1])))
    return shown


def _visits(run: Run, arm: ArmResult) -> list[NDArray[np.int64]]:
    """Of each seed that has any: int64 (PARTS, rows, columns)."""
    found = []
    for trial in arm.trials:
        seed = trial.row.seed
        try:
            state = load_newest(run.checkpoint_folder(arm.name, seed), arm=arm.name, seed=seed).state
        except CheckpointError:
            continue
        if state is not None and state.get("visits") is not None:
            found.append(Visits.of(state["visits"]).counts)
    return found


def _backdrop(arm: ArmResult) -> NDArray[np.uint8]:
    from palaestra.build import make_world

    world: World = make_world(arm.spec, 1)
    frames = []
    for k in range(BACKDROPS):
        world.reset(seed=[FIRST_EVALUATION_LEVEL + k])
        frames.append(world.render_frame(0))
    world.close()
    same = [frame for frame in frames if frame.shape == frames[0].shape]
    return shrink(np.median(same, axis=0).astype(np.uint8), SIDE)


def heat_map(backdrop: NDArray[np.uint8], counts: NDArray[np.int64]) -> str:
    """Counts laid over a picture, brighter where there were more: a PNG as data URL.

    Args:
        backdrop: uint8 (height, width, 3).
        counts: (rows, columns); colours go with their logarithm, up to the largest.
    """
    import matplotlib
    from PIL import Image

    size = backdrop.shape[1], backdrop.shape[0]
    heat = np.log1p(counts) / max(np.log1p(counts).max(), 1e-9)
    coloured = matplotlib.colormaps["inferno"](0.15 + 0.85 * heat, bytes=True)
    coloured[..., 3] = np.where(counts > 0, 215, 0)
    over = Image.fromarray(coloured).resize(size, Image.Resampling.NEAREST)
    under = Image.fromarray(backdrop).convert("L").convert("RGBA")
    out = BytesIO()
    Image.alpha_composite(under, over).convert("RGB").quantize(96).save(out, "png", optimize=True)
    return data_url(out.getvalue(), "png")
