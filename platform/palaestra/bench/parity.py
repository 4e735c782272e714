"""Steps a fast world and the reference package side by side, and reports the first difference."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_worlds.registry import world_entries, world_provider

from palaestra.bench.results import BenchResults, BenchTable

Policy = Callable[[Any, NDArray[np.int64]], NDArray[np.int64]]
"""`policy(world, random_actions) -> actions`, for all environments."""


class ParityError(AssertionError):
    """The fast world and the reference gave something different; the message says what, where and when."""


_COUNTS = ("seeds", "steps", "episodes", "successes")


@dataclass(frozen=True)
class ParityResult:
    """What was compared without a difference."""

    id: str
    seeds: int
    steps: int
    """Steps compared, over all seeds."""
    episodes: int
    """Episodes that ended meanwhile, over all seeds."""
    successes: int
    seconds: float


def bench_parity(
    ids: Sequence[str] | None,
    seeds: int,
    steps: int,
    minutes: float = 0.0,
    starting: Callable[[str], None] = lambda name: None,
) -> BenchResults:
    """Everything that `palaestra bench parity` prints.

    Args:
        ids: what to compare; None for every MiniGrid id that can be served here.
        seeds: environments of each id in one pass; the next pass takes the seeds after them.
        steps: steps of each environment.
        minutes: passes go on for so long; at least one is made.
        starting: told the id before each comparison.

    Raises:
        ParityError: at the first difference.
        UnknownName: there is no such id.
        ValueError: an id cannot be served here; the message says what is missing.
    """
    served = [entry.id for entry in world_entries() if entry.id.startswith("MiniGrid-") and not entry.missing]
    chosen = list(ids) if ids else served
    for id in chosen:
        world_provider(id)
    until = time.monotonic() + 60.0 * minutes
    results: dict[str, list[ParityResult]] = {id: [] for id in chosen}
    for turn in itertools.count():
        for id in chosen:
            numbers = range(turn * seeds, (turn + 1) * seeds)
            starting(f"{id}, seeds {numbers[0]} to {numbers[-1]}")
            # Episodes cut to a third, so that at least three follow one another on one random stream.
            results[id].append(compare_minigrid(id, numbers, steps, max_steps=max(1, steps * 3 // 10)))
        if time.monotonic() >= until:
            break
    notes = [f"{e.id} cannot be compared: {e.missing}" for e in world_entries() if e.missing and not ids]
    figures = {id: {name: sum(getattr(r, name) for r in found) for name in _COUNTS} for id, found in results.items()}
    return BenchResults((_parity_table(figures),), figures, tuple(notes))


def _parity_table(figures: dict[str, dict[str, int]]) -> BenchTable:
    total = {name: sum(found[name] for found in figures.values()) for name in _COUNTS}
    rows = [
        (name, *(f"{found[count]:,}" for count in _COUNTS))
        for name, found in [*figures.items(), (f"all {len(figures)}", total)]
    ]
    return BenchTable(
        "Compared with the reference, step for step, without a difference",
        ("world", *_COUNTS),
        tuple(rows),
        "Image, direction, mission, reward, terminated, truncated and final observation, bit for bit; random actions.",
    )


def compare_minigrid(
    id: str,
    seeds: Sequence[int],
    steps: int,
    policy: Policy | None = None,
    observation: str = "partial",
    max_steps: int | None = None,
    reference: dict[str, Any] | None = None,
) -> ParityResult:
    """Drives one environment for each seed through `steps` steps, never reseeding, with the same actions on both sides.

    Args:
        id: a MiniGrid id.
        seeds: one environment each.
        steps: steps of each environment; episodes begin anew within them.
        policy: chooses actions; None for uniformly random ones.
        observation: "partial", "full" or "symbolic"; the reference wears its wrapper for the last two.
        max_steps: cuts episodes shorter on both sides, so that more of them begin; None: as the id has it.
        reference: further constructor keywords of the reference's class, on both sides.

    Raises:
        ParityError: at the first difference in observation, reward, end or final observation.
    """
    began = time.perf_counter()
    keywords = dict(reference or {}) | ({} if max_steps is None else {"max_steps": max_steps})
    references: list[Any] = [_reference(id, observation, keywords) for _ in seeds]
    world = palaestra_worlds.make(id, num_envs=len(seeds), observation=observation, reference=keywords)
    observations, _ = world.reset(seed=list(seeds))
    for i, (env, seed) in enumerate(zip(references, seeds, strict=True)):
        _same_observation(f"{id} seed {seed} at reset", env.reset(seed=seed)[0], observations, i)
    num_actions = int(cast(Any, world.single_action_space).n)
    random = np.random.default_rng(len(id))
    episodes = successes = 0
    for step in range(steps):
        actions = random.integers(0, num_actions, len(seeds))
        if policy is not None:
            actions = policy(world, actions)
        observations, rewards, terminated, truncated, infos = world.step(actions)
        for i, env in enumerate(references):
            where = f"{id} seed {seeds[i]} step {step} action {actions[i]}"
            seen, reward, *ends, _ = env.step(actions[i])
            _same(where, "reward", float(reward), float(rewards[i]))
            _same(where, "ends", [bool(end) for end in ends], [bool(terminated[i]), bool(truncated[i])])
            if any(ends):
                episodes += 1
                successes += reward > 0
                last = infos["final_obs"][i]
                _same_observation(f"{where} (final)", seen, {k: [v] for k, v in last.items()}, 0)
                seen = env.reset()[0]
            _same_observation(where, seen, observations, i)
    world.close()
    return ParityResult(id, len(seeds), steps * len(seeds), episodes, successes, time.perf_counter() - began)


def _reference(id: str, observation: str, keywords: dict[str, Any]) -> Any:
    import gymnasium
    from minigrid.wrappers import FullyObsWrapper, SymbolicObsWrapper

    wrappers = {"partial": lambda env: env, "full": FullyObsWrapper, "symbolic": SymbolicObsWrapper}
    return wrappers[observation](gymnasium.make(id, disable_env_checker=True, **keywords))


def _same(where: str, what: str, expected: Any, found: Any) -> None:
    if expected != found:
        raise ParityError(f"{where}: {what} is {found}, the reference gives {expected}")


def _same_observation(where: str, expected: dict[str, Any], batch: dict[str, Any], i: int) -> None:
    _same(where, "mission", expected["mission"], batch["mission"][i])
    _same(where, "direction", int(expected["direction"]), int(batch["direction"][i]))
    image = batch["image"][i]
    if image.dtype != expected["image"].dtype or not np.array_equal(image, expected["image"]):
        different = np.argwhere(np.asarray(image) != expected["image"])
        raise ParityError(
            f"{where}: image ({image.dtype}, reference {expected['image'].dtype}) differs in {len(different)} places, "
            f"first at {different[:1].tolist()}"
        )
