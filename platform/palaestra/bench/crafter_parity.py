"""Steps the Crafter world and the reference package side by side, and reports the first difference."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_worlds.crafter.character import ACHIEVEMENTS, ACTIONS
from palaestra_worlds.crafter.player import ScriptedPlayer, sight_of
from palaestra_worlds.crafter.random import to_random_state
from palaestra_worlds.crafter.state import (
    FACING,
    FATIGUE,
    HEALTH_BEFORE,
    HEALTH_REWARDED,
    HUNGER,
    NUM_OBJECTS,
    RECOVERY,
    SLEEPING,
    STEP,
    THIRST,
    Levels,
)

from palaestra.bench.crafter_reference import Reference, ReferenceState
from palaestra.bench.differences import ParityResult, same, same_array

RANDOM_ACTIONS = 0.03
"""Share of the scripted player's actions that are drawn instead."""
ALL_RANDOM = 4
"""Of so many environments one acts at random only."""
_DIAMOND = ACHIEVEMENTS.index("collect_diamond")


def compare_crafter(seeds: Sequence[int], steps: int, images: bool = True, max_steps: int = 10_000) -> ParityResult:
    """Drives one environment for each seed through `steps` steps, never reseeding, with the same actions on both sides.

    Most are played by the scripted player, which goes as far as a diamond, some at random. Compared are the image, the
    semantic view, reward, end, achievements, and the whole state: map, objects, everything that is counted, the random
    stream.

    Args:
        seeds: one environment each.
        steps: steps of each environment; episodes begin anew within them.
        images: whether images are compared; without them it is three times as fast.
        max_steps: cuts episodes shorter on both sides.

    Raises:
        ParityError: at the first difference.
    """
    began = time.perf_counter()
    references = [Reference(images=images, seed=seed, length=max_steps) for seed in seeds]
    world: Any = palaestra_worlds.make(
        "Crafter",
        num_envs=len(seeds),
        observation="image" if images else "symbolic",
        semantic=True,
        max_steps=max_steps,
    )
    observations, infos = world.reset(seed=list(seeds))
    for i, (reference, seed) in enumerate(zip(references, seeds, strict=True)):
        where = f"Crafter seed {seed} at reset"
        _same_now(where, reference, reference.reset(), world._levels, observations, i)
        same_array(where, "semantic view", reference.semantic, infos["semantic"][i])
    players = [ScriptedPlayer(seed) for seed in seeds]
    random = np.random.default_rng(seeds[0])
    episodes = successes = 0
    for step in range(steps):
        actions = _choose(world._levels, players, random)
        observations, rewards, terminated, truncated, infos = world.step(actions)
        for i, reference in enumerate(references):
            where = f"Crafter seed {seeds[i]} step {step} action {ACTIONS[actions[i]]}"
            seen, reward, done, info = reference.step(int(actions[i]))
            same(where, "reward", float(reward), float(rewards[i]))
            same(where, "end", bool(done), bool(terminated[i] or truncated[i]))
            same(where, "death", info["discount"] == 0, bool(terminated[i]))
            semantic = infos["final_info"]["semantic"] if done else infos["semantic"]
            same_array(where, "semantic view", info["semantic"], semantic[i])
            if done:
                episodes += 1
                successes += info["achievements"]["collect_diamond"] > 0
                _same_end(where, seen, info, infos, i)
                seen = reference.reset()
                players[i] = ScriptedPlayer(seeds[i])
            _same_now(where, reference, seen, world._levels, observations, i)
    # Episodes that are still going on count too.
    successes += sum(int(reference.state().achievements[_DIAMOND] > 0) for reference in references)
    world.close()
    return ParityResult("Crafter", len(seeds), steps * len(seeds), episodes, successes, time.perf_counter() - began)


def _choose(levels: Levels, players: list[ScriptedPlayer], random: np.random.Generator) -> NDArray[np.int64]:
    actions = random.integers(0, len(ACTIONS), len(players))
    for i, drawn in enumerate(random.random(len(players)) < RANDOM_ACTIONS):
        if not drawn and i % ALL_RANDOM != ALL_RANDOM - 1:
            actions[i] = players[i].act(sight_of(levels, i))
    return actions


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
