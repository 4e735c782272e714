"""Going about until something is seen: on the surface to where least is known, under ground by tunnels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.controllers.caves import best_cave_end, follow_cave
from palaestra_worlds.overworld.controllers.dig_down import dig_to
from palaestra_worlds.overworld.controllers.failures import FATAL, Failed
from palaestra_worlds.overworld.controllers.go_up import go_up, is_underground
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.names import Wanted, natural_of
from palaestra_worlds.overworld.controllers.tunnels import Tunnel, best_tunnel, news
from palaestra_worlds.overworld.paths import FREE, ROCK
from palaestra_worlds.overworld.state import HEIGHT, SEA_LEVEL, SIDE
from palaestra_worlds.overworld.task_lists import ALL_BIOMES
from palaestra_worlds.structured import Strategy

NEIGHBOURHOOD = 9
"""Cells around a place whose columns count as what can be learned there."""
LEARNED_ENOUGH = 12
"""Unknown columns around the most unknown place below which looking ends."""
MINING_LEVEL = 12
"""Above the lava, among the diamonds."""
BLIND_ALLEYS = 40
"""Goals that lead nowhere before one gives up."""
LAVA_HEIGHT = 11
"""Caves are full of lava below, in the game as here."""
MOST_TUNNELS = 2000
WORTH_A_WAY = 0.3
"""Cells that a cave must lay open for each tick of the way, for one to follow it before one digs down."""
ROUND = 30
"""Cells from the middle of the world, or of a place, at which one goes round it."""
ACROSS = np.pi * 5 / 6
"""Turn from one side of a place nearly to the opposite one."""
TUNNEL = 6
"""Cells dug before one thinks again."""
PATCH = 13
"""Cells from the middle of a biome that one digs through."""
SLOPE = 5
"""Cells by which ground may be lower than the highest and still be of the same mountains."""
FLOORS = 4
"""From one height of tunnels to the next below it: so many cells are seen from one."""


class Search:
    """Looks for blocks. Cells that could not be reached don't count as seen.

    Args:
        hands: of the player.
        found: what is looked for.
    """

    def __init__(self, hands: Hands, found: Wanted) -> None:
        self.hands = hands
        self.found = found
        self.values = np.array([block + 1 for block in sorted(found.blocks)], np.int64)
        self.given_up: set[tuple[int, int, int]] = set()

    def is_seen(self) -> bool:
        """Whether one is remembered that has not been given up."""
        counts = self.hands.senses.counts
        return int(counts[self.values].sum()) > len(self.given_up) if len(self.values) else False

    def cells(self) -> NDArray[np.int64]:
        """(T, 3): all that are remembered and have not been given up, the nearest first."""
        self.hands.limits.think()
        seen = self.hands.senses.seen
        wanted = np.zeros(len(self.hands.senses.counts), np.bool_)
        wanted[self.values] = True
        cells = np.argwhere(wanted[seen])
        still = {tuple(cell) for cell in cells.tolist()}
        self.given_up &= still
        if self.given_up:
            cells = np.array(sorted(still - self.given_up), np.int64).reshape(-1, 3)
        far = np.abs(cells - np.array(self.hands.senses.place)).sum(axis=1)
        return cells[np.argsort(far, kind="stable")]

    def strategy(self) -> Strategy:
        """Where such blocks are by nature."""
        natural = natural_of(self.found)
        deep = [one for one in natural if one.heights is not None or one.block == "stone"]
        return "underground" if natural and len(deep) == len(natural) else "surface"

    def run(self, strategy: Strategy | None) -> None:
        """Goes about until one is seen.

        Raises:
            Failed: everything within reach has been looked at.
        """
        if self.is_seen():
            return
        if (strategy or self.strategy()) == "underground":
            biomes = self.biomes()
            if biomes and (middle := _go_to_heights(self.hands, biomes, self.is_seen, self.found.name)):
                dig_through(self.hands, middle, self.highest(), self.is_seen)
            else:
                go_underground(self.hands, self.level(), self.highest(), self.is_seen, self.found.name)
        else:
            roam(self.hands, self.is_seen, self.found.name)

    def biomes(self) -> frozenset[int]:
        """Under which alone these ores lie; empty: they are no ores, or lie everywhere."""
        natural = natural_of(self.found)
        if not all(one.is_local_ore for one in natural):
            return frozenset()
        return frozenset(ALL_BIOMES.index(place) for one in natural for place in one.places)

    def level(self) -> int:
        """The height to look at under ground."""
        heights = [one.heights for one in natural_of(self.found) if one.heights is not None]
        if not heights:
            return max(MINING_LEVEL, self.hands.senses.place[2] - 8)
        lowest, highest = min(low for low, _ in heights), max(high for _, high in heights)
        return int(np.clip(MINING_LEVEL, lowest, max(lowest, highest - 1)))

    def highest(self) -> int:
        """Up to where they are."""
        heights = [one.heights[1] for one in natural_of(self.found) if one.heights is not None]
        return max(heights, default=HEIGHT)


def roam(hands: Hands, until: Callable[[], bool], name: str) -> None:
    """Goes to where on the surface least is known, again and again, until something holds."""
    avoided = np.zeros((SIDE, SIDE), np.bool_)
    if is_underground(hands):
        go_up(hands, None)
    for _ in range(BLIND_ALLEYS):
        if until():
            return
        goals = _places_to_learn_from(hands, avoided)
        if not len(goals):
            break
        hands.travel(goals, _until_learned(hands, until, goals))
        x, z = goals.mean(axis=0).astype(int)[:2]
        avoided[max(0, x - 2) : x + 3, max(0, z - 2) : z + 3] = True
    if not until():
        raise Failed("not_found", f"Everything around has been looked at on the surface, and there is no {name}.")


def patrol(hands: Hands, until: Callable[[], bool], across: tuple[float, float] | None = None) -> None:
    """Goes round on the surface once, past what is known already, until something holds.

    Args:
        hands: of the player.
        until: looked at after each step.
        across: x and z of a place that each way leads across, from one side to the other; None: round the world.
    """
    if is_underground(hands):
        go_up(hands, None)
    x, z, _ = hands.senses.place
    middle = across or (SIDE / 2 - 0.5, SIDE / 2 - 0.5)
    start = np.arctan2(z - middle[1], x - middle[0])
    for turn in range(1, 7):
        if until():
            return
        can_stand, heights = _places_to_stand(hands)
        angle = start + turn * (np.pi / 3 if across is None else ACROSS)
        a, b = middle[0] + ROUND * np.cos(angle), middle[1] + ROUND * np.sin(angle)
        cells = np.argwhere(can_stand)
        if not len(cells):
            return
        nearest = cells[np.abs(cells - np.array([a, b])).sum(axis=1).argsort(kind="stable")[:9]]
        hands.travel(np.column_stack([nearest, heights[nearest[:, 0], nearest[:, 1]]]).astype(np.int64), until)


def _known_columns(hands: Hands) -> NDArray[np.bool_]:
    """(SIDE, SIDE): whether the ground was seen there."""
    return np.asarray((hands.ground().kinds[hands.senses.seen[:, :, SEA_LEVEL - 6 :]] > FREE).any(axis=2))


def _unknown_around(hands: Hands, radius: int) -> NDArray[np.int64]:
    """(SIDE, SIDE): how many columns around each have not been seen."""
    return _sum_around((~_known_columns(hands)).astype(np.int64), radius)


def _sum_around(numbers: NDArray[np.int64], radius: int) -> NDArray[np.int64]:
    """(SIDE, SIDE): the sum over the square around each column, as far as it lies inside."""
    total = np.pad(numbers, ((radius + 1, radius), (radius + 1, radius))).cumsum(axis=0).cumsum(axis=1)
    width = 2 * radius + 1
    return total[width:, width:] - total[:-width, width:] - total[width:, :-width] + total[:-width, :-width]


def _until_learned(hands: Hands, until: Callable[[], bool], goals: NDArray[np.int64]) -> Callable[[], bool]:
    """Until it holds, or what was to be learned at the goal has been seen from afar."""
    x, z = (int(n) for n in goals.mean(axis=0)[:2])
    steps = [0]

    def is_enough() -> bool:
        if until():
            return True
        steps[0] += 1
        if steps[0] % 8:
            return False
        return int(_unknown_around(hands, NEIGHBOURHOOD)[x, z]) < LEARNED_ENOUGH

    return is_enough


def _places_to_stand(hands: Hands) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(SIDE, SIDE): whether one knows a place to stand on the surface, and its height."""
    kinds = hands.ground().kinds[hands.senses.seen]
    low = SEA_LEVEL - 4
    firm = (kinds[:, :, low - 1 : HEIGHT - 3] >= ROCK) & (kinds[:, :, low : HEIGHT - 2] == FREE)
    firm &= kinds[:, :, low + 1 : HEIGHT - 1] == FREE
    highest = firm.shape[2] - 1 - firm[:, :, ::-1].argmax(axis=2)
    return firm.any(axis=2), highest + low


