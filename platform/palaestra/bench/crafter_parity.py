"""Steps the Crafter world and the reference package side by side, and reports the first difference."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_worlds.crafter.character import ACHIEVEMENTS, ACTIONS
from palaestra_worlds.crafter.player import ScriptedPlayer, sight_of
from palaestra_worlds.crafter.random import to_random_state
from palaestra_worlds.crafter.state import (
    AREA,
    FACING,
    FATIGUE,
    HEALTH,
    HEALTH_BEFORE,
    HEALTH_REWARDED,
    HUNGER,
    NUM_OBJECTS,
    RECOVERY,
    SLEEPING,
    STEP,
    THIRST,
    Levels,
    X,
    Y,
)
from palaestra_worlds.crafter.symbolic import COLUMNS, ROWS

from palaestra.bench.crafter_policies import Policy, at_random, fighter, sleeper, wanderer_of_borders
from palaestra.bench.crafter_reference import Reference, ReferenceState
from palaestra.bench.differences import ParityResult, same, same_array

RANDOM_ACTIONS = 0.03
"""Share of the scripted player's actions that are drawn instead."""
TOGETHER = 20
"""Environments that are compared at once: each reference holds textures of its own."""
_POLICIES: tuple[Policy | None, ...] = (None, at_random, None, fighter, None, sleeper, wanderer_of_borders, None)
"""By environment, over and over; None is the scripted player."""


