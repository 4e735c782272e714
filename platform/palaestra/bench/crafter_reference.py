"""The installed crafter with a defined order of objects, and its whole state in our engine's layout.

crafter keeps the objects of a chunk in a set, whose order depends on where objects lie in memory; it decides which
creature is taken out of a crowded chunk. Here that order is the order in which objects were created. Everything else
that crafter iterates over has an order already: its list of objects (creation), its dictionary of chunks (the order in
which an object first was in them) and small sets of materials and achievements that are only searched. No rule of
crafter is changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import crafter
import numpy as np
from crafter import constants, engine, objects
from numpy.typing import NDArray
from palaestra_worlds.crafter.state import ARROW, COW, DIRECTIONS, PLANT, PLAYER, SKELETON, ZOMBIE

KINDS = {
    objects.Player: PLAYER,
    objects.Cow: COW,
    objects.Zombie: ZOMBIE,
    objects.Skeleton: SKELETON,
    objects.Arrow: ARROW,
    objects.Plant: PLANT,
}
_DIRECTIONS = [tuple(direction) for direction in DIRECTIONS.tolist()]


class _InOrderOfCreation(set[Any]):
    """A chunk's objects, the oldest first."""

    def __init__(self, world: _OrderedWorld) -> None:
        super().__init__()
        self._world = world

    def __iter__(self) -> Iterator[Any]:
        # crafter never gives an object's index to another, and appends new ones.
        return iter(sorted(super().__iter__(), key=lambda found: self._world._obj_map[tuple(found.pos)]))


class _OrderedWorld(engine.World):
    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self._chunks = defaultdict(lambda: _InOrderOfCreation(self))


class Reference(crafter.Env):
    """crafter's environment with ordered objects.

    Args:
        images: whether `reset` and `step` give images. Without them (three times as fast) they give None; the random
            numbers that crafter draws for the noise of an image at night are drawn all the same.
        settings: as `crafter.Env` takes them.
    """

    def __init__(self, images: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self._images = images
        self._world.__class__ = _OrderedWorld

    def _obs(self) -> Any:
        if self._images:
            return super()._obs()
        if self._world.daylight < 0.5:
            pixels = self._local_view._grid * (self._size // self._view)
            self._world.random.uniform(32, 127, tuple(pixels))
        return None

    @property
    def semantic(self) -> NDArray[np.uint8]:
        """What `info["semantic"]` holds, which `reset` does not give."""
        return self._sem_view()

    def state(self) -> ReferenceState:
        """Everything that what happens next depends on."""
        player, known = cast(Any, self._player), cast(Any, constants)
        return ReferenceState(
            materials=self._world._mat_map.copy(),
            objects=np.array([_row(found) for found in self._world.objects], dtype=np.int64),
            inventory=np.array([player.inventory[name] for name in known.items], dtype=np.int64),
            achievements=np.array([player.achievements[name] for name in known.achievements], dtype=np.int64),
            counters=np.array([player._hunger, player._thirst, player._fatigue, player._recover], dtype=np.float64),
            health_before=int(player._last_health),
            health_rewarded=int(cast(Any, self._last_health)),
            facing=_DIRECTIONS.index(tuple(int(step) for step in player.facing)),
            sleeping=bool(player.sleeping),
            step=int(cast(Any, self._step)),
            chunks=tuple(self._world.chunks),
            daylight=float(self._world.daylight),
            random=self._world.random.get_state(legacy=False)["state"],
        )


class ReferenceState(NamedTuple):
    """The state of a `Reference`; columns, codes and orders are those of `palaestra_worlds.crafter.state`."""

    materials: NDArray[np.uint8]
    """(64, 64), indexed [x, y]."""
    objects: NDArray[np.int64]
    """(number of objects, 6): kind, x, y, health, timer, heading, in the order of creation; the player's health is 0
    here, and the heading of all but arrows, the timer of cows, arrows and the player."""
    inventory: NDArray[np.int64]
    """(16,)."""
    achievements: NDArray[np.int64]
    """(22,)."""
    counters: NDArray[np.float64]
    """(4,): hunger, thirst, fatigue, recovery, in crafter's units."""
    health_before: int
    """The player's health at the end of its last update, by which it wakes up when hurt."""
    health_rewarded: int
    """The player's health when the last reward was given."""
    facing: int
    sleeping: bool
    step: int
    chunks: tuple[tuple[int, int, int, int], ...]
    """(x from, x to, y from, y to) in the order of balancing."""
    daylight: float
    random: dict[str, Any]
    """`key` (624,) uint32 and `pos` of MT19937."""


def _row(found: Any) -> tuple[int, ...]:
    """An object's row in `ReferenceState.objects`."""
    kind = KINDS[type(found)]
    timer, heading = 0, 0
    if kind == ZOMBIE:
        timer = found.cooldown
    elif kind == SKELETON:
        timer = found.reload
    elif kind == PLANT:
        timer = found.grown
    elif kind == ARROW:
        heading = _DIRECTIONS.index(tuple(int(step) for step in found.facing))
    health = 0 if kind == PLAYER else int(found.health)
    return kind, int(found.pos[0]), int(found.pos[1]), health, int(timer), heading
