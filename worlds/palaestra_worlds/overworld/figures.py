"""What mobs look like: boxes for body, head and legs. Our own, as one remembers them from the game."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.mob_kinds import ALL_MOBS, SLIME
from palaestra_worlds.overworld.state import HEADING, KIND, MOB_X, MOB_Y, MOB_Z, SIZE, STEPS

Colour = tuple[int, int, int]
Part = tuple[float, float, float, float, float, float, Colour]
"""Ahead from and to, half the width, to the side by, up from and to; colour."""
EYE: Colour = (20, 20, 20)


def _legs(far: float, apart: float, high: float, colour: Colour, half: float = 0.11) -> list[Part]:
    return [(a - half, a + half, half, side, 0.0, high, colour) for a in (-far, far) for side in (-apart, apart)]


def _four_legged(
    length: float, half: float, low: float, high: float, body: Colour, head: Colour, legs: Colour, face: float = 0.24
) -> list[Part]:
    """Body and head in a row, on four legs."""
    front, middle = length / 2, (low + high) / 2 + 0.15
    eyes: list[Part] = [
        (front + 2 * face, front + 2 * face + 0.02, 0.05, side, middle + 0.05, middle + 0.14, EYE)
        for side in (-face * 0.6, face * 0.6)
    ]
    return [
        (-front, front, half, 0.0, low, high, body),
        (front - 0.05, front + 2 * face, face, 0.0, middle - face, middle + face, head),
        *eyes,
        *_legs(front - 0.16, half - 0.12, low, legs),
    ]


def _upright(tall: float, half: float, head: Colour, body: Colour, legs: Colour) -> list[Part]:
    """Legs, body, arms and head, one above the other."""
    hip, neck = 0.4 * tall, 0.76 * tall
    return [
        *((-0.12, 0.12, 0.11, side, 0.0, hip, legs) for side in (-0.12, 0.12)),
        (-0.14, 0.14, half, 0.0, hip, neck, body),
        *((-0.1, 0.1, 0.09, side, hip, neck, head) for side in (-half - 0.1, half + 0.1)),
        (-0.24, 0.24, 0.24, 0.0, neck, tall, head),
        *((0.24, 0.26, 0.05, side, neck + 0.2, neck + 0.28, EYE) for side in (-0.12, 0.12)),
    ]


def _fish(length: float, colour: Colour) -> list[Part]:
    return [
        (-length / 2, length / 2, 0.1, 0.0, 0.25, 0.55, colour),
        (-length / 2 - 0.15, -length / 2, 0.03, 0.0, 0.2, 0.6, colour),
    ]


PARTS: dict[str, list[Part]] = {
    "cow": [
        *_four_legged(1.15, 0.38, 0.7, 1.35, (68, 48, 34), (75, 52, 38), (55, 40, 30), 0.23),
        (-0.3, 0.1, 0.39, 0.0, 0.9, 1.36, (215, 210, 205)),
    ],
    "pig": [
        *_four_legged(1.05, 0.34, 0.35, 0.9, (240, 150, 150), (243, 160, 158), (225, 135, 135)),
        (1.0, 1.06, 0.11, 0.0, 0.62, 0.78, (215, 120, 120)),
    ],
    "sheep": _four_legged(1.15, 0.42, 0.6, 1.25, (238, 238, 230), (215, 195, 175), (205, 185, 165), 0.2),
    "chicken": [
        *_four_legged(0.5, 0.2, 0.3, 0.65, (250, 250, 250), (250, 250, 250), (230, 180, 60), 0.12),
        (0.48, 0.58, 0.06, 0.0, 0.62, 0.7, (235, 165, 40)),
    ],
    "rabbit": _four_legged(0.45, 0.15, 0.1, 0.35, (160, 130, 100), (170, 140, 110), (140, 110, 85), 0.11),
    "zombie": _upright(1.9, 0.25, (80, 120, 75), (30, 130, 130), (60, 55, 130)),
    "skeleton": _upright(1.95, 0.18, (205, 205, 205), (185, 185, 185), (195, 195, 195)),
    "enderman": _upright(2.8, 0.22, (22, 18, 28), (18, 15, 22), (18, 15, 22)),
    "witch": [
        *_upright(1.9, 0.26, (200, 165, 140), (80, 50, 100), (70, 45, 90)),
        (-0.3, 0.3, 0.3, 0.0, 1.9, 1.98, (40, 40, 45)),
        (-0.15, 0.15, 0.15, 0.0, 1.98, 2.3, (40, 40, 45)),
    ],
    "creeper": [
        *_legs(0.18, 0.12, 0.35, (60, 150, 55), 0.12),
        (-0.13, 0.13, 0.24, 0.0, 0.35, 1.1, (80, 190, 70)),
        (-0.24, 0.24, 0.24, 0.0, 1.1, 1.65, (80, 190, 70)),
        *((0.24, 0.26, 0.06, side, 1.4, 1.52, EYE) for side in (-0.11, 0.11)),
        (0.24, 0.26, 0.08, 0.0, 1.16, 1.38, EYE),
    ],
    "spider": [
        (-0.75, 0.0, 0.42, 0.0, 0.25, 0.8, (50, 40, 38)),
        (0.0, 0.55, 0.28, 0.0, 0.3, 0.7, (58, 48, 45)),
        *((0.55, 0.57, 0.05, side, 0.5, 0.6, (190, 20, 20)) for side in (-0.12, 0.12)),
        *((a - 0.04, a + 0.04, 0.3, side, 0.0, 0.45, (40, 32, 30)) for a in (-0.3, 0.0, 0.3) for side in (-0.6, 0.6)),
    ],
    "slime": [
        (-0.5, 0.5, 0.5, 0.0, 0.0, 1.0, (120, 200, 100)),
        *((0.5, 0.52, 0.09, side, 0.6, 0.78, EYE) for side in (-0.25, 0.25)),
    ],
    "squid": [
        (-0.3, 0.3, 0.3, 0.0, 0.35, 0.95, (50, 70, 90)),
        *((a - 0.05, a + 0.05, 0.05, side, 0.0, 0.35, (45, 62, 80)) for a in (-0.2, 0.2) for side in (-0.2, 0.2)),
    ],
    "cod": _fish(0.6, (160, 140, 110)),
    "salmon": _fish(0.7, (190, 90, 70)),
    "pufferfish": _fish(0.4, (230, 190, 60)),
    "tropical_fish": _fish(0.4, (240, 130, 40)),
}


def boxes_of(mobs: NDArray[np.int32]) -> NDArray[np.float64]:
    """(boxes, 7) of mobs, rows of `Levels.mobs`: lowest and highest x, z, y in turn, and the colour
    as red * 65536 + green * 256 + blue. They look where they last went."""
    found: list[tuple[float, ...]] = []
    for row in mobs[mobs[:, KIND] > 0]:
        ahead = STEPS[row[HEADING] % 4]
        beside = STEPS[(row[HEADING] + 1) % 4]
        x, z, y = row[MOB_X] + 0.5, row[MOB_Z] + 0.5, float(row[MOB_Y])
        wide = row[SIZE] / 2 if row[KIND] == SLIME else 1.0
        for *edges, (red, green, blue) in PARTS[ALL_MOBS[row[KIND] - 1]]:
            near, far, half, side, low, high = (wide * edge for edge in edges)
            ends_x = [x + a * ahead[0] + s * beside[0] for a in (near, far) for s in (side - half, side + half)]
            ends_z = [z + a * ahead[1] + s * beside[1] for a in (near, far) for s in (side - half, side + half)]
            colour = red * 65536 + green * 256 + blue
            found.append((min(ends_x), max(ends_x), min(ends_z), max(ends_z), y + low, y + high, colour))
    return np.array(found, np.float64).reshape(-1, 7)
