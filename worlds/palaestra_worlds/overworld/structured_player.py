"""The player of one environment of an Overworld, by structured actions: `structured.StructuredPlayer`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.overworld.controllers.apply import apply
from palaestra_worlds.overworld.controllers.approach import approach, approach_mob
from palaestra_worlds.overworld.controllers.attack import attack
from palaestra_worlds.overworld.controllers.build import build
from palaestra_worlds.overworld.controllers.dig_down import dig_to
from palaestra_worlds.overworld.controllers.equip import equip
from palaestra_worlds.overworld.controllers.explore import Search
from palaestra_worlds.overworld.controllers.failures import EpisodeOver, Failed, Stopped
from palaestra_worlds.overworld.controllers.go_up import go_up, is_underground
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.learned import LEARNED, Policies
from palaestra_worlds.overworld.controllers.limits import never
from palaestra_worlds.overworld.controllers.mine import mine
from palaestra_worlds.overworld.controllers.names import blocks_to_see
from palaestra_worlds.overworld.controllers.place import place
from palaestra_worlds.overworld.controllers.prey import in_sight, look_for, prey_named
from palaestra_worlds.overworld.controllers.safety import Safety
from palaestra_worlds.overworld.controllers.stations import craft, smelt
from palaestra_worlds.overworld.description import time_of_day
from palaestra_worlds.overworld.rules import load_rules
from palaestra_worlds.overworld.senses import Senses
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.task_lists import ALL_BIOMES
from palaestra_worlds.snapshots import pack_arrays, unpack_arrays
from palaestra_worlds.structured import ActionFeedback, ActionName, FailureKind, PlayerStatus, StructuredAction


def _explore(hands: Hands, action: StructuredAction) -> str:
    if action.object in load_rules().mobs:
        prey = prey_named(action.object)
        mob = in_sight(hands, prey, Counter()) or look_for(hands, prey, Counter())
        x, z, y = mob.cell
        return f"{action.object} is at x {x}, z {z}, height {y}."
    search = Search(hands, blocks_to_see(action.object))
    search.run(action.strategy)
    x, z, y = (int(n) for n in search.cells()[0])
    return f"{action.object} is at x {x}, z {z}, height {y}."


def _approach(hands: Hands, action: StructuredAction) -> str:
    if action.object in load_rules().mobs:
        x, z, y = approach_mob(hands, action.object)
        return f"{action.object} at x {x}, z {z}, height {y} is within reach."
    x, z, y = approach(hands, Search(hands, blocks_to_see(action.object)))
    return f"{action.object} at x {x}, z {z}, height {y} is within reach."


def _dig_down(hands: Hands, action: StructuredAction) -> str:
    assert action.level is not None
    if action.level < 1:
        raise Failed("impossible", "Below height 1 is bedrock, which nothing breaks.")
    dig_to(hands, action.level)
    if hands.senses.place[2] > action.level:
        raise Failed("unreachable", f"The way down ended at height {hands.senses.place[2]}.")
    return f"The height is {hands.senses.place[2]}."


def _go_up(hands: Hands, action: StructuredAction) -> str:
    return go_up(hands, action.level)


CONTROLLERS: dict[ActionName, Callable[[Hands, StructuredAction], str]] = {
    "equip": equip,
    "explore": _explore,
    "approach": _approach,
    "mine": mine,
    "attack": attack,
    "dig_down": _dig_down,
    "go_up": _go_up,
    "craft": craft,
    "smelt": smelt,
    "apply": apply,
    "place": place,
    "build": build,
}


class Environment(Protocol):
    """What a player asks of the world besides its senses; for the environment that it plays."""

    def describe(self, index: int) -> str: ...

    def snapshot_of(self, index: int) -> dict[str, NDArray[Any]]: ...

    def restore_to(self, index: int, arrays: Mapping[str, NDArray[Any]]) -> None: ...

    def identity(self) -> dict[str, Any]: ...


class OverworldPlayer:
    """See `structured.StructuredPlayer`.

    Args:
        senses: of the environment.
        environment: its world.
        index: which of the world's it is.
    """

    def __init__(self, senses: Senses, environment: Environment, index: int) -> None:
        self._environment, self._index = environment, index
        self._senses = senses
        self._hands = Hands(senses)
        self._policies: Policies = {}
        if senses.has_monsters:
            safety = Safety(self._hands)
            self._hands.guard, self._hands.rest = safety.fight_off, safety.stay_safe

    def use(self, policies: Policies) -> None:
        """Has learned controllers carry out these actions on blocks from now on; the others stay scripted.

        What a learned controller cannot do fails: no scripted one takes its place.
        """
        self._policies = dict(policies)

    @property
    def is_over(self) -> bool:
        return self._hands.is_over

    @property
    def has_succeeded(self) -> bool:
        return self._hands.has_succeeded

    @property
    def ticks_left(self) -> int:
        return max(0, self._senses.max_ticks - self._senses.clock)

    def status(self) -> PlayerStatus:
        senses, names = self._senses, numbers().items
        return PlayerStatus(
            inventory={names[item]: count for item, count in self._hands.inventory().items()},
            held=names[senses.held],
            biome=ALL_BIOMES[senses.biome],
            height=senses.place[2],
            is_underground=is_underground(self._hands),
            health=senses.health,
            food=senses.food,
            time_of_day=time_of_day(senses.time),
            ticks_left=self.ticks_left,
            seen=self._seen(),
        )

    def describe(self) -> str:
        seen = sorted(self.status().seen.items(), key=lambda entry: entry[1])
        words = ", ".join(f"{name} {far} cells away" for name, far in seen)
        return f"{self._environment.describe(self._index)}\nIt remembers, the nearest of each: {words or 'nothing'}."

    def perform(
        self, action: StructuredAction, ticks: int | None = None, stop: Callable[[], bool] = never
    ) -> ActionFeedback:
        senses, hands = self._senses, self._hands
        began = senses.clock
        hands.limits.begin(ticks, stop)
        hands.kept = 0
        failure: FailureKind | None = None
        lacking: dict[str, int] = {}
        try:
            message = self._controller(action)(hands, action)
        except Failed as failed:
            failure, message, lacking = failed.kind, failed.message, failed.lacking
        except Stopped:
            failure, message = "stopped", "It was stopped."
        except EpisodeOver:
            message = ""
        if hands.has_succeeded:
            failure, message = None, f"The goal is reached. {message}".strip()
        elif senses.health <= 0:
            failure, message = "died", f"The player died. {message}".strip()
        elif self.is_over and failure != "out_of_time":
            failure, message = "out_of_time", f"The episode's time is up. {message}".strip()
        return ActionFeedback(
            action=action,
            success=failure is None,
            message=message,
            failure=failure,
            lacking=lacking,
            ticks=senses.clock - began,
            status=self.status(),
        )

    def _controller(self, action: StructuredAction) -> Callable[[Hands, StructuredAction], str]:
        if action.name in self._policies and action.object not in load_rules().mobs:
            return partial(LEARNED[action.name], policies=self._policies)
        return CONTROLLERS[action.name]

    def snapshot(self) -> bytes:
        arrays = {f"environment/{name}": array for name, array in self._environment.snapshot_of(self._index).items()}
        asked = np.array(sorted(self._hands.asked.items()), np.int64).reshape(-1, 2)
        memory = {"seen": self._senses.seen, "looks": np.array(self._senses.looks), "asked": asked}
        return pack_arrays(self._identity(), arrays | memory)

    def restore(self, data: bytes) -> None:
        arrays = unpack_arrays(data, self._identity())
        part = "environment/"
        environment = {name.removeprefix(part): array for name, array in arrays.items() if name.startswith(part)}
        self._environment.restore_to(self._index, environment)
        self._senses.remember(arrays["seen"], int(arrays["looks"]))
        self._hands.asked = dict(arrays["asked"].tolist())

    def _identity(self) -> dict[str, Any]:
        """Of one environment, whichever of the batch it was."""
        return {**self._environment.identity(), "num_envs": 1, "player": True}

    def _seen(self) -> dict[str, int]:
        """Blocks that matter, and how far the nearest of each is."""
        values = np.flatnonzero(self._senses.counts[1:]) + 1
        wanted = values[_telling()[values - 1]]
        seen = self._senses.seen
        found: dict[str, int] = {}
        x, z, y = self._senses.place
        flat = np.flatnonzero(np.isin(seen, wanted))
        a, b, c = np.unravel_index(flat, seen.shape)
        far = np.abs(a - x) + np.abs(b - z) + np.abs(c - y)
        blocks = seen.ravel()[flat] - 1
        for block in np.unique(blocks):
            found[numbers().blocks[block]] = int(far[blocks == block].min())
        for mob in self._senses.mobs():
            found.setdefault(mob.kind, round(mob.distance))
        return found


def _telling() -> NDArray[np.bool_]:
    """Blocks that are worth a word: not air."""
    found: NDArray[Any] = np.ones(len(numbers().blocks), np.bool_)
    found[0] = False
    return found