def _places_to_learn_from(hands: Hands, avoided: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cells to stand on, close together, from where most is to be learned for the way there."""
    hands.limits.think()
    can_stand, heights = _places_to_stand(hands)
    can_stand &= ~avoided
    unknown = _unknown_around(hands, NEIGHBOURHOOD)
    x, z, _ = hands.senses.place
    a, b = np.mgrid[0:SIDE, 0:SIDE]
    far = np.abs(a - x) + np.abs(b - z)
    worth = np.where(can_stand & (far > 2) & (unknown >= LEARNED_ENOUGH), unknown - 1.5 * far, -1e9)
    best = np.unravel_index(int(worth.argmax()), worth.shape)
    if worth[best] <= -1e8:
        return np.zeros((0, 3), np.int64)
    near = can_stand & (np.abs(a - best[0]) <= 1) & (np.abs(b - best[1]) <= 1)
    cells = np.argwhere(near)
    return np.column_stack([cells, heights[near]]).astype(np.int64)


def _go_to_heights(
    hands: Hands, biomes: frozenset[int], until: Callable[[], bool], name: str
) -> tuple[int, int] | None:
    """Goes up the highest ground that is known, or else goes about, until one stands in a biome; gives x and z of the
    middle of the heights around, None if it was not found."""

    def is_there() -> bool:
        return hands.senses.biome in biomes or until()

    if not is_there():
        if is_underground(hands):
            go_up(hands, None)
        can_stand, heights = _places_to_stand(hands)
        cells = np.argwhere(can_stand)
        highest = cells[np.argsort(-heights[cells[:, 0], cells[:, 1]], kind="stable")[:9]]
        hands.travel(np.column_stack([highest, heights[highest[:, 0], highest[:, 1]]]).astype(np.int64), is_there)
    if not is_there():
        try:
            roam(hands, is_there, name)
        except Failed as failure:
            if failure.kind in FATAL:
                raise
            patrol(hands, is_there)
    if hands.senses.biome not in biomes:
        return None
    can_stand, heights = _places_to_stand(hands)
    x, z, _ = hands.senses.place
    near = _patch_around(x, z) & can_stand
    if not near.any():
        return x, z
    middle = np.argwhere(near & (heights >= heights[near].max() - SLOPE)).mean(axis=0)
    return int(middle[0]), int(middle[1])


def _patch_around(x: int, z: int) -> NDArray[np.bool_]:
    """(SIDE, SIDE): columns that belong to a biome's patch around one."""
    found = np.zeros((SIDE, SIDE), np.bool_)
    found[max(0, x - PATCH) : x + PATCH + 1, max(0, z - PATCH) : z + PATCH + 1] = True
    return found


def dig_through(hands: Hands, middle: tuple[int, int], highest: int, until: Callable[[], bool]) -> None:
    """Tunnels at one height after the other around a place, from above, until something holds.

    Raises:
        Failed: all of it has been looked at.
    """
    walls = np.zeros((SIDE, SIDE), np.bool_)
    around = _patch_around(*middle)[:, :, None]
    for level in range(highest - 2, LAVA_HEIGHT, -FLOORS):
        for _ in range(MOST_TUNNELS):
            if until():
                return
            y = hands.senses.place[2]
            if y < level:
                break
            if y > level:
                dig_to(hands, max(level, y - 4), until)
                continue
            worth = news(hands, 1, highest) * around
            tunnel = best_tunnel(hands, level, worth, walls)
            if tunnel is None:
                break
            _dig_on(hands, tunnel, walls, until)
    if not until():
        raise Failed("not_found", "All that lies under these mountains was looked at.")


def go_underground(hands: Hands, level: int, highest: int, until: Callable[[], bool], name: str) -> None:
    """Follows caves that are met up to some height, digs down to a level, tunnels there, until something holds."""
    walls, vain = np.zeros((SIDE, SIDE), np.bool_), np.zeros((SIDE, SIDE, HEIGHT), np.bool_)
    for _ in range(MOST_TUNNELS):
        if until():
            return
        y = hands.senses.place[2]
        end = best_cave_end(hands, LAVA_HEIGHT, highest, vain)
        if y > level + 1:
            if end is not None and end.rate > WORTH_A_WAY:
                follow_cave(hands, end, until, vain)
            else:
                dig_to(hands, max(level, y - 4), until)
            continue
        tunnel = best_tunnel(hands, level, news(hands, 1, highest), walls)
        if end is not None and (tunnel is None or end.rate > tunnel.rate):
            follow_cave(hands, end, until, vain)
        elif tunnel is None:
            break
        else:
            _dig_on(hands, tunnel, walls, until)
    if not until():
        raise Failed("not_found", f"There was no {name} along the tunnels at height {level}.")


def _dig_on(hands: Hands, tunnel: Tunnel, walls: NDArray[np.bool_], until: Callable[[], bool]) -> None:
    """Goes to where a tunnel begins, and digs its first cells."""
    if hands.senses.place[:2] != tunnel.start[:2] and not hands.travel(np.array([tunnel.start]), until, most=20_000):
        x, z = tunnel.start[:2]
        walls[x - 1 : x + 2, z - 1 : z + 2] = True
        return
    for cell in tunnel.cells[:TUNNEL]:
        if until():
            return
        if not hands.travel(cell[None], until, most=20_000):
            walls[cell[0], cell[1]] = True
            return
