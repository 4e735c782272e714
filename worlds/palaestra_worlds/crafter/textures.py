"""Crafter's textures at a size, laid out for the engine. They are read from the installed package."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 9, 7
"""Cells that the player sees."""
ITEM_COLUMNS, ITEM_ROWS = 9, 2
MOST_SHOWN = 9

OUTSIDE = 0
"""In place of a material: no cell of the world."""

PLAYERS, SLEEPER, A_COW, A_ZOMBIE, A_SKELETON, ARROWS, A_PLANT, A_RIPE_PLANT = 0, 4, 5, 6, 7, 8, 12, 13
"""Rows of `Atlas.things`; the player's and the arrow's are the first of four directions."""
_SIDES = ("left", "right", "up", "down")
_THINGS = (
    *(f"player-{side}" for side in _SIDES),
    "player-sleep",
    "cow",
    "zombie",
    "skeleton",
    *(f"arrow-{side}" for side in _SIDES),
    "plant",
    "plant-ripe",
)


class Atlas(NamedTuple):
    """Textures of one size; `unit` is the side of a cell in pixels. All are indexed [..., y, x, channel]."""

    materials: NDArray[np.uint8]
    """(13, unit, unit, 3); the first is what lies outside of the world."""
    things: NDArray[np.float32]
    """(14, unit, unit, 3): colours from 0 to 1, times how much they cover."""
    covers: NDArray[np.float32]
    """(14, unit, unit): 0 transparent to 1 opaque."""
    items: NDArray[np.uint8]
    """(16, 10, unit, unit, 3): how an item is shown of which the player has so many."""
    vignette: NDArray[np.float64]
    """(7 * unit, 9 * unit): how strong noise is at night."""


@cache
def make_atlas(unit: int) -> Atlas:
    """The textures for cells of `unit` pixels; the reference's observation has 7."""
    from crafter import constants, engine

    textures = engine.Textures(constants.root / "assets")
    known: Any = constants
    materials = np.full((len(known.materials) + 1, unit, unit, 3), 127, dtype=np.uint8)
    for k, name in enumerate(known.materials):
        materials[k + 1] = _upright(textures.get(name, (unit, unit)))[..., :3]
    shown = np.array([_upright(textures.get(name, (unit, unit))) for name in _THINGS]).astype(np.float32)
    shown /= np.float32(255)
    covers = shown[..., 3].copy()
    items = [[_item(textures, name, amount, unit) for amount in range(MOST_SHOWN + 1)] for name in known.items]
    return Atlas(materials, shown[..., :3] * covers[..., None], covers, np.array(items), _vignette(unit))


def _upright(texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Indexed [y, x, channel] instead of crafter's [x, y, channel]."""
    return np.swapaxes(texture, 0, 1)


def _item(textures: Any, name: str, amount: int, unit: int) -> NDArray[np.uint8]:
    """An item and its number on black; nothing where there is none."""
    tile = np.zeros((unit, unit, 3), dtype=np.uint8)
    if amount > 0:
        for texture, start, size in ((name, 0.1, 0.8), (str(amount), 0.4, 0.6)):
            shown = _upright(textures.get(texture, (size * unit, size * unit)))
            first, side = int(start * unit), len(shown)
            under = tile[first : first + side, first : first + side]
            under[...] = _blended(shown, under)
    return tile


def _blended(shown: NDArray[np.uint8], under: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A texture over what was drawn before."""
    if shown.shape[-1] == 3:
        return shown
    colours = shown.astype(np.float32) / 255
    cover = colours[..., 3:]
    return (255 * (cover * colours[..., :3] + (1 - cover) * (under.astype(np.float32) / 255))).astype(np.uint8)


def _vignette(unit: int) -> NDArray[np.float64]:
    across, down = np.linspace(-1, 1, COLUMNS * unit), np.linspace(-1, 1, ROWS * unit)
    distance = across[None, :] ** 2 + down[:, None] ** 2
    return 1 - np.exp(-0.5 * distance / 0.5**2)