@dataclass
class Happened:
    """What went on in compared steps, so that a reader sees that a comparison was not of idling players."""

    episodes: int = 0
    diamonds: int = 0
    night: int = 0
    asleep: int = 0
    hurt: int = 0
    border: int = 0
    achievements: set[str] = field(default_factory=set)

    def note(self, levels: Levels, health: NDArray[np.int32]) -> None:
        """Counts environments after a step; `health` (N,) is from before it."""
        x, y = levels.objects[:, 0, X], levels.objects[:, 0, Y]
        beside = (x < COLUMNS // 2) | (x >= AREA - COLUMNS // 2) | (y < ROWS // 2) | (y >= AREA - ROWS // 2)
        self.night += int(np.count_nonzero(levels.daylight < 0.5))
        self.asleep += int(np.count_nonzero(levels.status[:, SLEEPING]))
        self.hurt += int(np.count_nonzero(levels.inventory[:, HEALTH] < health))
        self.border += int(np.count_nonzero(beside))

    def unlocked(self, achievements: Mapping[str, int]) -> None:
        """Notes what an episode, ended or not, has reached."""
        self.achievements |= {name for name, times in achievements.items() if times}
        self.diamonds += achievements["collect_diamond"] > 0

    def sentence(self, images: bool) -> str:
        never = sorted(set(ACHIEVEMENTS) - self.achievements)
        return (
            f"Crafter: {self.night:,} of the steps were at night, {self.asleep:,} asleep, {self.border:,} within sight "
            f"of the world's border; in {self.hurt:,} health was lost. {len(self.achievements)} of the "
            f"{len(ACHIEVEMENTS)} achievements were unlocked"
            + (f" (not {', '.join(never)}). " if never else ". ")
            + ("The largest difference between two images is 0." if images else "Images were not compared.")
        )


def compare_crafter(
    seeds: Sequence[int],
    steps: int,
    images: bool = True,
    max_steps: int = 10_000,
    starting: Callable[[str], None] = lambda name: None,
) -> ParityResult:
    """Drives one environment for each seed through `steps` steps, never reseeding, with the same actions on both sides.

    Half are played by the scripted player, which goes as far as a diamond; the others at random, by one that fights,
    one that sleeps, one that keeps to the borders. Compared are the image, the semantic view, reward, end,
    achievements, and the whole state: map, objects, everything that is counted, the random stream.

    Args:
        seeds: one environment each.
        steps: steps of each environment; episodes begin anew within them.
        images: whether images are compared; without them it is three times as fast.
        max_steps: cuts episodes shorter on both sides.
        starting: told what is compared next.

    Raises:
        ParityError: at the first difference.
    """
    began = time.perf_counter()
    happened = Happened()
    for first in range(0, len(seeds), TOGETHER):
        some = seeds[first : first + TOGETHER]
        starting(f"Crafter, seeds {some[0]} to {some[-1]} of {seeds[0]} to {seeds[-1]}")
        _compare_some(some, steps, images, max_steps, happened)
    return ParityResult(
        "Crafter",
        len(seeds),
        steps * len(seeds),
        happened.episodes,
        happened.diamonds,
        time.perf_counter() - began,
        (happened.sentence(images),),
    )


def _compare_some(seeds: Sequence[int], steps: int, images: bool, max_steps: int, happened: Happened) -> None:
    references = [Reference(images=images, seed=seed, length=max_steps) for seed in seeds]
    observation = "image" if images else "symbolic"
    world: Any = palaestra_worlds.make(
        "Crafter", num_envs=len(seeds), observation=observation, semantic=True, max_steps=max_steps
    )
    observations, infos = world.reset(seed=list(seeds))
    for i, (reference, seed) in enumerate(zip(references, seeds, strict=True)):
        where = f"Crafter seed {seed} at reset"
        _same_now(where, reference, reference.reset(), world._levels, observations, i)
        same_array(where, "semantic view", reference.semantic, infos["semantic"][i])
    players = [ScriptedPlayer(seed) for seed in seeds]
    randoms = [np.random.default_rng(seed) for seed in seeds]
    for step in range(steps):
        choices = zip(references, players, randoms, seeds, strict=True)
        actions = [_choose(world._levels, i, *choice) for i, choice in enumerate(choices)]
        health = world._levels.inventory[:, HEALTH].copy()
        observations, rewards, terminated, truncated, infos = world.step(actions)
        happened.note(world._levels, health)
        for i, reference in enumerate(references):
            where = f"Crafter seed {seeds[i]} step {step} action {ACTIONS[actions[i]]}"
            seen, reward, done, info = reference.step(actions[i])
            same(where, "reward", float(reward), float(rewards[i]))
            same(where, "end", bool(done), bool(terminated[i] or truncated[i]))
            same(where, "death", info["discount"] == 0, bool(terminated[i]))
            semantic = infos["final_info"]["semantic"] if done else infos["semantic"]
            same_array(where, "semantic view", info["semantic"], semantic[i])
            if done:
                happened.episodes += 1
                happened.unlocked(info["achievements"])
                _same_end(where, seen, info, infos, i)
                seen = reference.reset()
                players[i] = ScriptedPlayer(seeds[i])
            _same_now(where, reference, seen, world._levels, observations, i)
    for reference in references:
        happened.unlocked(dict(zip(ACHIEVEMENTS, reference.state().achievements.tolist(), strict=True)))
    world.close()


def _choose(
    levels: Levels, i: int, reference: Reference, player: ScriptedPlayer, random: np.random.Generator, seed: int
) -> int:
    policy = _POLICIES[seed % len(_POLICIES)]
    if policy is not None:
        return policy(reference, random)
    if random.random() < RANDOM_ACTIONS:
        return at_random(reference, random)
    return player.act(sight_of(levels, i))


def _same_end(where: str, seen: Any, info: dict[str, Any], infos: dict[str, Any], i: int) -> None:
    """The last observation, and what the episode reached."""
    reached = [times > 0 for times in info["achievements"].values()]
    same(where, "achievements", reached, infos["episode"]["objectives"][i].tolist())
    if seen is not None:
        same_array(where, "final image", seen, infos["final_obs"][i]["image"])


def _same_now(
    where: str, reference: Reference, seen: Any, levels: Levels, observations: dict[str, Any], i: int
) -> None:
    """The observation and the state."""
    if seen is not None:
        same_array(where, "image", seen, observations["image"][i])
    for name, expected, found in _state(reference.state(), levels, i):
        same_array(where, name, expected, found)


def _state(expected: ReferenceState, levels: Levels, i: int) -> list[tuple[str, Any, Any]]:
    """(name, the reference's, ours)."""
    status = levels.status[i]
    stream: dict[str, Any] = to_random_state(levels.random[i]).get_state(legacy=False)["state"]  # pyright: ignore
    counters = [status[HUNGER] / 2, status[THIRST] / 2, status[FATIGUE], status[RECOVERY] / 2]
    scalars = [status[column] for column in (HEALTH_BEFORE, HEALTH_REWARDED, FACING, SLEEPING, STEP)]
    return [
        ("map", expected.materials, levels.materials[i]),
        ("objects (kind, x, y, health, timer, heading)", expected.objects, levels.objects[i, : status[NUM_OBJECTS]]),
        ("inventory", expected.inventory, levels.inventory[i]),
        ("achievements", expected.achievements, levels.achievements[i]),
        ("hunger, thirst, fatigue, recovery", expected.counters, counters),
        (
            "health before, health rewarded, facing, sleeping, step",
            [expected.health_before, expected.health_rewarded, expected.facing, expected.sleeping, expected.step],
            scalars,
        ),
        ("daylight", expected.daylight, levels.daylight[i]),
        ("random stream", expected.random["key"], stream["key"]),
        ("place in the random stream", expected.random["pos"], stream["pos"]),
    ]
