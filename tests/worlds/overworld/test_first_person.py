"""The picture of what the player has before its eyes."""

from __future__ import annotations

from typing import Any

import numpy as np
import palaestra_worlds
from palaestra_worlds.overworld.first_person import draw_view
from palaestra_worlds.overworld.light import BRIGHTEST, light_of
from palaestra_worlds.overworld.state import CLOCK, FACING, PITCH, PITCHES, SIDE, Levels, X, Y, Z, allocate
from palaestra_worlds.overworld.tables import numbers, tables

GROUND, MIDDLE = 30, SIDE // 2
BLOCK = numbers().block
NOON, MIDNIGHT = 6000, 18_000


def plain() -> Levels:
    """Grass up to height GROUND; the player stands in the middle at noon, faces north and looks ahead."""
    levels = allocate(1, places=1)
    levels.blocks[0, :, :, : GROUND + 1] = BLOCK["grass_block"]
    levels.status[0, [X, Z, Y, FACING]] = MIDDLE, MIDDLE, GROUND + 1, 0
    levels.status[0, [PITCH, CLOCK]] = PITCHES.index("ahead"), NOON
    return levels


def view(levels: Levels) -> np.ndarray[Any, Any]:
    return draw_view(levels, 0, 60, 40).astype(float)


def test_the_sky_is_above_the_ground():
    picture = view(plain())
    assert picture.shape == (40, 60, 3)
    above, below = picture[:15].mean(axis=(0, 1)), picture[25:].mean(axis=(0, 1))
    assert above.argmax() == 2
    assert below.argmax() == 1


def test_what_is_ahead_is_in_the_middle_and_what_is_behind_is_not_seen():
    levels = plain()
    before = view(levels)
    levels.blocks[0, MIDDLE - 1 : MIDDLE + 2, MIDDLE + 4, GROUND + 1 : GROUND + 4] = BLOCK["red_wool"]
    assert (view(levels) == before).all()
    levels.blocks[0, MIDDLE + 3, MIDDLE - 6, GROUND + 1 : GROUND + 4] = BLOCK["red_wool"]
    changed = np.argwhere((view(levels) != before).any(axis=2))
    assert changed[:, 1].min() > 30, "to the right of the middle"


def test_it_is_dark_at_night_but_for_torches():
    levels = plain()
    noon = view(levels)[25:].mean()
    levels.status[0, CLOCK] = MIDNIGHT
    night = view(levels)[25:].mean()
    levels.blocks[0, MIDDLE + 1, MIDDLE - 3, GROUND + 1] = BLOCK["torch"]
    assert night < 0.5 * noon
    assert view(levels)[25:].mean() > 1.3 * night


def test_one_looks_through_glass_and_not_through_stone():
    levels = plain()
    levels.blocks[0, :, MIDDLE - 8, GROUND + 1 : GROUND + 9] = BLOCK["red_wool"]
    levels.blocks[0, :, MIDDLE - 3, GROUND + 1 : GROUND + 9] = BLOCK["glass"]
    through = view(levels)[15:25].mean(axis=(0, 1))
    levels.blocks[0, :, MIDDLE - 3, GROUND + 1 : GROUND + 9] = BLOCK["stone"]
    against = view(levels)[15:25].mean(axis=(0, 1))
    assert through[0] > 1.3 * through[1]
    assert abs(against[0] - against[1]) < 10


def test_light_wanes_from_cell_to_cell_and_stops_at_walls():
    levels = plain()
    blocks = levels.blocks[0]
    blocks[:, :, GROUND + 5] = BLOCK["stone"]
    blocks[MIDDLE, MIDDLE, GROUND + 1] = BLOCK["torch"]
    blocks[MIDDLE + 3, :, GROUND + 1 : GROUND + 5] = BLOCK["stone"]
    sky, lamps = light_of(blocks, tables())
    assert sky[MIDDLE, MIDDLE, GROUND + 8] == BRIGHTEST
    assert sky[MIDDLE, MIDDLE, GROUND + 1] == 0
    torch = int(lamps[MIDDLE, MIDDLE, GROUND + 1])
    assert [int(lamps[MIDDLE - far, MIDDLE, GROUND + 1]) for far in range(4)] == [torch - far for far in range(4)]
    assert lamps[MIDDLE + 4, MIDDLE, GROUND + 1] == 0


def test_a_setting_chooses_the_picture():
    world: Any = palaestra_worlds.make("Overworld", picture="first_person", mobs="passive")
    world.reset(seed=0)
    assert world.render_frame(0).shape == (320, 480, 3)
